/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MultiProcessor table: which processors, buses, I/O APICs and lines there are, for systems that read no ACPI. */
#pragma once
#include "hw/board.h"

typedef struct MpMachine {
    const Machine *m; /* its CPUs */
    uint64_t ioapic;  /* the first one's address */
    uint32_t level;   /* set of ISA lines that are level-triggered, and high when they ask */
} MpMachine;

/* The floating pointer with the table behind it, for a place below 1 MiB that is searched, at a multiple of 16. */
GBytes *mptable_make(const MpMachine *mp, uint32_t at);

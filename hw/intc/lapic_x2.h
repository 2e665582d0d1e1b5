/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of a local APIC as MSRs. */
#pragma once
#include "hw/intc/lapic.h"

/* In x2APIC mode, under the lock.  False: #GP(0). */
bool lapic_x2_read(Lapic *l, uint32_t number, uint64_t *value);
bool lapic_x2_write(Lapic *l, uint32_t number, uint64_t value);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables in a stretch of guest memory.
 * Spec: ACPI 6.3, 5.2. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { ACPI_HEADER_BYTES = 36 };

/* The stretch, from the guest's address `at` on. */
typedef struct AcpiTables {
    GByteArray *bytes;
    uint32_t at;
    uint32_t listed[8]; /* those that the XSDT names */
    unsigned listed_count;
} AcpiTables;

/* A table of a signature and revision, with what follows its header (taken); returns its address.  listed: in the XSDT. */
uint32_t acpi_add_table(AcpiTables *t, const char *signature, uint8_t revision, GByteArray *body,
                        bool listed);
/* XSDT and RSDP, behind all others; returns the address of the latter. */
uint32_t acpi_finish(AcpiTables *t);

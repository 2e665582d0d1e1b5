/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A writer of AML, the byte code of ACPI's namespace, and of resource descriptors.
 * Spec: ACPI 6.3, chapters 20 (AML) and 6.4 (resource data types).
 *
 * A list of terms grows at its end.  A term that has others in it takes the list of them, which is freed.
 *
 *     Aml *dev = aml_new();
 *     aml_name(dev, "_HID");
 *     aml_string(dev, "ACPI0013");
 *     aml_device(scope, "GED", dev); */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef GByteArray Aml;

static inline Aml *aml_new(void)
{
    return g_byte_array_new();
}

/* ---- names and data ---- */
void aml_path(Aml *a, const char *name); /* "GED", "\\_SB", "_SB.GED": segments of up to four letters */
void aml_name(Aml *a, const char *name); /* NameOp: its value is the next term */
void aml_int(Aml *a, uint64_t value);
void aml_string(Aml *a, const char *text);
void aml_eisa_id(Aml *a, const char *id); /* "PNP0501" */
void aml_package(Aml *a, unsigned count, Aml *elements);
void aml_buffer(Aml *a, Aml *bytes);

/* ---- the namespace ---- */
void aml_scope(Aml *a, const char *name, Aml *body);
void aml_device(Aml *a, const char *name, Aml *body);
void aml_method(Aml *a, const char *name, unsigned args, bool serialized, Aml *body);
/* Bytes of memory as an integer of `bits` bits. */
void aml_memory_field(Aml *a, const char *region, uint32_t at, uint32_t bytes, const char *field,
                      unsigned bits);

/* ---- statements ---- */
enum { AML_LOCAL0 = 0x60 };
void aml_store_to_local0(Aml *a, const char *name);             /* Local0 = NAME */
void aml_if_local0_has(Aml *a, uint64_t bits, Aml *statements); /* if (Local0 & bits) { } */
void aml_notify(Aml *a, const char *name, uint64_t value);

/* ---- resources ---- */
void aml_resource_io(Aml *r, uint16_t port, uint8_t count);
void aml_resource_irq(Aml *r, unsigned line); /* of the ISA bus: an edge, high */
void aml_resource_memory(Aml *r, uint32_t at, uint32_t bytes);
void aml_resource_interrupt(Aml *r, uint32_t line); /* a level, high */
/* What a bridge lets through, from first to last. */
void aml_resource_buses(Aml *r, uint16_t first, uint16_t last);
void aml_resource_ports(Aml *r, uint16_t first, uint16_t last);
void aml_resource_window(Aml *r, uint64_t first, uint64_t last);
void aml_resources(Aml *a, Aml *resources); /* _CRS */

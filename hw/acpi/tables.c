/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hw/acpi/tables.h. */
#include "hw/acpi/tables.h"

#include <string.h>

#include "util/bytes.h"

enum { ALIGN = 16, CHECKSUM = 9, RSDP_BYTES = 36, RSDP_OLD_BYTES = 20 };

static uint8_t check_byte(const uint8_t *p, unsigned bytes)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < bytes; i++) {
        sum += p[i];
    }
    return -sum;
}

static uint8_t *grow(AcpiTables *t, unsigned bytes, uint32_t *at)
{
    unsigned start = (t->bytes->len + ALIGN - 1) & -ALIGN, old = t->bytes->len;
    g_byte_array_set_size(t->bytes, start + bytes);
    memset(t->bytes->data + old, 0, start + bytes - old);
    *at = t->at + start;
    return t->bytes->data + start;
}

uint32_t acpi_add_table(AcpiTables *t, const char *signature, uint8_t revision, GByteArray *body, bool listed)
{
    uint32_t at, length = ACPI_HEADER_BYTES + body->len;
    uint8_t *p = grow(t, length, &at);
    memcpy(p, signature, 4);
    store_le(p + 4, 4, length);
    p[8] = revision;
    memcpy(p + 10, "LYRE  LYREBIRD", 14);
    store_le(p + 24, 4, 1);
    memcpy(p + 28, "LYRE", 4);
    store_le(p + 32, 4, 1);
    memcpy(p + ACPI_HEADER_BYTES, body->data, body->len);
    p[CHECKSUM] = check_byte(p, length);
    g_byte_array_unref(body);
    if (listed) {
        g_assert(t->listed_count < G_N_ELEMENTS(t->listed));
        t->listed[t->listed_count++] = at;
    }
    return at;
}

uint32_t acpi_finish(AcpiTables *t)
{
    GByteArray *list = g_byte_array_new();
    g_byte_array_set_size(list, 8 * t->listed_count);
    for (unsigned i = 0; i < t->listed_count; i++) {
        store_le(list->data + 8 * i, 8, t->listed[i]);
    }
    uint32_t xsdt = acpi_add_table(t, "XSDT", 1, list, false), at;
    uint8_t *p = grow(t, RSDP_BYTES, &at);
    memcpy(p, "RSD PTR ", 8);
    memcpy(p + 9, "LYRE  ", 6);
    p[15] = 2;
    store_le(p + 20, 4, RSDP_BYTES);
    store_le(p + 24, 8, xsdt);
    p[8] = check_byte(p, RSDP_OLD_BYTES);
    p[32] = check_byte(p, RSDP_BYTES);
    return at;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See acpi_loader.h.  Tables: ACPI 6.5, 5.2.5 (RSDP), 5.2.8 (XSDT), 5.2.9 (FADT).  The script is a list of commands of 128 bytes;
 * its form is what SeaBIOS and qboot read (tests/functional/test_x86_firmware.py boots both). */
#include "hw/i386/acpi_loader.h"

#include <string.h>

#include "util/bytes.h"

#define TABLES "etc/acpi/tables"
#define RSDP "etc/acpi/rsdp"

enum { COMMAND_BYTES = 128, NAME_BYTES = 56 };
enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3 };
enum { HIGH_ZONE = 1, LOW_SEGMENT = 2 }; /* anywhere below 4 GiB; F0000h to FFFFFh, where systems look */
enum { RSDP_BYTES = 36, RSDP_V1_BYTES = 20, RSDP_SUM = 8, RSDP_SUM_ALL = 32, RSDP_RSDT = 16, RSDP_XSDT = 24 };
enum { LENGTH = 4, SUM = 9, HEADER_BYTES = 36 };
enum { FADT_FACS = 36, FADT_DSDT = 40, FADT_X_FACS = 132, FADT_X_DSDT = 140 };

typedef struct Script {
    GByteArray *commands;
    uint8_t *tables;
    gsize size;
    uint32_t linked_at;
} Script;

static uint8_t *command(Script *s, uint32_t what, const char *file)
{
    uint8_t row[COMMAND_BYTES] = { 0 };
    store_le(row, 4, what);
    g_strlcpy((char *)row + 4, file, NAME_BYTES);
    g_byte_array_append(s->commands, row, sizeof(row));
    return s->commands->data + s->commands->len - sizeof(row);
}

static void allocate(Script *s, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *c = command(s, ALLOCATE, file);
    store_le(c + 60, 4, align);
    c[64] = zone;
}

static void add_checksum(Script *s, const char *file, uint32_t sum, uint32_t begin, uint32_t bytes)
{
    uint8_t *c = command(s, ADD_CHECKSUM, file);
    store_le(c + 60, 4, sum);
    store_le(c + 64, 4, begin);
    store_le(c + 68, 4, bytes);
}

/* The field gets the offset in the tables of what it points to; 0: nothing. */
static void add_pointer(Script *s, const char *file, uint8_t *bytes, uint32_t at, unsigned size)
{
    uint64_t to = load_le(bytes + at, size);
    if (to) {
        g_assert(to - s->linked_at < s->size);
        store_le(bytes + at, size, to - s->linked_at);
        uint8_t *c = command(s, ADD_POINTER, file);
        g_strlcpy((char *)c + 60, TABLES, NAME_BYTES);
        store_le(c + 116, 4, at);
        c[120] = size;
    }
}

static void link_fadt(Script *s, uint32_t at)
{
    uint32_t length = load_le(s->tables + at + LENGTH, 4);
    static const uint8_t fields[][2] = {
        { FADT_FACS, 4 }, { FADT_DSDT, 4 }, { FADT_X_FACS, 8 }, { FADT_X_DSDT, 8 }
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i][0] + fields[i][1] <= length) {
            add_pointer(s, TABLES, s->tables, at + fields[i][0], fields[i][1]);
        }
    }
    add_checksum(s, TABLES, at + SUM, at, length);
}

static void link_list(Script *s, uint32_t at, unsigned entry)
{
    uint32_t length = load_le(s->tables + at + LENGTH, 4);
    for (uint32_t i = HEADER_BYTES; i + entry <= length; i += entry) {
        uint32_t table = load_le(s->tables + at + i, entry) - s->linked_at;
        if (!memcmp(s->tables + table, "FACP", 4)) {
            link_fadt(s, table);
        }
        add_pointer(s, TABLES, s->tables, at + i, entry);
    }
    add_checksum(s, TABLES, at + SUM, at, length);
}

bool acpi_give_to_firmware(FwCfg *f, GBytes *tables, uint32_t linked_at, uint32_t rsdp, GError **err)
{
    Script s = { .commands = g_byte_array_new(), .linked_at = linked_at };
    gconstpointer bytes = g_bytes_get_data(tables, &s.size);
    s.tables = g_memdup2(bytes, s.size);
    uint8_t *root = s.tables + rsdp - linked_at;
    g_assert(rsdp - linked_at + RSDP_BYTES <= s.size && !memcmp(root, "RSD PTR ", 8));
    allocate(&s, RSDP, 16, LOW_SEGMENT);
    allocate(&s, TABLES, 64, HIGH_ZONE);
    uint32_t rsdt = load_le(root + RSDP_RSDT, 4), xsdt = load_le(root + RSDP_XSDT, 8);
    if (xsdt) {
        link_list(&s, xsdt - linked_at, 8);
    } else {
        link_list(&s, rsdt - linked_at, 4);
    }
    add_pointer(&s, RSDP, root, RSDP_RSDT, 4);
    add_pointer(&s, RSDP, root, RSDP_XSDT, 8);
    add_checksum(&s, RSDP, RSDP_SUM, 0, RSDP_V1_BYTES);
    add_checksum(&s, RSDP, RSDP_SUM_ALL, 0, RSDP_BYTES);
    g_autoptr(GBytes) script = g_byte_array_free_to_bytes(s.commands), first = g_bytes_new(root, RSDP_BYTES);
    g_autoptr(GBytes) rest = g_bytes_new_take(s.tables, s.size);
    return fw_cfg_add_file(f, RSDP, first, err) && fw_cfg_add_file(f, TABLES, rest, err) &&
           fw_cfg_add_file(f, "etc/table-loader", script, err);
}

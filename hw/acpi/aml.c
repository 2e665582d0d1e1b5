/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hw/acpi/aml.h. */
#include "hw/acpi/aml.h"

#include <string.h>

#include "util/bytes.h"

enum {
    NAME_OP = 0x08,
    BYTE = 0x0a,
    WORD = 0x0b,
    DWORD = 0x0c,
    STRING = 0x0d,
    QWORD = 0x0e,
    SCOPE = 0x10,
    BUFFER = 0x11,
    PACKAGE = 0x12,
    METHOD = 0x14,
    DUAL_NAME = 0x2e,
    MULTI_NAME = 0x2f,
    EXT = 0x5b,
    STORE = 0x70,
    AND = 0x7b,
    NOTIFY = 0x86,
    IF = 0xa0
};
enum { EXT_REGION = 0x80, EXT_FIELD = 0x81, EXT_DEVICE = 0x82 };
enum { NOTHING = 0, SEGMENT = 4, SYSTEM_MEMORY = 0, FIELD_DWORD = 0x43 /* writes fill with zeroes */ };

static void put(Aml *a, uint64_t value, unsigned bytes)
{
    uint8_t p[8];
    store_le(p, 8, value);
    g_byte_array_append(a, p, bytes);
}

static void take(Aml *a, Aml *from)
{
    g_byte_array_append(a, from->data, from->len);
    g_byte_array_unref(from);
}

/* PkgLength counts itself: one byte up to 63, else the low nibble first. */
static void put_length(Aml *a, unsigned content)
{
    unsigned more = content + 1 <= 0x3f ? 0 : content + 2 <= 0xfff ? 1 : content + 3 <= 0xfffff ? 2 : 3;
    unsigned length = content + 1 + more;
    put(a, more ? more << 6 | (length & 15) : length, 1);
    put(a, length >> 4, more);
}

static void put_block(Aml *a, Aml *content)
{
    put_length(a, content->len);
    take(a, content);
}

/* ---- names and data --------------------------------------------------------------------- */

static void put_segment(Aml *a, const char *name, size_t len)
{
    char padded[SEGMENT + 1] = "____";
    g_assert(len >= 1 && len <= SEGMENT);
    memcpy(padded, name, len);
    g_byte_array_append(a, (const uint8_t *)padded, SEGMENT);
}

void aml_path(Aml *a, const char *name)
{
    if (*name == '\\') {
        put(a, *name++, 1);
    }
    g_auto(GStrv) parts = g_strsplit(name, ".", -1);
    unsigned count = g_strv_length(parts);
    if (count == 2) {
        put(a, DUAL_NAME, 1);
    } else if (count > 2) {
        put(a, MULTI_NAME | count << 8, 2);
    }
    for (unsigned i = 0; i < count; i++) {
        put_segment(a, parts[i], strlen(parts[i]));
    }
}

void aml_name(Aml *a, const char *name)
{
    put(a, NAME_OP, 1);
    aml_path(a, name);
}

void aml_int(Aml *a, uint64_t value)
{
    static const struct {
        uint8_t op, bytes;
    } forms[] = { { BYTE, 1 }, { WORD, 2 }, { DWORD, 4 }, { QWORD, 8 } };
    if (value <= 1) { /* ZeroOp, OneOp */
        put(a, value, 1);
        return;
    }
    unsigned i = 0;
    while (value & ~bytes_mask(forms[i].bytes)) {
        i++;
    }
    put(a, forms[i].op, 1);
    put(a, value, forms[i].bytes);
}

void aml_string(Aml *a, const char *text)
{
    put(a, STRING, 1);
    g_byte_array_append(a, (const uint8_t *)text, strlen(text) + 1);
}

/* Three letters of five bits, four digits; most significant byte first (ACPI 6.3, 19.3.4). */
void aml_eisa_id(Aml *a, const char *id)
{
    uint32_t v = (uint32_t)(id[0] & 31) << 26 | (uint32_t)(id[1] & 31) << 21 | (uint32_t)(id[2] & 31) << 16;
    v |= (uint32_t)g_ascii_strtoull(id + 3, NULL, 16);
    put(a, DWORD, 1);
    put(a, GUINT32_SWAP_LE_BE(v), 4);
}

void aml_package(Aml *a, unsigned count, Aml *elements)
{
    Aml *content = aml_new();
    put(content, count, 1);
    take(content, elements);
    put(a, PACKAGE, 1);
    put_block(a, content);
}

void aml_buffer(Aml *a, Aml *bytes)
{
    Aml *content = aml_new();
    aml_int(content, bytes->len);
    take(content, bytes);
    put(a, BUFFER, 1);
    put_block(a, content);
}

/* ---- the namespace ----------------------------------------------------------------------------- */

static void named_block(Aml *a, const char *name, Aml *body)
{
    Aml *content = aml_new();
    aml_path(content, name);
    take(content, body);
    put_block(a, content);
}

void aml_scope(Aml *a, const char *name, Aml *body)
{
    put(a, SCOPE, 1);
    named_block(a, name, body);
}

void aml_device(Aml *a, const char *name, Aml *body)
{
    put(a, EXT | EXT_DEVICE << 8, 2);
    named_block(a, name, body);
}

void aml_method(Aml *a, const char *name, unsigned args, bool serialized, Aml *body)
{
    Aml *content = aml_new();
    aml_path(content, name);
    put(content, args | (serialized ? 8 : 0), 1);
    take(content, body);
    put(a, METHOD, 1);
    put_block(a, content);
}

void aml_memory_field(Aml *a, const char *region, uint32_t at, uint32_t bytes, const char *field,
                      unsigned bits)
{
    Aml *content = aml_new();
    put(a, EXT | EXT_REGION << 8, 2);
    aml_path(a, region);
    put(a, SYSTEM_MEMORY, 1);
    aml_int(a, at);
    aml_int(a, bytes);
    aml_path(content, region);
    put(content, FIELD_DWORD, 1);
    put_segment(content, field, strlen(field));
    put(content, bits, 1); /* below 64: as a length of one byte */
    put(a, EXT | EXT_FIELD << 8, 2);
    put_block(a, content);
}

/* ---- statements ------------------------------------------------------------------------------------- */

void aml_store_to_local0(Aml *a, const char *name)
{
    put(a, STORE, 1);
    aml_path(a, name);
    put(a, AML_LOCAL0, 1);
}

void aml_if_local0_has(Aml *a, uint64_t bits, Aml *statements)
{
    Aml *content = aml_new();
    put(content, AND | AML_LOCAL0 << 8, 2);
    aml_int(content, bits);
    put(content, NOTHING, 1);
    take(content, statements);
    put(a, IF, 1);
    put_block(a, content);
}

void aml_notify(Aml *a, const char *name, uint64_t value)
{
    put(a, NOTIFY, 1);
    aml_path(a, name);
    aml_int(a, value);
}

/* ---- resources (6.4.2, 6.4.3) --------------------------------------------------------------------------- */

void aml_resource_io(Aml *r, uint16_t port, uint8_t count)
{
    put(r, 0x47, 1);
    put(r, 1, 1); /* all 16 bits are decoded */
    put(r, port, 2);
    put(r, port, 2);
    put(r, 1, 1); /* aligned to */
    put(r, count, 1);
}

void aml_resource_irq(Aml *r, unsigned line)
{
    put(r, 0x22, 1);
    put(r, 1u << line, 2);
}

void aml_resource_memory(Aml *r, uint32_t at, uint32_t bytes)
{
    put(r, 0x86, 1);
    put(r, 9, 2);
    put(r, 1, 1); /* written, too */
    put(r, at, 4);
    put(r, bytes, 4);
}

void aml_resource_interrupt(Aml *r, uint32_t line)
{
    put(r, 0x89, 1);
    put(r, 6, 2);
    put(r, 1, 1); /* a consumer; level, high, of its own */
    put(r, 1, 1);
    put(r, line, 4);
}

/* Address spaces: granularity, first, last, translation, length. */
static void put_range(Aml *r, unsigned bytes, uint64_t first, uint64_t last)
{
    const uint64_t values[] = { 0, first, last, 0, last - first + 1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        put(r, values[i], bytes);
    }
}

enum { SPACE_MEMORY, SPACE_IO, SPACE_BUSES };
enum { FIXED = 0x0c, ALL_PORTS = 3, WRITABLE = 1 };

void aml_resource_buses(Aml *r, uint16_t first, uint16_t last)
{
    put(r, 0x88, 1);
    put(r, 13, 2);
    put(r, SPACE_BUSES | FIXED << 8, 3);
    put_range(r, 2, first, last);
}

void aml_resource_ports(Aml *r, uint16_t first, uint16_t last)
{
    put(r, 0x88, 1);
    put(r, 13, 2);
    put(r, SPACE_IO | FIXED << 8 | ALL_PORTS << 16, 3);
    put_range(r, 2, first, last);
}

void aml_resource_window(Aml *r, uint64_t first, uint64_t last)
{
    put(r, 0x8a, 1);
    put(r, 43, 2);
    put(r, SPACE_MEMORY | FIXED << 8 | WRITABLE << 16, 3);
    put_range(r, 8, first, last);
}

void aml_resources(Aml *a, Aml *resources)
{
    put(resources, 0x79, 2); /* the end, without a check */
    aml_name(a, "_CRS");
    aml_buffer(a, resources);
}

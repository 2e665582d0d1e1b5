/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mptable.h.
 * Spec: Intel, MultiProcessor Specification 1.4, chapter 4.
 *
 * Not modelled: the IMCR (LINT0 lets the PIC through from the start: virtual wire mode); I/O APICs but the first. */
#include "hw/i386/mptable.h"

#include <string.h>

#include "target/x86_apic.h"
#include "util/bytes.h"

enum { POINTER_BYTES = 16, HEADER_BYTES = 44, VERSION = 4 };
enum { PROCESSOR, BUS, IOAPIC, INTERRUPT, LOCAL_INTERRUPT };
enum { KIND_INT, KIND_NMI, KIND_SMI, KIND_EXTINT };
enum { ENABLED = 1, BOOTS = 2, LAPIC_VERSION = 0x14, IOAPIC_VERSION = 0x20, ISA_LINES = 16, ALL_CPUS = 0xff };
enum { BY_BUS = 0, HIGH_LEVEL = 0x0d, CASCADE = 2, TIMER_PIN = 2, ISA_BUS = 0 };

static void put(GByteArray *t, const uint8_t *entry, unsigned bytes)
{
    g_byte_array_append(t, entry, bytes);
    store_le(t->data + 34, 2, load_le(t->data + 34, 2) + 1); /* of entries */
}

static void put_processors(GByteArray *t, const Machine *m)
{
    for (unsigned i = 0; i < m->cpu_count; i++) {
        uint8_t e[20] = { PROCESSOR, x86_apic_id(m->cpus[i]), LAPIC_VERSION, ENABLED | (i ? 0 : BOOTS) };
        store_le(e + 4, 4, 0x600); /* family 6 */
        store_le(e + 8, 4, 0x201); /* a floating-point unit, an APIC */
        put(t, e, sizeof(e));
    }
}

static uint8_t ioapic_id(const Machine *m)
{
    return MIN(x86_apic_id(m->cpus[m->cpu_count - 1]) + 1, 15);
}

static void put_interrupt(GByteArray *t, uint8_t type, uint8_t kind, uint8_t flags, uint8_t line, uint8_t to,
                          uint8_t pin)
{
    const uint8_t e[8] = { type, kind, flags, 0, ISA_BUS, line, to, pin };
    put(t, e, sizeof(e));
}

static void put_lines(GByteArray *t, const MpMachine *mp)
{
    for (unsigned line = 0; line < ISA_LINES; line++) {
        uint8_t flags = mp->level >> line & 1 ? HIGH_LEVEL : BY_BUS;
        if (line != CASCADE) {
            put_interrupt(t, INTERRUPT, KIND_INT, flags, line, ioapic_id(mp->m), line ? line : TIMER_PIN);
        }
    }
    put_interrupt(t, LOCAL_INTERRUPT, KIND_EXTINT, BY_BUS, 0, ALL_CPUS, 0);
    put_interrupt(t, LOCAL_INTERRUPT, KIND_NMI, BY_BUS, 0, ALL_CPUS, 1);
}

/* All bytes together are 0. */
static uint8_t check_byte(const uint8_t *p, unsigned bytes)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < bytes; i++) {
        sum += p[i];
    }
    return -sum;
}

GBytes *mptable_make(const MpMachine *mp, uint32_t at)
{
    GByteArray *t = g_byte_array_new();
    uint8_t pointer[POINTER_BYTES] = "_MP_", header[HEADER_BYTES] = "PCMP", io[8] = { IOAPIC };
    memcpy(header + 8, "LYREBIRDPC          ", 20);
    header[6] = VERSION;
    store_le(header + 36, 4, 0xfee00000);
    g_byte_array_append(t, header, sizeof(header));
    put_processors(t, mp->m);
    put(t, (const uint8_t[8]){ BUS, ISA_BUS, 'I', 'S', 'A', ' ', ' ', ' ' }, 8);
    io[1] = ioapic_id(mp->m);
    io[2] = IOAPIC_VERSION;
    io[3] = ENABLED;
    store_le(io + 4, 4, mp->ioapic);
    put(t, io, sizeof(io));
    put_lines(t, mp);
    store_le(t->data + 4, 2, t->len);
    t->data[7] = check_byte(t->data, t->len);
    store_le(pointer + 4, 4, at + POINTER_BYTES);
    pointer[8] = 1; /* in 16 bytes */
    pointer[9] = VERSION;
    pointer[10] = check_byte(pointer, POINTER_BYTES);
    g_byte_array_prepend(t, pointer, sizeof(pointer));
    return g_byte_array_free_to_bytes(t);
}

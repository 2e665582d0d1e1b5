/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info mem`: runs of pages with the same rights.
 *
 * The tables are the guest's: one that points to itself has 512^5 pages.  So no more than DUMP_MAX_TABLES are read (those of
 * 128 GiB in pages of 4 KiB), each in one piece; it says so when that was not all. */
#include <inttypes.h>

#include "target/i386/paging.h"

enum { DUMP_MAX_LINES = 4096, DUMP_MAX_TABLES = 65536, TABLE_BYTES = 4096 };
#define RIGHTS (PTE_W | PTE_U | PTE_NX) /* of all levels together */
#define SHOWN (RIGHTS | PTE_G | PTE_A | PTE_D)

typedef struct Dump {
    const X86CPU *x;
    const X86Paging *p;
    GString *out;
    uint64_t linear, phys, size, flags; /* the run so far */
    unsigned lines, tables;
} Dump;

static void dump_run(Dump *d)
{
    if (d->size && d->lines++ < DUMP_MAX_LINES) {
        const char text[] = { 'r',
                              d->flags & PTE_W ? 'w' : '-',
                              d->flags & PTE_NX ? '-' : 'x',
                              d->flags & PTE_U ? 'u' : '-',
                              d->flags & PTE_G ? 'g' : '-',
                              d->flags & PTE_A ? 'a' : '-',
                              d->flags & PTE_D ? 'd' : '-',
                              0 };
        g_string_append_printf(d->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", d->linear,
                               d->phys, d->size, text);
    }
    d->size = 0;
}

static void dump_page(Dump *d, uint64_t linear, uint64_t phys, uint64_t size, uint64_t flags)
{
    if (d->size && linear == d->linear + d->size && phys == d->phys + d->size && flags == d->flags) {
        d->size += size;
        return;
    }
    dump_run(d);
    d->linear = linear;
    d->phys = phys;
    d->size = size;
    d->flags = flags;
}

static bool dump_is_full(const Dump *d)
{
    return d->lines >= DUMP_MAX_LINES || d->tables >= DUMP_MAX_TABLES;
}

static uint64_t table_entry(const Dump *d, const void *table, unsigned i)
{
    return d->p->entry_bytes == 8 ? GUINT64_FROM_LE(((const uint64_t *)table)[i])
                                  : GUINT32_FROM_LE(((const uint32_t *)table)[i]);
}

/* Writable and the user's by all levels, not executable by one. */
static uint64_t joined_rights(const Dump *d, uint64_t above, uint64_t pte)
{
    uint64_t nx = x86_nx_on(d->x) ? PTE_NX : 0;
    return (above & pte & (PTE_W | PTE_U)) | ((above | pte) & nx);
}

static uint64_t sign_extended(const X86Paging *p, uint64_t linear)
{
    unsigned unused = p->va_bits > 32 ? 64 - p->va_bits : 0;
    return (int64_t)(linear << unused) >> unused;
}

static void dump_table(Dump *d, uint64_t at, unsigned level, uint64_t linear, uint64_t above)
{
    uint64_t table[TABLE_BYTES / sizeof(uint64_t)];
    unsigned bits = 12 + level * d->p->index_bits;
    d->tables++;
    if (dma_read(d->x->cpu.as, x86_a20(d->x, at), table, sizeof(table)) != BUS_OK) {
        return;
    }
    for (uint64_t i = 0; i < 1u << d->p->index_bits && !dump_is_full(d); i++) {
        uint64_t pte = table_entry(d, table, i), to = linear | i << bits,
                 rights = joined_rights(d, above, pte);
        if (!(pte & PTE_P)) {
            continue;
        }
        if (level == 0 || x86_pte_is_large(d->x, d->p, pte, level)) {
            uint64_t phys = x86_leaf_phys(d->p, 0, pte, bits);
            dump_page(d, sign_extended(d->p, to), phys, 1ull << bits, rights | (pte & (SHOWN & ~RIGHTS)));
        } else {
            dump_table(d, pte & PTE_ADDRESS, level - 1, to, rights);
        }
    }
}

static void dump_root(Dump *d)
{
    const X86State *s = &d->x->s;
    if (d->p != &x86_pagings[PAGING_PAE]) {
        uint64_t root = d->p->entry_bytes == 4 ? s->cr3 & 0xfffff000 : s->cr3 & PTE_ADDRESS;
        dump_table(d, root, d->p->levels - 1, 0, PTE_W | PTE_U);
        return;
    }
    for (uint64_t i = 0; i < 4; i++) {
        if (s->pdpte[i] & PTE_P) {
            dump_table(d, s->pdpte[i] & PTE_ADDRESS, d->p->levels - 1, i << 30, PTE_W | PTE_U);
        }
    }
}

void x86_dump_mmu(CPU *cpu, GString *out)
{
    const X86CPU *x = x86_cpu(cpu);
    X86PagingForm form = x86_paging_form(x);
    Dump d = { .x = x, .p = &x86_pagings[form], .out = out };
    if (form == PAGING_NONE) {
        g_string_append(out, "Paging is off\n");
        return;
    }
    g_string_append(out, "linear           physical         size             attr\n"
                         "---------------- ---------------- ---------------- -------\n");
    dump_root(&d);
    dump_run(&d);
    if (d.lines >= DUMP_MAX_LINES) {
        g_string_append_printf(out, "(more than %d runs: the rest is left out)\n", DUMP_MAX_LINES);
    } else if (d.tables >= DUMP_MAX_TABLES) {
        g_string_append_printf(out, "(more than %d page tables: the rest is left out)\n", DUMP_MAX_TABLES);
    }
}

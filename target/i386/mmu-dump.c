/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info mem` (target/page_runs.h). */
#include "target/i386/paging.h"
#include "target/page_runs.h"

#define RIGHTS (PTE_W | PTE_U | PTE_NX) /* of all levels together */
#define SHOWN (RIGHTS | PTE_G | PTE_A | PTE_D)

typedef struct Dump {
    const X86CPU *x;
    const X86Paging *p;
    PageRuns runs;
} Dump;

static void rights_text(uint64_t flags, char text[8])
{
    const char all[8] = { 'r',
                          flags & PTE_W ? 'w' : '-',
                          flags & PTE_NX ? '-' : 'x',
                          flags & PTE_U ? 'u' : '-',
                          flags & PTE_G ? 'g' : '-',
                          flags & PTE_A ? 'a' : '-',
                          flags & PTE_D ? 'd' : '-',
                          0 };
    memcpy(text, all, sizeof(all));
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
    uint64_t table[PAGE_TABLE_BYTES / sizeof(uint64_t)];
    unsigned bits = 12 + level * d->p->index_bits;
    if (!page_runs_read(&d->runs, d->x->cpu.as, x86_a20(d->x, at), table)) {
        return;
    }
    for (uint64_t i = 0; i < 1u << d->p->index_bits && !page_runs_full(&d->runs); i++) {
        uint64_t pte = page_table_entry(table, d->p->entry_bytes, i), to = linear | i << bits,
                 rights = joined_rights(d, above, pte);
        if (!(pte & PTE_P)) {
            continue;
        }
        if (level == 0 || x86_pte_is_large(d->x, d->p, pte, level)) {
            uint64_t phys = x86_leaf_phys(d->p, 0, pte, bits);
            page_runs_add(&d->runs, sign_extended(d->p, to), phys, 1ull << bits,
                          rights | (pte & (SHOWN & ~RIGHTS)));
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
    Dump d = { .x = x, .p = &x86_pagings[form], .runs = { .out = out, .rights = rights_text } };
    if (form == PAGING_NONE) {
        g_string_append(out, "Paging is off\n");
        return;
    }
    page_runs_begin(&d.runs, "linear", "physical");
    dump_root(&d);
    page_runs_end(&d.runs);
}

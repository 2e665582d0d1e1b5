/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page tables of sequences in S and U mode.
 *
 * The lower 4 GiB are mapped to themselves by the largest leaves, except for the windows: each shows the
 * first megabytes of RAM through leaves of one size.  A remap makes a leaf show other frames, which
 * are zero at the start, or (with exceptions) takes rights away from it, or puts it back. */
#include "seq-maker.h"

#include <string.h>

enum { PTE_V = 1, PTE_W = 4, PTE_U = 16, PTE_VRWXAD = 0xcf, OTHER_FRAMES = 4 << 20 };
enum { ROOT, MIDDLE, SMALL, OTHER }; /* pages of tables; Sv32 has no MIDDLE and OTHER */
enum { W_SMALL, W_LARGE, W_HUGE };

unsigned seq_window_count(const SeqProgram *p)
{
    return p->kind != SEQ_BARE_S && p->kind != SEQ_BARE_U ? 0 : p->xlen == 64 ? MAX_WINDOWS : 2;
}

uint64_t seq_window(const SeqProgram *p, unsigned n)
{
    uint64_t large = p->xlen == 64 ? 2 << 20 : 4 << 20;
    return n == W_HUGE ? 0xc0000000 : 0x40000000 + n * large;
}

static uint64_t table_at(const SeqProgram *p, unsigned table)
{
    return p->page_table + table * 4096;
}

static uint64_t leaf(const SeqProgram *p, uint64_t phys)
{
    return phys >> 12 << 10 | PTE_VRWXAD | (p->kind == SEQ_BARE_U ? PTE_U : 0);
}

static uint64_t entry_at(const SeqProgram *p, unsigned table, uint64_t index)
{
    return table_at(p, table) + index * (p->xlen / 8);
}

static void set_entry(Maker *m, unsigned table, uint64_t index, uint64_t pte)
{
    const SeqProgram *p = m->p;
    memcpy(p->image->data + (entry_at(p, table, index) - p->base), &pte, p->xlen / 8);
}

static uint64_t pointer(const SeqProgram *p, unsigned table)
{
    return table_at(p, table) >> 12 << 10 | PTE_V;
}

void seq_make_page_tables(Maker *m)
{
    SeqProgram *p = m->p;
    unsigned bits = p->xlen == 64 ? 30 : 22, entries = 4096 / (p->xlen / 8);

    g_assert(p->init - p->base <= 2 << 20); /* all data is seen in each window */
    for (uint64_t i = 0; i < entries && i << bits < UINT64_C(1) << 32; i++) {
        set_entry(m, ROOT, i, leaf(p, i << bits));
    }
    for (uint64_t i = 0; i < entries; i++) {
        set_entry(m, SMALL, i, leaf(p, p->base + (i << 12)));
        if (p->xlen == 64) {
            set_entry(m, OTHER, i, leaf(p, p->base + OTHER_FRAMES + (i << 21)));
        }
    }
    if (p->xlen == 64) {
        set_entry(m, ROOT, seq_window(p, W_SMALL) >> 30, pointer(p, MIDDLE));
        set_entry(m, MIDDLE, 0, pointer(p, SMALL));
        set_entry(m, MIDDLE, 1, leaf(p, p->base));
        set_entry(m, ROOT, seq_window(p, W_HUGE) >> 30, leaf(p, p->base));
    } else {
        set_entry(m, ROOT, seq_window(p, W_SMALL) >> 22, pointer(p, SMALL));
        set_entry(m, ROOT, seq_window(p, W_LARGE) >> 22, leaf(p, p->base));
    }
}

/* The entry of window n for an offset in it, and what it holds when it shows the other frames: a 1 GiB
 * leaf is split into leaves of 2 MiB, since there is no other RAM that is aligned. */
static uint64_t choose_entry(const SeqProgram *p, unsigned n, uint64_t offset, bool other, uint64_t *pte)
{
    uint64_t page = n == W_SMALL ? offset & ~UINT64_C(4095) : 0;

    *pte = n == W_HUGE && other ? pointer(p, OTHER) : leaf(p, p->base + page + (other ? OTHER_FRAMES : 0));
    if (n == W_SMALL) {
        return entry_at(p, SMALL, offset >> 12);
    }
    return n == W_LARGE && p->xlen == 64 ? entry_at(p, MIDDLE, 1)
                                         : entry_at(p, ROOT, seq_window(p, n) >> (p->xlen == 64 ? 30 : 22));
}

void seq_put_remap(Maker *m, unsigned index)
{
    SeqProgram *p = m->p;
    unsigned n = below(m, seq_window_count(p));
    bool other = below(m, 2), traps = p->flags & SEQ_WITH_TRAPS;
    uint64_t offset = p->data + (uint64_t)index * SEQ_DATA - p->base, pte, from = here(m);
    uint64_t entry = choose_entry(p, n, offset, other, &pte);

    if (traps && below(m, 4) == 0 && !(n == W_HUGE && other)) {
        pte &= ~(uint64_t)(below(m, 2) ? PTE_W : PTE_V);
    }
    if (n != W_SMALL) { /* any page of the leaf will do */
        offset = (uint64_t)below(m, 512) << 12;
    }
    seq_put_address(m, 5, entry);
    seq_put_address(m, 6, pte);
    put(m, enc_s(0x23, p->xlen == 64 ? 3 : 2, 5, 6, 0));
    seq_put_address(m, 5, seq_window(p, n) + offset);
    uint64_t fence = here(m);
    g_array_append_val(p->fences, fence);
    put(m, 0x12000073 | 5 << 15); /* sfence.vma t0 */
    p->insns += 2;
    seq_keep_whole(m, from);
}

void seq_program_widen_fences(SeqProgram *p)
{
    static const uint32_t all = 0x12000073;

    for (guint i = 0; i < p->fences->len; i++) {
        memcpy(p->image->data + (g_array_index(p->fences, uint64_t, i) - p->base), &all, 4);
    }
}

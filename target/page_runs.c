/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/page_runs.h"

#include <inttypes.h>

void page_runs_begin(PageRuns *r, const char *vaddr, const char *phys)
{
    g_string_append_printf(r->out,
                           "%-16s %-16s size             attr\n"
                           "---------------- ---------------- ---------------- -------\n",
                           vaddr, phys);
}

bool page_runs_full(const PageRuns *r)
{
    return r->lines >= PAGE_RUNS_MAX_LINES || r->tables >= PAGE_RUNS_MAX_TABLES;
}

bool page_runs_read(PageRuns *r, AddressSpace *as, uint64_t at, uint64_t table[PAGE_TABLE_BYTES / 8])
{
    r->tables++;
    return dma_read(as, at, table, PAGE_TABLE_BYTES) == BUS_OK;
}

uint64_t page_table_entry(const uint64_t *table, unsigned entry_bytes, unsigned i)
{
    return entry_bytes == 8 ? GUINT64_FROM_LE(table[i]) : GUINT32_FROM_LE(((const uint32_t *)table)[i]);
}

static void tell(PageRuns *r)
{
    if (r->size && r->lines++ < PAGE_RUNS_MAX_LINES) {
        char text[8];
        r->rights(r->flags, text);
        g_string_append_printf(r->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", r->vaddr, r->phys,
                               r->size, text);
    }
    r->size = 0;
}

void page_runs_add(PageRuns *r, uint64_t vaddr, uint64_t phys, uint64_t size, uint64_t flags)
{
    if (r->size && vaddr == r->vaddr + r->size && phys == r->phys + r->size && flags == r->flags) {
        r->size += size;
        return;
    }
    tell(r);
    r->vaddr = vaddr;
    r->phys = phys;
    r->size = size;
    r->flags = flags;
}

void page_runs_end(PageRuns *r)
{
    tell(r);
    if (r->lines >= PAGE_RUNS_MAX_LINES) {
        g_string_append_printf(r->out, "(more than %d runs: the rest is left out)\n", PAGE_RUNS_MAX_LINES);
    } else if (r->tables >= PAGE_RUNS_MAX_TABLES) {
        g_string_append_printf(r->out, "(more than %d page tables: the rest is left out)\n",
                               PAGE_RUNS_MAX_TABLES);
    }
}

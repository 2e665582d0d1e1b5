/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info mem`: what a walk through a guest's page tables finds, told as runs of pages with the same rights.
 *
 * The tables are the guest's: one that points to itself has 512^5 pages.  So no more than PAGE_RUNS_MAX_TABLES are read
 * (those of 128 GiB in pages of 4 KiB), each in one piece; it says so when that was not all. */
#ifndef TARGET_PAGE_RUNS_H
#define TARGET_PAGE_RUNS_H

#include "base/memory.h"

enum { PAGE_RUNS_MAX_LINES = 4096, PAGE_RUNS_MAX_TABLES = 65536, PAGE_TABLE_BYTES = 4096 };

typedef struct PageRuns {
    GString *out;
    void (*rights)(uint64_t flags, char text[8]); /* the last column: seven characters and their end */
    /* its own: the run so far (bytes), and what was told and read */
    uint64_t vaddr, phys, size, flags;
    unsigned lines, tables;
} PageRuns;

/* The head of the list; the columns of addresses are named. */
void page_runs_begin(PageRuns *r, const char *vaddr, const char *phys);
/* No more pages are wanted. */
bool page_runs_full(const PageRuns *r);
/* A table at `at`, physical; false: nothing can be read there. */
bool page_runs_read(PageRuns *r, AddressSpace *as, uint64_t at, uint64_t table[PAGE_TABLE_BYTES / 8]);
/* Entry i of a table, of 4 or 8 bytes, little-endian. */
uint64_t page_table_entry(const uint64_t *table, unsigned entry_bytes, unsigned i);
/* A page of `size` bytes; they come in the order of vaddr. */
void page_runs_add(PageRuns *r, uint64_t vaddr, uint64_t phys, uint64_t size, uint64_t flags);
void page_runs_end(PageRuns *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each cluster of a file is referred to: memory for what is referred to, however far apart that lies. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Counts Counts;

/* Memory for at most so many pages (COUNTS_PAGE clusters side by side, 4 bytes each). */
Counts *counts_new(unsigned pages_max);
enum { COUNTS_PAGE = 1024, COUNTS_PAGES_MAX = 1 << 18 }; /* of a check: 1 GiB, 2^28 clusters */
void counts_free(Counts *c);
/* So many more, up to UINT32_MAX.  False: it was not counted, as it is in a page for which there is no memory. */
bool counts_add(Counts *c, uint64_t index, uint32_t n);
uint32_t counts_get(const Counts *c, uint64_t index);
uint64_t counts_end(const Counts *c); /* behind the last one that is not 0 */
/* The first index from `index` on that may be not 0; UINT64_MAX: there is none. */
uint64_t counts_next(Counts *c, uint64_t index);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each cluster of a file is referred to: memory for what is referred to, however far apart that lies. */
#pragma once
#include <glib.h>
#include <stdint.h>

typedef struct Counts Counts;

Counts *counts_new(void);
void counts_free(Counts *c);
void counts_add(Counts *c, uint64_t index);
uint32_t counts_get(const Counts *c, uint64_t index);
uint64_t counts_end(const Counts *c); /* behind the last one that is not 0 */
/* The first index from `index` on that may be not 0; UINT64_MAX: there is none. */
uint64_t counts_next(const Counts *c, uint64_t index);

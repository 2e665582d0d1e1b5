/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address space that huge pages of the host fit into. */
#pragma once
#include <stdint.h>

enum {
    HUGE_PAGE = 2 << 20
}; /* bytes; of x86-64, and what other hosts with pages of 4 KiB have at that level */

/* `bytes` of address space without access, which begin with a huge page, for MAP_FIXED; counts as no memory (but for RLIMIT_AS).
 * MAP_FAILED, with errno: there is none. */
void *huge_pages_reserve(uint64_t bytes);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/huge_pages.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

void *huge_pages_reserve(uint64_t bytes)
{
    if (bytes > INT64_MAX) { /* fits nowhere, and sums below would wrap */
        errno = ENOMEM;
        return MAP_FAILED;
    }
    uint8_t *place =
        mmap(NULL, bytes + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) {
        return MAP_FAILED;
    }
    uint8_t *at = (uint8_t *)(((uintptr_t)place + HUGE_PAGE - 1) & -(uintptr_t)HUGE_PAGE);
    uint8_t *end = (uint8_t *)(((uintptr_t)at + bytes + 4095) & -(uintptr_t)4096);
    if (at > place) {
        munmap(place, at - place);
    }
    if (end < place + bytes + HUGE_PAGE) {
        munmap(end, place + bytes + HUGE_PAGE - end);
    }
    return at;
}

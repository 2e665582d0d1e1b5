/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the thread sanitizer cannot see, and is told (docs/recipes/thread-sanitizer.md).  In other builds: nothing. */
#pragma once
#include <stddef.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
/* The library's, which no header of it declares. */
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *at, size_t bytes,
                             const char *why);
#endif

/* What others wrote before they released `sync` (a lock of GLib's) is there. */
static inline void sanitizer_acquired(void *sync)
{
#ifdef __SANITIZE_THREAD__
    __tsan_acquire(sync);
#endif
}

static inline void sanitizer_releases(void *sync)
{
#ifdef __SANITIZE_THREAD__
    __tsan_release(sync);
#endif
}

/* Whoever reads and writes these bytes does so by rules of his own. */
static inline void sanitizer_shared(void *at, size_t bytes, const char *why)
{
#ifdef __SANITIZE_THREAD__
    AnnotateBenignRaceSized(__FILE__, __LINE__, at, bytes, why);
#endif
}

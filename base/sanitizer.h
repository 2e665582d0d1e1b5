/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread sanitizer and guest memory. */
#pragma once
#include <stddef.h>

#ifdef __SANITIZE_THREAD__
/* Of its run time, which has no header. */
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *at, size_t bytes,
                             const char *why);
#endif

/* It has nothing to say of the bytes of guest memory: vCPUs and devices share them by the guest's
 * rules, and fences, which it does not model, stand for those (ram_mark_written, virtqueues). */
static inline void sanitizer_is_shared(void *host, size_t bytes)
{
#ifdef __SANITIZE_THREAD__
    AnnotateBenignRaceSized(__FILE__, __LINE__, host, bytes, "guest memory");
#endif
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/atomic128.h"

#ifdef __x86_64__
#define HOST_CAS128 __attribute__((target("cx16")))
#else
#define HOST_CAS128
#endif

HOST_CAS128 unsigned __int128 atomic_cas128(unsigned __int128 *p, unsigned __int128 expected,
                                            unsigned __int128 value)
{
    return __sync_val_compare_and_swap(p, expected, value);
}

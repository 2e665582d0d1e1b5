/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unsigned integers of 1, 2, 4 or 8 bytes at an address that may be unaligned.
 *
 * Each is one access of the host (a thread that looks on sees the old or the new value of an
 * aligned one, never a mixture), so these serve guest memory as well as fields of structs. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint16_t Unaligned16 __attribute__((aligned(1), may_alias));
typedef uint32_t Unaligned32 __attribute__((aligned(1), may_alias));
typedef uint64_t Unaligned64 __attribute__((aligned(1), may_alias));

/* The bits of so many bytes: 0xffff of 2. */
static inline uint64_t bytes_mask(unsigned size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

/* In the host's byte order: fields of structs. */
static inline uint64_t load_host(const void *p, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)p;
    case 2: return *(const Unaligned16 *)p;
    case 4: return *(const Unaligned32 *)p;
    case 8: return *(const Unaligned64 *)p;
    default: g_assert_not_reached();
    }
}

static inline void store_host(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *(uint8_t *)p = (uint8_t)v; return;
    case 2: *(Unaligned16 *)p = (uint16_t)v; return;
    case 4: *(Unaligned32 *)p = (uint32_t)v; return;
    case 8: *(Unaligned64 *)p = v; return;
    default: g_assert_not_reached();
    }
}

/* Compare and swap, sequentially consistent: what stood there; value stands there now if that was `expected`.
 * p is aligned. */
static inline uint64_t cas_host(void *p, unsigned size, uint64_t expected, uint64_t value)
{
    uint8_t e1 = (uint8_t)expected;
    uint16_t e2 = (uint16_t)expected;
    uint32_t e4 = (uint32_t)expected;
    const int order = __ATOMIC_SEQ_CST;
    switch (size) {
    case 1: __atomic_compare_exchange_n((uint8_t *)p, &e1, (uint8_t)value, false, order, order); return e1;
    case 2: __atomic_compare_exchange_n((uint16_t *)p, &e2, (uint16_t)value, false, order, order); return e2;
    case 4: __atomic_compare_exchange_n((uint32_t *)p, &e4, (uint32_t)value, false, order, order); return e4;
    case 8:
        __atomic_compare_exchange_n((uint64_t *)p, &expected, value, false, order, order);
        return expected;
    default: g_assert_not_reached();
    }
}

static inline uint64_t swap_uint(uint64_t v, unsigned size)
{
    return GUINT64_SWAP_LE_BE(v) >> (64 - 8 * size);
}

/* Little endian: guest memory, streams. */
static inline uint64_t load_le(const void *p, unsigned size)
{
    uint64_t v = load_host(p, size);
    return G_BYTE_ORDER == G_LITTLE_ENDIAN ? v : swap_uint(v, size);
}

static inline void store_le(void *p, unsigned size, uint64_t v)
{
    store_host(p, size, G_BYTE_ORDER == G_LITTLE_ENDIAN ? v : swap_uint(v, size));
}

static inline uint64_t cas_le(void *p, unsigned size, uint64_t expected, uint64_t value)
{
    if (G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        return cas_host(p, size, expected, value);
    }
    return swap_uint(cas_host(p, size, swap_uint(expected, size), swap_uint(value, size)), size);
}

/* Big endian: image formats. */
static inline uint64_t load_be(const void *p, unsigned size)
{
    uint64_t v = load_host(p, size);
    return G_BYTE_ORDER == G_BIG_ENDIAN ? v : swap_uint(v, size);
}

static inline void store_be(void *p, unsigned size, uint64_t v)
{
    store_host(p, size, G_BYTE_ORDER == G_BIG_ENDIAN ? v : swap_uint(v, size));
}

/* The low `size` bytes of v, behind what is there; the most significant first. */
static inline void append_be(GByteArray *to, unsigned size, uint64_t v)
{
    uint8_t raw[8];
    store_be(raw, size, v);
    g_byte_array_append(to, raw, size);
}

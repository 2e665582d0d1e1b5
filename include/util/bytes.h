/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A number of 1, 2, 4 or 8 bytes in memory, at any address.
 *
 * One access of the host each: of a number that is aligned other threads (vCPUs, devices) see the
 * old value or the new one, never half of each. */
#pragma once
#include <glib.h>
#include <stdint.h>

typedef uint16_t Unaligned16 __attribute__((aligned(1), may_alias));
typedef uint32_t Unaligned32 __attribute__((aligned(1), may_alias));
typedef uint64_t Unaligned64 __attribute__((aligned(1), may_alias));

/* In the host's order. */
static inline uint64_t load_host(const void *at, unsigned bytes)
{
    switch (bytes) {
    case 1: return *(const uint8_t *)at;
    case 2: return *(const Unaligned16 *)at;
    case 4: return *(const Unaligned32 *)at;
    default: return *(const Unaligned64 *)at;
    }
}

/* The low bytes of VALUE. */
static inline void store_host(void *at, unsigned bytes, uint64_t value)
{
    switch (bytes) {
    case 1: *(uint8_t *)at = value; break;
    case 2: *(Unaligned16 *)at = value; break;
    case 4: *(Unaligned32 *)at = value; break;
    default: *(Unaligned64 *)at = value; break;
    }
}

/* Little endian. */
static inline uint64_t load_le(const void *at, unsigned bytes)
{
    switch (bytes) {
    case 2: return GUINT16_FROM_LE(load_host(at, 2));
    case 4: return GUINT32_FROM_LE(load_host(at, 4));
    case 8: return GUINT64_FROM_LE(load_host(at, 8));
    default: return *(const uint8_t *)at;
    }
}

static inline void store_le(void *at, unsigned bytes, uint64_t value)
{
    switch (bytes) {
    case 2: store_host(at, 2, GUINT16_TO_LE(value)); break;
    case 4: store_host(at, 4, GUINT32_TO_LE(value)); break;
    case 8: store_host(at, 8, GUINT64_TO_LE(value)); break;
    default: *(uint8_t *)at = value; break;
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs of ../guest take from a C library. */
#include "bare.h"

#include <stdlib.h>
#include <string.h>

/* Where RAM is and no program: not in .bss, which is cleared at each start. */
enum { HEAP = 64 << 20, HEAP_BYTES = 64 << 20 };
static size_t used;

void *malloc(size_t bytes)
{
    void *p = (void *)(HEAP + used);
    used += (bytes + 63) & ~(size_t)63;
    return used <= HEAP_BYTES ? p : NULL;
}
void *calloc(size_t count, size_t bytes)
{
    return malloc(count * bytes); /* RAM is clear at the start, and nothing comes back */
}
void free(void *p)
{
    (void)p; /* one program runs, and ends */
}

/* As C libraries do without AVX: sixteen bytes at a time. */
typedef long long Chunk __attribute__((vector_size(16), aligned(1), may_alias));

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    for (; n >= 16; n -= 16, d += 16, s += 16) {
        *(Chunk *)d = *(const Chunk *)s;
    }
    while (n--) {
        *d++ = *s++;
    }
    return to;
}
void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *d = (unsigned char *)to + n;
    const unsigned char *s = (const unsigned char *)from + n;
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        return memcpy(to, from, n);
    }
    for (; n >= 16; n -= 16) {
        d -= 16, s -= 16;
        *(Chunk *)d = *(const Chunk *)s;
    }
    while (n--) {
        *--d = *--s;
    }
    return to;
}
void *memset(void *to, int byte, size_t n)
{
    unsigned char *d = to;
    Chunk c = (Chunk){ 1, 1 } * (0x0101010101010101ll * (unsigned char)byte);
    for (; n >= 16; n -= 16, d += 16) {
        *(Chunk *)d = c;
    }
    while (n--) {
        *d++ = byte;
    }
    return to;
}
size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) {
        n++;
    }
    return n;
}
int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--) {
        a++, b++;
    }
    return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

/* The programs of `atomics` ask the system to wait for a lock, which is never held. */
long syscall(long number, ...);
long syscall(long number, ...)
{
    (void)number;
    return -1;
}

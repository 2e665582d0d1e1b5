/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String instructions: long ones, short ones (where the start counts), single ones in loops. */
#include "bare.h"

enum { LONG = 1 << 17 };
static unsigned char a[LONG + 64], b[LONG + 64];

static void move(void *to, const void *from, uint64_t n)
{
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
static void store(void *to, uint64_t word, uint64_t n)
{
    asm volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(word) : "memory");
}
/* How many bytes are behind the first zero, or the first difference. */
static uint64_t scan(const void *at, uint64_t n)
{
    asm volatile("repne scasb" : "+D"(at), "+c"(n) : "a"(0) : "memory", "cc");
    return n;
}
static uint64_t compare(const void *p, const void *q, uint64_t n)
{
    asm volatile("repe cmpsb" : "+D"(p), "+S"(q), "+c"(n) : : "memory", "cc");
    return n;
}

static uint64_t long_moves(void)
{
    for (int i = 0; i < LONG; i++) {
        a[i] = i * 7;
    }
    for (int i = 0; i < 8000; i++) {
        move(b + (i & 15), a, LONG);
        a[i] = b[i * 13 & (LONG - 1)];
    }
    return b[77] + a[1234];
}

static uint64_t long_stores(void)
{
    for (int i = 0; i < 8000; i++) {
        store(a, (uint64_t)i * 0x0101010101010101, LONG / 8);
    }
    return a[5];
}

static uint64_t short_moves(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 6000000; i++) {
        move(b + (i & 1023), a + (i & 511), 8 + (i & 31));
        sum += b[i & 1023];
        a[i & 511] = i;
    }
    return sum;
}

static uint64_t short_stores(void)
{
    for (int i = 0; i < 6000000; i++) {
        store(a + (i & 1016), i, 1 + (i & 7));
    }
    return a[8];
}

static uint64_t scans(void)
{
    uint64_t sum = 0;
    store(a, ~0ull, LONG / 8);
    for (int i = 0; i < 150000; i++) {
        a[i & 1023] = 0;
        sum += scan(a, 1024);
        a[i & 1023] = 1;
    }
    return sum;
}

static uint64_t compares(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 150000; i++) {
        b[i & 1023]++;
        sum += compare(a, b, 1024);
        b[i & 1023]--;
    }
    return sum;
}

/* lodsb and stosb, as old programs loop. */
static uint64_t singles(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 300; i++) {
        const void *from = a;
        void *to = b;
        uint64_t n = LONG;
        asm volatile("1: lodsb\n\txor $0x5a, %%al\n\tstosb\n\tdec %2\n\tjnz 1b"
                     : "+S"(from), "+D"(to), "+r"(n)
                     :
                     : "rax", "memory", "cc");
        sum += b[i];
        a[i] = i;
    }
    return sum;
}

const Program string_programs[] = {
    { "strings", "rep-movs", long_moves },    { "strings", "rep-stos", long_stores },
    { "strings", "short-movs", short_moves }, { "strings", "short-stos", short_stores },
    { "strings", "repne-scas", scans },       { "strings", "repe-cmps", compares },
    { "strings", "lods-stos", singles },      { NULL, NULL, NULL },
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics that nobody contends for: what locks, reference counts and queues are made of. */
#include "bench.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t counters[512];
static uint32_t words[512];

static void clear(void)
{
    memset(counters, 0, sizeof(counters));
    memset(words, 0, sizeof(words));
}

/* AMOs whose result is used, and some whose result is not, of both sizes. */
static uint64_t fetch(void)
{
    uint64_t sum = 0;
    clear();
    for (int i = 0; i < 15000000; i++) {
        uint64_t *c = &counters[i & 511];
        uint32_t *w = &words[i & 511];
        sum += __atomic_fetch_add(c, i, __ATOMIC_RELAXED);
        sum ^= __atomic_exchange_n(w, i, __ATOMIC_ACQUIRE);
        sum += __atomic_fetch_or(w, 1u << (i & 31), __ATOMIC_ACQ_REL);
        __atomic_fetch_add(c, 3, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(w, ~7u, __ATOMIC_RELEASE);
    }
    return sum;
}

/* Load-reserved and store-conditional, as the kernel writes its loops; elsewhere what does the same. */
static inline uint64_t add_five(uint64_t *p)
{
#ifdef __riscv
    uint64_t old, next, failed;
    __asm__ volatile("1: lr.d %0, (%3)\n"
                     "   addi %1, %0, 5\n"
                     "   sc.d.rl %2, %1, (%3)\n"
                     "   bnez %2, 1b\n"
                     : "=&r"(old), "=&r"(next), "=&r"(failed)
                     : "r"(p)
                     : "memory");
    return old;
#else
    return __atomic_fetch_add(p, 5, __ATOMIC_RELEASE);
#endif
}

static uint64_t reserve(void)
{
    uint64_t sum = 0;
    clear();
    for (uint64_t i = 0; i < 25000000; i++) {
        sum += add_five(&counters[i & 511]);
    }
    return sum;
}

/* A load, some work, and a compare-and-swap that succeeds; now and then one that does not. */
static uint64_t swap(void)
{
    uint64_t sum = 0;
    clear();
    for (uint32_t i = 0; i < 25000000; i++) {
        uint32_t *w = &words[i & 511], old = __atomic_load_n(w, __ATOMIC_RELAXED), wrong = ~old;
        while (!__atomic_compare_exchange_n(w, &old, old * 5 + i, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        }
        if (i % 8 == 0) {
            sum += __atomic_compare_exchange_n(w, &wrong, 0, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
        }
        sum += old;
    }
    return sum;
}

/* A mutex as C libraries make one of a futex: 0 free, 1 held, 2 held and waited for. */
static void mutex_lock(uint32_t *m)
{
    uint32_t state = 0;
    if (__atomic_compare_exchange_n(m, &state, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return;
    }
    while (__atomic_exchange_n(m, 2, __ATOMIC_ACQUIRE)) {
        syscall(SYS_futex, m, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
    }
}

static void mutex_unlock(uint32_t *m)
{
    if (__atomic_exchange_n(m, 0, __ATOMIC_RELEASE) == 2) {
        syscall(SYS_futex, m, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static uint64_t mutex(void)
{
    static uint32_t m;
    uint64_t state = 11, sum = 0;
    clear();
    for (int i = 0; i < 20000000; i++) {
        mutex_lock(&m);
        counters[sum & 511] += i;
        sum += next_random(&state) >> 60;
        mutex_unlock(&m);
    }
    return sum;
}

/* Objects that are taken and put: counts up, counts down, and a test for the last one. */
static uint64_t count(void)
{
    static int32_t refs[512];
    uint64_t freed = 0;
    memset(refs, 0, sizeof(refs));
    for (int i = 0; i < 40000000; i++) {
        int32_t *r = &refs[i * 7 & 511];
        __atomic_fetch_add(r, 1, __ATOMIC_RELAXED);
        if (__atomic_fetch_sub(&refs[i * 3 & 511], 1, __ATOMIC_ACQ_REL) == 1) {
            freed++;
        }
    }
    return freed;
}

const Program atomic_programs[] = {
    { "atomics", "fetch", fetch }, { "atomics", "reserve", reserve }, { "atomics", "swap", swap },
    { "atomics", "mutex", mutex }, { "atomics", "count", count },     { NULL, NULL, NULL },
};

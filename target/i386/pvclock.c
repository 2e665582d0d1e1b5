/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM's clock for guests (kvmclock), where the processor is translated: a page from which a guest works out the time since its
 * start by its own time stamp counter, and the wall clock of that start.
 * Source: KVM's x86-msr.rst (MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK_NEW) and x86-cpuid.rst.
 *
 * The counter is the machine's virtual clock at a fixed rate, so what the page says holds until the counter is moved.
 *
 * Not modelled: steal time (its bit of CPUID is not offered). */
#include "base/clock.h"
#include "base/memory.h"
#include "target/i386/msr.h"
#include "util/bytes.h"

enum { ENABLED = 1, STABLE = 1, NS = 1000000000 };
enum { VERSION_BYTES = 4, TIME_BYTES = 32, WALL_BYTES = 12 };

/* A reader takes what stands between two equal, even versions. */
static void publish(X86CPU *x, uint64_t at, uint8_t *page, unsigned bytes)
{
    uint8_t version[VERSION_BYTES] = { 0 };
    dma_read(x->cpu.as, at, version, sizeof(version));
    uint32_t odd = load_le(version, VERSION_BYTES) | 1;
    store_le(page, VERSION_BYTES, odd);
    dma_write(x->cpu.as, at, page, bytes); /* where no RAM is, nobody reads */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le(version, VERSION_BYTES, odd + 1);
    dma_write(x->cpu.as, at, version, sizeof(version));
}

/* ns = ((ticks << shift) * mul) >> 32, a negative shift being one to the right; mul has its top bit set. */
static void scale(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    unsigned __int128 ratio = ((unsigned __int128)NS << 32) / hz;
    for (*shift = 0; ratio > UINT32_MAX; ratio >>= 1) {
        ++*shift;
    }
    for (; !(ratio >> 31); ratio <<= 1) {
        --*shift;
    }
    *mul = ratio;
}

void x86_pvclock_update(X86CPU *x)
{
    uint8_t page[TIME_BYTES] = { 0 };
    uint32_t mul;
    int8_t shift;
    if (!(x->s.pvclock_time & ENABLED)) {
        return;
    }
    int64_t now = clock_get_ns(x->cpu.clock, CLK_VIRTUAL);
    scale(x->tsc_khz * UINT64_C(1000), &mul, &shift);
    store_le(page + 8, 8, x86_tsc_at(x, now));
    store_le(page + 16, 8, now);
    store_le(page + 24, 4, mul);
    page[28] = (uint8_t)shift;
    page[29] = x86_has(x, X86_KVM_STABLE) ? STABLE : 0;
    publish(x, x->s.pvclock_time & ~(uint64_t)ENABLED, page, sizeof(page));
}

bool x86_pvclock_write_time(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    x->s.pvclock_time = value;
    x86_pvclock_update(x);
    return true;
}

bool x86_pvclock_write_wall(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f)
{
    uint8_t page[WALL_BYTES] = { 0 };
    int64_t start = g_get_real_time() * 1000 - clock_get_ns(x->cpu.clock, CLK_VIRTUAL);
    x->s.pvclock_wall = value;
    store_le(page + 4, 4, start / NS);
    store_le(page + 8, 4, start % NS);
    publish(x, value, page, sizeof(page));
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores that the processor makes by itself: descriptor tables, task state, stacks of handlers.
 *
 * Rights are not those of the running context, but there may be one that has them: its TLB is asked first.  An interrupt and its
 * return make some twenty of these accesses. */
#include "target/i386/mmu.h"

#include "target/vcpu.h"
#include "util/bytes.h"

enum { PAGE = 4096 };

/* The two stretches of one page each that an access has. */
typedef struct Stretch {
    uint64_t phys;
    unsigned bytes;
} Stretch;

void *x86_host(X86CPU *x, uint64_t linear, unsigned bytes, MmuAccess access, X86Rights who)
{
    CpuContextKey key;
    x86_data_key(x, who, &key);
    return cpu_system_host(&x->cpu, &key, x86_linear(x, linear), bytes, access);
}

static void note(X86CPU *x, uint64_t linear, MmuAccess access, X86Rights who, const MmuResult *m)
{
    CpuContextKey key;
    x86_data_key(x, who, &key);
    cpu_system_note(&x->cpu, &key, x86_linear(x, linear), access, m);
}

static bool stretches(X86CPU *x, uint64_t linear, unsigned bytes, MmuAccess access, X86Rights who,
                      Stretch s[2], X86Fault *f)
{
    unsigned first = MIN(bytes, PAGE - (linear & (PAGE - 1)));
    MmuResult out;
    s[1].bytes = bytes - first;
    if (!x86_translate(x, linear, access, who, &out, f)) {
        return false;
    }
    note(x, linear, access, who, &out);
    s[0] = (Stretch){ out.phys, first };
    if (s[1].bytes) {
        if (!x86_translate(x, linear + first, access, who, &out, f)) {
            return false;
        }
        s[1].phys = out.phys;
    }
    return true;
}

bool x86_check_alignment(X86CPU *x, uint64_t linear, unsigned alignment, X86Fault *f)
{
    if (!(linear & (alignment - 1)) || !x86_alignment_checked(x)) {
        return true;
    }
    return x86_fault(f, x86_canonical(x, linear) ? X86_EXC_AC : X86_EXC_GP, 0);
}

static uint64_t phys_read(X86CPU *x, uint64_t phys, MemOp mop)
{
    uint64_t value;
    return cpu_phys_load(&x->cpu, phys, mop, &value) ? value : UINT64_MAX >> (64 - 8 * memop_bytes(mop));
}

bool x86_load(X86CPU *x, uint64_t linear, unsigned bytes, X86Rights who, uint64_t *value, X86Fault *f)
{
    Stretch s[2];
    const void *host = x86_host(x, linear, bytes, MMU_READ, who);
    if (host) {
        *value = load_le(host, bytes);
        return true;
    }
    if (!stretches(x, linear, bytes, MMU_READ, who, s, f)) {
        return false;
    }
    if (!s[1].bytes) {
        *value = phys_read(x, s[0].phys, __builtin_ctz(bytes));
        return true;
    }
    *value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        uint64_t at = i < s[0].bytes ? s[0].phys + i : s[1].phys + (i - s[0].bytes);
        *value |= phys_read(x, at, MEM_8) << 8 * i;
    }
    return true;
}

bool x86_store(X86CPU *x, uint64_t linear, unsigned bytes, X86Rights who, uint64_t value, X86Fault *f)
{
    Stretch s[2];
    uint8_t buf[8];
    void *host = x86_host(x, linear, bytes, MMU_WRITE, who);
    if (host) {
        store_le(host, bytes, value);
        return true;
    }
    if (!stretches(x, linear, bytes, MMU_WRITE, who, s, f)) {
        return false;
    }
    store_le(buf, bytes, value);
    for (unsigned i = 0, done = 0; i < 2 && s[i].bytes; done += s[i++].bytes) {
        dma_write(x->cpu.as, s[i].phys, buf + done, s[i].bytes); /* where nothing answers it is lost */
    }
    return true;
}

bool x86_change_byte(X86CPU *x, uint64_t linear, uint8_t set, uint8_t clear, X86Fault *f)
{
    MmuResult out;
    uint64_t old;
    bool swapped = false;
    if (!x86_translate(x, linear, MMU_WRITE, RIGHTS_SYSTEM, &out, f)) {
        return false;
    }
    uint64_t word = out.phys & ~3ull;
    unsigned shift = 8 * (out.phys & 3);
    while (!swapped) {
        if (!cpu_phys_load(&x->cpu, word, MEM_32, &old)) {
            return true;
        }
        uint64_t changed = (old | (uint64_t)set << shift) & ~((uint64_t)clear << shift);
        if (!cpu_phys_cas(&x->cpu, word, MEM_32, old, changed, &swapped)) {
            return true; /* ROM: descriptors there stay as they are */
        }
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMPXCHG16B. */
#include "target/i386/helpers-priv.h"
#include "util/atomic128.h"

typedef unsigned __int128 Wide;

static Wide join(uint64_t high, uint64_t low)
{
    return (Wide)high << 64 | low;
}

/* Where it is not RAM: one after the other. */
static Wide cas_device(CPU *cpu, uint64_t at, Wide want, Wide with)
{
    uint64_t low = cpu_load(cpu, at, MEM_64), high = cpu_load(cpu, at + 8, MEM_64);
    Wide old = join(high, low), new = old == want ? with : old;
    cpu_store(cpu, at, MEM_64, new);
    cpu_store(cpu, at + 8, MEM_64, new >> 64);
    return old;
}

static uint64_t helper_cmpxchg16b(CPU *cpu, uint64_t at)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    uint64_t *gpr = x->s.gpr;
    x86_helper_done(x, at % sizeof(Wide) == 0 || x86_fault(&f, X86_EXC_GP, 0), &f);
    Wide want = join(gpr[X86_RDX], gpr[X86_RAX]), with = join(gpr[X86_RCX], gpr[X86_RBX]);
    Wide *host = cpu_atomic_host(cpu, at, sizeof(Wide), true);
    Wide old = host ? atomic_cas128(host, want, with) : cas_device(cpu, at, want, with);
    gpr[X86_RAX] = old;
    gpr[X86_RDX] = old >> 64;
    return old == want;
}
const IrHelper x86_helper_cmpxchg16b =
    IR_HELPER1("x86_cmpxchg16b", helper_cmpxchg16b, X86_HELPER_SYS | IRH_REPEAT, I64, I64);

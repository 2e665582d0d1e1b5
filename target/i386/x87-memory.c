/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See x87-memory.h. */
#include "target/i386/x87-memory.h"

#include "target/i386/cpu.h"
#include "target/vcpu.h"

enum { PAGE = 4096 };

/* Ten bytes are eight and two. */
static const MemOp sizes[] = {
    [X87_F32] = MEM_32,
    [X87_F64] = MEM_64,
    [X87_F80] = MEM_64,
    [X87_I16] = MEM_16 | MEM_SIGN,
    [X87_I32] = MEM_32 | MEM_SIGN,
    [X87_I64] = MEM_64,
    [X87_DECIMAL] = MEM_64,
};

static bool is_long(X87Format format)
{
    return format == X87_F80 || format == X87_DECIMAL;
}

uint64_t x87_linear(CPU *cpu, uint64_t at, unsigned k)
{
    return x86_64bit(x86_cpu(cpu)) ? at + k : (uint32_t)(at + k);
}

X87Operand x87_read(CPU *cpu, uint64_t at, X87Format format)
{
    X87Operand o = { .format = format, .low = cpu_load(cpu, at, sizes[format]) };
    if (is_long(format)) {
        o.high = cpu_load(cpu, x87_linear(cpu, at, 8), MEM_16);
    }
    return o;
}

static void probe(CPU *cpu, uint64_t at, unsigned bytes, MmuAccess access)
{
    for (unsigned k = 0; k < bytes;) {
        uint64_t from = x87_linear(cpu, at, k);
        unsigned n = MIN(bytes - k, PAGE - (from & (PAGE - 1)));
        cpu_probe(cpu, from, n, access);
        k += n;
    }
}

void x87_probe(CPU *cpu, uint64_t at, unsigned first, unsigned bytes, MmuAccess access)
{
    probe(cpu, at, first, access);
    cpu_probe(cpu, x87_linear(cpu, at, bytes - 1), 1, access);
    probe(cpu, at, bytes, access);
}

void x87_probe_write(CPU *cpu, uint64_t at, X87Format format)
{
    probe(cpu, at, is_long(format) ? 10 : memop_bytes(sizes[format]), MMU_WRITE);
}

void x87_write(CPU *cpu, uint64_t at, X87Format format, const X87Operand *o)
{
    if (is_long(format)) {
        if ((at & (PAGE - 1)) > PAGE - 10) {
            probe(cpu, at, 10, MMU_WRITE);
        }
        cpu_store(cpu, at, MEM_64, o->low);
        cpu_store(cpu, x87_linear(cpu, at, 8), MEM_16, o->high);
    } else {
        cpu_store(cpu, at, sizes[format] & MEM_SIZE, o->low);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory of the IR tests without an MMU: what cpu_load() and cpu_store() do is
 * written out here once more, byte by byte. */
#include <setjmp.h>

#include "target/vcpu.h"
#include "toy.h"

uint8_t *toy_ram;
static jmp_buf leave;

ToyCPU *toy_ram_init(void)
{
    static uint8_t bytes[TOY_RAM_SIZE];
    static ToyCPU toy;
    toy_ram = bytes;
    return &toy;
}

bool toy_catch(ToyCPU *toy, void (*fn)(void *opaque), void *opaque)
{
    if (setjmp(leave)) {
        return false;
    }
    fn(opaque);
    return true;
}

void cpu_loop_exit(CPU *cpu)
{
    longjmp(leave, 1);
}

static uint8_t *translate(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_bytes(mop);
    if (vaddr < TOY_RAM || vaddr - TOY_RAM > TOY_RAM_SIZE - bytes || ((mop & MEM_ALIGN) && vaddr % bytes)) {
        ((ToyCPU *)cpu)->fault = vaddr;
        cpu_loop_exit(cpu);
    }
    return toy_ram + (vaddr - TOY_RAM);
}

uint64_t cpu_load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    const uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
    return mop & MEM_SIGN ? (uint64_t)((int64_t)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes)) : v;
}

void cpu_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = value >> 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
}

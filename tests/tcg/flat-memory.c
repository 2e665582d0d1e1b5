/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory of the IR tests without an MMU: what loads and stores do is written
 * out here once more, byte by byte. */
#include <setjmp.h>

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

G_NORETURN static void fault(ToyCPU *toy, uint64_t vaddr)
{
    toy->fault = vaddr;
    longjmp(leave, 1);
}

static uint8_t *translate(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_bytes(mop);
    if (vaddr < TOY_RAM || vaddr - TOY_RAM > TOY_RAM_SIZE - bytes || ((mop & MEM_ALIGN) && vaddr % bytes)) {
        fault((ToyCPU *)cpu, vaddr);
    }
    return toy_ram + (vaddr - TOY_RAM);
}

static uint64_t load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    const uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
    return mop & MEM_SIGN ? (uint64_t)((int64_t)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes)) : v;
}

static void store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = value >> 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
}

const IrRuntime toy_runtime = {
    .load = load,
    .store = store,
    .exit_request = offsetof(CPU, exit_request),
};

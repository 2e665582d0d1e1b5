/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory of the IR tests without an MMU: what loads and stores do is written
 * out here once more, byte by byte. */
#include <setjmp.h>
#include <string.h>

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

static uint64_t load_extended(uint64_t v, MemOp mop)
{
    unsigned up = 64 - 8 * memop_bytes(mop);
    return mop & MEM_SIGN ? (uint64_t)((int64_t)(v << up) >> up) : v;
}

static uint64_t load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    const uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
    return load_extended(v, mop);
}

static void store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    uint8_t *p = translate(cpu, vaddr, mop);
    unsigned bytes = memop_bytes(mop);
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = value >> 8 * (mop & MEM_BE ? bytes - 1 - i : i);
    }
}

/* As signed and unsigned numbers of the size, of which one decides for each operation. */
static uint64_t combine(MemOp size, IrOp op, uint64_t a, uint64_t b)
{
    unsigned up = 64 - 8 * memop_bytes(size);
    uint64_t ua = a << up, ub = b << up;
    int64_t sa = (int64_t)ua, sb = (int64_t)ub;
    switch (op) {
    case IR_MOV: return b;
    case IR_ADD: return a + b;
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_MIN: return sa <= sb ? a : b;
    case IR_MAX: return sa >= sb ? a : b;
    case IR_MINU: return ua <= ub ? a : b;
    case IR_MAXU: return ua >= ub ? a : b;
    default: g_assert_not_reached();
    }
}

static uint64_t atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    MemOp plain = mop & (MEM_SIZE | MEM_ALIGN);
    uint64_t old = load(cpu, vaddr, plain);
    if (op != IR_CAS) {
        store(cpu, vaddr, plain, combine(mop & MEM_SIZE, op, old, value));
    } else if ((old ^ expected) << (64 - 8 * memop_bytes(mop)) == 0) {
        store(cpu, vaddr, plain, value);
    }
    return load_extended(old, mop);
}

static uint8_t *translate_vector(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_vector_bytes(mop);
    if (vaddr < TOY_RAM || vaddr > TOY_RAM + TOY_RAM_SIZE - bytes || ((mop & MEM_ALIGN) && vaddr % bytes)) {
        fault((ToyCPU *)cpu, vaddr);
    }
    return toy_ram + (vaddr - TOY_RAM);
}

static void load_vector(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t v[4])
{
    const uint8_t *p = translate_vector(cpu, vaddr, mop);
    memset(v, 0, 32);
    memcpy(v, p, memop_vector_bytes(mop));
}

static void store_vector(CPU *cpu, uint64_t vaddr, MemOp mop, const uint64_t v[4])
{
    memcpy(translate_vector(cpu, vaddr, mop), v, memop_vector_bytes(mop));
}

const IrRuntime toy_runtime = {
    .load = load,
    .store = store,
    .atomic = atomic,
    .exit_request = offsetof(CPU, exit_request),
    .load_vector = load_vector,
    .store_vector = store_vector,
};

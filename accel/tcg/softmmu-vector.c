/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors in guest memory when the inline TLB check missed: 8 bytes after another (of MMIO, too), once a store is known
 * to be allowed as a whole. */
#include <string.h>

#include "accel/tcg/softmmu.h"

/* Alignment comes before all else. */
static void check_alignment(CPU *cpu, uint64_t vaddr, MemOp mop, MmuAccess access)
{
    if (!(mop & MEM_ALIGN) || !(vaddr & (memop_vector_bytes(mop) - 1))) {
        return;
    }
    MmuFault fault = { .kind = FAULT_ALIGN, .access = access, .mop = mop, .vaddr = vaddr };
    cpu_restore_pc(cpu);
    cpu->arch->raise_fault(cpu, &fault);
    cpu_loop_exit(cpu);
}

/* Of its parts. */
static MemOp part_of(MemOp mop)
{
    return mop & MEM_WIDE ? MEM_64 : mop & MEM_SIZE;
}

void cpu_load_vector(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t v[4])
{
    unsigned count = (memop_vector_bytes(mop) + 7) / 8;
    check_alignment(cpu, vaddr, mop, MMU_READ);
    memset(v, 0, 4 * sizeof(v[0]));
    for (unsigned n = 0; n < count; n++) {
        v[n] = cpu_load(cpu, vaddr + 8 * n, part_of(mop));
    }
}

void cpu_store_vector(CPU *cpu, uint64_t vaddr, MemOp mop, const uint64_t v[4])
{
    unsigned bytes = memop_vector_bytes(mop), count = (bytes + 7) / 8;
    check_alignment(cpu, vaddr, mop, MMU_WRITE);
    if (count > 1) {
        cpu_probe(cpu, vaddr, bytes, MMU_WRITE);
    }
    for (unsigned n = 0; n < count; n++) {
        cpu_store(cpu, vaddr + 8 * n, part_of(mop), v[n]);
    }
}

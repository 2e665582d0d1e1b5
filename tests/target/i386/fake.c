/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake.h. */
#include "fake.h"

#include <string.h>

#include "target/vcpu.h"
#include "util/bytes.h"

static struct {
    X86CPU *x;
    MemoryRegion root, ram;
    VcpuOps ops;
    unsigned flushes;
    bool race;
    uint64_t race_phys, race_value;
} fake;

/* ---- the run time ---------------------------------------------------------- */

void cpu_restore_pc(CPU *cpu)
{
}

void cpu_loop_exit(CPU *cpu)
{
    g_error("no translated code runs here");
}

bool cpu_phys_load(CPU *cpu, uint64_t phys, MemOp mop, uint64_t *value)
{
    return memory_read(cpu->as, phys, memop_bytes(mop), value) == BUS_OK;
}

void *cpu_system_host(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    return NULL;
}

void cpu_system_note(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, MmuAccess access, const MmuResult *m)
{
}

bool cpu_phys_cas(CPU *cpu, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped)
{
    uint64_t old;
    if (fake.race) {
        fake.race = false;
        fake_put(fake.race_phys, 8, fake.race_value);
    }
    if (phys & (memop_bytes(mop) - 1) || !cpu_phys_load(cpu, phys, mop, &old)) {
        return false;
    }
    *swapped = old == expected;
    if (*swapped) {
        fake_put(phys, memop_bytes(mop), value);
    }
    return true;
}

static void flush(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid)
{
    fake.flushes++;
}

/* ---- life ------------------------------------------------------------------ */

X86CPU *fake_new(void)
{
    X86CPU *x = g_new0(X86CPU, 1);
    GError *err = NULL;
    memory_region_init_container(&fake.root, NULL, "root", UINT64_MAX);
    if (!memory_region_init_ram(&fake.ram, NULL, "ram", FAKE_RAM, &err)) {
        g_error("%s", err->message);
    }
    memory_region_add(&fake.root, 0, &fake.ram, 0);
    fake.ops = vcpu_ops_none;
    fake.ops.flush = flush;
    fake.x = x;
    fake.race = false;
    x->cpu.as = address_space_new(&fake.root, "fake");
    x->cpu.ops = &fake.ops;
    memset(x->feature, 0xff, sizeof(x->feature));
    x->phys_bits = 40;
    x->s.a20 = true;
    x->s.eflags = EFL_FIXED;
    fake.flushes = 0;
    return x;
}

void fake_free(X86CPU *x)
{
    memory_region_remove(&fake.root, &fake.ram);
    address_space_free(x->cpu.as);
    memory_region_finish(&fake.ram);
    memory_region_finish(&fake.root);
    g_free(x->register_table);
    g_free(x);
}

unsigned fake_flushes(void)
{
    unsigned n = fake.flushes;
    fake.flushes = 0;
    return n;
}

void fake_put(uint64_t phys, unsigned bytes, uint64_t value)
{
    uint8_t buf[8];
    store_le(buf, bytes, value);
    g_assert_cmpint(dma_write(fake.x->cpu.as, phys, buf, bytes), ==, BUS_OK);
}

uint64_t fake_get(uint64_t phys, unsigned bytes)
{
    uint8_t buf[8];
    g_assert_cmpint(dma_read(fake.x->cpu.as, phys, buf, bytes), ==, BUS_OK);
    return load_le(buf, bytes);
}

void fake_race(uint64_t phys, uint64_t value)
{
    fake.race = true;
    fake.race_phys = phys;
    fake.race_value = value;
}

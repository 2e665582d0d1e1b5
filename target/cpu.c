/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPUs of any architecture: life, requests to stop, memory as the debugger sees it,
 * breakpoints and watchpoints. */
#include "target/cpu.h"

#include <stdlib.h>
#include <string.h>

/* ---- life -------------------------------------------------------------------- */

static void nothing(CPU *cpu)
{
}

static void call_at_once(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    fn(cpu, opaque);
}

static void flush_nothing(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid)
{
}

const VcpuOps vcpu_ops_none = {
    .free = nothing,
    .kick = nothing,
    .run_on_cpu = call_at_once,
    .breakpoints_changed = nothing,
    .watchpoints_changed = nothing,
    .mmu_changed = nothing,
    .flush = flush_nothing,
};

CPU *cpu_new(const CPUArch *arch, unsigned index, AddressSpace *as, Clock *clock, const char *model,
             GError **err)
{
    CPU *cpu = NULL;
    /* aligned to a cache line: the fields that translated code polls share one */
    if (posix_memalign((void **)&cpu, 64, arch->cpu_size)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "cannot make a CPU: out of memory");
        return NULL;
    }
    memset(cpu, 0, arch->cpu_size);
    cpu->arch = arch;
    cpu->ops = &vcpu_ops_none;
    cpu->as = as;
    cpu->clock = clock;
    cpu->index = index;
    cpu->state_changed = true; /* nobody but the struct has it */
    cpu->breakpoints = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    cpu->watchpoints = g_array_new(FALSE, FALSE, sizeof(Watchpoint));
    if (!arch->init(cpu, model, err)) {
        cpu_free(cpu);
        return NULL;
    }
    return cpu;
}

void cpu_free(CPU *cpu)
{
    if (!cpu) {
        return;
    }
    cpu->ops->free(cpu);
    if (cpu->arch->finish) {
        cpu->arch->finish(cpu);
    }
    g_array_free(cpu->breakpoints, TRUE);
    g_array_free(cpu->watchpoints, TRUE);
    free(cpu); /* of posix_memalign */
}

static __thread CPU *current;

CPU *cpu_current(void)
{
    return current;
}

void cpu_set_current(CPU *cpu)
{
    current = cpu;
}

void cpu_request_exit(CPU *cpu)
{
    __atomic_store_n(&cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    cpu->ops->kick(cpu);
}

/* ---- memory for the debugger ---------------------------------------------------- */

typedef bool PhysAccess(AddressSpace *as, hwaddr addr, void *buf, uint64_t len);

static bool phys_mapped(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    return memory_debug_mapped(as, addr, len);
}

static bool phys_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    return memory_debug_read(as, addr, buf, len) == BUS_OK;
}

static bool phys_write(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    return memory_debug_write(as, addr, buf, len) == BUS_OK;
}

/* Page by page: neighbours in virtual memory need not be neighbours in RAM. */
static bool debug_pages(CPU *cpu, uint64_t vaddr, char *buf, size_t len, PhysAccess *access)
{
    while (len) {
        uint64_t phys;
        size_t here = MIN(len, RAM_PAGE - (vaddr & (RAM_PAGE - 1)));
        if (!cpu->arch->debug_walk(cpu, vaddr, &phys) || !access(cpu->as, phys, buf, here)) {
            return false;
        }
        vaddr += here;
        buf += here;
        len -= here;
    }
    return true;
}

/* All pages are looked up before the first is touched: a device's register that changes
 * when it is read must not be read for an answer that says only "error". */
static bool debug_access(CPU *cpu, uint64_t vaddr, char *buf, size_t len, PhysAccess *access)
{
    cpu_state_fetch(cpu); /* the page table's root is a register */
    return debug_pages(cpu, vaddr, buf, len, phys_mapped) && debug_pages(cpu, vaddr, buf, len, access);
}

bool cpu_debug_read(CPU *cpu, uint64_t vaddr, void *buf, size_t len)
{
    return debug_access(cpu, vaddr, buf, len, phys_read);
}

bool cpu_debug_write(CPU *cpu, uint64_t vaddr, const void *buf, size_t len)
{
    return debug_access(cpu, vaddr, (char *)buf, len, phys_write);
}

/* ---- breakpoints and watchpoints --------------------------------------------------- */

void cpu_breakpoint_add(CPU *cpu, uint64_t addr)
{
    g_array_append_val(cpu->breakpoints, addr);
    cpu->ops->breakpoints_changed(cpu);
}

bool cpu_breakpoint_remove(CPU *cpu, uint64_t addr)
{
    for (unsigned i = 0; i < cpu->breakpoints->len; i++) {
        if (g_array_index(cpu->breakpoints, uint64_t, i) == addr) {
            g_array_remove_index_fast(cpu->breakpoints, i);
            cpu->ops->breakpoints_changed(cpu);
            return true;
        }
    }
    return false;
}

void cpu_watchpoint_add(CPU *cpu, uint64_t addr, uint64_t len, int kind)
{
    Watchpoint w = { addr, len, kind };
    g_array_append_val(cpu->watchpoints, w);
    cpu->ops->watchpoints_changed(cpu);
}

bool cpu_watchpoint_remove(CPU *cpu, uint64_t addr, uint64_t len, int kind)
{
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        if (w->addr == addr && w->len == len && w->kind == kind) {
            g_array_remove_index_fast(cpu->watchpoints, i);
            cpu->ops->watchpoints_changed(cpu);
            return true;
        }
    }
    return false;
}

void cpu_set_singlestep(CPU *cpu, bool on)
{
    cpu->singlestep = on; /* translations stay: steps use blocks of their own */
}

static void tell_halted(CPU *cpu, void *opaque)
{
    cpu_state_fetch(cpu);
    *(bool *)opaque = cpu->halted;
}

bool cpu_is_halted(CPU *cpu)
{
    bool halted = false;
    cpu_run(cpu, tell_halted, &halted);
    return halted;
}

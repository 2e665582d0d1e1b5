/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apic-rig.h"

#include <string.h>

Bench b;
PcIrqs *q;

void open_machine(unsigned cpus)
{
    bench_open(&b);
    clock_virtual_set_ns(test_clock(), START_NS);
    for (unsigned i = 0; i < cpus; i++) {
        g_autoptr(GError) err = NULL;
        b.m.cpus[b.m.cpu_count++] = cpu_new(&x86_64_arch, i, b.m.memory, b.m.clock, "max", &err);
        g_assert_no_error(err);
        cpu_reset(b.m.cpus[i]);
    }
    bench_add(&b, device_new(&isabus_bridge_class, &b.m, NULL));
    q = pc_irqs_new(&b.m, NULL);
    g_assert_true(pc_irqs_add_cpus(q, NULL));
    g_assert_true(pc_irqs_add_pic(q, machine_find_bus(&b.m, "isa.0"), NULL));
    g_assert_true(pc_irqs_add_ioapic(q, IOAPIC, NULL));
    g_assert_true(pc_irqs_add_ioapic(q, IOAPIC2, NULL));
    for (guint i = 0; i < b.m.devices->len; i++) {
        device_reset(b.m.devices->pdata[i]);
    }
    memory_write(b.m.io, 0x21, 1, 0xff); /* the PIC is silent, as systems with I/O APICs leave it */
    memory_write(b.m.io, 0xa1, 1, 0xff);
}

void close_machine(void)
{
    CPU *cpus[MACHINE_MAX_CPUS];
    unsigned count = b.m.cpu_count;
    memcpy(cpus, b.m.cpus, sizeof(cpus));
    bench_close(&b);
    for (unsigned i = 0; i < count; i++) {
        cpu_free(cpus[i]);
    }
}

X86CPU *cpu(unsigned i)
{
    return x86_cpu(b.m.cpus[i]);
}

uint32_t get(unsigned i, hwaddr offset)
{
    cpu_set_current(b.m.cpus[i]);
    uint32_t v = bench_read(&b, PC_LAPIC_BASE + offset, 4);
    cpu_set_current(NULL);
    return v;
}

void put(unsigned i, hwaddr offset, uint32_t value)
{
    cpu_set_current(b.m.cpus[i]);
    bench_write(&b, PC_LAPIC_BASE + offset, 4, value);
    cpu_set_current(NULL);
}

bool rdmsr(unsigned i, uint32_t number, uint64_t *value)
{
    X86Fault f = { 0 };
    return x86_rdmsr(cpu(i), number, value, &f);
}

bool wrmsr(unsigned i, uint32_t number, uint64_t value)
{
    X86Fault f = { 0 };
    return x86_wrmsr(cpu(i), number, value, &f);
}

void enable_all(void)
{
    for (unsigned i = 0; i < b.m.cpu_count; i++) {
        put(i, SVR, 0x1ff);
    }
}

bool pending(unsigned i)
{
    return cpu_int_pending(b.m.cpus[i]);
}

int take(unsigned i)
{
    return pending(i) ? cpu_int_acknowledge(b.m.cpus[i]) : -1;
}

bool took_nmi(unsigned i)
{
    return x86_take_nmi(cpu(i));
}

void ipi(unsigned from, uint32_t to, uint32_t low)
{
    put(from, ICR_HIGH, to << 24);
    put(from, ICR, low);
}

void at(int64_t ns)
{
    clock_virtual_set_ns(test_clock(), START_NS + ns);
    clock_run_timers(test_clock());
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a local APIC for people (`info lapic`), in the form of QEMU's. */
#include "hw/intc/lapic_regs.h"

#include "hw/intc/pc_irq.h"

enum { ACTIVE_LOW = 1 << 13, BY_LEVEL = 1 << 15, FOCUS_OFF = 1 << 9, LOGICAL = 1 << 11, ASSERT = 1 << 14 };

static const char *const deliveries[] = {
    "Fixed", "LowPri", "SMI", "Remote", "NMI", "INIT", "SIPI", "ExtINT"
};

static void describe_lvt(const Lapic *l, const char *name, unsigned index, GString *out)
{
    static const char *const modes[] = { "one-shot", "periodic", "tsc-deadline", "reserved" };
    uint32_t lvt = l->s.lvt[index];
    unsigned delivery = index == LVT_TIMER || index == LVT_ERROR ? APIC_FIXED : lapic_delivery(lvt);
    g_string_append_printf(out, "%s\t 0x%08x %s %-5s %-14s %-12s %-6s", name, lvt,
                           lvt & ACTIVE_LOW ? "active-lo" : "active-hi", lvt & BY_LEVEL ? "level" : "edge",
                           lvt & LVT_MASKED ? "masked" : "", index == LVT_TIMER ? modes[lvt >> 17 & 3] : "",
                           deliveries[delivery]);
    if (delivery == APIC_FIXED || delivery == APIC_LOWEST) {
        g_string_append_printf(out, " (vec %u)", lvt & LVT_VECTOR);
    }
    g_string_append_c(out, '\n');
}

static void describe_timer(const Lapic *l, GString *out)
{
    unsigned code = (l->s.divide & 3) | (l->s.divide & 8) >> 1;
    g_string_append_printf(out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
                           l->s.divide, code == 7 ? 1 : 2u << code, l->s.initial, lapic_timer_count(l));
}

static void describe_icr(const Lapic *l, GString *out)
{
    static const char *const shorthands[] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = l->s.icr_low, to = lapic_is_x2apic(l) ? l->s.icr_high : l->s.icr_high >> 24;
    g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\n", low, low & LOGICAL ? "logical" : "physical",
                           low & BY_LEVEL ? "level" : "edge", low & ASSERT ? "assert" : "de-assert",
                           shorthands[low >> 18 & 3]);
    g_string_append_printf(out, "ICR2\t 0x%08x %s 0x%x\n", l->s.icr_high, low & LOGICAL ? "mask" : "APIC ID",
                           to);
}

/* Vectors of ISR with those of a level marked, of IRR without. */
static void describe_vectors(const char *name, const uint32_t *set, const uint32_t *levels, GString *out)
{
    bool any = false;
    g_string_append_printf(out, "%s\t", name);
    for (unsigned v = 0; v < 32 * LAPIC_VECTOR_WORDS; v++) {
        if (set[v / 32] >> v % 32 & 1) {
            g_string_append_printf(out, " %u%s", v, levels[v / 32] >> v % 32 & 1 ? "(level)" : "");
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : " (none)\n");
}

void lapic_describe(Device *dev, GString *out)
{
    const Lapic *l = container_of(dev, Lapic, dev);
    static const struct {
        const char *name;
        unsigned index;
    } rows[] = { { "LVT0", LVT_LINT0 },   { "LVT1", LVT_LINT1 },      { "LVTPC", LVT_PERFORMANCE },
                 { "LVTERR", LVT_ERROR }, { "LVTTHMR", LVT_THERMAL }, { "LVTT", LVT_TIMER } };
    device_lock(dev);
    g_string_append_printf(out, "dumping local APIC state for CPU %d%s\n\n", l->cpu ? (int)l->cpu->index : 0,
                           lapic_is_x2apic(l)    ? " (x2APIC)"
                           : lapic_is_enabled(l) ? ""
                                                 : " (disabled by IA32_APIC_BASE)");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        describe_lvt(l, rows[i].name, rows[i].index, out);
    }
    describe_timer(l, out);
    g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", l->s.svr,
                           l->s.svr & SVR_ENABLED ? "enabled" : "disabled",
                           l->s.svr & FOCUS_OFF ? "off" : "on", l->s.svr & 0xff);
    describe_icr(l, out);
    g_string_append_printf(out, "ESR\t 0x%08x\n", l->s.esr);
    describe_vectors("ISR", l->s.isr, l->s.tmr, out);
    describe_vectors("IRR", l->s.irr, l->s.tmr, out);
    g_string_append_printf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n",
                           lapic_priority(l), l->s.tpr, l->s.dfr >> 28, l->s.ldr >> 24, lapic_priority(l));
    device_unlock(dev);
}

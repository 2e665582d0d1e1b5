/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC, in xAPIC and x2APIC mode.
 * Spec: SDM volume 3, "Advanced Programmable Interrupt Controller (APIC)".
 *
 * All of its state is guarded by the lock of the machine's interrupt controllers (pc_irq.h); what the vCPU asks between
 * instructions is the atomic `ready`.
 *
 * LINT0 lets the PIC through on the first processor after reset, as the firmware of a PC leaves it (and KVM's does).
 *
 * A page of its own, beside the window of all, answers where IA32_APIC_BASE moves it.  Another processor that
 * accesses that address finds nothing there, where a real one would find memory.
 *
 * Not modelled: remote reads; the focus processor; performance and thermal interrupts (their registers are there). */
#include "hw/intc/lapic_regs.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hw/intc/lapic_x2.h"
#include "hw/intc/pc_irq.h"
#include "target/i386.h"
#include "target/x86_apic.h"

enum { RESET_SVR = 0xff, NO_VECTOR = -1, ESR_RECEIVE_VECTOR = 1 << 6 };
enum { LAPIC_PAGE = 4096, PAGE_PRIORITY = 2 }; /* over RAM, and BARs */

static Lapic *lapic(void *dev)
{
    return dev;
}

/* ---- sets of vectors ----------------------------------------------------------------- */

static bool has(const uint32_t *set, uint8_t vector)
{
    return set[vector / 32] >> vector % 32 & 1;
}

static void set_bit(uint32_t *set, uint8_t vector, bool on)
{
    uint32_t bit = UINT32_C(1) << vector % 32;
    set[vector / 32] = on ? set[vector / 32] | bit : set[vector / 32] & ~bit;
}

static int highest(const uint32_t *set)
{
    for (int w = LAPIC_VECTOR_WORDS - 1; w >= 0; w--) {
        if (set[w]) {
            return 32 * w + 31 - __builtin_clz(set[w]);
        }
    }
    return NO_VECTOR;
}

/* ---- what it has for its CPU ------------------------------------------------------------ */

bool lapic_accepts(const Lapic *l)
{
    return lapic_is_enabled(l) && (l->s.svr & SVR_ENABLED);
}

/* PPR. */
uint8_t lapic_priority(const Lapic *l)
{
    int busy = highest(l->s.isr);
    unsigned class = busy == NO_VECTOR ? 0 : (unsigned)busy & 0xf0;
    return (l->s.tpr & 0xf0) >= class ? l->s.tpr : class;
}

static int next_vector(const Lapic *l)
{
    int vector = lapic_is_enabled(l) ? highest(l->s.irr) : NO_VECTOR;
    return vector != NO_VECTOR && (vector & 0xf0) > (lapic_priority(l) & 0xf0) ? vector : NO_VECTOR;
}

/* The PIC's output goes to the CPU's INTR pin. */
static bool pic_asks(const Lapic *l)
{
    uint32_t lvt = l->s.lvt[LVT_LINT0];
    bool open = !lapic_is_enabled(l) || (!(lvt & LVT_MASKED) && lapic_delivery(lvt) == APIC_EXTINT);
    return l->s.lint0 && open;
}

void lapic_update(Lapic *l)
{
    bool ready = pic_asks(l) || next_vector(l) != NO_VECTOR;
    __atomic_store_n(&l->ready, ready, __ATOMIC_RELEASE);
    if (ready && l->cpu) {
        cpu_request_exit(l->cpu);
    }
}

static bool source_pending(void *opaque)
{
    return __atomic_load_n(&lapic(opaque)->ready, __ATOMIC_ACQUIRE);
}

static int acknowledge(Lapic *l)
{
    int vector = next_vector(l);
    if (pic_asks(l) && l->irqs && l->irqs->pic) {
        vector = pic_acknowledge(l->irqs->pic);
    } else if (vector != NO_VECTOR) {
        set_bit(l->s.irr, vector, false);
        set_bit(l->s.isr, vector, true);
    }
    l->taken += vector != NO_VECTOR;
    lapic_update(l);
    return vector;
}

static int source_acknowledge(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    int vector = acknowledge(l);
    device_unlock(&l->dev);
    return vector;
}

void lapic_end_of_interrupt(Lapic *l)
{
    int vector = highest(l->s.isr);
    if (vector == NO_VECTOR) {
        return;
    }
    set_bit(l->s.isr, vector, false);
    lapic_update(l);
    if (has(l->s.tmr, vector) && !(l->s.svr & SVR_SILENT_EOI) && l->irqs) {
        pc_end_of_interrupt(l->irqs, vector);
    }
}

/* ---- errors -------------------------------------------------------------------------------- */

void lapic_error(Lapic *l, uint32_t bit)
{
    bool is_new = !(l->s.errors & bit);
    l->s.errors |= bit;
    if (is_new) {
        lapic_local_interrupt(l, LVT_ERROR);
    }
}

/* ---- messages that come ----------------------------------------------------------------------- */

static bool accept_fixed(Lapic *l, uint8_t vector, bool level)
{
    if (!lapic_accepts(l)) {
        return false;
    }
    if (vector < FIRST_VECTOR) {
        lapic_error(l, ESR_RECEIVE_VECTOR);
        return true;
    }
    set_bit(l->s.irr, vector, true);
    set_bit(l->s.tmr, vector, level);
    lapic_update(l);
    return true;
}

bool lapic_deliver(Lapic *l, const ApicMessage *m)
{
    if (m->delivery == APIC_FIXED || m->delivery == APIC_LOWEST) {
        return accept_fixed(l, m->vector, m->level);
    }
    if (!lapic_is_enabled(l) || !l->cpu) {
        return false;
    }
    switch (m->delivery) {
    case APIC_NMI: l->cpu->arch->set_irq(l->cpu, X86_IRQ_NMI, 1); return true;
    case APIC_SMI: l->cpu->arch->set_irq(l->cpu, X86_IRQ_SMI, 1); return true;
    case APIC_INIT: x86_request_init(l->cpu); return true;
    case APIC_STARTUP: x86_request_sipi(l->cpu, m->vector); return true;
    default:
        log_guest_error("%s: a message of delivery mode %d, which is not modelled", l->dev.path, m->delivery);
        return false;
    }
}

static bool matches_logical(const Lapic *l, uint32_t to)
{
    if (lapic_is_x2apic(l)) {
        uint32_t cluster = l->s.id >> 4, bit = UINT32_C(1) << (l->s.id & 15);
        return to >> 16 == cluster && (to & bit);
    }
    uint8_t mine = l->s.ldr >> 24;
    bool flat = l->s.dfr >> 28 == 0xf;
    return flat ? (mine & to) != 0 : (mine & 0xf0) == (to & 0xf0) && (mine & to & 0x0f);
}

/* is_x2apic_id: the destination has 32 bits (SDM 3, "Determining IPI Destination in x2APIC Mode"). */
bool lapic_matches(const Lapic *l, const ApicMessage *m, bool is_x2apic_id)
{
    uint32_t all = is_x2apic_id ? UINT32_MAX : 0xff;
    if (!lapic_is_enabled(l)) {
        return false;
    }
    if (m->destination == all) {
        return true;
    }
    return m->logical ? matches_logical(l, m->destination) : l->s.id == m->destination;
}

void lapic_local_interrupt(Lapic *l, unsigned index)
{
    uint32_t lvt = l->s.lvt[index];
    if (lvt & LVT_MASKED) {
        return;
    }
    const ApicMessage m = { .vector = lvt & LVT_VECTOR,
                            .delivery =
                                index == LVT_TIMER || index == LVT_ERROR ? APIC_FIXED : lapic_delivery(lvt),
                            .level = false };
    if (m.delivery != APIC_EXTINT) {
        lapic_deliver(l, &m);
    }
}

void lapic_drive_lint0(Lapic *l, bool high)
{
    bool rises = high && !l->s.lint0;
    l->s.lint0 = high;
    if (rises && lapic_is_enabled(l)) {
        lapic_local_interrupt(l, LVT_LINT0);
    }
    lapic_update(l);
}

void lapic_pulse_lint1(Lapic *l)
{
    if (lapic_is_enabled(l)) {
        lapic_local_interrupt(l, LVT_LINT1);
    } else if (l->cpu) {
        l->cpu->arch->set_irq(l->cpu, X86_IRQ_NMI, 1);
    }
}

/* ---- what the CPU says (x86_apic.h) ------------------------------------------------------------------------ */

static bool cpu_msr_read(void *opaque, uint32_t number, uint64_t *value)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    bool ok = lapic_x2_read(l, number, value);
    device_unlock(&l->dev);
    return ok;
}

static bool cpu_msr_write(void *opaque, uint32_t number, uint64_t value)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    bool ok = lapic_x2_write(l, number, value);
    device_unlock(&l->dev);
    return ok;
}

static void look_at_base(Lapic *l)
{
    l->base = l->cpu ? x86_apic_base(l->cpu) : PC_LAPIC_BASE | X86_APIC_ENABLED | X86_APIC_BSP;
    hwaddr at = lapic_address(l);
    bool moved = lapic_is_enabled(l) && at != PC_LAPIC_BASE && l->irqs;
    MemoryRegion *system = l->irqs ? &l->irqs->dev.machine->system : NULL;
    if (l->page.parent && !(moved && l->page.addr == at)) {
        memory_region_remove(l->page.parent, &l->page);
    }
    if (moved && !l->page.parent) {
        memory_region_add(system, at, &l->page, PAGE_PRIORITY);
    }
}

/* Disabled as a whole it loses its state (SDM 3, "Enabling or Disabling the Local APIC", "x2APIC State Transitions"). */
static void cpu_base_changed(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    bool was_enabled = lapic_is_enabled(l);
    look_at_base(l);
    if (was_enabled && !lapic_is_enabled(l)) {
        device_reset_locked(&l->dev);
        x86_show_tpr(l->cpu, 0);
    }
    lapic_update(l);
    device_unlock(&l->dev);
}

static bool is_own_page(const Lapic *l)
{
    return !l->cpu || cpu_current() == l->cpu;
}

static BusResult page_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Lapic *l = opaque;
    *value = UINT64_MAX;
    return is_own_page(l) ? lapic_read(l, offset, size, value) : BUS_OK;
}

static BusResult page_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Lapic *l = opaque;
    return is_own_page(l) ? lapic_write(l, offset, size, value) : BUS_OK;
}

static const IoOps page_ops = { .read = page_read, .write = page_write, .min = 4, .max = 4 };

static void cpu_cr8_written(void *opaque, unsigned value)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    l->s.tpr = value << 4;
    lapic_update(l);
    device_unlock(&l->dev);
}

static void cpu_deadline_written(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    lapic_timer_deadline_written(l);
    device_unlock(&l->dev);
}

static void cpu_deadline_changed(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    lapic_timer_look(l);
    device_unlock(&l->dev);
}

static void cpu_deadline_loaded(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    lapic_timer_deadline_loaded(l);
    device_unlock(&l->dev);
}

/* As after power-up; the mode and the identity stay. */
static void cpu_init(void *opaque)
{
    Lapic *l = opaque;
    device_lock(&l->dev);
    device_reset_locked(&l->dev);
    device_unlock(&l->dev);
}

static const X86ApicOps apic_ops = {
    .msr_read = cpu_msr_read,
    .msr_write = cpu_msr_write,
    .base_changed = cpu_base_changed,
    .cr8_written = cpu_cr8_written,
    .deadline_written = cpu_deadline_written,
    .deadline_changed = cpu_deadline_changed,
    .deadline_loaded = cpu_deadline_loaded,
    .init = cpu_init,
};

/* ---- class ---------------------------------------------------------------------------------------------------- */

static void lapic_irq_statistics(Device *dev, GString *out)
{
    const Lapic *l = lapic(dev);
    if (l->taken) {
        g_string_append_printf(out, "%2u: %" PRIu64 "\n", l->s.id, l->taken);
    }
}

static void lapic_refresh(Device *dev)
{
    Lapic *l = lapic(dev);
    look_at_base(l);
    lapic_timer_look(l);
    lapic_update(l);
}

static bool lapic_realize(Device *dev, GError **err)
{
    Lapic *l = lapic(dev);
    l->source = (IntSource){ source_pending, source_acknowledge, l };
    l->timer = timer_new(device_clock(dev), CLK_VIRTUAL, dev->lock, lapic_timer_fired, l);
    reg_file_init(&l->regs, dev, &lapic_reg_table, "apic", LAPIC_BYTES);
    memory_region_init_io(&l->page, &dev->regions, &page_ops, l, "apic-moved", LAPIC_PAGE);
    if (l->cpu) {
        l->cpu->int_source = &l->source;
        x86_connect_apic(l->cpu, &apic_ops, l);
    }
    look_at_base(l);
    return true;
}

static void lapic_unrealize(Device *dev)
{
    Lapic *l = lapic(dev);
    if (l->cpu) {
        l->cpu->int_source = NULL;
        x86_connect_apic(l->cpu, NULL, NULL);
    }
    timer_free(l->timer);
    if (l->page.parent) {
        memory_region_remove(l->page.parent, &l->page);
    }
    memory_region_finish(&l->page);
    reg_file_finish(&l->regs);
}

static void lapic_reset(Device *dev)
{
    Lapic *l = lapic(dev);
    look_at_base(l);
    l->s.id = l->cpu ? x86_apic_id(l->cpu) : 0;
    for (unsigned i = 0; i < LAPIC_LVTS; i++) {
        l->s.lvt[i] = LVT_MASKED;
    }
    if (l->base & X86_APIC_BSP) {
        l->s.lvt[LVT_LINT0] = APIC_EXTINT << LVT_DELIVERY_SHIFT;
    }
    lapic_timer_stop(l);
}

static bool lapic_loaded(Device *dev, GError **err)
{
    const Lapic *l = lapic(dev);
    bool low = (l->s.irr[0] | l->s.isr[0]) & 0xffff;
    if (low || l->s.start > INT64_MAX || (l->cpu && l->s.id != x86_apic_id(l->cpu))) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "cannot load the state of '%s': it is another processor's, or no guest can have brought it there",
            dev->path);
        return false;
    }
    return true;
}

#define L Lapic
static const Field lapic_state[] = {
    STATE_U32(L, id),
    STATE_U32(L, tpr, .max = 0xff),
    STATE_U32(L, ldr),
    STATE_U32(L, dfr, .reset = 0xf0000000),
    STATE_U32(L, svr, .reset = RESET_SVR, .max = SVR_BITS),
    STATE_U32(L, esr),
    STATE_U32(L, errors),
    STATE_U32(L, icr_low),
    STATE_U32(L, icr_high),
    STATE_U32(L, lvt, .max = 0x7ffff),
    STATE_U32(L, isr),
    STATE_U32(L, tmr),
    STATE_U32(L, irr),
    STATE_U32(L, initial),
    STATE_U32(L, divide, .max = 0xb),
    STATE_U64(L, start),
    STATE_BOOL(L, lint0, .keep = true),
    { NULL },
};

const DeviceClass lapic_class = {
    .name = "apic",
    .desc = "local APIC",
    .category = "Misc",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(Lapic),
    .state = lapic_state,
    .state_offset = offsetof(Lapic, s),
    .state_size = sizeof(struct LapicState),
    .realize = lapic_realize,
    .unrealize = lapic_unrealize,
    .reset = lapic_reset,
    .refresh = lapic_refresh,
    .loaded = lapic_loaded,
    .irq_statistics = lapic_irq_statistics,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of a local APIC in xAPIC mode, and the messages that they send (ICR).
 * Spec: SDM volume 3, "Local APIC Register Address Map", "Issuing Interprocessor Interrupts". */
#include "hw/intc/lapic_regs.h"

#include "hw/intc/pc_irq.h"
#include "target/x86_apic.h"

enum { VERSION = 0x14, HAS_SILENT_EOI = 1 << 24, ESR_SEND_VECTOR = 1 << 5, ESR_ILLEGAL_REGISTER = 1 << 7 };
enum { ICR_LEVEL = 1 << 15, ICR_ASSERT = 1 << 14, ICR_LOGICAL = 1 << 11, ICR_SHORTHAND_SHIFT = 18 };
#define DFR_FIXED 0x0fffffffu

static Lapic *lapic(void *dev)
{
    return dev;
}

/* ---- messages that go ---------------------------------------------------------------------------- */

/* To all, all others, or itself. */
static void send_shorthand(Lapic *l, const ApicMessage *m, unsigned shorthand)
{
    enum { SELF = 1, ALL = 2 };
    for (unsigned i = 0; l->irqs && i < l->irqs->lapics; i++) {
        Lapic *to = l->irqs->lapic[i];
        bool self = to == l;
        if (shorthand == SELF ? self : shorthand == ALL || !self) {
            lapic_deliver(to, m);
        }
    }
}

static void send(Lapic *l)
{
    uint32_t low = l->s.icr_low;
    unsigned shorthand = low >> ICR_SHORTHAND_SHIFT & 3;
    const ApicMessage m = {
        .vector = low,
        .delivery = lapic_delivery(low),
        .logical = low & ICR_LOGICAL,
        .destination = lapic_is_x2apic(l) ? l->s.icr_high : l->s.icr_high >> 24,
    };
    if (m.delivery == APIC_INIT && (low & ICR_LEVEL) && !(low & ICR_ASSERT)) {
        return; /* the de-assertion of old: nothing to do */
    }
    if ((m.delivery == APIC_FIXED || m.delivery == APIC_LOWEST) && m.vector < FIRST_VECTOR) {
        lapic_error(l, ESR_SEND_VECTOR);
        return;
    }
    if (shorthand) {
        send_shorthand(l, &m, shorthand);
    } else if (l->irqs) {
        pc_message(l->irqs, &m, lapic_is_x2apic(l));
    }
}

/* ---- registers --------------------------------------------------------------------------------------- */

static uint64_t id_read(Device *dev, const RegAccess *a)
{
    return lapic(dev)->s.id << 24;
}

static uint64_t version_read(Device *dev, const RegAccess *a)
{
    return VERSION | (LAPIC_LVTS - 1) << 16 | HAS_SILENT_EOI;
}

static void tpr_written(Device *dev, const RegAccess *a, uint64_t value)
{
    Lapic *l = lapic(dev);
    if (l->cpu) {
        x86_show_tpr(l->cpu, l->s.tpr);
    }
    lapic_update(l);
}

static uint64_t ppr_read(Device *dev, const RegAccess *a)
{
    return lapic_priority(lapic(dev));
}

static void eoi_write(Device *dev, const RegAccess *a, uint64_t value)
{
    lapic_end_of_interrupt(lapic(dev));
}

static uint64_t dfr_read(Device *dev, const RegAccess *a)
{
    return lapic(dev)->s.dfr | DFR_FIXED;
}

/* Disabled by software, all local interrupts are masked. */
static void svr_written(Device *dev, const RegAccess *a, uint64_t value)
{
    Lapic *l = lapic(dev);
    for (unsigned i = 0; i < LAPIC_LVTS && !(l->s.svr & SVR_ENABLED); i++) {
        l->s.lvt[i] |= LVT_MASKED;
    }
    lapic_timer_look(l);
    lapic_update(l);
}

static void esr_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Lapic *l = lapic(dev);
    l->s.esr = l->s.errors;
    l->s.errors = 0;
}

static void icr_low_written(Device *dev, const RegAccess *a, uint64_t value)
{
    send(lapic(dev));
}

static void lvt_write(Device *dev, const RegAccess *a, uint64_t value)
{
    static const uint32_t bits[LAPIC_LVTS] = {
        [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERFORMANCE] = 0x107ff,
        [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
    };
    Lapic *l = lapic(dev);
    uint32_t lvt = value & bits[a->index];
    lvt |= l->s.svr & SVR_ENABLED ? 0 : LVT_MASKED;
    if (a->index == LVT_TIMER) {
        lapic_timer_set_lvt(l, lvt);
    } else {
        l->s.lvt[a->index] = lvt;
    }
    lapic_update(l);
}

static void initial_write(Device *dev, const RegAccess *a, uint64_t value)
{
    lapic_timer_set_initial(lapic(dev), value);
}

static uint64_t current_read(Device *dev, const RegAccess *a)
{
    return lapic_timer_count(lapic(dev));
}

static void divide_write(Device *dev, const RegAccess *a, uint64_t value)
{
    lapic_timer_set_divide(lapic(dev), value & 0xb);
}

static const RegBits svr_bits[] = { { "vector", 0xff }, { "enabled", SVR_ENABLED }, { NULL } };
static const RegBits icr_bits[] = { { "vector", 0xff },
                                    { "delivery", 0x700 },
                                    { "logical", ICR_LOGICAL },
                                    { "assert", ICR_ASSERT },
                                    { "level", ICR_LEVEL },
                                    { "shorthand", 3u << 18 },
                                    { NULL } };
static const RegBits lvt_bits[] = {
    { "vector", LVT_VECTOR }, { "delivery", 0x700 }, { "masked", LVT_MASKED }, { "mode", 3u << 17 }, { NULL }
};

#define L Lapic
/* clang-format off */
static const Reg lapic_rows[] = {
    { "id", 0x20, 4, REG_RO, .read = id_read },
    { "version", 0x30, 4, REG_RO, .read = version_read },
    { "tpr", 0x80, 4, REG_STATE(L, s.tpr), .rw = 0xff, .write = tpr_written },
    { "apr", 0x90, 4, REG_RO, .read = ppr_read },
    { "ppr", 0xa0, 4, REG_RO, .read = ppr_read },
    { "eoi", 0xb0, 4, REG_WO, .write = eoi_write },
    { "ldr", 0xd0, 4, REG_STATE(L, s.ldr), .rw = 0xff000000, .ignored = UINT32_MAX },
    { "dfr", 0xe0, 4, REG_STATE(L, s.dfr), .rw = 0xf0000000, .ignored = UINT32_MAX, .read = dfr_read },
    { "svr", 0xf0, 4, REG_STATE(L, s.svr), .rw = SVR_BITS, .ignored = UINT32_MAX, .write = svr_written, .bits = svr_bits },
    { "isr", 0x100, 4, REG_RO, REG_STATE(L, s.isr[0]), .count = LAPIC_VECTOR_WORDS, .stride = 16 },
    { "tmr", 0x180, 4, REG_RO, REG_STATE(L, s.tmr[0]), .count = LAPIC_VECTOR_WORDS, .stride = 16 },
    { "irr", 0x200, 4, REG_RO, REG_STATE(L, s.irr[0]), .count = LAPIC_VECTOR_WORDS, .stride = 16 },
    { "esr", 0x280, 4, REG_STATE(L, s.esr), .write = esr_write },
    { "icr-low", 0x300, 4, REG_STATE(L, s.icr_low), .rw = 0xccfff, .ignored = UINT32_MAX, .write = icr_low_written,
      .bits = icr_bits },
    { "icr-high", 0x310, 4, REG_STATE(L, s.icr_high), .rw = 0xff000000, .ignored = UINT32_MAX },
    { "lvt", 0x320, 4, REG_STATE(L, s.lvt[0]), .count = LAPIC_LVTS, .stride = 16, .write = lvt_write, .bits = lvt_bits },
    { "initial-count", 0x380, 4, REG_STATE(L, s.initial), .write = initial_write },
    { "current-count", 0x390, 4, REG_RO, .read = current_read },
    { "divide", 0x3e0, 4, REG_STATE(L, s.divide), .write = divide_write },
    { NULL },
};
/* clang-format on */
const RegTable lapic_reg_table = { lapic_rows, .min = 4, .max = 4 };

/* A place without a register is an error (ESR), as well as reading 0; its bytes 4 to 15 are nobody's, and none. */
static bool place_has_register(hwaddr offset)
{
    for (const Reg *r = lapic_rows; r->name && r->offset <= offset; r++) {
        if (offset < r->offset + 16 * (r->count ? r->count : 1)) {
            return true;
        }
    }
    return false;
}

static void check_place(Lapic *l, hwaddr offset)
{
    if (!place_has_register(offset)) {
        lapic_error(l, ESR_ILLEGAL_REGISTER);
    }
}

BusResult lapic_read(Lapic *l, hwaddr offset, unsigned size, uint64_t *value)
{
    if (!lapic_is_enabled(l) || lapic_is_x2apic(l)) {
        *value = UINT64_MAX;
        return BUS_OK;
    }
    *value = 0;
    check_place(l, offset);
    return offset < LAPIC_BYTES ? reg_file_read(&l->regs, offset, size, value) : BUS_OK;
}

BusResult lapic_write(Lapic *l, hwaddr offset, unsigned size, uint64_t value)
{
    if (!lapic_is_enabled(l) || lapic_is_x2apic(l)) {
        return BUS_OK;
    }
    check_place(l, offset);
    return offset < LAPIC_BYTES ? reg_file_write(&l->regs, offset, size, value) : BUS_OK;
}

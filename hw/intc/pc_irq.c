/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where interrupts of a PC go: see hw/intc/pc_irq.h.
 * Spec: SDM volume 3, "Local and I/O APICs", "Message Signalled Interrupts"; lines as on every PC since the first I/O APIC. */
#include "hw/intc/pc_irq.h"

#include "accel/accel.h"
#include "base/log.h"
#include "target/i386.h"
#include "target/x86_apic.h"

enum { WINDOW_BYTES = 1 << 20, TIMER_LINE = 0, TIMER_PIN = 2 };

/* ---- messages ------------------------------------------------------------------------------- */

/* Of those that are meant, the one of lowest priority that takes it; among equals the next in turn. */
static bool deliver_lowest(PcIrqs *q, const ApicMessage *m, bool is_x2apic_id)
{
    Lapic *best = NULL;
    for (unsigned i = 0; i < q->lapics; i++) {
        Lapic *l = q->lapic[(q->turn + i) % q->lapics];
        bool fits = lapic_matches(l, m, is_x2apic_id) && lapic_accepts(l);
        if (fits && (!best || lapic_priority(l) < lapic_priority(best))) {
            best = l;
        }
    }
    q->turn = (q->turn + 1) % MAX(q->lapics, 1);
    return best && lapic_deliver(best, m);
}

bool pc_message(PcIrqs *q, const ApicMessage *m, bool is_x2apic_id)
{
    lock_assert_held(q->dev.lock);
    if (q->dev.machine && pc_lapics_in_kernel(q->dev.machine)) {
        return pc_kernel_message(q, m);
    }
    if (m->delivery == APIC_LOWEST) {
        return deliver_lowest(q, m, is_x2apic_id);
    }
    bool taken = false;
    for (unsigned i = 0; i < q->lapics; i++) {
        if (lapic_matches(q->lapic[i], m, is_x2apic_id)) {
            taken |= lapic_deliver(q->lapic[i], m);
        }
    }
    return taken;
}

void pc_end_of_interrupt(PcIrqs *q, uint8_t vector)
{
    for (unsigned i = 0; i < PC_IOAPICS; i++) {
        if (q->ioapic[i]) {
            ioapic_end_of_interrupt(q->ioapic[i], vector);
        }
    }
}

/* A device's write to FEExxxxxh.  The redirection hint changes nothing: the delivery mode says it. */
static bool send_msi(Machine *m, uint64_t addr, uint32_t data)
{
    PcIrqs *q = m->pc_irqs;
    const ApicMessage message = {
        .vector = data,
        .delivery = data >> 8 & 7,
        .level = data >> 15 & 1,
        .logical = addr >> 2 & 1,
        .destination = addr >> 12 & 0xff,
    };
    if (addr < PC_LAPIC_BASE || addr >= PC_LAPIC_BASE + WINDOW_BYTES) {
        return false;
    }
    if (message.delivery == APIC_STARTUP || message.delivery == APIC_EXTINT) {
        log_guest_error("an MSI of delivery mode %d, which none may have", message.delivery);
        return true;
    }
    device_lock(&q->dev);
    pc_message(q, &message, false);
    device_unlock(&q->dev);
    return true;
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* The I/O APIC's pin of a line; NULL: none. */
static Ioapic *pin_of(const PcIrqs *q, int line, unsigned *pin)
{
    unsigned n = line == TIMER_LINE ? TIMER_PIN : (unsigned)line, chip = n / IOAPIC_PINS;
    *pin = n % IOAPIC_PINS;
    bool there = line != TIMER_PIN && chip < PC_IOAPICS; /* line 2 is the PICs' own */
    return there ? q->ioapic[chip] : NULL;
}

void pc_irq_locked(void *opaque, int line, int level)
{
    PcIrqs *q = opaque;
    unsigned pin;
    if (pc_irqs_in_kernel(q->dev.machine)) {
        q->dev.machine->accel->class->irq_set(q->dev.machine->accel, line, level);
        return;
    }
    Ioapic *io = pin_of(q, line, &pin);
    lock_assert_held(q->dev.lock);
    if (q->pic && line < 2 * PIC_LINES) {
        pic_pair_drive(q->pic, line, level);
    }
    if (io) {
        ioapic_drive(io, pin, level);
    }
}

void pc_irq(void *opaque, int line, int level)
{
    PcIrqs *q = opaque;
    device_lock(&q->dev);
    pc_irq_locked(q, line, level);
    device_unlock(&q->dev);
}

bool pc_irq_is_heard(const PcIrqs *q, int line)
{
    unsigned pin;
    const Ioapic *io = pin_of(q, line, &pin);
    return pc_irqs_in_kernel(q->dev.machine) || (q->pic && line < 2 * PIC_LINES && pic_hears(q->pic, line)) ||
           (io && ioapic_hears(io, pin));
}

void pc_irqs_masks_changed(void *opaque)
{
    PcIrqs *q = opaque;
    for (unsigned i = 0; i < q->lazy_count; i++) {
        q->lazy[i].look(q->lazy[i].opaque);
    }
}

void pc_irqs_add_lazy(PcIrqs *q, void (*look)(void *opaque), void *opaque)
{
    g_assert(q->lazy_count < PC_LAZY_MAX);
    q->lazy[q->lazy_count++] = (PcLazyLine){ look, opaque };
}

/* The PIC's output, under the lock. */
static void pic_asks(void *opaque, int line, int level)
{
    PcIrqs *q = opaque;
    for (unsigned i = 0; i < q->lapics; i++) {
        lapic_drive_lint0(q->lapic[i], level);
    }
    if (!q->lapics && level) {
        cpu_request_exit(q->dev.machine->cpus[0]); /* which asks the source itself */
    }
}

/* The NMI button: LINT1 of every local APIC; a processor without one has the pin itself. */
static void press_nmi(void *opaque, int line, int level)
{
    PcIrqs *q = opaque;
    const Machine *m = q->dev.machine;
    if (!level) {
        return;
    }
    for (unsigned i = 0; pc_lapics_in_kernel(m) && i < m->cpu_count; i++) {
        m->accel->class->lint1(m->cpus[i]);
    }
    device_lock(&q->dev);
    for (unsigned i = 0; i < q->lapics; i++) {
        lapic_pulse_lint1(q->lapic[i]);
    }
    device_unlock(&q->dev);
    if (!q->lapics && !pc_lapics_in_kernel(m) && m->cpu_count) {
        m->cpus[0]->arch->set_irq(m->cpus[0], X86_IRQ_NMI, 1);
    }
}

Lapic *pc_lapic_of_id(const PcIrqs *q, uint32_t apic_id)
{
    for (unsigned i = 0; i < q->lapics; i++) {
        if (x86_apic_id(q->lapic[i]->cpu) == apic_id) {
            return q->lapic[i];
        }
    }
    return NULL;
}

/* ---- the window ------------------------------------------------------------------------------------- */

/* A debugger, whom no vCPU runs, sees the first one's.  One that was moved answers at its own page. */
static Lapic *own_lapic(PcIrqs *q)
{
    const CPU *cpu = cpu_current();
    unsigned index = cpu ? cpu->index : 0;
    return index < q->lapics && lapic_address(q->lapic[index]) == PC_LAPIC_BASE ? q->lapic[index] : NULL;
}

static BusResult window_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Lapic *l = own_lapic(opaque);
    *value = UINT64_MAX;
    return l ? lapic_read(l, offset, size, value) : BUS_OK;
}

static BusResult window_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Lapic *l = own_lapic(opaque);
    return l ? lapic_write(l, offset, size, value) : BUS_OK;
}

static void window_describe(void *opaque, IoTrace *t)
{
    Lapic *l = own_lapic(opaque);
    if (l && t->offset < LAPIC_BYTES) {
        l->regs.ops.describe(&l->regs, t);
    }
}

static const IoOps window_ops = {
    .read = window_read, .write = window_write, .min = 4, .max = 4, .describe = window_describe
};

/* ---- life --------------------------------------------------------------------------------------------- */

static bool irqs_realize(Device *dev, GError **err)
{
    PcIrqs *q = container_of(dev, PcIrqs, dev);
    memory_region_init_io(&q->window, &dev->regions, &window_ops, q, "apic-msi", WINDOW_BYTES);
    return true;
}

static void irqs_unrealize(Device *dev)
{
    PcIrqs *q = container_of(dev, PcIrqs, dev);
    if (dev->machine && dev->machine->pc_irqs == q) {
        dev->machine->msi_send = NULL;
        dev->machine->nmi = (Irq){ 0 };
        dev->machine->pc_irqs = NULL;
    }
    memory_region_finish(&q->window);
}

PcIrqs *pc_irqs_new(Machine *m, GError **err)
{
    PcIrqs *q = container_of(device_new(&pc_irqs_class, m, NULL), PcIrqs, dev);
    if (!device_realize(&q->dev, NULL, err)) {
        device_free(&q->dev);
        return NULL;
    }
    memory_region_add(&m->system, PC_LAPIC_BASE, &q->window, 0);
    m->pc_irqs = q;
    m->msi_send = send_msi;
    irq_connect(&m->nmi, press_nmi, q, 0);
    pc_kernel_connect(q);
    return q;
}

bool pc_irqs_add_cpus(PcIrqs *q, GError **err)
{
    Machine *m = q->dev.machine;
    for (unsigned i = 0; i < m->cpu_count && x86_has_apic(m->cpus[i]); i++) {
        Lapic *l = container_of(device_new(&lapic_class, m, NULL), Lapic, dev);
        device_share_lock(&l->dev, &q->dev);
        l->irqs = q;
        l->cpu = m->cpus[i];
        if (!device_realize(&l->dev, NULL, err)) {
            device_free(&l->dev);
            return false;
        }
        q->lapic[q->lapics++] = l;
    }
    return true;
}

bool pc_irqs_add_pic(PcIrqs *q, Bus *isa, GError **err)
{
    q->pic = pic_pair_new(q->dev.machine, isa, &q->dev, err);
    if (!q->pic) {
        return false;
    }
    irq_connect(&q->pic->out, pic_asks, q, 0);
    if (!q->lapics && q->dev.machine->cpu_count) {
        q->dev.machine->cpus[0]->int_source = &q->pic->source;
    }
    Pic *const chips[] = { q->pic, q->pic->slave };
    for (unsigned i = 0; i < G_N_ELEMENTS(chips); i++) {
        chips[i]->look = pc_irqs_masks_changed;
        chips[i]->look_opaque = q;
    }
    return true;
}

bool pc_irqs_add_ioapic(PcIrqs *q, hwaddr at, GError **err)
{
    unsigned n = q->ioapic[0] ? 1 : 0;
    Ioapic *io = container_of(device_new(&ioapic_class, q->dev.machine, NULL), Ioapic, dev);
    device_share_lock(&io->dev, &q->dev);
    io->irqs = q;
    if (!device_realize(&io->dev, NULL, err)) {
        device_free(&io->dev);
        return false;
    }
    memory_region_add(&q->dev.machine->system, at, &io->regs.mr, 0);
    q->ioapic[n] = io;
    return true;
}

const DeviceClass pc_irqs_class = {
    .name = "pc-interrupts",
    .desc = "interrupts of a PC",
    .category = "Misc",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(PcIrqs),
    .realize = irqs_realize,
    .unrealize = irqs_unrealize,
};

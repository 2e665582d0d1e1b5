/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pc_parts.h. */
#include "hw/i386/pc_parts.h"

#include "hw/i386/pc_memory.h"
#include "hw/isa/coprocessor.h"
#include "target/i386.h"

enum { TIMER_LINE = 0, RTC_LINE = 8 };

static void shut_down(void *opaque)
{
    runstate_request_reset(opaque, SHUTDOWN_GUEST_RESET); /* as chipsets do */
}

bool pc_make_cpus(Machine *m, GError **err)
{
    if (!machine_add_cpus(m, err)) {
        return false;
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        x86_set_shutdown(m->cpus[i], shut_down, m);
    }
    return true;
}

/* ---- lines that are driven only while they are heard: their devices share the controllers' lock ---- */

static bool timer_heard(void *opaque)
{
    return pc_irq_is_heard(opaque, TIMER_LINE);
}

static bool rtc_heard(void *opaque)
{
    return pc_irq_is_heard(opaque, RTC_LINE);
}

static bool make_timer(Machine *m, PcParts *p, GError **err)
{
    Pit *pit = container_of(device_new(&i8254_class, m, NULL), Pit, dev);
    device_share_lock(&pit->dev, &p->irqs->dev);
    irq_connect(&pit->out, pc_irq_locked, p->irqs, TIMER_LINE);
    pit->heard = timer_heard;
    pit->heard_opaque = p->irqs;
    if (!device_realize(&pit->dev, p->isa->bus, err)) {
        return false; /* machine_free frees what is in m->devices */
    }
    pc_irqs_add_lazy(p->irqs, pit_look, pit);
    p->pit = pit;
    return true;
}

static void set_cmos(Mc146818 *rtc, unsigned first, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        mc146818_set_cmos(rtc, first + i, value >> 8 * i);
    }
}

/* What firmware of the time before E820 looks for. */
static void tell_memory(const Machine *m, Mc146818 *rtc)
{
    enum {
        BASE = 0x15,
        EXTENDED = 0x17,
        EXTENDED_AGAIN = 0x30,
        ABOVE_16M = 0x34,
        ABOVE_4G = 0x5b,
        EQUIPMENT = 0x14
    };
    enum { BASE_KIB = 640, MIB = 1 << 20, HAS_FPU = 2 };
    uint64_t low = MIN(m->ram.size, PC_LOW_RAM_MAX), high = m->ram.size - low;
    uint64_t extended = MIN((low - MIB) >> 10, 0xfc00), beyond = low > 16 * MIB ? low - 16 * MIB : 0;
    set_cmos(rtc, BASE, 2, BASE_KIB);
    set_cmos(rtc, EXTENDED, 2, extended);
    set_cmos(rtc, EXTENDED_AGAIN, 2, extended);
    set_cmos(rtc, ABOVE_16M, 2, beyond >> 16);
    set_cmos(rtc, ABOVE_4G, 3, high >> 16);
    set_cmos(rtc, EQUIPMENT, 1, HAS_FPU);
}

static bool make_rtc(Machine *m, PcParts *p, GError **err)
{
    Mc146818 *rtc = container_of(device_new(&mc146818_class, m, NULL), Mc146818, dev);
    device_share_lock(&rtc->dev, &p->irqs->dev);
    irq_connect(&rtc->irq, pc_irq_locked, p->irqs, RTC_LINE);
    rtc->heard = rtc_heard;
    rtc->heard_opaque = p->irqs;
    if (!device_realize(&rtc->dev, p->isa->bus, err)) {
        return false;
    }
    pc_irqs_add_lazy(p->irqs, mc146818_look, rtc);
    tell_memory(m, rtc);
    p->rtc = rtc;
    return true;
}

/* ---- the others ------------------------------------------------------------------------------------- */

static bool add_controllers(const Machine *m, PcParts *p, const PcWanted *w, GError **err)
{
    if (pc_irqs_in_kernel(m)) {
        return true;
    }
    if ((!pc_lapics_in_kernel(m) && !pc_irqs_add_cpus(p->irqs, err)) ||
        (w->pic && !pc_irqs_add_pic(p->irqs, p->isa->bus, err))) {
        return false;
    }
    for (unsigned i = 0; i < w->ioapics; i++) {
        if (!pc_irqs_add_ioapic(p->irqs, PC_IOAPIC_BASE + i * PC_IOAPIC_STEP, err)) {
            return false;
        }
    }
    return true;
}

static bool make_controllers(Machine *m, PcParts *p, const PcWanted *w, GError **err)
{
    p->irqs = pc_irqs_new(m, err);
    if (!p->irqs || !add_controllers(m, p, w, err)) {
        return false;
    }
    for (unsigned i = 0; i < ISA_LINES; i++) {
        irq_connect(&p->isa->out[i], pc_irq, p->irqs, (int)i);
    }
    return true;
}

static bool make_serials(Machine *m, PcParts *p, unsigned count, GError **err)
{
    for (unsigned i = 0; i < count; i++) {
        if (!m->config->serial[i] && i > 0) {
            continue;
        }
        IsaSerial *s = container_of(device_new(&isa_serial_class, m, NULL), IsaSerial, uart.dev);
        s->index = i;
        s->uart.chr = m->config->serial[i];
        if (!device_realize(&s->uart.dev, p->isa->bus, err)) {
            return false;
        }
    }
    return true;
}

static void a20_changed(void *opaque, int line, int level)
{
    Machine *m = opaque;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        x86_set_a20(m->cpus[i], level);
    }
}

static bool make_port92(Machine *m, PcParts *p, GError **err)
{
    Port92 *port = container_of(device_new(&port92_class, m, NULL), Port92, dev);
    irq_connect(&port->a20, a20_changed, m, 0);
    return device_realize(&port->dev, p->isa->bus, err);
}

/* Of the first processor alone: others raise their exceptions themselves. */
static bool make_coprocessor(Machine *m, PcParts *p, GError **err)
{
    Coprocessor *c = container_of(device_new(&coprocessor_class, m, NULL), Coprocessor, dev);
    irq_connect(&c->ignne, m->cpus[0]->arch->set_irq, m->cpus[0], X86_IRQ_IGNNE);
    x86_set_ferr(m->cpus[0], coprocessor_ferr, c);
    return device_realize(&c->dev, p->isa->bus, err);
}

bool pc_make_parts(Machine *m, PcParts *p, const PcWanted *w, GError **err)
{
    Device *isa = device_create(m, &isabus_bridge_class, NULL, NULL, err);
    if (!isa) {
        return false;
    }
    p->isa = container_of(isa, IsaBridge, dev);
    return make_controllers(m, p, w, err) && (!w->pit || make_timer(m, p, err)) &&
           (!w->rtc || make_rtc(m, p, err)) && (!w->port92 || make_port92(m, p, err)) &&
           (!w->pic || make_coprocessor(m, p, err)) && make_serials(m, p, w->serials, err);
}

bool pc_make_fw_cfg(Machine *m, GError **err)
{
    Device *dev = device_create(m, &fw_cfg_io_class, NULL, NULL, err);
    if (!dev) {
        return false;
    }
    FwCfg *f = container_of(dev, FwCfg, dev);
    memory_region_add(&m->ports, PC_FW_CFG, &f->data.mr, 0);
    memory_region_add(&m->ports, PC_FW_CFG_DMA, &f->dma.mr, 0);
    fw_cfg_add_machine(f, m);
    m->fw_cfg = f;
    return true;
}

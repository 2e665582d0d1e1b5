/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PC whose local APICs are in the host's kernel, alone (split) or with the others.
 * Spec: SDM volume 3, "Message Address Register Format", "Message Data Register Format"; KVM's api.rst, KVM_CAP_SPLIT_IRQCHIP.
 *
 * Split, the I/O APICs here send what a device's MSI would be.  The kernel is told which vectors they send by level: their ends
 * come back, and a pin that is still high asks again. */
#include "accel/accel.h"
#include "hw/intc/pc_irq.h"

enum { ASSERTED = 1 << 14, LEVEL = 1 << 15, LOGICAL = 1 << 2, DESTINATION_SHIFT = 12, DELIVERY_SHIFT = 8 };

static Accel *accel_of(const PcIrqs *q)
{
    return q->dev.machine->accel;
}

bool pc_irqs_in_kernel(const Machine *m)
{
    return m->accel && m->accel->irqchip == ACCEL_IRQCHIP_ALL;
}

bool pc_lapics_in_kernel(const Machine *m)
{
    return m->accel && m->accel->irqchip != ACCEL_IRQCHIP_NONE;
}

static bool is_split(const PcIrqs *q)
{
    return q->dev.machine && accel_of(q) && accel_of(q)->irqchip == ACCEL_IRQCHIP_LOCAL;
}

static AccelMessage as_msi(const ApicMessage *m)
{
    return (AccelMessage){
        .addr = PC_LAPIC_BASE | (m->destination & 0xff) << DESTINATION_SHIFT | (m->logical ? LOGICAL : 0),
        .data = m->vector | (uint32_t)m->delivery << DELIVERY_SHIFT | (m->level ? LEVEL | ASSERTED : 0),
    };
}

bool pc_kernel_message(const PcIrqs *q, const ApicMessage *m)
{
    AccelMessage msi = as_msi(m);
    return accel_of(q)->class->msi_send(accel_of(q), msi.addr, msi.data) > 0;
}

void pc_kernel_routes_changed(const PcIrqs *q)
{
    AccelMessage pins[PC_IOAPICS * IOAPIC_PINS] = { 0 };
    ApicMessage m;
    if (!is_split(q)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(pins); i++) {
        const Ioapic *io = q->ioapic[i / IOAPIC_PINS];
        if (io && ioapic_message(io, i % IOAPIC_PINS, &m) && m.level) {
            pins[i] = as_msi(&m);
        }
    }
    accel_of(q)->class->ioapic_routes(accel_of(q), pins, G_N_ELEMENTS(pins));
}

static void level_ended(void *opaque, uint8_t vector)
{
    PcIrqs *q = opaque;
    device_lock(&q->dev);
    pc_end_of_interrupt(q, vector);
    device_unlock(&q->dev);
}

void pc_kernel_connect(PcIrqs *q)
{
    if (is_split(q)) {
        accel_of(q)->level_ended = level_ended;
        accel_of(q)->level_opaque = q;
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interrupt controllers of a PC together: local APICs, I/O APICs, 8259A, and what is between them.
 *
 * They call each other in both directions (a request to the processor, the end of an interrupt back), so they share one lock,
 * that of this device, rank "interrupt chip".  It is taken where the outside world comes in: a line, a message of a device, an
 * access to a register, a timer.  Functions "under the lock" are for the controllers, and for devices that share it.
 *
 * A processor's own accesses to FEE00000h reach its own local APIC (cpu_current); what a device writes there is a message
 * (machine_send_msi). */
#pragma once
#include "hw/board.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"

enum { PC_IOAPICS = 2, PC_LAZY_MAX = 4 };
#define PC_LAPIC_BASE UINT64_C(0xfee00000)

/* Who drives a line only while it is heard: called under the lock when masks have changed, or requests are looked at. */
typedef struct PcLazyLine {
    void (*look)(void *opaque);
    void *opaque;
} PcLazyLine;

struct PcIrqs {
    Device dev;
    MemoryRegion window;            /* 1 MiB at PC_LAPIC_BASE */
    Lapic *lapic[MACHINE_MAX_CPUS]; /* by index of the CPU */
    unsigned lapics;
    Pic *pic;                   /* NULL: none */
    Ioapic *ioapic[PC_IOAPICS]; /* NULL: none; lines 0 to 23, 24 to 47 */
    PcLazyLine lazy[PC_LAZY_MAX];
    unsigned lazy_count;
    unsigned turn; /* of those with equal priority: who is asked first */
};

extern const DeviceClass pc_irqs_class;

/* For boards, in this order: the whole, which takes the machine's MSIs; then a local APIC for each CPU (none, if
 * their model has none: the first gets what the PIC asks for), the PIC, the I/O APICs. */
PcIrqs *pc_irqs_new(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool pc_irqs_add_cpus(PcIrqs *irqs, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool pc_irqs_add_pic(PcIrqs *irqs, Bus *isa, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool pc_irqs_add_ioapic(PcIrqs *irqs, hwaddr at, GError **err) G_GNUC_WARN_UNUSED_RESULT;
Lapic *pc_lapic_of_id(const PcIrqs *irqs, uint32_t apic_id); /* NULL: none; an id stays */
void pc_irqs_add_lazy(PcIrqs *irqs, void (*look)(void *opaque), void *opaque);

/* ---- pc_kernel.c: controllers that are the accelerator's, in the host's kernel ---- */

bool pc_irqs_in_kernel(
    const Machine *m); /* all of them: none is added, lines go there, and all of those are heard */
bool pc_lapics_in_kernel(const Machine *m); /* those, or the local APICs alone */
void pc_kernel_connect(PcIrqs *irqs);       /* the next two: for the controllers, under the lock */
bool pc_kernel_message(const PcIrqs *irqs, const ApicMessage *m); /* false: no APIC takes it */
void pc_kernel_routes_changed(const PcIrqs *irqs); /* an I/O APIC's entry of a level has changed */

/* IrqHandlers, opaque: PcIrqs.  Line 0 to 15: an ISA interrupt, which the PIC and the first I/O APIC get (the timer's, 0, by its pin
 * 2); up to 47: a pin of the I/O APICs. */
void pc_irq(void *opaque, int line, int level);
void pc_irq_locked(void *opaque, int line, int level); /* under the lock */
/* Under the lock: some controller does not mask it. */
bool pc_irq_is_heard(const PcIrqs *irqs, int line);
void pc_irqs_masks_changed(void *irqs); /* for the controllers */

/* Under the lock.  False: no APIC takes it. */
bool pc_message(PcIrqs *irqs, const ApicMessage *m, bool is_x2apic_id);
void pc_end_of_interrupt(PcIrqs *irqs, uint8_t vector); /* one of a level has ended */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O APIC. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum { IOAPIC_PINS = 24 };

typedef struct PcIrqs PcIrqs;

typedef struct Ioapic {
    Device dev;
    RegFile regs;
    PcIrqs *irqs; /* who carries its messages; NULL: nobody (a test) */
    uint8_t version;
    uint64_t raised[IOAPIC_PINS]; /* for `info irq` */
    struct IoapicState {
        uint32_t select, id;
        uint32_t lines; /* pins that are high */
        uint32_t edges; /* of machines saved when edges were held behind masks; nothing comes of them */
        uint64_t redirection[IOAPIC_PINS];
    } s;
} Ioapic;

extern const DeviceClass ioapic_class;

/* Under the lock of the interrupt controllers. */
void ioapic_drive(Ioapic *io, unsigned pin, int level);
void ioapic_end_of_interrupt(Ioapic *io, uint8_t vector);
bool ioapic_hears(const Ioapic *io, unsigned pin);
typedef struct ApicMessage ApicMessage;
/* What the pin sends, masked or not; false: nothing that there is. */
bool ioapic_message(const Ioapic *io, unsigned pin, ApicMessage *m);

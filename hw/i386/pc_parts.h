/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What PCs have in common: processors, the ISA bus, interrupt controllers, timer, clock, serial lines. */
#pragma once
#include "hw/char/isa_serial.h"
#include "hw/intc/pc_irq.h"
#include "hw/isa/isa.h"
#include "hw/isa/port92.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

#define PC_IOAPIC_BASE UINT64_C(0xfec00000)
#define PC_IOAPIC_STEP UINT64_C(0x10000)
enum { PC_COM1 = 0x3f8, PC_FW_CFG = 0x510, PC_FW_CFG_DMA = 0x514 };

/* Which of them a board wants. */
typedef struct PcWanted {
    bool pic, pit, rtc, port92;
    unsigned serials; /* the first of them is there even if -serial connects nothing */
    unsigned ioapics;
} PcWanted;

typedef struct PcParts {
    IsaBridge *isa;
    PcIrqs *irqs;
    Pit *pit;
    Mc146818 *rtc;
} PcParts;

/* All that -smp asks for; three faults in a row reset the machine. */
bool pc_make_cpus(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The CPUs are there. */
bool pc_make_parts(Machine *m, PcParts *p, const PcWanted *wanted, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* fw_cfg on its ports, with what is the same of all machines. */
bool pc_make_fw_cfg(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A line of a device that is not on the ISA bus. */
static inline void pc_connect(PcParts *p, Irq *irq, int line)
{
    irq_connect(irq, pc_irq, p->irqs, line);
}

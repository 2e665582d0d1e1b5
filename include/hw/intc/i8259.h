/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8259A interrupt controllers of a PC: one chip a device, the second one on input 2 of the first. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"
#include "target/cpu.h"

enum { PIC_LINES = 8, PIC_CASCADE = 2 };

typedef struct Pic Pic;
struct Pic {
    Device dev;
    RegFile regs, elcr_regs;
    uint32_t iobase, elcr_port;
    uint8_t elcr_mask; /* lines that may be level-triggered */
    bool master;
    Irq out;    /* INTR; of the second chip: input 2 of the first */
    Pic *slave; /* of the first */
    /* Called under the lock when a mask has changed, and before requests are looked at: who did not drive an input that
     * nobody heard does so now.  Or NULL. */
    void (*look)(void *opaque);
    void *look_opaque;
    IntSource source;           /* of the first, for a vCPU or a local APIC's LINT0 */
    bool intr;                  /* atomic: what `out` was last told */
    uint64_t raised[PIC_LINES]; /* for `info irq` */
    struct PicState {
        uint8_t irr, isr, imr;
        uint8_t lines; /* inputs that are high */
        uint8_t elcr;
        uint8_t base;     /* vector of input 0 */
        uint8_t lowest;   /* the input of lowest priority */
        uint8_t expected; /* PIC_ICW2 to PIC_ICW4: what the next write to the odd port is; 0: the mask */
        bool needs_icw4, single, all_level;
        bool auto_eoi, rotate_auto_eoi, special_mask, special_nested;
        bool read_isr, poll;
    } s;
};

extern const DeviceClass i8259_class;

/* Both, with their ports, made on the ISA bus.  They share the lock
 * of `with`, if that is not NULL.  NULL: they cannot be made. */
Pic *pic_pair_new(Machine *m, Bus *isa, const Device *with, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* Under the lock. */
void pic_pair_drive(Pic *master, int line, int level); /* 0 to 15 */
bool pic_hears(const Pic *master, int line);           /* a request would not be masked */
/* INTA: the vector, a spurious one (input 7) when nothing asks for it any more. */
int pic_acknowledge(Pic *master);

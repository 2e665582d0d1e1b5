/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NS16550A UART. */
#pragma once
#include "chardev/chardev.h"
#include "hw/device.h"
#include "hw/regs.h"

typedef struct Serial16550 {
    Device dev;
    RegFile regs;
    Chardev *chr;
    uint8_t regshift;
    Irq irq;
    bool watching; /* the host end is full: serial_writable will be called */
    bool full;     /* at the last refresh nothing more could be received */
    bool news;     /* since the last refresh: one more reason for an interrupt */
    struct Serial16550State {
        uint8_t ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
        bool thr_empty; /* a THR-empty interrupt is pending */
        Fifo8 rx, tx;
    } s;
} Serial16550;

extern const DeviceClass serial16550_class;

/* For classes that put one on another bus: their struct begins with it. */
extern const Field serial16550_state[];
bool serial16550_realize(Device *dev, GError **err); /* regs is there then */
void serial16550_unrealize(Device *dev);
void serial16550_reset(Device *dev);
void serial16550_refresh(Device *dev);
bool serial16550_loaded(Device *dev, GError **err);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818 real-time clock with the CMOS memory of a PC. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"
#include "hw/timer/rtc_base.h"

enum { CMOS_BYTES = 128 };

typedef struct Mc146818 {
    Device dev;
    RegFile regs;
    uint32_t iobase, line;
    Irq irq;
    /* Does anybody hear `irq`?  Else no timer runs for it: who has been deaf calls mc146818_look().  NULL: always. */
    bool (*heard)(void *opaque);
    void *heard_opaque;
    RtcBase base;
    Timer *timer;
    char *place; /* in the tree of objects */
    struct Mc146818State {
        uint8_t cmos[CMOS_BYTES]; /* while it runs the bytes of the time are not looked at */
        uint8_t index;
        uint64_t offset; /* what the guest added by setting the time: ns, two's complement */
        uint64_t seen;   /* ns since 1970 up to which flags are set */
    } s;
} Mc146818;

extern const DeviceClass mc146818_class;

/* For boards, before the machine runs, or while it stands still: what firmware reads of the machine. */
void mc146818_set_cmos(Mc146818 *r, unsigned index, uint8_t value);
/* Bring flags and `irq` up to date.  Under the lock. */
void mc146818_look(void *rtc);

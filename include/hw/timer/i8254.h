/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8254 interval timer of a PC, with port 61h. */
#pragma once
#include "base/clock.h"
#include "hw/device.h"
#include "hw/regs.h"

enum { PIT_CHANNELS = 3, PIT_HZ = 1193182 };

/* Times are ticks of the virtual clock at PIT_HZ. */
typedef struct PitChannel {
    uint64_t start;   /* the count was (or will be) loaded */
    uint64_t stopped; /* the gate is low: the tick at which it fell; else 0 */
    uint32_t count;   /* of the period that runs, 1 to 65536; 0: none was written since the control word */
    uint32_t next; /* takes its place at the end of the period (modes 2, 3) or at a trigger (1, 5); 0: none */
    uint8_t mode, access;
    bool bcd, gate;
    bool triggered; /* modes 1 and 5: since the control word */
    uint8_t low;    /* the first of two bytes that are written */
    bool has_low, read_high;
    uint16_t latch;
    uint8_t latched; /* bytes of it that are still to be read */
    uint8_t status;
    bool has_status;
} PitChannel;

typedef struct Pit {
    Device dev;
    RegFile regs, control;
    uint32_t iobase;
    Irq out; /* of channel 0; driven under the device's lock */
    /* Does anybody hear a pulse of `out` now?  Else no timer runs for it: who has been deaf calls pit_look().  NULL: always. */
    bool (*heard)(void *opaque);
    void *heard_opaque;
    Timer *timer;
    struct PitState {
        PitChannel channel[PIT_CHANNELS];
        uint64_t told; /* `out` has had its pulses up to this tick */
        uint8_t speaker;
    } s;
} Pit;

extern const DeviceClass i8254_class;

/* Bring `out` up to date, as if a timer had run all the time.  Under the lock. */
void pit_look(void *pit);

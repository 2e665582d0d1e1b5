/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V core-local interruptor: machine timer and software interrupts. */
#pragma once
#include "hw/board.h"
#include "hw/regs.h"
#include "base/comparator.h"

typedef struct AclintMtimer AclintMtimer;

typedef struct AclintHartTimer {
    AclintMtimer *owner;
    Comparator *comparator; /* of mtime with the hart's mtimecmp */
    Irq irq;                /* to the hart's machine timer input */
} AclintHartTimer;

struct AclintMtimer {
    Device dev;
    RegFile regs;
    RegTable table; /* the rows that follow */
    Reg rows[3];
    uint32_t num_harts, timecmp_base, time_base, aperture_size, timebase_freq;
    AclintHartTimer hart[MACHINE_MAX_CPUS];
    void (*time_changed)(void *opaque); /* mtime was written or reset: timers of the CPUs' own
                                           that follow it must look again; may be NULL */
    void *time_opaque;
    struct AclintMtimerState {
        uint64_t offset; /* mtime = ticks of the virtual clock + offset */
        uint64_t timecmp[MACHINE_MAX_CPUS];
    } s;
};

typedef struct AclintSwi {
    Device dev;
    RegFile regs;
    uint32_t num_harts;
    bool supervisor; /* SSWI: a write of 1 sets SSIP, reads are 0 */
    Irq irq[MACHINE_MAX_CPUS];
    struct AclintSwiState {
        uint32_t msip[MACHINE_MAX_CPUS];
    } s;
} AclintSwi;

extern const DeviceClass riscv_aclint_mtimer_class, riscv_aclint_swi_class;
/* mtime now; any thread, no lock.  opaque: the AclintMtimer. */
uint64_t aclint_read_time(void *opaque);

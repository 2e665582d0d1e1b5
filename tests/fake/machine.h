/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine for tests of the monitor and the debugger: RAM, two vCPUs of a made-up
 * architecture, and an accelerator that only notes what it is asked to do. */
#pragma once
#include "accel/accel.h"
#include "hw/board.h"

enum { FAKE_RAM = 0x80000000, FAKE_RAM_SIZE = 0x10000 };

typedef struct FakeCpu {
    CPU cpu;
    uint64_t x[32], pc, f[2];
    unsigned resets;
} FakeCpu;

typedef struct FakeAccel {
    Accel accel;
    bool running;
    unsigned resumes;
    void (*hook)(CPU *cpu, void *opaque);
    void *hook_opaque;
} FakeAccel;

extern FakeAccel fake_accel;

Machine *fake_machine_new(void); /* run state initialised */
void fake_machine_free(Machine *m);
FakeCpu *fake_cpu(Machine *m, unsigned i);
/* A vCPU stops for the debugger, as accelerators report it. */
void fake_debug_stop(Machine *m, unsigned i);

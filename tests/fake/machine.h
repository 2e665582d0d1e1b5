/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine for tests of the monitor and the debugger: RAM, two vCPUs of a made-up
 * architecture, and an accelerator that only notes what it is asked to do.
 *
 * The accelerator keeps registers as one in the kernel does: while the machine runs they are not in
 * the CPU structs, which hold garbage; only sync_from brings them. */
#pragma once
#include "accel/accel.h"
#include "hw/board.h"

enum { FAKE_RAM = 0x80000000, FAKE_RAM_SIZE = 0x10000 };

typedef struct FakeCpu {
    CPU cpu;
    struct FakeState {
        uint64_t x[32], pc, f[2];
        uint8_t v0[16];
    } s;
    struct FakeState kernel; /* what the accelerator has of it */
    unsigned resets, fetches;
} FakeCpu;

typedef struct FakeAccel {
    Accel accel;
    bool running;
    unsigned resumes;
    GPtrArray *cpus; /* of CPU */
    void (*hook)(CPU *cpu, void *opaque);
    void *hook_opaque;
} FakeAccel;

extern FakeAccel fake_accel;

Machine *fake_machine_new(void);
void fake_machine_free(Machine *m);
FakeCpu *fake_cpu(Machine *m, unsigned i);             /* stopped: its state may be read and changed */
struct FakeState *fake_kernel(Machine *m, unsigned i); /* running: where its state is */
/* A vCPU stops for the debugger, as accelerators report it. */
void fake_debug_stop(Machine *m, unsigned i);

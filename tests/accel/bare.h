/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest machine that runs guest code (bare.c): for tests of accel/tcg. */
#pragma once
#include "accel/tcg/loop.h"
#include "accel/tcg/run.h"
#include "accel/tcg/translate.h"
#include "hw/board.h"

enum { BARE_RAM_SIZE = 64 << 20 };
#define BARE_RAM UINT64_C(0x80000000)

typedef struct Bare {
    Machine machine;
    MemoryRegion uart, finisher;
    GString *output;
    int finished; /* what the guest wrote to the finisher */
    bool started;
} Bare;

/* options: of -accel, or NULL; the CPU stands at BARE_RAM in M mode. */
Bare *bare_new(const CPUArch *arch, const char *model, const char *accel, const char *options);
void bare_free(Bare *b);
CPU *bare_cpu(Bare *b);
TcgState *bare_state(Bare *b);
uint8_t *bare_ram(Bare *b);
void bare_start(Bare *b); /* makes its vCPU thread, once */
void bare_run(Bare *b);   /* until the guest writes to the finisher */

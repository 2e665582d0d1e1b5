/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64-bit code is entered by IRETQ, and leaves by a jump to SILICON_EXIT: two signals less than a piece that ends with INT3. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What the two programs behind it load and store, at a place that one instruction can name whatever the registers are. */
typedef struct SiliconDirect {
    uint64_t gpr[16];
    uint64_t frame[5]; /* of IRETQ: RIP, CS, RFLAGS, RSP, SS */
    uint64_t own_rsp;
    uint64_t flags;                  /* behind the piece */
    uint64_t ds, es, gs, ss;         /* the same */
    uint64_t leave;                  /* where SILICON_EXIT leads */
    _Alignas(64) uint8_t area[1024]; /* as XSAVE64 has it */
    _Alignas(64) uint8_t stack[1024];
} SiliconDirect;

/* Map and fill both pages; called once. */
SiliconDirect *silicon_direct_open(void);
/* Run what *it says.  True: it came to SILICON_EXIT, and *it has what was left; false: a handler went to silicon_direct_resume. */
bool silicon_direct_enter(void);
/* A breakpoint, whose handler goes on elsewhere, and some time to silicon_direct_resume. */
void silicon_direct_signal(void);
extern const uint8_t silicon_direct_resume[];

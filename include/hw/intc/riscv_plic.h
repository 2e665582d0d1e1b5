/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V platform-level interrupt controller. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum {
    PLIC_MAX_SOURCES = 128,
    PLIC_WORDS = PLIC_MAX_SOURCES / 32,
    PLIC_MAX_CONTEXTS = 128,
    PLIC_MAX_PRIORITY = 7,
};

typedef struct Plic {
    Device dev;
    RegFile regs;
    char *hart_config;
    uint32_t num_sources;
    unsigned context_count;               /* of hart-config */
    char context_mode[PLIC_MAX_CONTEXTS]; /* 'M' or 'S' */
    Irq out[PLIC_MAX_CONTEXTS];           /* to the harts' external interrupt inputs */
    uint64_t raised[PLIC_MAX_SOURCES];    /* requests of each source, for people */
    struct PlicState {
        uint32_t priority[PLIC_MAX_SOURCES];
        uint32_t pending[PLIC_WORDS], claimed[PLIC_WORDS], level[PLIC_WORDS];
        uint32_t enable[PLIC_MAX_CONTEXTS * PLIC_WORDS];
        uint32_t threshold[PLIC_MAX_CONTEXTS];
    } s;
} Plic;

extern const DeviceClass riscv_plic_class;
void plic_set_irq(void *opaque, int line, int level); /* an IrqHandler: line is the source */

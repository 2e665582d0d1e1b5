/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way from translated code to the functions over X86CPU. */
#pragma once
#include "target/i386/helpers.h"
#include "target/i386/mmu.h"
#include "target/i386/trap.h"
#include "target/vcpu.h"

enum { X86_HELPER_SYS = IRH_FAULT | IRH_READS | IRH_WRITES };

/* Ports (helpers-system.c): where nothing answers, or no machine has ports at all, reads give ones. */
uint64_t x86_port_read(CPU *cpu, uint16_t port, unsigned bytes);
void x86_port_write(CPU *cpu, uint16_t port, unsigned bytes, uint64_t value);

/* Raise what came up, if anything did. */
static inline void x86_helper_done(X86CPU *x, bool ok, const X86Fault *f)
{
    if (!ok) {
        x86_raise(x, f);
    }
}

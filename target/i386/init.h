/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INIT and start-up messages of local APICs; in the vCPU's thread, or while it stands still. */
#pragma once
#include "target/i386/cpu.h"

/* The processor that starts the machine goes on at the reset vector, another waits for a start-up message. */
void x86_init(X86CPU *x);
/* Start at vector << 12 in real mode, if it waits; else nothing. */
void x86_sipi(X86CPU *x, uint8_t vector);

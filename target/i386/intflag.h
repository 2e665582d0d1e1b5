/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that read or write the interrupt flag, with its virtual twin. */
#pragma once
#include "target/i386/cpu.h"

bool x86_cli(X86CPU *x, X86Fault *f);
/* Holds interrupts off for one instruction more, when they were off. */
bool x86_sti(X86CPU *x, X86Fault *f);
/* MOV SS, POP SS: as STI, and #DB; another one behind it holds off nothing. */
void x86_shadow_mov_ss(X86CPU *x);
/* What PUSHF pushes, and what POPF does with what it has popped. */
bool x86_pushf(X86CPU *x, unsigned bytes, uint64_t *image, X86Fault *f);
bool x86_popf(X86CPU *x, unsigned bytes, uint64_t image, X86Fault *f);

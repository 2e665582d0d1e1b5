/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that save and restore the state of floating point and vectors. */
#pragma once
#include "target/i386/cpu.h"

enum { /* bits of `how`, above X86_XSAVE_* of the row */
       XSAVE_HOW_ROW = 0xff,
       XSAVE_HOW_WIDE = 1 << 8, /* REX.W: pointers have 64 bits */
};

/* address, how, EDX:EAX */
extern const IrHelper x86_helper_save, x86_helper_restore;
uint32_t x86_mxcsr_mask(const X86CPU *x); /* bits that MXCSR has */

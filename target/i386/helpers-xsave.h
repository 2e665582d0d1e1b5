/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that save and restore the state of floating point and vectors. */
#pragma once
#include "tcg/ir.h"

enum { /* bits of `how`, above X86_XSAVE_* of the row */
       XSAVE_HOW_ROW = 0xff,
       XSAVE_HOW_WIDE = 1 << 8, /* REX.W: pointers have 64 bits */
};

/* address, how, EDX:EAX */
extern const IrHelper x86_helper_save, x86_helper_restore;
extern const IrHelper x86_helper_ldmxcsr; /* value; #GP for reserved bits */

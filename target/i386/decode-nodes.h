/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes that choose a row, between scripts/gen-x86.py and decode.c. */
#pragma once
#include "target/i386/decode.h"

/* What a node looks at; its children follow it, one a value. */
typedef enum X86Axis {
    X86_AXIS_PREFIX, /* none, 66, F3, F2 */
    X86_AXIS_MOD,    /* memory, register */
    X86_AXIS_REG,    /* ModRM.reg */
    X86_AXIS_RM,     /* ModRM.rm */
    X86_AXIS_MODE64, /* 64-bit code */
    X86_AXIS_W,      /* REX.W, VEX.W */
    X86_AXIS_W64,    /* VEX.W, which counts in 64-bit code only */
    X86_AXIS_L,      /* VEX.L */
    X86_AXIS_B,      /* REX.B */
} X86Axis;

/* A number below X86_NODE is a row (0: none), else X86_NODE + index into x86_nodes. */
enum { X86_NODE = 0x8000 };

extern const uint16_t x86_maps[X86_MAP_COUNT][256];
extern const uint16_t x86_nodes[];

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that translated x86 code calls. */
#pragma once
#include "tcg/ir.h"

/* helpers-int.c */
extern const IrHelper x86_helper_flags;  /* a, b, kind, turned -> EFL_ARITH bits */
extern const IrHelper x86_helper_carry;  /* the same -> 0 or 1 */
extern const IrHelper x86_helper_rotate; /* RCL, RCR: value, count, flags, bytes | right << 4 -> value */
extern const IrHelper x86_helper_rotate_flags; /* the same -> flags */
extern const IrHelper x86_helper_shiftd;       /* words: a, b, count, 2 | right << 4 -> value */
extern const IrHelper x86_helper_shiftd_flags;
extern const IrHelper x86_helper_spread; /* value, mask, is it PDEP (else PEXT) -> value */
extern const IrHelper x86_helper_crc32;  /* crc, value, bytes -> crc */
typedef enum X86Decimal {
    DECIMAL_DAA,
    DECIMAL_DAS,
    DECIMAL_AAA,
    DECIMAL_AAS,
    DECIMAL_AAM,
    DECIMAL_AAD
} X86Decimal;
extern const IrHelper x86_helper_decimal; /* X86Decimal, immediate, flags -> flags, and AX; #DE */

/* helpers-sys.c */
extern const IrHelper x86_helper_raise;           /* vector, error: at the pc that is stored */
extern const IrHelper x86_helper_probe_write;     /* linear, bytes: faults as a store would */
extern const IrHelper x86_helper_check_alignment; /* linear, alignment: #AC */
extern const IrHelper x86_helper_int;             /* vector, X86EventKind, next ip */
extern const IrHelper x86_helper_iret;            /* bytes, next ip */
extern const IrHelper x86_helper_far;             /* selector, offset, bytes | call << 8, next ip */
extern const IrHelper x86_helper_lret;            /* bytes, release */
/* sysc.c */
typedef enum X86Fast { FAST_SYSCALL, FAST_SYSRET, FAST_SYSENTER, FAST_SYSEXIT } X86Fast;
extern const IrHelper
    x86_helper_fast; /* X86Fast, bytes, next ip -> the exception that is to be raised, or 0 */

/* helpers-sys.c */
extern const IrHelper x86_helper_cli, x86_helper_sti;
extern const IrHelper x86_helper_pushf; /* bytes -> what is pushed */
extern const IrHelper x86_helper_popf;  /* image, bytes */

/* helpers-atomic.c */
extern const IrHelper x86_helper_cmpxchg16b; /* linear address -> ZF; RDX:RAX with RCX:RBX */

/* helpers-seg.c */
extern const IrHelper x86_helper_load_segment; /* X86SegId | without a shadow << 8, selector */
extern const IrHelper x86_helper_fsgsbase;     /* the new base, or 0: are these instructions on?  #UD, #GP */
extern const IrHelper x86_helper_umip;
extern const IrHelper x86_helper_load_table;  /* is it the IDT, base, limit */
extern const IrHelper x86_helper_load_system; /* is it TR, selector */
extern const IrHelper x86_helper_lmsw;
extern const IrHelper x86_helper_arpl; /* offset, selector, X86SegId -> ZF */
typedef enum X86Ask { ASK_VERR, ASK_VERW, ASK_LAR, ASK_LSL } X86Ask;
extern const IrHelper x86_helper_ask_descriptor; /* X86Ask, selector -> ZF << 32 | value */

/* helpers-system.c; without arguments: those of the instruction are in registers */
extern const IrHelper x86_helper_in;  /* port, bytes -> value */
extern const IrHelper x86_helper_out; /* port, value, bytes */
extern const IrHelper x86_helper_hlt, x86_helper_pause, x86_helper_rsm;
extern const IrHelper x86_helper_read_cr8, x86_helper_read_dr;  /* number */
extern const IrHelper x86_helper_write_cr, x86_helper_write_dr; /* number, value */
extern const IrHelper x86_helper_clts;
extern const IrHelper x86_helper_set_ac; /* on */
extern const IrHelper x86_helper_hypercall;
extern const IrHelper x86_helper_xgetbv, x86_helper_xsetbv, x86_helper_rdpkru, x86_helper_wrpkru;
extern const IrHelper x86_helper_rdmsr, x86_helper_wrmsr, x86_helper_cpuid;
extern const IrHelper x86_helper_rdtsc, x86_helper_random; /* -> value */
extern const IrHelper x86_helper_invlpg;                   /* linear address */
extern const IrHelper x86_helper_invpcid;                  /* type, PCID, linear address */
extern const IrHelper x86_helper_bound;                    /* index, lowest, highest */
/* helpers-string.c */
typedef enum X86Repeat { REP_MOVS, REP_STOS, REP_LODS, REP_SCAS, REP_CMPS, REP_INS, REP_OUTS } X86Repeat;
enum { /* what is repeated, in one word */
       REP_OP = 7,
       REP_SIZE_SHIFT = 3,        /* 2 bits: log2 of an element's bytes */
       REP_SEG_SHIFT = 5,         /* 3 bits: segment of the source */
       REP_ASZ_SHIFT = 8,         /* 4 bits: bytes of an address */
       REP_UNTIL_EQUAL = 1 << 12, /* REPNE */
       REP_ONE = 1 << 13,         /* once */
       REP_PLAIN = 1 << 14,       /* ... and rCX does not count */
};
extern const IrHelper
    x86_helper_repeat; /* the word: rCX, rSI, rDI, rAX, flags, memory -> is there more to do */
extern const IrHelper x86_helper_repeat_io; /* the same, of INS and OUTS */

/* helpers-debug.c */
extern const IrHelper x86_helper_begin; /* of an instruction in a block of one */
enum {                                  /* how an instruction ends: */
       X86_END_SHADOW = 1,              /* it holds interrupts off behind the next one */
       X86_END_RF = 2,                  /* it has loaded RF */
       X86_END_NO_STEP = 4,             /* it makes no single-step trap */
       X86_END_STEP_IF_TF = 8,          /* ... unless TF is still set */
       X86_END_AGAIN = 16,              /* it goes on with the next repetition */
       X86_END_BRANCH = 32,             /* it has branched, be it to what is behind it */
       X86_END_UNWATCHED = 64,          /* its block has others: no step, no record of branches */
};
extern const IrHelper x86_helper_finish; /* X86_END_*, in a block of one the pc behind it; the pc is stored */

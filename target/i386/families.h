/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translators of rows, by the name that the tables give them. */
#pragma once
#include "target/i386/translate.h"

/* translate-alu.c */
X86Translate x86_tr_alu, x86_tr_test, x86_tr_incdec, x86_tr_unary, x86_tr_adx, x86_tr_mul, x86_tr_imul,
    x86_tr_div, x86_tr_cbw, x86_tr_cwd, x86_tr_bswap, x86_tr_bitcount, x86_tr_bitscan, x86_tr_bittest,
    x86_tr_crc32, x86_tr_decimal;
/* translate-shift.c */
X86Translate x86_tr_shift, x86_tr_shiftd;
/* translate-data.c */
X86Translate x86_tr_mov, x86_tr_movx, x86_tr_lea, x86_tr_movbe, x86_tr_xlat, x86_tr_setcc, x86_tr_cmovcc,
    x86_tr_xchg, x86_tr_xadd, x86_tr_cmpxchg, x86_tr_push, x86_tr_pop, x86_tr_pushf, x86_tr_popf,
    x86_tr_pusha, x86_tr_popa, x86_tr_leave, x86_tr_enter;
/* translate-flow.c */
X86Translate x86_tr_jcc, x86_tr_jcxz, x86_tr_loop, x86_tr_near, x86_tr_ret, x86_tr_far, x86_tr_lret,
    x86_tr_iret, x86_tr_int, x86_tr_ud;
/* translate-sysc.c */
X86Translate x86_tr_syscall;
/* translate-seg.c */
X86Translate x86_tr_mov_from_seg, x86_tr_mov_to_seg, x86_tr_push_seg, x86_tr_pop_seg, x86_tr_lseg,
    x86_tr_swapgs, x86_tr_fsgsbase, x86_tr_store_table, x86_tr_load_table, x86_tr_descriptor, x86_tr_arpl;
/* translate-system.c */
X86Translate x86_tr_port, x86_tr_hlt, x86_tr_hypercall, x86_tr_rsm, x86_tr_monitor, x86_tr_pause,
    x86_tr_mov_from_control, x86_tr_mov_to_control, x86_tr_clts, x86_tr_ac, x86_tr_xcr, x86_tr_pkru,
    x86_tr_msr, x86_tr_cpuid, x86_tr_counter, x86_tr_random, x86_tr_invtlb, x86_tr_clflush, x86_tr_bound;
/* translate-bmi.c */
X86Translate x86_tr_andn, x86_tr_bls, x86_tr_bmi, x86_tr_mulx, x86_tr_shiftx, x86_tr_rorx;
/* translate-string.c */
X86Translate x86_tr_string;
/* translate-wide.c */
X86Translate x86_tr_cmpxchg2;
/* translate-vec-ops.c, translate-vec-move.c */
X86Translate x86_tr_vop, x86_tr_vshift, x86_tr_vfma, x86_tr_vextend, x86_tr_vcompare, x86_tr_vcomis,
    x86_tr_vtest, x86_tr_vmovmsk, x86_tr_vstring, x86_tr_vmov, x86_tr_vextract, x86_tr_vinsert,
    x86_tr_vbroadcast, x86_tr_vconvert, x86_tr_vmaskmov, x86_tr_vgather, x86_tr_vzero, x86_tr_mxcsr,
    x86_tr_emms;
/* translate-x87.c */
X86Translate x86_tr_fpu_load, x86_tr_fpu_store, x86_tr_fpu_const, x86_tr_fpu_alu, x86_tr_fpu_compare,
    x86_tr_fpu_cmov, x86_tr_fpu_function, x86_tr_fpu_stack, x86_tr_fpu_control, x86_tr_fpu_nop, x86_tr_fwait;
/* translate-xsave.c */
X86Translate x86_tr_xsave;
/* translate-sys.c */
X86Translate x86_tr_flag, x86_tr_ahf, x86_tr_salc, x86_tr_nop, x86_tr_fence;

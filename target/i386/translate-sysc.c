/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYSCALL, SYSRET, SYSENTER, SYSEXIT.
 * Spec: SDM volume 2, each instruction's page; AMD APM volume 3, the same.
 *
 * Of 64-bit code to 64-bit code SYSCALL and SYSRET are operations of the block, for systems do little more often; all else is
 * x86_helper_fast's, in the words of sysc.c, which says how the makers differ.  tests/target/i386/test-sysc-translated.c compares
 * the two. */
#include "target/i386/far.h"
#include "target/i386/families.h"
#include "target/i386/translate.h"

enum { LEVEL3 = 3 };

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

static IrRef masked(Translator *t, IrRef a, int64_t mask)
{
    return op2(t, IR_AND, a, x86_tr_const(t, mask));
}

static void store(Translator *t, MemOp mop, int64_t value, size_t at)
{
    ir_store_env(t->ir, mop, x86_tr_const(t, value), at);
}

/* ---- the pieces ----------------------------------------------------------------- */

static void need_sce(Translator *t)
{
    IrRef efer = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(X86CPU, s.efer));
    ir_brcc(t->ir, IR_TSTEQ, IR_I64, efer, x86_tr_const(t, EFER_SCE), x86_tr_cold_fault(t, X86_EXC_UD));
}

/* EFLAGS as a whole, but EFL_FIXED may be missing. */
static IrRef all_flags(Translator *t)
{
    IrRef arith = x86_tr_flags(t);
    return op2(t, IR_OR, arith, ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(X86CPU, s.eflags)));
}

static void set_all_flags(Translator *t, IrRef flags)
{
    IrRef system = op2(t, IR_OR, masked(t, flags, EFL_ALL & ~EFL_ARITH), x86_tr_const(t, EFL_FIXED));
    ir_store_env(t->ir, MEM_32, system, offsetof(X86CPU, s.eflags));
    x86_tr_set_packed(t, masked(t, flags, EFL_ARITH));
}

/* A selector in MSR_STAR. */
static IrRef star_selector(Translator *t, unsigned shift)
{
    IrRef star = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(X86CPU, s.msr.star));
    return op2(t, IR_SHR, star, x86_tr_const(t, shift));
}

static IrRef with_level3(Translator *t, IrRef selector)
{
    return op2(t, IR_OR, selector, x86_tr_const(t, LEVEL3));
}

/* selector and so much. */
static void set_selector(Translator *t, X86SegId seg, IrRef selector, unsigned more)
{
    selector = op2(t, IR_ADD, selector, x86_tr_const(t, more));
    ir_store_env(t->ir, MEM_16, selector, offsetof(X86CPU, s.seg[0].selector) + seg * sizeof(X86Segment));
}

/* The cache of a descriptor as enter_flat() fills it, and what x86_bounds_update() makes of that. */
static void load_flat(Translator *t, X86SegId seg, uint32_t attr)
{
    const int64_t end = (int64_t)UINT32_MAX + 1;
    size_t cache = offsetof(X86CPU, s.seg[0]) + seg * sizeof(X86Segment);
    size_t bounds = offsetof(X86CPU, bounds[0]) + seg * sizeof(X86Bounds);
    store(t, MEM_64, 0, cache + offsetof(X86Segment, base));
    store(t, MEM_32, (int32_t)UINT32_MAX, cache + offsetof(X86Segment, limit));
    store(t, MEM_32, attr, cache + offsetof(X86Segment, attr));
    store(t, MEM_64, 0, bounds + offsetof(X86Bounds, low));
    store(t, MEM_64, end, bounds + offsetof(X86Bounds, rd_end));
    store(t, MEM_64, attr & ATTR_CODE ? 0 : end, bounds + offsetof(X86Bounds, wr_end));
}

/* Leave for code of another level.  The key of the new context follows from the one of this block, the level and IOPL: unless a flag
 * is or was set that says more (x86_context_key()). */
static void leave_to_level(Translator *t, unsigned cpl, IrRef old_flags, IrRef new_flags, IrRef ip)
{
    enum { LEVEL = 2, MORE = EFL_TF | EFL_VM | EFL_AC }; /* LEVEL, and four times the cpl: below IOPL */
    size_t at = offsetof(CPU, mode_change);
    IrRef either = op2(t, IR_OR, old_flags, new_flags);
    IrRef any = ir_setcc(t->ir, IR_TSTNE, IR_I64, IR_NONE, either, x86_tr_const(t, MORE));
    IrRef change = op2(t, IR_OR, masked(t, new_flags, EFL_IOPL), x86_tr_const(t, LEVEL | cpl << 2));
    _Static_assert(MODE_ANY == 1, "what a comparison gives");
    change = op2(t, IR_OR, change, any);
    change = op2(t, IR_OR, change, ir_load_env(t->ir, MEM_32, IR_NONE, at));
    store(t, MEM_8, cpl, offsetof(X86CPU, s.cpl));
    ir_store_env(t->ir, MEM_32, change, at);
    ir_mov(t->ir, ir_global(G_PC), ip);
    x86_tr_exit_lookup(t, 0);
}

/* ---- 64-bit code to 64-bit code ----------------------------------------------------- */

static void syscall_64(Translator *t)
{
    need_sce(t);
    IrRef flags = all_flags(t);
    IrRef given = op2(t, IR_OR, masked(t, flags, ~EFL_RF), x86_tr_const(t, EFL_FIXED));
    IrRef mask = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(X86CPU, s.msr.fmask));
    IrRef now = op2(t, IR_ANDN, given, mask);
    IrRef selector = masked(t, star_selector(t, 32), ~SEL_RPL);
    ir_mov(t->ir, ir_global(G_GPR + X86_RCX), x86_tr_const(t, t->next));
    ir_mov(t->ir, ir_global(G_GPR + 11), given);
    set_all_flags(t, now);
    load_flat(t, SEG_CS, FIXED_CODE | ATTR_L);
    load_flat(t, SEG_SS, FIXED_DATA);
    set_selector(t, SEG_CS, selector, 0);
    set_selector(t, SEG_SS, selector, 8);
    IrRef lstar = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(X86CPU, s.msr.lstar));
    leave_to_level(t, 0, flags, now, lstar);
}

static void sysret_64(Translator *t)
{
    bool intel = t->cpu->vendor == VENDOR_INTEL;
    need_sce(t);
    IrRef ip = x86_tr_reg(t, X86_RCX, 8);
    if (intel) {
        x86_tr_check_ip(t, ip);
    }
    IrRef was = ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(X86CPU, s.eflags));
    IrRef now = masked(t, x86_tr_reg(t, 11, 8), EFL_ALL & ~(EFL_RF | EFL_VM));
    IrRef selector = star_selector(t, 48);
    set_all_flags(t, now);
    load_flat(t, SEG_CS, FIXED_CODE | ATTR_L | LEVEL3 << ATTR_DPL_SHIFT);
    set_selector(t, SEG_CS, with_level3(t, selector), 16);
    if (intel) { /* of AMD's the descriptor's cache stays, and so does the RPL */
        load_flat(t, SEG_SS, FIXED_DATA | LEVEL3 << ATTR_DPL_SHIFT);
    }
    set_selector(t, SEG_SS, intel ? with_level3(t, selector) : selector, 8);
    leave_to_level(t, LEVEL3, was, now, ip);
}

/* ---- all ------------------------------------------------------------------------- */

static void call_fast(Translator *t, X86Fast which)
{
    IrRef args[3] = { x86_tr_const(t, which), x86_tr_const(t, t->insn.osz),
                      x86_tr_const(t, x86_tr_ip(t, t->next)) };
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, t->pc));
    IrRef fault = x86_tr_call(t, &x86_helper_fast, 3, args);
    ir_brcc(t->ir, IR_EQ, IR_I32, fault, x86_tr_const(t, X86_EXC_UD), x86_tr_cold_fault(t, X86_EXC_UD));
    ir_brcc(t->ir, IR_EQ, IR_I32, fault, x86_tr_const(t, X86_EXC_GP), x86_tr_cold_fault(t, X86_EXC_GP));
    x86_tr_exit_lookup(t, X86_END_STEP_IF_TF);
}

void x86_tr_syscall(Translator *t)
{
    static const uint8_t fast[] = {
        [X86_SYSCALL_SYSCALL] = FAST_SYSCALL,
        [X86_SYSCALL_SYSRET] = FAST_SYSRET,
        [X86_SYSCALL_SYSENTER] = FAST_SYSENTER,
        [X86_SYSCALL_SYSEXIT] = FAST_SYSEXIT,
    };
    bool plain = t->code == 8 && !t->ends; /* nothing to be done between two instructions */
    if (plain && t->row->arg == X86_SYSCALL_SYSCALL) {
        syscall_64(t);
    } else if (plain && t->row->arg == X86_SYSCALL_SYSRET && t->insn.osz == 8 && t->cpl == 0) {
        sysret_64(t);
    } else {
        call_fast(t, fast[t->row->arg]);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: loads, stores, constants, moves within the stack.
 * Source: Intel SDM volume 2, each instruction's page; volume 1, "x87 FPU Exception Conditions".
 *
 * Compiled for general registers only: the guest's vectors stay in registers meanwhile. */
#include "target/i386/helpers-x87.h"

#include "target/i386/translators.h"
#include "target/i386/trap.h"
#include "target/i386/x87-memory.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"

enum {
    X87_HELPER = IRH_FAULT | IRH_REPEAT | IRH_NO_VECTORS,
    X87_OF_REGISTERS = X87_HELPER | IRH_X87_REGISTER
};

static X87 *begin(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    x87_wait_quick(x);
    return &x->s.x87;
}

static void helper_wait(CPU *cpu)
{
    begin(cpu);
}
const IrHelper x87_helper_wait = IR_HELPER0("x87_wait", helper_wait, X87_HELPER, VOID);

/* The only x87 instruction that CR0.EM does not stop, and TS only under MP. */
static void helper_fwait(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    if ((x->s.cr0 & CR0_MP) && (x->s.cr0 & CR0_TS)) {
        X86Fault f = { .vector = X86_EXC_NM };
        cpu_vectors_away(cpu);
        x86_raise(x, &f);
    }
    x87_wait_quick(x);
}
const IrHelper x87_helper_fwait = IR_HELPER0("x87_fwait", helper_fwait, X87_HELPER, VOID);

/* ---- loads ---------------------------------------------------------------------- */

/* Pushes; what a stack fault makes of it is the same for all. */
static void push_checked(X86CPU *x, Fp80 value, const Fp80Status *s)
{
    X87 *f = &x->s.x87;
    if (!x87_is_empty(f, 7)) {
        if (x87_stack_fault(f, true)) {
            x87_push(f, FP80_DEFAULT_NAN);
        }
    } else if (x87_settle(f, s) || (!(s->flags & FP_NV) && x87_compares_first(x))) {
        x87_push(f, value);
    }
}

void x87_load_any(CPU *cpu, uint64_t at, uint32_t how)
{
    X87 *f = begin(cpu);
    X87Format format = how & X87_FORMAT;
    unsigned i = how >> X87_REGISTER_SHIFT & 7;
    Fp80Status s;
    x87_arithmetic(f, &s);
    if (format != X87_STACK) {
        X87Operand o = x87_read_quick(cpu, at, format);
        push_checked(x86_cpu(cpu), x87_widen(&o, &s), &s);
    } else if (x87_is_empty(f, i)) {
        if (x87_stack_fault(f, false)) {
            x87_push(f, FP80_DEFAULT_NAN);
        }
    } else {
        push_checked(x86_cpu(cpu), *x87_st(f, i), &s);
    }
}

/* What is between two numbers of 64 bits, as the rounding says (SDM 1, "Approximation of Pi" and FLD1/FLDL2T...). */
static void helper_constant(CPU *cpu, uint32_t how)
{
    uint32_t which = how & X87_BELOW_INSN;
    static const struct {
        Fp80 below;   /* cut */
        bool nearest; /* is the next one */
    } rows[] = {
        [X86_FPU_CONST_ONE] = { { UINT64_C(0x8000000000000000), 0x3fff }, false },
        [X86_FPU_CONST_L2T] = { { UINT64_C(0xd49a784bcd1b8afe), 0x4000 }, false },
        [X86_FPU_CONST_L2E] = { { UINT64_C(0xb8aa3b295c17f0bb), 0x3fff }, true },
        [X86_FPU_CONST_PI] = { { UINT64_C(0xc90fdaa22168c234), 0x4000 }, true },
        [X86_FPU_CONST_LG2] = { { UINT64_C(0x9a209a84fbcff798), 0x3ffd }, true },
        [X86_FPU_CONST_LN2] = { { UINT64_C(0xb17217f7d1cf79ab), 0x3ffe }, true },
        [X86_FPU_CONST_Z] = { { 0, 0 }, false },
    };
    X87 *f = begin(cpu);
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 value = rows[which].below;
    bool exact = which == X86_FPU_CONST_ONE || which == X86_FPU_CONST_Z;
    value.mantissa += !exact && (s.rounding == FP_RUP || (s.rounding == FP_RNE && rows[which].nearest));
    push_checked(x86_cpu(cpu), value, &s);
}
const IrHelper x87_helper_constant = IR_HELPER1("x87_constant", helper_constant, X87_OF_REGISTERS, VOID, I32);

/* ---- stores --------------------------------------------------------------------- */

static void store_register(X87 *f, uint32_t how)
{
    unsigned i = how >> X87_REGISTER_SHIFT & 7;
    Fp80 value = *x87_st(f, 0);
    bool empty = x87_is_empty(f, 0), check = !(how & X87_NOCHECK);
    f->fsw &= ~FSW_C1;
    if (empty && check && !x87_stack_fault(f, false)) {
        return;
    }
    if (!empty || check) {
        x87_set_st(f, i, empty ? FP80_DEFAULT_NAN : value);
    }
    if (how & X87_POP) {
        x87_pop(f);
    }
}

/* Nothing that the guest sees changes before the store is done. */
void x87_store_any(CPU *cpu, uint64_t at, uint32_t how)
{
    X87 *f = begin(cpu);
    X87Format format = how & X87_FORMAT;
    if (format == X87_STACK) {
        store_register(f, how);
        return;
    }
    bool empty = x87_is_empty(f, 0);
    Fp80Status s;
    x87_arithmetic(f, &s);
    s.rounding = how & X87_CUT ? FP_RTZ : s.rounding;
    X87Operand o = x87_narrow(empty ? FP80_DEFAULT_NAN : *x87_st(f, 0), format, &s);
    uint16_t stops = empty ? FSW_IE & ~f->fcw : x87_raised(&s) & ~f->fcw & (FSW_BEFORE | FSW_OE | FSW_UE);
    if (stops) { /* there is no result that could be inexact */
        s.flags &= ~FP_NX;
        s.rounded_up = false;
        x87_probe_write_quick(cpu, at, format); /* and yet the operand could be written */
    }
    if (!stops) {
        x87_write_quick(cpu, at, format, &o);
    }
    if (empty) {
        x87_stack_fault(f, false);
    } else {
        x87_settle(f, &s);
    }
    if (!stops && (how & X87_POP)) {
        x87_pop(f);
    }
}

/* ---- within the stack ------------------------------------------------------------- */

static void helper_move(CPU *cpu, uint32_t how, uint32_t whether)
{
    unsigned i = how & 7;
    X87 *f = begin(cpu);
    if (x87_is_empty(f, 0) || x87_is_empty(f, i)) {
        if (x87_stack_fault(f, false)) {
            x87_set_st(f, 0, FP80_DEFAULT_NAN);
        }
        return;
    }
    if (whether) {
        *x87_st(f, 0) = *x87_st(f, i);
    }
}
const IrHelper x87_helper_move =
    IR_HELPER2("x87_move", helper_move, X87_HELPER | IRH_X87_MOVE, VOID, I32, I32);

static void exchange(X87 *f, unsigned i)
{
    bool fault = x87_is_empty(f, 0) || x87_is_empty(f, i);
    if (fault && !x87_stack_fault(f, false)) {
        return;
    }
    Fp80 a = x87_is_empty(f, 0) ? FP80_DEFAULT_NAN : *x87_st(f, 0);
    Fp80 b = x87_is_empty(f, i) ? FP80_DEFAULT_NAN : *x87_st(f, i);
    x87_set_st(f, 0, b);
    x87_set_st(f, i, a);
}

/* FCHS, FABS. */
static void helper_sign(CPU *cpu, uint32_t keep, uint32_t flip)
{
    X87 *f = begin(cpu);
    if (x87_is_empty(f, 0)) {
        if (x87_stack_fault(f, false)) {
            x87_set_st(f, 0, FP80_DEFAULT_NAN);
        }
        return;
    }
    X86Fpr *st = x87_st(f, 0);
    f->fsw &= ~FSW_C1;
    st->exponent = (st->exponent & (0x7fff | keep)) ^ (flip & 0x8000);
}
const IrHelper x87_helper_sign = IR_HELPER2("x87_sign", helper_sign, X87_OF_REGISTERS, VOID, I32, I32);

static void helper_stack(CPU *cpu, uint32_t which, uint32_t how)
{
    unsigned i = how & 7;
    X87 *f = begin(cpu);
    f->fsw &= ~FSW_C1;
    switch (which) {
    case X86_FPU_STACK_FXCH: exchange(f, i); break;
    case X86_FPU_STACK_FDECSTP:
    case X86_FPU_STACK_FINCSTP: f->top = (f->top + (which == X86_FPU_STACK_FINCSTP ? 1 : -1)) & 7; break;
    case X86_FPU_STACK_FFREEP:
        x87_free(f, i);
        x87_pop(f);
        break;
    default: x87_free(f, i); break; /* FFREE */
    }
}
const IrHelper x87_helper_stack = IR_HELPER2("x87_stack", helper_stack, X87_OF_REGISTERS, VOID, I32, I32);

/* ---- control ---------------------------------------------------------------------- */

static void helper_clear(CPU *cpu)
{
    x87_need(cpu);
    x86_cpu(cpu)->s.x87.fsw &= ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
}
const IrHelper x87_helper_clear = IR_HELPER0("x87_clear", helper_clear, IRH_REPEAT | IRH_NO_VECTORS, VOID);

static uint32_t helper_status(CPU *cpu)
{
    return x87_status_word(&x86_cpu(cpu)->s.x87);
}
const IrHelper x87_helper_status =
    IR_HELPER0("x87_status", helper_status, IRH_REPEAT | IRH_NO_VECTORS | IRH_X87_STATUS, I32);

static void helper_control(CPU *cpu, uint32_t word)
{
    x87_set_control_word(&x86_cpu(cpu)->s.x87, word);
}
const IrHelper x87_helper_control =
    IR_HELPER1("x87_control", helper_control, IRH_REPEAT | IRH_NO_VECTORS | IRH_X87_CONTROL, VOID, I32);

const IrHelper x87_helper_away =
    IR_HELPER0("x87_away", x87_need, IRH_REPEAT | IRH_NO_VECTORS | IRH_X87_AWAY, VOID);

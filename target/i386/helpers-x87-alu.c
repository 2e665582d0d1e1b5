/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: sums, products, quotients, comparisons: every case.
 * Source: Intel SDM volume 2, each instruction's page; volume 1, "x87 FPU Exception Conditions".
 *
 * Compiled for general registers only: the guest's vectors stay in registers meanwhile. */
#include "target/i386/helpers-x87.h"

#include "target/i386/x87-memory.h"
#include "target/i386/x87.h"

static void pop_as_told(X87 *f, uint32_t how)
{
    if (how & (X87_POP | X87_POP_TWICE)) {
        x87_pop(f);
    }
    if (how & X87_POP_TWICE) {
        x87_pop(f);
    }
}

/* The operand beside ST(0).  False: it is an empty register, or ST(0) is. */
static bool get_other(CPU *cpu, X87 *f, uint64_t at, uint32_t how, Fp80 *value, Fp80Status *s)
{
    X87Format format = how & X87_FORMAT;
    unsigned i = how >> X87_REGISTER_SHIFT & 7;
    if (format != X87_STACK) {
        X87Operand o = x87_read_quick(cpu, at, format);
        *value = x87_operand(&o, s);
        return !x87_is_empty(f, 0);
    }
    *value = *x87_st(f, i);
    return !x87_is_empty(f, 0) && !x87_is_empty(f, i);
}

/* ---- arithmetic ------------------------------------------------------------------- */

static Fp80 calculate(X87Operation op, Fp80 a, Fp80 b, Fp80Status *s)
{
    switch (op) {
    case X87_ADD: return fp80_add(a, b, s);
    case X87_MUL: return fp80_mul(a, b, s);
    case X87_SUB: return fp80_sub(a, b, s);
    default: return fp80_div(a, b, s);
    }
}

void x87_alu_any(CPU *cpu, uint64_t at, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    x87_wait_quick(x);
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 other, r = FP80_DEFAULT_NAN;
    bool done;
    if (get_other(cpu, f, at, how, &other, &s)) {
        Fp80 top = *x87_st(f, 0);
        bool swap = !(how & X87_TO_STI) != !(how & X87_REVERSE);
        r = calculate(how >> X87_OP_SHIFT & (X87_OPERATIONS - 1), swap ? other : top, swap ? top : other, &s);
        done = x87_settle(f, &s);
    } else {
        done = x87_stack_fault(f, false);
    }
    if (done) {
        x87_set_st(f, how & X87_TO_STI ? how >> X87_REGISTER_SHIFT & 7 : 0, r);
        pop_as_told(f, how);
    }
}

/* ---- comparisons -------------------------------------------------------------------- */

/* What becomes of an order: codes, and pops. */
typedef struct Comparison {
    FpOrder order;
    bool known, done;
} Comparison;

static Comparison compare(CPU *cpu, uint64_t at, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    x87_wait_quick(x);
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 other;
    Comparison c = { .order = FP_UNORDERED };
    if (get_other(cpu, f, at, how, &other, &s)) {
        uint16_t c1 = how & X87_FLAGS ? f->fsw & FSW_C1 : 0; /* those that set EFLAGS leave it */
        c.order = fp80_compare(*x87_st(f, 0), other, !(how & X87_QUIET), &s);
        c.done = x87_settle(f, &s);
        f->fsw |= c1;
    } else {
        c.done = x87_stack_fault(f, false);
    }
    c.known = c.done || x87_compares_first(x);
    return c;
}

void x87_compare_any(CPU *cpu, uint64_t at, uint32_t how)
{
    static const uint16_t codes[] = {
        [FP_LESS] = FSW_C0, [FP_EQUAL] = FSW_C3, [FP_GREATER] = 0, [FP_UNORDERED] = FSW_C0 | FSW_C2 | FSW_C3
    };
    X87 *f = &x86_cpu(cpu)->s.x87;
    Comparison c = compare(cpu, at, how);
    if (c.known) {
        f->fsw = (f->fsw & ~(FSW_C0 | FSW_C2 | FSW_C3)) | codes[c.order];
    }
    if (c.done) {
        pop_as_told(f, how);
    }
}

uint64_t x87_compare_flags_any(CPU *cpu, uint32_t how, uint64_t flags)
{
    static const uint8_t codes[] = {
        [FP_LESS] = EFL_CF, [FP_EQUAL] = EFL_ZF, [FP_GREATER] = 0, [FP_UNORDERED] = EFL_CF | EFL_PF | EFL_ZF
    };
    Comparison c = compare(cpu, 0, how);
    if (c.done) {
        pop_as_told(&x86_cpu(cpu)->s.x87, how);
    }
    return c.known ? codes[c.order] : flags;
}

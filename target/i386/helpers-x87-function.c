/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: functions of ST(0), or of ST(0) and ST(1).
 *
 * Those that a chip computes to its own last bit, sines and logarithms, are the host's own where that is an x86, with the
 * guest's control word: equal to that chip, and to others within an ulp.
 *
 * Source: Intel SDM volume 2, each instruction's page; volume 1, "x87 FPU Exception Conditions". */
#include "target/i386/helpers-x87.h"

#include "fpu/extended-host.h"
#include "target/i386/translators.h"
#include "target/i386/x87.h"

enum { X87_HELPER = IRH_FAULT | IRH_REPEAT | IRH_X87_REGISTER };

static void set_codes(X87 *f, uint16_t which, uint16_t codes)
{
    f->fsw = (f->fsw & ~which) | (codes & which);
}

/* ---- without exceptions ------------------------------------------------------------- */

static void examine(X87 *f)
{
    enum { C0 = FSW_C0, C2 = FSW_C2, C3 = FSW_C3 };
    Fp80 a = *x87_st(f, 0);
    unsigned exponent = a.exponent & 0x7fff;
    bool integer = a.mantissa >> 63, fraction = a.mantissa << 1;
    uint16_t class = x87_is_empty(f, 0)   ? C3 | C0
                     : exponent == 0      ? (a.mantissa ? C3 | C2 : C3)
                     : !integer           ? 0
                     : exponent != 0x7fff ? C2
                     : fraction           ? C0
                                          : C2 | C0;
    set_codes(f, FSW_CODES, class | (a.exponent >> 15 ? FSW_C1 : 0));
}

static void test(const X86CPU *x, X87 *f)
{
    static const uint16_t codes[] = {
        [FP_LESS] = FSW_C0, [FP_EQUAL] = FSW_C3, [FP_GREATER] = 0, [FP_UNORDERED] = FSW_C0 | FSW_C2 | FSW_C3
    };
    Fp80Status s;
    x87_arithmetic(f, &s);
    FpOrder order = fp80_compare(*x87_st(f, 0), (Fp80){ 0 }, true, &s);
    if (x87_settle(f, &s) || x87_compares_first(x)) {
        set_codes(f, FSW_C0 | FSW_C2 | FSW_C3, codes[order]);
    }
}

/* ---- exact, or rounded once ------------------------------------------------------------ */

static void unary(X87 *f, Fp80 (*function)(Fp80 a, Fp80Status *s))
{
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 r = function(*x87_st(f, 0), &s);
    if (x87_settle(f, &s)) {
        x87_set_st(f, 0, r);
    }
}

static void scale(X87 *f)
{
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 r = fp80_scale(*x87_st(f, 0), *x87_st(f, 1), &s);
    if (x87_settle(f, &s)) {
        x87_set_st(f, 0, r);
    }
}

static void extract(X87 *f)
{
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80 significand, exponent = fp80_extract(*x87_st(f, 0), &significand, &s);
    if (x87_settle(f, &s)) {
        x87_set_st(f, 0, exponent);
        x87_push(f, significand);
    }
}

static void remainder_of(X87 *f, bool nearest)
{
    Fp80Status s;
    x87_arithmetic(f, &s);
    Fp80Quotient q;
    Fp80 r = fp80_remainder(*x87_st(f, 0), *x87_st(f, 1), nearest, &q, &s);
    bool done = x87_settle(f, &s);
    set_codes(f, FSW_C2, done && q.partial ? FSW_C2 : 0);
    if (done) {
        x87_set_st(f, 0, r);
    }
    if (done && q.known) {
        set_codes(f, FSW_C0 | FSW_C1 | FSW_C3,
                  (q.low & 4 ? FSW_C0 : 0) | (q.low & 2 ? FSW_C3 : 0) | (q.low & 1 ? FSW_C1 : 0));
    }
}

/* ---- the chip's own ------------------------------------------------------------------------ */

static void transcend(X87 *f, Fp80Function which)
{
    Fp80Result r = { .st = { *x87_st(f, 0), *x87_st(f, 1) } };
    fp80_function(which, &r, f->fcw);
    set_codes(f, which >= FP80_PTAN ? FSW_C1 | FSW_C2 : FSW_C1, r.status);
    x87_set_status_word(f, x87_status_word(f) | (r.status & FSW_EXCEPTIONS));
    if (r.moved < 0) {
        x87_pop(f);
    }
    x87_set_st(f, 0, r.st[r.moved > 0]);
    if (r.moved > 0) {
        x87_push(f, r.st[0]);
    }
}

/* ---- all -------------------------------------------------------------------------------------- */

static bool takes_two(uint32_t which)
{
    switch (which) {
    case X86_FPU_FUNCTION_YL2X:
    case X86_FPU_FUNCTION_YL2XP1:
    case X86_FPU_FUNCTION_PATAN:
    case X86_FPU_FUNCTION_PREM:
    case X86_FPU_FUNCTION_PREM1:
    case X86_FPU_FUNCTION_SCALE: return true;
    default: return false;
    }
}

static bool pushes(uint32_t which)
{
    return which == X86_FPU_FUNCTION_PTAN || which == X86_FPU_FUNCTION_SINCOS ||
           which == X86_FPU_FUNCTION_XTRACT;
}

static bool pops(uint32_t which)
{
    return which == X86_FPU_FUNCTION_YL2X || which == X86_FPU_FUNCTION_YL2XP1 ||
           which == X86_FPU_FUNCTION_PATAN;
}

/* C2 says whether an operand was too large. */
static bool reduces(uint32_t which)
{
    switch (which) {
    case X86_FPU_FUNCTION_PREM:
    case X86_FPU_FUNCTION_PREM1:
    case X86_FPU_FUNCTION_PTAN:
    case X86_FPU_FUNCTION_SIN:
    case X86_FPU_FUNCTION_COS:
    case X86_FPU_FUNCTION_SINCOS: return true;
    default: return false;
    }
}

/* A fault of the stack, and its masked answer.  False: there is none. */
static bool stack_faults(const X86CPU *x, X87 *f, uint32_t which)
{
    bool under = x87_is_empty(f, 0) || (takes_two(which) && x87_is_empty(f, 1));
    bool over = pushes(which) && !x87_is_empty(f, 7);
    if (!under && !over) {
        return false;
    }
    bool done = x87_stack_fault(f, !under);
    if (reduces(which)) {
        set_codes(f, FSW_C2, 0);
    }
    if (which == X86_FPU_FUNCTION_TST) {
        set_codes(f, done || x87_compares_first(x) ? FSW_C0 | FSW_C2 | FSW_C3 : 0, UINT16_MAX);
    } else if (done) {
        if (pops(which)) {
            x87_pop(f);
        }
        x87_set_st(f, 0, FP80_DEFAULT_NAN);
        if (pushes(which)) {
            x87_push(f, FP80_DEFAULT_NAN);
        }
    }
    return true;
}

static void run(const X86CPU *x, X87 *f, uint32_t which)
{
    switch (which) {
    case X86_FPU_FUNCTION_TST: test(x, f); break;
    case X86_FPU_FUNCTION_SQRT: unary(f, fp80_sqrt); break;
    case X86_FPU_FUNCTION_RNDINT: unary(f, fp80_round); break;
    case X86_FPU_FUNCTION_SCALE: scale(f); break;
    case X86_FPU_FUNCTION_XTRACT: extract(f); break;
    case X86_FPU_FUNCTION_PREM: remainder_of(f, false); break;
    case X86_FPU_FUNCTION_PREM1: remainder_of(f, true); break;
    case X86_FPU_FUNCTION_2XM1: transcend(f, FP80_2XM1); break;
    case X86_FPU_FUNCTION_YL2X: transcend(f, FP80_YL2X); break;
    case X86_FPU_FUNCTION_YL2XP1: transcend(f, FP80_YL2XP1); break;
    case X86_FPU_FUNCTION_PATAN: transcend(f, FP80_PATAN); break;
    case X86_FPU_FUNCTION_PTAN: transcend(f, FP80_PTAN); break;
    case X86_FPU_FUNCTION_SIN: transcend(f, FP80_SIN); break;
    case X86_FPU_FUNCTION_COS: transcend(f, FP80_COS); break;
    default: transcend(f, FP80_SINCOS); break;
    }
}

static void helper_function(CPU *cpu, uint32_t how)
{
    uint32_t which = how & X87_BELOW_INSN;
    X86CPU *x = x86_cpu(cpu);
    x87_wait(x);
    X87 *f = &x->s.x87;
    if (which == X86_FPU_FUNCTION_XAM) {
        examine(f);
    } else if (!stack_faults(x, f, which)) {
        run(x, f, which);
    }
}
const IrHelper x87_helper_function = IR_HELPER1("x87_function", helper_function, X87_HELPER, VOID, I32);

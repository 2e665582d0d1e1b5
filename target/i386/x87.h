/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's registers and what its instructions share: words of control, status and tags, the stack, exceptions.
 * Source: Intel SDM volume 1, "Programming with the x87 FPU". */
#pragma once
#include "fpu/extended.h"
#include "target/i386/cpu.h"

enum { /* the status word */
       FSW_IE = 1 << 0,
       FSW_DE = 1 << 1,
       FSW_ZE = 1 << 2,
       FSW_OE = 1 << 3,
       FSW_UE = 1 << 4,
       FSW_PE = 1 << 5,
       FSW_EXCEPTIONS = 0x3f,
       FSW_BEFORE = FSW_IE | FSW_DE | FSW_ZE, /* found before there is a result: unmasked, nothing is done */
       FSW_SF = 1 << 6,
       FSW_ES = 1 << 7, /* one is unmasked: the next waiting instruction raises it */
       FSW_C0 = 1 << 8,
       FSW_C1 = 1 << 9,
       FSW_C2 = 1 << 10,
       FSW_TOP = 7 << 11, /* kept in X87.top */
       FSW_TOP_SHIFT = 11,
       FSW_C3 = 1 << 14,
       FSW_CODES = FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3,
       FSW_B = 1 << 15, /* as ES */
};
enum { /* the control word: masks of exceptions in their places of the status word */
       FCW_INIT = 0x37f,
       FCW_FIXED = 0x40,
       FCW_WRITABLE = 0x1f3f,
       FCW_PC_SHIFT = 8,
       FCW_RC_SHIFT = 10,
};
enum { FOP_BITS = 0x7ff };

/* ---- x87.c: words ---- */
uint16_t x87_status_word(const X87 *f);
void x87_set_status_word(X87 *f, uint16_t word); /* ES and B are worked out */
void x87_set_control_word(X87 *f, uint16_t word);
/* Two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
uint16_t x87_tag_word(const X87 *f);
void x87_set_tag_word(X87 *f, uint16_t word);
void x87_init(X87 *f); /* FNINIT: registers keep their values, and are empty */

/* ---- the stack ---- */
static inline X86Fpr *x87_st(X87 *f, unsigned i)
{
    return &f->st[(f->top + i) & 7];
}
static inline bool x87_is_empty(const X87 *f, unsigned i)
{
    return !(f->tags >> ((f->top + i) & 7) & 1);
}
static inline void x87_free(X87 *f, unsigned i)
{
    f->tags &= ~(1u << ((f->top + i) & 7));
}
static inline void x87_set_st(X87 *f, unsigned i, Fp80 value)
{
    *x87_st(f, i) = value;
    f->tags |= 1u << ((f->top + i) & 7);
}
static inline void x87_push(X87 *f, Fp80 value)
{
    f->top = (f->top - 1) & 7;
    x87_set_st(f, 0, value);
}
static inline void x87_pop(X87 *f)
{
    x87_free(f, 0);
    f->top = (f->top + 1) & 7;
}

/* ---- x87-host.c: the host's x87 has the guest's registers, status and control word (IrX87) ---- */
void x87_take(CPU *cpu);
void x87_away(CPU *cpu);
void x87_need(
    CPU *cpu); /* the same, of what looks at those in X86CPU.s: it will not be there again at once */

/* ---- exceptions ---- */
/* How the control word has arithmetic round, and which results trap. */
static inline void x87_arithmetic(const X87 *f, Fp80Status *s)
{
    enum { ROUNDINGS = FP_RNE | FP_RDN << 4 | FP_RUP << 8 | FP_RTZ << 12 };
    static const uint8_t precisions[] = { 24, 64, 53, 64 }; /* 1 is reserved */
    /* field by field: a struct is copied in words that its bytes are not in yet */
    s->rounding = ROUNDINGS >> 4 * (f->fcw >> FCW_RC_SHIFT & 3) & 0xf;
    s->precision = precisions[f->fcw >> FCW_PC_SHIFT & 3];
    s->traps = (f->fcw & FSW_OE ? 0 : FP_OF) | (f->fcw & FSW_UE ? 0 : FP_UF);
    s->flags = 0;
    s->rounded_up = s->subnormal = false;
}
/* Exceptions of an operation as bits of the status word. */
static inline uint16_t x87_raised(const Fp80Status *s)
{
    unsigned f = s->flags;
    return (f & FP_NV ? FSW_IE : 0) | (f & FP_DN ? FSW_DE : 0) | (f & FP_DZ ? FSW_ZE : 0) |
           (f & FP_OF ? FSW_OE : 0) | (f & FP_UF ? FSW_UE : 0) | (f & FP_NX ? FSW_PE : 0);
}
bool x87_settle_unmasked(X87 *f, const Fp80Status *s);
/* The operation is over: its exceptions and C1 come to the status word.  False: one was found before there is a result,
 * and is unmasked: nothing is stored or popped. */
static inline bool x87_settle(X87 *f, const Fp80Status *s)
{
    uint16_t raised = x87_raised(s);
    if (raised & ~f->fcw) {
        return x87_settle_unmasked(f, s);
    }
    f->fsw = (f->fsw & ~FSW_C1) | raised | (s->rounded_up ? FSW_C1 : 0);
    return true;
}
/* A push into a register in use (over), or use of an empty one.  False: unmasked, nothing is stored or popped. */
bool x87_stack_fault(X87 *f, bool over);
/* AMD's chips compare, and load subnormal numbers, before they look for unmasked exceptions: codes, flags and the register
 * are written, though nothing is popped.  The SDM has them unchanged. */
static inline bool x87_compares_first(const X86CPU *x)
{
    return x->vendor == VENDOR_AMD;
}
void x87_raise_pending(X86CPU *x);
/* Before a waiting instruction, from a helper: what is pending comes now, #MF or FERR#. */
static inline bool x87_is_pending(const X86CPU *x)
{
    return (x->s.x87.fsw & FSW_ES) || __atomic_load_n(&x->s.ignne, __ATOMIC_RELAXED);
}
static inline void x87_wait(X86CPU *x)
{
    if (x87_is_pending(x)) {
        x87_raise_pending(x);
    }
}
void x87_raise_pending_quick(X86CPU *x);     /* x87-quick.c */
static inline void x87_wait_quick(X86CPU *x) /* of helpers marked IRH_NO_VECTORS */
{
    if (G_UNLIKELY(x87_is_pending(x))) {
        x87_raise_pending_quick(x);
    }
}

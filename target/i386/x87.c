/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See x87.h.  Compiled for general registers only, for helpers that run with the guest's vectors in registers. */
#include "target/i386/x87.h"

/* ---- words -------------------------------------------------------------------- */

/* ES and B say whether a flag that is set is unmasked. */
static void summarize(X87 *f)
{
    f->fsw &= ~(FSW_ES | FSW_B);
    f->fsw |= f->fsw & ~f->fcw & FSW_EXCEPTIONS ? FSW_ES | FSW_B : 0;
}

uint16_t x87_status_word(const X87 *f)
{
    return (f->fsw & ~FSW_TOP) | f->top << FSW_TOP_SHIFT;
}

void x87_set_status_word(X87 *f, uint16_t word)
{
    f->top = (word & FSW_TOP) >> FSW_TOP_SHIFT;
    f->fsw = word & ~FSW_TOP;
    summarize(f);
}

void x87_set_control_word(X87 *f, uint16_t word)
{
    f->fcw = (word & FCW_WRITABLE) | FCW_FIXED;
    summarize(f);
}

static unsigned tag_of(const X87 *f, unsigned i)
{
    const X86Fpr *r = &f->st[i];
    unsigned exponent = r->exponent & 0x7fff;
    if (!(f->tags >> i & 1)) {
        return 3;
    }
    if (exponent == 0 && r->mantissa == 0) {
        return 1;
    }
    return exponent == 0 || exponent == 0x7fff || !(r->mantissa >> 63) ? 2 : 0;
}

uint16_t x87_tag_word(const X87 *f)
{
    unsigned word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word |= tag_of(f, i) << 2 * i;
    }
    return word;
}

void x87_set_tag_word(X87 *f, uint16_t word)
{
    f->tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        f->tags |= (word >> 2 * i & 3) == 3 ? 0 : 1 << i;
    }
}

void x87_init(X87 *f)
{
    f->fcw = FCW_INIT;
    f->fsw = f->fop = f->fcs = f->fds = 0;
    f->fip = f->fdp = 0;
    f->top = f->tags = 0;
}

/* ---- exceptions ----------------------------------------------------------------- */

bool x87_settle_unmasked(X87 *f, const Fp80Status *s)
{
    uint16_t raised = x87_raised(s);
    bool done = !(raised & ~f->fcw & FSW_BEFORE);
    f->fsw &= ~FSW_C1;
    f->fsw |= done ? raised | (s->rounded_up ? FSW_C1 : 0) : raised & FSW_BEFORE;
    summarize(f);
    return done;
}

bool x87_stack_fault(X87 *f, bool over)
{
    f->fsw &= ~FSW_C1;
    f->fsw |= FSW_IE | FSW_SF | (over ? FSW_C1 : 0);
    summarize(f);
    return f->fcw & FSW_IE;
}

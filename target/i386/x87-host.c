/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's x87 in the host's, while translated code runs: registers with their places and tags, status word, control word.
 *
 * Only while all exceptions are masked and none is pending: then no x87 instruction traps, and the host's own do all that the
 * guest's do, stack faults included.  The pointers to the last instruction are the guest's alone, in X87 at any time.
 *
 * C code runs meanwhile (helpers, lookups, devices), and none of it may use the x87 before x87_away(): there is no long double
 * but in what x87 instructions themselves need (fpu/extended-host.c), and sanitizers have none.
 *
 * Source: Intel SDM volume 1, figure "Protected Mode x87 FPU State Image in Memory, 32-Bit Format"; volume 2, FNSAVE, FRSTOR. */
#include "target/i386/x87.h"

#include <string.h>

#if defined(__x86_64__)

enum { FREE = 3, REGISTER_BYTES = 10, CALLS_BEFORE = 3 };

/* What FNSAVE writes. */
typedef struct Image {
    uint16_t control, reserved0, status, reserved1, tags, reserved2;
    uint32_t pointers[4];
    uint8_t st[8][REGISTER_BYTES]; /* ST(0) first */
} __attribute__((packed)) Image;
_Static_assert(sizeof(Image) == 108, "as the SDM has it");

static bool may_go(const X86CPU *x)
{
    return (x->s.x87.fcw & FSW_EXCEPTIONS) == FSW_EXCEPTIONS && !x87_is_pending(x);
}

/* Both ways take as long as ten helpers: not for an instruction or two among those of MMX, or between saves of the state. */
void x87_take(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    Image i = { .control = f->fcw, .status = f->fsw | f->top << FSW_TOP_SHIFT };
    if (!may_go(x)) {
        return;
    }
    if (x->x87_calls < CALLS_BEFORE && !x->x87_at_once) {
        x->x87_calls++;
        return;
    }
    for (unsigned n = 0; n < 8; n++) {
        const X86Fpr *r = x87_st(f, n);
        memcpy(i.st[n], &r->mantissa, 8);
        memcpy(i.st[n] + 8, &r->exponent, 2);
        i.tags |= f->tags >> n & 1 ? 0 : FREE << 2 * n;
    }
    __asm__ volatile("frstor %0" : : "m"(i));
    x->x87_here = 1;
}

/* The host's x87 is as the ABI has it then. */
void x87_away(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    Image i;
    if (!x->x87_here) {
        return;
    }
    __asm__ volatile("fnsave %0" : "=m"(i));
    x->x87_here = 0;
    f->fsw = i.status & ~FSW_TOP;
    f->top = (i.status & FSW_TOP) >> FSW_TOP_SHIFT;
    f->tags = 0;
    for (unsigned n = 0; n < 8; n++) {
        X86Fpr *r = x87_st(f, n);
        memcpy(&r->mantissa, i.st[n], 8);
        memcpy(&r->exponent, i.st[n] + 8, 2);
        f->tags |= (i.tags >> 2 * n & 3) != FREE ? 1u << n : 0;
    }
}

#else

void x87_take(CPU *cpu)
{
    (void)cpu;
}

void x87_away(CPU *cpu)
{
    (void)cpu;
}

#endif

void x87_need(CPU *cpu)
{
    x87_away(cpu);
    x86_cpu(cpu)->x87_calls = 0;
}

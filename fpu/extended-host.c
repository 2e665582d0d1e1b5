/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fpu/extended-host.h. */
#include "fpu/extended-host.h"

#include <string.h>

#ifdef __x86_64__

/* What FNSAVE writes in 64-bit code. */
typedef struct Saved {
    uint32_t control, status, rest[5];
    uint8_t st[8][10];
} __attribute__((packed)) Saved;

/* Unmasked exceptions are raised by the next instruction that waits: there is none. */
#define FUNCTION(name, insn)                                                                                 \
    static void name(const Fp80 st[2], uint16_t control, Saved *to)                                          \
    {                                                                                                        \
        __asm__ volatile("fninit\n\tfldt %2\n\tfldt %1\n\tfldcw %3\n\t" insn "\n\tfnsave %0"                 \
                         : "=m"(*to)                                                                         \
                         : "m"(st[0]), "m"(st[1]), "m"(control));                                            \
    }
FUNCTION(run_2xm1, "f2xm1")
FUNCTION(run_yl2x, "fyl2x")
FUNCTION(run_yl2xp1, "fyl2xp1")
FUNCTION(run_patan, "fpatan")
FUNCTION(run_ptan, "fptan")
FUNCTION(run_sin, "fsin")
FUNCTION(run_cos, "fcos")
FUNCTION(run_sincos, "fsincos")

static Fp80 saved_st(const Saved *s, unsigned i)
{
    Fp80 a;
    memcpy(&a.mantissa, s->st[i], 8);
    memcpy(&a.exponent, s->st[i] + 8, 2);
    return a;
}

void fp80_function(Fp80Function which, Fp80Result *r, uint16_t control)
{
    static void (*const functions[])(const Fp80 st[2], uint16_t control, Saved *to) = {
        [FP80_2XM1] = run_2xm1,   [FP80_YL2X] = run_yl2x,     [FP80_YL2XP1] = run_yl2xp1,
        [FP80_PATAN] = run_patan, [FP80_PTAN] = run_ptan,     [FP80_SIN] = run_sin,
        [FP80_COS] = run_cos,     [FP80_SINCOS] = run_sincos,
    };
    enum { TOP_SHIFT = 11, TOP_WAS = 6 };
    Saved saved;
    functions[which](r->st, control, &saved);
    r->status = saved.status;
    r->moved = TOP_WAS - (int)(saved.status >> TOP_SHIFT & 7);
    r->st[0] = saved_st(&saved, 0);
    r->st[1] = saved_st(&saved, 1);
}

#else

void fp80_function(Fp80Function which, Fp80Result *r, uint16_t control)
{
    fp80_function_soft(which, r, control);
}

#endif

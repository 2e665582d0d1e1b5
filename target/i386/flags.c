/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EFLAGS: the arithmetic flags from what set them, and the rules of who may change the others.
 * Spec: SDM volume 1, "EFLAGS Register", appendix "EFLAGS Cross-Reference"; volume 2, POPF, the shifts.
 *
 * Flags that the manual leaves undefined (AF of logic and shifts, OF of shifts by more than 1, SF ZF AF PF of
 * multiplications) are 0, or what the formula for a shift by 1 gives. */
#include "target/i386/cpu.h"

/* The operands of a cc, cut to their size. */
typedef struct Operands {
    uint64_t a, b, mask, sign; /* sign: its highest bit */
    unsigned bits, count;
    bool carry;
} Operands;

typedef struct Outcome {
    uint64_t result; /* gives ZF, SF, PF */
    bool cf, of, af;
} Outcome;

/* a and b: the operands. */
static Outcome flags_add(const Operands *o)
{
    uint64_t r = (o->a + o->b + o->carry) & o->mask;
    return (Outcome){ r, o->carry ? r <= o->a : r < o->a, (o->a ^ r) & (o->b ^ r) & o->sign,
                      (o->a ^ o->b ^ r) & 0x10 };
}

static Outcome flags_sub(const Operands *o)
{
    uint64_t r = (o->a - o->b - o->carry) & o->mask;
    return (Outcome){ r, o->carry ? o->a <= o->b : o->a < o->b, (o->a ^ o->b) & (o->a ^ r) & o->sign,
                      (o->a ^ o->b ^ r) & 0x10 };
}

static Outcome plain_add(const Operands *o)
{
    Operands without = *o;
    without.carry = false;
    return flags_add(&without);
}

static Outcome plain_sub(const Operands *o)
{
    Operands without = *o;
    without.carry = false;
    return flags_sub(&without);
}

/* a: the result, of this and the next two. */
static Outcome flags_logic(const Operands *o)
{
    return (Outcome){ .result = o->a };
}

static Outcome flags_inc(const Operands *o)
{
    return (Outcome){ o->a, o->carry, o->a == o->sign, (o->a & 0xf) == 0 };
}

static Outcome flags_dec(const Operands *o)
{
    return (Outcome){ o->a, o->carry, o->a == (o->sign - 1), (o->a & 0xf) == 0xf };
}

/* a: what was shifted, b: the count, 1 to 31 or 63, which of bytes and words may be more than they have bits. */
static Outcome flags_shl(const Operands *o)
{
    uint64_t r = (o->a << o->b) & o->mask;
    bool cf = o->b <= o->bits && (o->a >> (o->bits - o->b) & 1);
    return (Outcome){ r, cf, !!(r & o->sign) != cf, false };
}

static Outcome flags_shr(const Operands *o)
{
    return (Outcome){ o->a >> o->b, o->a >> (o->b - 1) & 1, o->a & o->sign, false };
}

static Outcome flags_sar(const Operands *o)
{
    int64_t a = (int64_t)(o->a << (64 - o->bits)) >> (64 - o->bits);
    return (Outcome){ a >> o->b & o->mask, a >> (o->b - 1) & 1, false, false };
}

/* a: the low half of the product, b: does the high half say more than its sign. */
static Outcome flags_mul(const Operands *o)
{
    return (Outcome){ o->a, o->b, o->b, false };
}

/* a: the result, b: the first operand as it was; the count is beside the operation. */
static Outcome flags_shld(const Operands *o)
{
    return (Outcome){ o->a, o->b >> (o->bits - o->count) & 1, (o->a ^ o->b) & o->sign, false };
}

static Outcome flags_shrd(const Operands *o)
{
    return (Outcome){ o->a, o->b >> (o->count - 1) & 1, (o->a ^ o->b) & o->sign, false };
}

static Outcome (*const outcomes[CC_OPS])(const Operands *) = {
    [CC_ADD] = plain_add,     [CC_SUB] = plain_sub, [CC_ADC] = flags_add, [CC_SBB] = flags_sub,
    [CC_LOGIC] = flags_logic, [CC_INC] = flags_inc, [CC_DEC] = flags_dec, [CC_SHL] = flags_shl,
    [CC_SHR] = flags_shr,     [CC_SAR] = flags_sar, [CC_MUL] = flags_mul, [CC_SHLD] = flags_shld,
    [CC_SHRD] = flags_shrd,
};

static unsigned bits_of(uint64_t kind)
{
    return 8u << (kind >> CC_SIZE_SHIFT & 3);
}

static uint64_t second_of(const X86Cc *cc)
{
    return cc->kind & CC_IMM ? (uint64_t)((int32_t)cc->kind >> CC_IMM_SHIFT) : cc->b;
}

/* Those of the operation itself. */
static uint32_t operation_flags(const X86Cc *cc)
{
    unsigned op = cc->kind & CC_OP, bits = bits_of(cc->kind);
    if (op == CC_PACKED || op >= CC_OPS) {
        return cc->a & EFL_ARITH;
    }
    uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
    Operands o = { cc->a & mask,
                   second_of(cc) & mask,
                   mask,
                   1ull << (bits - 1),
                   bits,
                   cc->kind >> CC_COUNT_SHIFT & 63,
                   cc->kind & CC_CARRY };
    Outcome r = outcomes[op](&o);
    return (r.cf ? EFL_CF : 0) | (r.of ? EFL_OF : 0) | (r.af ? EFL_AF : 0) | (r.result & mask ? 0 : EFL_ZF) |
           (r.result & o.sign ? EFL_SF : 0) | (__builtin_parity(r.result & 0xff) ? 0 : EFL_PF);
}

uint32_t x86_arith_flags(const X86Cc *cc)
{
    uint32_t flags = operation_flags(cc);
    if (cc->kind & CC_HAS_CF) {
        flags = (flags & ~EFL_CF) | (cc->kind & CC_CF ? EFL_CF : 0);
    }
    if (cc->kind & CC_HAS_OF) {
        flags = (flags & ~EFL_OF) | (cc->kind & CC_OF ? EFL_OF : 0);
    }
    bool turned_cf = cc->turned & 2, turned_of = turned_cf != (cc->turned & 1);
    if (cc->kind & CC_TURNED_CF) {
        flags = (flags & ~EFL_CF) | (turned_cf ? EFL_CF : 0);
    }
    if (cc->kind & CC_TURNED_OF) {
        flags = (flags & ~EFL_OF) | (turned_of ? EFL_OF : 0);
    }
    return flags;
}

/* What compilers leave most often is short. */
bool x86_carry_flag(const X86Cc *cc)
{
    unsigned up = 64 - bits_of(cc->kind);
    switch (cc->kind & (CC_OP | CC_HAS_CF | CC_TURNED_CF)) {
    case CC_LOGIC: return false;
    case CC_INC:
    case CC_DEC: return cc->kind & CC_CARRY;
    case CC_ADD: return (cc->a + second_of(cc)) << up < cc->a << up;
    case CC_SUB: return cc->a << up < second_of(cc) << up;
    default: return x86_arith_flags(cc) & EFL_CF;
    }
}

uint32_t x86_flags(const X86CPU *x)
{
    return x->s.eflags | x86_arith_flags(&x->s.cc) | EFL_FIXED;
}

void x86_set_flags(X86CPU *x, uint32_t flags)
{
    x->s.cc = (X86Cc){ .a = flags & EFL_ARITH, .kind = CC_PACKED };
    x->s.eflags = (flags & EFL_ALL & ~EFL_ARITH) | EFL_FIXED;
}

uint32_t x86_flags_writable(const X86CPU *x, unsigned bytes)
{
    uint32_t mask = EFL_ARITH | EFL_TF | EFL_DF | EFL_NT | EFL_AC | EFL_ID;
    mask |= x->s.cpl == 0 ? EFL_IOPL : 0;
    mask |= x->s.cpl <= x86_iopl(x) ? EFL_IF : 0;
    return bytes == 2 ? mask & 0xffff : mask;
}

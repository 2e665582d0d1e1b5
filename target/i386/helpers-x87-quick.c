/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: what programs do nearly all the time, a function an operation and form.
 *
 * All exceptions are masked and none is pending, registers are full or empty as they should be, numbers are normal.  Each
 * function asks for that first, and leaves all else, before anything was written, to the one that knows every case (x87_load_any()
 * and its kin).  Their arithmetic is inline with its rounding known.
 *
 * Compiled for general registers only: the guest's vectors stay in registers meanwhile. */
#include "target/i386/helpers-x87.h"

#include "fpu/extended-normal.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/bytes.h"

enum { X87_HELPER = IRH_FAULT | IRH_REPEAT | IRH_NO_VECTORS };

#define INLINE static inline __attribute__((always_inline))

INLINE bool is_masked(const X86CPU *x)
{
    return (x->s.x87.fcw & FSW_EXCEPTIONS) == FSW_EXCEPTIONS && !x87_is_pending(x);
}

/* And results are rounded to nearest, to 64 bits. */
INLINE bool is_usual(const X86CPU *x)
{
    enum { PRECISION = 3 << FCW_PC_SHIFT, ROUNDING = 3 << FCW_RC_SHIFT };
    return (x->s.x87.fcw & (FSW_EXCEPTIONS | PRECISION | ROUNDING)) == (FSW_EXCEPTIONS | PRECISION) &&
           !x87_is_pending(x);
}

INLINE unsigned named(uint32_t how)
{
    return how >> X87_REGISTER_SHIFT & 7;
}

/* Field by field: the exponent may just have been written alone. */
INLINE Fp80 get(const X87 *f, unsigned i)
{
    const X86Fpr *r = &f->st[(f->top + i) & 7];
    return (Fp80){ r->mantissa, r->exponent };
}

INLINE void put(X87 *f, unsigned i, Fp80 a)
{
    X86Fpr *r = &f->st[(f->top + i) & 7];
    r->mantissa = a.mantissa;
    r->exponent = a.exponent;
}

/* What x87_settle() does where only this can have been raised. */
INLINE void settle(X87 *f, const Fp80Status *s)
{
    f->fsw = (f->fsw & ~FSW_C1) | (s->flags & FP_NX ? FSW_PE : 0) | (s->rounded_up ? FSW_C1 : 0);
}

/* ---- operands in memory ------------------------------------------------------------- */

INLINE unsigned bytes_of(X87Format format)
{
    return format == X87_I16 ? 2 : format == X87_F32 || format == X87_I32 ? 4 : format == X87_F80 ? 10 : 8;
}

INLINE bool is_integer(X87Format format)
{
    return format == X87_I16 || format == X87_I32 || format == X87_I64;
}

INLINE Fp80 of_integer(int64_t v)
{
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
    int shift = v ? __builtin_clzll(magnitude) : 0;
    return v ? (Fp80){ magnitude << shift, (0x3fff + 63 - shift) | (v < 0 ? 0x8000 : 0) } : (Fp80){ 0, 0 };
}

INLINE bool read_operand(CPU *cpu, uint64_t at, X87Format format, Fp80 *a)
{
    const uint8_t *host = cpu_quick_host(cpu, at, bytes_of(format), MMU_READ);
    if (!host) {
        return false;
    }
    switch (format) {
    case X87_I16: *a = of_integer((int16_t)load_le(host, 2)); return true;
    case X87_I32: *a = of_integer((int32_t)load_le(host, 4)); return true;
    case X87_I64: *a = of_integer(load_le(host, 8)); return true;
    case X87_F32: return fp80_widen_normal(8, 23, load_le(host, 4), a);
    case X87_F64: return fp80_widen_normal(11, 52, load_le(host, 8), a);
    default: *a = (Fp80){ load_le(host, 8), load_le(host + 8, 2) }; return true;
    }
}

INLINE bool narrow(Fp80 a, X87Format format, Fp80Status *s, uint64_t *low)
{
    int64_t integer;
    if (is_integer(format)) {
        bool fits = fp80_integer_normal(a, 8 * bytes_of(format), s, &integer);
        *low = fits ? integer : 0;
        return fits;
    }
    switch (format) {
    case X87_F32: return fp80_narrow_normal(8, 23, a, s, low);
    case X87_F64: return fp80_narrow_normal(11, 52, a, s, low);
    default: *low = a.mantissa; return true;
    }
}

/* ---- loads and stores --------------------------------------------------------------- */

INLINE void load(CPU *cpu, uint64_t at, uint32_t how, X87Format format)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    Fp80 a;
    bool can = is_masked(x) && x87_is_empty(f, 7);
    if (can && format == X87_STACK) {
        can = !x87_is_empty(f, named(how));
        a = get(f, named(how));
    } else if (can) {
        can = read_operand(cpu, at, format, &a);
    }
    if (!can) {
        x87_load_any(cpu, at, how);
        return;
    }
    f->fsw &= ~FSW_C1;
    f->top = (f->top - 1) & 7;
    put(f, 0, a);
    f->tags |= 1u << f->top;
}

INLINE void store(CPU *cpu, uint64_t at, uint32_t how, X87Format format)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    uint64_t low;
    uint8_t *host;
    Fp80Status s;
    x87_arithmetic(f, &s);
    s.rounding = how & X87_CUT ? FP_RTZ : s.rounding;
    if (!is_masked(x) || x87_is_empty(f, 0) || !narrow(get(f, 0), format, &s, &low) ||
        !(host = cpu_quick_host(cpu, at, bytes_of(format), MMU_WRITE))) {
        x87_store_any(cpu, at, how);
        return;
    }
    if (format == X87_F80) {
        store_le(host + 8, 2, get(f, 0).exponent);
        store_le(host, 8, low);
    } else {
        store_le(host, bytes_of(format), low);
    }
    settle(f, &s);
    if (how & X87_POP) {
        x87_pop(f);
    }
}

#define LOAD(name, format)                                                                                   \
    static void load_##name(CPU *cpu, uint64_t at, uint32_t how)                                             \
    {                                                                                                        \
        load(cpu, at, how, format);                                                                          \
    }
#define MEMORY(name, format)                                                                                 \
    LOAD(name, format)                                                                                       \
    static void store_##name(CPU *cpu, uint64_t at, uint32_t how)                                            \
    {                                                                                                        \
        store(cpu, at, how, format);                                                                         \
    }
LOAD(stack, X87_STACK)
MEMORY(f32, X87_F32)
MEMORY(f64, X87_F64)
MEMORY(f80, X87_F80)
MEMORY(i16, X87_I16)
MEMORY(i32, X87_I32)
MEMORY(i64, X87_I64)

#define ROW(name, fn, form) IR_HELPER2(name, fn, X87_HELPER | IRH_X87_##form, VOID, I64, I32)

const IrHelper x87_helper_load[X87_FORMATS] = {
    [X87_STACK] = ROW("x87_load_stack", load_stack, REGISTER),
    [X87_F32] = ROW("x87_load_f32", load_f32, READ),
    [X87_F64] = ROW("x87_load_f64", load_f64, READ),
    [X87_F80] = ROW("x87_load_f80", load_f80, READ),
    [X87_I16] = ROW("x87_load_i16", load_i16, READ),
    [X87_I32] = ROW("x87_load_i32", load_i32, READ),
    [X87_I64] = ROW("x87_load_i64", load_i64, READ),
    [X87_DECIMAL] = ROW("x87_load_decimal", x87_load_any, READ),
};
const IrHelper x87_helper_store[X87_FORMATS] = {
    [X87_STACK] = ROW("x87_store_stack", x87_store_any, REGISTER),
    [X87_F32] = ROW("x87_store_f32", store_f32, WRITE),
    [X87_F64] = ROW("x87_store_f64", store_f64, WRITE),
    [X87_F80] = ROW("x87_store_f80", store_f80, WRITE),
    [X87_I16] = ROW("x87_store_i16", store_i16, WRITE),
    [X87_I32] = ROW("x87_store_i32", store_i32, WRITE),
    [X87_I64] = ROW("x87_store_i64", store_i64, WRITE),
    [X87_DECIMAL] = ROW("x87_store_decimal", x87_store_any, WRITE),
};

/* ---- the other operand of arithmetic and comparisons: ST(i), or in memory ------------- */

typedef bool GetOther(CPU *cpu, uint64_t at, uint32_t how, Fp80 *a);

INLINE bool get_named(CPU *cpu, uint64_t at, uint32_t how, Fp80 *a)
{
    const X87 *f = &x86_cpu(cpu)->s.x87;
    *a = get(f, named(how));
    return !x87_is_empty(f, named(how));
}

INLINE bool get_memory(CPU *cpu, uint64_t at, uint32_t how, Fp80 *a)
{
    switch (how & X87_FORMAT) {
    case X87_F32: return read_operand(cpu, at, X87_F32, a);
    case X87_F64: return read_operand(cpu, at, X87_F64, a);
    case X87_I16: return read_operand(cpu, at, X87_I16, a);
    default: return read_operand(cpu, at, X87_I32, a);
    }
}

INLINE void alu(CPU *cpu, uint64_t at, uint32_t how, X87Operation op, GetOther *get_other)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    Fp80Status s = { .rounding = FP_RNE, .precision = 64 };
    Fp80 other, r;
    if (!is_usual(x) || x87_is_empty(f, 0) || !get_other(cpu, at, how, &other)) {
        x87_alu_any(cpu, at, how);
        return;
    }
    Fp80 top = get(f, 0);
    bool swap = !(how & X87_TO_STI) != !(how & X87_REVERSE);
    bool ordered = op == X87_SUB || op == X87_DIV;
    Fp80 a = ordered && swap ? other : top, b = ordered && swap ? top : other;
    bool done = op == X87_ADD   ? fp80_add_normal(a, b, &s, &r)
                : op == X87_MUL ? fp80_multiply_normal(a, b, &s, &r)
                : op == X87_SUB ? fp80_subtract_normal(a, b, &s, &r)
                                : fp80_divide_normal(a, b, &s, &r);
    if (!done) {
        x87_alu_any(cpu, at, how);
        return;
    }
    settle(f, &s);
    put(f, how & X87_TO_STI ? named(how) : 0, r);
    if (how & X87_POP) {
        x87_pop(f);
    }
}

#define ALU(name, op)                                                                                        \
    static void name##_stack(CPU *cpu, uint64_t at, uint32_t how)                                            \
    {                                                                                                        \
        alu(cpu, at, how, op, get_named);                                                                    \
    }                                                                                                        \
    static void name##_memory(CPU *cpu, uint64_t at, uint32_t how)                                           \
    {                                                                                                        \
        alu(cpu, at, how, op, get_memory);                                                                   \
    }
ALU(add, X87_ADD)
ALU(multiply, X87_MUL)
ALU(subtract, X87_SUB)
ALU(divide, X87_DIV)
const IrHelper x87_helper_alu[X87_OPERATIONS] = {
    [X87_ADD] = ROW("x87_add", add_stack, REGISTER),
    [X87_MUL] = ROW("x87_mul", multiply_stack, REGISTER),
    [X87_SUB] = ROW("x87_sub", subtract_stack, REGISTER),
    [X87_DIV] = ROW("x87_div", divide_stack, REGISTER),
};
const IrHelper x87_helper_alu_memory[X87_OPERATIONS] = {
    [X87_ADD] = ROW("x87_add_memory", add_memory, READ),
    [X87_MUL] = ROW("x87_mul_memory", multiply_memory, READ),
    [X87_SUB] = ROW("x87_sub_memory", subtract_memory, READ),
    [X87_DIV] = ROW("x87_div_memory", divide_memory, READ),
};

/* ---- comparisons ---------------------------------------------------------------------- */

INLINE bool compare(CPU *cpu, uint64_t at, uint32_t how, FpOrder *order, GetOther *get_other)
{
    X86CPU *x = x86_cpu(cpu);
    X87 *f = &x->s.x87;
    Fp80 other;
    if (!is_masked(x) || x87_is_empty(f, 0) || !get_other(cpu, at, how, &other) ||
        !fp80_compare_normal(get(f, 0), other, order)) {
        return false;
    }
    if (how & (X87_POP | X87_POP_TWICE)) {
        x87_pop(f);
    }
    if (how & X87_POP_TWICE) {
        x87_pop(f);
    }
    return true;
}

INLINE void compare_codes(CPU *cpu, uint64_t at, uint32_t how, GetOther *get_other)
{
    X87 *f = &x86_cpu(cpu)->s.x87;
    FpOrder order;
    if (!compare(cpu, at, how, &order, get_other)) {
        x87_compare_any(cpu, at, how);
        return;
    }
    f->fsw &= ~FSW_CODES;
    f->fsw |= order == FP_LESS ? FSW_C0 : order == FP_EQUAL ? FSW_C3 : 0;
}

static void compare_stack(CPU *cpu, uint64_t at, uint32_t how)
{
    compare_codes(cpu, at, how, get_named);
}
const IrHelper x87_helper_compare = ROW("x87_compare", compare_stack, REGISTER);

static void compare_memory(CPU *cpu, uint64_t at, uint32_t how)
{
    compare_codes(cpu, at, how, get_memory);
}
const IrHelper x87_helper_compare_memory = ROW("x87_compare_memory", compare_memory, READ);

static uint64_t compare_flags(CPU *cpu, uint32_t how, uint64_t flags)
{
    FpOrder order;
    if (!compare(cpu, 0, how, &order, get_named)) {
        return x87_compare_flags_any(cpu, how, flags);
    }
    return order == FP_LESS ? EFL_CF : order == FP_EQUAL ? EFL_ZF : 0;
}
const IrHelper x87_helper_compare_flags =
    IR_HELPER2("x87_compare_flags", compare_flags, X87_HELPER | IRH_X87_FLAGS, I64, I32, I64);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic, logic, shifts, bits.  Spec: SDM volume 2, each instruction's page. */
#include "target/i386/translate.h"
#include "target/i386/families.h"

static IrRef op2(Translator *t, IrOp op, unsigned bytes, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, x86_tr_type(bytes), IR_NONE, a, b);
}

static IrRef number(Translator *t, int64_t value)
{
    return x86_tr_const(t, value);
}

/* With LOCK, of a memory operand: one atomic operation; what stood there before. */
static bool is_locked(const Translator *t)
{
    return t->insn.prefixes & X86_PREFIX_LOCK;
}

static IrRef locked(Translator *t, IrOp op, IrRef value)
{
    x86_tr_address(t, 0, true);
    IrRef at = t->ea;
    if (t->ea_disp) {
        at = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, at, number(t, t->ea_disp));
    }
    return ir_rmw(t->ir, x86_tr_memop(x86_tr_bytes(t, 0)) | MEM_ALIGN, op, IR_NONE, at, value);
}

/* ---- add and its like ------------------------------------------------------- */

static const struct {
    uint8_t op, atomic; /* IrOp; atomic: of the value, or of its negative */
    bool negated, carries, logic;
    uint8_t cc;
} alus[] = {
    [X86_ALU_ADD] = { IR_ADD, IR_ADD, false, false, false, CC_ADD },
    [X86_ALU_OR] = { IR_OR, IR_OR, false, false, true, CC_LOGIC },
    [X86_ALU_ADC] = { IR_ADD, IR_ADD, false, true, false, CC_ADC },
    [X86_ALU_SBB] = { IR_SUB, IR_ADD, true, true, false, CC_SBB },
    [X86_ALU_AND] = { IR_AND, IR_AND, false, false, true, CC_LOGIC },
    [X86_ALU_SUB] = { IR_SUB, IR_ADD, true, false, false, CC_SUB },
    [X86_ALU_XOR] = { IR_XOR, IR_XOR, false, false, true, CC_LOGIC },
    [X86_ALU_CMP] = { IR_SUB, IR_ADD, true, false, false, CC_SUB },
};

static IrRef below(Translator *t, unsigned bytes, IrRef a, IrRef b)
{
    return ir_setcc(t->ir, IR_LTU, x86_tr_type(bytes), IR_NONE, a, b);
}

/* The carry out of a + b + in, of 4 or 8 bytes; part: a + b, r: all of it. */
static IrRef carry_out(Translator *t, unsigned bytes, IrRef a, IrRef part, IrRef r)
{
    return op2(t, IR_OR, 8, below(t, bytes, part, a), below(t, bytes, r, part));
}

/* The borrow of a - b - in; part: a - b. */
static IrRef borrow_out(Translator *t, unsigned bytes, IrRef a, IrRef b, IrRef part, IrRef in)
{
    return op2(t, IR_OR, 8, below(t, bytes, a, b), below(t, bytes, part, in));
}

void x86_tr_alu(Translator *t)
{
    unsigned which = t->row->arg, bytes = x86_tr_bytes(t, 0);
    IrRef b = x86_tr_get(t, 1), carry = alus[which].carries ? x86_tr_carry(t) : IR_NONE, a;
    if (is_locked(t)) {
        IrRef value = alus[which].carries ? op2(t, IR_ADD, bytes, b, carry) : b;
        value = alus[which].negated ? ir_op1(t->ir, IR_NEG, x86_tr_type(bytes), IR_NONE, value) : value;
        a = locked(t, alus[which].atomic, value);
    } else {
        a = x86_tr_get(t, 0);
    }
    IrRef part = op2(t, alus[which].op, bytes, a, b);
    IrRef r = alus[which].carries ? op2(t, alus[which].op, bytes, part, carry) : part;
    if (which != X86_ALU_CMP && !is_locked(t)) {
        x86_tr_set(t, 0, r);
    }
    if (alus[which].logic) {
        x86_tr_set_cc(t, CC_LOGIC, bytes, r, IR_NONE, r, IR_NONE);
    } else {
        x86_tr_set_cc(t, alus[which].cc, bytes, a, b, r, carry);
    }
    if (alus[which].carries && bytes >= 4) { /* chains of them ask for it */
        x86_tr_note_carry(t, which == X86_ALU_ADC ? carry_out(t, bytes, a, part, r)
                                                  : borrow_out(t, bytes, a, b, part, carry));
    }
}

void x86_tr_test(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_get(t, 0), b = x86_tr_get(t, 1);
    IrRef r = op2(t, IR_AND, bytes, a, b);
    x86_tr_set_cc(t, CC_LOGIC, bytes, r, IR_NONE, r, IR_NONE);
}

void x86_tr_incdec(Translator *t)
{
    bool inc = t->row->arg == X86_INCDEC_INC;
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef carry = x86_tr_carry(t), by = number(t, inc ? 1 : -1), r;
    if (is_locked(t)) {
        r = op2(t, IR_ADD, bytes, locked(t, IR_ADD, by), by);
    } else {
        r = op2(t, IR_ADD, bytes, x86_tr_get(t, 0), by);
        x86_tr_set(t, 0, r);
    }
    x86_tr_set_cc(t, inc ? CC_INC : CC_DEC, bytes, r, IR_NONE, r, carry);
}

void x86_tr_unary(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrType type = x86_tr_type(bytes);
    if (t->row->arg == X86_UNARY_NOT) {
        if (is_locked(t)) {
            locked(t, IR_XOR, number(t, -1));
        } else {
            x86_tr_set(t, 0, ir_op1(t->ir, IR_NOT, type, IR_NONE, x86_tr_get(t, 0)));
        }
        return;
    }
    IrRef a = x86_tr_get(t, 0), r = ir_op1(t->ir, IR_NEG, type, IR_NONE, a);
    x86_tr_set(t, 0, r);
    x86_tr_set_cc(t, CC_SUB, bytes, number(t, 0), a, r, IR_NONE);
}

void x86_tr_adx(Translator *t)
{
    bool o = t->row->arg == X86_ADX_ADOX;
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef in = o ? x86_tr_overflow(t) : x86_tr_carry(t);
    IrRef a = x86_tr_get(t, 0), b = x86_tr_get(t, 1);
    IrRef part = op2(t, IR_ADD, bytes, a, b), r = op2(t, IR_ADD, bytes, part, in);
    IrRef out = carry_out(t, bytes, a, part, r);
    x86_tr_set(t, 0, r);
    x86_tr_replace_flags(t, o ? IR_NONE : out, o ? out : IR_NONE);
}

/* ---- products and quotients ------------------------------------------------- */

/* rDX:rAX, or AX, of a product whose halves are low and high. */
static void set_product(Translator *t, unsigned bytes, IrRef low, IrRef high)
{
    if (bytes == 1) {
        x86_tr_set_reg(t, X86_RAX, 2, low);
    } else {
        x86_tr_set_reg(t, X86_RAX, bytes, low);
        x86_tr_set_reg(t, X86_RDX, bytes, high);
    }
}

void x86_tr_mul(Translator *t)
{
    bool is_signed = t->row->arg == X86_MUL_IMUL;
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef (*wide)(Translator *, IrRef, unsigned) = is_signed ? x86_tr_sign_extend : x86_tr_zero_extend;
    IrRef a = x86_tr_reg(t, X86_RAX, bytes), b = x86_tr_get(t, 0), low, high, over;
    if (bytes == 8) {
        low = op2(t, IR_MUL, 8, a, b);
        high = op2(t, is_signed ? IR_MULHS : IR_MULHU, 8, a, b);
        IrRef sign = is_signed ? op2(t, IR_SAR, 8, low, number(t, 63)) : number(t, 0);
        over = ir_setcc(t->ir, IR_NE, IR_I64, IR_NONE, high, sign);
    } else {
        low = op2(t, IR_MUL, 8, wide(t, a, bytes), wide(t, b, bytes));
        high = op2(t, IR_SHR, 8, low, number(t, 8 * bytes));
        over = ir_setcc(t->ir, IR_NE, IR_I64, IR_NONE, low, wide(t, low, bytes));
    }
    set_product(t, bytes, low, high);
    x86_tr_set_cc(t, CC_MUL, bytes, low, over, IR_NONE, IR_NONE);
}

void x86_tr_imul(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0), from = t->row->operands[2].where == X86_AT_NONE ? 0 : 1;
    IrRef a = x86_tr_get(t, from), b = x86_tr_get(t, from + 1), r, over;
    if (bytes == 8) {
        r = op2(t, IR_MUL, 8, a, b);
        IrRef high = op2(t, IR_MULHS, 8, a, b);
        over = ir_setcc(t->ir, IR_NE, IR_I64, IR_NONE, high, op2(t, IR_SAR, 8, r, number(t, 63)));
    } else {
        r = op2(t, IR_MUL, 8, x86_tr_sign_extend(t, a, bytes), x86_tr_sign_extend(t, b, bytes));
        over = ir_setcc(t->ir, IR_NE, IR_I64, IR_NONE, r, x86_tr_sign_extend(t, r, bytes));
    }
    x86_tr_set(t, 0, r);
    x86_tr_set_cc(t, CC_MUL, bytes, r, over, IR_NONE, IR_NONE);
}

/* rDX and rAX, or AH and AL, of a division. */
static void set_quotient(Translator *t, unsigned bytes, IrRef quotient, IrRef remainder)
{
    if (bytes == 1) {
        IrRef high = op2(t, IR_SHL, 8, x86_tr_zero_extend(t, remainder, 1), number(t, 8));
        x86_tr_set_reg(t, X86_RAX, 2, op2(t, IR_OR, 8, x86_tr_zero_extend(t, quotient, 1), high));
    } else {
        x86_tr_set_reg(t, X86_RAX, bytes, quotient);
        x86_tr_set_reg(t, X86_RDX, bytes, remainder);
    }
}

static IrRef remainder_of(Translator *t, IrRef dividend, IrRef quotient, IrRef by)
{
    return op2(t, IR_SUB, 8, dividend, op2(t, IR_MUL, 8, quotient, by));
}

static void fault_if(Translator *t, IrCond cond, IrType type, IrRef a, IrRef b)
{
    ir_brcc(t->ir, cond, type, a, b, x86_tr_cold_fault(t, X86_EXC_DE));
}

/* The quotient and, behind it, the remainder, of a divisor that is not 0: one instruction of the host. */
static IrRef divide(Translator *t, bool is_signed, unsigned bytes, IrRef n, IrRef by, IrRef *remainder)
{
    fault_if(t, IR_EQ, x86_tr_type(bytes), by, number(t, 0));
    IrRef q = op2(t, is_signed ? IR_DIV : IR_DIVU, bytes, n, by);
    *remainder = op2(t, is_signed ? IR_REM : IR_REMU, bytes, n, by);
    return q;
}

/* The dividend fits 64 bits. */
static void divide_narrow(Translator *t, unsigned bytes, bool is_signed)
{
    IrRef (*wide)(Translator *, IrRef, unsigned) = is_signed ? x86_tr_sign_extend : x86_tr_zero_extend;
    IrRef by = wide(t, x86_tr_get(t, 0), bytes), n, remainder;
    if (bytes == 1) {
        n = wide(t, x86_tr_reg(t, X86_RAX, 2), 2);
    } else {
        IrRef high = op2(t, IR_SHL, 8, wide(t, x86_tr_reg(t, X86_RDX, bytes), bytes), number(t, 8 * bytes));
        n = op2(t, IR_OR, 8, high, x86_tr_zero_extend(t, x86_tr_reg(t, X86_RAX, bytes), bytes));
    }
    bool fits = !is_signed && ir_known_bits(t->ir, n) <= 8 * bytes;
    IrRef q = divide(t, is_signed, fits ? 4 : 8, n, by, &remainder);
    if (!fits) {
        fault_if(t, IR_NE, IR_I64, q, wide(t, q, bytes));
    }
    set_quotient(t, bytes, q, remainder);
}

static void divide_unsigned(Translator *t)
{
    IrRef by = x86_tr_get(t, 0), low = x86_tr_reg(t, X86_RAX, 8), high = x86_tr_reg(t, X86_RDX, 8);
    IrRef q, remainder;
    if (ir_known_bits(t->ir, high) == 0) {
        q = divide(t, false, 8, low, by, &remainder);
    } else {
        fault_if(t, IR_GEU, IR_I64, high, by);
        q = ir_div_wide(t->ir, IR_NONE, high, low, by);
        remainder = remainder_of(t, low, q, by);
    }
    set_quotient(t, 8, q, remainder);
}

/* x where sign (0 or -1) says that it is not negative, else -x */
static IrRef negate_by(Translator *t, IrRef x, IrRef sign)
{
    return op2(t, IR_SUB, 8, op2(t, IR_XOR, 8, x, sign), sign);
}

/* By the sizes of both; the quotient's may be up to 2^63 - 1, or 2^63 where it is negative. */
static void divide_signed(Translator *t)
{
    IrRef by = x86_tr_get(t, 0), low = x86_tr_reg(t, X86_RAX, 8), high = x86_tr_reg(t, X86_RDX, 8);
    IrRef sign = op2(t, IR_SAR, 8, high, number(t, 63)), sign_by = op2(t, IR_SAR, 8, by, number(t, 63));
    IrRef zero = ir_setcc(t->ir, IR_EQ, IR_I64, IR_NONE, low, number(t, 0));
    IrRef carry = op2(t, IR_AND, 8, zero, sign), size_by = negate_by(t, by, sign_by);
    IrRef size_high = op2(t, IR_ADD, 8, op2(t, IR_XOR, 8, high, sign), carry);
    fault_if(t, IR_GEU, IR_I64, size_high, size_by);
    IrRef size = ir_div_wide(t->ir, IR_NONE, size_high, negate_by(t, low, sign), size_by);
    IrRef sign_q = op2(t, IR_XOR, 8, sign, sign_by);
    fault_if(t, IR_GTU, IR_I64, size, op2(t, IR_SUB, 8, number(t, INT64_MAX), sign_q));
    IrRef q = negate_by(t, size, sign_q);
    set_quotient(t, 8, q, remainder_of(t, low, q, by));
}

void x86_tr_div(Translator *t)
{
    bool is_signed = t->row->arg == X86_DIV_IDIV;
    unsigned bytes = x86_tr_bytes(t, 0);
    if (bytes < 8) {
        divide_narrow(t, bytes, is_signed);
    } else if (is_signed) {
        divide_signed(t);
    } else {
        divide_unsigned(t);
    }
}

void x86_tr_cbw(Translator *t)
{
    unsigned bytes = t->insn.osz;
    x86_tr_set_reg(t, X86_RAX, bytes, x86_tr_sign_extend(t, x86_tr_reg(t, X86_RAX, 8), bytes / 2));
}

void x86_tr_cwd(Translator *t)
{
    unsigned bytes = t->insn.osz;
    IrRef a = x86_tr_sign_extend(t, x86_tr_reg(t, X86_RAX, 8), bytes);
    x86_tr_set_reg(t, X86_RDX, bytes, op2(t, IR_SAR, 8, a, number(t, 63)));
}

/* ---- bits ------------------------------------------------------------------- */

void x86_tr_bswap(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_get(t, 0);
    /* of a word: undefined; processors give 0 (SDM volume 2, BSWAP) */
    x86_tr_set(t, 0, bytes == 2 ? number(t, 0) : ir_op1(t->ir, IR_BSWAP, x86_tr_type(bytes), IR_NONE, a));
}

void x86_tr_bitcount(Translator *t)
{
    static const uint8_t ops[] = {
        [X86_BITCOUNT_POPCNT] = IR_POPCNT, [X86_BITCOUNT_TZCNT] = IR_CTZ, [X86_BITCOUNT_LZCNT] = IR_CLZ
    };
    unsigned bytes = x86_tr_bytes(t, 0), which = t->row->arg;
    IrType type = x86_tr_type(bytes);
    IrRef a = x86_tr_get(t, 1), in = a;
    if (bytes == 2 && which == X86_BITCOUNT_TZCNT) {
        in = op2(t, IR_OR, 4, a, number(t, 1 << 16));
    } else if (bytes == 2 && which == X86_BITCOUNT_LZCNT) {
        in = op2(t, IR_OR, 4, op2(t, IR_SHL, 4, a, number(t, 16)), number(t, 1 << 15));
    }
    IrRef r = ir_op1(t->ir, ops[which], type, IR_NONE, in);
    IrRef zero = ir_setcc(t->ir, IR_EQ, type, IR_NONE, a, number(t, 0)), flags;
    if (which == X86_BITCOUNT_POPCNT) { /* ZF by the source, the others 0 */
        flags = op2(t, IR_SHL, 8, zero, number(t, __builtin_ctz(EFL_ZF)));
    } else { /* CF by the source, ZF by the result */
        IrRef none = ir_setcc(t->ir, IR_EQ, type, IR_NONE, r, number(t, 0));
        flags = op2(t, IR_OR, 8, zero, op2(t, IR_SHL, 8, none, number(t, __builtin_ctz(EFL_ZF))));
    }
    x86_tr_set(t, 0, r);
    x86_tr_set_packed(t, flags);
}

/* Of 0 the destination stays: AMD documents it, Intel's do it. */
void x86_tr_bitscan(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrType type = x86_tr_type(bytes);
    IrRef a = x86_tr_get(t, 1), old = x86_tr_reg(t, t->insn.reg, 8), r;
    if (t->row->arg == X86_BITSCAN_BSF) {
        r = ir_op1(t->ir, IR_CTZ, type, IR_NONE, a);
    } else {
        r = ir_op2(t->ir, IR_XOR, IR_I64, IR_NONE, ir_op1(t->ir, IR_CLZ, type, IR_NONE, a),
                   number(t, bytes == 8 ? 63 : 31));
    }
    if (bytes == 2) {
        r = op2(t, IR_OR, 8, op2(t, IR_AND, 8, old, number(t, ~INT64_C(0xffff))), r);
    }
    ir_select(t->ir, IR_EQ, type, ir_global(G_GPR + t->insn.reg), a, number(t, 0), old, r);
    IrRef zero = ir_setcc(t->ir, IR_EQ, type, IR_NONE, a, number(t, 0));
    x86_tr_set_packed(t, op2(t, IR_SHL, 8, zero, number(t, __builtin_ctz(EFL_ZF))));
}

/* A register names a bit anywhere in memory: the address moves by whole operands. */
static void move_to_bit(Translator *t, IrRef bit, unsigned bytes)
{
    if (!x86_tr_is_memory(t, 0) || t->row->operands[1].where == X86_AT_I) {
        return;
    }
    int32_t disp;
    IrRef at = x86_tr_effective(t, &disp);
    IrRef words = op2(t, IR_SAR, 8, x86_tr_sign_extend(t, bit, bytes), number(t, __builtin_ctz(8 * bytes)));
    IrRef by = op2(t, IR_SHL, 8, words, number(t, __builtin_ctz(bytes)));
    at = op2(t, IR_ADD, 8, op2(t, IR_ADD, 8, at, number(t, disp)), by);
    at = t->insn.asz == 8 ? at : x86_tr_zero_extend(t, at, t->insn.asz);
    t->ea = x86_tr_linear(t, t->insn.seg, at, 0, bytes, t->row->arg != X86_BITTEST_BT, &t->ea_disp);
}

void x86_tr_bittest(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0), which = t->row->arg;
    IrRef bit = x86_tr_get(t, 1), a;
    move_to_bit(t, bit, bytes);
    IrRef n = op2(t, IR_AND, 8, bit, number(t, 8 * bytes - 1));
    IrRef mask = op2(t, IR_SHL, 8, number(t, 1), n);
    static const uint8_t ops[] = {
        [X86_BITTEST_BTS] = IR_OR, [X86_BITTEST_BTR] = IR_AND, [X86_BITTEST_BTC] = IR_XOR
    };
    IrRef with = which == X86_BITTEST_BTR ? ir_op1(t->ir, IR_NOT, IR_I64, IR_NONE, mask) : mask;
    if (which != X86_BITTEST_BT && is_locked(t)) {
        a = locked(t, ops[which], with);
    } else {
        a = x86_tr_get(t, 0);
        if (which != X86_BITTEST_BT) {
            x86_tr_set(t, 0, op2(t, ops[which], 8, a, with));
        }
    }
    x86_tr_replace_flags(t, ir_setcc(t->ir, IR_TSTNE, IR_I64, IR_NONE, a, mask), IR_NONE);
}

void x86_tr_crc32(Translator *t)
{
    IrRef args[3] = { x86_tr_get(t, 0), x86_tr_get(t, 1), number(t, x86_tr_bytes(t, 1)) };
    x86_tr_set(t, 0, x86_tr_call(t, &x86_helper_crc32, 3, args));
}

void x86_tr_decimal(Translator *t)
{
    static const uint8_t which[] = {
        [X86_DECIMAL_DAA] = DECIMAL_DAA, [X86_DECIMAL_DAS] = DECIMAL_DAS, [X86_DECIMAL_AAA] = DECIMAL_AAA,
        [X86_DECIMAL_AAS] = DECIMAL_AAS, [X86_DECIMAL_AAM] = DECIMAL_AAM, [X86_DECIMAL_AAD] = DECIMAL_AAD,
    };
    IrRef args[3] = { number(t, which[t->row->arg]), number(t, t->insn.imm & 0xff), x86_tr_flags(t) };
    x86_tr_set_packed(t, x86_tr_call(t, &x86_helper_decimal, 3, args));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builders (folding, identities, unreachable code), the text form, the verifier's rules. */
#include <string.h>

#include "toy.h"

static char *text_of(const IrBlock *b)
{
    GString *out = g_string_new(NULL);
    ir_print(b, out);
    return g_string_free(out, FALSE);
}

static void assert_text(const IrBlock *b, const char *expected)
{
    g_autofree char *text = text_of(b);
    g_assert_cmpstr(text, ==, expected);
}

/* ---- builders ---- */

enum { R0 = IR_KIND_GLOBAL, R1, R2, R3 };

static void test_fold(void)
{
    IrBlock *b = ir_block_new(&toy_guest);
    IrRef six = ir_op2(b, IR_ADD, IR_I64, IR_NONE, ir_const(b, 2), ir_const(b, 4));
    g_assert_true(ir_is_const(six));
    g_assert_cmpint(ir_const_value(b, six), ==, 6);
    IrRef low = ir_op2(b, IR_ADD, IR_I32, IR_NONE, ir_const(b, -1), ir_const(b, 0));
    g_assert_cmphex(ir_const_value(b, low), ==, 0xffffffff);
    IrRef one = ir_setcc(b, IR_LTU, IR_I64, IR_NONE, ir_const(b, 1), ir_const(b, -1));
    g_assert_cmpint(ir_const_value(b, one), ==, 1);
    IrRef min = ir_op2(b, IR_DIV, IR_I64, IR_NONE, ir_const(b, INT64_MIN), ir_const(b, -1));
    g_assert_cmpint(ir_const_value(b, min), ==, INT64_MIN);
    g_assert_cmpuint(b->count, ==, 0);
    ir_block_free(b);
}

static void test_identities(void)
{
    IrBlock *b = ir_block_new(&toy_guest);
    IrRef zero = ir_const(b, 0);
    ir_op2(b, IR_ADD, IR_I64, R0, R0, zero);                    /* nothing */
    ir_op2(b, IR_ADD, IR_I64, R0, zero, R1);                    /* mov r0, r1 */
    ir_op2(b, IR_ADD, IR_I32, R0, R0, zero);                    /* ext_u32 r0, r0 */
    ir_op2(b, IR_SUB, IR_I64, R2, R1, R1);                      /* mov r2, 0 */
    ir_op2(b, IR_SUB, IR_I64, R2, R1, ir_const(b, 5));          /* add r1, -5 */
    ir_op2(b, IR_SUB, IR_I64, R2, zero, R1);                    /* neg */
    ir_op2(b, IR_MUL, IR_I64, R2, R1, ir_const(b, 8));          /* shl 3 */
    ir_op2(b, IR_AND, IR_I32, R2, R1, ir_const(b, 0xffffffff)); /* ext_u32 */
    ir_setcc(b, IR_LT, IR_I64, R3, ir_const(b, 9), R1);         /* gt r1, 9 */
    IrRef snapshot = ir_op2(b, IR_ADD, IR_I64, IR_NONE, R0, zero);
    g_assert_true(ir_is_temp(snapshot)); /* not r0 itself */
    g_assert_cmpuint(ir_op2(b, IR_OR, IR_I64, IR_NONE, snapshot, zero), ==, snapshot);
    IrRef byte = ir_load_env(b, MEM_8, IR_NONE, offsetof(ToyCPU, scratch));
    g_assert_cmpuint(ir_op1(b, IR_EXT_U32, IR_I64, IR_NONE, byte), ==, byte);
    ir_exit_ind(b, ir_const(b, 64));
    g_autofree char *expected =
        g_strdup_printf("r0 = mov.i64 r1\nr0 = ext_u32.i64 r0\nr2 = mov.i64 0\nr2 = add.i64 r1, -5\n"
                        "r2 = neg.i64 r1\nr2 = shl.i64 r1, 3\nr2 = ext_u32.i64 r1\nr3 = setcc.i64 gt r1, 9\n"
                        "%%1 = mov.i64 r0\n%%2 = ldenv.u8 %zu\nexit_pc 64\n",
                        offsetof(ToyCPU, scratch));
    assert_text(b, expected);
    ir_block_free(b);
}

/* What is known of a global's value holds until another way comes in, or a helper writes it. */
static void test_known(void)
{
    IrBlock *b = ir_block_new(&toy_guest);
    unsigned label = ir_label_new(b);
    ir_insn(b, 16);
    ir_load(b, MEM_16, R1, R2, 0);
    g_assert_cmpuint(ir_known_bits(b, R1), ==, 16);
    ir_op1(b, IR_EXT_U32, IR_I64, R3, R1);                   /* mov */
    ir_op1(b, IR_EXT_S16, IR_I64, R3, R1);                   /* stays: bit 15 may be set */
    ir_op2(b, IR_AND, IR_I64, R2, R1, ir_const(b, 0x1ffff)); /* mov */
    ir_op2(b, IR_SHR, IR_I64, R3, R1, ir_const(b, 9));
    ir_op1(b, IR_EXT_S8, IR_I64, R2, R3);                 /* mov: 7 bits */
    ir_op2(b, IR_AND, IR_I64, R2, R3, ir_const(b, 0x3f)); /* stays */
    ir_mov(b, R1, ir_const(b, 5));
    ir_op2(b, IR_ADD, IR_I64, R2, R3, R1); /* + 5 */
    ir_mov(b, R1, ir_const(b, INT64_C(0x123456789)));
    ir_op2(b, IR_ADD, IR_I64, R2, R3, R1); /* too long for a host's instruction: stays */
    ir_mov(b, R1, ir_const_pc(b, 64));
    ir_op2(b, IR_ADD, IR_I64, R2, R3, R1); /* moves with the block: stays */
    ir_mov(b, R1, ir_const(b, 6));
    ir_label(b, label);
    g_assert_cmpuint(ir_known_bits(b, R1), ==, 64);
    ir_op2(b, IR_ADD, IR_I64, R2, R3, R1);
    ir_insn(b, 20);
    IrRef first = ir_mov(b, IR_NONE, R1);
    g_assert_cmpuint(ir_mov(b, IR_NONE, R1), ==, first);
    ir_op2(b, IR_XOR, IR_I64, R2, first, ir_mov(b, IR_NONE, R1)); /* 0 */
    ir_op2(b, IR_ADD, IR_I64, R1, R1, R1);
    g_assert_cmpuint(ir_mov(b, IR_NONE, R1), !=, first);
    ir_exit_pc(b, 64);
    assert_text(b, "insn 16\nr1 = ld.u16 r2, 0\nr3 = mov.i64 r1\nr3 = ext_s16.i64 r1\nr2 = mov.i64 r1\n"
                   "r3 = shr.i64 r1, 9\nr2 = mov.i64 r3\nr2 = and.i64 r3, 63\nr1 = mov.i64 5\n"
                   "r2 = add.i64 r3, 5\nr1 = mov.i64 0x123456789\nr2 = add.i64 r3, r1\nr1 = mov.i64 64\n"
                   "r2 = add.i64 r3, r1\nr1 = mov.i64 6\nlabel L1\nr2 = add.i64 r3, r1\ninsn 20\n"
                   "%1 = mov.i64 r1\nr2 = mov.i64 0\nr1 = add.i64 r1, r1\n%2 = mov.i64 r1\nexit_pc 64\n");
    ir_block_free(b);
}

/* -(x & 1) & c is a choice, also when the mask went through a register; not behind a label, and not of more than a bit. */
static IrOp masked(unsigned bits, bool by_label, IrType type, int64_t *arm)
{
    IrBlock *b = ir_block_new(&toy_guest);
    IrRef bit = ir_op2(b, IR_AND, IR_I64, IR_NONE, ir_mov(b, IR_NONE, R2), ir_const(b, bits));
    ir_mov(b, R1, bit);
    ir_insn(b, 4);
    ir_mov(b, R1, ir_op1(b, IR_NEG, type, IR_NONE, ir_mov(b, IR_NONE, R1)));
    if (by_label) {
        ir_label(b, ir_label_new(b));
    }
    ir_insn(b, 8);
    ir_op2(b, IR_AND, IR_I64, R1, ir_mov(b, IR_NONE, R1), ir_const(b, -2));
    const IrInsn *last = &b->ops[b->count - 1];
    IrOp op = last->op;
    if (op == IR_ARMS) {
        *arm = ir_const_value(b, last->a);
        g_assert_cmpint(ir_const_value(b, last->b), ==, 0);
        g_assert_cmpuint(last[-1].op, ==, IR_SELECT);
        g_assert_cmpuint(last[-1].a, ==, bit);
    }
    ir_block_free(b);
    return op;
}

static void test_masked(void)
{
    int64_t arm;
    g_assert_cmpint(masked(1, false, IR_I64, &arm), ==, IR_ARMS);
    g_assert_cmphex(arm, ==, UINT64_MAX - 1);
    g_assert_cmpint(masked(1, false, IR_I32, &arm), ==, IR_ARMS);
    g_assert_cmphex(arm, ==, UINT32_MAX - 1);
    g_assert_cmpint(masked(3, false, IR_I64, &arm), ==, IR_AND);
    g_assert_cmpint(masked(1, true, IR_I64, &arm), ==, IR_AND);
}

static void test_unreachable(void)
{
    IrBlock *b = ir_block_new(&toy_guest);
    unsigned label = ir_label_new(b);
    ir_insn(b, 16);
    ir_brcc(b, IR_EQ, IR_I64, R1, R1, label); /* always: br */
    ir_mov(b, R2, R3);
    ir_exit_pc(b, 20);
    ir_label(b, label);
    ir_brcc(b, IR_LTU, IR_I64, R1, ir_const(b, 0), label); /* never */
    ir_exit_lookup(b);
    ir_exit_pc(b, 24);
    assert_text(b, "insn 16\nbr L1\nlabel L1\nexit_lookup\n");
    g_autoptr(GError) err = NULL;
    g_assert_true(ir_verify(b, &err));
    ir_block_free(b);
}

/* ---- text ---- */

static const char round_trip[] =
    "label L0\ninsn 0x10000\n%1 = add.i32 r1, -1\nr2 = select.i64 tstne %1, 4, r3, 0x123456789\n"
    "%2 = ld.s16.be.acq.align r2, -8\nst.64.rel %2, r2, 0x7fff\nfence.rr.rw.wr.ww\n%3 = ldenv.u32 512\n"
    "stenv.8 %3, 516\n%5 = rmw.s32.acq.rel.align minu %2, r4\n"
    "r4 = cas.64.align.unseen r4, -8, %5, 7\n%4 = call mix6(r1, %3, -1, 0, r2, r3)\ncall mark(%4)\n"
    "brcc.i32 leu r1, %4, L1\nbr L0\nlabel L1\nr0 = bswap.i64 r1\nexit_ind r0\n";

static void test_round_trip(void)
{
    g_autoptr(GError) err = NULL;
    IrBlock *b = ir_block_new(&toy_guest);
    ir_parse(b, round_trip, toy_helpers, &err);
    g_assert_no_error(err);
    ir_verify(b, &err);
    g_assert_no_error(err);
    g_assert_cmphex(b->pc, ==, 0x10000);
    g_autofree char *first = text_of(b);
    ir_parse(b, first, toy_helpers, &err);
    g_assert_no_error(err);
    assert_text(b, first);
    g_assert_nonnull(strstr(first, "%2 = ld.s16.be.acq.align r2, -8\n"));
    g_assert_nonnull(strstr(first, "st.64.rel %2, r2, 32767\n"));
    g_assert_nonnull(strstr(first, "%5 = rmw.s32.acq.rel.align minu %2, r4\n"));
    g_assert_nonnull(strstr(first, "r4 = cas.64.align.unseen r4, -8, %5, 7\n"));
    ir_block_free(b);
}

static void test_parse_errors(void)
{
    static const char *const bad[] = {
        "mark(r1)\n",
        "bogus\n",
        "%0 = mov.i64 r1\n",
        "%9999 = mov.i64 r1\n",
        "r10 = mov.i64 r1\n",
        "r1 = mov r2\n",
        "r1 = mov.i8 r2\n",
        "r1 = ld.u8.u8 r2, 0\n",
        "r1 = ld.acq r2, 0\n",
        "fence.rx\n",
        "fence.full\n",
        "fence.\n",
        "r1 = ld.u8 r2, 0x100000000\n",
        "r1 = setcc.i64 less r1, r2\n",
        "br 1\n",
        "r1 = rmw.64.align r1, r2\n",
        "r1 = rmw.64.align add r1\n",
        "r1 = rmw.64.align add r1, r2, 0\n",
        "r1 = cas.64.align r1, r2, r3\n",
        "r1 = cas.64.align r1, 0, r2\n",
        "br L512\n",
        "br L-1\n",
        "call nobody()\n",
        "call mark(r1\n",
        "call mark(1,2,3,4,5,6,7)\n",
        "r1 = add.i64 r1, 99999999999999999999\n",
        "r1 = add.i64 r1, 12x\n",
        "nop nop\n",
        "arg r1\n",
        "r1 = \n",
        "insn\n",
        "r1 = add.i64 r1\n",
        "r1 = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa r1\n",
    };
    IrBlock *b = ir_block_new(&toy_guest);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        if (ir_parse(b, bad[i], toy_helpers, &err)) {
            g_error("accepted: %s", bad[i]);
        }
        g_assert_nonnull(strstr(err->message, "IR text, line "));
    }
    ir_block_free(b);
}

/* ---- verifier ---- */

static void test_verifier(void)
{
    static const struct {
        const char *text, *rule;
    } bad[] = {
        { "", "ends with an exit" },
        { "fence.wr\n", "ends with an exit" },
        { "r1 = mov.i64 %1\nexit_lookup\n", "before it is assigned" },
        { "%1 = mov.i64 r1\n%1 = mov.i64 r2\nexit_lookup\n", "assigned twice" },
        { "%1 = mov.i64 r1\nlabel L1\nr1 = mov.i64 %1\nexit_lookup\n", "across a label" },
        { "label L1\nbr L1\n", "goes forward" },
        { "br L0\n", "does not stand at the start" },
        { "nop\nlabel L0\nexit_lookup\n", "at the start of a block only" },
        { "label L1\nlabel L1\nexit_lookup\n", "stands twice" },
        { "br L1\n", "stands nowhere" },
        { "exit_lookup\nfence.rr.rw.wr.ww\nexit_lookup\n", "behind an exit" },
        { "call mark()\nexit_lookup\n", "as many IR_ARG" },
        { "r1 = call mark(1)\nexit_lookup\n", "a destination if" },
        { "call peek(1)\nexit_lookup\n", "a destination if" },
        { "r1 = ld.u8 r2, 0\nexit_lookup\n", "no IR_INSN" },
        { "insn 0\nbrcc.i64 eq r1, r2, L1\ninsn 4\nlabel L1\nst.8 r1, r2, 0\nexit_lookup\n",
          "guest instructions meet" },
        { "insn r1\nexit_lookup\n", "pc is a constant" },
        { "exit_pc r1\n", "pc is a constant" },
        { "insn 0\nst.s8 r1, r2, 0\nexit_lookup\n", "only narrow loads" },
        { "r1 = ldenv.u32 2\nexit_lookup\n", "aligned" },
        { "r1 = ldenv.u8 -8\nexit_lookup\n", "positive" },
        { "5 = mov.i64 r1\nexit_lookup\n", "a temp or a global" },
        { "fence\nexit_lookup\n", "no known order" },
        { "r1 = fence.wr\nexit_lookup\n", "there is no result" },
        { "r1 = add.i64 r1, %7\nexit_lookup\n", "before it is assigned" },
        { "mov.i64 r1\nexit_lookup\n", "a temp or a global" },
        { "r1 = rmw.64.align add r1, r2\nexit_lookup\n", "no IR_INSN" },
        { "insn 0\nr1 = rmw.64 add r1, r2\nexit_lookup\n", "aligned and little endian" },
        { "insn 0\nr1 = cas.u16.be.align r1, 0, r2, r3\nexit_lookup\n", "aligned and little endian" },
        { "insn 0\nr1 = rmw.64.align sub r1, r2\nexit_lookup\n", "no operation for an atomic" },
        { "insn 0\nr1 = rmw.64.align rmw r1, r2\nexit_lookup\n", "no operation for an atomic" },
        { "insn 0\nrmw.64.align add r1, r2\nexit_lookup\n", "a temp or a global" },
        { "insn 0\nr1 = rmw.64.align.unseen add r1, r2\nexit_lookup\n", "not a MemOp" },
        { "insn 0\nr1 = ld.64.unseen r1, 0\nexit_lookup\n", "not a MemOp" },
        { "insn 0\nr1 = cas.64.align r1, 0, r2, %1\nexit_lookup\n", "before it is assigned" },
    };
    IrBlock *b = ir_block_new(&toy_guest);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        ir_parse(b, bad[i].text, toy_helpers, &err);
        g_assert_no_error(err);
        if (ir_verify(b, &err) || !strstr(err->message, bad[i].rule)) {
            g_error("%s: %s", bad[i].text, err ? err->message : "accepted");
        }
    }
    ir_block_free(b);
}

/* What text cannot say: operations with wild fields. */
static void test_verifier_fields(void)
{
    static const IrInsn bad[] = {
        { .op = IR_NOP }, /* the frame around the rows is legal */
        { .op = 255 },
        { .op = IR_MOV, .type = 9, .dst = R0, .a = R1 },
        { .op = IR_MOV, .type = IR_I64, .dst = R0, .a = IR_KIND_GLOBAL | 99 },
        { .op = IR_MOV, .type = IR_I64, .dst = IR_KIND_GLOBAL | 99, .a = R1 },
        { .op = IR_MOV, .type = IR_I64, .dst = R0, .a = IR_KIND_CONST | 7 },
        { .op = IR_MOV, .type = IR_I64, .dst = R0, .a = 77 },
        { .op = IR_MOV, .type = IR_I64, .dst = R0, .a = 0xffff },
        { .op = IR_MOV, .type = IR_I64, .dst = R0, .a = R1, .b = R2 },
        { .op = IR_SETCC, .type = IR_I64, .dst = R0, .a = R1, .b = R2, .aux = 12 },
        { .op = IR_SETCC, .type = IR_I64, .dst = R0, .a = R1, .b = R2, .aux = 255 },
        { .op = IR_SETCC, .type = IR_VOID, .dst = R0, .a = R1, .b = R2 },
        { .op = IR_FENCE, .aux = FENCE_FULL + 1 },
        { .op = IR_CALL, .aux = 5 },
        { .op = IR_ARMS, .a = R1, .b = R2 },
        { .op = IR_SELECT, .type = IR_I64, .dst = R0, .a = R1, .b = R2 },
        { .op = IR_ARG, .a = R1 },
        { .op = IR_BR, .aux = 99 << 8 },
        { .op = IR_LABEL, .aux = 99 << 8 },
        { .op = IR_LDENV, .type = MEM_64, .dst = R0, .aux = offsetof(ToyCPU, r[3]) },
        { .op = IR_LDENV, .type = MEM_8 | MEM_BE, .dst = R0, .aux = 0 },
        { .op = IR_LDENV, .type = 0x80, .dst = R0, .aux = 0 },
        { .op = IR_RMW, .type = MEM_64 | MEM_ALIGN, .dst = R0, .a = R1, .b = R2, .aux = UINT32_MAX },
        { .op = IR_CAS, .type = MEM_64 | MEM_ALIGN, .dst = R0, .a = R1 },
        { .op = IR_FILL, .type = MEM_64, .dst = R0, .a = R1, .b = R2 },
        { .op = IR_COPY, .type = MEM_64 | MEM_ALIGN, .dst = R0, .a = R1, .b = R2 },
    };
    IrBlock *b = ir_block_new(&toy_guest);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        ir_block_reset(b, 0);
        ir_fence(b, FENCE_FULL);
        ir_exit_lookup(b);
        b->ops[0] = bad[i];
        b->ops[1] = (IrInsn){ .op = bad[i].op == IR_ARG ? IR_FENCE : IR_EXIT_LOOKUP };
        if (ir_verify(b, &err) != (i == 0)) {
            g_error("row %u: %s", i, err ? err->message : "accepted");
        }
    }
    ir_block_free(b);
}

/* A block that says it is full has room for what one more guest instruction may need. */
static void test_full(void)
{
    IrBlock *b = ir_block_new(&toy_guest);
    int64_t made = 0;
    while (!ir_block_full(b)) {
        g_assert_cmpint(made, <, 1 << 24);
        ir_const(b, made++ * 3);
    }
    g_assert_cmpint(made, >, 4096);
    for (unsigned i = 0; i < 4000; i++) {
        ir_const(b, made++ * 3);
    }
    ir_block_reset(b, 0);
    g_assert_false(ir_block_full(b));
    ir_block_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/build/fold", test_fold);
    g_test_add_func("/tcg/build/full", test_full);
    g_test_add_func("/tcg/build/identities", test_identities);
    g_test_add_func("/tcg/build/known", test_known);
    g_test_add_func("/tcg/build/masked", test_masked);
    g_test_add_func("/tcg/build/unreachable", test_unreachable);
    g_test_add_func("/tcg/text/round-trip", test_round_trip);
    g_test_add_func("/tcg/text/errors", test_parse_errors);
    g_test_add_func("/tcg/verify/rules", test_verifier);
    g_test_add_func("/tcg/verify/fields", test_verifier_fields);
    return g_test_run();
}

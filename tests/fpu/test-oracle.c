/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every operation, format, rounding mode and tininess rule against the oracle; binary16's unary
 * operations for every operand. */
#include "oracle.h"

/* From clean flags, and with NX set, which host.h treats specially. */
static void check(Op op, Format format, const uint64_t x[3], FpStatus rules)
{
    OracleResult want = oracle_run(op, format, x, rules);
    for (uint8_t flags = 0; flags <= FP_NX; flags++) {
        FpStatus s = rules;
        s.flags = flags;
        uint64_t bits = op_run(op, format, x, &s);
        if (bits == want.bits && s.flags == (want.flags | flags)) {
            continue;
        }
        g_test_message("%s_%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") rounding %d tininess %d "
                       "flags %#x: %#" PRIx64 " flags %#x, expected %#" PRIx64 " flags %#x",
                       format_names[format], op_names[op], x[0], x[1], x[2], rules.rounding,
                       rules.tininess_before, flags, bits, s.flags, want.bits, want.flags | flags);
        g_test_fail();
    }
}

static void check_all_rules(Op op, Format format, const uint64_t x[3])
{
    for (int rule = 0; rule < 10 && !g_test_failed(); rule++) {
        check(op, format, x,
              (FpStatus){ .rounding = rule % 5, .tininess_before = rule / 5, .default_nan = true });
    }
}

static void test_random(gconstpointer data)
{
    Op op = GPOINTER_TO_INT(data);
    int count = g_test_slow() ? 100000 : op_operands(op) == 1 ? 500 : 1500;
    uint64_t seed = op;
    for (Format format = F16; format <= BF16; format++) {
        if (!op_exists(op, format)) {
            continue;
        }
        for (int i = 0; i < count && !g_test_failed(); i++) {
            uint64_t x[3];
            operand_fill(op, format, &seed, x);
            check_all_rules(op, format, x);
        }
    }
}

static bool is_from_int(Op op)
{
    return op >= OP_FROM_I32 && op <= OP_FROM_U64;
}

/* All operands of binary16, or of bfloat16 for the conversion to binary16. */
static void test_all_16_bit(gconstpointer data)
{
    Op op = GPOINTER_TO_INT(data);
    Format format = op_exists(op, F16) ? F16 : BF16;
    for (uint64_t a = 0; a <= UINT16_MAX && !g_test_failed(); a++) {
        uint64_t x[3] = { a };
        uint8_t rounding = a % 5;
        check(op, format, x, (FpStatus){ .rounding = rounding, .default_nan = true });
        if (g_test_slow()) {
            check_all_rules(op, format, x);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (Op op = 0; op < OP_COUNT; op++) {
        g_autofree char *path = g_strdup_printf("/fpu/oracle/random/%s", op_names[op]);
        g_test_add_data_func(path, GINT_TO_POINTER(op), test_random);
        if (op_operands(op) == 1 && !is_from_int(op)) {
            g_autofree char *all = g_strdup_printf("/fpu/oracle/all-16-bit/%s", op_names[op]);
            g_test_add_data_func(all, GINT_TO_POINTER(op), test_all_16_bit);
        }
    }
    return g_test_run();
}

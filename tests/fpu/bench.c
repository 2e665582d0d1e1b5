/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nanoseconds an operation, on operands around one and with the flags clear or NX set. */
#include "ops.h"

#include <stdio.h>

enum { OPERANDS = 1024, ROUNDS = 1000 };

static double bench(Op op, Format f, FpStatus rules)
{
    static uint64_t x[OPERANDS + 2];
    uint64_t seed = 1, bias = (1 << (format_exp_bits[f] - 1)) - 1;
    for (int i = 0; i < OPERANDS + 2; i++) {
        uint64_t r = operand_random(&seed), exp = bias + (r & 7) - 3;
        x[i] = r >> (64 - format_frac_bits[f]) | exp << format_frac_bits[f];
    }
    gint64 start = g_get_monotonic_time();
    for (int n = 0; n < ROUNDS; n++) {
        for (int i = 0; i < OPERANDS; i++) {
            FpStatus s = rules;
            op_run(op, f, &x[i], &s);
        }
    }
    return (g_get_monotonic_time() - start) * 1000.0 / ROUNDS / OPERANDS;
}

int main(void)
{
    for (Format f = F16; f <= BF16; f++) {
        for (Op op = 0; op < OP_COUNT; op++) {
            if (op_exists(op, f)) {
                printf("%s_%-9s %6.1f ns, NX set %6.1f ns\n", format_names[f], op_names[op],
                       bench(op, f, (FpStatus){ .default_nan = true }),
                       bench(op, f, (FpStatus){ .default_nan = true, .flags = FP_NX }));
            }
        }
    }
    return 0;
}

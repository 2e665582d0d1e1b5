/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A branch over one or two simple operations becomes a choice.
 *
 *      brcc.i64 geu t3, a3, L1             %5 = sub.i64 a3, a7
 *      insn 0x1111c                  ->    a3 = select.i64 ltu t3, a3, %5, a3
 *      a3 = sub.i64 a3, a7
 *      label L1                            label L1
 *
 * Such branches follow data more often than not, and a wrong guess of the processor costs
 * more than both sides together.
 *
 * Requirements on what is skipped:
 *   1. one or two operations that are cheap (IRF_CHEAP), on the way to one global;
 *   2. with two, the first makes a temp that only the second reads;
 *   3. then the label, perhaps behind more labels. */
#include "tcg/private.h"

static bool is_simple(const IrInsn *i)
{
    return ir_op_info[i->op].flags & IRF_CHEAP;
}

static bool label_follows(const IrBlock *b, unsigned at, unsigned label)
{
    for (; at < b->count && b->ops[at].op == IR_LABEL; at++) {
        if (ir_label_of(&b->ops[at]) == label) {
            return true;
        }
    }
    return false;
}

/* The operations behind the branch at `at`: their number (1 or 2), 0 when they do not fit. */
static unsigned match(const IrBlock *b, unsigned at)
{
    const IrInsn *i = &b->ops[at];
    unsigned label = ir_label_of(i), n = at + 2;
    if (!label || at + 3 >= b->count || i[1].op != IR_INSN || !is_simple(&i[2])) {
        return 0;
    }
    if (ir_is_temp(i[2].dst)) {
        if (!is_simple(&i[3]) || i[3].a != i[2].dst || i[3].b == i[2].dst) {
            return 0;
        }
        n++;
    }
    if (!ir_is_global(b->ops[n].dst) || !label_follows(b, n + 1, label)) {
        return 0;
    }
    return n - at - 1;
}

static void convert(IrBlock *b, unsigned at, unsigned count)
{
    IrInsn branch = b->ops[at], *i = &b->ops[at];
    for (unsigned n = 0; n < count; n++) {
        i[n] = i[n + 2];
    }
    IrRef dst = i[count - 1].dst;
    IrRef t = ir_temp_new(b, 64);
    i[count - 1].dst = t;
    i[count] = (IrInsn){ .op = IR_SELECT,
                         .type = branch.type,
                         .dst = dst,
                         .a = branch.a,
                         .b = branch.b,
                         .aux = ir_cond_invert(ir_cond_of(&branch)) };
    i[count + 1] = (IrInsn){ .op = IR_ARMS, .a = t, .b = dst };
    b->guest_insns--; /* its IR_INSN is gone */
}

void ir_convert_branches(IrBlock *b)
{
    for (unsigned n = 0; n < b->count; n++) {
        unsigned count = b->ops[n].op == IR_BRCC ? match(b, n) : 0;
        if (count) {
            convert(b, n, count);
        }
    }
}

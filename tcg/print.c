/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block as text, which parse.c reads back.  One operation a line:
 *
 *     label L0
 *     insn 0x1000
 *     %1 = add.i64 a0, 16             %N temps; guest registers by name; constants
 *     a0 = setcc.i32 ltu a0, %1
 *     a1 = select.i64 eq a0, 0, %1, a2     condition, its operands, the two arms
 *     %2 = ld.s32.acq a0, -8          base, displacement
 *     st.64 %2, a0, 8                 value, base, displacement
 *     a1 = rmw.s32.align add %2, a0   operation, value, address
 *     a1 = cas.64.align a0, 8, a2, a3 base, displacement, expected and new value
 *     a3 = ldenv.u8 1280              stenv.64 a3, 1288
 *     a4 = call name(a0, 1)
 *     v0 = v2.v128 add_i32.keep v0, v1     operation, .keep, :immediate; operands
 *     v0 = ldv.128.keep a0, 16        stv.64 v0, a0, 8
 *     fence.rr.wr                     loads before loads, stores before loads
 *     brcc.i64 lt a0, a1, L1
 *     exit_pc 0x1004
 *
 * Comments start with `#`.  A block that breaks the verifier's rules is printed too, with
 * `?` where an operand makes no sense: the verifier's messages quote it. */
#include <inttypes.h>

#include "tcg/vector.h"

static void print_const(GString *out, int64_t v)
{
    if (v > -4096 && v < 4096) {
        g_string_append_printf(out, "%" PRId64, v);
    } else {
        g_string_append_printf(out, "0x%" PRIx64, v);
    }
}

static void print_ref(const IrBlock *b, GString *out, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    if (ir_is_temp(r)) {
        g_string_append_printf(out, "%%%u", index);
    } else if (ir_is_global(r) && index < b->guest->global_count) {
        g_string_append(out, b->guest->globals[index].name);
    } else if (ir_is_const(r) && index < b->const_count) {
        print_const(out, b->consts[index]);
    } else {
        g_string_append_c(out, '?');
    }
}

static void print_memop(GString *out, const IrInsn *in)
{
    MemOp m = in->type;
    if (ir_op_info[in->op].flags & IRF_VECTOR) {
        g_string_append_printf(out, ".%u%s%s", 8 * memop_vector_bytes(m), m & MEM_ALIGN ? ".align" : "",
                               m & MEM_KEEP ? ".keep" : "");
        return;
    }
    bool sized = !(ir_op_info[in->op].flags & IRF_DST) || (m & MEM_SIZE) == MEM_64;
    g_string_append_printf(out, ".%s%u", sized ? "" : m & MEM_SIGN ? "s" : "u", 8 * memop_bytes(m));
    g_string_append(out, m & MEM_BE ? ".be" : "");
    g_string_append(out, m & MEM_ACQ ? ".acq" : "");
    g_string_append(out, m & MEM_REL ? ".rel" : "");
    g_string_append(out, m & MEM_ALIGN ? ".align" : "");
    g_string_append(out, m & MEM_UNSEEN ? ".unseen" : "");
}

static void print_orders(GString *out, unsigned orders)
{
    g_string_append(out, orders & FENCE_RR ? ".rr" : "");
    g_string_append(out, orders & FENCE_RW ? ".rw" : "");
    g_string_append(out, orders & FENCE_WR ? ".wr" : "");
    g_string_append(out, orders & FENCE_WW ? ".ww" : "");
}

static void print_vop(GString *out, uint32_t what)
{
    const VopInfo *v = vop_of(what) < IR_VOPS ? &vop_info[vop_of(what)] : NULL;
    g_string_append_printf(out, " %s%s%s", v ? v->name : "?", what & VOP_KEEP ? ".keep" : "",
                           what & VOP_REFERENCE ? ".ref" : "");
    if (v && v->flags & VF_IMM) {
        g_string_append_printf(out, ":%u", vop_imm(what));
    }
}

static void print_call(const IrBlock *b, GString *out, const IrInsn *in, const IrInsn *first_arg)
{
    const char *name = in->aux < b->helper_count ? b->helpers[in->aux]->name : "?";
    g_string_append_printf(out, " %s(", name);
    for (const IrInsn *arg = first_arg; arg < in; arg++) {
        g_string_append(out, arg == first_arg ? "" : ", ");
        print_ref(b, out, arg->a);
    }
    g_string_append_c(out, ')');
}

/* What follows the mnemonic; `prev` are the IR_ARG operations before, if any. */
static void print_operands(const IrBlock *b, GString *out, const IrInsn *in, const IrInsn *args)
{
    unsigned flags = ir_op_info[in->op].flags;
    if (in->op == IR_CALL) {
        print_call(b, out, in, args);
        return;
    }
    if (flags & IRF_COND) {
        g_string_append_printf(out, " %s", ir_cond_of(in) < IR_CONDS ? ir_cond_names[ir_cond_of(in)] : "?");
    }
    if (flags & IRF_RMW) {
        g_string_append_printf(out, " %s", in->aux < IR_OPS ? ir_op_info[in->aux].name : "?");
    }
    if ((flags & IRF_VECTOR) && !(flags & IRF_MEM)) {
        print_vop(out, in->aux);
    }
    const char *sep = " ";
    if ((flags & IRF_MEM) && (flags & IRF_B)) { /* the value stored comes first */
        g_string_append(out, sep);
        print_ref(b, out, in->b);
        sep = ", ";
    }
    if (flags & IRF_A) {
        g_string_append(out, sep);
        print_ref(b, out, in->a);
        sep = ", ";
    }
    if ((flags & IRF_B) && !(flags & IRF_MEM)) {
        g_string_append(out, sep);
        print_ref(b, out, in->b);
        sep = ", ";
    }
    if ((flags & IRF_MEM) && !(flags & IRF_RMW)) {
        g_string_append_printf(out, "%s%d", sep, in->aux);
    }
    if (flags & IRF_LABEL) {
        g_string_append_printf(out, "%sL%u", sep, ir_label_of(in));
    }
}

static void print_insn(const IrBlock *b, GString *out, unsigned at, const IrInsn *args)
{
    const IrInsn *in = &b->ops[at];
    if (in->op >= IR_OPS) {
        g_string_append(out, "?");
        return;
    }
    const IrOpInfo *info = &ir_op_info[in->op];
    if (in->dst != IR_NONE) {
        print_ref(b, out, in->dst);
        g_string_append(out, " = ");
    }
    g_string_append(out, info->name);
    if (info->types) {
        g_string_append_printf(out, ".%s", in->type < IR_VOID ? ir_type_names[in->type] : "?");
    } else if (info->flags & IRF_MEM) {
        print_memop(out, in);
    } else if (info->flags & IRF_ORDER) {
        print_orders(out, in->aux);
    }
    print_operands(b, out, in, args);
    if (info->flags & IRF_ARMS && at + 1 < b->count && b->ops[at + 1].op == IR_ARMS) {
        g_string_append(out, ", ");
        print_ref(b, out, in[1].a);
        if (!(info->flags & IRF_THIRD)) {
            g_string_append(out, ", ");
            print_ref(b, out, in[1].b);
        }
    }
}

void ir_print(const IrBlock *b, GString *out)
{
    const IrInsn *args = NULL; /* of the call to come */
    for (unsigned i = 0; i < b->count; i++) {
        const IrInsn *in = &b->ops[i];
        bool arms =
            in->op == IR_ARMS && i > 0 && in[-1].op < IR_OPS && ir_op_info[in[-1].op].flags & IRF_ARMS;
        if (in->op == IR_ARG) {
            args = args ? args : in;
            continue;
        }
        if (!arms) {
            print_insn(b, out, i, args ? args : in);
            g_string_append_c(out, '\n');
        }
        args = NULL;
    }
}

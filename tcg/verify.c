/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that every block keeps.  They are checked after translation and after each pass in builds with checks, under
 * lockstep and -d op; and on every block that comes from text.
 *
 * Rules
 *   1. operands are there when the operation reads them, in range, and absent otherwise;
 *      a destination is a temp or a global
 *   2. types, conditions and MemOps are legal
 *   3. a temp is assigned once, before its uses, and is not used across a label
 *   4. a label stands once; jumps go forward, or to label 0, which only stands first
 *   5. every path ends in an exit; nothing stands behind an exit or IR_BR but a label
 *   6. IR_ARG operations stand directly before their IR_CALL, as many as the helper
 *      takes; IR_ARMS directly behind the operation that reads them (IRF_ARMS) and nowhere else
 *   7. an operation that may fault follows an IR_INSN, and behind a label where ways from
 *      different guest instructions meet comes an IR_INSN first
 *   8. accesses to the CPU struct are aligned and do not touch a global's slot
 *   9. atomics (IR_RMW, IR_CAS) are aligned (MEM_ALIGN) and little endian; what an IR_RMW does is one of IRF_ATOMIC
 *  10. runs (IR_COPY, IR_FILL) have a size, and nothing else of a MemOp
 *  11. vectors are operands of vector operations alone, and globals; an operation of tcg/vop.def has the operands, the
 *      type and the VOP_KEEP that its row allows */
#include <inttypes.h>

#include "tcg/vector.h"

enum { INSN_NONE = -1, INSN_MIXED = -2 };

typedef struct Verifier {
    const IrBlock *b;
    unsigned at;
    GError **err;
    uint32_t *temp_segment; /* per temp: the segment (between labels) of its assignment, 0 none */
    uint32_t segment;
    int *label_at;   /* per label: where it stands, or -1 */
    int *label_insn; /* per label: the guest instruction of the ways into it */
    uint8_t *label_used;
    int insn; /* index of the guest instruction under way, or INSN_* */
    bool reachable;
    unsigned args; /* IR_ARG operations under way */
} Verifier;

static bool broken(Verifier *v, const char *rule)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(v->b, text);
    const char *name =
        v->at < v->b->count && v->b->ops[v->at].op < IR_OPS ? ir_op_info[v->b->ops[v->at].op].name : "end";
    g_set_error(v->err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "IR operation %u (%s): %s\n%s", v->at, name, rule,
                text->str);
    return false;
}

static bool check_use(Verifier *v, IrRef r, bool vector)
{
    unsigned index = r & IR_INDEX_MASK;
    if (vector != ir_is_vector(v->b->guest, r)) {
        return broken(v, vector ? "the operand is a vector" : "a vector is no operand of this");
    }
    if (r == IR_NONE) {
        return broken(v, "an operand is missing");
    }
    if (ir_is_const(r)) {
        return index < v->b->const_count || broken(v, "constant out of range");
    }
    if (ir_is_global(r)) {
        return index < v->b->guest->global_count || broken(v, "global out of range");
    }
    if (!ir_is_temp(r) || index > v->b->temp_count) {
        return broken(v, "temp out of range");
    }
    if (!v->temp_segment[index]) {
        return broken(v, "temp is used before it is assigned");
    }
    return v->temp_segment[index] == v->segment || broken(v, "temp is used across a label");
}

static bool check_definition(Verifier *v, IrRef r, bool vector)
{
    unsigned index = r & IR_INDEX_MASK;
    if (vector != ir_is_vector(v->b->guest, r)) {
        return broken(v, vector ? "the result is a vector" : "the result is no vector");
    }
    if (ir_is_global(r)) {
        return index < v->b->guest->global_count || broken(v, "global out of range");
    }
    if (!ir_is_temp(r) || index > v->b->temp_count) {
        return broken(v, "a destination is a temp or a global");
    }
    if (v->temp_segment[index]) {
        return broken(v, "temp is assigned twice");
    }
    v->temp_segment[index] = v->segment;
    return true;
}

/* Which operands are vectors. */
typedef struct Vectors {
    bool dst, a, b;
} Vectors;

static Vectors vectors_of(const Verifier *v, const IrInsn *in)
{
    unsigned flags = ir_op_info[in->op].flags;
    if (in->op == IR_ARMS) {
        bool third = v->at && in[-1].op == IR_V3;
        return (Vectors){ .a = third, .b = third };
    }
    if (!(flags & IRF_VECTOR) || (!(flags & IRF_MEM) && vop_of(in->aux) >= IR_VOPS)) {
        return (Vectors){ false };
    }
    if (flags & IRF_MEM) {
        return (Vectors){ .dst = in->op == IR_LDV, .b = in->op == IR_STV };
    }
    const VopInfo *info = &vop_info[vop_of(in->aux)];
    return (Vectors){ .dst = !vop_gives_int(info), .a = info->shape != VS_VI, .b = info->shape != VS_VVI };
}

static bool check_operands(Verifier *v, const IrInsn *in)
{
    unsigned flags = ir_op_info[in->op].flags;
    Vectors is = vectors_of(v, in);
    if (((flags & IRF_A) && !check_use(v, in->a, is.a)) || ((flags & IRF_B) && !check_use(v, in->b, is.b))) {
        return false;
    }
    if ((!(flags & IRF_A) && in->a != IR_NONE) || (!(flags & IRF_B) && in->b != IR_NONE)) {
        return broken(v, "an operand that is not read");
    }
    return (flags & IRF_DST) || in->dst == IR_NONE || broken(v, "there is no result");
}

static bool is_narrow(const Verifier *v, IrRef r)
{
    return ir_is_vector(v->b->guest, r) && v->b->guest->globals[r & IR_INDEX_MASK].type == IR_V64;
}

static bool check_vector_memop(Verifier *v, const IrInsn *in)
{
    bool narrow = is_narrow(v, in->op == IR_LDV ? in->dst : in->b);
    MemOp size = in->type & (MEM_WIDE | MEM_SIZE);
    if (size != MEM_32 && size != MEM_64 && (narrow || (size != MEM_128 && size != MEM_256))) {
        return broken(v, "a vector of this type is not loaded or stored in that size");
    }
    if (in->type & (MEM_BE | MEM_ACQ | MEM_REL) || ((in->type & MEM_KEEP) && (in->op == IR_STV || narrow))) {
        return broken(v, "not a MemOp of vectors");
    }
    return size != MEM_256 || !(in->type & MEM_KEEP) || broken(v, "nothing is left to keep");
}

static bool check_vector(Verifier *v, const IrInsn *in)
{
    if (vop_of(in->aux) >= IR_VOPS) {
        return broken(v, "no such operation on vectors");
    }
    const VopInfo *info = &vop_info[vop_of(in->aux)];
    bool keep = in->aux & VOP_KEEP, narrow = is_narrow(v, in->dst);
    if (in->op - IR_V1 + 1u != vop_operands(info)) {
        return broken(v, "so many operands it does not have");
    }
    bool of_type = in->type == IR_V64    ? info->flags & (VF_64 | VF_64CALL)
                   : in->type == IR_V256 ? !(info->flags & (VF_128 | VF_LEGACY))
                                         : !(info->flags & VF_256);
    if (!of_type) {
        return broken(v, "the operation is not of this type");
    }
    if (narrow && in->type != IR_V64) {
        return broken(v, "the destination is narrower than the result");
    }
    if (keep && (in->type != IR_V128 || vop_gives_int(info) || info->flags & VF_VEX)) {
        return broken(v, "it keeps nothing");
    }
    return !(info->flags & VF_LEGACY) || keep || broken(v, "it keeps bits 255..128");
}

static bool check_types(Verifier *v, const IrInsn *in)
{
    unsigned flags = ir_op_info[in->op].flags, types = ir_op_info[in->op].types;
    if (types && (in->type >= IR_VOID || !(types >> in->type & 1))) {
        return broken(v, "not of this type");
    }
    if ((flags & IRF_MEM) && (flags & IRF_VECTOR)) {
        return check_vector_memop(v, in);
    }
    if ((flags & IRF_MEM) && (in->type & MEM_UNSEEN) && in->op != IR_CAS) {
        return broken(v, "not a MemOp");
    }
    if ((flags & IRF_MEM) && (in->type & MEM_SIGN) &&
        (!(flags & IRF_DST) || (in->type & MEM_SIZE) == MEM_64)) {
        return broken(v, "only narrow loads extend");
    }
    if ((flags & IRF_COND) && ir_cond_of(in) >= IR_CONDS) {
        return broken(v, "no such condition");
    }
    if ((flags & IRF_ORDER) && (in->aux == 0 || in->aux > FENCE_FULL)) {
        return broken(v, "a fence of no known order");
    }
    if ((flags & IRF_PC) && !ir_is_const(in->a)) {
        return broken(v, "the pc is a constant");
    }
    return true;
}

static bool check_atomic(Verifier *v, const IrInsn *in)
{
    if (!(in->type & MEM_ALIGN) || in->type & MEM_BE) {
        return broken(v, "atomics are aligned and little endian");
    }
    bool known = in->op == IR_CAS || (in->aux < IR_OPS && ir_op_info[in->aux].flags & IRF_ATOMIC);
    return known || broken(v, "no operation for an atomic");
}

static bool check_run(Verifier *v, const IrInsn *in)
{
    return !(in->type & ~MEM_SIZE) || broken(v, "a run has elements of a size, and nothing else");
}

static bool check_env(Verifier *v, const IrInsn *in)
{
    int64_t at = (int32_t)in->aux, bytes = memop_bytes(in->type);
    if (at < 0 || at % bytes) {
        return broken(v, "an offset into the CPU struct is positive and aligned");
    }
    if (in->type & (MEM_BE | MEM_ACQ | MEM_REL | MEM_ALIGN)) {
        return broken(v, "the CPU struct has the host's byte order and no ordering");
    }
    for (unsigned i = 0; i < v->b->guest->global_count; i++) {
        const IrGlobal *global = &v->b->guest->globals[i];
        int64_t g = global->offset;
        if (at < g + (global->type ? ir_vector_bytes(global->type) : 8) && g < at + bytes) {
            return broken(v, "that part of the CPU struct is a global");
        }
    }
    return true;
}

/* ---- control flow ---------------------------------------------------------- */

static bool check_jump(Verifier *v, unsigned label)
{
    if (label >= v->b->label_count) {
        return broken(v, "label out of range");
    }
    if (label == 0) {
        return v->label_at[0] == 0 || broken(v, "label 0 does not stand at the start");
    }
    if (v->label_at[label] >= 0) {
        return broken(v, "a jump goes forward, or to label 0");
    }
    v->label_insn[label] = v->label_used[label] && v->label_insn[label] != v->insn ? INSN_MIXED : v->insn;
    v->label_used[label] = 1;
    return true;
}

static bool check_label(Verifier *v, unsigned label)
{
    if (label >= v->b->label_count) {
        return broken(v, "label out of range");
    }
    if (v->label_at[label] >= 0) {
        return broken(v, "the label stands twice");
    }
    if (label == 0 && v->at != 0) {
        return broken(v, "label 0 stands at the start of a block only");
    }
    v->label_at[label] = v->at;
    v->segment++;
    if (label && v->label_used[label]) {
        bool same = !v->reachable || v->insn == v->label_insn[label];
        v->insn = same ? v->label_insn[label] : INSN_MIXED;
    }
    v->reachable = true;
    return true;
}

static bool check_call(Verifier *v, const IrInsn *in)
{
    if (in->aux >= v->b->helper_count) {
        return broken(v, "helper out of range");
    }
    const IrHelper *h = v->b->helpers[in->aux];
    if (v->args != h->nargs) {
        return broken(v, "as many IR_ARG as the helper takes stand before the call");
    }
    v->args = 0;
    return (h->ret == IR_VOID) == (in->dst == IR_NONE) ||
           broken(v, "a destination if, and only if, the helper returns something");
}

/* Rules that hold between neighbours and along a path. */
static bool check_flow(Verifier *v, const IrInsn *in)
{
    unsigned flags = ir_op_info[in->op].flags;
    if (!v->reachable && in->op != IR_LABEL && in->op != IR_NOP) {
        return broken(v, "nothing but a label stands behind an exit");
    }
    if (v->args && in->op != IR_ARG && in->op != IR_CALL) {
        return broken(v, "an IR_ARG without its call");
    }
    if (in->op == IR_ARMS && (v->at == 0 || !(ir_op_info[in[-1].op].flags & IRF_ARMS))) {
        return broken(v, "IR_ARMS without the operation that reads them");
    }
    if ((flags & IRF_ARMS) && (v->at + 1 >= v->b->count || in[1].op != IR_ARMS)) {
        return broken(v, "its IR_ARMS is missing");
    }
    bool faults = flags & IRF_FAULTS;
    if (in->op == IR_CALL && in->aux < v->b->helper_count) {
        faults = v->b->helpers[in->aux]->flags & IRH_FAULT;
    }
    if (faults && v->insn < 0) {
        return broken(v, v->insn == INSN_MIXED ? "guest instructions meet here: IR_INSN is missing"
                                               : "it may fault, and no IR_INSN stands before it");
    }
    return true;
}

static bool check_insn(Verifier *v, const IrInsn *in)
{
    if (in->op >= IR_OPS) {
        return broken(v, "no such operation");
    }
    if (!check_flow(v, in) || !check_operands(v, in) || !check_types(v, in)) {
        return false;
    }
    unsigned flags = ir_op_info[in->op].flags;
    bool ok = true;
    switch (in->op) {
    case IR_LABEL: ok = check_label(v, ir_label_of(in)); break;
    case IR_CALL: ok = check_call(v, in); break;
    case IR_INSN: v->insn = v->at; break;
    case IR_V1:
    case IR_V2:
    case IR_V3: ok = check_vector(v, in); break;
    case IR_RMW:
    case IR_CAS: ok = check_atomic(v, in); break;
    case IR_COPY:
    case IR_FILL: ok = check_run(v, in); break;
    case IR_ARG: ok = ++v->args <= IR_MAX_ARGS || broken(v, "too many arguments"); break;
    default:
        ok = (!(flags & IRF_LABEL) || check_jump(v, ir_label_of(in))) &&
             (!(flags & IRF_ENV) || check_env(v, in));
        break;
    }
    if (!ok) {
        return false;
    }
    v->reachable = v->reachable && !(flags & IRF_END);
    bool result = (flags & IRF_DST) && !(in->op == IR_CALL && in->dst == IR_NONE);
    return !result || check_definition(v, in->dst, vectors_of(v, in).dst);
}

static bool check_end(Verifier *v)
{
    v->at = v->b->count;
    if (v->reachable || v->args) {
        return broken(v, "a block ends with an exit");
    }
    for (unsigned i = 1; i < v->b->label_count; i++) {
        if (v->label_used[i] && v->label_at[i] < 0) {
            return broken(v, "a label that is jumped to stands nowhere");
        }
    }
    return true;
}

bool ir_verify(const IrBlock *b, GError **err)
{
    g_autofree uint32_t *segments = g_new0(uint32_t, b->temp_count + 1);
    g_autofree int *label_at = g_new(int, b->label_count);
    g_autofree int *label_insn = g_new(int, b->label_count);
    g_autofree uint8_t *label_used = g_new0(uint8_t, b->label_count);
    Verifier v = {
        .b = b,
        .err = err,
        .temp_segment = segments,
        .segment = 1,
        .label_at = label_at,
        .label_insn = label_insn,
        .label_used = label_used,
        .insn = INSN_NONE,
        .reachable = true,
    };
    for (unsigned i = 0; i < b->label_count; i++) {
        label_at[i] = -1;
        label_insn[i] = INSN_NONE;
    }
    for (; v.at < b->count; v.at++) {
        if (!check_insn(&v, &b->ops[v.at])) {
            return false;
        }
    }
    return check_end(&v);
}

void ir_verify_pass(const IrBlock *b, const char *pass)
{
    g_autoptr(GError) err = NULL;
    if (b->verify && !ir_verify(b, &err)) {
        g_error("pass '%s' made wrong IR of %s code at 0x%" PRIx64 ": %s", pass, b->guest->name, b->pc,
                err->message);
    }
}

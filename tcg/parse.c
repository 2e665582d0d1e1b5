/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text form of a block (described in print.c), read without folding, so that a
 * test runs exactly the operations that it writes.
 *
 * The input is hostile: everything is bounded here, and the caller runs ir_verify()
 * on the result, which the parser does not judge. */
#include <errno.h>
#include <string.h>

#include "tcg/private.h"
#include "tcg/vector.h"

enum { PARSE_MAX_TEMPS = 4096, PARSE_MAX_CONSTS = 8192, PARSE_MAX_LABELS = 512, PARSE_MAX_OPS = 65536 };

typedef struct Parser {
    IrBlock *b;
    const IrHelper *const *helpers; /* ends with NULL */
    const char *p;                  /* the next character */
    unsigned line;
    GError **err;
} Parser;

static bool fail(Parser *ps, const char *what)
{
    size_t len = strcspn(ps->p, "\n");
    g_set_error(ps->err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "IR text, line %u: %s\n  at:  %.*s\n  do:  see the head of tcg/print.c for the syntax",
                ps->line, what, (int)MIN(len, 60), ps->p);
    return false;
}

/* ---- tokens ---------------------------------------------------------------- */

static void skip_blanks(Parser *ps)
{
    while (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\r') {
        ps->p++;
    }
}

static bool accept_char(Parser *ps, char c)
{
    skip_blanks(ps);
    if (*ps->p != c) {
        return false;
    }
    ps->p++;
    return true;
}

static bool expect(Parser *ps, char c)
{
    char what[] = "'?' expected";
    what[1] = c;
    return accept_char(ps, c) || fail(ps, what);
}

/* A word of letters, digits and '_' into buf; its length, 0 when there is none. */
static size_t read_word(Parser *ps, char *buf, size_t size)
{
    skip_blanks(ps);
    size_t n = 0;
    while (g_ascii_isalnum(ps->p[n]) || ps->p[n] == '_') {
        n++;
    }
    if (n >= size) {
        return 0;
    }
    memcpy(buf, ps->p, n);
    buf[n] = 0;
    ps->p += n;
    return n;
}

static bool read_number(Parser *ps, int64_t *v)
{
    skip_blanks(ps);
    const char *digits = ps->p + (*ps->p == '-');
    if (!g_ascii_isdigit(*digits)) {
        return fail(ps, "a number is expected");
    }
    char *end;
    errno = 0;
    uint64_t u = g_ascii_strtoull(digits, &end, 0);
    if (errno || g_ascii_isalnum(*end)) {
        return fail(ps, "not a number of 64 bits");
    }
    *v = *ps->p == '-' ? -u : u;
    ps->p = end;
    return true;
}

static bool read_displacement(Parser *ps, uint32_t *aux)
{
    int64_t v;
    if (!read_number(ps, &v)) {
        return false;
    }
    if (v != (int32_t)v) {
        return fail(ps, "a displacement has 32 bits");
    }
    *aux = v;
    return true;
}

static bool read_label(Parser *ps, unsigned *label)
{
    int64_t v;
    skip_blanks(ps);
    if (*ps->p != 'L') {
        return fail(ps, "a label (L1) is expected");
    }
    ps->p++;
    if (!read_number(ps, &v)) {
        return false;
    }
    if (v < 0 || v >= PARSE_MAX_LABELS) {
        return fail(ps, "labels are L0 to L511");
    }
    *label = v;
    ps->b->label_count = MAX(ps->b->label_count, (unsigned)v + 1);
    return true;
}

/* ---- operands -------------------------------------------------------------- */

static bool read_temp(Parser *ps, IrRef *r)
{
    int64_t v;
    if (!read_number(ps, &v)) {
        return false;
    }
    if (v < 1 || v > PARSE_MAX_TEMPS) {
        return fail(ps, "temps are %1 to %4096");
    }
    while (ps->b->temp_count < v) {
        ir_temp_new(ps->b, IR_I64);
    }
    *r = v;
    return true;
}

static bool read_ref(Parser *ps, IrRef *r)
{
    char word[32];
    int64_t v;
    if (accept_char(ps, '%')) {
        return read_temp(ps, r);
    }
    if (g_ascii_isdigit(*ps->p) || *ps->p == '-') {
        if (!read_number(ps, &v)) {
            return false;
        }
        if (ps->b->const_count >= PARSE_MAX_CONSTS) {
            return fail(ps, "too many constants");
        }
        *r = ir_const(ps->b, v);
        return true;
    }
    const char *start = ps->p;
    if (read_word(ps, word, sizeof word)) {
        const IrGuest *g = ps->b->guest;
        for (unsigned i = 0; i < g->global_count; i++) {
            if (strcmp(word, g->globals[i].name) == 0) {
                *r = ir_global(i);
                return true;
            }
        }
    }
    ps->p = start;
    return fail(ps, "no such register");
}

static bool read_next_ref(Parser *ps, IrRef *r)
{
    return expect(ps, ',') && read_ref(ps, r);
}

static bool read_cond(Parser *ps, uint32_t *aux)
{
    char word[8];
    const char *start = ps->p;
    if (read_word(ps, word, sizeof word)) {
        for (unsigned i = 0; i < IR_CONDS; i++) {
            if (strcmp(word, ir_cond_names[i]) == 0) {
                *aux = i;
                return true;
            }
        }
    }
    ps->p = start;
    return fail(ps, "a condition (eq, ltu ...) is expected");
}

typedef struct Suffix {
    const char *name;
    unsigned bits;
} Suffix;

/* A chain of ".word" into *bits: the first is one of the first `firsts` words, the others are not. */
static bool read_suffixes(Parser *ps, const Suffix *words, unsigned count, unsigned firsts, unsigned *bits)
{
    char word[8];
    *bits = 0;
    for (bool first = firsts; *ps->p == '.'; first = false) {
        ps->p++;
        unsigned i = 0, n = read_word(ps, word, sizeof word) ? count : 0;
        while (i < n && strcmp(word, words[i].name)) {
            i++;
        }
        if (i >= n || first != (i < firsts)) {
            return false;
        }
        *bits |= words[i].bits;
    }
    return true;
}

/* ".u16.be.acq": the letter is absent for stores and 64 bits. */
static bool read_memop(Parser *ps, uint8_t *type)
{
    static const Suffix words[] = {
        { "8", MEM_8 },
        { "16", MEM_16 },
        { "32", MEM_32 },
        { "64", MEM_64 },
        { "u8", MEM_8 },
        { "u16", MEM_16 },
        { "u32", MEM_32 },
        { "u64", MEM_64 },
        { "s8", MEM_8 | MEM_SIGN },
        { "s16", MEM_16 | MEM_SIGN },
        { "s32", MEM_32 | MEM_SIGN },
        { "be", MEM_BE },
        { "acq", MEM_ACQ },
        { "rel", MEM_REL },
        { "align", MEM_ALIGN },
        { "unseen", MEM_UNSEEN },
    };
    enum { SIZES = 11 };
    unsigned bits;
    bool ok = read_suffixes(ps, words, G_N_ELEMENTS(words), SIZES, &bits);
    *type = bits;
    return ok || fail(ps, "how memory is touched: .u8 .s16 .32 .64, then .be .acq .rel .align .unseen");
}

/* ".128.align.keep" */
static bool read_vector_memop(Parser *ps, uint8_t *type)
{
    static const Suffix words[] = {
        { "32", MEM_32 },   { "64", MEM_64 },       { "128", MEM_128 },
        { "256", MEM_256 }, { "align", MEM_ALIGN }, { "keep", MEM_KEEP },
    };
    enum { SIZES = 4 };
    unsigned bits;
    bool ok = read_suffixes(ps, words, G_N_ELEMENTS(words), SIZES, &bits);
    *type = bits;
    return ok || fail(ps, "how memory is touched: .32 .64 .128 .256, then .align .keep");
}

/* ".rr.rw.wr.ww" */
static bool read_orders(Parser *ps, uint32_t *aux)
{
    static const Suffix words[] = {
        { "rr", FENCE_RR }, { "rw", FENCE_RW }, { "wr", FENCE_WR }, { "ww", FENCE_WW }
    };
    return read_suffixes(ps, words, G_N_ELEMENTS(words), 0, aux) ||
           fail(ps, "the orders of a fence: .rr .rw .wr .ww");
}

static bool read_type(Parser *ps, uint8_t *type)
{
    char word[8] = "";
    if (*ps->p == '.') {
        ps->p++;
        read_word(ps, word, sizeof word);
    }
    for (*type = 0; *type < IR_VOID; (*type)++) {
        if (strcmp(word, ir_type_names[*type]) == 0) {
            return true;
        }
    }
    return fail(ps, "the type is expected: .i32 .i64 .v64 .v128 .v256");
}

/* ---- operations ------------------------------------------------------------ */

static bool read_call(Parser *ps, IrInsn in)
{
    char name[64];
    const char *start = ps->p;
    unsigned i = 0, n = 0;
    bool named = read_word(ps, name, sizeof name);
    while (named && ps->helpers && ps->helpers[i] && strcmp(ps->helpers[i]->name, name)) {
        i++;
    }
    if (!named || !ps->helpers || !ps->helpers[i]) {
        ps->p = start;
        return fail(ps, "no such helper");
    }
    if (!expect(ps, '(')) {
        return false;
    }
    for (; !accept_char(ps, ')'); n++) {
        IrInsn arg = { .op = IR_ARG };
        if ((n && !expect(ps, ',')) || !read_ref(ps, &arg.a)) {
            return false;
        }
        if (n == IR_MAX_ARGS) {
            return fail(ps, "too many arguments");
        }
        ir_append(ps->b, arg);
    }
    in.aux = ir_helper_index(ps->b, ps->helpers[i]);
    ir_append(ps->b, in);
    return true;
}

/* "add_i32.keep", "shuffle_i32:27" */
static bool read_vop(Parser *ps, uint32_t *aux)
{
    static const Suffix words[] = { { "keep", VOP_KEEP }, { "ref", VOP_REFERENCE } };
    char word[32];
    const char *start = ps->p;
    unsigned n = 0, bits;
    int64_t imm = 0;
    bool named = read_word(ps, word, sizeof word);
    while (named && n < IR_VOPS && strcmp(word, vop_info[n].name)) {
        n++;
    }
    if (!named || n == IR_VOPS) {
        ps->p = start;
        return fail(ps, "no such operation on vectors");
    }
    if (!read_suffixes(ps, words, G_N_ELEMENTS(words), 0, &bits)) {
        return fail(ps, ".keep or .ref is expected");
    }
    if (vop_info[n].flags & VF_IMM && (!expect(ps, ':') || !read_number(ps, &imm) || imm != (uint8_t)imm)) {
        return fail(ps, "the immediate is of 8 bits");
    }
    *aux = n | bits | (uint32_t)imm << VOP_IMM_SHIFT;
    return true;
}

/* Condition, a, b, label: what the operation has of them. */
static bool read_plain_operands(Parser *ps, IrInsn *in, unsigned flags)
{
    unsigned label = 0;
    bool ok = !(flags & IRF_COND) || read_cond(ps, &in->aux);
    ok = ok && (!(flags & IRF_VECTOR) || read_vop(ps, &in->aux));
    ok = ok && (!(flags & IRF_A) || read_ref(ps, &in->a));
    ok = ok && (!(flags & IRF_B) || read_next_ref(ps, &in->b));
    if (flags & IRF_LABEL) {
        ok = ok && (!(flags & IRF_A) || expect(ps, ',')) && read_label(ps, &label);
        in->aux |= label << 8;
    }
    return ok;
}

/* The operation named, IR_OPS when there is none of that name. */
static unsigned find_op(const char *name)
{
    unsigned op = 0;
    while (op < IR_OPS && strcmp(name, ir_op_info[op].name)) {
        op++;
    }
    return op;
}

static bool read_atomic(Parser *ps, uint32_t *aux)
{
    char word[16];
    const char *start = ps->p;
    *aux = read_word(ps, word, sizeof word) ? find_op(word) : IR_OPS;
    if (*aux < IR_OPS) {
        return true;
    }
    ps->p = start;
    return fail(ps, "an operation (mov, add, minu ...) is expected");
}

static bool read_memory_operands(Parser *ps, IrInsn *in, unsigned flags)
{
    bool first = true;
    if (flags & IRF_RMW && !read_atomic(ps, &in->aux)) {
        return false;
    }
    if (flags & IRF_B) {
        if (!read_ref(ps, &in->b)) {
            return false;
        }
        first = false;
    }
    if (flags & IRF_A) {
        if ((!first && !expect(ps, ',')) || !read_ref(ps, &in->a)) {
            return false;
        }
        first = false;
    }
    return flags & IRF_RMW || ((first || expect(ps, ',')) && read_displacement(ps, &in->aux));
}

static bool read_operands(Parser *ps, IrInsn in)
{
    unsigned flags = ir_op_info[in.op].flags;
    IrInsn arms = { .op = IR_ARMS };
    if (in.op == IR_CALL) {
        return read_call(ps, in);
    }
    if (!(flags & IRF_MEM ? read_memory_operands(ps, &in, flags) : read_plain_operands(ps, &in, flags))) {
        return false;
    }
    if (flags & IRF_ARMS && !read_next_ref(ps, &arms.a)) {
        return false;
    }
    arms.b = arms.a;
    if (flags & IRF_ARMS && !(flags & IRF_THIRD) && !read_next_ref(ps, &arms.b)) {
        return false;
    }
    ps->b->guest_insns += in.op == IR_INSN;
    ir_append(ps->b, in);
    if (flags & IRF_ARMS) {
        ir_append(ps->b, arms);
    }
    return true;
}

static bool read_mnemonic(Parser *ps, IrInsn *in)
{
    char word[16];
    const char *start = ps->p;
    unsigned op = read_word(ps, word, sizeof word) ? find_op(word) : IR_OPS;
    if (op == IR_OPS || op == IR_ARG || op == IR_ARMS) {
        ps->p = start;
        return fail(ps, "no such operation");
    }
    in->op = op;
    unsigned flags = ir_op_info[op].flags;
    if (flags & IRF_MEM) {
        return flags & IRF_VECTOR ? read_vector_memop(ps, &in->type) : read_memop(ps, &in->type);
    }
    if (flags & IRF_ORDER) {
        return read_orders(ps, &in->aux);
    }
    return !ir_op_info[op].types || read_type(ps, &in->type);
}

static bool has_destination(const char *p)
{
    size_t n = strcspn(p, "=\n#");
    return p[n] == '=';
}

static bool read_line(Parser *ps)
{
    IrInsn in = { 0 };
    skip_blanks(ps);
    if (*ps->p && !strchr("\n#", *ps->p)) {
        if (has_destination(ps->p) && (!read_ref(ps, &in.dst) || !expect(ps, '='))) {
            return false;
        }
        skip_blanks(ps);
        if (!read_mnemonic(ps, &in) || !read_operands(ps, in)) {
            return false;
        }
        skip_blanks(ps);
    }
    if (*ps->p == '#') {
        ps->p += strcspn(ps->p, "\n");
    }
    if (ps->b->count > PARSE_MAX_OPS) {
        return fail(ps, "too many operations");
    }
    return !*ps->p || *ps->p == '\n' || fail(ps, "the end of the line is expected");
}

bool ir_parse(IrBlock *b, const char *text, const IrHelper *const *helpers, GError **err)
{
    Parser ps = { .b = b, .helpers = helpers, .p = text, .err = err };
    ir_block_reset(b, 0);
    for (;;) {
        ps.line++;
        if (!read_line(&ps)) {
            return false;
        }
        if (!*ps.p) {
            break;
        }
        ps.p++;
    }
    for (unsigned i = 0; i < b->count; i++) {
        if (b->ops[i].op == IR_INSN && ir_is_const(b->ops[i].a)) {
            b->pc = ir_const_value(b, b->ops[i].a);
            break;
        }
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "coverage.h"

#include <string.h>

/* The axes of a form besides the row; sizes as 0, 1, 2 for 2, 4, 8 bytes. */
typedef struct Form {
    unsigned code, osz, memory, lock, repeat, wide;
} Form;

enum { FORMS = 3 * 3 * 2 * 2 * 3 * 2 };
enum { EXISTS = 1, MET = 2 };

struct X86Coverage {
    uint8_t *state; /* FORMS of each row: EXISTS, MET */
};

static unsigned form_number(Form f)
{
    return ((((f.code * 3 + f.osz) * 2 + f.memory) * 2 + f.lock) * 3 + f.repeat) * 2 + f.wide;
}

static Form form_of(unsigned number)
{
    Form f;

    f.wide = number % 2;
    f.repeat = number / 2 % 3;
    f.lock = number / 6 % 2;
    f.memory = number / 12 % 2;
    f.osz = number / 24 % 3;
    f.code = number / 72;
    return f;
}

static unsigned size_number(unsigned bytes)
{
    return bytes == 2 ? 0 : bytes == 4 ? 1 : 2;
}

/* Does anything of the row depend on the operand size? */
static bool uses_operand_size(const X86Row *row)
{
    const uint32_t sized = X86_ATTR_D64 | X86_ATTR_F64 | X86_ATTR_B64;

    if (strchr(row->name, '|') && !(row->attrs & X86_ATTR_ASZ)) {
        return true;
    }
    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        switch (row->operands[i].size) {
        case X86_SIZE_V:
        case X86_SIZE_Z:
        case X86_SIZE_Y:
        case X86_SIZE_P:
        case X86_SIZE_A:
        case X86_SIZE_BS: return true;
        default: break;
        }
    }
    return row->encoding.map == X86_MAP_00 && row->attrs & sized && row->operands[0].where != X86_AT_J;
}

/* Operand sizes of a row in code of a size: bits of size_number(). */
static unsigned operand_sizes(const X86Row *row, unsigned code)
{
    const X86Encoding *e = &row->encoding;
    bool both = (e->prefix & 3) == 3 && e->map < X86_MAP_V1; /* 66 is free to choose */
    unsigned usual = code, other = code == 0 ? 1 : 0, sizes;

    if (!uses_operand_size(row)) {
        return 1;
    }
    if (code < 2) {
        bool only66 = e->prefix == 2 && e->map < X86_MAP_V1;
        sizes = only66 ? 1u << other : 1u << usual;
        return both ? sizes | 1u << other : sizes;
    }
    if (row->attrs & (X86_ATTR_F64 | X86_ATTR_B64)) {
        return 4;
    }
    sizes = row->attrs & X86_ATTR_D64 ? 4 : (e->w & 1 ? (e->prefix == 2 && e->map < X86_MAP_V1 ? 1 : 2) : 0);
    sizes |= e->w & 2 ? 4 : 0;
    return both && e->w & 1 ? sizes | 1 : sizes;
}

static bool exists(const X86Row *row, Form f)
{
    const X86Encoding *e = &row->encoding;

    if (!(e->mode64 >> (f.code == 2) & 1) ||
        (f.code != 2 && !(e->w & 1) && !(row->attrs & X86_ATTR_W64) && e->map < X86_MAP_V1)) {
        return false;
    }
    if (f.code != 2 && ((e->b & 1) == 0 || (row->attrs & X86_ATTR_W64 && !(e->w & 1)))) {
        return false;
    }
    bool modrm = row->attrs & X86_ATTR_MODRM;
    if (f.memory ? !modrm || !(e->mod & 1) || row->attrs & X86_ATTR_ANYMOD : modrm && !(e->mod & 2)) {
        return false;
    }
    if (f.lock && !(row->attrs & X86_ATTR_LOCK && f.memory)) {
        return false;
    }
    if (f.repeat && !(row->attrs & (f.repeat == 1 ? X86_ATTR_REP | X86_ATTR_REPE : X86_ATTR_REPE))) {
        return false;
    }
    if (e->map < X86_MAP_V1 ? f.wide : !(e->l >> f.wide & 1)) {
        return false;
    }
    return operand_sizes(row, f.code) >> f.osz & 1;
}

X86Coverage *x86_coverage_new(unsigned sizes, bool (*counts)(unsigned row))
{
    X86Coverage *c = g_new0(X86Coverage, 1);

    c->state = g_new0(uint8_t, (size_t)x86_row_count * FORMS);
    for (unsigned row = 1; row < x86_row_count; row++) {
        for (unsigned n = 0; n < FORMS; n++) {
            Form f = form_of(n);
            if ((!counts || counts(row)) && sizes & 2u << f.code && exists(&x86_rows[row], f)) {
                c->state[row * FORMS + n] = EXISTS;
            }
        }
    }
    return c;
}

void x86_coverage_free(X86Coverage *c)
{
    g_free(c->state);
    g_free(c);
}

bool x86_coverage_mark(X86Coverage *c, X86DecodeMode mode, const X86Insn *insn)
{
    const X86Row *row = &x86_rows[insn->row];
    bool repeats = row->attrs & (X86_ATTR_REP | X86_ATTR_REPE);
    bool repne = insn->prefixes & X86_PREFIX_REPNE && row->attrs & X86_ATTR_REPE;
    Form f = { .code = size_number(mode.size),
               .osz = uses_operand_size(row) ? size_number(insn->osz) : 0,
               .memory = insn->memory,
               .lock = !!(insn->prefixes & X86_PREFIX_LOCK),
               .repeat = !repeats                          ? 0
                         : insn->prefixes & X86_PREFIX_REP ? 1
                         : repne                           ? 2
                                                           : 0,
               .wide = insn->vector == 32 };
    uint8_t *state = &c->state[insn->row * FORMS + form_number(f)];
    bool first = !(*state & MET);

    *state |= MET;
    return first;
}

void x86_coverage_count(const X86Coverage *c, unsigned *forms, unsigned *met)
{
    *forms = *met = 0;
    for (size_t i = 0; i < (size_t)x86_row_count * FORMS; i++) {
        *forms += (c->state[i] & EXISTS) != 0;
        *met += c->state[i] == (EXISTS | MET);
    }
}

void x86_coverage_missing(const X86Coverage *c, GString *out)
{
    static const char *const maps[] = { "", "0f ", "0f 38 ", "0f 3a ", "vex 1 ", "vex 2 ", "vex 3 " };

    for (size_t i = 0; i < (size_t)x86_row_count * FORMS; i++) {
        if (c->state[i] == EXISTS) {
            const X86Row *row = &x86_rows[i / FORMS];
            Form f = form_of(i % FORMS);
            g_string_append_printf(out, "%s (%s%02x): %u-bit code, osz %u, %s%s%s%s\n", row->name,
                                   maps[row->encoding.map], row->encoding.opcode, 16u << f.code, 2u << f.osz,
                                   f.memory ? "memory" : "register", f.lock ? ", lock" : "",
                                   f.repeat == 1 ? ", rep"
                                   : f.repeat    ? ", repne"
                                                 : "",
                                   f.wide ? ", 256" : "");
        }
    }
}

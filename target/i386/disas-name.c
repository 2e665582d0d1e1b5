/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of x86 instructions: the alternatives of a row by size, the other names that AT&T syntax has, its
 * suffixes of operand size, and prefixes as words. */
#include "target/i386/disas.h"
#include "target/i386/translators.h"

#include <string.h>

typedef struct OtherName {
    const char *name, *other;
} OtherName;

/* Names that AT&T syntax has of its own. */
static const OtherName att_names[] = {
    { "cbw", "cbtw" }, { "cwde", "cwtl" }, { "cdqe", "cltq" },
    { "cwd", "cwtd" }, { "cdq", "cltd" },  { "cqo", "cqto" },
};
/* And Intel's. */
static const OtherName intel_names[] = {
    { "lcall", "call" },      { "ljmp", "jmp" },          { "lret", "retf" },
    { "sysretl", "sysretd" }, { "sysexitl", "sysexitd" },
};

static const char *find_name(const OtherName *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (!strcmp(names[i].name, name)) {
            return names[i].other;
        }
    }
    return name;
}

/* The alternative of a name ("a|b|c") for a size of 2, 4 or 8 bytes; "a|b" has one for 2 and 4. */
static void pick_alternative(const char *names, unsigned bytes, char *name, size_t room)
{
    unsigned count = 1, want;

    for (const char *p = names; *p; p++) {
        count += *p == '|';
    }
    want = count == 3 ? (bytes == 2 ? 0 : bytes == 4 ? 1 : 2) : count == 2 ? bytes == 8 : 0;
    while (want--) {
        names = strchr(names, '|') + 1;
    }
    g_strlcpy(name, names, MIN(room, strcspn(names, "|") + 1));
}

static char size_suffix(unsigned bytes)
{
    switch (bytes) {
    case 1: return 'b';
    case 2: return 'w';
    case 4: return 'l';
    default: return 'q';
    }
}

static bool has_where(const X86Row *row, X86Where where)
{
    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        if (row->operands[i].where == where) {
            return true;
        }
    }
    return false;
}

/* Is the operand size the code segment's own? */
static bool is_usual(X86DecodeMode mode, const X86Insn *insn, const X86Row *row)
{
    if (mode.size != 8) {
        return insn->osz == mode.size;
    }
    return insn->osz == (row->attrs & (X86_ATTR_D64 | X86_ATTR_F64 | X86_ATTR_B64) ? 8 : 4);
}

/* Rows whose size shows in their name, and only if it is not the usual one. */
static bool names_unusual_size(X86DecodeMode mode, X86Syntax syntax, const X86Insn *insn, const X86Row *row)
{
    bool att = syntax == X86_SYNTAX_ATT;

    switch (row->translator) {
    case X86_TR_PUSH:
    case X86_TR_POP: return row->operands[0].where == X86_AT_I || (att && insn->memory);
    case X86_TR_PUSH_SEG:
    case X86_TR_POP_SEG:
    case X86_TR_PUSHF:
    case X86_TR_POPF:
    case X86_TR_PUSHA:
    case X86_TR_POPA:
    case X86_TR_ENTER:
    case X86_TR_LEAVE:
    case X86_TR_RET:
    case X86_TR_LRET:
    case X86_TR_IRET: return true;
    case X86_TR_NEAR: return row->operands[0].size == X86_SIZE_Z || (att && insn->memory);
    case X86_TR_FAR: return att && !(mode.amd && insn->osz == 8); /* AMD has no 64-bit offsets there */
    default: return false;
    }
}

/* The suffix of x87: real numbers are s, l, t; integers s, l, ll. */
static void put_fpu_suffix(const X86Row *row, GString *out)
{
    bool integer = row->name[1] == 'i';

    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        switch (row->operands[i].size) {
        case X86_SIZE_FD: g_string_append_c(out, 's'); return;
        case X86_SIZE_FQ: g_string_append_c(out, 'l'); return;
        case X86_SIZE_FT: g_string_append_c(out, 't'); return;
        case X86_SIZE_W: g_string_append(out, integer ? "s" : ""); return;
        case X86_SIZE_D: g_string_append(out, integer ? "l" : ""); return;
        case X86_SIZE_Q: g_string_append(out, integer ? "ll" : ""); return;
        default: break;
        }
    }
}

/* AT&T syntax names a size where no register operand tells it. */
static bool needs_suffix(const X86Insn *insn, const X86Row *row)
{
    X86Operand first = row->operands[0];

    switch (row->translator) {
    case X86_TR_SETCC:
    case X86_TR_PUSH:
    case X86_TR_POP:
    case X86_TR_NEAR:
    case X86_TR_UD: return false;
    case X86_TR_STRING: return !has_where(row, X86_AT_AX);
    default: break;
    }
    return insn->memory && first.where == X86_AT_E &&
           (first.size == X86_SIZE_B || first.size == X86_SIZE_V) && !has_where(row, X86_AT_G);
}

/* Conversions whose result does not tell how wide the source is. */
static bool narrows(const X86Row *row)
{
    return row->arg == X86_VCONVERT_CVTPD2PS || row->arg == X86_VCONVERT_CVTPD2DQ ||
           row->arg == X86_VCONVERT_CVTTPD2DQ;
}

static void put_att_suffix(X86DecodeMode mode, const X86Insn *insn, const X86Row *row, GString *out)
{
    switch (row->translator) {
    case X86_TR_MOVX:
        if (row->operands[1].size == X86_SIZE_Z) {
            return;
        }
        g_string_append_c(out, size_suffix(x86_operand_bytes(insn, mode, row->operands[1])));
        g_string_append_c(out, size_suffix(insn->osz));
        return;
    case X86_TR_FPU_ALU:
    case X86_TR_FPU_COMPARE:
    case X86_TR_FPU_LOAD:
    case X86_TR_FPU_STORE: put_fpu_suffix(row, out); return;
    case X86_TR_VCONVERT:
        if (insn->memory && insn->prefixes & X86_PREFIX_VEX && narrows(row)) {
            g_string_append_c(out, insn->vector == 32 ? 'y' : 'x');
            return;
        }
        break;
    default: break;
    }
    if (row->translator == X86_TR_STRING && needs_suffix(insn, row)) {
        unsigned which = row->operands[0].where == X86_AT_DX ? 1 : 0;
        g_string_append_c(out, size_suffix(x86_operand_bytes(insn, mode, row->operands[which])));
    } else if (needs_suffix(insn, row)) {
        g_string_append_c(out, size_suffix(x86_operand_bytes(insn, mode, row->operands[0])));
    } else if (insn->memory && row->operands[row->operands[1].where == X86_AT_E ? 1 : 2].where == X86_AT_E &&
               ((row->translator == X86_TR_VCONVERT && mode.size == 8) || row->translator == X86_TR_CRC32)) {
        X86Operand source = row->operands[row->operands[1].where == X86_AT_E ? 1 : 2];
        g_string_append_c(out, size_suffix(x86_operand_bytes(insn, mode, source)));
    }
}

/* fsub and fsubr, fdiv and fdivr change places in AT&T syntax where the destination is not ST(0). */
static void swap_reverse(const X86Insn *insn, const X86Row *row, char *name, size_t room)
{
    if (row->translator != X86_TR_FPU_ALU || row->operands[0].where != X86_AT_STI) {
        return;
    }
    char *r = strchr(name + 3, 'r');
    if (g_str_has_prefix(name, "fsub") || g_str_has_prefix(name, "fdiv")) {
        if (r == name + 4) {
            memmove(r, r + 1, strlen(r));
        } else {
            memmove(name + 5, name + 4, strlen(name + 4) + 1);
            name[4] = 'r';
        }
    }
}

static void put_prefixes(const X86Insn *insn, const X86Row *row, GString *out)
{
    if (insn->prefixes & X86_PREFIX_LOCK) {
        g_string_append(out, "lock ");
    }
    if (row->attrs & (X86_ATTR_REP | X86_ATTR_REPE)) {
        if (insn->prefixes & X86_PREFIX_REP) {
            g_string_append(out, row->attrs & X86_ATTR_REPE ? "repz " : "rep ");
        } else if (insn->prefixes & X86_PREFIX_REPNE) {
            g_string_append(out, "repnz ");
        }
    }
}

/* Moves with an address or an immediate of eight bytes have a name of their own. */
static bool is_movabs(X86DecodeMode mode, const X86Insn *insn, const X86Row *row)
{
    return row->translator == X86_TR_MOV &&
           ((row->attrs & X86_ATTR_MOFFS && mode.size == 8 && insn->asz == 8) ||
            (row->imm == X86_SIZE_V && insn->osz == 8));
}

void x86_disas_put_name(X86DecodeMode mode, X86Syntax syntax, const X86Insn *insn, GString *out)
{
    const X86Row *row = &x86_rows[insn->row];
    char name[24];

    put_prefixes(insn, row, out);
    if (is_movabs(mode, insn, row)) {
        g_string_append(out, "movabs");
        return;
    }
    pick_alternative(row->name, row->attrs & X86_ATTR_ASZ ? insn->asz : insn->osz, name, sizeof(name));
    if (syntax == X86_SYNTAX_INTEL) {
        g_string_append(out, find_name(intel_names, G_N_ELEMENTS(intel_names), name));
    } else {
        if (row->translator == X86_TR_MOVX && row->operands[1].size != X86_SIZE_Z) {
            name[4] = '\0'; /* movz, movs and two suffixes */
        } else if (row->translator == X86_TR_MOVX && insn->osz == 8) {
            g_strlcpy(name, "movslq", sizeof(name));
        }
        swap_reverse(insn, row, name, sizeof(name));
        g_string_append(out, find_name(att_names, G_N_ELEMENTS(att_names), name));
        put_att_suffix(mode, insn, row, out);
    }
    if (names_unusual_size(mode, syntax, insn, row) && !is_usual(mode, insn, row)) {
        bool dword = syntax == X86_SYNTAX_INTEL && insn->osz == 4;
        g_string_append_c(out, dword ? 'd' : size_suffix(insn->osz));
    }
}

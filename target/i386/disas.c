/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands of x86 instructions as text.  One walk over the operands of a row serves both syntaxes: they differ in
 * the order of operands, in how a register, an immediate and an address are written, and in names (disas-name.c).
 *
 * Judge: GNU objdump; where it and we differ on purpose stands in tests/target/i386/test-objdump.py. */
#include "target/i386/disas.h"
#include "target/i386/translators.h"

#include <inttypes.h>
#include <string.h>

typedef struct Text {
    X86DecodeMode mode;
    X86Syntax syntax;
    uint64_t pc;
    const X86Insn *insn;
    const X86Row *row;
    GString *out;
} Text;

static bool intel(const Text *t)
{
    return t->syntax == X86_SYNTAX_INTEL;
}

static uint64_t mask_to(uint64_t value, unsigned bytes)
{
    return bytes >= 8 ? value : value & ((UINT64_C(1) << (8 * bytes)) - 1);
}

static void put_register(const Text *t, const char *name)
{
    g_string_append_printf(t->out, "%s%s", intel(t) ? "" : "%", name);
}

static void put_numbered(const Text *t, const char *kind, unsigned number)
{
    g_string_append_printf(t->out, "%s%s%u", intel(t) ? "" : "%", kind, number);
}

static const char *const names64[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const names32[16] = { "eax", "ecx", "edx",  "ebx",  "esp",  "ebp",  "esi",  "edi",
                                         "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d" };
static const char *const names16[16] = { "ax",  "cx",  "dx",   "bx",   "sp",   "bp",   "si",   "di",
                                         "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w" };
static const char *const names8[16] = { "al",  "cl",  "dl",   "bl",   "spl",  "bpl",  "sil",  "dil",
                                        "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b" };
static const char *const names_high[4] = { "ah", "ch", "dh", "bh" };
static const char *const names_seg[8] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

static const char *general_name(const X86Insn *insn, unsigned reg, unsigned bytes)
{
    switch (bytes) {
    case 8: return names64[reg];
    case 4: return names32[reg];
    case 2: return names16[reg];
    default: break;
    }
    if (reg >= 4 && reg < 8 && !(insn->prefixes & X86_PREFIX_REX)) {
        return names_high[reg - 4];
    }
    return names8[reg];
}

static void put_general(const Text *t, unsigned reg, unsigned bytes)
{
    put_register(t, general_name(t->insn, reg, bytes));
}

/* XMM, or YMM where the operand is 32 bytes wide. */
static void put_vector(const Text *t, unsigned reg, X86Operand o)
{
    bool wide = x86_operand_bytes(t->insn, t->mode, o) == 32;

    put_numbered(t, wide ? "ymm" : "xmm", reg);
}

static void put_hex(const Text *t, int64_t value)
{
    if (value < 0) {
        g_string_append_printf(t->out, "-0x%" PRIx64, -(uint64_t)value);
    } else {
        g_string_append_printf(t->out, "0x%" PRIx64, (uint64_t)value);
    }
}

static void put_number(const Text *t, uint64_t value)
{
    g_string_append_printf(t->out, "%s0x%" PRIx64, intel(t) ? "" : "$", value);
}

/* Operands that objdump names no size of. */
static bool names_no_size(const Text *t, X86Operand o)
{
    return o.size == X86_SIZE_S || t->row->translator == X86_TR_LEA ||
           (t->row->translator == X86_TR_INVTLB && t->row->arg == X86_INVTLB_INVPCID) ||
           (t->row->translator == X86_TR_VMOV && t->row->arg == X86_VMOV_LDDQU);
}

/* "QWORD PTR " of Intel's syntax. */
static void put_pointer_size(const Text *t, X86Operand o)
{
    static const struct {
        uint8_t bytes;
        const char *name;
    } names[] = { { 1, "BYTE" },  { 2, "WORD" },   { 4, "DWORD" },    { 6, "FWORD" },
                  { 8, "QWORD" }, { 10, "TBYTE" }, { 16, "XMMWORD" }, { 32, "YMMWORD" } };
    unsigned bytes = x86_operand_bytes(t->insn, t->mode, o);

    if (names_no_size(t, o)) {
        return;
    }
    if (t->row->translator == X86_TR_CMPXCHG2 && bytes == 16) {
        g_string_append(t->out, "OWORD PTR ");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].bytes == bytes) {
            g_string_append_printf(t->out, "%s PTR ", names[i].name);
        }
    }
}

static void put_segment_prefix(const Text *t, X86Seg seg)
{
    put_register(t, names_seg[seg]);
    g_string_append_c(t->out, ':');
}

static const char *base_name(const Text *t, unsigned reg)
{
    if (reg == X86_REG_RIP) {
        return t->insn->asz == 8 ? "rip" : "eip";
    }
    return general_name(t->insn, reg, t->insn->asz);
}

/* A SIB byte that names no index is shown where it could have been spared. */
static bool shows_no_index(const Text *t)
{
    const X86Insn *insn = t->insn;

    if (insn->asz == 2 || (insn->modrm & 7) != 4 || insn->index != X86_NO_REG) {
        return false;
    }
    return insn->scale || (insn->base == X86_NO_REG ? t->mode.size == 4 : (insn->base & 7) != 4);
}

/* Text of the index register, if there is one. */
static bool put_index(const Text *t)
{
    const X86Insn *insn = t->insn;

    if (t->row->attrs & X86_ATTR_VSIB) {
        bool wide = t->row->operands[1].size == X86_SIZE_VX || t->row->operands[1].size == X86_SIZE_VY;
        put_numbered(t, wide && insn->vector == 32 ? "ymm" : "xmm", insn->index);
    } else if (insn->index != X86_NO_REG) {
        put_register(t, general_name(insn, insn->index, insn->asz));
    } else if (shows_no_index(t)) {
        put_register(t, insn->asz == 8 ? "riz" : "eiz");
    } else {
        return false;
    }
    if (insn->asz != 2) {
        g_string_append_printf(t->out, intel(t) ? "*%u" : ",%u", 1u << insn->scale);
    }
    return true;
}

static void put_intel_address(const Text *t)
{
    const X86Insn *insn = t->insn;
    GString *out = t->out;

    g_string_append_c(out, '[');
    gsize start = out->len;
    if (insn->base != X86_NO_REG) {
        put_register(t, base_name(t, insn->base));
        g_string_append_c(out, '+');
    }
    if (!put_index(t) && out->len > start) {
        g_string_truncate(out, out->len - 1);
    }
    if (out->len == start) { /* neither base nor index: an address, not a displacement */
        g_string_truncate(out, start - 1);
        if (!(insn->prefixes & X86_PREFIX_SEGMENT)) {
            put_segment_prefix(t, insn->seg);
        }
        g_string_append_printf(out, "0x%" PRIx64, mask_to(insn->disp, insn->asz));
        return;
    }
    if (insn->base == X86_REG_RIP) {
        g_string_append_printf(out, "+0x%" PRIx64, (uint64_t)insn->disp);
    } else if (insn->modrm >> 6 || insn->base == X86_NO_REG) {
        if (insn->disp >= 0) {
            g_string_append_c(out, '+');
        }
        put_hex(t, insn->disp);
    }
    g_string_append_c(out, ']');
}

static void put_att_address(const Text *t)
{
    const X86Insn *insn = t->insn;
    GString *out = t->out;

    if (insn->modrm >> 6 || insn->base == X86_NO_REG || insn->base == X86_REG_RIP) {
        if (insn->base == X86_NO_REG && insn->index == X86_NO_REG && insn->asz != 2 && !shows_no_index(t)) {
            g_string_append_printf(out, "0x%" PRIx64, mask_to(insn->disp, insn->asz));
        } else {
            put_hex(t, insn->disp);
        }
    }
    g_string_append_c(out, '(');
    gsize start = out->len;
    if (insn->base != X86_NO_REG) {
        put_register(t, base_name(t, insn->base));
    }
    g_string_append_c(out, ',');
    if (!put_index(t)) {
        g_string_truncate(out, out->len - 1);
    }
    if (out->len == start) {
        g_string_truncate(out, start - 1);
    } else {
        g_string_append_c(out, ')');
    }
}

static void put_memory(const Text *t, X86Operand o)
{
    if (intel(t)) {
        put_pointer_size(t, o);
    }
    if (t->insn->prefixes & X86_PREFIX_SEGMENT) {
        put_segment_prefix(t, t->insn->seg);
    }
    if (intel(t)) {
        put_intel_address(t);
    } else {
        put_att_address(t);
    }
}

/* Memory at one register: strings, xlat. */
static void put_string_memory(const Text *t, X86Operand o, X86Seg seg, unsigned reg)
{
    if (intel(t)) {
        put_pointer_size(t, o);
    }
    put_segment_prefix(t, seg);
    g_string_append_c(t->out, intel(t) ? '[' : '(');
    put_general(t, reg, t->insn->asz);
    g_string_append_c(t->out, intel(t) ? ']' : ')');
}

static void put_offset(const Text *t, X86Operand o)
{
    if (intel(t) || t->insn->prefixes & X86_PREFIX_SEGMENT) {
        put_segment_prefix(t, t->insn->seg);
    }
    g_string_append_printf(t->out, "0x%" PRIx64, mask_to(t->insn->disp, t->insn->asz));
}

/* Where a relative jump leads: the instruction pointer wraps at the operand's size.  In 16-bit code pc has the
 * base of the segment above it, which stays. */
static void put_target(const Text *t)
{
    uint64_t target = t->pc + t->insn->length + (uint64_t)t->insn->imm;

    if (t->mode.size == 2 && t->insn->osz == 2) {
        target = (t->pc & ~UINT64_C(0xffff)) | (target & 0xffff);
    } else {
        target = mask_to(target, t->insn->osz);
    }
    g_string_append_printf(t->out, "0x%" PRIx64, target);
}

static void put_far(const Text *t)
{
    uint64_t offset = mask_to(t->insn->imm, t->insn->osz);

    if (intel(t)) {
        g_string_append_printf(t->out, "0x%x:0x%" PRIx64, t->insn->imm2, offset);
    } else {
        g_string_append_printf(t->out, "$0x%x,$0x%" PRIx64, t->insn->imm2, offset);
    }
}

/* An immediate: the second one where it is the row's second. */
static void put_immediate(const Text *t, unsigned which, X86Operand o)
{
    const X86Insn *insn = t->insn;
    bool second = which && t->row->operands[which - 1].where == X86_AT_I;
    unsigned bytes = o.size == X86_SIZE_B || o.size == X86_SIZE_W ? 8 : insn->osz;

    put_number(t, second ? insn->imm2 : mask_to(insn->imm, bytes));
}

/* rAX, DX ... and what is fixed. */
static void put_fixed(const Text *t, X86Operand o)
{
    unsigned bytes = x86_operand_bytes(t->insn, t->mode, o);
    bool port = o.where == X86_AT_DX && !intel(t);

    switch (o.where) {
    case X86_AT_AX: put_general(t, 0, bytes); break;
    case X86_AT_CX: put_general(t, 1, bytes); break;
    case X86_AT_DX:
        g_string_append(t->out, port ? "(" : "");
        put_general(t, 2, bytes);
        g_string_append(t->out, port ? ")" : "");
        break;
    case X86_AT_ONE: g_string_append_c(t->out, '1'); break;
    case X86_AT_ST0: put_register(t, "st"); break;
    case X86_AT_XMM0: put_register(t, "xmm0"); break;
    default: put_register(t, names_seg[o.where - X86_AT_ES]); break;
    }
}

static void put_x87(const Text *t)
{
    g_string_append_printf(t->out, "%sst(%u)", intel(t) ? "" : "%", t->insn->rm & 7);
}

static void put_operand(const Text *t, unsigned which)
{
    X86Operand o = t->row->operands[which];
    const X86Insn *insn = t->insn;
    unsigned bytes = x86_operand_bytes(insn, t->mode, o);

    switch (o.where) {
    case X86_AT_E:
    case X86_AT_M:
    case X86_AT_R:
        if (insn->memory) {
            put_memory(t, o);
        } else {
            put_general(t, insn->rm, bytes);
        }
        break;
    case X86_AT_Q:
    case X86_AT_N:
        if (insn->memory) {
            put_memory(t, o);
        } else {
            put_numbered(t, "mm", insn->rm & 7);
        }
        break;
    case X86_AT_W:
    case X86_AT_U:
        if (insn->memory) {
            put_memory(t, o);
        } else {
            put_vector(t, insn->rm, o);
        }
        break;
    case X86_AT_G: put_general(t, insn->reg, bytes); break;
    case X86_AT_B: put_general(t, insn->vvvv, bytes); break;
    case X86_AT_Z: put_general(t, insn->rm, bytes); break;
    case X86_AT_P: put_numbered(t, "mm", insn->reg & 7); break;
    case X86_AT_V: put_vector(t, insn->reg, o); break;
    case X86_AT_H: put_vector(t, insn->vvvv, o); break;
    case X86_AT_L: put_vector(t, (insn->imm >> 4 & 15) & (t->mode.size == 8 ? 15 : 7), o); break;
    case X86_AT_S: put_register(t, names_seg[insn->reg & 7]); break;
    case X86_AT_C: put_numbered(t, "cr", insn->reg); break;
    case X86_AT_D: put_numbered(t, intel(t) ? "dr" : "db", insn->reg); break;
    case X86_AT_I: put_immediate(t, which, o); break;
    case X86_AT_J: put_target(t); break;
    case X86_AT_A: put_far(t); break;
    case X86_AT_O: put_offset(t, o); break;
    case X86_AT_X: put_string_memory(t, o, insn->seg, 6); break;
    case X86_AT_Y: put_string_memory(t, o, X86_ES, 7); break;
    case X86_AT_STI: put_x87(t); break;
    default: put_fixed(t, o); break;
    }
}

/* Operands that a row has and the text has not: the accumulator of x87's memory forms, loads and stores. */
static bool is_shown(const Text *t, unsigned which)
{
    X86Operand o = t->row->operands[which];

    if (o.where == X86_AT_NONE) {
        return false;
    }
    if (o.where == X86_AT_ST0) {
        return !t->insn->memory &&
               (t->row->translator == X86_TR_FPU_ALU || t->row->translator == X86_TR_FPU_CMOV ||
                g_str_has_suffix(t->row->name, "i") || g_str_has_suffix(t->row->name, "ip"));
    }
    return o.where != X86_AT_ONE || intel(t);
}

static void put_operands(const Text *t)
{
    unsigned shown[X86_OPERANDS_MAX], count = 0;
    const char *comma = "";

    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        if (is_shown(t, i)) {
            shown[count++] = i;
        }
    }
    bool forward = intel(t) || t->row->translator == X86_TR_ENTER || t->row->translator == X86_TR_BOUND;
    for (unsigned i = 0; i < count; i++) {
        g_string_append(t->out, comma);
        put_operand(t, shown[forward ? i : count - 1 - i]);
        comma = ",";
    }
    if (t->row->translator == X86_TR_XLAT) { /* has memory at rBX, which no column names */
        put_string_memory(t, (X86Operand){ .size = X86_SIZE_B }, t->insn->seg, 3);
    }
}

void x86_disassemble_insn(X86DecodeMode mode, X86Syntax syntax, uint64_t pc, const X86Insn *insn,
                          GString *out)
{
    Text t = {
        .mode = mode, .syntax = syntax, .pc = pc, .insn = insn, .row = &x86_rows[insn->row], .out = out
    };

    x86_disas_put_name(mode, syntax, insn, out);
    gsize end = out->len;
    g_string_append_c(out, ' ');
    if (syntax == X86_SYNTAX_ATT && (t.row->translator == X86_TR_NEAR || t.row->translator == X86_TR_FAR) &&
        t.row->operands[0].where != X86_AT_J && t.row->operands[0].where != X86_AT_A) {
        g_string_append_c(out, '*');
    }
    put_operands(&t);
    if (out->len == end + 1) {
        g_string_truncate(out, end);
    }
    if (insn->memory && insn->base == X86_REG_RIP) {
        uint64_t address = pc + insn->length + (uint64_t)insn->disp;
        g_string_append_printf(out, " # 0x%" PRIx64, address);
    }
}

unsigned x86_disassemble(X86DecodeMode mode, X86Syntax syntax, uint64_t pc, const uint8_t *bytes,
                         unsigned available, GString *out)
{
    X86Insn insn;

    if (x86_decode(&insn, mode, bytes, available) != X86_DECODE_OK) {
        g_string_append(out, "(bad)");
        return MAX(insn.length, MIN(available, 1));
    }
    x86_disassemble_insn(mode, syntax, pc, &insn, out);
    return insn.length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V instructions as text, in the form of `objdump -M no-aliases`.
 *
 * Syntax strings of the tables hold text and {operands}:
 *   xd xs xt       integer registers rd, rs1, rs2;  fd fs ft fr: floating-point registers
 *   imm hex uimm   immediate: decimal, hexadecimal, the number in rs1
 *   upper          immediate of lui and auipc
 *   target         address that the immediate leads to
 *   csr fence      name of the CSR, sets of a fence
 *   rm             ",rtz" ..., nothing if dynamic;  order: ".aqrl " of atomics
 *   fli            constant of Zfa */
#include "target/riscv/translate.h"

#include <inttypes.h>
#include <string.h>

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};
static const char *const rm_names[8] = { "rne", "rtz", "rdn", "rup", "rmm", "unknown", "unknown", "dyn" };
/* clang-format off */
static const char *const fli_names[32] = {
    "-1", "min", "1.52587890625e-05", "3.0517578125e-05", "0.00390625", "0.0078125", "0.0625", "0.125",
    "0.25", "0.3125", "0.375", "0.4375", "0.5", "0.625", "0.75", "0.875", "1", "1.25", "1.5", "1.75",
    "2", "2.5", "3", "4", "8", "16", "128", "256", "32768", "65536", "inf", "nan",
};
/* clang-format on */

static void put_csr(GString *out, unsigned number)
{
    const char *name = riscv_disas_csr_name(number);

    if (name) {
        g_string_append(out, name);
    } else {
        g_string_append_printf(out, "0x%x", number);
    }
}

static void put_fence_set(GString *out, unsigned set)
{
    static const char letters[4] = { 'w', 'r', 'o', 'i' };

    if (!set) {
        g_string_append(out, "unknown");
    }
    for (int bit = 3; bit >= 0; bit--) {
        if (set >> bit & 1) {
            g_string_append_c(out, letters[bit]);
        }
    }
}

static void put_order(GString *out, uint32_t insn)
{
    static const char *const order[4] = { "", ".rl", ".aq", ".aqrl" };

    g_string_append_printf(out, "%s\t", order[insn >> 25 & 3]);
}

static void put_register(GString *out, const RiscvArgs *a, const char *token)
{
    unsigned reg = token[1] == 'd' ? a->rd : token[1] == 's' ? a->rs1 : token[1] == 't' ? a->rs2 : a->rs3;

    g_string_append(out, token[0] == 'x' ? x_names[reg] : f_names[reg]);
}

static void put_operand(GString *out, const RiscvArgs *a, uint64_t pc, const char *token, size_t length)
{
    if (length == 2 && token[0] == 'r') {
        if (a->rm != 7) {
            g_string_append_printf(out, ",%s", rm_names[a->rm]);
        }
    } else if (length == 2) {
        put_register(out, a, token);
    } else if (!strncmp(token, "imm", length)) {
        g_string_append_printf(out, "%d", a->imm);
    } else if (!strncmp(token, "hex", length)) {
        g_string_append_printf(out, "0x%x", a->imm);
    } else if (!strncmp(token, "uimm", length)) {
        g_string_append_printf(out, "%u", a->rs1);
    } else if (!strncmp(token, "upper", length)) {
        g_string_append_printf(out, "0x%x", (uint32_t)a->imm >> 12);
    } else if (!strncmp(token, "target", length)) {
        g_string_append_printf(out, "0x%" PRIx64, pc + (uint64_t)(int64_t)a->imm);
    } else if (!strncmp(token, "csr", length)) {
        put_csr(out, a->imm);
    } else if (!strncmp(token, "fence", length)) {
        put_fence_set(out, (unsigned)a->imm >> 4 & 15);
        g_string_append_c(out, ',');
        put_fence_set(out, (unsigned)a->imm & 15);
    } else if (!strncmp(token, "order", length)) {
        put_order(out, a->insn);
    } else if (!strncmp(token, "fli", length)) {
        g_string_append(out, fli_names[a->rs1]);
    } else {
        g_assert_not_reached();
    }
}

void riscv_disassemble_row(unsigned row, uint32_t insn, uint64_t pc, GString *out)
{
    const char *syntax = riscv_rows[row].syntax;
    RiscvArgs a;

    riscv_extract(row, insn, &a);
    g_string_append(out, riscv_rows[row].name);
    if (syntax[0] && !g_str_has_prefix(syntax, "{order}")) {
        g_string_append_c(out, '\t');
    }
    while (*syntax) {
        const char *end = *syntax == '{' ? strchr(syntax, '}') : NULL;
        if (end) {
            put_operand(out, &a, pc, syntax + 1, end - syntax - 1);
            syntax = end + 1;
        } else {
            g_string_append_c(out, *syntax++);
        }
    }
}

static bool is_instruction(unsigned row)
{
    return row && riscv_rows[row].translate != riscv_tr_illegal;
}

static unsigned disassemble(uint64_t pc, const uint8_t *bytes, unsigned available, unsigned xlen,
                            GString *out)
{
    if (available < 2) {
        g_string_append(out, "(nothing)");
        return available;
    }
    uint32_t insn = bytes[0] | (uint32_t)bytes[1] << 8;
    unsigned length = MIN(riscv_insn_length(insn), available & ~1u);
    if (length == 4) {
        insn |= (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    }
    unsigned row = length == riscv_insn_length(insn) ? riscv_decode(insn, xlen) : 0;
    if (is_instruction(row)) {
        riscv_disassemble_row(row, insn, pc, out);
    } else {
        g_string_append_printf(out, ".%ubyte\t0x%x", length, insn);
    }
    return length;
}

unsigned riscv64_disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                             GString *out)
{
    return disassemble(pc, bytes, available, 64, out);
}

unsigned riscv32_disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                             GString *out)
{
    return disassemble(pc, bytes, available, 32, out);
}

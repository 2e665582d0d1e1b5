/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as x86 code, in each mode: the decoder never reads behind what it is given (the sanitizers see it, for
 * each buffer is as long as it says), lengths are 1 to 15, what follows an instruction does not matter, a part of
 * one is SHORT, the text of it is never empty. */
#include "fuzz.h"
#include "target/i386/disas.h"

#include <string.h>

enum {
    WINDOW = 24,
    LONGEST = 512, /* bytes of an input that are looked at: many short ones find more */
    CODED =
        offsetof(X86Insn, imm2) + sizeof(uint16_t), /* bytes of X86Insn before the padding of disp and imm */
};

static X86DecodeResult decode(X86Insn *insn, X86DecodeMode mode, const uint8_t *bytes, unsigned n)
{
    uint8_t *exact = g_malloc(MAX(n, 1u)); /* of no bytes, too: there is a place where none are */
    memcpy(exact, bytes, n);
    X86DecodeResult result = x86_decode(insn, mode, exact, n);

    g_assert_cmpuint(insn->length, <=, MIN(n, X86_INSN_MAX));
    g_assert_true((result == X86_DECODE_OK) == (insn->row != 0));
    g_free(exact);
    return result;
}

static void check_insn(X86DecodeMode mode, const uint8_t *bytes, const X86Insn *insn)
{
    X86Insn again;

    g_assert_cmpuint(insn->length, >=, 1);
    g_assert_cmpuint(insn->row, <, x86_row_count);
    g_assert_cmpint(decode(&again, mode, bytes, insn->length), ==, X86_DECODE_OK);
    g_assert_cmpmem(insn, CODED, &again, CODED);
    g_assert_cmpint(again.disp, ==, insn->disp);
    g_assert_cmpint(again.imm, ==, insn->imm);
    for (unsigned n = 0; n < insn->length; n++) {
        g_assert_cmpint(decode(&again, mode, bytes, n), ==, X86_DECODE_SHORT);
    }
    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        g_assert_cmpuint(x86_operand_bytes(insn, mode, x86_rows[insn->row].operands[i]), <=, 32);
    }
    g_assert_cmpuint(x86_row_for(insn, UINT64_MAX), ==, insn->row);
}

/* Length of the instruction, at least 1. */
static unsigned one(X86DecodeMode mode, const uint8_t *bytes, unsigned n, GString *text)
{
    X86Insn insn;

    if (decode(&insn, mode, bytes, n) == X86_DECODE_OK) {
        check_insn(mode, bytes, &insn);
    }
    for (X86Syntax syntax = X86_SYNTAX_ATT; syntax <= X86_SYNTAX_INTEL; syntax++) {
        g_string_truncate(text, 0);
        unsigned length = x86_disassemble(mode, syntax, 0xfffffffffffffff0, bytes, n, text);
        g_assert_cmpuint(length, >=, 1);
        g_assert_cmpuint(length, <=, MIN(n, X86_INSN_MAX));
        g_assert_cmpuint(text->len, >, 0);
        g_assert_cmpuint(text->len, ==, strlen(text->str));
    }
    return MAX(insn.length, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t sizes[4] = { 2, 4, 8, 8 };
    g_autoptr(GString) text = g_string_new(NULL);
    FuzzInput in = { data, MIN(size, LONGEST) };
    unsigned choice = fuzz_take(&in, 1);
    X86DecodeMode mode = { .size = sizes[choice & 3], .amd = choice & 4 };

    mode.real = mode.size == 2 && choice & 8;
    while (in.left) {
        unsigned length = one(mode, in.at, MIN(in.left, WINDOW), text);
        in.at += length;
        in.left -= length;
    }
    return 0;
}

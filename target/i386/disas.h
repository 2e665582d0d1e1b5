/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86 instructions as text, in the forms of `objdump -M intel` and `objdump -M att` (disas.c). */
#pragma once
#include "target/i386/decode.h"

typedef enum X86Syntax { X86_SYNTAX_ATT, X86_SYNTAX_INTEL } X86Syntax;

/* Append the text of the instruction at bytes[0], which lies at pc, "name operands"; "(bad)" if there is none.
 * Returns its length: at least 1 (where there are bytes), at most `available`. */
unsigned x86_disassemble(X86DecodeMode mode, X86Syntax syntax, uint64_t pc, const uint8_t *bytes,
                         unsigned available, GString *out);

/* The same for a decoded instruction (insn->row is not 0). */
void x86_disassemble_insn(X86DecodeMode mode, X86Syntax syntax, uint64_t pc, const X86Insn *insn,
                          GString *out);

/* Name and suffix, with prefixes that have a meaning (disas-name.c). */
void x86_disas_put_name(X86DecodeMode mode, X86Syntax syntax, const X86Insn *insn, GString *out);

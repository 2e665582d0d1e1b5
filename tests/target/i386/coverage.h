/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which forms of the x86 rows a test has met: a form is a row with code size, operand size, register or memory
 * operand, LOCK, repeat prefix and VEX.L.  The list of forms comes from the table: a test can say what it never hit. */
#pragma once
#include "target/i386/decode.h"

typedef struct X86Coverage X86Coverage;

/* For code of these sizes (bits 2, 4, 8: a sum), and the rows that count (NULL: all). */
X86Coverage *x86_coverage_new(unsigned sizes, bool (*counts)(unsigned row));
void x86_coverage_free(X86Coverage *c);

/* An instruction was met; true: its form for the first time. */
bool x86_coverage_mark(X86Coverage *c, X86DecodeMode mode, const X86Insn *insn);

/* Forms in the list, and those of them that were met. */
void x86_coverage_count(const X86Coverage *c, unsigned *forms, unsigned *met);

/* Append the forms that were never met, a line each: "name op 32-bit code, osz 4, memory, lock, rep". */
void x86_coverage_missing(const X86Coverage *c, GString *out);

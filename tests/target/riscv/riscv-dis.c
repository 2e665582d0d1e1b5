/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program for test-objdump.py.
 *   riscv-dis rows COUNT SEED XLEN   COUNT random encodings of each row, and every 16-bit one:
 *                                    "HEX<tab>TEXT" a line, each at pc 0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/riscv/translate.h"

static void print(uint32_t insn, unsigned xlen)
{
    unsigned row = riscv_decode(insn, xlen);
    GString *out = g_string_new(NULL);

    if (row && strcmp(riscv_rows[row].translator, "illegal")) {
        riscv_disassemble_row(row, insn, 0, out);
        printf("%0*" PRIx32 "\t%s\n", (int)riscv_insn_length(insn) * 2, insn, out->str);
    } else {
        printf("%0*" PRIx32 "\treserved\n", (int)riscv_insn_length(insn) * 2, insn);
    }
    g_string_free(out, TRUE);
}

int main(int argc, char **argv)
{
    if (argc != 5 || strcmp(argv[1], "rows")) {
        fprintf(stderr, "usage: %s rows COUNT SEED XLEN\n", argv[0]);
        return 2;
    }
    unsigned count = (unsigned)atoi(argv[2]), xlen = (unsigned)atoi(argv[4]);
    GRand *rand = g_rand_new_with_seed((guint32)atoi(argv[3]));

    for (uint32_t insn = 0; insn < 0x10000; insn++) {
        if (riscv_insn_length(insn) == 2) {
            print(insn, xlen);
        }
    }
    for (unsigned i = 1; i < riscv_row_count; i++) {
        const RiscvRow *row = &riscv_rows[i];
        for (unsigned n = 0; n < count && row->length == 4 && (!row->xlen || row->xlen == xlen); n++) {
            print(row->match | (g_rand_int(rand) & ~row->mask), xlen);
        }
    }
    g_rand_free(rand);
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing the results of a program, and printing the sequences that differ. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "seq-maker.h"

static uint64_t word(const uint8_t *p, size_t index)
{
    uint64_t v;
    memcpy(&v, p + index * 8, 8);
    return v;
}

static void print_sequence(const SeqProgram *p, unsigned n)
{
    for (uint64_t pc = p->starts[n]; pc < p->ends[n];) {
        g_autoptr(GString) text = g_string_new(NULL);
        const uint8_t *bytes = p->image->data + (pc - p->base);
        uint32_t insn = 0;
        unsigned length = (p->xlen == 64 ? riscv64_disassemble : riscv32_disassemble)(0, pc, bytes, 4, text);
        memcpy(&insn, bytes, length);
        printf("    %" PRIx64 ": %08" PRIx32 "  %s\n", pc, insn, text->str);
        pc += length;
    }
}

static void print_difference(const SeqProgram *p, const uint8_t *a, const uint8_t *b, unsigned n)
{
    const uint8_t *init = p->image->data + (p->init - p->base) + (size_t)n * SEQ_RECORD;
    size_t record = (size_t)n * SEQ_RECORD, data = p->data - p->records + (size_t)n * SEQ_DATA;

    printf("sequence %u:\n", n);
    print_sequence(p, n);
    for (unsigned i = 0; i < SEQ_REGISTERS; i++) {
        uint64_t x = word(a + record, i), y = word(b + record, i);
        bool differs = x != y;
        printf("%s %c%-2u start %016" PRIx64 " a %016" PRIx64 " b %016" PRIx64 "\n", differs ? "!!" : "  ",
               i < 32   ? 'x'
               : i < 64 ? 'f'
                        : 'c',
               i & 31, word(init, i), x, y);
    }
    for (unsigned i = SEQ_REGISTERS + 2; i < SEQ_RECORD / 8; i++) {
        uint64_t x = word(a + record, i), y = word(b + record, i);
        if (x != y) {
            printf("!! trap word %d a %016" PRIx64 " b %016" PRIx64 "\n", (int)i - SEQ_REGISTERS - 3, x, y);
        }
    }
    for (unsigned i = 0; i < SEQ_DATA / 8; i++) {
        uint64_t x = word(a + data, i), y = word(b + data, i);
        if (x != y) {
            printf("!! data%+d a %016" PRIx64 " b %016" PRIx64 "\n", (int)i * 8 - DATA_MIDDLE, x, y);
        }
    }
}

unsigned seq_program_compare(const SeqProgram *p, const uint8_t *a, const uint8_t *b, unsigned limit)
{
    unsigned different = 0;

    for (unsigned n = 0; n < p->count; n++) {
        size_t record = (size_t)n * SEQ_RECORD, data = p->data - p->records + (size_t)n * SEQ_DATA;
        if (!memcmp(a + record, b + record, SEQ_RECORD) && !memcmp(a + data, b + data, SEQ_DATA)) {
            continue;
        }
        if (different++ < limit) {
            print_difference(p, a, b, n);
        }
    }
    return different;
}

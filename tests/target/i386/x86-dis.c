/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program for test-objdump.py.  SIZE is that of the code: 2, 4 or 8 bytes; 66 before near branches is read as
 * AMD does, as objdump does without an option.
 *   x86-dis make SIZE COUNT SEED FILE    COUNT random encodings of each row into FILE, each in a slot of 32 bytes
 *                                        that is filled up with NOPs; prints "ROW<tab>NAME" a slot
 *   x86-dis text SIZE SYNTAX FILE BASE   of FILE, which lies at BASE, the instructions at the hexadecimal addresses
 *                                        that standard input names: "LENGTH<tab>TEXT" a line */
#include "maker.h"
#include "target/i386/disas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT = 32 };

static int make(X86DecodeMode mode, unsigned count, uint64_t seed, const char *path)
{
    X86MakeRules rules = {
        .mode = mode, .registers = 0xffff, .redundant_rate = 40, .lock_rate = 128, .repeat_rate = 128
    };
    FILE *f = fopen(path, "wb");
    uint64_t random = seed;

    if (!f) {
        perror(path);
        return 1;
    }
    for (unsigned row = 1; row < x86_row_count; row++) {
        for (unsigned i = 0; i < count; i++) {
            uint8_t slot[SLOT], bytes[16];
            unsigned length = x86_make(&rules, row, &random, bytes);
            if (length) {
                memset(slot, 0x90, SLOT);
                memcpy(slot, bytes, length);
                fwrite(slot, 1, SLOT, f);
                printf("%u\t%s\n", row, x86_rows[row].name);
            }
        }
    }
    return fclose(f) ? 1 : 0;
}

static int disassemble(X86DecodeMode mode, X86Syntax syntax, const char *path, uint64_t base)
{
    g_autofree char *code = NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    gsize size;
    uint64_t at;

    if (!g_file_get_contents(path, &code, &size, NULL)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    while (scanf("%" SCNx64, &at) == 1) {
        if (at < base || at - base >= size) {
            fprintf(stderr, "%" PRIx64 ": not in %s\n", at, path);
            return 1;
        }
        gsize offset = at - base;
        g_string_truncate(out, 0);
        unsigned length =
            x86_disassemble(mode, syntax, at, (uint8_t *)code + offset, MIN(size - offset, 64), out);
        printf("%u\t%s\n", length, out->str);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s make SIZE COUNT SEED FILE | text SIZE SYNTAX FILE BASE\n", argv[0]);
        return 2;
    }
    X86DecodeMode mode = { .size = atoi(argv[2]), .amd = true };
    if (!strcmp(argv[1], "make")) {
        return make(mode, atoi(argv[3]), strtoull(argv[4], NULL, 0), argv[5]);
    }
    X86Syntax syntax = strcmp(argv[3], "intel") ? X86_SYNTAX_ATT : X86_SYNTAX_INTEL;
    return disassemble(mode, syntax, argv[4], strtoull(argv[5], NULL, 0));
}

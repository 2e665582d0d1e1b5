/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random sequences on the translator with a back end, against the interpreter.  The two have one TLB, so
 * the interpreter runs with fences of all addresses where the translator fences one.
 *
 *   riscv-fuzz-engine XLEN m|s|u|M|S|U SEED SEQUENCES [OPTION=VALUE...]
 *
 * Capitals: sequences raise exceptions too, and small PMP entries lie over code and data.  The
 * options are those of -accel tcg; lockstep=on compares at every block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seq.h"
#include "tests/accel/bare.h"

enum { BATCH = 80 };

static void run(const SeqProgram *p, const char *accel, const char *options, uint8_t *results)
{
    const CPUArch *arch = p->xlen == 64 ? &riscv64_arch : &riscv32_arch;
    Bare *b = bare_new(arch, "max", accel, options);

    memcpy(bare_ram(b), p->image->data, p->image->len);
    bare_run(b);
    memcpy(results, bare_ram(b) + (p->records - p->base), p->results_size);
    bare_free(b);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: %s XLEN m|s|u|M|S|U SEED SEQUENCES [OPTION=VALUE...]\n", argv[0]);
        return 2;
    }
    unsigned xlen = (unsigned)atoi(argv[1]);
    char mode = g_ascii_tolower(argv[2][0]);
    bool traps = mode != argv[2][0];
    SeqKind kind = mode == 'm' ? SEQ_BARE_M : mode == 's' ? SEQ_BARE_S : SEQ_BARE_U;
    uint32_t seed = (uint32_t)strtoul(argv[3], NULL, 0);
    uint64_t left = strtoull(argv[4], NULL, 0), insns = 0;
    g_autofree char *options = g_strjoinv(",", argv + 5);
    unsigned bad = 0, flags = traps ? SEQ_WITH_TRAPS | SEQ_WITH_PMP : 0;
    for (; left && !bad; seed++) {
        SeqProgram *p =
            seq_program_new(kind, flags, seed, (unsigned)MIN(left, (uint64_t)BATCH), xlen, UINT64_MAX);
        uint8_t *a = g_malloc0(p->results_size), *b = g_malloc0(p->results_size);
        run(p, "tcg", options, b);
        seq_program_widen_fences(p);
        run(p, "interp", NULL, a);
        bad = seq_program_compare(p, a, b, 2);
        if (bad) {
            printf("seed %u: a is the interpreter, b the translator\n", seed);
        }
        left -= p->count;
        insns += p->insns;
        g_free(a);
        g_free(b);
        seq_program_free(p);
    }
    printf("%s: %" G_GUINT64_FORMAT " instructions, next seed %u\n", bad ? "FAILED" : "ok", insns, seed);
    return bad != 0;
}

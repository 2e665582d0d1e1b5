/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the programs of asm/: one a behaviour, on the interpreter, on the translator and on both in lockstep.
 *
 *   test-riscv-asm SOURCE.S CODE.bin ...
 *
 * The comment at the head of a source says what the registers are at the end. */
#include <string.h>

#include "target/riscv/cpu.h"
#include "tests/accel/bare.h"

typedef struct Case {
    char *source, *code;
    const char *accel;
} Case;

static int register_number(const char *name)
{
    static const char *const names[32] = {
        "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
        "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
    };
    for (int i = 0; i < 32; i++) {
        if (!strcmp(name, names[i])) {
            return i;
        }
    }
    g_error("no register %s", name);
}

static unsigned check_registers(const Case *c, const char *source, const RiscvCPU *r)
{
    g_autoptr(GRegex) line = g_regex_new("expect: (\\w+) = (\\w+)", 0, 0, NULL);
    g_autoptr(GMatchInfo) m = NULL;
    uint64_t mask = r->xlen == 32 ? UINT32_MAX : UINT64_MAX;
    unsigned found = 0;

    g_regex_match(line, source, 0, &m);
    for (; g_match_info_matches(m); g_match_info_next(m, NULL)) {
        g_autofree char *name = g_match_info_fetch(m, 1), *text = g_match_info_fetch(m, 2);
        uint64_t want = g_ascii_strtoull(text, NULL, 0) & mask;
        uint64_t got = r->s.x[register_number(name)] & mask;
        if (want != got) {
            g_test_message("%s: %s is 0x%" G_GINT64_MODIFIER "x, not 0x%" G_GINT64_MODIFIER "x", c->accel,
                           name, got, want);
            g_test_fail();
        }
        found++;
    }
    return found;
}

static void run_case(gconstpointer data)
{
    const Case *c = data;
    g_autofree char *source = NULL, *code = NULL;
    gsize size;

    bool ok = g_file_get_contents(c->source, &source, NULL, NULL) &&
              g_file_get_contents(c->code, &code, &size, NULL);
    g_assert(ok);
    bool rv32 = strstr(source, "arch: rv32") != NULL;
    bool lockstep = !strcmp(c->accel, "lockstep");
    const char *options = lockstep ? "lockstep=on" : NULL;
    Bare *b = bare_new(rv32 ? &riscv32_arch : &riscv64_arch, "max", lockstep ? "tcg" : c->accel, options);
    g_assert_cmpuint(size, <=, BARE_RAM_SIZE);
    memcpy(bare_ram(b), code, size);
    bare_run(b);
    g_assert_cmpuint(check_registers(c, source, riscv_cpu(bare_cpu(b))), >, 0);
    bare_free(b);
}

int main(int argc, char **argv)
{
    static const char *const accels[] = { "interp", "tcg", "lockstep" };

    g_test_init(&argc, &argv, NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        for (unsigned k = 0; k < G_N_ELEMENTS(accels); k++) {
            Case *c = g_new(Case, 1);
            g_autofree char *base = g_path_get_basename(argv[i]);
            g_autofree char *name = g_strdup_printf("/riscv/asm/%s/%s", accels[k], base);
            *c = (Case){ argv[i], argv[i + 1], accels[k] };
            g_test_add_data_func_full(name, c, run_case, g_free);
        }
    }
    return g_test_run();
}

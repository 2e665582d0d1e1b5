/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random user-mode sequences: the translator on the interpreter against a reference emulator.
 *
 *   riscv-fuzz-user XLEN SEED SEQUENCES [EMULATOR...]
 *
 * Each batch of sequences is one program (seq.h).  EMULATOR runs a static executable and
 * shares no code with Lyrebird; without it the optimised interpreter is compared with the
 * plain one. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flat.h"
#include "seq.h"

enum { BATCH = 400 };

/* Run on the interpreter; the results are in the caller's buffer. */
static bool run_flat(const SeqProgram *p, bool optimize, uint8_t *results)
{
    const CPUArch *arch = p->xlen == 64 ? &riscv64_arch : &riscv32_arch;
    Flat *m = flat_new(arch, "max,sstc=off", p->base, (p->image->len + 4095) & ~4095u);
    RiscvCPU *r = flat_cpu(m);

    memcpy(flat_ram(m), p->image->data, p->image->len);
    flat_set_optimize(m, optimize);
    r->s.pc = p->base;
    r->s.mtvec = 0x10;
    bool stopped = flat_run(m, 0x10, (uint64_t)p->insns * 10 + p->count * 200 + 1000);
    bool right = stopped && r->s.mcause == EXC_ECALL_M;
    if (!right) {
        printf("interpreter: pc 0x%" G_GINT64_MODIFIER "x, mcause %" G_GUINT64_FORMAT
               ", mepc 0x%" G_GINT64_MODIFIER "x, mtval 0x%" G_GINT64_MODIFIER "x\n",
               r->s.pc, r->s.mcause, r->s.mepc, r->s.mtval);
    }
    memcpy(results, flat_ram(m) + (p->records - p->base), p->results_size);
    flat_free(m);
    return right;
}

static bool run_emulator(const SeqProgram *p, char **emulator, uint8_t *results)
{
    g_autoptr(GByteArray) elf = seq_program_elf(p);
    g_autoptr(GError) err = NULL;
    g_autofree char *name = NULL;
    char *out = NULL;
    GString *bytes = g_string_new(NULL);
    int fd = g_file_open_tmp("riscv-fuzz-XXXXXX", &name, &err), in, status = 0;
    GPid pid;
    ssize_t got;

    if (fd < 0 || write(fd, elf->data, elf->len) != (ssize_t)elf->len || fchmod(fd, 0700)) {
        g_error("cannot write a program into the temporary folder");
    }
    close(fd);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (char **e = emulator; *e; e++) {
        g_ptr_array_add(argv, *e);
    }
    g_ptr_array_add(argv, name);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL,
                                  G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL,
                                  &in, NULL, &err)) {
        g_error("%s", err->message);
    }
    out = g_malloc(65536);
    while ((got = read(in, out, 65536)) > 0) {
        g_string_append_len(bytes, out, got);
    }
    close(in);
    waitpid(pid, &status, 0);
    g_unlink(name);
    g_free(out);
    bool right = status == 0 && bytes->len == p->results_size;
    if (right) {
        memcpy(results, bytes->str, bytes->len);
    } else {
        printf("the emulator ended with status 0x%x and %zu bytes of %zu\n", status, bytes->len,
               (size_t)p->results_size);
    }
    g_string_free(bytes, TRUE);
    return right;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s XLEN SEED SEQUENCES [EMULATOR...]\n", argv[0]);
        return 2;
    }
    uint32_t seed = (uint32_t)strtoul(argv[2], NULL, 0);
    unsigned xlen = (unsigned)atoi(argv[1]);
    uint64_t left = strtoull(argv[3], NULL, 0), insns = 0;
    unsigned bad = 0;
    /* What the reference knows too: QEMU 7.2 has no Zfa, Zacas, Zicond. */
    uint64_t ext = UINT64_MAX;
    const char *without = g_getenv("RISCV_FUZZ_NEW");
    if (argc > 4 && !without) {
        ext &= ~(UINT64_C(1) << EXT_ZFA | UINT64_C(1) << EXT_ZACAS | UINT64_C(1) << EXT_ZICOND);
    }
    for (; left && !bad; seed++) {
        SeqProgram *p = seq_program_new(SEQ_LINUX, 0, seed, (unsigned)MIN(left, (uint64_t)BATCH), xlen, ext);
        uint8_t *a = g_malloc0(p->results_size), *b = g_malloc0(p->results_size);
        bool ran = run_flat(p, true, a) && (argc > 4 ? run_emulator(p, argv + 4, b) : run_flat(p, false, b));
        bad += !ran;
        if (ran && seq_program_compare(p, a, b, 3)) {
            printf("seed %u: a is the interpreter, b the other\n", seed);
            bad++;
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

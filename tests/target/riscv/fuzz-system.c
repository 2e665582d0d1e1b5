/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random sequences in M, S and U mode, with exceptions, against another system emulator.
 *
 *   riscv-fuzz-system XLEN M|S|U SEED SEQUENCES EMULATOR [ARGUMENT...]
 *
 * EMULATOR has a virt board: RAM at 0x80000000, where it starts without firmware; a 16550 that it
 * connects to its standard output; the test finisher.  Each batch runs there, from a file
 * that is loaded as `-device loader,file=...`, and on Lyrebird's translator.  RISCV_FUZZ_PMP=0: no
 * small PMP entries (QEMU 7.2 checks fetches a page at a time).
 *
 * What the manual leaves open and emulators have different is made equal by normalize(). */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seq.h"
#include "tests/accel/bare.h"

enum { BATCH = 60 };

static void run_here(const SeqProgram *p, uint8_t *results)
{
    Bare *b = bare_new(p->xlen == 64 ? &riscv64_arch : &riscv32_arch, "max", "tcg", NULL);

    memcpy(bare_ram(b), p->image->data, p->image->len);
    bare_run(b);
    memcpy(results, bare_ram(b) + (p->records - p->base), p->results_size);
    bare_free(b);
}

static bool run_there(const SeqProgram *p, char **emulator, uint8_t *results)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *name = NULL, *loader = NULL;
    int fd = g_file_open_tmp("riscv-fuzz-XXXXXX", &name, &err), in, status = 0;
    size_t done = 0;
    ssize_t got;
    GPid pid;

    if (fd < 0 || write(fd, p->image->data, p->image->len) != (ssize_t)p->image->len) {
        g_error("cannot write an image into the temporary folder");
    }
    close(fd);
    loader = g_strdup_printf("loader,file=%s,addr=0x80000000,force-raw=on", name);
    for (char **e = emulator; *e; e++) {
        g_ptr_array_add(argv, *e);
    }
    static const char *const fixed[] = { "-M",   "virt",     "-m",   "128",     "-bios", "none",   "-display",
                                         "none", "-monitor", "none", "-serial", "stdio", "-device" };
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        g_ptr_array_add(argv, (char *)fixed[i]);
    }
    g_ptr_array_add(argv, loader);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_async_with_pipes(NULL, (char **)argv->pdata, NULL,
                                  G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL,
                                  &in, NULL, &err)) {
        g_error("%s", err->message);
    }
    /* An emulator that ends drops what a full pipe did not take. */
    fcntl(in, F_SETPIPE_SZ, 1 << 20);
    while (done < p->results_size && (got = read(in, results + done, p->results_size - done)) > 0) {
        done += (size_t)got;
    }
    close(in);
    waitpid(pid, &status, 0);
    g_unlink(name);
    if (done != p->results_size) {
        printf("the emulator ended with status 0x%x and %zu bytes of %zu\n", status, done,
               (size_t)p->results_size);
    }
    return done == p->results_size;
}

/* RISCV_FUZZ_LOOSE: mtval of a breakpoint may be 0, faults of AMOs may be called those of loads
 * (QEMU 7.2). */
static void loosen(uint8_t *log)
{
    uint64_t trap[4];

    memcpy(trap, log, sizeof(trap));
    trap[1] = trap[0] == EXC_BREAKPOINT ? 0 : trap[1];
    trap[0] = trap[0] == EXC_STORE_MISALIGNED ? EXC_LOAD_MISALIGNED
              : trap[0] == EXC_STORE_ACCESS   ? EXC_LOAD_ACCESS
              : trap[0] == EXC_STORE_PAGE     ? EXC_LOAD_PAGE
                                              : trap[0];
    memcpy(log, trap, sizeof(trap));
}

/* Of mstatus only MPP, SPP, the interrupt bits and FS are compared. */
static void normalize(const SeqProgram *p, uint8_t *results)
{
    bool loose = g_getenv("RISCV_FUZZ_LOOSE") != NULL;

    for (size_t n = 0; n < p->count; n++) {
        for (size_t i = 0; i < SEQ_TRAPS; i++) {
            uint8_t *log = results + n * SEQ_RECORD + SEQ_LOG + i * 32;
            uint64_t mstatus;
            memcpy(&mstatus, log + 24, 8);
            mstatus &= 0x7faa;
            memcpy(log + 24, &mstatus, 8);
            if (loose) {
                loosen(log);
            }
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: %s XLEN M|S|U SEED SEQUENCES EMULATOR [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    unsigned xlen = (unsigned)atoi(argv[1]), bad = 0;
    SeqKind kind = argv[2][0] == 'M' ? SEQ_BARE_M : argv[2][0] == 'S' ? SEQ_BARE_S : SEQ_BARE_U;
    uint32_t seed = (uint32_t)strtoul(argv[3], NULL, 0);
    uint64_t left = strtoull(argv[4], NULL, 0), insns = 0;
    uint64_t ext = UINT64_MAX;
    unsigned pmp = g_strcmp0(g_getenv("RISCV_FUZZ_PMP"), "0") ? SEQ_WITH_PMP : 0;

    if (!g_getenv("RISCV_FUZZ_NEW")) {
        ext &= ~(UINT64_C(1) << EXT_ZFA | UINT64_C(1) << EXT_ZACAS | UINT64_C(1) << EXT_ZICOND);
    }
    for (; left && !bad; seed++) {
        SeqProgram *p = seq_program_new(kind, SEQ_WITH_TRAPS | SEQ_PRINTS | pmp, seed,
                                        (unsigned)MIN(left, (uint64_t)BATCH), xlen, ext);
        uint8_t *a = g_malloc0(p->results_size), *b = g_malloc0(p->results_size);
        run_here(p, a);
        bad = !run_there(p, argv + 5, b);
        normalize(p, a);
        normalize(p, b);
        bad = bad || seq_program_compare(p, a, b, 3);
        if (bad) {
            printf("seed %u: a is Lyrebird, b the other\n", seed);
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

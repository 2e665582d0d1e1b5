/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of the build: from the rows of sandbox_calls.c the filters of system calls, one for each set of SandboxCalls, as libseccomp
 * makes them.  That takes it a millisecond and a half, which no start of a machine has to spend; and the program needs no libseccomp.
 *
 *   sandbox-filters-gen ARCHITECTURE FILE.c
 *
 * A filter is a tree: what the kernel does with each call's number when it takes a filter then takes it a third of the time. */
#include <errno.h>
#include <glib.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "base/sandbox_priv.h"

static void check(int e, const char *what)
{
    if (e < 0) {
        fprintf(stderr, "sandbox-filters-gen: %s: %s\n", what, strerror(-e));
        exit(1);
    }
}

/* What becomes of a row's calls. */
static uint32_t row_action(const SandboxRow *row, unsigned more)
{
    bool allowed = !row->group || row->group & more;
    if (more & SANDBOX_SPAWN) { /* a program may not be ended for asking */
        return allowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    }
    return !allowed ? SCMP_ACT_TRAP : row->error ? SCMP_ACT_ERRNO(row->error) : SCMP_ACT_ALLOW;
}

static void add_call(scmp_filter_ctx filter, const SandboxRow *row, const char *name, uint32_t action)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) {
        return; /* this architecture has none of this name */
    }
    uint64_t value = row->own ? SANDBOX_SELF : row->value;
    struct scmp_arg_cmp test = SCMP_CMP64(row->arg - 1u, SCMP_CMP_MASKED_EQ, row->mask, value);
    check(seccomp_rule_add_array(filter, action, number, row->arg ? 1 : 0, &test), name);
}

static void add_row(scmp_filter_ctx filter, const SandboxRow *row, uint32_t action)
{
    g_auto(GStrv) names = g_strsplit(row->calls, " ", -1);
    for (unsigned i = 0; names[i]; i++) {
        add_call(filter, row, names[i], action);
    }
}

static scmp_filter_ctx make_filter(unsigned more)
{
    enum { TREE = 2 };
    uint32_t rest = more & SANDBOX_SPAWN ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP;
    scmp_filter_ctx filter = seccomp_init(rest);
    check(filter ? 0 : -ENOMEM, "a filter");
    check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                           SCMP_ACT_KILL_PROCESS), /* 32-bit entries of a 64-bit host */
          "another architecture's calls");
    check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, TREE), "a tree");
    for (const SandboxRow *row = sandbox_rows; row->calls; row++) {
        uint32_t action = row_action(row, more);
        if (action != rest) {
            add_row(filter, row, action);
        }
    }
    return filter;
}

/* Its instructions; how many. */
static unsigned print_filter(FILE *out, unsigned more)
{
    scmp_filter_ctx filter = make_filter(more);
    FILE *file = tmpfile();
    check(file ? 0 : -errno, "a temporary file");
    check(seccomp_export_bpf(filter, fileno(file)), "export");
    rewind(file);
    SandboxInsn i;
    unsigned count = 0;
    for (; fread(&i, sizeof(i), 1, file) == 1; count++) {
        fprintf(out, "    { 0x%x, %u, %u, 0x%x },\n", i.code, i.jt, i.jf, i.k);
    }
    fclose(file);
    seccomp_release(filter);
    return count;
}

int main(int argc, char **argv)
{
    FILE *out = argc == 3 ? fopen(argv[2], "w") : NULL;
    if (!out || seccomp_arch_native() != seccomp_arch_resolve_name(argv[1])) {
        fprintf(stderr, "sandbox-filters-gen ARCHITECTURE FILE.c: of the machine that it runs on\n");
        return 1;
    }
    unsigned at[SANDBOX_SETS + 1] = { 0 };
    fprintf(out, "#include \"base/sandbox_priv.h\"\n\nconst SandboxInsn sandbox_filters[] = {\n");
    for (unsigned more = 0; more < SANDBOX_SETS; more++) {
        at[more + 1] = at[more] + print_filter(out, more);
    }
    fprintf(out, "};\n\nconst uint32_t sandbox_filter_at[] = {\n");
    for (unsigned more = 0; more <= SANDBOX_SETS; more++) {
        fprintf(out, "    %u,\n", at[more]);
    }
    fprintf(out, "};\n");
    return fclose(out) ? 1 : 0;
}

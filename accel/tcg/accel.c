/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators `tcg` (translates to host code) and `interp` (interprets the same
 * IR: a host without a back end, and the oracle in tests).
 *
 * Options
 *     one-insn-per-tb=on|off   blocks of one instruction (what -d exec then shows)
 *     thread=single|multi      all vCPUs share a thread, in turns; or each has its own (the default)
 * and of `tcg`
 *     tb-size=MEBIBYTES        room for host code
 *     split-wx=on              host code is never writable where it is executed: always so
 *     perfmap=on|off           /tmp/perf-PID.map: names of guest code for perf
 *     lockstep=on|off          run every block in the interpreter as well and compare
 *
 * Not modelled: split-wx=off. */
#include <string.h>

#include "accel/tcg/loop.h"
#include "accel/tcg/mail.h"
#include "util/nearest.h"

enum { MAX_TB_MIB = 4096 };

/* ---- options --------------------------------------------------------------------- */

static const char *const option_names[] = {
    "one-insn-per-tb", "thread", "tb-size", "split-wx", "perfmap", "lockstep", NULL,
};
static const char *const interp_option_names[] = { "one-insn-per-tb", "thread", NULL };

static bool parse_bool(const char *name, const char *value, bool *out, GError **err)
{
    bool on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
    bool off = !strcmp(value, "off") || !strcmp(value, "no") || !strcmp(value, "false");
    if (!on && !off) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Parameter '%s' expects 'on' or 'off', not '%s'",
                    name, value);
    }
    *out = on;
    return on || off;
}

static bool parse_size(const char *value, uint64_t *bytes, GError **err)
{
    char *end;
    uint64_t mib = g_ascii_strtoull(value, &end, 10);
    if (!g_ascii_isdigit(*value) || *end || mib > MAX_TB_MIB) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "Parameter 'tb-size' expects a number of MiB, at most %u, not '%s'", MAX_TB_MIB, value);
        return false;
    }
    *bytes = mib << 20;
    return true;
}

static bool parse_thread(const char *value, bool *single, GError **err)
{
    *single = !strcmp(value, "single");
    if (*single || !strcmp(value, "multi")) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "Parameter 'thread' expects 'single' or 'multi', not '%s'", value);
    return false;
}

static bool parse_split(const char *value, GError **err)
{
    bool on;
    if (!parse_bool("split-wx", value, &on, err)) {
        return false;
    }
    if (!on) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "split-wx=off is refused: host code is never both writable and executable\n"
                    "  do:  leave split-wx away");
    }
    return on;
}

static bool refuse_option(const char *name, bool interp, GError **err)
{
    const char *const *names = interp ? interp_option_names : option_names;
    const char *near = nearest_name(name, names);
    g_autofree char *all = names_join(names, ", ");
    const char *why =
        interp && g_strv_contains(option_names, name) ? ": the interpreter makes no host code" : "";
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "Parameter '%s' is unexpected%s%s%s%s\n  do:  one of: %s", name, why,
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", all);
    return false;
}

static bool parse_option(const char *name, const char *value, TcgOptions *opt, GError **err)
{
    bool lockstep, interp = opt->engine == TCG_INTERP;
    if (interp && !g_strv_contains(interp_option_names, name)) {
        return refuse_option(name, interp, err);
    }
    if (!strcmp(name, "one-insn-per-tb")) {
        return parse_bool(name, value, &opt->one_insn, err);
    }
    if (!strcmp(name, "tb-size")) {
        return parse_size(value, &opt->cache_bytes, err);
    }
    if (!strcmp(name, "thread")) {
        return parse_thread(value, &opt->one_thread, err);
    }
    if (!strcmp(name, "split-wx")) {
        return parse_split(value, err);
    }
    if (!strcmp(name, "perfmap")) {
        return parse_bool(name, value, &opt->perf_map, err);
    }
    if (!strcmp(name, "lockstep")) {
        bool ok = parse_bool(name, value, &lockstep, err);
        opt->engine = ok && lockstep ? TCG_LOCKSTEP : opt->engine;
        return ok;
    }
    return refuse_option(name, interp, err);
}

static bool parse_options(GHashTable *options, TcgOptions *opt, GError **err)
{
    GHashTableIter it;
    gpointer name, value;
    if (!options) {
        return true;
    }
    g_hash_table_iter_init(&it, options);
    while (g_hash_table_iter_next(&it, &name, &value)) {
        if (!parse_option(name, value, opt, err)) {
            return false;
        }
    }
    return true;
}

/* ---- life -------------------------------------------------------------------------- */

static Accel *open_engine(EventLoop *loop, const AccelClass *class, TcgEngine engine, GHashTable *options,
                          GError **err)
{
    TcgOptions opt = { .engine = engine };
    if (!parse_options(options, &opt, err)) {
        g_prefix_error(err, "-accel %s: ", class->name);
        return NULL;
    }
    TcgState *state = tcg_state_new(&opt, err);
    if (!state) {
        g_prefix_error(err, "-accel %s: ", class->name);
        return NULL;
    }
    TcgLoop *l = g_new0(TcgLoop, 1);
    l->accel.class = class;
    l->accel.loop = loop;
    l->state = state;
    l->cpus = g_ptr_array_new();
    l->threads = g_ptr_array_new();
    lock_init(&l->lock, LOCK_VCPUS);
    g_cond_init(&l->done);
    l->debug_bh = bh_new(loop, NULL, tcg_loop_tell_debugger, l);
    return &l->accel;
}

static Accel *open_tcg(EventLoop *loop, GHashTable *options, GError **err)
{
    return open_engine(loop, &tcg_accel_class, TCG_JIT, options, err);
}

static const char *tcg_unusable(void)
{
    return jit_backend ? NULL : "this program was built without a back end for its host's processor";
}

static Accel *open_interp(EventLoop *loop, GHashTable *options, GError **err)
{
    return open_engine(loop, &interp_accel_class, TCG_INTERP, options, err);
}

static bool vcpu_init(Accel *a, CPU *cpu, GError **err)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    g_assert(!l->threads->len);
    if (!tcg_vcpu_new(l->state, cpu, err)) {
        return false;
    }
    g_ptr_array_add(l->cpus, cpu);
    return true;
}

static void vcpu_free(CPU *cpu)
{
    TcgLoop *l = container_of(cpu->accel, TcgLoop, accel);
    g_assert(!l->threads->len);
    if (g_ptr_array_remove(l->cpus, cpu)) {
        tcg_vcpu_free(cpu);
    }
    accel_forget_vcpu(cpu);
}

static void accel_close(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    tcg_loop_stop(l);
    for (unsigned i = 0; i < l->cpus->len; i++) {
        CPU *cpu = g_ptr_array_index(l->cpus, i);
        tcg_vcpu_free(cpu);
        accel_forget_vcpu(cpu); /* the machine outlives it by a moment: interrupts go nowhere */
    }
    bh_free(l->debug_bh);
    tcg_state_free(l->state);
    g_ptr_array_free(l->cpus, TRUE);
    g_ptr_array_free(l->threads, TRUE);
    lock_finish(&l->lock);
    g_cond_clear(&l->done);
    g_free(l);
}

static void set_debug_hook(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    l->debug_hook = fn;
    l->debug_opaque = opaque;
}

/* The figures of a vCPU are its thread's: all stand still meanwhile.  A debugger's stop may be under way. */
static void accel_info(Accel *a, GString *out)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    lock_take(&l->lock);
    bool running = l->threads->len && !l->pause;
    lock_release(&l->lock);
    tcg_loop_pause(a);
    tcg_state_info(l->state, out);
    if (running) {
        tcg_loop_resume(a);
    }
}

/* ---- the debugger's lists, while the vCPUs are paused ---------------------------------- */

/* A breakpoint is a call in the block of its instruction. */
static void breakpoints_changed(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    if (v) {
        lock_take(&v->state->index.lock);
        tcg_index_drop_all(&v->state->index);
        lock_release(&v->state->index.lock);
    }
}

/* A watchpoint stands in the tags of its page. */
static void watchpoints_changed(CPU *cpu)
{
    if (cpu->tcg) {
        tcg_mail_flush(cpu->tcg->state);
    }
}

static const VcpuOps vcpu_ops = {
    .free = vcpu_free,
    .kick = tcg_loop_kick,
    .run_on_cpu = tcg_loop_run_on_cpu,
    .breakpoints_changed = breakpoints_changed,
    .watchpoints_changed = watchpoints_changed,
    .mmu_changed = tcg_mmu_changed,
    .flush = tcg_flush,
};

/* clang-format off */
#define LOOP_ENTRIES                                                                          \
    .vcpu_init = vcpu_init, .vcpu_ops = &vcpu_ops, .start = tcg_loop_start,                   \
    .resume = tcg_loop_resume, .pause = tcg_loop_pause, .set_debug_hook = set_debug_hook,     \
    .info = accel_info, .close = accel_close

const AccelClass tcg_accel_class = {
    .name = "tcg", .desc = "translates guest code to host code", .unusable = tcg_unusable,
    .open = open_tcg, LOOP_ENTRIES,
};
const AccelClass interp_accel_class = {
    .name = "interp", .desc = "interprets guest code: slow, for tests", .open = open_interp,
    LOOP_ENTRIES,
};

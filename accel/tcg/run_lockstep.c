/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -accel tcg,lockstep=on: every block runs in the interpreter and as host code from the
 * same state, and the results are compared.
 *
 * The interpreter goes first.  What it writes to RAM is noted with the old bytes and taken
 * back before the host code runs.  A block that accesses a device cannot be repeated: the
 * interpreter's result stands, unchecked.  exit_request is kept set meanwhile, so both stop behind one block.
 * The first difference is reported (guest code, IR, host code) and ends the program.
 *
 * A block runs as host code only, unchecked, when it calls a helper that may not be
 * repeated: one that is neither IRH_PURE nor IRH_REPEAT (control registers, clocks).
 * Runs of elements (IR_COPY, IR_FILL) are declined by both while exit_request is set: they are not checked here, but
 * against the host's processor (tests/target/i386/test-silicon.c).
 */
#include "accel/tcg/effects.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/debug.h"
#include "accel/tcg/run.h"
#include "accel/tcg/translate.h"
#include "base/log.h"

/* ---- one block -------------------------------------------------------------------- */

static bool repeatable(const IrBlock *ir)
{
    for (unsigned n = 0; n < ir->helper_count; n++) {
        if (!(ir->helpers[n]->flags & (IRH_PURE | IRH_REPEAT))) {
            return false;
        }
    }
    return true;
}

static void run_host(CPU *cpu, const TcgBlock *b)
{
    TcgVcpu *v = cpu->tcg;
    jit_backend->enter(tcg_cache_jit(v->state->cache), cpu, v->ctx, b->code, &v->frame);
    tcg_x87_away(cpu);
}

/* Run one of the two; false: it has left in the middle (a fault), and came back here. */
static bool run_caught(CPU *cpu, const TcgBlock *b, bool host)
{
    TcgVcpu *v = cpu->tcg;
    sigjmp_buf outer;
    memcpy(&outer, &v->exit_jmp, sizeof(outer));
    bool through = false;
    if (!sigsetjmp(v->exit_jmp, 0)) {
        if (host) {
            run_host(cpu, b);
        } else {
            ir_interpret(b->ir, cpu, &tcg_jit_config.run);
        }
        through = true;
    }
    v->frame = NULL;
    memcpy(&v->exit_jmp, &outer, sizeof(outer));
    return through;
}

static void undo_ram(TcgLog *log)
{
    for (unsigned n = 0; n < log->ram->len; n++) {
        RamWrite *w = &g_array_index(log->ram, RamWrite, n);
        memcpy(w->done, w->host, w->bytes);
    }
    for (unsigned n = log->ram->len; n-- > 0;) {
        RamWrite *w = &g_array_index(log->ram, RamWrite, n);
        memcpy(w->host, w->old, w->bytes);
    }
}

/* ---- what is compared ----------------------------------------------------------------- */

/* What is checked is the state as the architecture's tables have it, but for what other threads change
 * meanwhile: rows, and rows of structs of which there is one.  The rest of the CPU struct is derived from it, or wires. */
typedef struct Checked {
    const CPUArch *arch;
    unsigned table, row, inner;
    const Field *within; /* the struct whose rows come; NULL: none */
} Checked;

typedef struct CheckedRow {
    const char *name;
    size_t offset, bytes;
} CheckedRow;

static const Field *next_row(Checked *c)
{
    if (c->within) {
        const StateTable nested = { .fields = c->within->fields };
        const Field *f = state_row(&nested, c->inner++);
        if (f) {
            return f;
        }
        c->within = NULL;
    }
    for (; c->table < CPU_STATE_TABLES; c->table++, c->row = 0) {
        const Field *f = state_row(&c->arch->state[c->table], c->row++);
        if (f) {
            return f;
        }
    }
    return NULL;
}

/* The next one that is checked; false: that was all. */
static bool next_checked(Checked *c, CheckedRow *r)
{
    const Field *f;
    while ((f = next_row(c))) {
        if (!f->count || f->shared) {
            continue;
        }
        if (!c->within && f->kind == FIELD_STRUCT && f->count == 1) {
            c->within = f;
            c->inner = 0;
            continue;
        }
        *r = (CheckedRow){ f->name, f->offset + (c->within ? c->within->offset : 0), state_field_bytes(f) };
        return true;
    }
    return false;
}

static void copy_checked(char *to, const char *from, const CPUArch *arch)
{
    Checked c = { .arch = arch };
    CheckedRow r;
    while (next_checked(&c, &r)) {
        memcpy(to + r.offset, from + r.offset, r.bytes);
    }
}

/* ---- the report ---------------------------------------------------------------------- */

static void report_state(CPU *cpu, GString *out, const char *want, const char *got)
{
    const IrGuest *g = cpu->arch->guest;
    for (unsigned n = 0; n < g->global_count; n++) {
        const IrGlobal *r = &g->globals[n];
        unsigned words = ir_type_is_vector(r->type) ? ir_vector_bytes(r->type) / 8 : 1;
        for (unsigned k = 0; k < words; k++) {
            uint64_t a, b;
            memcpy(&a, want + r->offset + 8 * k, 8);
            memcpy(&b, got + r->offset + 8 * k, 8);
            if (a != b) {
                g_string_append_printf(out,
                                       "  %s, bit %u on: interpreter 0x%" PRIx64 ", host 0x%" PRIx64 "\n",
                                       r->name, 64 * k, a, b);
            }
        }
    }
    Checked c = { .arch = cpu->arch };
    CheckedRow r;
    while (next_checked(&c, &r)) {
        if (memcmp(want + r.offset, got + r.offset, r.bytes)) {
            g_string_append_printf(out, "  %s differs\n", r.name);
        }
    }
}

static bool ram_differs(const TcgLog *log, GString *out)
{
    bool any = false;
    for (unsigned n = 0; n < log->ram->len; n++) {
        const RamWrite *w = &g_array_index(log->ram, RamWrite, n);
        if (memcmp(w->host, w->done, w->bytes)) {
            g_string_append_printf(out, "  store %u of %u bytes left another value\n", n, w->bytes);
            any = true;
        }
    }
    return any;
}

static void report_guest_code(CPU *cpu, const TcgBlock *b, GString *out)
{
    const CPUArch *arch = cpu->arch;
    unsigned unit = 1u << arch->guest->pc_shift, most = arch->guest->insn_bytes;
    uint8_t bytes[16];
    for (uint64_t pc = b->pc; pc < b->pc + b->size;) {
        uint64_t at = cpu_fetch_vaddr(arch, b->mode, pc);
        unsigned have = 0;
        while (have < MIN(most, sizeof(bytes)) && cpu_debug_read(cpu, at + have, bytes + have, unit)) {
            have += unit;
        }
        if (!have) {
            break;
        }
        g_string_append_printf(out, "  0x%" PRIx64 "  ", pc);
        unsigned len = arch->disassemble ? arch->disassemble(b->mode, pc, bytes, have, out) : have;
        g_string_append_c(out, '\n');
        pc += MAX(len, unit);
    }
}

G_NORETURN static void report(CPU *cpu, const TcgBlock *b, const char *before, const char *want,
                              GString *differences)
{
    g_autoptr(GString) out = g_string_new("lockstep: host code and interpreter differ\n");
    g_string_append_printf(out, "block at 0x%" PRIx64 ", %u instructions\n%s", b->pc, b->insns,
                           differences->str);
    const IrGuest *g = cpu->arch->guest;
    g_string_append(out, "registers before:\n");
    for (unsigned n = 0; n < g->global_count; n++) {
        uint64_t v;
        memcpy(&v, before + g->globals[n].offset, 8);
        g_string_append_printf(out, "  %s=0x%" PRIx64, g->globals[n].name, v);
    }
    g_string_append(out, "\nguest code:\n");
    report_guest_code(cpu, b, out);
    g_string_append(out, "IR:\n");
    ir_print(b->ir, out);
    g_string_append(out, "host code:\n");
    jit_backend->print(b->code, b->pc_table, out);
    log_write("%s", out->str);
    exit(1);
}

static void compare(CPU *cpu, const TcgBlock *b, const char *before, char *want)
{
    const TcgLog *log = cpu->tcg->log;
    g_autoptr(GString) out = g_string_new(NULL);
    char *got = g_memdup2(want, cpu->arch->cpu_size);
    copy_checked(got, (const char *)cpu, cpu->arch);
    if (memcmp(want, got, cpu->arch->cpu_size)) {
        report_state(cpu, out, want, got);
    }
    g_free(got);
    ram_differs(log, out);
    if (out->len) {
        report(cpu, b, before, want, out);
    }
}

/* Back to the state before, except what is not checked.  A fault may have changed what is derived from it (x86: bounds of
 * segments), too; helpers that do are not repeated. */
static void restore_state(CPU *cpu, const char *before, bool faulted)
{
    copy_checked((char *)cpu, before, cpu->arch);
    cpu->halted = ((const CPU *)before)->halted;
    if (faulted && cpu->arch->refresh) {
        cpu->arch->refresh(cpu);
    }
}

static void run_twice(CPU *cpu, const TcgBlock *b)
{
    TcgVcpu *v = cpu->tcg;
    size_t size = cpu->arch->cpu_size;
    TcgLog log = { .ram = g_array_new(FALSE, FALSE, sizeof(RamWrite)) };
    char *before = g_memdup2(cpu, size);
    v->log = &log;
    v->running = (TcgBlock *)b;
    bool through = run_caught(cpu, b, false);
    v->running = NULL;
    cpu->mode_change = MODE_ANY;
    if (!log.devices) {
        char *want = g_memdup2(cpu, size);
        undo_ram(&log);
        restore_state(cpu, before, !through);
        tcg_context_sync(v);
        log.replay = true;
        run_caught(cpu, b, true);
        compare(cpu, b, before, want);
        g_free(want);
    }
    v->log = NULL;
    cpu->mode_change = MODE_ANY;
    g_free(before);
    g_array_unref(log.ram);
}

void tcg_run_lockstep(CPU *cpu)
{
    TcgBlock *b = tcg_block_get(cpu);
    TcgVcpu *v = cpu->tcg;
    if (!b) {
        return;
    }
    if (log_enabled(LOG_EXEC | LOG_CPU)) {
        tcg_log_block(cpu, b);
    }
    if (!b->code) {
        v->running = b;
        ir_interpret(b->ir, cpu, &tcg_jit_config.run);
        v->running = NULL;
        return;
    }
    __atomic_store_n(&cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    if (repeatable(b->ir)) {
        run_twice(cpu, b);
    } else {
        run_host(cpu, b);
    }
    v->frame = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of trials: how one differs, which forms of instructions were met, what it took. */
#include "silicon.h"

#include <string.h>
#include <sys/resource.h>

#include "target/i386/disas.h"
#include "target/i386/x87.h"

static void report_code(const SiliconTrial *t)
{
    X86DecodeMode mode = silicon_mode(t->size);
    X86Insn insn;
    for (unsigned at = 0; at < t->length; at += MAX(insn.length, 1)) {
        g_autoptr(GString) text = g_string_new(NULL);
        x86_decode(&insn, mode, t->code + at, 16);
        x86_disassemble_insn(mode, X86_SYNTAX_INTEL, SILICON_CODE + at, &insn, text);
        for (unsigned n = 0; n < insn.length; n++) {
            g_string_append_printf(text, "%s%02x", n ? " " : "  | ", t->code[at + n]);
        }
        g_test_message("  %2u  %s", at, text->str);
    }
}

static void report_stack(const SiliconBatch *batch, const SiliconTrial *t)
{
    unsigned bytes = 40;
    uint64_t at = t->before.gpr[X86_RSP] + silicon_segments[t->seg[SEG_SS]].base - SILICON_DATA;
    g_autoptr(GString) out = g_string_new(NULL);
    for (uint64_t n = at; n < SILICON_PAGE && n < at + bytes; n++) {
        g_string_append_printf(out, " %02x", batch->data[n]);
    }
    g_test_message("  stack:%s", out->str);
}

static void report_memory(const SiliconResult *want, const SiliconResult *got)
{
    unsigned shown = 0;
    for (unsigned n = 0; n < SILICON_PAGE && shown < 4; n++) {
        if (want->data[n] != got->data[n]) {
            g_test_message("  memory %x: %02x, here %02x", n, want->data[n], got->data[n]);
            shown++;
        }
    }
}

static void report_x87(const char *who, const X87 *f)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (unsigned n = 0; n < 8; n++) {
        const X86Fpr *r = &f->st[(f->top + n) & 7];
        g_string_append_printf(out, " %04x.%016lx", r->exponent, r->mantissa);
    }
    g_test_message("  %s: fcw %04x fsw %04x tags %02x op %03x ip %lx dp %lx\n   %s", who, f->fcw,
                   x87_status_word(f), f->tags, f->fop, f->fip, f->fdp, out->str);
}

static void report_vectors(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconVectors *was = &t->before.v, *want = &t->after.s.v, *is = &got->s.v;
    for (unsigned n = 0; n < 16; n++) {
        const uint64_t *b = was->ymm[n], *w = want->ymm[n], *g = is->ymm[n];
        g_test_message("  ymm%-2u %016lx_%016lx_%016lx_%016lx", n, b[3], b[2], b[1], b[0]);
        if (memcmp(w, b, 32)) {
            g_test_message("   ->  %016lx_%016lx_%016lx_%016lx", w[3], w[2], w[1], w[0]);
        }
        if (memcmp(w, g, 32)) {
            g_test_message(" here  %016lx_%016lx_%016lx_%016lx", g[3], g[2], g[1], g[0]);
        }
    }
    g_test_message("  mxcsr %x -> %x, here %x", was->mxcsr, want->mxcsr, is->mxcsr);
    report_x87("x87 before", &was->x87);
    report_x87("expected", &want->x87);
    report_x87("here", &is->x87);
}

void silicon_report(const SiliconBatch *batch, const SiliconTrial *t, const SiliconResult *got,
                    const char *what, const char *engine)
{
    const SiliconResult *want = &t->after;
    g_test_message("%u-bit code, %s: %s differs; segments ds %u es %u ss %u cs %u", 8 * t->size, engine, what,
                   t->seg[SEG_DS], t->seg[SEG_ES], t->seg[SEG_SS], t->seg[SEG_CS]);
    report_code(t);
    for (unsigned n = 0; n < 16; n++) {
        bool differs = want->s.gpr[n] != got->s.gpr[n];
        g_test_message("  r%u: %lx -> %lx%s", n, t->before.gpr[n], want->s.gpr[n], differs ? ", here:" : "");
        if (differs) {
            g_test_message("      %lx", got->s.gpr[n]);
        }
    }
    g_test_message("  flags %lx -> %lx, here %lx; ip %lx, here %lx", t->before.flags, want->s.flags,
                   got->s.flags, want->ip, got->ip);
    g_test_message("  vector %u error %x address %lx, here %u %x %lx", want->vector, want->error,
                   want->address, got->vector, got->error, got->address);
    report_vectors(t, got);
    for (unsigned n = 0; n < X86_SEGS; n++) {
        if (want->s.selectors[n] != got->s.selectors[n]) {
            g_test_message("  segment %u: %x, here %x", n, want->s.selectors[n], got->s.selectors[n]);
        }
    }
    report_stack(batch, t);
    report_memory(want, got);
}

/* ---- what was met ---------------------------------------------------------------------- */

void silicon_mark(X86Coverage *c, const SiliconTrial *t)
{
    static uint64_t furthest;
    static uint8_t code[SILICON_BYTES];
    bool same = t->again && memcmp(code, t->code, SILICON_BYTES) == 0;
    if (same && t->after.ip <= furthest) {
        return;
    }
    furthest = t->after.ip;
    X86DecodeMode mode = silicon_mode(t->size);
    X86Insn insn;
    for (uint64_t at = 0; at <= t->after.ip && at < t->length; at += insn.length) {
        if (x86_decode(&insn, mode, t->code + at, 16) != X86_DECODE_OK) {
            break;
        }
        if (at < t->after.ip || silicon_must_fault(&x86_rows[insn.row])) {
            x86_coverage_mark(c, mode, &insn);
        }
    }
}

static void print_left_out(void)
{
    for (unsigned row = 1; row < x86_row_count; row++) {
        const char *why = silicon_leaves_out(row);
        if (why) {
            g_test_message("left out: %s: %s", x86_rows[row].name, why);
        }
    }
}

void silicon_check_coverage(const X86Coverage *c, bool enough)
{
    enum { PERCENT = 98 };
    unsigned forms, met;
    g_autoptr(GString) missing = g_string_new(NULL);
    x86_coverage_count(c, &forms, &met);
    x86_coverage_missing(c, missing);
    print_left_out();
    g_test_message("%u of %u forms met; missing:\n%s", met, forms, missing->str);
    if (enough) {
        g_assert_cmpuint(met * 100, >=, forms * PERCENT);
    }
}

double silicon_seconds(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec +
           1e-6 * (own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec +
                   children.ru_stime.tv_usec);
}

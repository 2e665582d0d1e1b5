/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recordings of a real 80286 in real mode, run here: one instruction from the registers and memory that were recorded, up to the
 * HLT behind it or at its target.  Registers, flags (but those that the table calls undefined), memory and the exception are equal.
 *
 * LYREBIRD_X86_RECORDINGS names a file of them, a JSON object a line, plain or gzipped: the public set SingleStepTests/80286, or a
 * sample of it.  Without it the test is skipped.
 *
 *   { "op", "bytes": [...], "initial": { "regs": {...}, "ram": [[address, byte], ...] }, "final": what changed of that,
 *     "exception": { "number", "flag_address" } }
 *
 * A processor of today is none of 1982: see `rules`.  What each of them takes out is counted and printed.
 *
 *   test-recordings ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "guest.h"
#include "target/i386/decode.h"
#include "target/i386/disas.h"
#include "target/i386/seg.h"
#include "target/i386/translators.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/json.h"

enum { RAM = 16 << 20, HLT = 0xf4, REPORTS = 20, FLAGS_286 = 0x0fff };

static const char *const gprs[8] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
static const char *const segments[4] = { "es", "cs", "ss", "ds" };

typedef struct Recording {
    json_object *all, *initial, *final;
    uint8_t bytes[16];
    X86Insn insn;
    X86DecodeResult decoded;
    unsigned length; /* bytes up to the HLT */
    int exception;   /* -1: none */
} Recording;

static Guest *guest;

/* ---- a recording ----------------------------------------------------------------------------- */

static json_object *member(json_object *of, const char *name)
{
    json_object *value = NULL;
    json_object_object_get_ex(of, name, &value);
    return value;
}

static unsigned number_at(json_object *list, unsigned n)
{
    return json_object_get_int(json_object_array_get_idx(list, n));
}

static void read_recording(Recording *r, json_object *all)
{
    json_object *bytes = member(all, "bytes"), *exception = member(all, "exception");
    const X86DecodeMode mode = { .size = 2, .real = true };
    *r = (Recording){ .all = all, .initial = member(all, "initial"), .final = member(all, "final") };
    g_assert(bytes && r->initial && r->final);
    r->length = json_object_array_length(bytes) - 1;
    for (unsigned n = 0; n < MIN(r->length, sizeof(r->bytes)); n++) {
        r->bytes[n] = number_at(bytes, n);
    }
    r->decoded = x86_decode(&r->insn, mode, r->bytes, sizeof(r->bytes));
    r->exception = exception ? json_object_get_int(member(exception, "number")) : -1;
}

/* Before, or behind. */
static uint16_t expected(const Recording *r, const char *reg, bool behind)
{
    json_object *value = behind ? member(member(r->final, "regs"), reg) : NULL;
    value = value ? value : member(member(r->initial, "regs"), reg);
    return json_object_get_int(value);
}

/* ---- where later processors differ ------------------------------------------------------- */

typedef struct Rule {
    const char *why;
    bool (*applies)(const Recording *r);
    unsigned count;
} Rule;

static bool is_longer_than_10(const Recording *r)
{
    return r->length > 10;
}

/* Such bytes are no instruction to the decoder. */
static bool is_locked(const Recording *r)
{
    return r->insn.prefixes & X86_PREFIX_LOCK && r->decoded != X86_DECODE_OK;
}

static const X86Row *row_of(const Recording *r)
{
    return &x86_rows[r->insn.row];
}

static bool loads_new_segment(const Recording *r)
{
    bool moves = row_of(r)->translator == X86_TR_MOV_TO_SEG || row_of(r)->translator == X86_TR_MOV_FROM_SEG;
    return moves && (r->insn.reg == SEG_FS || r->insn.reg == SEG_GS);
}

static bool pops_to_nowhere(const Recording *r)
{
    return row_of(r)->translator == X86_TR_POP && r->insn.memory && r->exception == X86_EXC_GP;
}

/* Of a pointer with a segment. */
static bool wraps_within(const Recording *r)
{
    const X86Insn *i = &r->insn;
    bool pointer = row_of(r)->translator == X86_TR_FAR || row_of(r)->translator == X86_TR_LSEG;
    uint16_t at = i->disp;
    at += i->base < 8 ? expected(r, gprs[i->base], false) : 0;
    at += i->index < 8 ? expected(r, gprs[i->index], false) : 0;
    return pointer && i->memory && at == 0xfffe;
}

static Rule rules[] = {
    { "longer than 10 bytes: 15 are allowed from the 386 on (SDM 3, 24.31.1)", is_longer_than_10, 0 },
    { "LOCK before what it is not for: #UD from the 386 on (SDM 2, LOCK)", is_locked, 0 },
    { "FS and GS: there from the 386 on", loads_new_segment, 0 },
    { "a POP to memory that faults: SP is as before from the 386 on (SDM 3, \"Restartable Exceptions\")",
      pops_to_nowhere, 0 },
    { "a pointer at FFFEh: the limit is asked of all of it from the 386 on", wraps_within, 0 },
};

static const Rule *rule_for(const Recording *r)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(rules); n++) {
        if (rules[n].applies(r)) {
            rules[n].count++;
            return &rules[n];
        }
    }
    return NULL;
}

/* ---- running it -------------------------------------------------------------------------- */

static void write_byte(unsigned at, uint8_t byte)
{
    g_assert(at < RAM);
    dma_write(guest->x->cpu.as, at, &byte, 1);
}

static void write_ram(json_object *ram)
{
    for (unsigned n = 0; ram && n < json_object_array_length(ram); n++) {
        json_object *pair = json_object_array_get_idx(ram, n);
        write_byte(number_at(pair, 0), number_at(pair, 1));
    }
}

/* Where nothing was, there is a HLT: what goes astray ends. */
static void clear_ram(json_object *ram)
{
    for (unsigned n = 0; ram && n < json_object_array_length(ram); n++) {
        write_byte(number_at(json_object_array_get_idx(ram, n), 0), HLT);
    }
}

/* A 286 in real mode has one exception for all segments; from the 386 on the stack's is another (SDM 3, "Stack Fault Exception").
 * It comes to the same here. */
static void join_stack_fault(const Recording *r)
{
    for (unsigned n = 0; r->exception == X86_EXC_GP && n < 4; n++) {
        write_byte(4 * X86_EXC_SS + n, guest->ram[4 * X86_EXC_GP + n]);
    }
}

static void run(const Recording *r)
{
    X86CPU *x = guest->x;
    write_ram(member(r->initial, "ram"));
    join_stack_fault(r);
    for (unsigned n = 0; n < G_N_ELEMENTS(gprs); n++) {
        x->s.gpr[n] = expected(r, gprs[n], false);
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(segments); n++) {
        x86_seg_load_real(x, SEG_ES + n, expected(r, segments[n], false));
    }
    x86_set_ip(x, expected(r, "ip", false));
    x86_set_flags(x, (expected(r, "flags", false) & FLAGS_286 & ~(EFL_TF | EFL_IF)) | EFL_FIXED |
                         (expected(r, "flags", false) & EFL_IF));
    x87_init(&x->s.x87);
    x->s.events.mp_state = MP_RUNNABLE;
    x->cpu.halted = false;
    cpu_mmu_changed(&x->cpu);
    guest_run(guest);
}

/* ---- comparison ------------------------------------------------------------------------------- */

/* Flags that say something. */
static uint16_t defined_flags(const Recording *r)
{
    return FLAGS_286 & ~x86_rows[r->insn.row].flags.undefined;
}

static bool byte_equal(const Recording *r, unsigned at, uint8_t want)
{
    unsigned flags = expected(r, "ss", false) * 16 + (uint16_t)(expected(r, "sp", false) - 2);
    unsigned n = at - flags; /* "flag_address" is that of the bus, which is even */
    uint8_t mask = r->exception >= 0 && n < 2 ? defined_flags(r) >> 8 * n : 0xff;
    return !((guest->ram[at] ^ want) & mask);
}

/* Those that a string instruction has moved on when it faults: from the 386 on they are as before, or as behind the last
 * repetition (SDM 3, "Restartable Exceptions"). */
static bool is_of_string(const Recording *r, unsigned reg)
{
    return row_of(r)->translator == X86_TR_STRING && r->exception == X86_EXC_GP &&
           (reg == X86_RCX || reg == X86_RSI || reg == X86_RDI);
}

static void compare_registers(const Recording *r, GString *out)
{
    const X86CPU *x = guest->x;
    for (unsigned n = 0; n < G_N_ELEMENTS(gprs); n++) {
        if (x->s.gpr[n] != expected(r, gprs[n], true) && !is_of_string(r, n)) {
            g_string_append_printf(out, " %s %04x, here %lx;", gprs[n], expected(r, gprs[n], true),
                                   x->s.gpr[n]);
        }
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(segments); n++) {
        if (x->s.seg[SEG_ES + n].selector != expected(r, segments[n], true)) {
            g_string_append_printf(out, " %s %04x, here %04x;", segments[n], expected(r, segments[n], true),
                                   x->s.seg[SEG_ES + n].selector);
        }
    }
    if ((uint16_t)x86_ip(x) != expected(r, "ip", true)) { /* from the 386 on it does not wrap behind FFFFh */
        g_string_append_printf(out, " ip %04x, here %04x;", expected(r, "ip", true), (unsigned)x86_ip(x));
    }
}

static void compare(const Recording *r, GString *out)
{
    json_object *ram = member(r->final, "ram");
    uint16_t want = expected(r, "flags", true), got = x86_flags(guest->x);
    compare_registers(r, out);
    if ((want ^ got) & defined_flags(r)) {
        g_string_append_printf(out, " flags %04x, here %04x;", want, got);
    }
    for (unsigned n = 0; ram && n < json_object_array_length(ram); n++) {
        json_object *pair = json_object_array_get_idx(ram, n);
        unsigned at = number_at(pair, 0), byte = number_at(pair, 1);
        if (!byte_equal(r, at, byte)) {
            g_string_append_printf(out, " [%x] %02x, here %02x;", at, byte, guest->ram[at]);
        }
    }
}

/* ---- all of them -------------------------------------------------------------------------------- */

static unsigned run_count, failures;

static void run_one(json_object *all)
{
    Recording r;
    read_recording(&r, all);
    if (rule_for(&r)) {
        return;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    run(&r);
    compare(&r, out);
    clear_ram(member(r.initial, "ram"));
    clear_ram(member(r.final, "ram"));
    run_count++;
    if (out->len && ++failures <= REPORTS) {
        g_test_message("%s #%d, %s, exception %d:%s", json_object_get_string(member(all, "op")),
                       json_object_get_int(member(all, "idx")), json_object_get_string(member(all, "name")),
                       r.exception, out->str);
    }
}

static void test_all(const void *opaque)
{
    enum { LINE = 1 << 16 };
    const char *path = g_getenv("LYREBIRD_X86_RECORDINGS");
    if (!path) {
        g_test_skip("LYREBIRD_X86_RECORDINGS names no file of recordings");
        return;
    }
    gzFile file = gzopen(path, "rb");
    g_autofree char *line = g_malloc(LINE);
    g_assert_nonnull(file);
    memset(guest->ram, HLT, RAM);
    while (gzgets(file, line, LINE)) {
        g_autoptr(GError) err = NULL;
        json_object *all = json_read(line, strlen(line), 8, &err);
        g_assert_no_error(err);
        run_one(all);
        json_object_put(all);
    }
    gzclose(file);
    for (unsigned n = 0; n < G_N_ELEMENTS(rules); n++) {
        g_test_message("%u left out: %s", rules[n].count, rules[n].why);
    }
    g_test_message("%u run, %u differ", run_count, failures);
    g_assert_cmpuint(run_count, >, 0);
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest = guest_new(guest_engine_of(argc, argv), RAM);
    guest->x->s.a20 = true;
    g_test_add_data_func("/i386/recordings/80286", NULL, test_all);
    int failed = g_test_run();
    guest_free(guest);
    return failed;
}

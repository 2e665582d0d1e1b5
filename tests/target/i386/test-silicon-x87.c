/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What x87 instructions compute, against the host's own x87: every row with random registers, tags, control and status
 * words and data, one alone with exceptions unmasked and pending, and sequences; natively in this process, and by the
 * interpreter of the IR.  Registers, tags, all words, pointers, memory, EFLAGS and AX, and whether #MF comes, are equal.
 *
 *   test-silicon-x87 [COUNT [SEED]]   COUNT trials a row */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "host-isa.h"
#include "lab.h"
#include "maker.h"
#include "target/i386/disas.h"
#include "target/i386/translators.h"
#include "target/i386/x87.h"
#include "util/bytes.h"

enum { BASE = X86_RDI, NEAR = 256, SEQUENCE = 6 };

/* As FNSAVE writes it in 64-bit code, and what else instructions touch. */
typedef struct Image {
    uint16_t control, pad0, status, pad1, tags, pad2;
    uint32_t ip;
    uint16_t cs, opcode;
    uint32_t dp;
    uint16_t ds, pad3;
    uint8_t st[8][10];
} __attribute__((packed)) Image;

typedef struct Machine {
    Image image;
    uint32_t pad;
    uint64_t flags, rax;
    uint8_t data[2 * NEAR];
    bool faulted;
} Machine;
_Static_assert(offsetof(Machine, flags) == 0x70, "stub[] has these offsets");

typedef struct Trial {
    uint8_t bytes[SEQUENCE * 16];
    unsigned length, count;
    uint64_t base;
    Machine before, after;
} Trial;

static jmp_buf leave;
enum { FLAGS = EFL_ARITH };

/* ---- natively ----------------------------------------------------------------------- */

enum { STUB_CODE = 16 };
/* (RDI: base of the data, RSI: the Machine) */
static const uint8_t prologue[STUB_CODE] = {
    0x53,                   /* push rbx */
    0x48, 0x89, 0xf3,       /* mov rbx, rsi */
    0xdd, 0x23,             /* frstor [rbx] */
    0xff, 0x73, 0x70, 0x9d, /* push qword [rbx + 70h]; popf */
    0x48, 0x8b, 0x43, 0x78, /* mov rax, [rbx + 78h] */
    0x66, 0x90,             /* nop */
};
static const uint8_t epilogue[] = {
    0x9c, 0x8f, 0x43, 0x70, /* pushf; pop qword [rbx + 70h] */
    0x48, 0x89, 0x43, 0x78, /* mov [rbx + 78h], rax */
    0xdd, 0x33,             /* fnsave [rbx] */
    0x5b, 0xc3,             /* pop rbx; ret */
};

static void on_exception(int number)
{
    longjmp(leave, 1);
}

static void run_native(Trial *t)
{
    Machine *m = &t->after;
    uint8_t *near = lab_data + (t->base - LAB_DATA_AT) - NEAR;
    *m = t->before;
    memcpy(near, m->data, sizeof(m->data));
    m->faulted = true;
    if (!_setjmp(leave)) {
        void (*stub)(uint64_t base, Machine *m) = (void *)lab_code;
        stub(t->base, m);
        m->faulted = false;
    }
    m->flags &= FLAGS;
    memcpy(m->data, near, sizeof(m->data));
}

/* ---- here --------------------------------------------------------------------------------- */

static void put_x87(X87 *f, const Image *i)
{
    x87_set_control_word(f, i->control);
    x87_set_status_word(f, i->status);
    x87_set_tag_word(f, i->tags);
    f->fip = i->ip;
    f->fdp = i->dp;
    f->fcs = i->cs;
    f->fds = i->ds;
    f->fop = i->opcode & FOP_BITS;
    for (unsigned n = 0; n < 8; n++) {
        *x87_st(f, n) = (X86Fpr){ load_le(i->st[n], 8), load_le(i->st[n] + 8, 2) };
    }
}

static void get_x87(const X87 *state, Image *i)
{
    X87 f = *state;
    *i = (Image){ .control = f.fcw,
                  .pad0 = 0xffff,
                  .status = x87_status_word(&f),
                  .pad1 = 0xffff,
                  .tags = x87_tag_word(&f),
                  .pad2 = 0xffff,
                  .ip = f.fip,
                  .cs = f.fcs,
                  .opcode = f.fop,
                  .dp = f.fdp,
                  .ds = f.fds,
                  .pad3 = 0xffff };
    for (unsigned n = 0; n < 8; n++) {
        store_le(i->st[n], 8, x87_st(&f, n)->mantissa);
        store_le(i->st[n] + 8, 2, x87_st(&f, n)->exponent);
    }
}

static void interpret(const Trial *t, Machine *m)
{
    uint8_t *near = lab_data + (t->base - LAB_DATA_AT) - NEAR;
    X86CPU *cpu = lab_cpu();
    put_x87(&cpu->s.x87, &t->before.image);
    cpu->s.gpr[X86_RAX] = t->before.rax;
    cpu->s.gpr[BASE] = t->base;
    x86_set_flags(cpu, t->before.flags | EFL_FIXED);
    memcpy(near, t->before.data, sizeof(m->data));
    *m = t->before;
    m->faulted = !lab_interpret(STUB_CODE, t->count);
    get_x87(&cpu->s.x87, &m->image);
    m->rax = cpu->s.gpr[X86_RAX];
    m->flags = x86_flags(cpu) & FLAGS;
    memcpy(m->data, near, sizeof(m->data));
}

/* ---- trials --------------------------------------------------------------------------------- */

static bool is_x87(unsigned row)
{
    return x86_rows[row].need & UINT64_C(1) << X86_ISA_FPU;
}

/* Numbers of every kind; many near to one another. */
static Fp80 number(uint64_t *random)
{
    static const uint16_t exponents[] = { 0,      1,      2,      63,     64,     65,     0x3fbf, 0x3c00,
                                          0x3bcd, 0x3f68, 0x3f81, 0x3fe7, 0x3ffd, 0x3ffe, 0x3fff, 0x4000,
                                          0x4001, 0x401e, 0x403a, 0x403d, 0x403e, 0x403f, 0x407e, 0x43fe,
                                          0x400d, 0x400e, 0x7ffd, 0x7ffe, 0x7fff };
    uint64_t r = x86_random(random), bits = x86_random(random);
    Fp80 a = { bits, exponents[r % G_N_ELEMENTS(exponents)] };
    if (!(r >> 8 & 3)) {
        a.exponent += (r >> 12 & 15) - 7;
    }
    a.mantissa = r >> 16 & 1 ? bits & -(UINT64_C(1) << (r >> 20 & 63)) : bits;
    a.mantissa |= r >> 26 & 7 ? UINT64_C(1) << 63 : 0;
    if (!(r >> 30 & 15)) {
        a = (Fp80){ 0, 0 };
    }
    a.exponent = (a.exponent & 0x7fff) | (r >> 63 ? 0x8000 : 0);
    return a;
}

static void fill_data(Machine *m, uint64_t *random)
{
    for (unsigned n = 0; n + 16 <= sizeof(m->data); n += 16) {
        Fp80Status s = { .precision = 64 };
        Fp80 a = number(random);
        uint64_t r = x86_random(random);
        store_le(m->data + n, 8, r & 1 ? a.mantissa : fp80_to(FP_F64, a, &s));
        store_le(m->data + n + 8, 8, r & 2 ? a.exponent : r & 4 ? fp80_to(FP_F32, a, &s) : r >> (r & 63));
    }
}

static void fill_image(Image *i, bool masked, uint64_t *random)
{
    uint64_t r = x86_random(random), q = x86_random(random);
    memset(i, 0xff, sizeof(*i));
    i->control = masked || (r & 3) ? r >> 8 | 0x3f : r >> 8;
    i->status = r >> 32;
    if (masked || q & 3) { /* nothing is pending */
        i->status &= i->control | ~FSW_EXCEPTIONS;
    }
    i->tags = q >> 8 & 7 ? 0 : q >> 16 & 3 ? q >> 32 & q >> 48 : q >> 32;
    i->ip = x86_random(random);
    i->dp = x86_random(random);
    i->cs = x86_random(random);
    i->ds = x86_random(random);
    i->opcode = x86_random(random) & FOP_BITS;
    for (unsigned n = 0; n < 8; n++) {
        Fp80 a = number(random);
        if (n && !(x86_random(random) & 7)) { /* near to the first */
            memcpy(i->st[n], i->st[0], 10);
            i->st[n][x86_random(random) & 1 ? 0 : 9] ^= x86_random(random) & 0x81;
            continue;
        }
        store_le(i->st[n], 8, a.mantissa);
        store_le(i->st[n] + 8, 2, a.exponent);
    }
}

static bool add_insn(Trial *t, unsigned row, uint64_t *random)
{
    const X86MakeRules rules = { .mode = { .size = 8, .amd = true },
                                 .registers = 0xffff & ~(1 << X86_RSP | 1 << BASE | 1 << X86_RBX),
                                 .bound_memory = true,
                                 .base = BASE,
                                 .redundant_rate = 20 };
    X86Insn insn;
    unsigned length = x86_make(&rules, row, random, t->bytes + t->length);
    if (!length || x86_decode(&insn, rules.mode, t->bytes + t->length, 16) != X86_DECODE_OK ||
        insn.seg >= X86_FS) {
        return false; /* FS is the C library's */
    }
    t->length += length;
    t->count++;
    return true;
}

static bool make_trial(Trial *t, unsigned row, bool sequence, uint64_t *random)
{
    t->length = t->count = 0;
    if (!add_insn(t, row, random)) {
        return false;
    }
    for (unsigned n = 1; sequence && n < SEQUENCE;) {
        unsigned next = 1 + x86_random(random) % (x86_row_count - 1);
        if (is_x87(next) && x86_rows[next].translator != X86_TR_FPU_CONTROL) {
            n += add_insn(t, next, random);
        }
    }
    t->base = LAB_DATA_AT + LAB_PAGE / 2 + (x86_random(random) & 7);
    memset(&t->before, 0, sizeof(t->before));
    fill_image(&t->before.image, sequence, random);
    fill_data(&t->before, random);
    t->before.flags = x86_random(random) & EFL_ARITH;
    t->before.rax = x86_random(random);
    return true;
}

/* ---- comparison ----------------------------------------------------------------------------- */

static unsigned failures;

static void put_image(const char *who, const Machine *m)
{
    const Image *i = &m->image;
    g_autoptr(GString) out = g_string_new(NULL);
    for (unsigned n = 0; n < 8; n++) {
        g_string_append_printf(out, " %04x.%016" PRIx64, (unsigned)load_le(i->st[n] + 8, 2),
                               load_le(i->st[n], 8));
    }
    g_test_message("  %s: fcw %04x fsw %04x ftw %04x ip %x:%x op %x dp %x:%x flags %lx%s\n   %s", who,
                   i->control, i->status, i->tags, i->cs, i->ip, i->opcode, i->ds, i->dp, m->flags,
                   m->faulted ? " #MF" : "", out->str);
}

static void report(const Trial *t, const Machine *m, const char *what)
{
    const X86DecodeMode mode = { .size = 8, .amd = true };
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned at = 0; at < t->length;) {
        X86Insn insn;
        x86_decode(&insn, mode, t->bytes + at, 16);
        x86_disassemble_insn(mode, X86_SYNTAX_INTEL, LAB_CODE_AT, &insn, text);
        g_string_append(text, "; ");
        at += insn.length;
    }
    g_test_message("%s: %s differs", text->str, what);
    put_image("before", &t->before);
    put_image("host", &t->after);
    put_image("here", m);
    for (unsigned n = 0; n < 2 * NEAR; n++) {
        if (t->after.data[n] != m->data[n]) {
            g_test_message("  data[%d] %02x, host %02x, here %02x", (int)n - NEAR, t->before.data[n],
                           t->after.data[n], m->data[n]);
        }
    }
    failures++;
}

/* The first thing that differs; NULL: none. */
static const char *difference(const Machine *host, const Machine *m)
{
    const Image *a = &host->image, *b = &m->image;
    if (host->faulted || m->faulted) { /* registers are the handler's */
        return host->faulted != m->faulted ? "#MF" : NULL;
    }
    return memcmp(a->st, b->st, sizeof(a->st))              ? "a register"
           : memcmp(a, b, offsetof(Image, ip))              ? "a word"
           : memcmp(a, b, sizeof(*a))                       ? "a pointer"
           : host->flags != m->flags || host->rax != m->rax ? "EFLAGS or RAX"
           : memcmp(host->data, m->data, sizeof(m->data))   ? "memory"
                                                            : NULL;
}

/* A kernel that switches tasks loses the pointers on some chips (AMD's FXSAVE leaves them out): a few more tries. */
static void compare(Trial *t)
{
    static Machine m;
    memcpy(lab_code + STUB_CODE, t->bytes, t->length);
    memcpy(lab_code + STUB_CODE + t->length, epilogue, sizeof(epilogue));
    interpret(t, &m);
    for (unsigned tries = 0; tries < 8; tries++) {
        run_native(t);
        if (!difference(&t->after, &m)) {
            return;
        }
    }
    report(t, &m, difference(&t->after, &m));
}

static unsigned count = 1000;
static uint64_t seed = 1;

static void test_rows(const void *opaque)
{
    static Trial t;
    bool sequence = opaque != NULL;
    uint64_t isa = x86_host_isa(), random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    unsigned run = 0;
    for (unsigned row = 1; row < x86_row_count; row++) {
        unsigned before = failures;
        if (!is_x87(row) || (x86_rows[row].need & ~isa)) {
            continue;
        }
        for (unsigned n = 0; n < count && failures - before < 3; n++) {
            if (make_trial(&t, row, sequence, &random)) {
                compare(&t);
                run++;
            }
        }
    }
    g_test_message("%u trials, seed %lu", run, seed);
    g_assert_cmpuint(run, >, 1000);
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_exception, .sa_flags = SA_NODEFER };
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    sigaction(SIGFPE, &action, NULL);
    lab_open();
    memcpy(lab_code, prologue, sizeof(prologue));
    g_test_add_data_func("/i386/silicon-x87/one", NULL, test_rows);
    g_test_add_data_func("/i386/silicon-x87/sequences", "", test_rows);
    return g_test_run();
}

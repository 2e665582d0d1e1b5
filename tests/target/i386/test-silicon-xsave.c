/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC and XRSTOR against the host's: one stub restores a random state, runs the
 * instruction with a random mask on an area of random contents and header, has XGETBV tell what is in use, and saves all; natively, and by the interpreter.
 * The area, the state behind it and #GP are equal.  x87, SSE and AVX are looked at, as far as the host has them.
 *
 *   test-silicon-xsave [COUNT [SEED]]   COUNT trials an instruction */
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "host-isa.h"
#include "lab.h"
#include "maker.h"
#include "target/i386/isa.h"
#include "util/bytes.h"

/* The page of data: the state to begin with, the area of the instruction, the state behind it. */
enum { BEFORE = 0, AREA = 1024, AFTER = 2048, AREA_BYTES = 1024, ALL = 7 };
enum {
    AT_CONTROL = 0,
    AT_STATUS = 2,
    AT_XSTATE = 512,
    AT_XCOMP = 520,
    AT_RESERVED = 528,
    AT_AVX = 576,
    AREA_USED = 832
};
enum { AT_MXCSR = 24, AT_MXCSR_MASK = 28 };

/* (RDI: the area, RSI: the state before, EDX: mask) */
static const uint8_t prologue[] = {
    0x89, 0xd1,                /* mov ecx, edx */
    0xb8, ALL,  0,    0,    0, /* mov eax, ALL */
    0x31, 0xd2,                /* xor edx, edx */
    0x48, 0x0f, 0xae, 0x2e,    /* xrstor64 [rsi] */
    0x89, 0xc8,                /* mov eax, ecx */
};
static const uint8_t epilogue[] = {
    0xb9, 1,    0,    0,    0,                  /* mov ecx, 1 */
    0x0f, 0x01, 0xd0,                           /* xgetbv: to where XSAVE writes nothing */
    0x89, 0x87, 0x1c, 0x06, 0, 0,               /* mov [rdi + 1024 + 540], eax */
    0xb8, ALL,  0,    0,    0,                  /* mov eax, ALL */
    0x48, 0x0f, 0xae, 0xa7, 0, AREA >> 8, 0, 0, /* xsave64 [rdi + 1024] */
    0xc3,                                       /* ret */
};
enum { STUB_INSNS = 5 + 1 + 5 };

typedef struct Row {
    const char *name;
    uint8_t bytes[4]; /* [RDI] */
    uint8_t length;
    bool restores;
    uint8_t isa; /* X86_ISA_* */
} Row;
static const Row rows[] = {
    { "fxsave", { 0x0f, 0xae, 0x07 }, 3, false, X86_ISA_FXSR },
    { "fxsave64", { 0x48, 0x0f, 0xae, 0x07 }, 4, false, X86_ISA_FXSR },
    { "fxrstor", { 0x0f, 0xae, 0x0f }, 3, true, X86_ISA_FXSR },
    { "fxrstor64", { 0x48, 0x0f, 0xae, 0x0f }, 4, true, X86_ISA_FXSR },
    { "xsave", { 0x0f, 0xae, 0x27 }, 3, false, X86_ISA_XSAVE },
    { "xsave64", { 0x48, 0x0f, 0xae, 0x27 }, 4, false, X86_ISA_XSAVE },
    { "xrstor", { 0x0f, 0xae, 0x2f }, 3, true, X86_ISA_XSAVE },
    { "xrstor64", { 0x48, 0x0f, 0xae, 0x2f }, 4, true, X86_ISA_XSAVE },
    { "xsaveopt", { 0x0f, 0xae, 0x37 }, 3, false, X86_ISA_XSAVEOPT },
    { "xsavec64", { 0x48, 0x0f, 0xc7, 0x27 }, 4, false, X86_ISA_XSAVEC },
    { "xsavec", { 0x0f, 0xc7, 0x27 }, 3, false, X86_ISA_XSAVEC },
};

typedef struct Outcome {
    uint8_t area[AREA_BYTES], after[AREA_BYTES];
    bool faulted;
} Outcome;

static jmp_buf leave;
static uint64_t states; /* of ALL, those that the host has on */

static void on_fault(int number)
{
    longjmp(leave, 1);
}

static void take(Outcome *o)
{
    memcpy(o->area, lab_data + AREA, AREA_BYTES);
    memcpy(o->after, lab_data + AFTER, AREA_BYTES);
}

static void run_native(uint32_t mask, unsigned at, Outcome *o)
{
    const uint32_t mxcsr = 0x1f80;
    o->faulted = true;
    if (!_setjmp(leave)) {
        void (*stub)(void *area, void *before, uint32_t mask) = (void *)lab_code;
        stub(lab_data + at, lab_data + BEFORE, mask);
        o->faulted = false;
    }
    __asm__ volatile("fninit\n\tvzeroupper\n\tldmxcsr %0" : : "m"(mxcsr));
    take(o);
}

static void run_here(uint32_t mask, unsigned at, Outcome *o)
{
    X86CPU *x = lab_cpu();
    x->s.xcr0 = states;
    x->s.gpr[X86_RDI] = LAB_DATA_AT + at;
    x->s.gpr[X86_RSI] = LAB_DATA_AT + BEFORE;
    x->s.gpr[X86_RDX] = mask;
    x->s.pc = LAB_CODE_AT;
    o->faulted = false;
    for (unsigned n = 0; !o->faulted && n < STUB_INSNS; n++) {
        o->faulted = !lab_interpret(x->s.pc - LAB_CODE_AT, 1);
    }
    take(o);
}

/* ---- trials --------------------------------------------------------------------------- */

/* Random bytes in an area whose header and registers can be restored. */
static void fill(uint8_t *area, uint64_t *random)
{
    uint64_t r = x86_random(random);
    for (unsigned n = 0; n < AREA_BYTES; n += 8) {
        store_le(area + n, 8, x86_random(random));
    }
    store_le(area + AT_CONTROL, 2, r & 1 ? 0x37f : x86_random(random));
    store_le(area + AT_STATUS, 2, r & 2 ? 0 : x86_random(random));
    store_le(area + 8, 8, x86_random(random) & 0x7fffffffffff);
    store_le(area + 16, 8, x86_random(random) & 0x7fffffffffff);
    store_le(area + AT_MXCSR, 4, r & 4 ? 0x1f80 : x86_random(random) & 0xffff);
    memset(area + AT_XSTATE, 0, AT_AVX - AT_XSTATE);
    store_le(area + AT_XSTATE, 8, r & 8 ? states : r >> 4 & states);
}

/* ... and now and then cannot. */
static void spoil(uint8_t *area, uint64_t *random)
{
    uint64_t r = x86_random(random);
    if (r & 1) {
        uint64_t form = (r >> 8 & 7) | (uint64_t)(r >> 11 & 1) << 63;
        store_le(area + AT_XCOMP, 8, form);
        store_le(area + AT_XSTATE, 8, r >> 16 & form & 7);
    }
    if (!(r >> 20 & 7)) {
        area[AT_XSTATE + (r >> 24 & 63)] ^= 1 << (r >> 30 & 7);
    }
    if (!(r >> 36 & 7)) {
        area[AT_MXCSR + 2] ^= 1 << (r >> 40 & 7);
    }
}

static unsigned failures;

/* The first byte that differs; AREA_USED: none. */
static unsigned difference(const Outcome *host, const Outcome *here)
{
    unsigned n = 0;
    while (n < AREA_USED && host->faulted == here->faulted && host->area[n] == here->area[n] &&
           (host->faulted || host->after[n] == here->after[n])) {
        n++;
    }
    return n;
}

static void report(const Row *row, uint32_t mask, const Outcome *host, const Outcome *here)
{
    unsigned n = difference(host, here);
    g_test_message("%s, mask %x, byte %u: area %02x, host %02x; state %02x, host %02x; %s, host %s",
                   row->name, mask, n, here->area[n], host->area[n], here->after[n], host->after[n],
                   here->faulted ? "faulted" : "ran", host->faulted ? "faulted" : "ran");
    failures++;
}

/* Behind a switch of tasks all is in use, whatever it holds: a few more tries. */
static void try(const Row *row, uint64_t *random)
{
    static uint8_t page[LAB_PAGE];
    static Outcome host, here;
    uint32_t mask = x86_random(random) & 3 ? x86_random(random) & 7 : UINT32_MAX;
    unsigned at = x86_random(random) & 31 ? AREA : AREA + (x86_random(random) & 0x38);
    fill(page + BEFORE, random);
    fill(page + AREA, random);
    spoil(page + AREA, random);
    memset(page + AFTER, 0, LAB_PAGE - AFTER);
    memcpy(lab_data, page, LAB_PAGE);
    run_here(mask, at, &here);
    for (unsigned tries = 0; tries < 8; tries++) {
        memcpy(lab_data, page, LAB_PAGE);
        run_native(mask, at, &host);
        if (difference(&host, &here) == AREA_USED) {
            return;
        }
    }
    report(row, mask, &host, &here);
}

static unsigned count = 3000;
static uint64_t seed = 1;

static void test_row(const void *opaque)
{
    const Row *row = opaque;
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    uint8_t *p = lab_code;
    if (!(x86_host_isa() >> row->isa & 1) || !states) {
        g_test_skip("the host has it not");
        return;
    }
    memset(lab_code, 0xcc, LAB_PAGE);
    memcpy(p, prologue, sizeof(prologue));
    memcpy(p += sizeof(prologue), row->bytes, row->length);
    memcpy(p += row->length, epilogue, sizeof(epilogue));
    for (unsigned n = 0; n < count && failures < 3; n++) {
        try(row, &random);
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* 0: the host's system has the family not on. */
static uint64_t host_states(void)
{
    unsigned eax, ebx, ecx, edx;
    enum { OSXSAVE = 1 << 27, XGETBV1 = 1 << 2 };
    __cpuid(1, eax, ebx, ecx, edx);
    if (!(ecx & OSXSAVE)) {
        return 0;
    }
    __cpuid_count(0xd, 1, eax, ebx, ecx, edx);
    if (!(eax & XGETBV1)) {
        return 0;
    }
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (eax & ALL) == ALL ? ALL : 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
    g_test_init(&argc, &argv, NULL);
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    sigaction(SIGSEGV, &action, NULL);
    states = host_states();
    lab_open();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/i386/silicon-xsave/", rows[i].name, NULL);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder against the host's own processor, in 64-bit code: random encodings of every row, some of them changed,
 * run natively in a child, with breakpoints behind them.  The trap tells the length, #UD that there is no such
 * instruction, any other fault that there is one.
 *
 *   test-silicon-decode [COUNT [SEED]]   COUNT encodings a row */
#include "host-isa.h"
#include "maker.h"
#include "target/i386/disas.h"
#include "target/i386/translators.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { DATA = 1 << 20, CODE = 4096, BATCH = 4096 };

/* Far from all else, and so are sums of a register and another times 1, 2, 4, 8: what is run can hit nothing but
 * its own data and code. */
#define DATA_AT ((void *)0x120000000000)
#define CODE_AT ((void *)0x300000000000)

typedef enum Outcome { OPEN, RAN, FAULTED, UNDEFINED, STRAYED } Outcome;

typedef struct Trial {
    uint8_t bytes[16];
    uint8_t outcome, length; /* Outcome; RAN: bytes before the breakpoint */
} Trial;

/* Shared with the child. */
typedef struct Shared {
    unsigned count, at;
    Trial trials[BATCH];
} Shared;

static X86DecodeMode mode = { .size = 8 };
static Shared *shared;
static uint8_t *code, *data;
static sigjmp_buf back;

static void on_signal(int number, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    Trial *t = &shared->trials[shared->at];
    uint64_t offset = (uint64_t)regs[REG_RIP] - (uint64_t)code;

    if (number == SIGTRAP && offset >= 2 && offset <= 16) {
        t->outcome = RAN;
        t->length = offset - 1;
    } else if (offset != 0) {
        t->outcome = STRAYED;
    } else {
        t->outcome = number == SIGILL ? UNDEFINED : FAULTED;
    }
    siglongjmp(back, 1);
}

/* All registers point into the data, and nothing returns. */
static void __attribute__((noreturn, noinline)) enter(void)
{
    __asm__ volatile("fninit\n\t"
                     "mov %0, %%rax\n\tmov %%rax, %%rbx\n\tmov %%rax, %%rcx\n\tmov %%rax, %%rdx\n\t"
                     "mov %%rax, %%rsi\n\tmov %%rax, %%rdi\n\tmov %%rax, %%rbp\n\tmov %%rax, %%rsp\n\t"
                     "mov %%rax, %%r8\n\tmov %%rax, %%r9\n\tmov %%rax, %%r10\n\tmov %%rax, %%r11\n\t"
                     "mov %%rax, %%r12\n\tmov %%rax, %%r13\n\tmov %%rax, %%r14\n\tmov %%rax, %%r15\n\t"
                     "jmp *%1"
                     :
                     : "m"(data), "m"(code)
                     : "memory");
    __builtin_unreachable();
}

static void run_child(void)
{
    stack_t stack = { .ss_sp = g_malloc(1 << 16), .ss_size = 1 << 16 };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    const int signals[] = { SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE };

    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    alarm(20);
    while (shared->at < shared->count) {
        memset(code, 0xcc, 64);
        memcpy(code, shared->trials[shared->at].bytes, 16);
        X86Insn insn;
        x86_decode(&insn, mode, shared->trials[shared->at].bytes, 16);
        if (insn.row) { /* what is no instruction may have any length */
            memset(code + insn.length, 0xcc, 16);
        }
        _mm_setcsr(0x1f80);
        if (sigsetjmp(back, 0) == 0) {
            enter();
        }
        shared->at++;
    }
    _exit(0);
}

/* One child after the other, for an instruction may end one. */
static void run_batch(void)
{
    shared->at = 0;
    while (shared->at < shared->count) {
        pid_t child = fork();
        if (child == 0) {
            run_child();
        }
        waitpid(child, NULL, 0);
        if (shared->at < shared->count) {
            shared->trials[shared->at].outcome = STRAYED;
            shared->at++;
        }
    }
}

/* Rows that would lead the child elsewhere, or change what it stands on. */
static bool is_safe(unsigned row)
{
    switch (x86_rows[row].translator) {
    case X86_TR_SYSCALL:
    case X86_TR_INT:
    case X86_TR_NEAR:
    case X86_TR_FAR:
    case X86_TR_JCC:
    case X86_TR_LOOP:
    case X86_TR_JCXZ:
    case X86_TR_RET:
    case X86_TR_LRET:
    case X86_TR_IRET:
    case X86_TR_POPF:
    case X86_TR_MOV_TO_SEG:
    case X86_TR_POP_SEG:
    case X86_TR_LSEG:
    case X86_TR_FSGSBASE:
    case X86_TR_PKRU:
    case X86_TR_XSAVE:
    case X86_TR_UD: return false;
    default: return true;
    }
}

/* Instructions that are #UD where CPL is not 0, or outside of system management mode. */
static bool is_undefined_for_users(const X86Row *row)
{
    return row->translator == X86_TR_AC || row->translator == X86_TR_MONITOR || row->translator == X86_TR_RSM;
}

/* Where the opcode begins. */
static const uint8_t *skip_prefixes(const uint8_t *bytes)
{
    while (bytes[0] == 0x66 || bytes[0] == 0x67 || (bytes[0] & 0xfe) == 0xf2 || (bytes[0] & 0xf0) == 0x40 ||
           (bytes[0] & 0xe7) == 0x26 || (bytes[0] & 0xfe) == 0x64) {
        bytes++;
    }
    return bytes;
}

/* What AMD's processors (up to Zen 3) have and we have not. */
static bool is_left_out_amd(const uint8_t *bytes)
{
    const uint8_t *op = skip_prefixes(bytes);

    if (op[0] == 0x0f && op[1] == 0x01) { /* VMCALL, SVM, MONITORX, MWAITX, CLZERO, RDPRU, INVLPGB, TLBSYNC */
        return op[2] == 0xc1 || (op[2] >= 0xd8 && op[2] <= 0xdf) || op[2] >= 0xfa;
    }
    if (op[0] == 0xc4) { /* VPERMQ and VPERMPD, which are said to need W, do without */
        return (op[1] & 0x1f) == 3 && (op[2] & 0x80) == 0 && op[3] <= 1;
    }
    return op[0] == 0x8f ||
           (op[0] == 0x0f && (op[1] == 0x2b || op[1] == 0x78 || op[1] == 0x79)); /* XOP, SSE4A */
}

/* What Intel's have, by the first bytes: too much to name each. */
static bool is_left_out_intel(const uint8_t *bytes)
{
    const uint8_t *op = skip_prefixes(bytes);
    const uint8_t groups[] = {
        0x01, 0x38, 0x3a, 0x78, 0x79, 0xae, 0xc7
    }; /* VMX, CET, WAITPKG, UINTR, PTWRITE ... */

    return op[0] == 0x62 || (op[0] & 0xfe) == 0xc4 ||
           (op[0] & 0xfe) == 0xc6 || /* EVEX, mask registers, TSX */
           (op[0] == 0x0f && memchr(groups, op[1], sizeof(groups)));
}

static bool is_left_out(const uint8_t *bytes)
{
    return mode.amd ? is_left_out_amd(bytes) : is_left_out_intel(bytes);
}

static unsigned judged;

/* A text of what is wrong, or NULL. */
static const char *judge(const Trial *t, uint64_t isa)
{
    X86Insn insn;
    X86DecodeResult result = x86_decode(&insn, mode, t->bytes, 16);
    bool exists = result == X86_DECODE_OK && x86_row_for(&insn, isa) != 0;

    if (t->outcome == STRAYED || t->outcome == OPEN || result == X86_DECODE_TOO_LONG ||
        (result == X86_DECODE_OK && !exists)) {
        return NULL;
    }
    judged++;
    if (!exists) {
        return t->outcome == UNDEFINED || is_left_out(t->bytes) ? NULL : "the processor has it";
    }
    if (t->outcome == UNDEFINED) {
        return is_undefined_for_users(&x86_rows[insn.row]) ? NULL : "the processor has no such instruction";
    }
    return t->outcome == RAN && t->length != insn.length ? "the processor finds another length" : NULL;
}

static unsigned judge_batch(uint64_t isa)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < shared->count; i++) {
        const Trial *t = &shared->trials[i];
        const char *what = judge(t, isa);
        if (what) {
            g_autoptr(GString) text = g_string_new(NULL);
            x86_disassemble(mode, X86_SYNTAX_INTEL, 0, t->bytes, 16, text);
            g_string_append(text, "  |");
            for (unsigned k = 0; k < 12; k++) {
                g_string_append_printf(text, " %02x", t->bytes[k]);
            }
            g_test_message("%s (%u): %s", what, t->length, text->str);
            wrong++;
        }
    }
    return wrong;
}

static unsigned per_row = 24;
static uint64_t seed = 1;

static void test_rows(void)
{
    uint64_t isa = x86_host_isa(), random = seed;
    unsigned wrong = 0;

    shared->count = 0;
    for (unsigned row = 1; row < x86_row_count; row++) {
        for (unsigned i = 0; i < per_row; i++) {
            X86MakeRules rules = { .mode = mode,
                                   .registers = 0xffff,
                                   .redundant_rate = 24,
                                   .lock_rate = 48,
                                   .repeat_rate = 64,
                                   .illegal_rate = i % 2 ? 255 : 0 };
            Trial *t = &shared->trials[shared->count];
            X86Insn insn;
            if (!is_safe(row) || !x86_make(&rules, row, &random, t->bytes)) {
                break;
            }
            x86_decode(&insn, mode, t->bytes, 16);
            t->outcome = OPEN;
            shared->count += is_safe(insn.row); /* a changed one may be another row's */
            if (shared->count == BATCH) {
                run_batch();
                wrong += judge_batch(isa);
                shared->count = 0;
            }
        }
    }
    run_batch();
    wrong += judge_batch(isa);
    g_test_message("%u encodings judged", judged);
    g_assert_cmpuint(judged, >, 100 * per_row);
    g_assert_cmpuint(wrong, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    per_row = argc > 1 ? (unsigned)atoi(argv[1]) : per_row;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    code = mmap(CODE_AT, CODE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    data =
        mmap(DATA_AT, DATA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (shared == MAP_FAILED || code == MAP_FAILED || data == MAP_FAILED) {
        g_error("no memory");
    }
    data += DATA / 2;
    mode.amd = __builtin_cpu_is("amd");
    g_test_add_func("/x86/silicon/decode", test_rows);
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code and data of the trials lie below 4 GiB, where nothing else does: an instruction can hit no more than them and
 * the list of trials, wherever its address leads.  A child runs them, one after the other, each until a signal.
 *
 * 32-bit code is entered by a far jump to the kernel's own segment for it, 16-bit code through a segment of the LDT
 * (modify_ldt(2)) that begins at the code; DS and ES are made to reach the data. */
#include "native.h"

#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <xmmintrin.h>

#define CODE_AT ((void *)0x30000000)
#define DATA_AT ((void *)0x12000000)

enum { DATA = 1 << 20, CODE = 4096, STACK = 1 << 16, SECONDS = 20 };
enum {
    SELECTOR_32 = 0x23,
    SELECTOR_DATA = 0x2b,
    LDT_CODE = 7,
    LDT_DATA = 15
}; /* arch/x86 segment layout; LDT 0, 1 */

typedef struct Shared {
    unsigned at;
    NativeTrial trials[NATIVE_BATCH];
} Shared;

static Shared *shared;
static uint8_t *code, *data;
static unsigned size;
static sigjmp_buf back;

static void on_signal(int number, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    NativeTrial *t = &shared->trials[shared->at];
    uint64_t offset = (uint64_t)regs[REG_RIP] - (size == 2 ? 0 : (uint64_t)code);

    if (number == SIGTRAP && offset >= 2 && offset <= 16) {
        t->outcome = NATIVE_RAN;
        t->length = offset - 1;
        t->flags = regs[REG_EFL] & NATIVE_FLAGS;
    } else if (offset != 0) {
        t->outcome = NATIVE_STRAYED;
    } else {
        t->outcome = number == SIGILL ? NATIVE_UNDEFINED : NATIVE_FAULTED;
    }
    siglongjmp(back, 1);
}

/* All registers point into the data, and nothing returns. */
static void __attribute__((noreturn, noinline)) enter(void)
{
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed))
    far = { size == 2 ? 0 : (uint32_t)(uintptr_t)code, size == 2 ? LDT_CODE : SELECTOR_32 };
    static uint8_t jump[6];
    static uint64_t other, segment, flags;

    memcpy(jump, &far, sizeof(jump));
    other = size != 8;
    segment = size == 2 ? LDT_DATA : SELECTOR_DATA;
    flags = 2 | (shared->trials[shared->at].flags & NATIVE_FLAGS);
    __asm__ volatile("fninit\n\t"
                     "push %5\n\tpopf\n\t" /* nothing below changes flags */
                     "mov %2, %%rcx\n\tmov %3, %%rdx\n\t"
                     "mov %0, %%rax\n\tmov %%rax, %%rbx\n\t"
                     "mov %%rax, %%rsi\n\tmov %%rax, %%rdi\n\tmov %%rax, %%rbp\n\tmov %%rax, %%rsp\n\t"
                     "mov %%rax, %%r8\n\tmov %%rax, %%r9\n\tmov %%rax, %%r10\n\tmov %%rax, %%r11\n\t"
                     "mov %%rax, %%r12\n\tmov %%rax, %%r13\n\tmov %%rax, %%r14\n\tmov %%rax, %%r15\n\t"
                     "jrcxz 1f\n\t"
                     "mov %%edx, %%ds\n\tmov %%edx, %%es\n\t"
                     "mov %%rax, %%rcx\n\tmov %%rax, %%rdx\n\t"
                     "ljmp *%4\n"
                     "1:\tmov %%rax, %%rcx\n\tmov %%rax, %%rdx\n\t"
                     "jmp *%1"
                     :
                     : "m"(data), "m"(code), "m"(other), "m"(segment), "m"(jump), "m"(flags)
                     : "memory");
    __builtin_unreachable();
}

static bool make_segments(void)
{
    struct user_desc text = {
        .entry_number = 0, .base_addr = (uintptr_t)code, .limit = 0xffff, .contents = MODIFY_LDT_CONTENTS_CODE
    };
    struct user_desc plain = { .entry_number = 1,
                               .base_addr = (uintptr_t)data - 0x8000,
                               .limit = 0xffff,
                               .contents = MODIFY_LDT_CONTENTS_DATA };

    return syscall(SYS_modify_ldt, 1, &text, sizeof(text)) == 0 &&
           syscall(SYS_modify_ldt, 1, &plain, sizeof(plain)) == 0;
}

static void run_child(unsigned count)
{
    stack_t stack = { .ss_sp = g_malloc(STACK), .ss_size = STACK };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    const int signals[] = { SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE };

    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    alarm(SECONDS);
    while (shared->at < count) {
        NativeTrial *t = &shared->trials[shared->at];
        memset(code, 0xcc, 64);
        memcpy(code, t->bytes, MIN(t->length, 16));
        _mm_setcsr(0x1f80);
        if (sigsetjmp(back, 0) == 0) {
            enter();
        }
        shared->at++;
    }
    _exit(0);
}

NativeTrial *native_open(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    code = mmap(CODE_AT, CODE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    data =
        mmap(DATA_AT, DATA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (shared == MAP_FAILED || code == MAP_FAILED || data == MAP_FAILED) {
        g_error("no memory for the trials");
    }
    data += DATA / 2;
    return shared->trials;
}

bool native_run(unsigned code_size, unsigned count)
{
    size = code_size;
    if (size == 2 && !make_segments()) {
        return false;
    }
    shared->at = 0;
    while (shared->at < count) {
        pid_t child = fork(); /* one after the other, for an instruction may end one */
        if (child == 0) {
            run_child(count);
        }
        waitpid(child, NULL, 0);
        if (shared->at < count) {
            shared->trials[shared->at].outcome = NATIVE_STRAYED;
            shared->at++;
        }
    }
    return true;
}

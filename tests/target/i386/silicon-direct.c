/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See silicon-direct.h. */
#include "silicon-direct.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "silicon.h"

#define SLOTS (SILICON_EXIT + SILICON_PAGE)
#define SLOT(member) [member] "i"(SLOTS + offsetof(SiliconDirect, member))

G_STATIC_ASSERT(sizeof(SiliconDirect) <= SILICON_PAGE);

extern const uint8_t silicon_direct_left[];

/* Never called: it gives the programs a place, and their constants. */
static void __attribute__((used, naked)) programs(void)
{
    __asm__ volatile(
        ".globl silicon_direct_enter, silicon_direct_signal, silicon_direct_left, silicon_direct_resume\n"
        ".macro own_registers insn\n\t"
        ".ifc \\insn, push\n\t"
        "push %%rbx\n\tpush %%rbp\n\tpush %%r12\n\tpush %%r13\n\tpush %%r14\n\tpush %%r15\n\t"
        ".else\n\t"
        "pop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%rbp\n\tpop %%rbx\n\t"
        ".endif\n"
        ".endm\n"
        "silicon_direct_enter:\n\t"
        "own_registers push\n\t"
        "mov %%rsp, %c[own_rsp]\n\t"
        "vzeroupper\n\t"
        "mov $7, %%eax\n\txor %%edx, %%edx\n\t"
        "xrstor64 %c[area]\n\t"
        "mov %c[gpr], %%rax\n\tmov %c[gpr]+8, %%rcx\n\tmov %c[gpr]+16, %%rdx\n\tmov %c[gpr]+24, %%rbx\n\t"
        "mov %c[gpr]+40, %%rbp\n\tmov %c[gpr]+48, %%rsi\n\tmov %c[gpr]+56, %%rdi\n\t"
        "mov %c[gpr]+64, %%r8\n\tmov %c[gpr]+72, %%r9\n\tmov %c[gpr]+80, %%r10\n\tmov %c[gpr]+88, %%r11\n\t"
        "mov %c[gpr]+96, %%r12\n\tmov %c[gpr]+104, %%r13\n\tmov %c[gpr]+112, %%r14\n\tmov %c[gpr]+120, %%r15\n\t"
        "mov $%c[frame], %%esp\n\t"
        "iretq\n"
        "silicon_direct_signal:\n\t"
        "own_registers push\n\t"
        "mov %%rsp, %c[own_rsp]\n\t"
        "int3\n"
        "silicon_direct_left:\n\t"
        "mov %%rax, %c[gpr]\n\tmov %%rcx, %c[gpr]+8\n\tmov %%rdx, %c[gpr]+16\n\tmov %%rbx, %c[gpr]+24\n\t"
        "mov %%rsp, %c[gpr]+32\n\tmov %%rbp, %c[gpr]+40\n\tmov %%rsi, %c[gpr]+48\n\tmov %%rdi, %c[gpr]+56\n\t"
        "mov %%r8, %c[gpr]+64\n\tmov %%r9, %c[gpr]+72\n\tmov %%r10, %c[gpr]+80\n\tmov %%r11, %c[gpr]+88\n\t"
        "mov %%r12, %c[gpr]+96\n\tmov %%r13, %c[gpr]+104\n\tmov %%r14, %c[gpr]+112\n\tmov %%r15, %c[gpr]+120\n\t"
        "mov $%c[stack]+1024, %%esp\n\t"
        "pushfq\n\tpopq %c[flags]\n\t"
        "pushq $2\n\tpopfq\n\t" /* no AC, TF, DF */
        "mov %%ds, %%eax\n\tmov %%rax, %c[ds]\n\tmov %%es, %%eax\n\tmov %%rax, %c[es]\n\t"
        "mov %%gs, %%eax\n\tmov %%rax, %c[gs]\n\tmov %%ss, %%eax\n\tmov %%rax, %c[ss]\n\t"
        "mov $7, %%eax\n\txor %%edx, %%edx\n\t"
        "xsave64 %c[area]\n\t"
        "vzeroupper\n\t"
        "mov $1, %%eax\n\t"
        "jmp 1f\n"
        "silicon_direct_resume:\n\t"
        "xor %%eax, %%eax\n"
        "1:\tmov %c[own_rsp], %%rsp\n\t"
        "own_registers pop\n\t"
        "ret\n"
        :
        : SLOT(gpr), SLOT(frame), SLOT(own_rsp), SLOT(flags), SLOT(ds), SLOT(es), SLOT(gs), SLOT(ss),
          SLOT(area), SLOT(stack));
}

SiliconDirect *silicon_direct_open(void)
{
    uint8_t *at = mmap((void *)(uintptr_t)SILICON_EXIT, 2 * SILICON_PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED) {
        g_error("no memory for the way out of the trials");
    }
    SiliconDirect *d = (SiliconDirect *)(at + SILICON_PAGE);
    d->leave = (uintptr_t)silicon_direct_left;
    const uint32_t from = SLOTS + offsetof(SiliconDirect, leave);
    const uint8_t jump[] = { 0xff, 0x24, 0x25 }; /* jmp *from */
    memcpy(at, jump, sizeof(jump));
    memcpy(at + sizeof(jump), &from, sizeof(from));
    mprotect(at, SILICON_PAGE, PROT_READ | PROT_EXEC);
    return d;
}

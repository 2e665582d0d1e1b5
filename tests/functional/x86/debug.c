/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug exceptions in 64-bit mode: where each comes, with which DR6, RF and TF.
 * A trap's place is an offset in the piece of code; behind it stands its DR6.
 * expect: code breakpoint: 0:ffff0ff1
 * expect: code breakpoint, DR6.BS stays: 0:ffff4ff1
 * expect: code breakpoint at a repeated instruction, once: 0:ffff0ff1
 * expect: code breakpoint behind MOV SS: none
 * expect: steps: 1:ffff4ff0 2:ffff4ff0 3:ffff4ff0 a:ffff4ff0 b:ffff4ff0
 * expect: steps over CPUID, RDMSR, IN: 2:ffff4ff0 4:ffff4ff0 6:ffff4ff0 7:ffff4ff0 e:ffff4ff0 f:ffff4ff0
 * expect: steps behind MOV SS: 3:ffff4ff0 4:ffff4ff0 5:ffff4ff0 c:ffff4ff0 d:ffff4ff0
 * expect: steps behind STI: 1:ffff4ff0 2:ffff4ff0 3:ffff4ff0 4:ffff4ff0 b:ffff4ff0 c:ffff4ff0
 * expect: steps from branch to branch, once: 4:ffff4ff0 5:ffff4ff0 6:ffff4ff0 d:ffff4ff0 e:ffff4ff0
 * expect: DEBUGCTL behind it: 0
 * expect: a jump to what is behind it: 3:ffff4ff0 4:ffff4ff0 5:ffff4ff0 c:ffff4ff0 d:ffff4ff0
 * expect: a call to it: 6:ffff4ff0 7:ffff4ff0 8:ffff4ff0 f:ffff4ff0 10:ffff4ff0
 * expect: a branch to it, not taken, another, taken: 6:ffff4ff0 7:ffff4ff0 8:ffff4ff0 f:ffff4ff0 10:ffff4ff0
 * expect: steps over INT3: bp 1 2:ffff4ff0 3:ffff4ff0 a:ffff4ff0 b:ffff4ff0
 * expect: steps of REP: 0:ffff4ff0 0:ffff4ff0 2:ffff4ff0 3:ffff4ff0 a:ffff4ff0 b:ffff4ff0
 * expect: ICEBP: 1:ffff0ff0
 * expect: HLT under TF goes on: 1:ffff4ff0 2:ffff4ff0 9:ffff4ff0 a:ffff4ff0
 * expect: ICEBP behind MOV SS under TF: 3:ffff0ff0 4:ffff0ff0 5:ffff4ff0 c:ffff4ff0 d:ffff4ff0
 * expect: general detect behind MOV SS under TF: 2:ffff2ff0 rf 5:ffff4ff0 6:ffff4ff0 d:ffff4ff0 e:ffff4ff0
 * expect: ICEBP under TF: 1:ffff0ff0 2:ffff4ff0 3:ffff4ff0 a:ffff4ff0 b:ffff4ff0
 * expect: write: 5:ffff0ff1
 * expect: write beside it: none
 * expect: write into its last byte: 5:ffff0ff1
 * expect: read: 5:ffff0ff1
 * expect: read of what is watched for writes: none
 * expect: locked increment: 6:ffff0ff1
 * expect: two breakpoints, one instruction: 6:ffff0ff3
 * expect: write under TF: 5:ffff4ff1 6:ffff4ff0 d:ffff4ff0 e:ffff4ff0
 * expect: push: 1:ffff0ff1
 * expect: call: 5:ffff0ff1
 * expect: far call: b:ffff0ff1
 * expect: frame of INT3: breakpoint's handler:ffff0ff1 bp 1
 * expect: frame of an exception: exception's handler:ffff0ff1
 * expect: REP STOS, at the element: 0:ffff0ff1
 * expect: MOV SS of a watched word, INT3: breakpoint's handler:ffff0ff1 bp 6
 * expect: MOV SS of a watched word, ICEBP: 8:ffff0ff0
 * expect: MOV SS of a watched word, NOP: 6:ffff0ff1
 * expect: port: 2:ffff0ff1
 * expect: general detect: 0:ffff2ff0 rf
 * expect: DR7 in its handler: 400
 * expect: DR6 of 0 ffff0ff0, of ones ffffefff; DR7 of 0 400
 * expect: upper half of DR7: vector 13 error 0
 * expect: DR4 under CR4.DE: vector 6 error 0
 * expect: done */
#include "lib64.h"

enum { DEBUGCTL = 0x1d9 };
enum { DR6_CLEAR = 0xffff0ff0, DR7_OFF = 0x400, TF = 0x100, RF = 0x10000, SEEN_MAX = 16 };
/* DR7: breakpoint 0 is on, for code, for writes of 8 bytes, for accesses of 8 bytes, for ports */
enum { ON_CODE = 0x402, ON_WRITE = 0x90402, ON_ACCESS = 0xb0402, ON_PORT = 0x20402 };

static struct {
    uint64_t vector, at, dr6, rf;
} seen[SEEN_MAX];
static unsigned seen_count;
static uint64_t dr7_in_handler, dr6_before = DR6_CLEAR;
extern const char lib64_stubs[];

static uint64_t read_dr6(void)
{
    uint64_t v;
    asm volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}
static uint64_t read_dr7(void)
{
    uint64_t v;
    asm volatile("mov %%dr7, %0" : "=r"(v));
    return v;
}
static void write_dr6(uint64_t v)
{
    asm volatile("mov %0, %%dr6" : : "r"(v));
}
static void write_dr7(uint64_t v)
{
    asm volatile("mov %0, %%dr7" : : "r"(v));
}

/* RF, lest a code breakpoint is met again; not where each instruction is looked at. */
static bool note(Frame *f)
{
    if (f->vector == 6 && *(const uint16_t *)f->rip == 0x0b0f) { /* UD2, which is over */
        f->rip += 2;
        return true;
    }
    if (f->vector != 1 && f->vector != 3) {
        return false;
    }
    if (f->vector == 1) {
        dr7_in_handler = read_dr7();
    }
    if (seen_count < SEEN_MAX) {
        seen[seen_count].vector = f->vector;
        seen[seen_count].at = f->rip;
        seen[seen_count].dr6 = read_dr6();
        seen[seen_count++].rf = f->rflags & RF;
    }
    write_dr6(DR6_CLEAR);
    f->rflags |= f->rflags & TF ? 0 : RF;
    return true;
}

typedef struct Piece {
    const char *name, *start;
} Piece;

static void show(const Piece *p)
{
    uint64_t of_int3 = (uint64_t)lib64_stubs + 16 * 3, of_ud = (uint64_t)lib64_stubs + 16 * 6;
    write_dr7(DR7_OFF);
    print("%s:%s", p->name, seen_count ? "" : " none");
    for (unsigned i = 0; i < seen_count; i++) {
        uint32_t at = seen[i].at - (uint64_t)p->start;
        if (seen[i].vector == 3) {
            print(" bp %x", at);
        } else if (seen[i].at == of_int3) {
            print(" breakpoint's handler:%X", seen[i].dr6);
        } else if (seen[i].at == of_ud) {
            print(" exception's handler:%X", seen[i].dr6);
        } else {
            print(" %x:%X%s", at, seen[i].dr6, seen[i].dr6 & 1 << 13 && seen[i].rf ? " rf" : "");
        }
    }
    print("\n");
    seen_count = 0;
}

/* Code from its label on is run under DR7; DR0 is `watched`. */
#define PIECE(label, name, dr7, watched, before, code, ...)                                                  \
    do {                                                                                                     \
        extern const char label[];                                                                           \
        const Piece p = { name, label };                                                                     \
        asm volatile("mov %0, %%dr0" : : "r"(watched));                                                      \
        write_dr6(dr6_before);                                                                               \
        write_dr7(dr7);                                                                                      \
        asm volatile(before "\n" #label ":\n\t" code "\n\tnop"                                               \
                     :                                                                                       \
                     : __VA_ARGS__                                                                           \
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory");                                  \
        show(&p);                                                                                            \
    } while (0)
#define TF_ON "pushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t"
#define TF_OFF "pushf\n\tandl $~0x100, (%%rsp)\n\tpopf\n\t"

static volatile uint64_t var[4] __attribute__((aligned(64))) = { 0, 0x10 };
static uint8_t bytes[64] __attribute__((aligned(64))), stack[1024] __attribute__((aligned(64)));
#define STACK_AT (stack + 768)

static void code(void)
{
    extern const char at_nop[], at_again[], at_rep[], at_ss[];
    PIECE(at_nop, "code breakpoint", ON_CODE, at_nop, "", "nop", "i"(0));
    dr6_before = 0xffff4ff2;
    PIECE(at_again, "code breakpoint, DR6.BS stays", ON_CODE, at_again, "", "nop", "i"(0));
    dr6_before = DR6_CLEAR;
    PIECE(at_rep, "code breakpoint at a repeated instruction, once", ON_CODE, at_rep,
          "mov %0, %%rdi\n\tmov $8, %%ecx", "rep stosb", "r"(bytes));
    PIECE(at_ss, "code breakpoint behind MOV SS", ON_CODE, at_ss + 2, "mov %%ss, %%eax",
          "mov %%eax, %%ss\n\tnop", "i"(0));
}

static void steps(void)
{
    PIECE(step, "steps", DR7_OFF, 0ul, TF_ON, "nop\n\tnop\n\t" TF_OFF, "i"(0));
    PIECE(step_calls, "steps over CPUID, RDMSR, IN", DR7_OFF, 0ul,
          "xor %%eax, %%eax\n\tmov $0x10, %%ecx\n\t" TF_ON, "rdmsr\n\tin $0x61, %%al\n\tcpuid\n\t" TF_OFF,
          "i"(0));
    PIECE(step_ss, "steps behind MOV SS", DR7_OFF, 0ul, "mov %%ss, %%eax\n\t" TF_ON,
          "mov %%eax, %%ss\n\tnop\n\tnop\n\t" TF_OFF, "i"(0));
    PIECE(step_sti, "steps behind STI", DR7_OFF, 0ul, TF_ON, "sti\n\tnop\n\tcli\n\t" TF_OFF, "i"(0));
    wrmsr(DEBUGCTL, 2);
    PIECE(step_branch, "steps from branch to branch, once", DR7_OFF, 0ul, TF_ON,
          "nop\n\tjmp 1f\n\tnop\n\t1: nop\n\t" TF_OFF, "i"(0));
    print("DEBUGCTL behind it: %X\n", rdmsr(DEBUGCTL));
    wrmsr(DEBUGCTL, 2);
    PIECE(step_jump, "a jump to what is behind it", DR7_OFF, 0ul, TF_ON, "nop\n\tjmp 1f\n\t1: nop\n\t" TF_OFF,
          "i"(0));
    wrmsr(DEBUGCTL, 2);
    PIECE(step_call, "a call to it", DR7_OFF, 0ul, TF_ON, "nop\n\tcall 1f\n\t1: pop %%rax\n\t" TF_OFF,
          "i"(0));
    wrmsr(DEBUGCTL, 2);
    PIECE(step_jcc, "a branch to it, not taken, another, taken", DR7_OFF, 0ul, "xor %%eax, %%eax\n\t" TF_ON,
          "nop\n\tjnz 1f\n\t1: nop\n\tjz 1f\n\t1: nop\n\t" TF_OFF, "i"(0));
    PIECE(step_int3, "steps over INT3", DR7_OFF, 0ul, TF_ON, "int3\n\tnop\n\t" TF_OFF, "i"(0));
    PIECE(step_rep, "steps of REP", DR7_OFF, 0ul, "mov %0, %%rdi\n\tmov $3, %%ecx\n\t" TF_ON,
          "rep stosb\n\t" TF_OFF, "r"(bytes));
    PIECE(icebp, "ICEBP", DR7_OFF, 0ul, "", ".byte 0xf1", "i"(0));
    PIECE(step_hlt, "HLT under TF goes on", DR7_OFF, 0ul, TF_ON, "hlt\n\t" TF_OFF, "i"(0));
    PIECE(step_ss_icebp, "ICEBP behind MOV SS under TF", DR7_OFF, 0ul, "mov %%ss, %%eax\n\t" TF_ON,
          "mov %%eax, %%ss\n\t.byte 0xf1, 0xf1\n\t" TF_OFF, "i"(0));
    PIECE(step_ss_detect, "general detect behind MOV SS under TF", 0x2400, 0ul,
          "xor %%ebx, %%ebx\n\tmov %%ss, %%eax\n\t" TF_ON, "mov %%eax, %%ss\n\tmov %%rbx, %%dr6\n\t" TF_OFF,
          "i"(0));
    PIECE(step_icebp, "ICEBP under TF", DR7_OFF, 0ul, TF_ON, ".byte 0xf1\n\tnop\n\t" TF_OFF, "i"(0));
}

/* What is pushed not by a PUSH. */
static __attribute__((noinline)) void frames(void)
{
    extern const char far_target[];
    static struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } far = { 0, SEL_CODE };
    far.offset = (uint64_t)far_target;
    PIECE(far_call, "far call", ON_WRITE, STACK_AT - 8, "mov %%rsp, %%rbx\n\tmov %0, %%rsp",
          "lcall *%1\n\tmov %%rbx, %%rsp\n\tjmp 1f\n\tfar_target: lretl\n\t1:", "r"(STACK_AT), "m"(far));
    PIECE(int3, "frame of INT3", ON_WRITE, STACK_AT - 8, "mov %%rsp, %%rbx\n\tmov %0, %%rsp",
          "int3\n\tmov %%rbx, %%rsp", "r"(STACK_AT));
    PIECE(undefined, "frame of an exception", ON_WRITE, STACK_AT - 8, "mov %%rsp, %%rbx\n\tmov %0, %%rsp",
          "ud2\n\tmov %%rbx, %%rsp", "r"(STACK_AT));
}

static void data(void)
{
    PIECE(write8, "write", ON_WRITE, &var[1], "", "mov %%rax, 8(%0)", "r"(var));
    PIECE(beside, "write beside it", ON_WRITE, &var[1], "", "mov %%rax, 16(%0)\n\tmov %%eax, 4(%0)",
          "r"(var));
    PIECE(last_byte, "write into its last byte", ON_WRITE, &var[1], "", "mov %%rax, 15(%0)", "r"(var));
    var[1] = SEL_DATA;
    PIECE(read8, "read", ON_ACCESS, &var[1], "", "mov 8(%0), %%rax", "r"(var));
    PIECE(read_only, "read of what is watched for writes", ON_WRITE, &var[1], "", "mov 8(%0), %%rax",
          "r"(var));
    PIECE(locked, "locked increment", ON_WRITE, &var[2], "", "lock incq 16(%0)", "r"(var));
    asm volatile("mov %0, %%dr1" : : "r"(&var[3]));
    PIECE(both, "two breakpoints, one instruction", 0x99040a, &var[2], "", "movups %%xmm0, 16(%0)", "r"(var));
    PIECE(step_write, "write under TF", ON_WRITE, &var[2], TF_ON, "mov %%rax, 16(%0)\n\t" TF_OFF, "r"(var));
    PIECE(push, "push", ON_WRITE, STACK_AT - 8, "mov %%rsp, %%rbx\n\tmov %0, %%rsp",
          "push %%rax\n\tmov %%rbx, %%rsp", "r"(STACK_AT));
    PIECE(call, "call", ON_WRITE, STACK_AT - 8, "mov %%rsp, %%rbx\n\tmov %0, %%rsp",
          "call 1f\n\t1: mov %%rbx, %%rsp", "r"(STACK_AT));
    frames();
    PIECE(rep_stos, "REP STOS, at the element", 0x10402, bytes + 4, "mov %0, %%rdi\n\tmov $8, %%ecx",
          "rep stosb", "r"(bytes));
    PIECE(ss_int3, "MOV SS of a watched word, INT3", ON_ACCESS, &var[1], "", "mov 8(%0), %%ss\n\tint3",
          "r"(var));
    PIECE(ss_icebp, "MOV SS of a watched word, ICEBP", ON_ACCESS, &var[1], "",
          "mov 8(%0), %%ss\n\t.byte 0x2e, 0x2e, 0xf1", "r"(var));
    PIECE(ss_nop, "MOV SS of a watched word, NOP", ON_ACCESS, &var[1], "", "mov 8(%0), %%ss\n\tnop",
          "r"(var));
    asm volatile("mov %%cr4, %%rax\n\tor $8, %%eax\n\tmov %%rax, %%cr4" : : : "rax"); /* DE */
    PIECE(port, "port", ON_PORT, 0x80ul, "", "out %%al, $0x80", "i"(0));
}

static void upper_half(void)
{
    write_dr7(1ull << 32);
}
static void dr4(void)
{
    asm volatile(".byte 0x0f, 0x21, 0xe0" : : : "rax"); /* mov %dr4, %rax */
}

static void registers(void)
{
    PIECE(detect, "general detect", 0x2400, 0ul, "", "mov %%dr0, %%rax", "i"(0));
    print("DR7 in its handler: %X\n", dr7_in_handler);
    write_dr6(0);
    uint64_t none6 = read_dr6();
    write_dr6(0xffffffff);
    uint64_t all6 = read_dr6();
    write_dr7(0);
    uint64_t none7 = read_dr7();
    write_dr6(DR6_CLEAR);
    print("DR6 of 0 %X, of ones %X; DR7 of 0 %X\n", none6, all6, none7);
    tell("upper half of DR7", upper_half);
    tell("DR4 under CR4.DE", dr4);
}

void main(void)
{
    lib64_start();
    asm volatile("mov %%cr4, %%rax\n\tor $0x600, %%eax\n\tmov %%rax, %%cr4" : : : "rax"); /* SSE */
    on_trap = note;
    code();
    steps();
    data();
    registers();
    print("done\n");
}

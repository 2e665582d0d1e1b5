/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Last branches as DEBUGCTL.LBR records them, on a model with a stack: of each piece of code the newest first, as offsets in it.
 * expect: registers: top 0, newest 0
 * expect: jumps, a call, a return: 8>b a>8 3>a 0>3
 * expect: a branch that is not taken, one that is: 4>7
 * expect: a loop: 5>5 5>5
 * expect: a string is none: none
 * expect: an interrupt of software: 0>handler
 * expect: an exception: 2>handler 0>2
 * expect: the branch before it: 0>2
 * expect: a breakpoint ends it: 0>2
 * expect: DEBUGCTL behind it: 0
 * expect: none without LBR: none
 * expect: more than there are records: first b0>7c, last b0>7c
 * expect: top 32: vector 13 error 0
 * expect: a record that is not canonical: vector 13 error 0
 * expect: the copy is read only: vector 13 error 0
 * expect: a record is kept: 1234
 * expect: done */
#include "lib64.h"

enum {
    DEBUGCTL = 0x1d9,
    TOP = 0x1c9,
    FROM = 0x680,
    TO = 0x6c0,
    INT_FROM = 0x1dd,
    INT_TO = 0x1de,
    DEPTH = 32
};
enum { SOFT = 40, DR7_OFF = 0x400, ON_CODE = 0x402 };

/* They end the recording, and go on: behind UD2 where it was that. */
void branch_handler(void), branch_fault(void);
asm("branch_fault: addq $2, (%rsp)\n"
    "branch_handler: mov $0x1d9, %ecx\n\txor %eax, %eax\n\txor %edx, %edx\n\twrmsr\n\tiretq");

static void write_dr7(uint64_t v)
{
    asm volatile("mov %0, %%dr7" : : "r"(v));
}

static uint64_t place(uint64_t at, uint64_t base, bool *handler)
{
    *handler = at == (uint64_t)branch_handler || at == (uint64_t)branch_fault;
    return at - base;
}

static void show_one(uint64_t from, uint64_t to, uint64_t base)
{
    bool handler;
    print(" %X>", place(from, base, &handler));
    uint64_t at = place(to, base, &handler);
    if (handler) {
        print("handler");
    } else {
        print("%X", at);
    }
}

static void forget(void)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        wrmsr(FROM + i, 0);
        wrmsr(TO + i, 0);
    }
    wrmsr(TOP, 0);
}

static void show(const char *name, const char *start)
{
    unsigned top = rdmsr(TOP);
    print("%s:", name);
    if (!rdmsr(FROM + top)) {
        print(" none");
    }
    for (unsigned i = 0; i < DEPTH; i++) {
        unsigned n = (top - i) % DEPTH;
        uint64_t from = rdmsr(FROM + n);
        if (from) {
            show_one(from, rdmsr(TO + n), (uint64_t)start);
        }
    }
    print("\n");
}

/* Code from its label on runs while branches are recorded, if `value` says so. */
#define BRANCHES(label, name, value, code)                                                                   \
    do {                                                                                                     \
        extern const char label[];                                                                           \
        forget();                                                                                            \
        asm volatile("wrmsr\n" #label ":\n\t" code "\n\tmov $0x1d9, %%ecx\n\txor %%eax, %%eax\n\twrmsr"      \
                     :                                                                                       \
                     : "a"(value), "d"(0), "c"(DEBUGCTL)                                                     \
                     : "rbx", "rsi", "rdi", "memory", "cc");                                                 \
        show(name, label);                                                                                   \
    } while (0)

uint8_t branch_bytes[16];

static void pieces(void)
{
    BRANCHES(jumps, "jumps, a call, a return", 1, "jmp 1f\n\tnop\n1: call 2f\n\tjmp 3f\n2: ret\n3: nop");
    BRANCHES(jcc, "a branch that is not taken, one that is", 1,
             "xor %%eax, %%eax\n\tjnz 1f\n1: jz 2f\n\tnop\n2: nop");
    BRANCHES(loops, "a loop", 1, "mov $3, %%ecx\n1: loop 1b");
    BRANCHES(string, "a string is none", 1, "lea branch_bytes(%%rip), %%rdi\n\tmov $3, %%ecx\n\trep stosb");
    BRANCHES(soft, "an interrupt of software", 1, "int $40");
    BRANCHES(fault, "an exception", 1, "jmp 1f\n1: ud2");
    extern const char fault[];
    print("the branch before it:");
    show_one(rdmsr(INT_FROM), rdmsr(INT_TO), (uint64_t)fault);
    print("\n");
}

static void breakpoint(void)
{
    extern const char watched[];
    asm volatile("mov %0, %%dr0" : : "r"(watched + 2));
    write_dr7(ON_CODE);
    BRANCHES(watched, "a breakpoint ends it", 1, "jmp 1f\n1: nop\n\tjmp 2f\n2: nop");
    write_dr7(DR7_OFF);
}

/* All records are of the one branch. */
static void many(void)
{
    extern const char many_start[];
    forget();
    asm volatile(
        "wrmsr\nmany_start: mov $40, %%ecx\n\t.skip 0x7c - 5, 0x90\n1: .skip 0x34, 0x90\n\tloop 1b\n\t"
        "mov $0x1d9, %%ecx\n\txor %%eax, %%eax\n\twrmsr"
        :
        : "a"(1), "d"(0), "c"(DEBUGCTL)
        : "memory", "cc");
    unsigned top = rdmsr(TOP), oldest = (top + 1) % DEPTH;
    print("more than there are records: first");
    show_one(rdmsr(FROM + oldest), rdmsr(TO + oldest), (uint64_t)many_start);
    print(", last");
    show_one(rdmsr(FROM + top), rdmsr(TO + top), (uint64_t)many_start);
    print("\n");
}

static void top_32(void)
{
    wrmsr(TOP, DEPTH);
}
static void not_canonical(void)
{
    wrmsr(FROM, 1ull << 60);
}
static void copy(void)
{
    wrmsr(INT_FROM, 0);
}

static bool resume(Frame *f)
{
    f->rflags |= 1 << 16; /* RF */
    return f->vector == 1;
}

void main(void)
{
    lib64_start();
    on_trap = resume;
    print("registers: top %X, newest %X\n", rdmsr(TOP), rdmsr(FROM));
    set_gate(SOFT, (uint64_t)branch_handler, 0, 0);
    set_gate(6, (uint64_t)branch_fault, 0, 0);
    pieces();
    breakpoint();
    print("DEBUGCTL behind it: %X\n", rdmsr(DEBUGCTL));
    BRANCHES(off, "none without LBR", 0, "jmp 1f\n1: nop");
    many();
    tell("top 32", top_32);
    tell("a record that is not canonical", not_canonical);
    tell("the copy is read only", copy);
    wrmsr(TO + 3, 0x1234);
    print("a record is kept: %X\n", rdmsr(TO + 3));
    print("done\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of level and task: call gates, conforming code, tasks by call and interrupt, what programs may not do,
 * virtual-8086 mode.
 * expect: gate: at level 0 with 5678 and 1234, stack 10
 * expect: gate: fine
 * expect: gate back at level: 3, its stack as before: 1
 * expect: gate that is not for level 3: vector 13 error 38
 * expect: conforming code: fine
 * expect: conforming code runs at level 3
 * expect: task: sees its own registers abcd
 * expect: task: back link 28, nt 1
 * expect: task: fine
 * expect: task: back, busy bits b 9
 * expect: task gate: fine
 * expect: task gate: seen 1
 * expect: cli by a program: vector 13 error 0
 * expect: hlt by a program: vector 13 error 0
 * expect: port by a program: vector 13 error 0
 * expect: interrupt gate of level 0 by a program: vector 13 error 182
 * expect: v86: int 21h at 7c05, stack 2000:0ffe, ax 4c00
 * expect: v86: flags 30002
 * expect: done */
#include "lib.h"

enum { SEL_GATE = 0x38, SEL_TSS2 = 0x40, SEL_CONFORMING = 0x48 };
static Tss tss2;
static uint8_t stack2[4096] __attribute__((aligned(16)));
static volatile uint32_t seen[4];

/* ---- call gate ---- */

void gate_entered(uint32_t a, uint32_t b, uint32_t ss, uint32_t cs);
void gate_entered(uint32_t a, uint32_t b, uint32_t ss, uint32_t cs)
{
    print("gate: at level %u with %x and %x, stack %x\n", cs & 3, a, b, ss);
}

asm("gate_target:\n\t"
    "push %ds\n\tpush %es\n\tmov $0x10, %eax\n\tmov %eax, %ds\n\tmov %eax, %es\n\t"
    "push %cs\n\tpush %ss\n\tpush 24(%esp)\n\tpush 32(%esp)\n\t"
    "call gate_entered\n\tadd $16, %esp\n\tpop %es\n\tpop %ds\n\tlret $8");
extern const char gate_target[];

static void through_gate(void)
{
    uint32_t before, after, cs;
    asm volatile(
        "mov %%esp, %0\n\tpush $0x5678\n\tpush $0x1234\n\tlcall %3, $0\n\tmov %%esp, %1\n\tmov %%cs, %2"
        : "=&r"(before), "=r"(after), "=r"(cs)
        : "i"(SEL_GATE | 3)
        : "eax", "ecx", "edx", "memory");
    seen[0] = cs & 3;
    seen[1] = before == after;
}

/* ---- conforming ---- */

asm("conforming_target: mov %cs, %eax\n\tand $3, %eax\n\tlret");
extern const char conforming_target[];

static void to_conforming(void)
{
    uint32_t level;
    asm volatile("lcall %1, $0" : "=a"(level) : "i"(SEL_CONFORMING));
    seen[0] = level;
}

/* ---- tasks ---- */

void task_main(void);
void task_main(void)
{
    uint32_t ebx, flags;
    asm volatile("mov %%ebx, %0\n\tpushf\n\tpop %1" : "=r"(ebx), "=r"(flags));
    print("task: sees its own registers %x\n", ebx);
    print("task: back link %x, nt %u\n", tss2.link, flags >> 14 & 1);
}
asm("task_entry: call task_main\n\tiret\n\t"
    "movl $1, seen + 8\n\tiret\n\tjmp task_entry");
extern const char task_entry[];

static void start_task(void)
{
    asm volatile("mov $0x51515151, %%ebx\n\tlcall %0, $0" : : "i"(SEL_TSS2) : "ebx", "memory");
}

/* ---- a program's faults ---- */

static void do_cli(void)
{
    asm volatile("cli");
}
static void do_hlt(void)
{
    asm volatile("hlt");
}
static void do_port(void)
{
    inb(0x80);
}
static void do_int(void)
{
    asm volatile("int $0x30");
}

/* ---- virtual-8086 mode ---- */

static const uint8_t v86_code[] = {
    0xb8, 0x00, 0x4c, /* mov $0x4c00, %ax */
    0xcd, 0x21,       /* int $0x21: #GP, as IOPL is 0 */
};

static void enter_v86(void)
{
    asm volatile("mov %%esp, tss + 4\n\t"
                 "push $0\n\tpush $0\n\tpush $0\n\tpush $0x1234\n\t" /* gs fs ds es */
                 "push $0x2000\n\tpush $0x0ffe\n\t"                  /* ss esp */
                 "push $0x20002\n\tpush $0x7c0\n\tpush $2\n\tiret"   /* eflags: VM; cs eip */
                 :
                 :
                 : "memory");
}

static void tell_v86(void)
{
    volatile uint8_t *code = (volatile uint8_t *)0x7c02;
    for (unsigned i = 0; i < sizeof(v86_code); i++) {
        code[i] = v86_code[i];
    }
    attempt(enter_v86);
    print("v86: int 21h at %x, stack %x:0%x, ax %x\n", (last_trap.cs << 4) + last_trap.eip, last_trap.user_ss,
          last_trap.user_esp, last_trap.eax & 0xffff);
    print("v86: flags %x\n", last_trap.eflags & ~0xd5u);
}

static void prepare(void)
{
    gdt[SEL_GATE / 8] = gate(SEL_CODE, (uint32_t)gate_target, 0xec) | (uint64_t)2 << 32;
    gdt[SEL_CONFORMING / 8] = descriptor((uint32_t)conforming_target, 0xff, 0x9e, 4);
    gdt[SEL_TSS2 / 8] = descriptor((uint32_t)&tss2, sizeof(tss2) - 1, 0x89, 0);
    tss2 = (Tss){ .eip = (uint32_t)task_entry,
                  .eflags = 2,
                  .ebx = 0xabcd,
                  .esp = (uint32_t)(stack2 + sizeof(stack2)),
                  .es = SEL_DATA,
                  .cs = SEL_CODE,
                  .ss = SEL_DATA,
                  .ds = SEL_DATA,
                  .fs = SEL_DATA,
                  .gs = SEL_DATA };
}

void main(void)
{
    prepare();
    tell_user("gate", through_gate);
    print("gate back at level: %u, its stack as before: %u\n", seen[0], seen[1]);
    gdt[SEL_GATE / 8] &= ~((uint64_t)3 << 45);
    tell_user("gate that is not for level 3", through_gate);
    tell_user("conforming code", to_conforming);
    print("conforming code runs at level %u\n", seen[0]);
    tell("task", start_task);
    print("task: back, busy bits %x %x\n", (uint32_t)(gdt[SEL_TSS / 8] >> 40 & 15),
          (uint32_t)(gdt[SEL_TSS2 / 8] >> 40 & 15));
    idt[0x30] = (uint64_t)SEL_TSS2 << 16 | (uint64_t)0x85 << 40;
    tell("task gate", do_int);
    print("task gate: seen %u\n", seen[2]);
    idt[0x30] = gate(SEL_CODE, (uint32_t)gate_target, 0x8e);
    tell_user("cli by a program", do_cli);
    tell_user("hlt by a program", do_hlt);
    tell_user("port by a program", do_port);
    tell_user("interrupt gate of level 0 by a program", do_int);
    tell_v86();
    print("done\n");
}

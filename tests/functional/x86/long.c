/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64-bit mode, in a kernel started by its PVH entry: exceptions, stacks of handlers, fast system calls, compatibility mode.
 * expect: pvh magic 336ec578, line 'one=1', memory map 2
 * expect: 64-bit mode: efer d01
 * expect: divide: vector 0 error 0
 * expect: not canonical: vector 13 error 0
 * expect: stack, not canonical: vector 12 error 0
 * expect: absent: vector 14 error 2 at 40000000
 * expect: fetch, no execution: vector 14 error 11 at 800000
 * expect: its stack is the tss's: 1
 * expect: bits of 32-bit operands: 80000000
 * expect: gs base by msr and swapgs: 1111 2222
 * expect: syscall from level 3: rcx 1, r11 202, cs 8, level 0
 * expect: sysret: back to level 3, then int: vector 49, cs 33, ss 2b
 * expect: compatibility mode: 32-bit code ran, esp+4 wraps 3
 * expect: code at the last address: 3 calls
 * expect: when it is gone: vector 14 error 10 at ffffffffffffffff
 * expect: cr8: 5
 * expect: done */
#include "lib64.h"

static uint8_t ist_stack[4096] __attribute__((aligned(16))), user_stack[4096] __attribute__((aligned(16)));
static volatile uint64_t seen[8];
extern const char lib64_stubs[];

/* Page faults and stack faults have a stack of their own. */
static void give_stacks(void)
{
    tss.ist[0] = (uint64_t)ist_stack + sizeof(ist_stack);
    set_gate(14, (uint64_t)lib64_stubs + 16 * 14, 0, 1);
    set_gate(12, (uint64_t)lib64_stubs + 16 * 12, 0, 1);
}

static void divide(void)
{
    asm volatile("xor %%edx, %%edx\n\tdivq %0" : : "r"(0ull) : "rax", "rdx");
}
static void far_off(void)
{
    *(volatile uint8_t *)0x800000000000;
}
static void stack_far_off(void)
{
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(0x800000000010));
}
static void absent(void)
{
    *(volatile uint8_t *)0x40000000 = 1;
}
static void call_nx(void)
{
    ((void (*)(void))0x800000)();
}

static void pages(void)
{
    tell("absent", absent);
    tables[1024 + 4] |= NX;
    asm volatile("invlpg 0x800000");
    tell("fetch, no execution", call_nx);
    uint64_t top = (uint64_t)ist_stack + sizeof(ist_stack);
    print("its stack is the tss's: %u\n", last_frame_at < top && top - last_frame_at < 256);
}

static void registers(void)
{
    uint64_t v = ~0ull, a, b;
    asm volatile("movl $0x80000000, %k0" : "+r"(v));
    print("bits of 32-bit operands: %X\n", v);
    wrmsr(0xc0000101, 0x1111);
    wrmsr(0xc0000102, 0x2222);
    a = rdmsr(0xc0000101);
    asm volatile("swapgs");
    b = rdmsr(0xc0000101);
    print("gs base by msr and swapgs: %X %X\n", a, b);
}

/* At level 3: SYSCALL, and when SYSRET comes back the end. */
asm("user_code: syscall\n"
    "after_syscall: int $0x31\n"
    "syscall_entry:\n\t"
    "mov %rcx, seen\n\tmov %r11, seen + 8\n\tmov %cs, %eax\n\tmov %rax, seen + 16\n\t"
    "sysretq");
extern const char user_code[], after_syscall[], syscall_entry[];

static void to_user(void)
{
    asm volatile("mov %%rsp, %0" : "=m"(tss.rsp[0]));
    asm volatile("push $0x2b\n\tpush %0\n\tpush $0x202\n\tpush $0x33\n\tpush %1\n\tiretq"
                 :
                 : "r"(user_stack + sizeof(user_stack)), "r"(user_code)
                 : "memory");
}

static void system_calls(void)
{
    open_to_user();
    wrmsr(0xc0000081, (uint64_t)0x23 << 48 | (uint64_t)0x08 << 32);
    wrmsr(0xc0000082, (uint64_t)syscall_entry);
    wrmsr(0xc0000084, 0x200);
    attempt(to_user);
    print("syscall from level 3: rcx %u, r11 %x, cs %x, level %u\n", seen[0] == (uint64_t)after_syscall,
          (uint32_t)seen[1], (uint32_t)seen[2], (uint32_t)seen[2] & 3);
    print("sysret: back to level 3, then int: vector %u, cs %x, ss %x\n", (uint32_t)last_trap.vector,
          (uint32_t)last_trap.cs, (uint32_t)last_trap.ss);
}

asm(".code32\ncompat_code:\n\t"
    "mov $0xffffffff, %eax\n\tlea 4(%eax), %eax\n\tmov %eax, seen + 24\n\tlret\n.code64");
extern const char compat_code[];

static void compatibility(void)
{
    struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } to = { (uint32_t)(uint64_t)compat_code, 0x18 };
    asm volatile("lcall *%0" : : "m"(to) : "rax", "memory");
    print("compatibility mode: 32-bit code ran, esp+4 wraps %x\n", (uint32_t)seen[3]);
}

/* One RET at FFFFFFFFFFFFFFFFh. */
static uint64_t high_tables[3][512] __attribute__((aligned(4096)));
static uint8_t last_page[4096] __attribute__((aligned(4096)));
static void call_last(void)
{
    ((void (*volatile)(void))UINT64_MAX)();
}

static void last_address(void)
{
    unsigned calls = 0;
    tables[511] = (uint64_t)high_tables[0] | P | W;
    high_tables[0][511] = (uint64_t)high_tables[1] | P | W;
    high_tables[1][511] = (uint64_t)high_tables[2] | P | W;
    high_tables[2][511] = (uint64_t)last_page | P | W;
    last_page[4095] = 0xc3;
    for (; calls < 3; calls++) {
        call_last();
    }
    print("code at the last address: %u calls\n", calls);
    high_tables[2][511] = 0;
    asm volatile("mov %0, %%cr3" : : "r"(tables) : "memory");
    tell("when it is gone", call_last);
}

void main(void)
{
    const uint32_t *info = (const uint32_t *)start_info;
    print("pvh magic %x, line '%s', memory map %u\n", info[0], (const char *)(uint64_t)info[6], info[12]);
    lib64_start();
    give_stacks();
    print("64-bit mode: efer %X\n", rdmsr(0xc0000080));
    tell("divide", divide);
    tell("not canonical", far_off);
    tell("stack, not canonical", stack_far_off);
    pages();
    registers();
    system_calls();
    compatibility();
    last_address();
    uint64_t v;
    asm volatile("mov %1, %%cr8\n\tmov %%cr8, %0" : "=r"(v) : "r"(5ull));
    print("cr8: %X\n", v);
    print("done\n");
}

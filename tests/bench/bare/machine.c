/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only systems do: interrupts, page faults, address spaces, system calls. */
#include "bare.h"

enum { P = 1, W = 2, U = 4, WINDOW = 1 << 30, PAGES = 512, PAGE = 4096, SEL_CODE = 0x08, SEL_DATA = 0x10 };
enum {
    MSR_STAR = 0xc0000081,
    MSR_LSTAR,
    MSR_FMASK = 0xc0000084,
    SEL_USER_BASE = 0x23,
    SEL_USER_CODE = 0x33,
    SEL_USER_DATA = 0x2b
};
extern uint64_t tables
    []; /* boot64.S's: the root, the directory of GiBs, that of the first GiB, which is mapped to itself */
static uint64_t idt[256][2] __attribute__((aligned(16)));
static uint64_t window_directory[512] __attribute__((aligned(4096))),
    window_table[512] __attribute__((aligned(4096)));
static uint64_t second_root[512] __attribute__((aligned(4096)));
static uint8_t frames[PAGES][PAGE] __attribute__((aligned(4096)));
uint64_t machine_interrupts, machine_kernel_rsp, machine_calls_left;

static void set_gate(unsigned vector, void (*handler)(void))
{
    uint64_t at = (uint64_t)handler;
    idt[vector][0] = (at & 0xffff) | SEL_CODE << 16 | 0x8e00ull << 32 | (at >> 16 & 0xffff) << 48;
    idt[vector][1] = at >> 32;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = { sizeof(idt) - 1, (uint64_t)idt };
    asm volatile("lidt %0" : : "m"(idtr));
}

static uint64_t read_cr3(void)
{
    uint64_t v;
    asm volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
static void write_cr3(uint64_t v)
{
    asm volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static void wrmsr(uint32_t n, uint64_t v)
{
    asm volatile("wrmsr" : : "c"(n), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

/* ---- interrupts ---- */

void machine_interrupt(void);
asm("machine_interrupt:\n\t"
    "incq machine_interrupts(%rip)\n\t"
    "iretq");

static uint64_t interrupts(void)
{
    set_gate(0x80, machine_interrupt);
    for (int i = 0; i < 3000000; i++) {
        asm volatile("int $0x80" : : : "memory");
    }
    return machine_interrupts;
}

/* ---- page faults: a window that is filled on demand ---- */

void machine_page_fault(void);
void machine_map(void);
asm("machine_page_fault:\n\t"
    "push %rax; push %rcx; push %rdx; push %rsi; push %rdi; push %r8; push %r9; push %r10; push %r11\n\t"
    "cld\n\t"
    "call machine_map\n\t"
    "pop %r11; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rax\n\t"
    "add $8, %rsp\n\t"
    "iretq");

__attribute__((target("general-regs-only"))) void machine_map(void)
{
    uint64_t at;
    asm volatile("mov %%cr2, %0" : "=r"(at));
    uint64_t n = at / PAGE & 511;
    window_table[n] = (uint64_t)frames[n] | P | W;
    machine_interrupts++;
}

static void make_window(void)
{
    tables[512 + 1] = (uint64_t)window_directory | P | W;
    window_directory[0] = (uint64_t)window_table | P | W;
}

static uint64_t faults(void)
{
    volatile uint8_t *window = (volatile uint8_t *)(uint64_t)WINDOW;
    make_window();
    set_gate(14, machine_page_fault);
    for (int round = 0; round < 1500; round++) {
        for (int i = 0; i < PAGES; i++) {
            window[i * PAGE]++;
        }
        for (int i = 0; i < PAGES; i++) {
            window_table[i] = 0;
            asm volatile("invlpg %0" : : "m"(window[i * PAGE]) : "memory");
        }
    }
    return machine_interrupts + frames[7][0];
}

/* ---- address spaces: some pages are touched in each ---- */

static uint64_t spaces(void)
{
    volatile uint8_t *window = (volatile uint8_t *)(uint64_t)WINDOW;
    make_window();
    for (int i = 0; i < PAGES; i++) {
        window_table[i] = (uint64_t)frames[i] | P | W;
    }
    uint64_t first = read_cr3();
    for (int i = 0; i < 512; i++) {
        second_root[i] = tables[i];
    }
    uint64_t sum = 0;
    for (int i = 0; i < 400000; i++) {
        write_cr3(i & 1 ? first : (uint64_t)second_root);
        for (int k = 0; k < 16; k++) {
            sum += window[((i + k * 5) & 511) * PAGE]++;
        }
    }
    write_cr3(first);
    return sum;
}

/* ---- system calls from level 3 ---- */

void machine_syscall(void);
void machine_user(void);
void machine_enter_user(uint64_t count);
asm("machine_syscall:\n\t"
    "decq machine_calls_left(%rip)\n\t"
    "jz 1f\n\t"
    "sysretq\n\t"
    "1: mov machine_kernel_rsp(%rip), %rsp\n\t"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n\t"
    "ret\n\t"
    "machine_enter_user:\n\t"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n\t"
    "mov %rdi, machine_calls_left(%rip)\n\t"
    "mov %rsp, machine_kernel_rsp(%rip)\n\t"
    "lea machine_user(%rip), %rcx\n\t"
    "mov $2, %r11d\n\t"
    "sysretq\n\t"
    "machine_user:\n\t"
    "mov $39, %eax\n\t"
    "syscall\n\t"
    "jmp machine_user");

static uint64_t calls(void)
{
    tables[0] |= U;
    tables[512] |= U;
    for (int i = 0; i < 512; i++) {
        tables[1024 + i] |= U;
    }
    write_cr3(read_cr3());
    wrmsr(MSR_STAR, (uint64_t)SEL_USER_BASE << 48 | (uint64_t)SEL_CODE << 32);
    wrmsr(MSR_LSTAR, (uint64_t)machine_syscall);
    wrmsr(MSR_FMASK, 0x200);
    machine_enter_user(6000000);
    return machine_calls_left;
}

const Program machine_programs[] = {
    { "machine", "interrupts", interrupts },
    { "machine", "page-faults", faults },
    { "machine", "spaces", spaces },
    { "machine", "syscalls", calls },
    { NULL, NULL, NULL },
};

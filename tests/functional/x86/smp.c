/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A second processor: INIT and start-up messages, interrupts both ways, locked instructions.
 * expect: started by INIT and SIPI: apic id 1, real mode at 800:0
 * expect: its interrupt came
 * expect: locked sum: 200000
 * expect: locked sums over two pages against stores beside them: lost 0, right 1
 * expect: INIT stops it, SIPI starts it again: 2
 * expect: done */
#include "lib.h"

enum { TRAMPOLINE = 0x8000, COUNT = 100000, FROM_AP = 0x24, TO_AP = 0x25, STOP = 2, SUMS = COUNT };
static volatile uint32_t starts, ap_id, ap_cs, sum, go, ap_done;
uint8_t ap_stack[4096] __attribute__((aligned(16)));
static volatile uint32_t taken, ap_stores, ap_stored, ap_lost;
static uint8_t pages[2 * 4096] __attribute__((aligned(4096)));
enum { SPLIT = 4096 - 2, OTHERS = SPLIT + 3 /* a byte of it that the sums do not reach */ };

asm(".code16\n"
    "trampoline:\n\t"
    "cli\n\t"
    "mov %cs, %bx\n\t"
    "xor %ax, %ax\n\tmov %ax, %ds\n\t"
    "lgdtl trampoline_gdtr - trampoline + 0x8000\n\t"
    "mov $1, %eax\n\tmov %eax, %cr0\n\t"
    "ljmpl $8, $ap_start\n"
    ".balign 8\n"
    "trampoline_gdtr: .word 8 * 32 - 1\n\t.long gdt\n"
    "trampoline_end:\n"
    ".code32\n"
    "ap_start:\n\t"
    "mov $0x10, %eax\n\tmov %eax, %ds\n\tmov %eax, %es\n\tmov %eax, %ss\n\t"
    "mov $ap_stack + 4096, %esp\n\t"
    "push %ebx\n\tcall ap_main");
extern const char trampoline[], trampoline_end[];

static void send(uint32_t to, uint32_t what)
{
    apic_write(0x310, to << 24);
    apic_write(0x300, what);
}

static void add(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        asm volatile("lock incl %0" : "+m"(sum));
    }
}

static void wait(volatile uint32_t *v, uint32_t value)
{
    while (*v != value) {
        asm volatile("pause");
    }
}

/* What a processor has stored stays, whatever is added meanwhile to what is beside it. */
static void store(void)
{
    volatile uint8_t *own = pages + OTHERS;
    for (uint8_t i = 0; go != STOP; i++) {
        *own = i;
        asm volatile("lock addl $0, (%%esp)" : : : "memory", "cc"); /* not from the store's own buffer */
        ap_lost += *own != i;
        ap_stores++;
    }
    ap_stored = 1;
}

static void split(void)
{
    while (!ap_stores) {
        asm volatile("pause");
    }
    for (unsigned i = 0; i < SUMS; i++) {
        asm volatile("lock incl %0" : "+m"(*(uint32_t *)(pages + SPLIT)) : : "memory");
    }
    go = STOP;
    wait(&ap_stored, 1);
    bool right = (*(volatile uint32_t *)(pages + SPLIT) & 0xffffff) == SUMS;
    print("locked sums over two pages against stores beside them: lost %u, right %u\n", ap_lost, right);
}

void ap_main(uint32_t cs);
void ap_main(uint32_t cs)
{
    ap_cs = cs & 0xffff;
    apic_write(0xf0, 0x1ff);
    ap_id = apic_read(0x20) >> 24;
    asm volatile("lock incl %0" : "+m"(starts));
    if (starts == 1) {
        send(0, FROM_AP);
        while (!go) {
            asm volatile("pause");
        }
        add();
        ap_done = 1;
        store();
    }
    for (;;) {
        asm volatile("hlt");
    }
}

static bool take(Frame *f)
{
    if (f->vector != FROM_AP) {
        return false;
    }
    taken++;
    apic_write(0xb0, 0);
    return true;
}

static void start(void)
{
    for (const char *p = trampoline; p < trampoline_end; p++) {
        ((volatile uint8_t *)TRAMPOLINE)[p - trampoline] = *p;
    }
    send(1, 0x4500);                    /* INIT */
    send(1, 0x4600 | TRAMPOLINE >> 12); /* start-up */
}

void main(void)
{
    on_trap = take;
    outb(0x21, 0xff); /* the PIC's */
    apic_write(0xf0, 0x1ff);
    start();
    wait(&starts, 1);
    print("started by INIT and SIPI: apic id %u, real mode at %x:0\n", ap_id, ap_cs);
    while (!taken) {
        asm volatile("sti\n\thlt\n\tcli");
    }
    print("its interrupt came\n");
    go = 1;
    add();
    wait(&ap_done, 1);
    print("locked sum: %u\n", sum);
    split();
    start();
    wait(&starts, 2);
    print("INIT stops it, SIPI starts it again: %u\n", starts);
    print("done\n");
}

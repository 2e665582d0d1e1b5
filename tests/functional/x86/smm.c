/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System-management mode: SMIs that the local APIC sends, SMRAM, RSM, HLT, NMI.
 * expect: smi: 1, cs 3000, cr0 10, eflags.if 0
 * expect: eip in the map is where it waited: 1
 * expect: registers are as they were: 1
 * expect: eax as the handler left it in the map: 5678
 * expect: smram from outside: ffffffff
 * expect: relocated: 2, cs a000
 * expect: smram from outside: ffffffff
 * expect: nmi in the handler comes behind rsm: 1 0
 * expect: halted, then an nmi of the handler: 1, behind the hlt 1
 * expect: handler leaves the hlt: 1
 * expect: 100 of them: 100
 * expect: rsm elsewhere: vector 6 error 0
 * expect: done */
#include "lib.h"

enum { OLD = 0x30000, NEW = 0xa0000, SMI = 2 << 8, MAP_BYTES = 512 };
volatile uint32_t smis, seen_cs, seen_cr0, seen_flags, nmis, nmis_in_handler, nmi_eip, sends_nmi;
volatile uint32_t map_at, map_value, copies;
volatile uint8_t saved[MAP_BYTES];
static unsigned at_eax, at_smbase, at_halt, at_eip;

/* What runs at SMBASE + 8000h.  It keeps the map, and does what it is told: change a doubleword of the map, copy itself to the
 * new place, send an NMI. */
asm(".code16\n"
    "handler:\n\t"
    "mov $0x8000, %esp\n\txor %ebp, %ebp\n\t" /* RSM restores both */
    "pushfl\n\tpop %eax\n\tmov %eax, seen_flags(%ebp)\n\t"
    "incl smis(%ebp)\n\t"
    "mov %cs, %eax\n\tmov %eax, seen_cs(%ebp)\n\t"
    "mov %cr0, %eax\n\tmov %eax, seen_cr0(%ebp)\n\t"
    "mov $0xfe00, %esi\n\txor %edi, %edi\n"
    "1: movb %cs:(%esi), %al\n\tmovb %al, saved(%edi)\n\tinc %esi\n\tinc %edi\n\tcmp $512, %edi\n\tjne 1b\n\t"
    "cmpl $0, map_at(%ebp)\n\tje 2f\n\t"
    "mov map_at(%ebp), %esi\n\tmov map_value(%ebp), %eax\n\tmov %eax, %cs:(%esi)\n\tmovl $0, map_at(%ebp)\n"
    "2: cmpl $0, copies(%ebp)\n\tje 3f\n\t"
    "mov $handler, %esi\n\tmov $0xa8000, %edi\n"
    "4: movb (%esi), %al\n\tmovb %al, (%edi)\n\tinc %esi\n\tinc %edi\n\tcmp $handler_end, %esi\n\tjne 4b\n\t"
    "movl $0, copies(%ebp)\n"
    "3: cmpl $0, sends_nmi(%ebp)\n\tje 5f\n\t"
    "mov $0xfee00300, %esi\n\tmovl $0x44400, (%esi)\n\tmov nmis(%ebp), %eax\n\tmov %eax, nmis_in_handler(%ebp)\n\t"
    "movl $0, sends_nmi(%ebp)\n"
    "5: rsm\n"
    "handler_end:\n"
    ".code32");
extern const uint8_t handler[], handler_end[];
static void patch(unsigned at, uint32_t value)
{
    map_value = value;
    map_at = at;
}

static uint32_t map(unsigned at)
{
    return *(volatile uint32_t *)(saved + at - 0x7e00);
}

/* To itself; it comes soon, not at once. */
static void send(void)
{
    uint32_t before = smis;
    apic_write(0x300, SMI | 0x44000);
    while (smis == before) {
    }
}

static bool take(Frame *f)
{
    if (f->vector != 2) {
        return false;
    }
    nmis++;
    nmi_eip = f->eip;
    return true;
}

static void set_map(void)
{
    bool wide = map(0x7efc) == 0x20064;
    at_eax = wide ? 0x7ff8 : 0x7fd0;
    at_smbase = wide ? 0x7f00 : 0x7ef8;
    at_halt = wide ? 0x7ec9 : 0x7f02;
    at_eip = wide ? 0x7f78 : 0x7ff0;
}

static void first(void)
{
    uint32_t ebx, ecx, edx, esi, edi, eflags;
    for (const uint8_t *p = handler; p < handler_end; p++) {
        ((volatile uint8_t *)OLD)[0x8000 + (p - handler)] = *p;
    }
    asm volatile(
        "mov $0x22, %%ebx\n\tmov $0x33, %%ecx\n\tmov $0x44, %%edx\n\tmov $0x55, %%esi\n\tmov $0x66, %%edi\n\t"
        "xor %%eax, %%eax\n\tstc\n\tmovl $0x44200, 0xfee00300\n"
        "wait_start: pushf\n\tpopl %5\n\tcmp smis, %%eax\n\tje wait_start\n\twait_end:"
        : "=b"(ebx), "=c"(ecx), "=d"(edx), "=S"(esi), "=D"(edi), "=m"(eflags)
        :
        : "eax", "memory");
    extern const uint8_t wait_start[], wait_end[];
    set_map();
    print("smi: %u, cs %x, cr0 %x, eflags.if %u\n", smis, seen_cs, seen_cr0, seen_flags >> 9 & 1);
    print("eip in the map is where it waited: %u\n",
          map(at_eip) >= (uint32_t)wait_start && map(at_eip) < (uint32_t)wait_end);
    print("registers are as they were: %u\n",
          ebx == 0x22 && ecx == 0x33 && edx == 0x44 && esi == 0x55 && edi == 0x66 && eflags);
}

static void change_eax(void)
{
    uint32_t eax;
    patch(at_eax + 0x8000, 0x5678);
    asm volatile("mov $0x1234, %%eax\n\tmovl $0x44200, 0xfee00300\n1: cmp $0x1234, %%eax\n\tje 1b"
                 : "=a"(eax)
                 :
                 : "memory");
    print("eax as the handler left it in the map: %x\n", eax);
}

static void relocate(void)
{
    print("smram from outside: %x\n", *(volatile uint32_t *)(NEW + 0x8000));
    copies = 1;
    patch(at_smbase + 0x8000, NEW);
    send();
    *(volatile uint8_t *)(OLD + 0x8000) = 0xf4; /* what is there is no more the handler */
    smis = 1;
    send();
    print("relocated: %u, cs %x\n", smis, seen_cs);
    print("smram from outside: %x\n", *(volatile uint32_t *)(NEW + 0x8000));
}

static void with_nmi(void)
{
    nmis = 0;
    sends_nmi = 1;
    send();
    print("nmi in the handler comes behind rsm: %u %u\n", nmis, nmis_in_handler);
}

/* The PIT's line is an SMI; the handler's NMI wakes the processor that RSM has put back to sleep. */
static void pit(uint16_t count)
{
    outb(0x43, 0x30); /* once */
    outb(0x40, count);
    outb(0x40, count >> 8);
}

static void pic(void)
{
    static const uint8_t first_pic[] = { 0x20, 4, 1, 0xfe };
    outb(0x20, 0x11);
    for (unsigned i = 0; i < sizeof(first_pic); i++) {
        outb(0x21, first_pic[i]);
    }
}

static void in_halt(void)
{
    extern const uint8_t behind_hlt[];
    pic();
    outb(0x43, 0x30); /* the line is low until it is counted down */
    apic_write(0xf0, 0x1ff);
    apic_write(0x350, SMI);
    nmis = 0;
    sends_nmi = 1;
    pit(2000);
    asm volatile("hlt\n\tbehind_hlt: nop");
    print("halted, then an nmi of the handler: %u, behind the hlt %u\n", nmis,
          nmi_eip == (uint32_t)behind_hlt);
}

static void leave_halt(void)
{
    smis = 0;
    patch(at_halt + 0x8000 - 1, 0); /* and what is before it: no restart of I/O, or nothing */
    outb(0x20, 0x20);
    outb(0x43, 0x30);
    pic();
    pit(2000);
    asm volatile("hlt");
    print("handler leaves the hlt: %u\n", smis);
    apic_write(0x350, 0x10000);
}

static void many(void)
{
    smis = 0;
    for (unsigned i = 0; i < 100; i++) {
        send();
    }
    print("100 of them: %u\n", smis);
}

static void rsm(void)
{
    asm volatile("rsm");
}

void main(void)
{
    on_trap = take;
    apic_write(0xf0, 0x1ff);
    first();
    change_eax();
    relocate();
    with_nmi();
    in_halt();
    leave_halt();
    many();
    tell("rsm elsewhere", rsm);
    print("done\n");
}

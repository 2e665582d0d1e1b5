/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switches of tasks: what makes them fail, whose fault it is, with which error code; links, NT, busy bits, 16-bit tasks.
 * Faults of the new task are taken through task gates, whose handlers tell the task that they interrupted.
 * expect: jmp: busy bits 9 b, back by jmp: b 9, nt 0
 * expect: call to itself, busy: vector 13 error 28
 * expect: call to what is busy: vector 13 error 40
 * expect: jmp to an absent tss: vector 11 error 40
 * expect: call to a short tss: vector 10 error 40
 * expect: tss of the ldt: vector 13 error 44
 * expect: task gate to null: vector 13 error 0
 * expect: absent task gate: vector 11 error 48
 * expect: task gate to code: vector 13 error 8
 * expect: gate that is not for level 3: vector 13 error 48
 * expect: iret to what is not busy: vector 10 error 40
 * expect: iret to data: vector 10 error 10
 * expect: iret to the ldt's: vector 10 error 44
 * expect: cs null: vector 10 error 0 of the new task 1
 * expect: cs of data: vector 10 error 10 of the new task 1
 * expect: cs absent: vector 11 error 88 of the new task 1
 * expect: cs of another level: vector 10 error 18 of the new task 1
 * expect: ss null: vector 10 error 0 of the new task 1
 * expect: ss of code: vector 10 error 8 of the new task 1
 * expect: ss of level 3: vector 10 error 20 of the new task 1
 * expect: ss absent: vector 12 error 88 of the new task 1
 * expect: ds beyond the table: vector 10 error 1f0 of the new task 1
 * expect: ds a system segment: vector 10 error 28 of the new task 1
 * expect: ds absent: vector 11 error 88 of the new task 1
 * expect: es null: ran
 * expect: ldt not an ldt: vector 10 error 10 of the new task 1
 * expect: ldt absent: vector 10 error 88 of the new task 1
 * expect: eip beyond the limit: vector 13 error 0 of the new task 1
 * expect: its cr0.ts: 1
 * expect: trap bit: dr6 ffff8ff0 at its entry 1
 * expect: 16-bit task: ran with ax 1234 and sp 5678, link 28, nt 1
 * expect: fault by a task gate: flags of the old task with rf 1, at the fault 1
 * expect: int by a task gate: flags of the old task with rf 0
 * expect: done */
#include "lib.h"

enum {
    SEL_NEW = 0x40,
    SEL_GATE = 0x48,
    SEL_TSS16 = 0x50,
    SEL_CODE16 = 0x58,
    SEL_HANDLERS = 0x60,
    SEL_ODD = 0x88
};
enum { FLAT = 0xfffff, NT = 1 << 14, RF = 1 << 16, TSS_FREE = 0x89, TSS_BUSY = 0x8b };
static Tss fresh;
static struct {
    uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds,
        ldt;
} tss16;
static uint8_t stacks[5][1024] __attribute__((aligned(16)));
volatile uint32_t ran, caught_vector, caught_error, caught_link, ax16, sp16, flags16;

/* ---- tasks ---- */

asm("task_entry: incl ran\n\tiret\n\tjmp task_entry\n"
    "jump_entry: incl ran\n\tljmp $0x28, $0\n\tjmp jump_entry\n"
    /* of handlers: EBX has their vector, EDI their TSS, CL whether there is an error code */
    "handler_entry: xor %eax, %eax\n\ttest %cl, %cl\n\tjz 1f\n\tpop %eax\n"
    "1: mov %eax, caught_error\n\tmov %ebx, caught_vector\n\tmovzwl (%edi), %eax\n\tmov %eax, caught_link\n\t"
    "movw $0x28, (%edi)\n\tiret\n\tjmp handler_entry\n"
    "mending: movw $0x9090, faulting\n\tiret\n\tjmp mending\n"
    ".code16\ncode16: movw %ax, %ss:0\n\tmovw %sp, %ss:4\n\tpushf\n\tpopw %ss:8\n\tiret\n.code32");
extern const char task_entry[], jump_entry[], handler_entry[], mending[], faulting[], code16[];

static Tss task(const char *entry, unsigned stack)
{
    return (Tss){ .eip = (uint32_t)entry,
                  .eflags = 2,
                  .esp = (uint32_t)stacks[stack] + sizeof(stacks[0]),
                  .es = SEL_DATA,
                  .cs = SEL_CODE,
                  .ss = SEL_DATA,
                  .ds = SEL_DATA,
                  .fs = SEL_DATA,
                  .gs = SEL_DATA,
                  .iomap = sizeof(Tss) << 16 };
}

static Tss handlers[4];
static const uint8_t handled[4] = { 10, 11, 12, 13 };

static void make_handlers(void)
{
    for (unsigned i = 0; i < 4; i++) {
        handlers[i] = task(handler_entry, 1 + i);
        handlers[i].ebx = handled[i];
        handlers[i].ecx = 1;
        handlers[i].edi = (uint32_t)&handlers[i];
        gdt[SEL_HANDLERS / 8 + i] = descriptor((uint32_t)&handlers[i], sizeof(Tss) - 1, TSS_FREE, 0);
    }
}

static void through_tasks(bool on)
{
    static uint64_t kept[4];
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *gate_at = &idt[handled[i]];
        if (on) {
            kept[i] = *gate_at;
            *gate_at = (uint64_t)(SEL_HANDLERS + 8 * i) << 16 | (uint64_t)0x85 << 40;
        } else {
            *gate_at = kept[i];
        }
    }
}

static void new_tss(uint8_t access, uint32_t limit)
{
    gdt[SEL_NEW / 8] = descriptor((uint32_t)&fresh, limit, access, 0);
}

static unsigned kind_of(unsigned selector)
{
    return gdt[selector / 8] >> 40 & 15;
}

/* ---- ways to it ---- */

static void call_new(void)
{
    asm volatile("lcall %0, $0" : : "i"(SEL_NEW) : "memory");
}
static void jump_new(void)
{
    asm volatile("ljmp %0, $0" : : "i"(SEL_NEW) : "memory");
}
static void call_self(void)
{
    asm volatile("lcall %0, $0" : : "i"(SEL_TSS) : "memory");
}
static void call_local(void)
{
    asm volatile("lcall %0, $0" : : "i"(SEL_NEW | 4) : "memory");
}
static void call_gate(void)
{
    asm volatile("lcall %0, $0" : : "i"(SEL_GATE) : "memory");
}
static void call_16(void)
{
    asm volatile("lcall %0, $0" : : "i"(SEL_TSS16) : "memory");
}
static void return_nested(void)
{
    asm volatile("push %0\n\tpopf\n\tiret" : : "i"(NT | 2));
}

/* ---- faults of the old task ---- */

static void task_gate(uint16_t selector, uint8_t access)
{
    gdt[SEL_GATE / 8] = (uint64_t)selector << 16 | (uint64_t)access << 40;
}

static void tell_return(const char *name, uint16_t link)
{
    tss.link = link;
    tell(name, return_nested);
    asm volatile("push $2\n\tpopf");
}

static void refused(void)
{
    tell("call to itself, busy", call_self);
    new_tss(TSS_BUSY, sizeof(fresh) - 1);
    tell("call to what is busy", call_new);
    new_tss(TSS_FREE & 0x7f, sizeof(fresh) - 1);
    tell("jmp to an absent tss", jump_new);
    new_tss(TSS_FREE, 0x66);
    tell("call to a short tss", call_new);
    tell("tss of the ldt", call_local);
    task_gate(0, 0x85);
    tell("task gate to null", call_gate);
    task_gate(SEL_NEW, 0x05);
    tell("absent task gate", call_gate);
    task_gate(SEL_CODE, 0x85);
    tell("task gate to code", call_gate);
    tell_user("gate that is not for level 3", call_gate);
    new_tss(TSS_FREE, sizeof(fresh) - 1);
    tell_return("iret to what is not busy", SEL_NEW);
    tell_return("iret to data", SEL_DATA);
    tell_return("iret to the ldt's", SEL_NEW | 4);
}

/* ---- faults of the new task ---- */

static void tell_new(const char *name)
{
    new_tss(TSS_FREE, sizeof(fresh) - 1);
    ran = caught_vector = 0;
    uint32_t at = fresh.eip;
    through_tasks(true);
    call_new();
    through_tasks(false);
    if (ran) {
        print("%s: ran\n", name);
    } else {
        bool there = caught_link == SEL_NEW && fresh.eip == at;
        print("%s: vector %u error %x of the new task %u\n", name, caught_vector, caught_error, there);
    }
    fresh = task(task_entry, 0);
}

#define WITH(field, value, name)                                                                             \
    do {                                                                                                     \
        fresh.field = (value);                                                                               \
        tell_new(name);                                                                                      \
    } while (0)

static void broken(void)
{
    fresh = task(task_entry, 0);
    WITH(cs, 0, "cs null");
    WITH(cs, SEL_DATA, "cs of data");
    gdt[SEL_ODD / 8] = descriptor(0, FLAT, 0x1b, 0xc);
    WITH(cs, SEL_ODD, "cs absent");
    WITH(cs, SEL_CODE3 & ~3, "cs of another level");
    WITH(ss, 0, "ss null");
    WITH(ss, SEL_CODE, "ss of code");
    WITH(ss, SEL_DATA3, "ss of level 3");
    gdt[SEL_ODD / 8] = descriptor(0, FLAT, 0x13, 0xc);
    WITH(ss, SEL_ODD, "ss absent");
    WITH(ds, 0x1f0, "ds beyond the table");
    WITH(ds, SEL_TSS, "ds a system segment");
    WITH(ds, SEL_ODD, "ds absent");
    WITH(es, 0, "es null");
    WITH(ldt, SEL_DATA, "ldt not an ldt");
    gdt[SEL_ODD / 8] = descriptor(0, 0xff, 0x02, 0);
    WITH(ldt, SEL_ODD, "ldt absent");
    gdt[SEL_ODD / 8] = descriptor(0, 0xff, 0x9b, 4);
    fresh.cs = SEL_ODD;
    WITH(eip, 0x100, "eip beyond the limit");
    uint32_t cr0;
    asm volatile("mov %%cr0, %0\n\tclts" : "=r"(cr0));
    print("its cr0.ts: %u\n", cr0 >> 3 & 1);
}

/* ---- what a switch does ---- */

static void by_jump(void)
{
    fresh = task(jump_entry, 0);
    new_tss(TSS_FREE, sizeof(fresh) - 1);
    asm volatile("ljmp %0, $0" : : "i"(SEL_NEW) : "memory");
    /* here again: the task jumped back, and saved itself */
    print("jmp: busy bits %x %x, back by jmp: %x %x, nt %u\n", kind_of(SEL_NEW), kind_of(SEL_TSS),
          kind_of(SEL_TSS), kind_of(SEL_NEW), fresh.eflags >> 14 & 1);
}

static uint32_t trapped_dr6, trapped_at;
static bool take_trap(Frame *f)
{
    if (f->vector != 1) {
        return false;
    }
    asm volatile("mov %%dr6, %0" : "=r"(trapped_dr6));
    trapped_at = f->eip;
    return true;
}

static void trap_bit(void)
{
    on_trap = take_trap;
    fresh = task(task_entry, 0);
    fresh.iomap |= 1;
    new_tss(TSS_FREE, sizeof(fresh) - 1);
    call_new();
    on_trap = NULL;
    print("trap bit: dr6 %x at its entry %u\n", trapped_dr6, trapped_at == (uint32_t)task_entry);
}

static void small_task(void)
{
    static uint8_t data16[0x6000];
    volatile uint16_t *seen = (volatile uint16_t *)data16;
    gdt[SEL_TSS16 / 8] = descriptor((uint32_t)&tss16, sizeof(tss16) - 1, 0x81, 0);
    gdt[SEL_CODE16 / 8] = descriptor((uint32_t)code16, 0xffff, 0x9b, 0);
    gdt[SEL_ODD / 8] = descriptor((uint32_t)data16, 0x5fff, 0x93, 0);
    tss16.flags = 2;
    tss16.ax = 0x1234;
    tss16.sp = 0x5678;
    tss16.cs = SEL_CODE16;
    tss16.ss = tss16.ds = tss16.es = SEL_ODD;
    call_16();
    print("16-bit task: ran with ax %x and sp %x, link %x, nt %u\n", seen[0], seen[2], tss16.link,
          seen[4] >> 14 & 1);
}

/* Of a fault the old task's flags show RF; of INT not.  The handler goes back to the UD2 that is made NOPs meanwhile. */
static void resume_flag(void)
{
    make_handlers();
    handlers[0].ecx = 0;
    idt[6] = idt[0x30] = (uint64_t)SEL_HANDLERS << 16 | (uint64_t)0x85 << 40;
    handlers[0].eip = (uint32_t)mending;
    asm volatile("faulting: ud2" : : : "memory");
    print("fault by a task gate: flags of the old task with rf %u, at the fault %u\n", tss.eflags >> 16 & 1,
          tss.eip == (uint32_t)faulting);
    asm volatile("int $0x30" : : : "memory");
    print("int by a task gate: flags of the old task with rf %u\n", tss.eflags >> 16 & 1);
}

void main(void)
{
    make_handlers();
    by_jump();
    refused();
    broken();
    trap_bit();
    small_task();
    resume_flag();
    print("done\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions of 32-bit protected mode, with their error codes.
 * expect: divide: vector 0 error 0
 * expect: bound: vector 5 error 0
 * expect: undefined: vector 6 error 0
 * expect: lock: vector 6 error 0
 * expect: int3: vector 3 error 0
 * expect: overflow: vector 4 error 0
 * expect: int 0x30: vector 48 error 0
 * expect: no gate: vector 13 error 202
 * expect: selector beyond the table: vector 13 error 100
 * expect: code as data, not readable: vector 13 error 30
 * expect: absent data: vector 11 error 30
 * expect: absent stack: vector 12 error 30
 * expect: null stack: vector 13 error 0
 * expect: data beyond its limit: vector 13 error 0
 * expect: write to read-only data: vector 13 error 0
 * expect: stack beyond its limit: vector 12 error 0
 * expect: below an expand-down limit: vector 13 error 0
 * expect: above an expand-down limit: fine
 * expect: absent code: vector 11 error 30
 * expect: data as code: vector 13 error 10
 * expect: cr0 without pe: vector 13 error 0
 * expect: cr4 reserved: vector 13 error 0
 * expect: msr: vector 13 error 0
 * expect: cr1: vector 6 error 0
 * expect: eip of the fault is the instruction: 1
 * expect: jump beyond a limit: vector 13 error 0
 * expect: branch beyond a limit: vector 13 error 0
 * expect: call beyond a limit: vector 13 error 0
 * expect: eip of the fault is the jump, the branch, the call: 1 1 1
 * expect: branch beyond a limit, not taken: fine
 * expect: done */
#include "lib.h"

static uint64_t pair = (uint64_t)5 << 32;
static uint32_t word;

static void divide(void)
{
    asm volatile("xor %%edx, %%edx\n\tdiv %0" : : "r"(0) : "eax", "edx");
}
static void bound(void)
{
    asm volatile("bound %0, %1" : : "r"(6), "m"(pair));
}
static void undefined(void)
{
    asm volatile("ud2");
}
static void lock(void)
{
    asm volatile(".byte 0xf0, 0x90");
}
static void int3(void)
{
    asm volatile("int3");
}
static void overflow(void)
{
    asm volatile("mov $0x7f, %%al\n\tadd $1, %%al\n\tinto" : : : "eax");
}
static void int30(void)
{
    asm volatile("int $0x30");
}
static void int40(void)
{
    asm volatile("int $0x40");
}

static void load_ds(uint16_t selector)
{
    asm volatile("mov %0, %%ds\n\tpush %%ss\n\tpop %%ds" : : "r"(selector));
}
static void beyond(void)
{
    load_ds(0x100);
}
static void free_ds(void)
{
    load_ds(SEL_FREE);
}
static void free_ss(void)
{
    asm volatile("mov %0, %%ss" : : "r"(SEL_FREE));
}
static void null_ss(void)
{
    asm volatile("mov %0, %%ss" : : "r"(0));
}

static void read_fs(uint32_t at)
{
    asm volatile("mov %0, %%fs\n\tmovl %%fs:(%1), %%eax" : : "r"(SEL_FREE), "r"(at) : "eax");
}
static void at_limit(void)
{
    read_fs(0xffd);
}
static void write_ro(void)
{
    asm volatile("mov %0, %%fs\n\tmovl %%eax, %%fs:0" : : "r"(SEL_FREE));
}
static void stack_limit(void)
{
    asm volatile("mov %%esp, %%ecx\n\tmov %0, %%ss\n\tmov $0xffe, %%esp\n\tpop %%eax"
                 :
                 : "r"(SEL_FREE)
                 : "eax", "ecx");
}
static void down_below(void)
{
    read_fs(0xfff);
}
static void down_above(void)
{
    read_fs(0x1000);
}
static void far_free(void)
{
    asm volatile("ljmp %0, $0" : : "i"(SEL_FREE));
}
static void far_data(void)
{
    asm volatile("ljmp %0, $0" : : "i"(SEL_DATA));
}
static void cr0(void)
{
    asm volatile("mov %0, %%cr0" : : "r"(0x80000000));
}
static void cr4(void)
{
    asm volatile("mov %0, %%cr4" : : "r"(1 << 30));
}
static void msr(void)
{
    asm volatile("rdmsr" : : "c"(0x12345) : "eax", "edx");
}
static void cr1(void)
{
    asm volatile(".byte 0x0f, 0x20, 0xc8");
}

/* Code of a segment that ends behind it, at SEL_FREE; what it jumps to lies beyond. */
asm("short_jump: jmp far_beyond\n"
    "short_branch: cmp %eax, %eax\n\t je far_beyond\n"
    "short_call: call far_beyond\n"
    "short_none: cmp %eax, %eax\n\t jne far_beyond\n\t lret\n"
    "short_end: .skip 256\n"
    "far_beyond: lret");
extern const char short_jump[], short_branch[], short_call[], short_none[], short_end[];
static struct __attribute__((packed)) {
    uint32_t offset;
    uint16_t selector;
} short_code = { 0, SEL_FREE };
static void short_run(void)
{
    asm volatile("lcall *%0" : : "m"(short_code) : "memory");
}

static void tell_short(const char *name, const char *at)
{
    short_code.offset = at - short_jump;
    tell(name, short_run);
}

static void limits(void)
{
    gdt[SEL_FREE / 8] = descriptor((uint32_t)short_jump, short_end - short_jump + 15, 0x9b, 4);
    tell_short("jump beyond a limit", short_jump);
    bool jump = last_trap.eip == 0;
    tell_short("branch beyond a limit", short_branch);
    bool branch = last_trap.eip == (uint32_t)(short_branch - short_jump) + 2;
    tell_short("call beyond a limit", short_call);
    print("eip of the fault is the jump, the branch, the call: %u %u %u\n", jump, branch,
          last_trap.eip == (uint32_t)(short_call - short_jump));
    tell_short("branch beyond a limit, not taken", short_none);
}

static void tell_with(uint64_t d, const char *name, void (*fn)(void))
{
    gdt[SEL_FREE / 8] = d;
    tell(name, fn);
}

void main(void)
{
    tell("divide", divide);
    tell("bound", bound);
    tell("undefined", undefined);
    tell("lock", lock);
    tell("int3", int3);
    tell("overflow", overflow);
    tell("int 0x30", int30);
    tell("no gate", int40);
    tell("selector beyond the table", beyond);
    tell_with(descriptor(0, 0xfffff, 0x99, 0xc), "code as data, not readable", free_ds);
    tell_with(descriptor(0, 0xfffff, 0x13, 0xc), "absent data", free_ds);
    tell("absent stack", free_ss);
    tell("null stack", null_ss);
    tell_with(descriptor(0, 0xfff, 0x93, 4), "data beyond its limit", at_limit);
    tell_with(descriptor((uint32_t)&word, 0xfff, 0x91, 4), "write to read-only data", write_ro);
    tell_with(descriptor(0, 0xfff, 0x93, 4), "stack beyond its limit", stack_limit);
    tell_with(descriptor((uint32_t)&word & 0, 0xfff, 0x97, 4), "below an expand-down limit", down_below);
    tell("above an expand-down limit", down_above);
    tell_with(descriptor(0, 0xfffff, 0x1b, 0xc), "absent code", far_free);
    tell("data as code", far_data);
    tell("cr0 without pe", cr0);
    tell("cr4 reserved", cr4);
    tell("msr", msr);
    tell("cr1", cr1);
    attempt(undefined);
    print("eip of the fault is the instruction: %u\n", *(const uint16_t *)last_trap.eip == 0x0b0f);
    limits();
    print("done\n");
}

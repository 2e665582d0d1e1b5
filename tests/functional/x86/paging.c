/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paging of two levels and of PAE: rights, error codes, accessed and dirty bits, large pages, reserved bits.
 * expect: two levels
 * expect: read: fine
 * expect: accessed 1 dirty 0
 * expect: write: fine
 * expect: accessed 1 dirty 1
 * expect: read, absent: vector 14 error 0 at 40000000
 * expect: write, absent: vector 14 error 2 at 40000000
 * expect: read by a program, absent: vector 14 error 4 at 40000000
 * expect: read by a program, supervisor's: vector 14 error 5 at 40000000
 * expect: write by a program, read-only: vector 14 error 7 at 40000000
 * expect: write by a program, its own: fine
 * expect: write, read-only, without wp: fine
 * expect: write, read-only, with wp: vector 14 error 3 at 40000000
 * expect: over two pages, the second absent: vector 14 error 2 at 40001000
 * expect: nothing of it was written: 0
 * expect: another page behind invlpg: 22222222
 * expect: code of a segment with a base: 1 2 1
 * expect: large page: 11111111
 * expect: large page, reserved bit: vector 14 error 9 at 40400000
 * expect: pae
 * expect: read: fine
 * expect: accessed 1 dirty 0
 * expect: write: fine
 * expect: accessed 1 dirty 1
 * expect: read, absent: vector 14 error 0 at 40000000
 * expect: write, absent: vector 14 error 2 at 40000000
 * expect: read by a program, absent: vector 14 error 4 at 40000000
 * expect: read by a program, supervisor's: vector 14 error 5 at 40000000
 * expect: write by a program, read-only: vector 14 error 7 at 40000000
 * expect: write by a program, its own: fine
 * expect: write, read-only, without wp: fine
 * expect: write, read-only, with wp: vector 14 error 3 at 40000000
 * expect: over two pages, the second absent: vector 14 error 2 at 40001000
 * expect: nothing of it was written: 0
 * expect: another page behind invlpg: 22222222
 * expect: code of a segment with a base: 1 2 1
 * expect: large page: 11111111
 * expect: large page, reserved bit: vector 14 error 9 at 40400000
 * expect: nx: vector 14 error 11 at 40000000
 * expect: smep: vector 14 error 11 at 40000000
 * expect: smap: vector 14 error 1 at 40000000
 * expect: smap, lifted: fine
 * expect: reserved bit of a pdpte: vector 13 error 0
 * expect: done */
#include "lib.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, AT = 0x40000000, LARGE_AT = 0x40400000 };
#define NX (1ull << 63)

static uint32_t directory[1024] __attribute__((aligned(4096))), table[1024] __attribute__((aligned(4096)));
static uint64_t pdpt[4] __attribute__((aligned(4096))), pds[4][512] __attribute__((aligned(4096))),
    ptable[512] __attribute__((aligned(4096)));
static uint32_t page1[1024] __attribute__((aligned(4096))), page2[1024] __attribute__((aligned(4096)));
static bool pae;

static uint32_t cr0(void)
{
    uint32_t v;
    asm volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static void set_cr0(uint32_t v)
{
    asm volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static uint32_t cr4(void)
{
    uint32_t v;
    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
static void set_cr4(uint32_t v)
{
    asm volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
static void set_cr3(const void *v)
{
    asm volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static void invlpg(uint32_t at)
{
    asm volatile("invlpg (%0)" : : "r"(at) : "memory");
}

static void set_entry(unsigned n, uint64_t entry)
{
    if (pae) {
        ptable[n] = entry;
    } else {
        table[n] = entry;
    }
    invlpg(AT + 4096 * n);
}
static uint32_t entry(unsigned n)
{
    return pae ? ptable[n] : table[n];
}

static void read(void)
{
    *(volatile uint32_t *)AT;
}
static void write(void)
{
    *(volatile uint32_t *)AT = 0x11111111;
}
static void write_over(void)
{
    *(volatile uint32_t *)(AT + 4094) = 0x11111111;
}
static void read_large(void)
{
    *(volatile uint32_t *)LARGE_AT;
}
static void call(void)
{
    ((void (*)(void))AT)();
}
static void read_with_ac(void)
{
    asm volatile("stac\n\tmovl (%0), %%eax\n\tclac" : : "r"(AT) : "eax");
}

static void tell_bits(void)
{
    print("accessed %u dirty %u\n", (entry(0) & A) != 0, (entry(0) & D) != 0);
}

static void start_two_levels(void)
{
    for (unsigned i = 0; i < 4; i++) {
        directory[i] = i << 22 | PS | P | W | U;
    }
    directory[AT >> 22] = (uint32_t)table | P | W | U;
    directory[LARGE_AT >> 22] = PS | P | W | U;
    set_cr4(cr4() | 1 << 4);
    set_cr3(directory);
}

static void start_pae(void)
{
    for (unsigned i = 0; i < 4; i++) {
        pdpt[i] = (uint32_t)pds[i] | P;
    }
    for (unsigned i = 0; i < 8; i++) {
        pds[0][i] = i << 21 | PS | P | W | U;
    }
    pds[1][0] = (uint32_t)ptable | P | W | U;
    pds[1][2] = PS | P | W | U; /* LARGE_AT */
    set_cr4(cr4() | 1 << 5);
    set_cr3(pdpt);
}

/* Code whose segment begins at `base`, in the page at AT: what it returns. */
static uint32_t call_based(uint32_t base)
{
    struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } to = { AT + 0x20 - base, SEL_FREE };
    uint32_t v;
    gdt[SEL_FREE / 8] = descriptor(base, 0xfffff, 0x9b, 0xc);
    asm volatile("lcall *%1" : "=a"(v) : "m"(to) : "memory");
    return v;
}

static void put_code(uint32_t *page, uint8_t value)
{
    static const uint8_t code[] = { 0xb8, 0, 0, 0, 0, 0xeb, 0, 0xcb }; /* mov $value, %eax; jmp; lret */
    for (unsigned i = 0; i < sizeof(code); i++) {
        ((volatile uint8_t *)page)[0x20 + i] = i == 1 ? value : code[i];
    }
}

static void based_code(uint64_t one, uint64_t two)
{
    put_code(page1, 1);
    put_code(page2, 2);
    set_entry(0, one | W);
    uint32_t a = call_based(AT + 0x10) + 0 * call_based(AT);
    set_entry(0, two | W);
    uint32_t b = call_based(AT + 0x10) & call_based(AT);
    set_entry(0, one | W);
    print("code of a segment with a base: %u %u %u\n", a, b, call_based(AT + 0x10) & call_based(AT));
}

static void common(void)
{
    uint32_t one = (uint32_t)page1 | P, two = (uint32_t)page2 | P;
    set_entry(0, one | W);
    tell("read", read);
    tell_bits();
    tell("write", write);
    tell_bits();
    set_entry(0, 0);
    tell("read, absent", read);
    tell("write, absent", write);
    tell_user("read by a program, absent", read);
    set_entry(0, one | W);
    tell_user("read by a program, supervisor's", read);
    set_entry(0, one | U);
    tell_user("write by a program, read-only", write);
    set_entry(0, one | U | W);
    tell_user("write by a program, its own", write);
    set_entry(0, one);
    tell("write, read-only, without wp", write);
    set_cr0(cr0() | 1 << 16);
    tell("write, read-only, with wp", write);
    set_cr0(cr0() & ~(1u << 16));
    page1[1023] = 0;
    set_entry(0, one | W);
    set_entry(1, 0);
    tell("over two pages, the second absent", write_over);
    print("nothing of it was written: %x\n", page1[1023]);
    page2[0] = 0x22222222;
    write();
    set_entry(0, two | W);
    print("another page behind invlpg: %x\n", *(volatile uint32_t *)AT);
    based_code(one, two);
    page1[0] = 0x11111111;
    print("large page: %x\n", *(volatile uint32_t *)(LARGE_AT + (uint32_t)page1));
    if (pae) {
        pds[1][2] |= 1 << 14;
    } else {
        directory[LARGE_AT >> 22] |= 1 << 21;
    }
    invlpg(LARGE_AT);
    tell("large page, reserved bit", read_large);
}

static void bad_pdpte(void)
{
    pdpt[3] |= 0x20;
    set_cr3(pdpt);
}

static void only_pae(void)
{
    uint32_t one = (uint32_t)page1 | P | W;
    uint32_t low, high;
    for (unsigned i = 0; i < 8; i++) { /* this program is no user's */
        pds[0][i] &= ~(uint64_t)U;
    }
    set_cr3(pdpt);
    *(uint8_t *)page1 = 0xc3;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
    asm volatile("wrmsr" : : "a"(low | 1 << 11), "d"(high), "c"(0xc0000080));
    set_entry(0, one | NX);
    tell("nx", call);
    set_entry(0, one | U);
    set_cr4(cr4() | 1 << 20);
    tell("smep", call);
    set_cr4((cr4() & ~(1u << 20)) | 1 << 21);
    tell("smap", read);
    tell("smap, lifted", read_with_ac);
    tell("reserved bit of a pdpte", bad_pdpte);
}

void main(void)
{
    print("two levels\n");
    start_two_levels();
    set_cr0(cr0() | 1u << 31);
    common();
    set_cr0(cr0() & ~(1u << 31));
    print("pae\n");
    pae = true;
    start_pae();
    set_cr0(cr0() | 1u << 31);
    common();
    only_pae();
    set_cr0(cr0() & ~(1u << 31));
    print("done\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control registers, tables, MSRs, CPUID: what they keep and what they refuse, at level 0.
 * expect: CPUID: 0 failed
 * expect: control registers: 0 failed
 * expect: stores and loads of the machine status word: 0 failed
 * expect: tables: 0 failed
 * expect: MSRs: 0 failed
 * expect: PCIDs: 0 failed
 * expect: illegal encodings: 0 failed
 * expect: done */
#include "checks.h"

static void of_cpuid(void)
{
    uint64_t apic = rdmsr(0x1b), rax = ~0ull, rbx, rcx = 0, rdx;
    CHECK("OSXSAVE follows CR4", !(cpuid(1, 0).c >> 27 & 1));
    value = read_cr4() | CR4_OSXSAVE;
    write_cr4();
    CHECK("OSXSAVE follows CR4, set", cpuid(1, 0).c >> 27 & 1);
    value = read_cr4() & ~(uint64_t)CR4_OSXSAVE;
    write_cr4();
    CHECK("APIC is told", cpuid(1, 0).d >> 9 & 1);
    wrmsr(0x1b, apic & ~(1ull << 11));
    CHECK("APIC follows its MSR", !(cpuid(1, 0).d >> 9 & 1));
    wrmsr(0x1b, apic);
    asm volatile("cpuid" : "+a"(rax), "=b"(rbx), "+c"(rcx), "=d"(rdx));
    CHECK("upper halves become 0", !((rax | rbx | rcx | rdx) >> 32));
    CHECK("the last leaf answers for those beyond it", cpuid(0x3fffffff, 0).a == cpuid(cpuid(0, 0).a, 0).a);
    CHECK("SYSCALL in long mode", cpuid(0x80000001, 0).d >> 11 & 1);
    CHECK("addresses have bits",
          (cpuid(0x80000008, 0).a & 0xff) >= 36 && (cpuid(0x80000008, 0).a >> 8 & 0xff) >= 48);
    CHECK("leaf 2 has its AL", (cpuid(2, 0).a & 0xff) == 1);
    CHECK("leaf 4 ends", !(cpuid(4, 31).a & 31));
    CHECK("leaf Bh tells the subleaf", (cpuid(11, 7).c & 0xff) == 7 && !(cpuid(11, 7).a | cpuid(11, 7).b));
    CHECK("leaf 7 has no subleaf 20", !(cpuid(7, 20).a | cpuid(7, 20).b | cpuid(7, 20).c | cpuid(7, 20).d));
}

static void of_control(void)
{
    uint64_t cr0 = read_cr0(), cr4 = read_cr4();
    CHECK("PG without PE", refuses(write_cr0, cr0 & ~(uint64_t)PE));
    CHECK("NW without CD", refuses(write_cr0, cr0 | NW));
    CHECK("CR0, upper half", refuses(write_cr0, cr0 | 1ull << 32));
    CHECK("CR0, bit 6 is left out", try_write(write_cr0, cr0 | 1 << 6) < 0 && read_cr0() == cr0);
    CHECK("ET stays", try_write(write_cr0, cr0 & ~(uint64_t)ET) < 0 && (read_cr0() & ET));
    CHECK("NW and CD", try_write(write_cr0, cr0 | NW | CD) < 0 && read_cr0() == (cr0 | NW | CD));
    CHECK("back", try_write(write_cr0, cr0) < 0 && read_cr0() == cr0);
    CHECK("PG off in 64-bit code", refuses(write_cr0, cr0 & 0x7fffffff));
    CHECK("PAE off in long mode", refuses(write_cr4, cr4 & ~(uint64_t)CR4_PAE));
    CHECK("LA57 in long mode", refuses(write_cr4, cr4 ^ CR4_LA57));
    CHECK("CR4, bit 15", refuses(write_cr4, cr4 | 1 << 15));
    CHECK("CR4, bit 31", refuses(write_cr4, cr4 | 1u << 31));
    CHECK("CR4, upper half", refuses(write_cr4, cr4 | 1ull << 32));
    CHECK("CR4 is as before", read_cr4() == cr4);
    CHECK("CR8, bit 4", refuses(write_cr8, 16));
    CHECK("CR8, 15", try_write(write_cr8, 15) < 0 && read_cr8() == 15);
    CHECK("CR8 is TPR's upper half", *(volatile uint32_t *)0xfee00080 == 0xf0);
    CHECK("CR8, 0", try_write(write_cr8, 0) < 0 && read_cr8() == 0);
    CHECK("CR3, bit 63 without PCIDE", refuses(write_cr3, read_cr3() | 1ull << 63));
    CHECK("CR3, bit 52", refuses(write_cr3, read_cr3() | 1ull << 52));
    CHECK("CR3, PCD and PWT", try_write(write_cr3, read_cr3() | 0x18) < 0 && (read_cr3() & 0x18) == 0x18);
    CHECK("CR3 is back", try_write(write_cr3, (uint64_t)tables) < 0 && read_cr3() == (uint64_t)tables);
}

RUNS(cr1, ".byte 0x0f, 0x20, 0xc8", "i"(0))
RUNS(cr5, ".byte 0x0f, 0x20, 0xe8", "i"(0))
RUNS(cr9, ".byte 0x44, 0x0f, 0x20, 0xc8", "i"(0))
RUNS(dr8, ".byte 0x44, 0x0f, 0x21, 0xc0", "i"(0))
RUNS(lock_nop, ".byte 0xf0, 0x90", "i"(0))
RUNS(lock_load, ".byte 0xf0, 0x48, 0x8b, 0x07", "D"(&value))
RUNS(lock_reg, ".byte 0xf0, 0x01, 0xc0", "i"(0))
RUNS(lock_cmp, ".byte 0xf0, 0x39, 0x07", "D"(&value))
RUNS(lea_reg, ".byte 0x8d, 0xc0", "i"(0))
RUNS(mov_cs, ".byte 0x8e, 0xc8", "i"(0))
RUNS(mov_sreg6, ".byte 0x8e, 0xf0", "i"(0))
RUNS(from_sreg7, ".byte 0x8c, 0xf8", "i"(0))
RUNS(push_es, ".byte 0x06", "i"(0))
RUNS(bcd, ".byte 0x27", "i"(0))
RUNS(into, ".byte 0xce", "i"(0))
RUNS(far_direct, ".byte 0x9a, 0, 0, 0, 0, 8, 0", "i"(0))
RUNS(les, ".byte 0xc4, 0x00", "i"(0))
RUNS(pusha, ".byte 0x60", "i"(0))
RUNS(alias82, ".byte 0x82, 0xc0, 0", "i"(0))
RUNS(grp5_7, ".byte 0xff, 0xf8", "i"(0))
RUNS(grp4_2, ".byte 0xfe, 0xd0", "i"(0))
RUNS(far_reg, ".byte 0xff, 0xd8", "i"(0))
RUNS(lgdt_reg, ".byte 0x0f, 0x01, 0xd2", "i"(0))
RUNS(cx8_reg, ".byte 0x0f, 0xc7, 0xc8", "i"(0))
RUNS(ud0, ".byte 0x0f, 0xff, 0xc0", "i"(0))
RUNS(ud1, ".byte 0x0f, 0xb9, 0xc0", "i"(0))
RUNS(ud2, "ud2", "i"(0))
RUNS(rdpru, ".byte 0x0f, 0x01, 0xfd", "c"(0))
RUNS(sysret_amd, ".byte 0x0f, 0x01, 0xdf", "i"(0)) /* INVLPGA */
RUNS(vmxoff, ".byte 0x0f, 0x01, 0xc4", "i"(0))
RUNS(vmread, ".byte 0x0f, 0x78, 0xc0", "i"(0))
RUNS(getsec, ".byte 0x0f, 0x37", "i"(0))
RUNS(encls, ".byte 0x0f, 0x01, 0xcf", "i"(0))
RUNS(too_long,
     ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90",
     "i"(0))
RUNS(just_fits,
     ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90", "i"(0))

static void of_encodings(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } illegal[] = {
#define ROW(fn) { #fn, fn }
        ROW(cr1),      ROW(cr5),      ROW(cr9),     ROW(dr8),        ROW(lock_nop),  ROW(lock_load),
        ROW(lock_reg), ROW(lock_cmp), ROW(lea_reg), ROW(mov_cs),     ROW(mov_sreg6), ROW(from_sreg7),
        ROW(push_es),  ROW(bcd),      ROW(into),    ROW(far_direct), ROW(pusha),     ROW(alias82),
        ROW(grp5_7),   ROW(grp4_2),   ROW(far_reg), ROW(lgdt_reg),   ROW(cx8_reg),   ROW(ud0),
        ROW(ud1),      ROW(ud2),      ROW(rdpru),   ROW(sysret_amd), ROW(vmxoff),    ROW(vmread),
        ROW(getsec),   ROW(encls),
    };
    for (unsigned i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
        CHECK(illegal[i].name, attempt(illegal[i].fn) == UD);
    }
    CHECK("VEX without OSXSAVE", attempt(les) == UD); /* C4 is VEX here */
    CHECK("16 bytes", FAULTS(too_long, GP, 0));
    CHECK("15 bytes", attempt(just_fits) < 0);
}

static uint16_t word;
static uint8_t table[16];
RUNS(lmsw, "lmsw %w0", "D"(value))
RUNS(lldt, "lldt %w0", "D"(value))
RUNS(ltr, "ltr %w0", "D"(value))
RUNS(lgdt_at, "lgdt (%0)", "D"(where))
RUNS(lidt_at, "lidt (%0)", "D"(where))
RUNS(mov_ds, "mov %w0, %%ds", "D"(value))
RUNS(mov_ss, "mov %w0, %%ss", "D"(value))
RUNS(mov_fs, "mov %w0, %%fs", "D"(value))

static void of_status_word(void)
{
    uint64_t cr0 = read_cr0(), r = ~0ull;
    asm volatile("smsw %0" : "=r"(r));
    CHECK("SMSW of 64 bits", r == cr0);
    r = ~0ull;
    asm volatile("smsw %k0" : "+r"(r));
    CHECK("SMSW of 32 bits", r == (uint32_t)cr0);
    r = ~0ull;
    asm volatile("smsw %w0" : "+r"(r));
    CHECK("SMSW of 16 bits", r == (~0xffffull | (cr0 & 0xffff)));
    asm volatile("smsw %0" : "=m"(word));
    CHECK("SMSW to memory", word == (uint16_t)cr0);
    value = (cr0 | TS | MP | EM | 0xfff0) & ~(uint64_t)PE;
    lmsw();
    CHECK("LMSW sets TS, MP, EM and leaves PE and others", read_cr0() == (cr0 | TS | MP | EM));
    value = 0;
    lmsw();
    CHECK("LMSW clears them", read_cr0() == (cr0 & ~(uint64_t)(TS | MP | EM)));
    value = cr0;
    write_cr0();
}

static void of_tables(void)
{
    uint64_t r = ~0ull;
    asm volatile("str %0" : "=r"(r));
    CHECK("STR of 64 bits", r == SEL_TSS);
    r = ~0ull;
    asm volatile("str %w0" : "+r"(r));
    CHECK("STR of 16 bits", r == (~0xffffull | SEL_TSS));
    asm volatile("sldt %0" : "=r"(r));
    CHECK("no LDT", r == 0);
    asm volatile("sgdt (%0)" : : "r"(table) : "memory");
    CHECK("SGDT", *(volatile uint64_t *)(table + 2) == (uint64_t)gdt);
    where = NOT_CANONICAL - 4;
    CHECK("LGDT at no address", FAULTS(lgdt_at, GP, 0));
    *(volatile uint16_t *)table = 0xfff;
    *(volatile uint64_t *)(table + 2) = NOT_CANONICAL;
    where = (uint64_t)table;
    CHECK("LGDT of a base that is not canonical", FAULTS(lgdt_at, GP, 0));
    CHECK("LIDT of a base that is not canonical", FAULTS(lidt_at, GP, 0));
    asm volatile("sidt (%0)" : : "r"(table) : "memory");
    CHECK("SIDT", *(volatile uint64_t *)(table + 2) == (uint64_t)idt &&
                      *(volatile uint16_t *)table == sizeof(idt) - 1);
    value = SEL_TSS;
    CHECK("LTR of a busy TSS", FAULTS(ltr, GP, SEL_TSS));
    value = 0;
    CHECK("LTR of null", FAULTS(ltr, GP, 0));
    value = SEL_DATA;
    CHECK("LTR of data", FAULTS(ltr, GP, SEL_DATA));
    value = 4;
    CHECK("LTR of the LDT's", FAULTS(ltr, GP, 4));
    uint64_t low = gdt[SEL_TSS / 8], high = gdt[SEL_TSS / 8 + 1];
    gdt[SEL_FREE / 8] = low & ~(1ull << 41) & ~(1ull << 47);
    gdt[SEL_FREE / 8 + 1] = high;
    value = SEL_FREE;
    CHECK("LTR of what is not present", FAULTS(ltr, NP, SEL_FREE));
    gdt[SEL_FREE / 8] |= 1ull << 47;
    gdt[SEL_FREE / 8 + 1] = 1ull << 40;
    CHECK("LTR, a type in the upper half", FAULTS(ltr, GP, SEL_FREE));
    gdt[SEL_FREE / 8 + 1] = 0x8000;
    CHECK("LTR, a base that is not canonical", FAULTS(ltr, GP, SEL_FREE));
    gdt[SEL_FREE / 8 + 1] = 0;
    CHECK("LLDT of a TSS", FAULTS(lldt, GP, SEL_FREE));
    value = 0x7ff8;
    CHECK("LLDT beyond the limit", FAULTS(lldt, GP, 0x7ff8));
    CHECK("MOV DS beyond the limit", FAULTS(mov_ds, GP, 0x7ff8));
    value = SEL_DATA3;
    CHECK("MOV SS of level 3", FAULTS(mov_ss, GP, SEL_DATA3 & ~3));
    value = 3;
    CHECK("MOV SS of null with RPL 3", FAULTS(mov_ss, GP, 0));
    value = SEL_TSS;
    CHECK("MOV FS of a TSS", FAULTS(mov_fs, GP, SEL_TSS));
    gdt[SEL_FREE / 8] = 0x00cf13000000ffff; /* data, not present */
    value = SEL_FREE;
    CHECK("MOV FS of what is not present", FAULTS(mov_fs, NP, SEL_FREE));
    CHECK("MOV SS of what is not present", FAULTS(mov_ss, SS_FAULT, SEL_FREE));
    gdt[SEL_FREE / 8] = 0x00cf92000000ffff;
    CHECK("MOV FS", attempt(mov_fs) < 0);
    CHECK("it is marked as accessed", gdt[SEL_FREE / 8] >> 40 & 1);
    gdt[SEL_FREE / 8] = 0x00cf98000000ffff; /* code that cannot be read */
    CHECK("MOV DS of code that cannot be read", FAULTS(mov_ds, GP, SEL_FREE));
    value = SEL_DATA;
    mov_ds();
}

static void of_msrs(void)
{
    static const uint32_t addresses[] = { 0x175, 0x176, LSTAR, CSTAR, FS_BASE, FS_BASE + 1, KERNEL_GS };
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        CHECK("an address is kept",
              msr_keeps(addresses[i], 0x7fffffffffff) && msr_keeps(addresses[i], 0xffff800000000000));
    }
    CHECK("SYSENTER_CS", msr_keeps(0x174, 0x1234));
    CHECK("FMASK", msr_keeps(FMASK, 0xffffffff) && msr_refuses(FMASK, 1ull << 32));
    CHECK("STAR", msr_keeps(STAR, 0x123456789abcdef));
    CHECK("PAT",
          msr_keeps(0x277, 0x0706050400010406) && msr_refuses(0x277, 3) && msr_refuses(0x277, 8ull << 56));
    CHECK("MTRR of type 2", msr_refuses(0x2ff, 2));
    CHECK("MTRR's default, a reserved bit", msr_refuses(0x2ff, 1 << 8 | 6));
    CHECK("MTRRCAP", msr_refuses(0xfe, 0));
    CHECK("EFER, reserved bits",
          msr_refuses(EFER, rdmsr(EFER) | 1 << 1) && msr_refuses(EFER, rdmsr(EFER) | 1ull << 32));
    CHECK("LME under paging", msr_refuses(EFER, rdmsr(EFER) & ~(1ull << 8)));
    CHECK("EFER is kept", msr_keeps(EFER, rdmsr(EFER) | 1 << 11));
    number = 0xdeadbeef;
    CHECK("an MSR that is not there", FAULTS(read_msr, GP, 0) && msr_refuses(0xdeadbeef, 0));
    number = 0x802;
    CHECK("x2APIC's while it is xAPIC", FAULTS(read_msr, GP, 0));
    CHECK("TSC_AUX", msr_keeps(TSC_AUX, 0xffffffff));
    uint64_t rax = ~0ull, rdx = ~0ull;
    asm volatile("rdmsr" : "+a"(rax), "+d"(rdx) : "c"(EFER));
    CHECK("RDMSR clears upper halves", !(rax >> 32) && !(rdx >> 32));
    wrmsr(0x3b, 0);
    uint64_t before = rdmsr(0x10);
    wrmsr(0x3b, 1ull << 40);
    uint64_t jumped = rdmsr(0x10) - before;
    CHECK("TSC_ADJUST moves the TSC", jumped >= 1ull << 40 && jumped < 2ull << 40);
    wrmsr(0x10, 1ull << 50);
    CHECK("a write of the TSC moves TSC_ADJUST", rdmsr(0x3b) != 1ull << 40 && rdmsr(0x10) >> 50 == 1);
    wrmsr(0x3b, 0);
}

static struct {
    uint64_t pcid, address;
} invpcid_of;
RUNS(invpcid, "invpcid (%0), %1", "r"(&invpcid_of), "r"(number))

static void of_pcids(void)
{
    uint64_t cr4 = read_cr4();
    invpcid_of.pcid = 1;
    number = 0;
    CHECK("INVPCID of a PCID without PCIDE", FAULTS(invpcid, GP, 0));
    value = (uint64_t)tables | 0x18;
    write_cr3();
    CHECK("PCIDE with a PCID", refuses(write_cr4, cr4 | CR4_PCIDE));
    value = (uint64_t)tables;
    write_cr3();
    CHECK("PCIDE", try_write(write_cr4, cr4 | CR4_PCIDE) < 0);
    CHECK("a PCID", try_write(write_cr3, (uint64_t)tables | 5) < 0 && read_cr3() == ((uint64_t)tables | 5));
    CHECK("bit 63 is not kept", try_write(write_cr3, (uint64_t)tables | 5 | 1ull << 63) < 0 &&
                                    read_cr3() == ((uint64_t)tables | 5));
    CHECK("CR3, bit 62", refuses(write_cr3, (uint64_t)tables | 1ull << 62));
    CHECK("INVPCID of one address", attempt(invpcid) < 0);
    number = 4;
    CHECK("INVPCID of kind 4", FAULTS(invpcid, GP, 0));
    number = 0;
    invpcid_of.address = NOT_CANONICAL;
    CHECK("INVPCID of no address", FAULTS(invpcid, GP, 0));
    number = 1;
    CHECK("INVPCID of a PCID, whatever the address", attempt(invpcid) < 0);
    invpcid_of.pcid = 1 << 12;
    CHECK("INVPCID, a reserved bit", FAULTS(invpcid, GP, 0));
    CHECK("PCIDE off with a PCID",
          try_write(write_cr4, cr4) < 0 && read_cr4() == cr4 && try_write(write_cr3, (uint64_t)tables) < 0);
}

void main(void)
{
    lib64_start();
    map_apic();
    value = read_cr4() | 0x600;
    write_cr4(); /* SSE */
    of_cpuid();
    over("CPUID");
    of_control();
    over("control registers");
    of_status_word();
    over("stores and loads of the machine status word");
    of_tables();
    over("tables");
    of_msrs();
    over("MSRs");
    of_pcids();
    over("PCIDs");
    of_encodings();
    over("illegal encodings");
    print("done\n");
}

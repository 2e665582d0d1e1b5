/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What level 3 may not do, UMIP, and what INVPCID, CR3, CR4 and PCIDs refuse, in 64-bit mode.
 * expect: level 3: swapgs: vector 13 error 0
 * expect: level 3: hlt: vector 13 error 0
 * expect: level 3: cli: vector 13 error 0
 * expect: level 3: sti: vector 13 error 0
 * expect: level 3: invlpg: vector 13 error 0
 * expect: level 3: clts: vector 13 error 0
 * expect: level 3: lmsw: vector 13 error 0
 * expect: level 3: read_cr0: vector 13 error 0
 * expect: level 3: read_dr0: vector 13 error 0
 * expect: level 3: read_msr: vector 13 error 0
 * expect: level 3: wbinvd: vector 13 error 0
 * expect: level 3: lgdt: vector 13 error 0
 * expect: level 3: lidt: vector 13 error 0
 * expect: level 3: lldt: vector 13 error 0
 * expect: level 3: ltr: vector 13 error 0
 * expect: level 3: in: vector 13 error 0
 * expect: level 3: invpcid: vector 13 error 0
 * expect: level 3: sysret: vector 13 error 0
 * expect: level 3: iret_nested: vector 13 error 0
 * expect: level 3: vmcall: vector 6 error 0
 * expect: level 3: sgdt: fine
 * expect: level 3: sidt: fine
 * expect: level 3: sldt: fine
 * expect: level 3: str: fine
 * expect: level 3: smsw: fine
 * expect: level 3: smsw_register: fine
 * expect: with UMIP
 * expect: level 3: sgdt: vector 13 error 0
 * expect: level 3: sidt: vector 13 error 0
 * expect: level 3: sldt: vector 13 error 0
 * expect: level 3: str: vector 13 error 0
 * expect: level 3: smsw: vector 13 error 0
 * expect: level 3: smsw_register: vector 13 error 0
 * expect: level 0: sgdt: fine
 * expect: level 0: smsw: fine
 * expect: CR0 without PG: vector 13 error 0
 * expect: CR0 with NW alone: vector 13 error 0
 * expect: CR0, bit 32: vector 13 error 0
 * expect: CR3 beyond the processor's addresses: vector 13 error 0
 * expect: CR3 with bit 63 without PCIDs: vector 13 error 0
 * expect: CR4 without PAE: vector 13 error 0
 * expect: CR4 with LA57 in long mode: vector 13 error 0
 * expect: CR4, a reserved bit: vector 13 error 0
 * expect: CR8 of 16: vector 13 error 0
 * expect: INVPCID 0 of another PCID, PCIDs off: vector 13 error 0
 * expect: INVPCID 1 of another PCID, PCIDs off: vector 13 error 0
 * expect: INVPCID 2, PCIDs off: fine
 * expect: INVPCID 4: vector 13 error 0
 * expect: INVPCID 0, reserved bits: vector 13 error 0
 * expect: INVPCID 0, no address: vector 13 error 0
 * expect: INVPCID 1, no address: fine
 * expect: PCIDs on under PCID 5: vector 13 error 0
 * expect: PCIDs on: fine
 * expect: CR3 with bit 63: fine
 * expect: CR3 reads 7
 * expect: INVPCID 0 of another PCID: fine
 * expect: INVPCID 1 of another PCID: fine
 * expect: CR0 without PG under PCIDs: vector 13 error 0
 * expect: done */
#include "lib64.h"

enum { CR4_UMIP = 1 << 11, CR4_LA57 = 1 << 12, CR4_PCIDE = 1 << 17 };
#define NOT_CANONICAL 0x8000000000000000ull
#define RUNS(name, code, ...)                                                                                \
    static void name(void)                                                                                   \
    {                                                                                                        \
        asm volatile(code : : __VA_ARGS__ : "rax", "rdx", "memory");                                         \
    }
static uint64_t place[4], to_write;
RUNS(swapgs, "swapgs", "i"(0))
RUNS(hlt, "hlt", "i"(0))
RUNS(cli, "cli", "i"(0))
RUNS(sti, "sti", "i"(0))
RUNS(invlpg, "invlpg 0", "i"(0))
RUNS(clts, "clts", "i"(0))
RUNS(lmsw, "lmsw %w0", "r"(1))
RUNS(read_cr0, "mov %%cr0, %%rax", "i"(0))
RUNS(read_dr0, "mov %%dr0, %%rax", "i"(0))
RUNS(read_msr, "rdmsr", "c"(0x10))
RUNS(wbinvd, "wbinvd", "i"(0))
RUNS(lgdt, "lgdt %0", "m"(place))
RUNS(lidt, "lidt %0", "m"(place))
RUNS(lldt, "lldt %w0", "r"(0))
RUNS(ltr, "ltr %w0", "r"(SEL_TSS))
RUNS(in, "in $0x80, %%al", "i"(0))
RUNS(sysret, "sysretq", "i"(0))
RUNS(iret_nested, "pushf\n\torl $0x4000, (%%rsp)\n\tpopf\n\tiretq", "i"(0))
RUNS(vmcall, "vmcall", "i"(0))
RUNS(sgdt, "sgdt %0", "m"(place))
RUNS(sidt, "sidt %0", "m"(place))
RUNS(sldt, "sldt %w0", "m"(place))
RUNS(str, "str %w0", "m"(place))
RUNS(smsw, "smsw %w0", "m"(place))
RUNS(smsw_register, "smsw %%eax", "i"(0))
RUNS(write_cr0, "mov %0, %%cr0", "r"(to_write))
RUNS(write_cr3, "mov %0, %%cr3", "r"(to_write))
RUNS(write_cr4, "mov %0, %%cr4", "r"(to_write))
RUNS(write_cr8, "mov %0, %%cr8", "r"(to_write))
RUNS(invpcid, "invpcid %0, %1", "m"(place), "r"(to_write))

static uint64_t cr0(void)
{
    uint64_t v;
    asm volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static uint64_t cr3(void)
{
    uint64_t v;
    asm volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
static uint64_t cr4(void)
{
    uint64_t v;
    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static void tell_value(const char *name, void (*fn)(void), uint64_t value)
{
    to_write = value;
    tell(name, fn);
}

static void tell_invpcid(const char *name, uint64_t type, uint64_t pcid, uint64_t address)
{
    place[0] = pcid;
    place[1] = address;
    tell_value(name, invpcid, type);
}

static void level_3(void)
{
#define PROGRAM(fn) tell_user("level 3: " #fn, fn)
    PROGRAM(swapgs);
    PROGRAM(hlt);
    PROGRAM(cli);
    PROGRAM(sti);
    PROGRAM(invlpg);
    PROGRAM(clts);
    PROGRAM(lmsw);
    PROGRAM(read_cr0);
    PROGRAM(read_dr0);
    PROGRAM(read_msr);
    PROGRAM(wbinvd);
    PROGRAM(lgdt);
    PROGRAM(lidt);
    PROGRAM(lldt);
    PROGRAM(ltr);
    PROGRAM(in);
    PROGRAM(invpcid);
    PROGRAM(sysret);
    PROGRAM(iret_nested);
    PROGRAM(vmcall);
}

static void stores(void)
{
    PROGRAM(sgdt);
    PROGRAM(sidt);
    PROGRAM(sldt);
    PROGRAM(str);
    PROGRAM(smsw);
    PROGRAM(smsw_register);
}

static void umip(void)
{
    stores();
    to_write = cr4() | CR4_UMIP;
    write_cr4();
    print("with UMIP\n");
    stores();
    tell("level 0: sgdt", sgdt);
    tell("level 0: smsw", smsw);
}

static void control(void)
{
    tell_value("CR0 without PG", write_cr0, cr0() & ~(1ull << 31));
    tell_value("CR0 with NW alone", write_cr0, cr0() | 1 << 29);
    tell_value("CR0, bit 32", write_cr0, cr0() | 1ull << 32);
    tell_value("CR3 beyond the processor's addresses", write_cr3, cr3() | 1ull << 52);
    tell_value("CR3 with bit 63 without PCIDs", write_cr3, cr3() | 1ull << 63);
    tell_value("CR4 without PAE", write_cr4, cr4() & ~(1ull << 5));
    tell_value("CR4 with LA57 in long mode", write_cr4, cr4() ^ CR4_LA57);
    tell_value("CR4, a reserved bit", write_cr4, cr4() | 1ull << 32);
    tell_value("CR8 of 16", write_cr8, 16);
}

static void pcids(void)
{
    tell_invpcid("INVPCID 0 of another PCID, PCIDs off", 0, 1, 0);
    tell_invpcid("INVPCID 1 of another PCID, PCIDs off", 1, 1, 0);
    tell_invpcid("INVPCID 2, PCIDs off", 2, 1, 0);
    tell_invpcid("INVPCID 4", 4, 0, 0);
    tell_invpcid("INVPCID 0, reserved bits", 0, 0x1000, 0);
    tell_invpcid("INVPCID 0, no address", 0, 0, NOT_CANONICAL);
    tell_invpcid("INVPCID 1, no address", 1, 0, NOT_CANONICAL);
    to_write = (uint64_t)tables | 5;
    write_cr3();
    tell_value("PCIDs on under PCID 5", write_cr4, cr4() | CR4_PCIDE);
    to_write = (uint64_t)tables;
    write_cr3();
    tell_value("PCIDs on", write_cr4, cr4() | CR4_PCIDE);
    tell_value("CR3 with bit 63", write_cr3, (uint64_t)tables | 1ull << 63 | 7);
    print("CR3 reads %X\n", cr3() - (uint64_t)tables);
    tell_invpcid("INVPCID 0 of another PCID", 0, 1, 0);
    tell_invpcid("INVPCID 1 of another PCID", 1, 0xfff, 0);
    tell_value("CR0 without PG under PCIDs", write_cr0, cr0() & ~(1ull << 31));
}

void main(void)
{
    lib64_start();
    open_to_user();
    level_3();
    umip();
    control();
    pcids();
    print("done\n");
}

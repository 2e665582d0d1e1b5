/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses at the ends of the canonical range, time stamps, extended states, MSRs, alignment and protection keys: what 64-bit
 * mode refuses, and how.
 * expect: read across the end: vector 13 error 0
 * expect: read of the last byte: vector 14 error 0 at 7fffffffffff
 * expect: read beyond the end: vector 13 error 0
 * expect: read by the stack's segment: vector 12 error 0
 * expect: read across by the stack's segment: vector 12 error 0
 * expect: read by another segment and rbp: vector 13 error 0
 * expect: push: vector 12 error 0
 * expect: jump: vector 13 error 0
 * expect: it is the jump's: 1
 * expect: call: vector 13 error 0
 * expect: return: vector 13 error 0
 * expect: level 3: rdtsc: fine
 * expect: level 3: rdtscp: fine
 * expect: level 3: rdpmc: vector 13 error 0
 * expect: TSD
 * expect: level 3: rdtsc: vector 13 error 0
 * expect: level 3: rdtscp: vector 13 error 0
 * expect: level 0: rdtsc: fine
 * expect: TSC_AUX: 12345678
 * expect: TSC_AUX, bit 32: vector 13 error 0
 * expect: XSETBV without OSXSAVE: vector 6 error 0
 * expect: XGETBV without OSXSAVE: vector 6 error 0
 * expect: XSETBV 1: vector 13 error 0
 * expect: XSETBV without x87: vector 13 error 0
 * expect: XSETBV, AVX without SSE: vector 13 error 0
 * expect: XSETBV, a reserved bit: vector 13 error 0
 * expect: level 3: xsetbv: vector 13 error 0
 * expect: XSETBV of all: fine
 * expect: level 3: xgetbv: fine
 * expect: XGETBV 2: vector 13 error 0
 * expect: XSAVE sizes: 240 a88 348, AVX 100 at 240, keys 8 at a80
 * expect: XSAVE, misaligned: vector 13 error 0
 * expect: SYSCALL without SCE: vector 6 error 0
 * expect: LSTAR not canonical: vector 13 error 0
 * expect: SYSENTER_ESP not canonical: vector 13 error 0
 * expect: FS base not canonical: vector 13 error 0
 * expect: EFER, a reserved bit: vector 13 error 0
 * expect: EFER without LME: vector 13 error 0
 * expect: PAT of type 2: vector 13 error 0
 * expect: APIC base, bit 9: vector 13 error 0
 * expect: APIC base to x2APIC from off: vector 13 error 0
 * expect: DR7, bit 32: vector 13 error 0
 * expect: DR6, bit 32: vector 13 error 0
 * expect: DR4 with DE: vector 6 error 0
 * expect: CMPXCHG16B, misaligned: vector 13 error 0
 * expect: MOVAPS, misaligned: vector 13 error 0
 * expect: RSM: vector 6 error 0
 * expect: level 0: ac_4: fine
 * expect: level 3: ac_1: fine
 * expect: level 3: ac_2: vector 17 error 0
 * expect: level 3: ac_4: vector 17 error 0
 * expect: level 3: ac_8: vector 17 error 0
 * expect: level 3: ac_16: vector 17 error 0
 * expect: level 3: ac_aps: vector 13 error 0
 * expect: level 3: ac_push: vector 17 error 0
 * expect: RDPKRU without PKE: vector 6 error 0
 * expect: level 3: key_read: vector 14 error 25 at 2000000
 * expect: level 0: key_read: vector 14 error 21 at 2000000
 * expect: level 3: key_run: fine
 * expect: WD
 * expect: level 3: key_read: fine
 * expect: level 3: key_write: vector 14 error 27 at 2000000
 * expect: level 0: key_write: vector 14 error 23 at 2000000
 * expect: level 0, no WP: key_write: fine
 * expect: RDPKRU 1: vector 13 error 0
 * expect: WRPKRU, rdx: vector 13 error 0
 * expect: INVLPG of no address: fine
 * expect: done */
#include "lib64.h"

enum { CR0_WP = 1 << 16, CR0_AM = 1 << 18 };
enum { CR4_TSD = 4, CR4_DE = 8, CR4_OSFXSR = 1 << 9, CR4_OSXSAVE = 1 << 18, CR4_PKE = 1 << 22 };
enum { KEYED = 0x2000000, AC = 1 << 18, PAGE_2M = 1 << 21, IST_BYTES = 4096 };
#define END 0x800000000000ull
#define RUNS(name, code, ...)                                                                                \
    static void name(void)                                                                                   \
    {                                                                                                        \
        asm volatile(code : : __VA_ARGS__ : "memory"); /* the caller keeps rax, rcx and rdx, if it has to */ \
    }
static volatile uint64_t where, value, number;
static uint8_t place[4096] __attribute__((aligned(64))), other_stack[IST_BYTES] __attribute__((aligned(16)));

RUNS(read_8, "mov (%0), %%rax", "r"(where))
RUNS(read_1, "mov (%0), %%al", "r"(where))
RUNS(read_rbp, "push %%rbp\n\tmov %0, %%rbp\n\tmov (%%rbp), %%rax\n\tpop %%rbp", "D"(where))
RUNS(read_ds_rbp, "push %%rbp\n\tmov %0, %%rbp\n\tmov %%fs:(%%rbp), %%rax\n\tpop %%rbp", "D"(where))
RUNS(push, "mov %0, %%rsp\n\tpush %%rax", "D"(where))
RUNS(jump, "jmp *%0", "D"(where))
RUNS(call, "call *%0", "D"(where))
RUNS(back, "push %0\n\tret", "D"(where))
RUNS(rdtsc, "rdtsc", "i"(0))
RUNS(rdtscp, "rdtscp", "i"(0))
RUNS(rdpmc, "rdpmc", "c"(0))
RUNS(xsetbv, "xsetbv", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number))
RUNS(xgetbv, "xgetbv", "c"(number))
RUNS(xsave, "xsave (%0)", "r"(where), "a"(3), "d"(0))
RUNS(syscall, "syscall", "i"(0))
RUNS(write_msr, "wrmsr", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number))
RUNS(write_dr7, "mov %0, %%dr7", "r"(value))
RUNS(write_dr6, "mov %0, %%dr6", "r"(value))
RUNS(read_dr4, "mov %%db4, %%rax", "i"(0))
RUNS(cmpxchg16b, "lock cmpxchg16b 8(%0)", "r"(place))
RUNS(movaps, "movaps 8(%0), %%xmm0", "r"(place))
RUNS(rsm, "rsm", "i"(0))
RUNS(rdpkru, "rdpkru", "c"(number))
RUNS(wrpkru, "wrpkru", "a"((uint32_t)value), "c"(0), "d"(number))
RUNS(invlpg, "invlpg (%0)", "r"(where))
#define WITH_AC "pushfq\n\torl %1, (%%rsp)\n\tpopfq\n\t"
#define WITHOUT_AC "\n\tpushfq\n\tandl %2, (%%rsp)\n\tpopfq"
#define AC_PROGRAM(name, code) RUNS(name, WITH_AC code WITHOUT_AC, "r"(place), "i"(AC), "i"(~AC))
AC_PROGRAM(ac_1, "mov 1(%0), %%al")
AC_PROGRAM(ac_2, "mov 1(%0), %%ax")
AC_PROGRAM(ac_4, "mov 2(%0), %%eax")
AC_PROGRAM(ac_8, "mov 4(%0), %%rax")
AC_PROGRAM(ac_16, "movups 8(%0), %%xmm0")
AC_PROGRAM(ac_aps, "movaps 8(%0), %%xmm0")
AC_PROGRAM(ac_push, "mov %%rsp, %%rcx\n\tsub $4, %%rsp\n\tpush %%rax\n\tmov %%rcx, %%rsp")
RUNS(key_read, "mov (%0), %%al", "r"((uint64_t)KEYED))
RUNS(key_write, "mov %%al, 0(%0)", "r"((uint64_t)KEYED))
RUNS(key_run, "call *%0", "r"((uint64_t)KEYED))

#define CONTROL(reg)                                                                                         \
    static void change_##reg(uint64_t set, uint64_t clear)                                                   \
    {                                                                                                        \
        uint64_t v;                                                                                          \
        asm volatile("mov %%" #reg ", %0" : "=r"(v));                                                        \
        asm volatile("mov %0, %%" #reg : : "r"((v | set) & ~clear) : "memory");                              \
    }
CONTROL(cr0)
CONTROL(cr4)

static void tell_at(const char *name, void (*fn)(void), uint64_t at)
{
    where = at;
    tell(name, fn);
}

static void tell_write(const char *name, void (*fn)(void), uint64_t n, uint64_t v)
{
    number = n;
    value = v;
    tell(name, fn);
}

#define PROGRAM(fn) tell_user("level 3: " #fn, fn)
#define KERNEL(fn) tell("level 0: " #fn, fn)

static void addresses(void)
{
    tss.ist[0] = (uint64_t)other_stack + IST_BYTES;
    idt[12][0] |= 1ull << 32; /* a stack of its own: the other is not there */
    tell_at("read across the end", read_8, END - 4);
    tell_at("read of the last byte", read_1, END - 1);
    tell_at("read beyond the end", read_1, END);
    tell_at("read by the stack's segment", read_rbp, END);
    tell_at("read across by the stack's segment", read_rbp, END - 4);
    tell_at("read by another segment and rbp", read_ds_rbp, END);
    tell_at("push", push, END + 8);
    tell_at("jump", jump, END);
    print("it is the jump's: %u\n", *(const uint16_t *)last_trap.rip == 0xe7ff);
    tell_at("call", call, END);
    tell_at("return", back, END);
}

static void time_stamps(void)
{
    uint32_t aux;
    PROGRAM(rdtsc);
    PROGRAM(rdtscp);
    PROGRAM(rdpmc);
    print("TSD\n");
    change_cr4(CR4_TSD, 0);
    PROGRAM(rdtsc);
    PROGRAM(rdtscp);
    KERNEL(rdtsc);
    change_cr4(0, CR4_TSD);
    wrmsr(0xc0000103, 0x12345678);
    asm volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
    print("TSC_AUX: %x\n", aux);
    tell_write("TSC_AUX, bit 32", write_msr, 0xc0000103, 1ull << 32);
}

static uint32_t cpuid(uint32_t subleaf, unsigned which)
{
    uint32_t r[4];
    asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(0xd), "c"(subleaf));
    return r[which];
}

static void extended_states(void)
{
    tell_write("XSETBV without OSXSAVE", xsetbv, 0, 3);
    tell_write("XGETBV without OSXSAVE", xgetbv, 0, 0);
    change_cr4(CR4_OSXSAVE, 0);
    tell_write("XSETBV 1", xsetbv, 1, 3);
    tell_write("XSETBV without x87", xsetbv, 0, 2);
    tell_write("XSETBV, AVX without SSE", xsetbv, 0, 5);
    tell_write("XSETBV, a reserved bit", xsetbv, 0, 1ull << 63 | 3);
    number = 0;
    value = 3;
    PROGRAM(xsetbv);
    uint32_t small = cpuid(0, 1);
    tell_write("XSETBV of all", xsetbv, 0, 0x207);
    PROGRAM(xgetbv);
    tell_write("XGETBV 2", xgetbv, 2, 0);
    print("XSAVE sizes: %x %X %x, AVX %x at %x, keys %x at %X\n", small, (uint64_t)cpuid(0, 1), cpuid(1, 1),
          cpuid(2, 0), cpuid(2, 1), cpuid(9, 0), (uint64_t)cpuid(9, 1));
    tell_at("XSAVE, misaligned", xsave, (uint64_t)place + 32);
}

static void registers(void)
{
    uint64_t efer = rdmsr(0xc0000080);
    wrmsr(0xc0000080, efer & ~1ull);
    tell("SYSCALL without SCE", syscall);
    tell_write("LSTAR not canonical", write_msr, 0xc0000082, END);
    tell_write("SYSENTER_ESP not canonical", write_msr, 0x175, END);
    tell_write("FS base not canonical", write_msr, 0xc0000100, END);
    tell_write("EFER, a reserved bit", write_msr, 0xc0000080, efer | 1 << 9);
    tell_write("EFER without LME", write_msr, 0xc0000080, efer & ~(1ull << 8));
    tell_write("PAT of type 2", write_msr, 0x277, 2);
    uint64_t apic = rdmsr(0x1b);
    tell_write("APIC base, bit 9", write_msr, 0x1b, apic | 1 << 9);
    wrmsr(0x1b, apic & ~(1ull << 11));
    tell_write("APIC base to x2APIC from off", write_msr, 0x1b, apic | 3 << 10);
    wrmsr(0x1b, apic);
    tell_write("DR7, bit 32", write_dr7, 0, 1ull << 32);
    tell_write("DR6, bit 32", write_dr6, 0, 1ull << 32);
    change_cr4(CR4_DE, 0);
    tell("DR4 with DE", read_dr4);
    change_cr4(0, CR4_DE);
    tell("CMPXCHG16B, misaligned", cmpxchg16b);
    tell("MOVAPS, misaligned", movaps);
    tell("RSM", rsm);
}

static void alignment(void)
{
    change_cr0(CR0_AM, 0);
    KERNEL(ac_4);
    PROGRAM(ac_1);
    PROGRAM(ac_2);
    PROGRAM(ac_4);
    PROGRAM(ac_8);
    PROGRAM(ac_16);
    PROGRAM(ac_aps);
    PROGRAM(ac_push);
    change_cr0(0, CR0_AM);
}

static void keys(void)
{
    enum { KEY_1 = 59, AD = 4, WD = 8, RET = 0xc3 };
    number = 0;
    *(volatile uint8_t *)KEYED = RET;
    tell("RDPKRU without PKE", rdpkru);
    tables[2 * ENTRIES + KEYED / PAGE_2M] |= 1ull << KEY_1;
    change_cr4(CR4_PKE, 0);
    value = AD;
    wrpkru();
    PROGRAM(key_read);
    KERNEL(key_read);
    PROGRAM(key_run);
    print("WD\n");
    value = WD;
    wrpkru();
    PROGRAM(key_read);
    PROGRAM(key_write);
    change_cr0(CR0_WP, 0);
    KERNEL(key_write);
    change_cr0(0, CR0_WP);
    tell("level 0, no WP: key_write", key_write);
    number = 1;
    tell("RDPKRU 1", rdpkru);
    tell("WRPKRU, rdx", wrpkru);
}

void main(void)
{
    lib64_start();
    open_to_user();
    change_cr4(CR4_OSFXSR, 0);
    addresses();
    time_stamps();
    extended_states();
    registers();
    alignment();
    keys();
    tell_at("INVLPG of no address", invlpg, END);
    print("done\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows are tested, and why others are not. */
#include "silicon.h"

#include <cpuid.h>
#include <sys/auxv.h>

#include "host-isa.h"
#include "target/i386/translators.h"

/* Access rights as LAR tells them, those that make segments of user code; 0: there is no such descriptor. */
static uint32_t descriptor_rights(uint16_t selector)
{
    uint32_t rights = 0;
    __asm__("lar %1, %0" : "+r"(rights) : "r"((uint32_t)selector) : "cc");
    return rights;
}

static bool has_usual_descriptors(void)
{
    for (unsigned n = SILICON_FLAT; n <= SILICON_CODE64; n++) {
        const SiliconSegment *s = &silicon_segments[n];
        if ((descriptor_rights(s->selector) >> 8 ^ s->attr) & (ATTR_CODE | ATTR_L | ATTR_DB | ATTR_DPL)) {
            return false;
        }
    }
    return true;
}

/* CPUID leaves a virtual machine: it is asked once. */
const SiliconHost *silicon_host(void)
{
    enum { OSXSAVE = 1 << 27, HWCAP2_FSGSBASE = 2 };
    static SiliconHost h;
    if (!h.isa) {
        unsigned a = 0, b = 0, c = 0, d = 0;
        __get_cpuid(0, &a, &b, &c, &d);
        h = (SiliconHost){ .isa = x86_host_isa(),
                           .amd = b == signature_AMD_ebx,
                           .fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE,
                           .descriptors = has_usual_descriptors() };
        __get_cpuid(1, &a, &b, &c, &d);
        if (c & OSXSAVE) {
            __asm__("xgetbv" : "=a"(h.xcr0), "=d"(d) : "c"(0));
        }
    }
    return &h;
}

X86DecodeMode silicon_mode(unsigned size)
{
    return (X86DecodeMode){ .size = size, .amd = silicon_host()->amd };
}

/* ---- what is tested --------------------------------------------------------------- */

/* Of rows by translator: what stands against it. */
static const char *const left_out[X86_TR_COUNT] = {
    [X86_TR_CPUID] = "another on each host",
    [X86_TR_RANDOM] = "random",
    [X86_TR_COUNTER] = "another each time, or on each processor",
    [X86_TR_STORE_TABLE] = "tells where the host's kernel has its tables",
    [X86_TR_PKRU] = "the host's kernel decides whether there are keys",
};

static bool reads_descriptors(const X86Row *r)
{
    switch (r->translator) {
    case X86_TR_DESCRIPTOR:
    case X86_TR_FAR:
    case X86_TR_INT:
    case X86_TR_IRET:
    case X86_TR_LRET:
    case X86_TR_LSEG:
    case X86_TR_MOV_TO_SEG:
    case X86_TR_POP_SEG:
    case X86_TR_SYSCALL: return true;
    default: return false;
    }
}

const char *silicon_leaves_out(unsigned row)
{
    const X86Row *r = &x86_rows[row];
    bool base = r->translator == X86_TR_FSGSBASE;
    if (r->need & ~silicon_host()->isa) {
        return "the host has it not";
    }
    if (r->translator == X86_TR_INT && r->arg == X86_INT_INT1) {
        return "the hypervisor of a virtual host tells another place";
    }
    if (r->translator == X86_TR_SYSCALL &&
        (r->arg == X86_SYSCALL_SYSCALL || r->arg == X86_SYSCALL_SYSENTER)) {
        return "enters the host's kernel";
    }
    if (base && (r->arg == X86_FSGSBASE_RDFSBASE || r->arg == X86_FSGSBASE_WRFSBASE)) {
        return "FS is the C library's";
    }
    if (base && !silicon_host()->fsgsbase) {
        return "the host's kernel has it off";
    }
    if ((r->translator == X86_TR_XSAVE || r->translator == X86_TR_XCR) && silicon_host()->xcr0 != 7) {
        return "the host has other states";
    }
    if (reads_descriptors(r) && !silicon_host()->descriptors) {
        return "the host's kernel has other descriptors";
    }
    return left_out[r->translator];
}

bool silicon_tests(unsigned row)
{
    return !silicon_leaves_out(row);
}

bool silicon_must_fault(const X86Row *row)
{
    switch (row->translator) {
    case X86_TR_FAR:
    case X86_TR_INT:
    case X86_TR_IRET:
    case X86_TR_LRET:
    case X86_TR_RSM:
    case X86_TR_UD:
    case X86_TR_XCR: return true;
    default: return row->attrs & (X86_ATTR_CPL0 | X86_ATTR_CPL0UD | X86_ATTR_IOPL);
    }
}

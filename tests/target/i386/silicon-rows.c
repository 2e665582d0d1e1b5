/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows are tested, and why others are not. */
#include "silicon.h"

#include <cpuid.h>
#include <string.h>
#include <sys/auxv.h>

#include "host-isa.h"
#include "target/i386/translators.h"

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
                           .fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE };
        __get_cpuid(1, &a, &b, &c, &d);
        h.zen5 = h.amd && (a >> 8 & 15) + (a >> 20 & 255) >= 0x1a; /* its family */
        if (c & OSXSAVE) {
            __asm__("xgetbv" : "=a"(h.xcr0), "=d"(d) : "c"(0));
        }
    }
    return &h;
}

static bool own_descriptors; /* the host's segments are not the usual ones of Linux */

void silicon_host_set_own_descriptors(void)
{
    own_descriptors = true;
}

bool silicon_host_has_descriptor(unsigned segment)
{
    return !own_descriptors || segment == SILICON_FLAT || segment == SILICON_CODE64;
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

static bool takes_descriptor(const X86Row *row)
{
    return row->translator == X86_TR_DESCRIPTOR || row->translator == X86_TR_MOV_TO_SEG ||
           row->translator == X86_TR_POP_SEG || row->translator == X86_TR_LSEG ||
           row->translator == X86_TR_INT;
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
    if (silicon_host()->amd && strstr(r->name, "sysexit")) {
        return "in long mode of AMD's #UD on Zen 5, #GP on Zen 3";
    }
    if (own_descriptors && takes_descriptor(r)) {
        return "the host has other descriptors";
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

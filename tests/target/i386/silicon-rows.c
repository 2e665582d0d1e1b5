/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The segments of trials; which rows are tested, and why others are not. */
#include "silicon.h"

#include <cpuid.h>
#include <string.h>
#include <sys/auxv.h>

#include "host-isa.h"
#include "target/i386/translators.h"

/* ---- segments ---------------------------------------------------------------------- */

enum { LEVEL3 = 3 << ATTR_DPL_SHIFT, USER_SEGMENT = ATTR_P | ATTR_S | LEVEL3 | ATTR_ACCESSED };
enum { CODE_SEGMENT = USER_SEGMENT | ATTR_CODE | ATTR_READABLE, DATA_SEGMENT = USER_SEGMENT | ATTR_WRITABLE };
#define LOCAL(n) ((n - SILICON_LDT) << 3 | 7)
#define DATA_BASE (SILICON_DATA - 0x8000)

const SiliconSegment silicon_segments[SILICON_SEGS] = {
    [SILICON_NULL] = { 0 },
    [SILICON_FLAT] = { 0x2b, 0, 0xfffff, DATA_SEGMENT | ATTR_G | ATTR_DB },
    [SILICON_CODE32] = { 0x23, 0, 0xfffff, CODE_SEGMENT | ATTR_G | ATTR_DB },
    [SILICON_CODE64] = { 0x33, 0, 0xfffff, CODE_SEGMENT | ATTR_G | ATTR_L },
    [SILICON_LDT_CODE16] = { LOCAL(SILICON_LDT_CODE16), SILICON_CODE, 0xffff, CODE_SEGMENT },
    [SILICON_LDT_CODE32] = { LOCAL(SILICON_LDT_CODE32), SILICON_CODE, 0xfff, CODE_SEGMENT | ATTR_DB },
    [SILICON_LDT_DATA16] = { LOCAL(SILICON_LDT_DATA16), DATA_BASE, 0xffff, DATA_SEGMENT },
    [SILICON_LDT_DATA32] = { LOCAL(SILICON_LDT_DATA32), DATA_BASE, 0xffff, DATA_SEGMENT | ATTR_DB },
    [SILICON_LDT_SMALL] = { LOCAL(SILICON_LDT_SMALL), DATA_BASE, 0x87fe, DATA_SEGMENT | ATTR_DB },
    [SILICON_LDT_DOWN16] = { LOCAL(SILICON_LDT_DOWN16), DATA_BASE, 0x83ff, DATA_SEGMENT | ATTR_DOWN },
    [SILICON_LDT_DOWN32] = { LOCAL(SILICON_LDT_DOWN32), DATA_BASE, 0x83ff,
                             DATA_SEGMENT | ATTR_DOWN | ATTR_DB },
    [SILICON_LDT_READ] = { LOCAL(SILICON_LDT_READ), DATA_BASE, 0xffff, USER_SEGMENT | ATTR_DB },
    [SILICON_LDT_TEXT] = { LOCAL(SILICON_LDT_TEXT), DATA_BASE, 0xffff, CODE_SEGMENT | ATTR_DB },
};

/* ---- the host ------------------------------------------------------------------------ */

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

bool silicon_tests_in(SiliconWorld world, unsigned row)
{
    bool system = x86_rows[row].attrs & (X86_ATTR_CPL0 | X86_ATTR_CPL0UD | X86_ATTR_IOPL);
    return silicon_tests(row) && !(world == SILICON_REAL && system);
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

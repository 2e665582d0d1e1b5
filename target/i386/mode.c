/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What translations and translated code depend on: keys of contexts.
 *
 * What changes seldom and is not here (PKRU, A20) drops translations when it does. */
#include "target/i386/paging.h"

enum { /* CpuContextKey.access */
       ACCESS_USER = 1,
       ACCESS_WP = 2,
       ACCESS_SMAP = 4, /* and AC does not lift it */
       ACCESS_SMEP = 8,
       ACCESS_NX = 16,
       ACCESS_FORM_SHIFT = 5,
       ACCESS_SMM = 1 << 8,
};

static uint32_t access_key(const X86CPU *x, X86Rights who)
{
    uint32_t key = x86_paging_form(x) << ACCESS_FORM_SHIFT;
    bool lifted = (x->s.eflags & EFL_AC) && who != RIGHTS_SYSTEM;
    key |= who == RIGHTS_USER ? ACCESS_USER : 0;
    key |= x->s.cr0 & CR0_WP ? ACCESS_WP : 0;
    key |= (x->s.cr4 & CR4_SMAP) && !lifted ? ACCESS_SMAP : 0;
    key |= x->s.cr4 & CR4_SMEP ? ACCESS_SMEP : 0;
    key |= x86_nx_on(x) ? ACCESS_NX : 0;
    return key | (x->s.events.smm ? ACCESS_SMM : 0);
}

static bool is_flat(const X86CPU *x, X86SegId seg)
{
    const X86Bounds *b = &x->bounds[seg];
    return x->s.seg[seg].base == 0 && b->low == 0 && b->rd_end > UINT32_MAX && b->wr_end > UINT32_MAX;
}

static uint32_t segment_mode(const X86CPU *x)
{
    uint32_t cs = x->s.seg[SEG_CS].attr, mode = cs & ATTR_DB ? 1 : 0;
    if (x86_64bit(x)) {
        return X86_MODE_SIZE_64 | X86_MODE_SS32 | X86_MODE_FLAT_DS | X86_MODE_FLAT_ES | X86_MODE_FLAT_SS;
    }
    mode |= x->s.seg[SEG_SS].attr & ATTR_DB ? X86_MODE_SS32 : 0;
    mode |= is_flat(x, SEG_DS) ? X86_MODE_FLAT_DS : 0;
    mode |= is_flat(x, SEG_ES) ? X86_MODE_FLAT_ES : 0;
    mode |= is_flat(x, SEG_SS) ? X86_MODE_FLAT_SS : 0;
    uint32_t limit = x->s.seg[SEG_CS].limit;
    return mode | (limit == UINT32_MAX ? 0 : limit == 0xffff ? 1 : 2) << X86_MODE_CS_LIMIT_SHIFT;
}

static uint32_t unit_mode(const X86CPU *x) /* of floating point and vectors */
{
    enum { XCR0_SSE = 2, XCR0_AVX = 4 };
    uint32_t mode = x->s.cr0 & (CR0_EM | CR0_TS) ? X86_MODE_NO_FPU : 0;
    mode |= (x->s.cr4 & CR4_OSFXSR) && !(x->s.cr0 & CR0_EM) ? X86_MODE_SSE : 0;
    mode |= x->s.cr0 & CR0_EM ? X86_MODE_EM : 0;
    mode |= x->s.cr0 & CR0_TS ? X86_MODE_TS : 0;
    mode |= ~x->s.mxcsr & MXCSR_MASKS ? X86_MODE_XM : 0;
    mode |= x->upper_halves ? X86_MODE_UPPER : 0;
    bool avx = (x->s.cr4 & CR4_OSXSAVE) && (x->s.xcr0 & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX);
    return mode | (avx ? X86_MODE_AVX : 0);
}

static bool single_steps(const X86CPU *x)
{
    return (x->s.eflags & EFL_TF) || x->s.events.shadow || (x->s.dr7 & DR7_ENABLES);
}

void x86_data_key(const X86CPU *x, X86Rights who, CpuContextKey *key)
{
    bool paged = x->s.cr0 & CR0_PG;
    uint64_t pcid = x->s.cr4 & CR4_PCIDE ? x->s.cr3 & CR3_PCID : 0;
    key->space = !paged ? 0 : x86_long_mode(x) ? (x->s.cr3 & PTE_ADDRESS) | pcid : x->s.cr3 & 0xffffffe0;
    key->access = access_key(x, who);
}

void x86_context_key(CPU *cpu, CpuContextKey *key)
{
    const X86CPU *x = x86_cpu(cpu);
    x86_data_key(x, x86_rights(x->s.cpl), key);
    key->mode = segment_mode(x) | unit_mode(x) | (uint32_t)x->s.cpl << X86_MODE_CPL_SHIFT;
    key->mode |= x->s.cr0 & CR0_PE ? X86_MODE_PE : 0;
    key->mode |= x86_v86(x) ? X86_MODE_VM : 0;
    key->mode |= single_steps(x) ? X86_MODE_SINGLE : 0;
    key->mode |= x86_alignment_checked(x) ? X86_MODE_AC : 0;
    key->mode |= x86_paging_form(x) == PAGING_5 ? X86_MODE_LA57 : 0;
    key->mode |= x->s.events.smm ? X86_MODE_SMM : 0;
    key->mode |= x86_iopl(x) >= x->s.cpl ? X86_MODE_IOPL : 0;
}

/* Outside of 4- and 5-level paging no PCID: bits 11..5 are of the address of PAE's four entries. */
uint64_t x86_space_asid(uint64_t space)
{
    return space & CR3_PCID;
}

X86DecodeMode x86_decode_mode(uint32_t mode)
{
    static const uint8_t code_bytes[4] = { 2, 4, 8, 8 };
    bool real = !(mode & X86_MODE_PE) || (mode & X86_MODE_VM);
    return (X86DecodeMode){ .size = code_bytes[mode & X86_MODE_SIZE], .real = real };
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What translations and translated code depend on: keys of contexts.
 *
 * What changes seldom and is not here (PKRU, A20) drops translations when it does.  Translated code asks for a key with the guest's
 * vectors in registers: this file is compiled for general registers only. */
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

X86PagingForm x86_paging_form(const X86CPU *x)
{
    if (!(x->s.cr0 & CR0_PG)) {
        return PAGING_NONE;
    }
    if (x86_long_mode(x)) {
        return x->s.cr4 & CR4_LA57 ? PAGING_5 : PAGING_4;
    }
    return x->s.cr4 & CR4_PAE ? PAGING_PAE : PAGING_32;
}

bool x86_canonical_64(const X86CPU *x, uint64_t address)
{
    unsigned unused = x->s.cr4 & CR4_LA57 ? 7 : 16;
    return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

bool x86_canonical(const X86CPU *x, uint64_t linear)
{
    return !x86_long_mode(x) || x86_canonical_64(x, linear);
}

uint64_t x86_linear(const X86CPU *x, uint64_t linear)
{
    return x86_long_mode(x) ? linear : (uint32_t)linear;
}

/* Without what the level and EFLAGS.AC say. */
static uint32_t access_base(const X86CPU *x)
{
    uint32_t key = x86_paging_form(x) << ACCESS_FORM_SHIFT;
    key |= x->s.cr0 & CR0_WP ? ACCESS_WP : 0;
    key |= x->s.cr4 & CR4_SMAP ? ACCESS_SMAP : 0;
    key |= x->s.cr4 & CR4_SMEP ? ACCESS_SMEP : 0;
    key |= x86_nx_on(x) ? ACCESS_NX : 0;
    return key | (x->s.events.smm ? ACCESS_SMM : 0);
}

static bool is_flat(const X86CPU *x, X86SegId seg)
{
    const X86Bounds *b = &x->bounds[seg];
    return x->s.seg[seg].base == 0 && b->low == 0 && b->rd_end > UINT32_MAX && b->wr_end > UINT32_MAX;
}

static uint32_t segment_mode_32(const X86CPU *x)
{
    uint32_t mode = x->s.seg[SEG_CS].attr & ATTR_DB ? 1 : 0;
    mode |= x->s.seg[SEG_SS].attr & ATTR_DB ? X86_MODE_SS32 : 0;
    mode |= is_flat(x, SEG_DS) ? X86_MODE_FLAT_DS : 0;
    mode |= is_flat(x, SEG_ES) ? X86_MODE_FLAT_ES : 0;
    mode |= is_flat(x, SEG_SS) ? X86_MODE_FLAT_SS : 0;
    uint32_t limit = x->s.seg[SEG_CS].limit;
    return mode | (limit == UINT32_MAX ? 0 : limit == 0xffff ? 1 : 2) << X86_MODE_CS_LIMIT_SHIFT;
}

static inline uint32_t segment_mode(const X86CPU *x)
{
    enum { WIDE = X86_MODE_SIZE_64 | X86_MODE_SS32 | X86_MODE_FLAT_DS | X86_MODE_FLAT_ES | X86_MODE_FLAT_SS };
    return G_LIKELY(x86_64bit(x)) ? WIDE : segment_mode_32(x);
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

/* ---- what changes seldom ----------------------------------------------------------------
 *
 * Levels change at each system call and interrupt, which ask for a key or a dozen; the rest of a key is worked out again
 * only when one of the registers that it is made of is another than the last time. */

static X86KeySources key_sources(const X86CPU *x)
{
    return (X86KeySources){ .cr0 = x->s.cr0,
                            .cr3 = x->s.cr3,
                            .cr4 = x->s.cr4,
                            .efer = x->s.efer,
                            .xcr0 = x->s.xcr0,
                            .dr7 = x->s.dr7,
                            .mxcsr = x->s.mxcsr & MXCSR_MASKS,
                            .smm = x->s.events.smm,
                            .upper_halves = x->upper_halves,
                            .records_branches = x->s.msr.debugctl & DEBUGCTL_LBR };
}

G_ALWAYS_INLINE static inline bool sources_equal(const X86KeySources *a, const X86KeySources *b)
{
    return !((a->cr0 ^ b->cr0) | (a->cr3 ^ b->cr3) | (a->cr4 ^ b->cr4) | (a->efer ^ b->efer) |
             (a->xcr0 ^ b->xcr0) | (a->dr7 ^ b->dr7) | (a->mxcsr ^ b->mxcsr) | (a->smm ^ b->smm) |
             (a->upper_halves ^ b->upper_halves) | (a->records_branches ^ b->records_branches));
}

static uint64_t space_of(const X86CPU *x)
{
    uint64_t pcid = x->s.cr4 & CR4_PCIDE ? x->s.cr3 & CR3_PCID : 0;
    if (!(x->s.cr0 & CR0_PG)) {
        return 0;
    }
    return x86_long_mode(x) ? (x->s.cr3 & PTE_ADDRESS) | pcid : x->s.cr3 & 0xffffffe0;
}

static uint32_t mode_base(const X86CPU *x)
{
    uint32_t mode = unit_mode(x);
    mode |= x->s.cr0 & CR0_PE ? X86_MODE_PE : 0;
    mode |= x->s.dr7 & DR7_ENABLES || x->s.msr.debugctl & DEBUGCTL_LBR ? X86_MODE_SINGLE : 0;
    mode |= x86_paging_form(x) == PAGING_5 ? X86_MODE_LA57 : 0;
    return mode | (x->s.events.smm ? X86_MODE_SMM : 0);
}

static G_GNUC_NO_INLINE void work_out_base(X86CPU *x)
{
    x->key_sources = key_sources(x);
    x->key_base = (CpuContextKey){ space_of(x), access_base(x), mode_base(x) };
    x->key_known = true;
}

G_ALWAYS_INLINE static inline const CpuContextKey *key_base(X86CPU *x)
{
    X86KeySources now = key_sources(x);
    if (G_UNLIKELY(!x->key_known || !sources_equal(&x->key_sources, &now))) {
        work_out_base(x);
    }
    return &x->key_base;
}

/* ---- keys ------------------------------------------------------------------------------- */

static uint32_t access_of(const X86CPU *x, uint32_t base, X86Rights who)
{
    bool lifted = (x->s.eflags & EFL_AC) && who != RIGHTS_SYSTEM;
    return (base & ~(lifted ? ACCESS_SMAP : 0u)) | (who == RIGHTS_USER ? ACCESS_USER : 0);
}

void x86_data_key(X86CPU *x, X86Rights who, CpuContextKey *key)
{
    const CpuContextKey *base = key_base(x);
    key->space = base->space;
    key->access = access_of(x, base->access, who);
}

void x86_context_key(CPU *cpu, CpuContextKey *key)
{
    X86CPU *x = x86_cpu(cpu);
    const CpuContextKey *base = key_base(x);
    uint32_t mode = base->mode | segment_mode(x) | (uint32_t)x->s.cpl << X86_MODE_CPL_SHIFT;
    mode |= x86_iopl(x) >= x->s.cpl ? X86_MODE_IOPL : 0;
    mode |= x->s.events.shadow ? X86_MODE_SINGLE : 0;
    if (G_UNLIKELY(x->s.eflags & (EFL_VM | EFL_TF | EFL_AC))) {
        mode |= x86_v86(x) ? X86_MODE_VM : 0;
        mode |= x->s.eflags & EFL_TF ? X86_MODE_SINGLE : 0;
        mode |= x86_alignment_checked(x) ? X86_MODE_AC : 0;
    }
    key->space = base->space;
    key->access = access_of(x, base->access, x86_rights(x->s.cpl));
    key->mode = mode;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the decoder's tables ask of a model, from its features. */
#include "target/i386/isa.h"

#include "target/i386/cpu.h"

static const struct {
    uint8_t isa;
    uint16_t feature;
} rows[] = {
#define SAME(name)                                                                                           \
    {                                                                                                        \
        X86_ISA_##name, X86_##name                                                                           \
    }
    SAME(FPU),
    SAME(TSC),
    SAME(MSR),
    SAME(CX8),
    SAME(SEP),
    SAME(CMOV),
    SAME(CLFLUSH),
    SAME(MMX),
    SAME(FXSR),
    SAME(SSE),
    SAME(SSE2),
    SAME(SSE3),
    SAME(MONITOR),
    SAME(SSSE3),
    SAME(FMA),
    SAME(CX16),
    SAME(SSE41),
    SAME(SSE42),
    SAME(MOVBE),
    SAME(POPCNT),
    SAME(AES),
    SAME(XSAVE),
    SAME(AVX),
    SAME(F16C),
    SAME(RDRAND),
    SAME(FSGSBASE),
    SAME(BMI1),
    SAME(AVX2),
    SAME(BMI2),
    SAME(INVPCID),
    SAME(RDSEED),
    SAME(ADX),
    SAME(SMAP),
    SAME(CLFLUSHOPT),
    SAME(CLWB),
    SAME(PKU),
    SAME(GFNI),
    SAME(VAES),
    SAME(VPCLMULQDQ),
    SAME(RDPID),
    SAME(XSAVEOPT),
    SAME(XSAVEC),
    SAME(XSAVES),
    SAME(SYSCALL),
    SAME(RDTSCP),
    SAME(LM),
    { X86_ISA_PCLMUL, X86_PCLMULQDQ },
    { X86_ISA_SHA, X86_SHA_NI },
    { X86_ISA_LZCNT, X86_ABM },
    { X86_ISA_PREFETCHW, X86_3DNOWPREFETCH },
    { X86_ISA_PREFETCHW, X86_LM }, /* every 64-bit processor takes it (APM 3, PREFETCH); Linux does not ask */
    SAME(WBNOINVD),
};

uint64_t x86_isa(const X86CPU *x)
{
    uint64_t isa = 0;
    /* generations have no bit: what came with the 486 is always there, the 686's with CMOV */
    for (unsigned n = X86_ISA_I86; n <= X86_ISA_I486; n++) {
        isa |= UINT64_C(1) << n;
    }
    isa |= x86_has(x, X86_CMOV) ? UINT64_C(1) << X86_ISA_I686 : 0;
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        isa |= x86_has(x, rows[n].feature) ? UINT64_C(1) << rows[n].isa : 0;
    }
    isa |= x86_has(x, X86_HYPERVISOR) && !x->hides_kvm ? UINT64_C(1) << X86_ISA_KVM_CALL : 0;
    return isa;
}

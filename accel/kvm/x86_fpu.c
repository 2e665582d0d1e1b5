/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87, SSE, AVX and PKRU: an XSAVE area in its standard form.
 * Spec: "KVM_GET_XSAVE", "KVM_GET_XSAVE2"; SDM volume 1, "Managing State Using the XSAVE Feature Set", "FXSAVE Area".
 *
 * The area is read before it is written: what X86State has no place for stays as it is.
 *
 * Not modelled: segments of the last x87 instruction and operand (this form has none). */
#include <string.h>

#include "accel/kvm/x86.h"
#include "util/bytes.h"

enum { /* offsets */
       FCW = 0,
       FSW = 2,
       FTW = 4,
       FOP = 6,
       FIP = 8,
       FDP = 16,
       MXCSR = 24,
       ST0 = 32,
       XMM0 = 160,
       XSTATE_BV = 512,
       YMM0 = 576,
       LEGACY = 4096
};
enum { HAS_X87 = 1, HAS_SSE = 2, HAS_AVX = 4, HAS_PKRU = 1 << 9 };
enum { FSW_TOP_SHIFT = 11, FSW_TOP = 7 << FSW_TOP_SHIFT, FCW_INIT = 0x37f };

typedef struct Area {
    uint8_t *bytes;
    unsigned pkru; /* where it is; 0: nowhere */
} Area;

static Area area_new(KvmVcpu *v)
{
    const Kvm *k = v->kvm;
    const struct kvm_cpuid_entry2 *pkru = kvm_supported_leaf(k, 0xd, 9);
    unsigned size = MAX(k->caps.xsave_bytes, LEGACY);
    Area a = { .bytes = g_malloc0(size) };
    if (pkru && pkru->eax && pkru->ebx + 4 <= size) {
        a.pkru = pkru->ebx;
    }
    kvm_x86_call(v, k->caps.xsave_bytes ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, a.bytes, "read floating point");
    return a;
}

static void get_x87(X87 *f, const uint8_t *b)
{
    uint16_t fsw = load_host(b + FSW, 2);
    f->top = (fsw & FSW_TOP) >> FSW_TOP_SHIFT;
    f->fsw = fsw & ~FSW_TOP;
    f->fcw = load_host(b + FCW, 2);
    f->tags = b[FTW];
    f->fop = load_host(b + FOP, 2);
    f->fip = load_host(b + FIP, 8);
    f->fdp = load_host(b + FDP, 8);
    for (unsigned i = 0; i < 8; i++) {
        X86Fpr *r = &f->st[(f->top + i) & 7];
        r->mantissa = load_host(b + ST0 + 16 * i, 8);
        r->exponent = load_host(b + ST0 + 16 * i + 8, 2);
    }
}

static void put_x87(const X87 *f, uint8_t *b)
{
    store_host(b + FSW, 2, f->fsw | f->top << FSW_TOP_SHIFT);
    store_host(b + FCW, 2, f->fcw);
    b[FTW] = f->tags;
    store_host(b + FOP, 2, f->fop);
    store_host(b + FIP, 8, f->fip);
    store_host(b + FDP, 8, f->fdp);
    for (unsigned i = 0; i < 8; i++) {
        const X86Fpr *r = &f->st[(f->top + i) & 7];
        store_host(b + ST0 + 16 * i, 8, r->mantissa);
        store_host(b + ST0 + 16 * i + 8, 2, r->exponent);
    }
}

/* A part that is not in XSTATE_BV is as after its reset. */
void kvm_get_fpu(KvmVcpu *v)
{
    X86State *s = &x86_cpu(v->cpu)->s;
    Area a = area_new(v);
    uint64_t has = load_host(a.bytes + XSTATE_BV, 8);
    if (has & HAS_X87) {
        get_x87(&s->x87, a.bytes);
    } else {
        s->x87 = (X87){ .fcw = FCW_INIT };
    }
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned n = 0; n < 2; n++) {
            s->ymm[i][n] = has & HAS_SSE ? load_host(a.bytes + XMM0 + 16 * i + 8 * n, 8) : 0;
            s->ymm[i][2 + n] = has & HAS_AVX ? load_host(a.bytes + YMM0 + 16 * i + 8 * n, 8) : 0;
        }
    }
    s->mxcsr = load_host(a.bytes + MXCSR, 4);
    s->pkru = a.pkru && has & HAS_PKRU ? load_host(a.bytes + a.pkru, 4) : 0;
    g_free(a.bytes);
}

void kvm_put_fpu(KvmVcpu *v)
{
    const X86CPU *x = x86_cpu(v->cpu);
    const X86State *s = &x->s;
    Area a = area_new(v);
    uint64_t has = load_host(a.bytes + XSTATE_BV, 8) | HAS_X87 | HAS_SSE;
    put_x87(&s->x87, a.bytes);
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned n = 0; n < 2; n++) {
            store_host(a.bytes + XMM0 + 16 * i + 8 * n, 8, s->ymm[i][n]);
            store_host(a.bytes + YMM0 + 16 * i + 8 * n, 8, x86_has(x, X86_AVX) ? s->ymm[i][2 + n] : 0);
        }
    }
    has |= x86_has(x, X86_AVX) ? HAS_AVX : 0;
    store_host(a.bytes + MXCSR, 4, s->mxcsr);
    if (a.pkru && x86_has(x, X86_PKU)) {
        store_host(a.bytes + a.pkru, 4, s->pkru);
        has |= HAS_PKRU;
    }
    store_host(a.bytes + XSTATE_BV, 8, has);
    kvm_x86_call(v, KVM_SET_XSAVE, a.bytes, "write floating point");
    g_free(a.bytes);
}

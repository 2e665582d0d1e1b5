/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FXSAVE, FXRSTOR and the XSAVE family: what is kept where, and which parts of it.
 *
 * The init optimization is exact: a component is in use when it is not as it was at reset.  The modified optimization, which
 * a processor may leave out, is left out.  Nothing is restored before all was read and checked.
 *
 * Source: Intel SDM volume 1, "Managing State Using the XSAVE Feature Set"; volume 2, FXSAVE.  AMD's chips save pointers
 * to the last x87 instruction when its exception is pending only: else zeroes, or, those without XSAVEERPTR, nothing. */
#include "target/i386/helpers-xsave.h"

#include <string.h>

#include "target/i386/cr.h"
#include "target/i386/translators.h"
#include "target/i386/trap.h"
#include "target/i386/x87-memory.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"

enum { STATE = IRH_FAULT | IRH_READS | IRH_WRITES | IRH_REPEAT };

enum { XS_X87 = 1, XS_SSE = 2, XS_AVX = 4, XS_PKRU = 1 << 9 };
#define XS_COMPACT (UINT64_C(1) << 63)

enum { /* offsets in an area */
       AT_CONTROL = 0,
       AT_STATUS = 2,
       AT_TAGS = 4, /* a bit a register */
       AT_OPCODE = 6,
       AT_IP = 8,
       AT_CS = 12,
       AT_DP = 16,
       AT_DS = 20,
       AT_MXCSR = 24,
       AT_MXCSR_MASK = 28,
       AT_ST = 32,
       AT_XMM = 160,
       LEGACY = 512,
       AT_XSTATE = 512,
       AT_XCOMP = 520,
       HEADER_END = 576,
       AREA_MAX = 4096,
};
enum { MXCSR_INIT = 0x1f80, MXCSR_BITS = 0xffff, MXCSR_MISALIGNED = 1 << 17 };

typedef struct Area {
    X86CPU *x;
    uint64_t at;
    bool wide;          /* REX.W */
    unsigned registers; /* XMM and YMM that this mode has: 8 or 16 */
} Area;

static void put(const Area *a, unsigned offset, MemOp mop, uint64_t value)
{
    cpu_store(&a->x->cpu, x87_linear(&a->x->cpu, a->at, offset), mop, value);
}

static uint64_t get(const Area *a, unsigned offset, MemOp mop)
{
    return cpu_load(&a->x->cpu, x87_linear(&a->x->cpu, a->at, offset), mop);
}

static void fault(X86CPU *x, uint8_t vector)
{
    X86Fault f = { .vector = vector };
    x86_raise(x, &f);
}

uint32_t x86_mxcsr_mask(const X86CPU *x)
{
    return MXCSR_BITS | (x86_has(x, X86_MISALIGNSSE) ? MXCSR_MISALIGNED : 0);
}

/* ---- components: save --------------------------------------------------------------- */

static void save_pointers(const Area *a, const X87 *f)
{
    bool known = a->x->vendor != VENDOR_AMD || (f->fsw & FSW_ES);
    if (!known && !x86_has(a->x, X86_XSAVEERPTR)) {
        return;
    }
    put(a, AT_OPCODE, MEM_16, known ? f->fop : 0);
    put(a, AT_IP, MEM_64, !known ? 0 : a->wide ? f->fip : (uint32_t)f->fip | (uint64_t)f->fcs << 32);
    put(a, AT_DP, MEM_64, !known ? 0 : a->wide ? f->fdp : (uint32_t)f->fdp | (uint64_t)f->fds << 32);
}

static void save_x87(const Area *a, unsigned at)
{
    X87 *f = &a->x->s.x87;
    put(a, AT_CONTROL, MEM_16, f->fcw);
    put(a, AT_STATUS, MEM_16, x87_status_word(f));
    put(a, AT_TAGS, MEM_16, f->tags);
    save_pointers(a, f);
    for (unsigned i = 0; i < 8; i++) {
        put(a, AT_ST + 16 * i, MEM_64, x87_st(f, i)->mantissa);
        put(a, AT_ST + 16 * i + 8, MEM_64, x87_st(f, i)->exponent);
    }
}

static void save_mxcsr(const Area *a)
{
    put(a, AT_MXCSR, MEM_32, a->x->s.mxcsr);
    put(a, AT_MXCSR_MASK, MEM_32, x86_mxcsr_mask(a->x));
}

static void save_halves(const Area *a, unsigned at, unsigned half)
{
    for (unsigned i = 0; i < a->registers; i++) {
        put(a, at + 16 * i, MEM_64, a->x->s.ymm[i][half]);
        put(a, at + 16 * i + 8, MEM_64, a->x->s.ymm[i][half + 1]);
    }
}

static void save_sse(const Area *a, unsigned at)
{
    save_halves(a, AT_XMM, 0);
}

static void save_avx(const Area *a, unsigned at)
{
    save_halves(a, at, 2);
}

static void save_pkru(const Area *a, unsigned at)
{
    put(a, at, MEM_64, a->x->s.pkru);
}

/* ---- components: restore -------------------------------------------------------------- */

/* What an area may hold: as it will be when all of it was read, and no access faulted. */
typedef struct Restored {
    uint64_t ymm[16][4];
    uint32_t mxcsr, pkru;
    X87 x87;
} Restored;

/* Of as many bits as the processor can have, whatever CR4.LA57 says (seen on Zen 5). */
static uint64_t canonical(const X86CPU *x, uint64_t pointer)
{
    unsigned unused = x86_has(x, X86_LA57) ? 64 - 57 : 64 - 48;
    return (int64_t)(pointer << unused) >> unused;
}

static void restore_x87(const Area *a, unsigned at, Restored *to)
{
    X87 *f = &to->x87;
    uint16_t status = get(a, AT_STATUS, MEM_16);
    f->fcw = (get(a, AT_CONTROL, MEM_16) & FCW_WRITABLE) | FCW_FIXED;
    x87_set_status_word(f, status);
    f->tags = get(a, AT_TAGS, MEM_8);
    if (a->x->vendor != VENDOR_AMD || x86_has(a->x, X86_XSAVEERPTR) || (f->fsw & FSW_ES)) {
        uint64_t ip = get(a, AT_IP, MEM_64), dp = get(a, AT_DP, MEM_64);
        f->fop = get(a, AT_OPCODE, MEM_16) & FOP_BITS;
        f->fip = a->wide ? canonical(a->x, ip) : (uint32_t)ip;
        f->fdp = a->wide ? canonical(a->x, dp) : (uint32_t)dp;
        f->fcs = a->wide ? 0 : ip >> 32;
        f->fds = a->wide ? 0 : dp >> 32;
    }
    for (unsigned i = 0; i < 8; i++) {
        *x87_st(f, i) = (X86Fpr){ get(a, AT_ST + 16 * i, MEM_64), get(a, AT_ST + 16 * i + 8, MEM_16) };
    }
}

static void restore_halves(const Area *a, unsigned at, unsigned half, Restored *to)
{
    for (unsigned i = 0; i < a->registers; i++) {
        to->ymm[i][half] = get(a, at + 16 * i, MEM_64);
        to->ymm[i][half + 1] = get(a, at + 16 * i + 8, MEM_64);
    }
}

static void restore_sse(const Area *a, unsigned at, Restored *to)
{
    restore_halves(a, AT_XMM, 0, to);
}

static void restore_avx(const Area *a, unsigned at, Restored *to)
{
    restore_halves(a, at, 2, to);
}

static void restore_pkru(const Area *a, unsigned at, Restored *to)
{
    to->pkru = get(a, at, MEM_32);
}

static uint32_t restored_mxcsr(const Area *a)
{
    uint32_t value = get(a, AT_MXCSR, MEM_32);
    if (value & ~x86_mxcsr_mask(a->x)) {
        fault(a->x, X86_EXC_GP);
    }
    return value;
}

/* ---- components: as at reset --------------------------------------------------------------- */

static void init_x87(const Area *a, Restored *to)
{
    to->x87 = (X87){ .fcw = FCW_INIT };
}

static void init_halves(const Area *a, unsigned half, Restored *to)
{
    for (unsigned i = 0; i < a->registers; i++) {
        to->ymm[i][half] = to->ymm[i][half + 1] = 0;
    }
}

static void init_sse(const Area *a, Restored *to)
{
    init_halves(a, 0, to);
}

static void init_avx(const Area *a, Restored *to)
{
    init_halves(a, 2, to);
}

static void init_pkru(const Area *a, Restored *to)
{
    to->pkru = 0;
}

static bool x87_in_use(const Area *a)
{
    const X87 *f = &a->x->s.x87;
    uint64_t any = f->fsw | f->top | f->tags | f->fop | f->fcs | f->fds | f->fip | f->fdp;
    for (unsigned i = 0; i < 8; i++) {
        any |= f->st[i].mantissa | f->st[i].exponent;
    }
    return any || f->fcw != FCW_INIT;
}

static bool halves_in_use(const Area *a, unsigned half)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < a->registers; i++) {
        any |= a->x->s.ymm[i][half] | a->x->s.ymm[i][half + 1];
    }
    return any;
}

static bool sse_in_use(const Area *a)
{
    return halves_in_use(a, 0);
}

static bool avx_in_use(const Area *a)
{
    return halves_in_use(a, 2);
}

static bool pkru_in_use(const Area *a)
{
    return a->x->s.pkru;
}

/* ---- all of them -------------------------------------------------------------------------------- */

/* In the order of the compacted form; x86_xsave_bytes() knows sizes and places. */
static const struct Component {
    uint32_t bit; /* XS_* */
    void (*save)(const Area *a, unsigned at);
    void (*restore)(const Area *a, unsigned at, Restored *to);
    void (*init)(const Area *a, Restored *to);
    bool (*in_use)(const Area *a);
} components[] = {
    { XS_X87, save_x87, restore_x87, init_x87, x87_in_use },
    { XS_SSE, save_sse, restore_sse, init_sse, sse_in_use },
    { XS_AVX, save_avx, restore_avx, init_avx, avx_in_use },
    { XS_PKRU, save_pkru, restore_pkru, init_pkru, pkru_in_use },
};

static uint64_t in_use(const Area *a)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(components); i++) {
        bits |= components[i].in_use(a) ? components[i].bit : 0;
    }
    return bits;
}

uint64_t x86_states_in_use(X86CPU *x)
{
    x87_need(&x->cpu);
    Area a = { .x = x, .registers = x86_64bit(x) ? 16 : 8 };
    return in_use(&a) | (x->s.mxcsr != MXCSR_INIT ? XS_SSE : 0);
}

/* Where a component lies: in the compacted form behind those below it that the form has. */
static unsigned place_of(uint32_t bit, uint64_t form)
{
    bool compact = form & XS_COMPACT;
    uint64_t below = form & (bit - 1);
    return compact ? x86_xsave_bytes(below, true) : x86_xsave_place(bit);
}

/* ---- which instruction --------------------------------------------------------------------------- */

typedef struct Row {
    bool fx, compact, supervisor, init_optimized;
} Row;

static Row row_of(uint32_t how)
{
    switch (how & XSAVE_HOW_ROW) {
    case X86_XSAVE_FXSAVE:
    case X86_XSAVE_FXSAVE64:
    case X86_XSAVE_FXRSTOR:
    case X86_XSAVE_FXRSTOR64: return (Row){ .fx = true };
    case X86_XSAVE_XSAVEOPT:
    case X86_XSAVE_XSAVEOPT64: return (Row){ .init_optimized = true };
    case X86_XSAVE_XSAVEC:
    case X86_XSAVE_XSAVEC64: return (Row){ .compact = true, .init_optimized = true };
    case X86_XSAVE_XSAVES:
    case X86_XSAVE_XSAVES64:
    case X86_XSAVE_XRSTORS:
    case X86_XSAVE_XRSTORS64: return (Row){ .compact = true, .supervisor = true, .init_optimized = true };
    default: return (Row){ 0 };
    }
}

static Area begin(CPU *cpu, uint64_t at, uint32_t how, Row row)
{
    X86CPU *x = x86_cpu(cpu);
    unsigned align = row.fx ? 16 : 64;
    if (!row.fx && !(x->s.cr4 & CR4_OSXSAVE)) {
        fault(x, X86_EXC_UD);
    }
    if (x->s.cr0 & (row.fx ? CR0_EM | CR0_TS : CR0_TS)) {
        fault(x, X86_EXC_NM);
    }
    if (row.fx && !x86_canonical(x, at)) { /* before it is asked whether it is aligned (seen on Zen 3) */
        cpu_probe(cpu, at, 1, MMU_READ);
    }
    if (at & (align - 1)) {
        fault(x, X86_EXC_GP);
    }
    return (Area){ .x = x, .at = at, .wide = how & XSAVE_HOW_WIDE, .registers = x86_64bit(x) ? 16 : 8 };
}

/* AMD's FXSAVE and FXRSTOR of the system leave XMM alone in 64-bit code when it says so (APM 2, "Fast FXSAVE"). */
static bool fx_has_xmm(const X86CPU *x)
{
    return (x->s.cr4 & CR4_OSFXSR) && !((x->s.efer & EFER_FFXSR) && x86_64bit(x) && x->s.cpl == 0);
}

static uint64_t allowed(const X86CPU *x, Row row)
{
    return x->s.xcr0 | (row.supervisor ? x->s.msr.xss : 0);
}

/* ---- saving ---------------------------------------------------------------------------------------- */

static void probe_byte(const Area *a, unsigned offset, MmuAccess access)
{
    cpu_probe(&a->x->cpu, x87_linear(&a->x->cpu, a->at, offset), 1, access);
}

static void fxsave(const Area *a)
{
    probe_byte(a, LEGACY - 1, MMU_WRITE); /* which Zen 3 looks at first here */
    x87_probe(&a->x->cpu, a->at, 1, LEGACY, MMU_WRITE);
    save_x87(a, 0);
    if (a->x->s.cr4 & CR4_OSFXSR) {
        save_mxcsr(a);
    }
    if (fx_has_xmm(a->x)) {
        save_sse(a, 0);
    }
}

static void xsave(const Area *a, Row row, uint64_t mask)
{
    X86CPU *x = a->x;
    uint64_t wanted = mask & allowed(x, row), used = in_use(a);
    uint64_t form = row.compact ? wanted | XS_COMPACT : 0;
    if (row.compact && x->s.mxcsr != MXCSR_INIT) {
        used |= XS_SSE; /* there MXCSR is a part of it */
    }
    uint64_t saved = wanted & (row.init_optimized ? used : UINT64_MAX);
    x87_probe(&x->cpu, a->at, 1, x86_xsave_bytes(wanted, row.compact), MMU_WRITE);
    uint64_t kept = row.compact ? 0 : get(a, AT_XSTATE, MEM_64) & ~wanted;
    for (unsigned i = 0; i < G_N_ELEMENTS(components); i++) {
        if (saved & components[i].bit) {
            components[i].save(a, place_of(components[i].bit, form));
        }
    }
    if (row.compact ? saved & XS_SSE : wanted & (XS_SSE | XS_AVX)) {
        save_mxcsr(a);
    }
    put(a, AT_XSTATE, MEM_64, kept | (wanted & used));
    if (row.compact) {
        put(a, AT_XCOMP, MEM_64, form);
    }
}

static void helper_save(CPU *cpu, uint64_t at, uint32_t how, uint64_t mask)
{
    x87_need(cpu);
    Row row = row_of(how);
    Area a = begin(cpu, at, how, row);
    if (row.fx) {
        fxsave(&a);
    } else {
        xsave(&a, row, mask);
    }
}
const IrHelper x86_helper_save = IR_HELPER3("x86_save", helper_save, STATE, VOID, I64, I32, I64);

/* ---- restoring --------------------------------------------------------------------------------------- */

static void commit(X86CPU *x, const Restored *to)
{
    x->s.x87 = to->x87;
    memcpy(x->s.ymm, to->ymm, sizeof(x->s.ymm));
    x->s.mxcsr = to->mxcsr;
    if (to->pkru != x->s.pkru) {
        x86_write_pkru(x, to->pkru);
    }
}

static void fxrstor(const Area *a, Restored *to)
{
    probe_byte(a, LEGACY - 1, MMU_READ);
    x87_probe(&a->x->cpu, a->at, 1, LEGACY, MMU_READ);
    restore_x87(a, 0, to);
    if (a->x->s.cr4 & CR4_OSFXSR) {
        to->mxcsr = restored_mxcsr(a);
    }
    if (fx_has_xmm(a->x)) {
        restore_sse(a, 0, to);
    }
}

/* What the header says, XCOMP_BV (0: the standard form); #GP where it says what cannot be. */
static uint64_t check_header(const Area *a, Row row, uint64_t states)
{
    X86CPU *x = a->x;
    uint64_t form = get(a, AT_XCOMP, MEM_64), rest = 0;
    bool compact = form & XS_COMPACT, can = x86_has(x, X86_XSAVEC) || row.supervisor;
    for (unsigned at = AT_XCOMP + 8; at < (compact ? HEADER_END : AT_XCOMP + 16u); at += 8) {
        rest |= get(a, at, MEM_64);
    }
    bool bad = compact ? !can || (form & ~XS_COMPACT & ~allowed(x, row)) || (states & ~(form & ~XS_COMPACT))
                       : row.supervisor || form || (states & ~x->s.xcr0);
    if (bad || rest) {
        fault(x, X86_EXC_GP);
    }
    return form;
}

static void xrstor(const Area *a, Row row, uint64_t mask, Restored *to)
{
    uint64_t wanted = mask & allowed(a->x, row), states;
    probe_byte(a, 0, MMU_READ);
    states = get(a, AT_XSTATE, MEM_64);
    uint64_t form = check_header(a, row, states);
    x87_probe(&a->x->cpu, a->at, 1, x86_xsave_bytes(wanted, form), MMU_READ);
    for (unsigned i = 0; i < G_N_ELEMENTS(components); i++) {
        const struct Component *c = &components[i];
        if (wanted & states & c->bit) {
            c->restore(a, place_of(c->bit, form), to);
        } else if (wanted & c->bit) {
            c->init(a, to);
        }
    }
    if (form ? wanted & states & XS_SSE : wanted & (XS_SSE | XS_AVX)) {
        to->mxcsr = restored_mxcsr(a);
    } else if (wanted & XS_SSE) {
        to->mxcsr = MXCSR_INIT;
    }
}

static void helper_restore(CPU *cpu, uint64_t at, uint32_t how, uint64_t mask)
{
    x87_need(cpu);
    Row row = row_of(how);
    Area a = begin(cpu, at, how, row);
    Restored to = { .x87 = a.x->s.x87, .mxcsr = a.x->s.mxcsr, .pkru = a.x->s.pkru };
    memcpy(to.ymm, a.x->s.ymm, sizeof(to.ymm));
    if (row.fx) {
        fxrstor(&a, &to);
    } else {
        xrstor(&a, row, mask, &to);
    }
    commit(a.x, &to);
    x86_vectors_changed(a.x);
    cpu_mmu_changed(cpu); /* PKRU, and which exceptions are unmasked */
}
const IrHelper x86_helper_restore = IR_HELPER3("x86_restore", helper_restore, STATE, VOID, I64, I32, I64);

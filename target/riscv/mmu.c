/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address translation: Bare, Sv32, Sv39, Sv48, Sv57.
 * Spec: privileged specification, supervisor.adoc ("Virtual Address Translation
 * Process"), sv.adoc, svnapot.adoc, svpbmt.adoc, svadu.adoc; machine.adoc (MPRV).
 *
 * One walk serves the JIT, the interpreter and the debugger.  A walk that fails
 * gives the exception code in MmuFault.code.
 *
 * Not modelled: the memory types of Svpbmt (checked, then ignored: guest RAM is
 * coherent), the H extension's second stage. */
#include "target/riscv/cpu.h"

#include <inttypes.h>

#include "target/page_runs.h"
#include "target/vcpu.h"
#include "base/log.h"

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
#define PTE_N (1ull << 63)
#define PTE_PBMT (3ull << 61)
#define PTE_RESERVED (0x7full << 54)
#define PTE_PPN_SHIFT 10

/* A translation scheme (supervisor.adoc, "Sv32" .. "Sv57"). */
typedef struct Scheme {
    uint8_t levels, index_bits, pte_bytes, va_bits;
} Scheme;
static const Scheme sv32 = { 2, 10, 4, 32 };
static const Scheme sv39 = { 3, 9, 8, 39 };
static const Scheme sv48 = { 4, 9, 8, 48 };
static const Scheme sv57 = { 5, 9, 8, 57 };

static unsigned satp_mode(const RiscvCPU *r)
{
    return r->xlen == 32 ? r->s.satp >> 31 & 1 : r->s.satp >> 60;
}

static const Scheme *scheme_of(const RiscvCPU *r)
{
    switch (satp_mode(r)) {
    case 1: return &sv32;
    case 8: return &sv39;
    case 9: return &sv48;
    case 10: return &sv57;
    default: return NULL;
    }
}

static unsigned data_priv(const RiscvCPU *r)
{
    return r->s.mstatus & MSTATUS_MPRV ? (r->s.mstatus & MSTATUS_MPP) >> 11 : r->s.priv;
}

void riscv_context_key(CPU *cpu, CpuContextKey *key)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned data = data_priv(r);
    bool translated = r->s.priv != PRIV_M || data != PRIV_M;
    key->space = translated ? r->s.satp : 0;
    key->access = data;
    if (data != PRIV_M) {
        key->access |= (r->s.mstatus & (MSTATUS_SUM | MSTATUS_MXR)) >> 16;
    }
    if (translated) {
        key->access |= satp_mode(r) << 4; /* Bare has no global pages */
    }
    key->mode = r->s.priv | (r->xlen == 32 ? RISCV_MODE_RV32 : 0);
}

static const uint8_t page_faults[] = { EXC_LOAD_PAGE, EXC_STORE_PAGE, EXC_INSN_PAGE };
static const uint8_t access_faults[] = { EXC_LOAD_ACCESS, EXC_STORE_ACCESS, EXC_INSN_ACCESS };

typedef struct Walk {
    RiscvCPU *r;
    const Scheme *scheme;
    MmuAccess access;
    unsigned priv;
    bool debug;    /* no side effects, no rights */
    uint8_t cause; /* out: of a walk that fails */
} Walk;

static bool walk_fail(Walk *w, const uint8_t *causes)
{
    w->cause = causes[w->access];
    return false;
}

/* Rights of a leaf for w->priv, PROT_* (steps 5 to 7 of the process). */
static uint8_t leaf_rights(const Walk *w, uint64_t pte)
{
    uint64_t status = w->r->s.mstatus;
    uint8_t prot = (pte & PTE_R ? PROT_R : 0) | (pte & PTE_W ? PROT_W : 0) | (pte & PTE_X ? PROT_X : 0);
    if ((pte & PTE_X) && (status & MSTATUS_MXR)) {
        prot |= PROT_R;
    }
    if (w->priv == PRIV_U) {
        return pte & PTE_U ? prot : 0;
    }
    if (pte & PTE_U) {
        return status & MSTATUS_SUM ? prot & ~PROT_X : 0;
    }
    return prot;
}

static bool pte_malformed(const RiscvCPU *r, uint64_t pte, bool leaf, unsigned level)
{
    if (r->xlen == 32) {
        return !leaf && (pte & (PTE_U | PTE_A | PTE_D));
    }
    if ((pte & PTE_RESERVED) || (!leaf && (pte & (PTE_U | PTE_A | PTE_D | PTE_N | PTE_PBMT)))) {
        return true;
    }
    if (pte & PTE_PBMT) {
        bool on = riscv_has(r, EXT_SVPBMT) && (r->s.menvcfg & ENVCFG_PBMTE);
        if (!on || (pte & PTE_PBMT) == PTE_PBMT) {
            return true;
        }
    }
    if (pte & PTE_N) { /* 64 KiB is the one size defined: svnapot.adoc */
        bool napot64k = level == 0 && (pte >> PTE_PPN_SHIFT & 0xf) == 8;
        return !riscv_has(r, EXT_SVNAPOT) || !napot64k;
    }
    return false;
}

/* Set A (and D for a store) in memory, or fault as Svade says.  *again: the
 * entry changed under us. */
static bool leaf_touch(Walk *w, uint64_t where, uint64_t *pte, bool *again)
{
    RiscvCPU *r = w->r;
    uint64_t want = *pte | PTE_A | (w->access == MMU_WRITE ? PTE_D : 0);
    bool swapped = false;
    MemOp mop = w->scheme->pte_bytes == 8 ? MEM_64 : MEM_32;
    *again = false;
    if (want == *pte || w->debug) {
        return true;
    }
    if (!riscv_has(r, EXT_SVADU) || !(r->s.menvcfg & ENVCFG_ADUE)) {
        return walk_fail(w, page_faults);
    }
    if (!(riscv_pmp_rights(r, where, w->scheme->pte_bytes, PRIV_S, NULL) & PROT_W) ||
        !cpu_phys_cas(&r->cpu, where, mop, *pte, want, &swapped)) {
        return walk_fail(w, access_faults);
    }
    *again = !swapped;
    *pte = want;
    return true;
}

static bool walk_leaf(Walk *w, uint64_t vaddr, uint64_t where, uint64_t pte, unsigned level, MmuResult *out,
                      bool *again)
{
    static const uint8_t needed[] = { PROT_R, PROT_W, PROT_X };
    uint64_t ppn = (pte & ~(PTE_N | PTE_PBMT)) >> PTE_PPN_SHIFT;
    unsigned low_bits = level * w->scheme->index_bits;
    uint8_t prot = w->debug ? PROT_R | PROT_W | PROT_X : leaf_rights(w, pte);
    *again = false;
    if (!(prot & needed[w->access]) || (ppn & ((1ull << low_bits) - 1))) {
        return walk_fail(w, page_faults);
    }
    if (!leaf_touch(w, where, &pte, again)) {
        return false;
    }
    out->leaf_bits = 12 + low_bits;
    if (pte & PTE_N) { /* 16 entries, each with a fence of its own: svnapot.adoc */
        low_bits = 4;
        ppn &= ~0xfull;
    }
    uint64_t vpn_low = vaddr >> 12 & ((1ull << low_bits) - 1);
    out->phys = (ppn | vpn_low) << 12 | (vaddr & 0xfff);
    out->prot = pte & PTE_D ? prot : prot & ~PROT_W;
    return true;
}

static bool walk_table(Walk *w, uint64_t vaddr, MmuResult *out)
{
    RiscvCPU *r = w->r;
    const Scheme *s = w->scheme;
    uint64_t ppn = r->s.satp & (r->xlen == 32 ? (1ull << 22) - 1 : (1ull << 44) - 1);
    MemOp mop = s->pte_bytes == 8 ? MEM_64 : MEM_32;
    bool global = false;
    for (int level = s->levels - 1; level >= 0; level--) {
        uint64_t index = vaddr >> (12 + level * s->index_bits) & ((1u << s->index_bits) - 1);
        uint64_t where = (ppn << 12) + index * s->pte_bytes, pte;
        if (!(riscv_pmp_rights(r, where, s->pte_bytes, PRIV_S, NULL) & PROT_R) ||
            !cpu_phys_load(&r->cpu, where, mop, &pte)) {
            return walk_fail(w, access_faults);
        }
        bool leaf = pte & (PTE_R | PTE_X);
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || pte_malformed(r, pte, leaf, level)) {
            return walk_fail(w, page_faults);
        }
        if (leaf) {
            bool again;
            if (!walk_leaf(w, vaddr, where, pte, level, out, &again)) {
                return false;
            }
            if (!again) {
                out->global = global || (pte & PTE_G);
                return true;
            }
            level++; /* another agent changed the entry: read it once more */
        } else {
            global |= pte & PTE_G;
            ppn = pte >> PTE_PPN_SHIFT & ((1ull << 44) - 1);
        }
    }
    return walk_fail(w, page_faults);
}

static bool canonical(const Scheme *s, uint64_t vaddr)
{
    unsigned unused = 64 - s->va_bits;
    return s == &sv32 || (uint64_t)((int64_t)(vaddr << unused) >> unused) == vaddr;
}

static bool walk(Walk *w, uint64_t vaddr, unsigned bytes, MmuResult *out)
{
    static const uint8_t needed[] = { PROT_R, PROT_W, PROT_X };
    RiscvCPU *r = w->r;
    *out = (MmuResult){ .phys = vaddr, .prot = PROT_R | PROT_W | PROT_X };
    if (r->xlen == 32) {
        vaddr = (uint32_t)vaddr;
        out->phys = vaddr;
    }
    if (w->scheme) {
        if (!canonical(w->scheme, vaddr)) {
            return walk_fail(w, page_faults);
        }
        if (!walk_table(w, vaddr, out)) {
            return false;
        }
    }
    uint8_t rights = riscv_pmp_rights(r, out->phys, bytes, w->priv, out);
    if (!(rights & needed[w->access])) {
        return walk_fail(w, access_faults);
    }
    out->prot &= rights;
    /* With MPRV fetches and data see different maps: a page is entered for one of them. */
    if (r->s.mstatus & MSTATUS_MPRV) {
        out->prot &= w->access == MMU_EXEC ? PROT_X : PROT_R | PROT_W;
    }
    return true;
}

static void log_walk(const Walk *w, uint64_t vaddr, const MmuResult *m, bool ok)
{
    static const char *const names[] = { "load", "store", "fetch" };
    g_autofree char *found = ok ? g_strdup_printf("0x%" PRIx64 " %c%c%c%s", m->phys,
                                                  m->prot & PROT_R ? 'r' : '-', m->prot & PROT_W ? 'w' : '-',
                                                  m->prot & PROT_X ? 'x' : '-', m->global ? " global" : "")
                                : g_strdup_printf("exception %u", w->cause);
    log_write("riscv: hart %u: %s at 0x%" PRIx64 ", satp 0x%" PRIx64 ", mode %u: %s\n", w->r->cpu.index,
              names[w->access], vaddr, w->r->s.satp, w->priv, found);
}

bool riscv_walk(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault)
{
    RiscvCPU *r = riscv_cpu(cpu);
    Walk w = { .r = r, .access = access, .priv = access == MMU_EXEC ? r->s.priv : data_priv(r) };
    w.scheme = w.priv == PRIV_M ? NULL : scheme_of(r);
    bool ok = walk(&w, vaddr, bytes, out);
    if (!ok) {
        *fault = (MmuFault){ .kind = FAULT_WALK, .access = access, .vaddr = vaddr, .code = w.cause };
    }
    if (log_enabled(LOG_MMU)) {
        log_walk(&w, vaddr, out, ok);
    }
    return ok;
}

bool riscv_debug_walk(CPU *cpu, uint64_t vaddr, uint64_t *phys)
{
    RiscvCPU *r = riscv_cpu(cpu);
    MmuResult out = { .phys = vaddr };
    Walk w = { .r = r, .access = MMU_READ, .priv = r->s.priv, .debug = true };
    w.scheme = r->s.priv == PRIV_M ? NULL : scheme_of(r);
    bool ok = !w.scheme || (canonical(w.scheme, vaddr) && walk_table(&w, vaddr, &out));
    *phys = out.phys;
    return ok;
}

/* ---- info mem (target/page_runs.h) --------------------------------------- */

typedef struct Dump {
    RiscvCPU *r;
    const Scheme *s;
    PageRuns runs;
} Dump;

static void rights_text(uint64_t flags, char text[8])
{
    static const char names[] = "rwxugad";
    for (unsigned i = 0; i < 7; i++) {
        text[i] = flags >> (i + 1) & 1 ? names[i] : '-';
    }
    text[7] = '\0';
}

static void dump_leaf(Dump *d, uint64_t vaddr, uint64_t pte, uint64_t size)
{
    page_runs_add(&d->runs, vaddr, (pte & ~(PTE_N | PTE_PBMT)) >> PTE_PPN_SHIFT << 12, size, pte & 0xfe);
}

static void dump_table(Dump *d, uint64_t ppn, int level, uint64_t vaddr)
{
    uint64_t table[PAGE_TABLE_BYTES / sizeof(uint64_t)];
    unsigned shift = 12 + level * d->s->index_bits;
    if (!page_runs_read(&d->runs, d->r->cpu.as, ppn << 12, table)) {
        return;
    }
    for (uint64_t i = 0; i < 1u << d->s->index_bits && !page_runs_full(&d->runs); i++) {
        uint64_t pte = page_table_entry(table, d->s->pte_bytes, i), at = vaddr | i << shift;
        if (!(pte & PTE_V)) {
            continue;
        }
        if (pte & (PTE_R | PTE_X)) {
            unsigned unused = d->s == &sv32 ? 0 : 64 - d->s->va_bits;
            dump_leaf(d, (int64_t)(at << unused) >> unused, pte, 1ull << shift);
        } else if (level > 0) {
            dump_table(d, pte >> PTE_PPN_SHIFT & ((1ull << 44) - 1), level - 1, at);
        }
    }
}

void riscv_dump_mmu(CPU *cpu, GString *out)
{
    RiscvCPU *r = riscv_cpu(cpu);
    Dump d = { .r = r, .s = scheme_of(r), .runs = { .out = out, .rights = rights_text } };
    if (!d.s) {
        g_string_append(out, "No translation or protection\n");
        return;
    }
    page_runs_begin(&d.runs, "vaddr", "paddr");
    dump_table(&d, r->s.satp & (r->xlen == 32 ? (1ull << 22) - 1 : (1ull << 44) - 1), d.s->levels - 1, 0);
    page_runs_end(&d.runs);
}

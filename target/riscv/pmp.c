/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory protection.  Spec: privileged specification, machine.adoc,
 * section "Physical Memory Protection": 16 entries, granularity 4 bytes.
 *
 * Entries that are on are kept as a short list of ranges; the last stretch of
 * memory whose rights were found uniform is remembered, so that a page fill
 * costs two comparisons.
 *
 * Not modelled: Smepmp (mseccfg), entries past 16. */
#include "target/riscv/cpu.h"

#include "target/vcpu.h"

enum {
    PMP_R = 1,
    PMP_W = 2,
    PMP_X = 4,
    PMP_A = 0x18,
    PMP_L = 0x80,
    PMP_OFF = 0,
    PMP_TOR = 0x08,
    PMP_NA4 = 0x10,
    PMP_NAPOT = 0x18
};

static bool pmp_entry_range(const RiscvCPU *r, unsigned i, PmpRange *out)
{
    uint64_t addr = r->s.pmpaddr[i];
    switch (r->s.pmpcfg[i] & PMP_A) {
    case PMP_TOR: {
        uint64_t low = i ? r->s.pmpaddr[i - 1] : 0;
        if (low >= addr) {
            return false; /* matches no address */
        }
        out->first = low << 2;
        out->last = (addr << 2) - 1;
        break;
    }
    case PMP_NA4:
        out->first = addr << 2;
        out->last = out->first + 3;
        break;
    case PMP_NAPOT: {
        uint64_t ones = addr ^ (addr + 1); /* the trailing ones and the zero above */
        out->first = (addr & ~ones) << 2;
        out->last = out->first | (ones << 2) | 3;
        break;
    }
    default: return false;
    }
    uint8_t cfg = r->s.pmpcfg[i];
    out->rights = (cfg & PMP_R ? PROT_R : 0) | (cfg & PMP_W ? PROT_W : 0) | (cfg & PMP_X ? PROT_X : 0);
    out->locked = cfg & PMP_L;
    return true;
}

void riscv_pmp_update(RiscvCPU *r)
{
    r->pmp_range_count = 0;
    r->pmp_fine = false;
    for (unsigned i = 0; i < RISCV_MAX_PMP; i++) {
        PmpRange *p = &r->pmp_ranges[r->pmp_range_count];
        if (pmp_entry_range(r, i, p)) {
            r->pmp_range_count++;
            r->pmp_fine |= (p->first | (p->last + 1)) % RISCV_CACHE_BLOCK != 0;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(r->pmp_cache); i++) {
        r->pmp_cache[i] = (PmpRange){ .first = 1, .last = 0 };
    }
}

static uint8_t range_rights(const PmpRange *p, bool machine)
{
    return machine && !p->locked ? PROT_R | PROT_W | PROT_X : p->rights;
}

/* The stretch around `phys` in which the same entry (or none) decides. */
static PmpRange pmp_stretch(const RiscvCPU *r, uint64_t phys, bool machine)
{
    PmpRange s = { .first = 0, .last = UINT64_MAX, .rights = machine ? PROT_R | PROT_W | PROT_X : 0 };
    for (unsigned i = 0; i < r->pmp_range_count; i++) {
        const PmpRange *p = &r->pmp_ranges[i];
        if (phys > p->last) {
            s.first = MAX(s.first, p->last + 1);
        } else if (phys < p->first) {
            s.last = MIN(s.last, p->first - 1);
        } else {
            s.first = MAX(s.first, p->first);
            s.last = MIN(s.last, p->last);
            s.rights = range_rights(p, machine);
            break;
        }
    }
    return s;
}

/* An access that straddles entries fails, whatever each allows: the lowest
 * numbered entry that matches any byte must match all ("Priority and Matching Logic"). */
static uint8_t pmp_match(const RiscvCPU *r, uint64_t first, uint64_t last, bool machine)
{
    for (unsigned i = 0; i < r->pmp_range_count; i++) {
        const PmpRange *p = &r->pmp_ranges[i];
        if (last < p->first || first > p->last) {
            continue;
        }
        return first >= p->first && last <= p->last ? range_rights(p, machine) : 0;
    }
    return machine ? PROT_R | PROT_W | PROT_X : 0;
}

uint8_t riscv_pmp_rights(RiscvCPU *r, uint64_t phys, unsigned size, unsigned priv, MmuResult *m)
{
    bool machine = priv == PRIV_M;
    if (!riscv_has(r, EXT_PMP)) {
        return PROT_R | PROT_W | PROT_X;
    }
    PmpRange *cache = &r->pmp_cache[machine];
    if (phys < cache->first || phys > cache->last) {
        *cache = pmp_stretch(r, phys, machine);
    }
    uint64_t page = phys & ~(uint64_t)(RAM_PAGE - 1);
    if (m && (page < cache->first || page + (RAM_PAGE - 1) > cache->last)) {
        m->no_cache = true;
        m->alike_to = MIN(cache->last - page, (uint64_t)RAM_PAGE - 1) + 1;
    }
    return phys + size - 1 <= cache->last ? cache->rights : pmp_match(r, phys, phys + size - 1, machine);
}

enum { PMP_RESERVED = 0x60 };

static uint64_t pmpaddr_bits(const RiscvCPU *r)
{
    return r->xlen == 32 ? UINT32_MAX : (1ull << 54) - 1;
}

bool riscv_pmp_is_legal(const RiscvCPU *r)
{
    for (unsigned i = 0; i < RISCV_MAX_PMP; i++) {
        uint8_t cfg = r->s.pmpcfg[i];
        bool on = cfg || r->s.pmpaddr[i];
        if ((on && !riscv_has(r, EXT_PMP)) || (cfg & PMP_RESERVED) || (cfg & (PMP_R | PMP_W)) == PMP_W ||
            r->s.pmpaddr[i] & ~pmpaddr_bits(r)) {
            return false;
        }
    }
    return true;
}

static void pmp_changed(RiscvCPU *r)
{
    riscv_pmp_update(r);
    cpu_flush_all(&r->cpu);
}

void riscv_pmpcfg_write(RiscvCPU *r, unsigned entry, uint8_t value)
{
    if (r->s.pmpcfg[entry] & PMP_L) {
        return;
    }
    value &= ~PMP_RESERVED; /* they read as zero */
    if ((value & (PMP_R | PMP_W)) == PMP_W) {
        value = (value & ~7) | (r->s.pmpcfg[entry] & 7); /* reserved combination: keep the old */
    }
    if (r->s.pmpcfg[entry] != value) {
        r->s.pmpcfg[entry] = value;
        pmp_changed(r);
    }
}

void riscv_pmpaddr_write(RiscvCPU *r, unsigned entry, uint64_t value)
{
    bool locked_as_base = entry + 1 < RISCV_MAX_PMP && (r->s.pmpcfg[entry + 1] & PMP_L) &&
                          (r->s.pmpcfg[entry + 1] & PMP_A) == PMP_TOR;
    if ((r->s.pmpcfg[entry] & PMP_L) || locked_as_base) {
        return;
    }
    value &= pmpaddr_bits(r);
    if (r->s.pmpaddr[entry] != value) {
        r->s.pmpaddr[entry] = value;
        pmp_changed(r);
    }
}

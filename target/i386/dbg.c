/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug registers.
 * Spec: SDM volume 3, "Debug Registers", "Debug Exception (#DB)"; volume 2, MOV to and from debug registers.
 *
 * Not modelled: debugging of transactions (RTM), bus locks. */
#include "target/i386/dbg.h"

#include "target/vcpu.h"

/* DR4 and DR5 are other names of DR6 and DR7, where CR4.DE does not take them away. */
static bool dr_check(X86CPU *x, unsigned *n, X86Fault *f)
{
    if (*n == 4 || *n == 5) {
        if (x->s.cr4 & CR4_DE) {
            return x86_fault(f, X86_EXC_UD, 0);
        }
        *n += 2;
    }
    if (x->s.dr7 & DR7_GD) {
        f->dr6 = DR6_BD;
        return x86_fault(f, X86_EXC_DB, 0);
    }
    return true;
}

bool x86_dr_read(X86CPU *x, unsigned n, uint64_t *value, X86Fault *f)
{
    if (!dr_check(x, &n, f)) {
        return false;
    }
    *value = n < 4 ? x->s.dr[n] : n == 6 ? x->s.dr6 : x->s.dr7;
    return true;
}

bool x86_dr_write(X86CPU *x, unsigned n, uint64_t value, X86Fault *f)
{
    if (!dr_check(x, &n, f)) {
        return false;
    }
    if (n < 4) {
        x->s.dr[n] = value;
    } else if (value >> 32) {
        return x86_fault(f, X86_EXC_GP, 0);
    } else if (n == 6) {
        x->s.dr6 = x86_dr6_of(value);
    } else {
        x->s.dr7 = x86_dr7_of(value);
    }
    cpu_mmu_changed(&x->cpu); /* that there are breakpoints is of the mode */
    if (n == 7 || x->s.dr7 & DR7_ENABLES) {
        cpu_flush_all(&x->cpu); /* pages with data breakpoints are not accessed without a word */
    }
    return true;
}

/* ---- matches ------------------------------------------------------------------ */

static unsigned break_bytes(const X86CPU *x, unsigned i)
{
    static const uint8_t bytes[] = { 1, 2, 8, 4 };
    return bytes[x->s.dr7 >> (18 + 4 * i) & 3];
}

/* The breakpoint's address is rounded down to its length. */
static bool overlaps(const X86CPU *x, unsigned i, uint64_t first, unsigned bytes)
{
    unsigned length = break_bytes(x, i);
    uint64_t at = x->s.dr[i] & -(uint64_t)length;
    return first < at ? at - first < bytes : first - at < length;
}

uint64_t x86_break_code(const X86CPU *x, uint64_t linear)
{
    uint64_t met = 0;
    for (unsigned i = 0; i < 4 && !(x->s.eflags & EFL_RF); i++) {
        bool code = x86_break_enabled(x, i) && x86_break_kind(x, i) == BREAK_EXEC;
        met |= code && x->s.dr[i] == linear ? 1 << i : 0;
    }
    return met;
}

uint64_t x86_break_data(const X86CPU *x, uint64_t linear, unsigned bytes, bool write)
{
    uint64_t met = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned kind = x86_break_kind(x, i);
        bool watches = x86_break_enabled(x, i) && (kind == BREAK_ACCESS || (kind == BREAK_WRITE && write));
        met |= watches && overlaps(x, i, linear, bytes) ? 1 << i : 0;
    }
    return met;
}

uint64_t x86_break_io(const X86CPU *x, uint16_t port, unsigned bytes)
{
    uint64_t met = 0;
    for (unsigned i = 0; i < 4 && (x->s.cr4 & CR4_DE); i++) {
        bool watches = x86_break_enabled(x, i) && x86_break_kind(x, i) == BREAK_IO;
        met |= watches && overlaps(x, i, port, bytes) ? 1 << i : 0;
    }
    return met;
}

static bool is_data(const X86CPU *x, unsigned i)
{
    unsigned kind = x86_break_kind(x, i);
    return x86_break_enabled(x, i) && (kind == BREAK_WRITE || kind == BREAK_ACCESS);
}

bool x86_watches(CPU *cpu, uint64_t page)
{
    const X86CPU *x = x86_cpu(cpu);
    for (unsigned i = 0; i < 4 && x->s.dr7 & DR7_ENABLES; i++) {
        if (is_data(x, i) && overlaps(x, i, page, 4096)) {
            return true;
        }
    }
    return false;
}

void x86_accessed(CPU *cpu, uint64_t linear, unsigned bytes, MmuAccess access)
{
    X86CPU *x = x86_cpu(cpu);
    if (x->s.dr7 & DR7_ENABLES) {
        x->met |= x86_break_data(x, linear, bytes, access == MMU_WRITE);
    }
}

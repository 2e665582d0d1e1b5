/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's steps, breakpoints and watchpoints, in the host's debug registers.
 * Spec: "KVM_SET_GUEST_DEBUG"; SDM volume 3, "Debug Registers".
 *
 * Not modelled: more than four breakpoints and watchpoints at once; the guest's own ones while the debugger has any. */
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"

enum { REGISTERS = 4, LENGTH_1 = 0, LENGTH_2 = 1, LENGTH_8 = 2, LENGTH_4 = 3, EXACT = 3 << 8 };

typedef struct Points {
    struct kvm_guest_debug_arch arch;
    unsigned count;
} Points;

static void add_point(Points *p, uint64_t addr, unsigned kind, unsigned length)
{
    unsigned n = p->count++;
    if (n < REGISTERS) {
        p->arch.debugreg[n] = addr;
        p->arch.debugreg[7] |= 1ull << 2 * n | EXACT | (uint64_t)(kind | length << 2) << (16 + 4 * n);
    }
}

static unsigned length_of(uint64_t addr, uint64_t len)
{
    return len >= 8 && addr % 8 == 0   ? LENGTH_8
           : len >= 4 && addr % 4 == 0 ? LENGTH_4
           : len >= 2 && addr % 2 == 0 ? LENGTH_2
                                       : LENGTH_1;
}

static Points points_of(const CPU *cpu)
{
    Points p = { 0 };
    for (unsigned i = 0; i < cpu->breakpoints->len; i++) {
        add_point(&p, g_array_index(cpu->breakpoints, uint64_t, i), BREAK_EXEC, LENGTH_1);
    }
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        add_point(&p, w->addr, w->kind & WATCH_READ ? BREAK_ACCESS : BREAK_WRITE, length_of(w->addr, w->len));
    }
    return p;
}

void kvm_debug_prepare(KvmVcpu *v)
{
    const CPU *cpu = v->cpu;
    bool wanted = cpu->singlestep || cpu->breakpoints->len || cpu->watchpoints->len;
    if (!wanted && !v->debugged) {
        return;
    }
    Points p = points_of(cpu);
    struct kvm_guest_debug d = { .arch = p.arch };
    if (wanted) {
        d.control = KVM_GUESTDBG_ENABLE |
                    (cpu->singlestep ? KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ : 0) |
                    (p.count ? KVM_GUESTDBG_USE_HW_BP : 0);
    }
    if (ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d) < 0) { /* KVM_GUESTDBG_BLOCKIRQ came with Linux 5.16 */
        d.control &= ~KVM_GUESTDBG_BLOCKIRQ;
        ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d);
    }
    v->debugged = wanted;
}

/* Which watchpoint hit, of the ones that DR6 names. */
static void note_watchpoint(CPU *cpu, uint64_t dr6)
{
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const Watchpoint *w = &g_array_index(cpu->watchpoints, Watchpoint, i);
        unsigned n = cpu->breakpoints->len + i;
        if (n < REGISTERS && dr6 >> n & 1) {
            cpu->watch_hit = w->addr;
            cpu->watch_hit_kind = w->kind;
            return;
        }
    }
}

void kvm_debug_exit(KvmVcpu *v)
{
    note_watchpoint(v->cpu, v->run->debug.arch.dr6);
    vcpu_thread_debug_stop(&v->thread, v->cpu);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: the rows of target/i386/msr.c that are fields of the state, as far as this KVM has them.
 * Spec: "KVM_GET_MSRS", "KVM_SET_MSRS"; KVM's own ones: x86-msr.rst.
 *
 * The time stamp counter runs in the kernel.  It is written only when the state says another time than the kernel knew:
 * a counter that is written again and again loses what keeps those of several processors together.
 *
 * Not modelled: KVM's own registers (pvclock, steal time, async page faults) as part of the state: the kernel has them, and a
 * reset clears them. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/log.h"
#include "target/i386/msr.h"

enum { MSR_TSC = 0x10, MAX_MSRS = 64 };
/* System time (old and new number), wall clock, async page fault (its vectors, too), steal time, end of interrupt. */
static const uint32_t kvm_msrs[] = { 0x12,       0x4b564d01, 0x11,       0x4b564d00,
                                     0x4b564d02, 0x4b564d06, 0x4b564d03, 0x4b564d04 };

typedef struct Msrs {
    struct kvm_msrs head;
    struct kvm_msr_entry rows[MAX_MSRS];
} Msrs;

/* How many were done. */
static int call_msrs(const KvmVcpu *v, unsigned long request, Msrs *m, unsigned count)
{
    m->head.nmsrs = count;
    return ioctl(v->fd, request, m);
}

static uint64_t *field_of(const KvmVcpu *v, const KvmMsr *m)
{
    return (uint64_t *)((char *)x86_cpu(v->cpu) + m->offset);
}

static const KvmMsr *msr_at(const KvmVcpu *v, unsigned i)
{
    return &g_array_index(v->msrs, KvmMsr, i);
}

/* Control registers come and go with the segments. */
static bool is_moved(const X86Msr *m)
{
    size_t all = offsetof(X86CPU, s.msr);
    return m->offset >= all && m->offset < all + sizeof(X86Msrs) &&
           m->offset != offsetof(X86CPU, s.msr.apic_base);
}

/* The kernel does them in order, up to the first that it has not: that one goes. */
static void keep_those_taken(KvmVcpu *v, unsigned long request, Msrs *m)
{
    int done;
    while (v->msrs->len && (unsigned)(done = MAX(call_msrs(v, request, m, v->msrs->len), 0)) < v->msrs->len) {
        memmove(m->rows + done, m->rows + done + 1, (v->msrs->len - done - 1) * sizeof(m->rows[0]));
        g_array_remove_index(v->msrs, done);
    }
}

/* Those of which it takes back what it gave. */
void kvm_find_msrs(KvmVcpu *v)
{
    X86Msr m;
    Msrs all = { 0 };
    v->msrs = g_array_new(FALSE, FALSE, sizeof(KvmMsr));
    for (unsigned n = 0; x86_msr_field(n, &m); n++) {
        KvmMsr row = { m.number, m.offset };
        if (is_moved(&m) && v->msrs->len < MAX_MSRS) {
            all.rows[v->msrs->len].index = m.number;
            g_array_append_val(v->msrs, row);
        }
    }
    keep_those_taken(v, KVM_GET_MSRS, &all);
    keep_those_taken(v, KVM_SET_MSRS, &all);
}

/* ---- the time stamp counter -------------------------------------------------------------------- */

static void get_tsc(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    Msrs m = { .rows[0].index = MSR_TSC };
    if (call_msrs(v, KVM_GET_MSRS, &m, 1) == 1) {
        x->s.msr.tsc_offset += m.rows[0].data - x86_tsc(x);
    }
    v->tsc_offset = x->s.msr.tsc_offset;
    v->tsc_adjust = x->s.msr.tsc_adjust;
}

static void put_tsc(KvmVcpu *v)
{
    const X86CPU *x = x86_cpu(v->cpu);
    if (x->s.msr.tsc_offset == v->tsc_offset && x->s.msr.tsc_adjust == v->tsc_adjust) {
        return;
    }
    Msrs m = { .rows[0] = { .index = MSR_TSC, .data = x86_tsc(x) } };
    call_msrs(v, KVM_SET_MSRS, &m, 1);
    v->tsc_offset = x->s.msr.tsc_offset;
    v->tsc_adjust = x->s.msr.tsc_adjust;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

void kvm_get_msrs(KvmVcpu *v)
{
    Msrs m = { 0 };
    for (unsigned i = 0; i < v->msrs->len; i++) {
        m.rows[i].index = msr_at(v, i)->number;
    }
    int got = call_msrs(v, KVM_GET_MSRS, &m, v->msrs->len);
    for (int i = 0; i < got; i++) {
        *field_of(v, msr_at(v, i)) = m.rows[i].data;
    }
    get_tsc(v);
}

/* The counter comes before its deadline, which is among the others.  One that is refused does not keep the rest back. */
void kvm_put_msrs(KvmVcpu *v)
{
    put_tsc(v);
    for (unsigned first = 0; first < v->msrs->len;) {
        Msrs m = { 0 };
        unsigned count = v->msrs->len - first;
        for (unsigned i = 0; i < count; i++) {
            m.rows[i].index = msr_at(v, first + i)->number;
            m.rows[i].data = *field_of(v, msr_at(v, first + i));
        }
        int done = MAX(call_msrs(v, KVM_SET_MSRS, &m, count), 0);
        if ((unsigned)done < count) {
            log_report("-accel kvm: CPU %u: MSR 0x%x does not take 0x%llx", v->cpu->index, m.rows[done].index,
                       (unsigned long long)m.rows[done].data);
        }
        first += done + 1;
    }
}

void kvm_reset_msrs(KvmVcpu *v)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kvm_msrs); i++) {
        Msrs m = { .rows[0].index = kvm_msrs[i] };
        call_msrs(v, KVM_SET_MSRS, &m, 1); /* what this kernel has not needs no reset */
    }
}

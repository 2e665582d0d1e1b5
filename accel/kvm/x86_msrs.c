/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: the rows of target/i386/msr.c that are fields of the state, as far as this KVM has them.
 * Spec: "KVM_GET_MSRS", "KVM_SET_MSRS"; KVM's own ones: x86-msr.rst.
 *
 * The time stamp counter runs in the kernel.  It is written only when the state says another time than the kernel knew:
 * a counter that is written again and again loses what keeps those of several processors together. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/log.h"
#include "target/i386/msr.h"

enum { MSR_TSC = 0x10, MAX_MSRS = 64 };
/* KVM's own, by their new numbers, behind the counter: system time, wall clock, the vector of async page faults before those, steal time,
 * end of interrupt. */
#define OWN(field) offsetof(X86CPU, s.field), true
/* clang-format off */
static const KvmMsr kvm_msrs[] = {
    { 0x4b564d00, OWN(pvclock_wall) }, { 0x4b564d01, OWN(pvclock_time) }, { 0x4b564d06, OWN(kvm_async_pf_int) },
    { 0x4b564d02, OWN(kvm_async_pf) }, { 0x4b564d03, OWN(kvm_steal_time) }, { 0x4b564d04, OWN(kvm_eoi) },
};
/* clang-format on */

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

static KvmMsr *msr_at(const KvmVcpu *v, unsigned i)
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
        if (is_moved(&m)) {
            KvmMsr row = { m.number, m.offset };
            g_array_append_val(v->msrs, row);
        }
    }
    g_array_append_vals(v->msrs, kvm_msrs, G_N_ELEMENTS(kvm_msrs));
    g_assert(v->msrs->len <= MAX_MSRS);
    for (unsigned i = 0; i < v->msrs->len; i++) {
        all.rows[i].index = msr_at(v, i)->number;
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
        msr_at(v, i)->known = m.rows[i].data;
    }
    get_tsc(v);
}

static unsigned collect(KvmVcpu *v, Msrs *m)
{
    unsigned count = 0;
    for (unsigned i = 0; i < v->msrs->len; i++) {
        KvmMsr *row = msr_at(v, i);
        uint64_t value = *field_of(v, row);
        if (!row->acts || value != row->known) {
            m->rows[count++] = (struct kvm_msr_entry){ .index = row->number, .data = value };
        }
        row->known = value;
    }
    return count;
}

/* The counter comes before its deadline, which is among the others.  One that is refused does not keep the rest back. */
void kvm_put_msrs(KvmVcpu *v)
{
    Msrs m = { 0 };
    unsigned count = collect(v, &m);
    put_tsc(v);
    while (count) {
        unsigned done = MAX(call_msrs(v, KVM_SET_MSRS, &m, count), 0);
        if (done == count) {
            return;
        }
        log_report("-accel kvm: CPU %u: MSR 0x%x does not take 0x%llx", v->cpu->index, m.rows[done].index,
                   (unsigned long long)m.rows[done].data);
        count -= done + 1;
        memmove(m.rows, m.rows + done + 1, count * sizeof(m.rows[0]));
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does KVM run a guest here?  There are hosts whose KVM opens, and then runs nothing: virtual machines whose outer
 * hypervisor promises virtualization that it does not have.  So a processor is given something to do before KVM is believed: an
 * exception without a handler, in protected mode with an empty table of vectors.  It enters the guest, takes the exception, finds no
 * vector three times over, and shuts down; all without a byte of guest memory, so that any processor can try it whose
 * registers are written anyway before its guest begins.
 *
 * Where nothing else could run the machine its first processor tries it, when the machine starts.  Where another accelerator
 * could, that is too late: there a processor in a VM of its own does, which costs a millisecond.
 * Spec: "KVM_RUN", "KVM_SET_VCPU_EVENTS"; SDM volume 3, "Interrupt 8 - Double Fault Exception". */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"

/* ---- the trial -------------------------------------------------------------------------- */

/* Protected mode without paging; the processor has just been made. */
static bool prepare(int vcpu)
{
    struct kvm_regs regs = { .rflags = 2 };
    struct kvm_sregs s;
    struct kvm_vcpu_events invalid_opcode = { .exception = { .injected = 1, .nr = X86_EXC_UD } };
    if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0) {
        return false;
    }
    struct kvm_segment flat = {
        .limit = UINT32_MAX, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1
    };
    s.ds = s.es = s.ss = s.fs = s.gs = s.cs = flat;
    s.cs.selector = 8;
    s.cs.type = 11;
    s.idt.limit = 0;
    s.cr0 |= CR0_PE;
    return ioctl(vcpu, KVM_SET_SREGS, &s) == 0 && ioctl(vcpu, KVM_SET_REGS, &regs) == 0 &&
           ioctl(vcpu, KVM_SET_VCPU_EVENTS, &invalid_opcode) == 0;
}

static bool run(int vcpu, struct kvm_run *run)
{
    int r;
    do {
        __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        r = ioctl(vcpu, KVM_RUN, 0);
    } while (r < 0 && (errno == EINTR || errno == EAGAIN));
    return r == 0;
}

bool kvm_try(int vcpu, struct kvm_run *r, GError **err)
{
    if (prepare(vcpu) && run(vcpu, r) && r->exit_reason == KVM_EXIT_SHUTDOWN) {
        return true;
    }
    g_set_error(
        err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
        "-accel kvm: KVM is there, but runs no code (%s; exit %u): nested virtualization that does not "
        "work, as a rule\n  do:  -accel tcg",
        g_strerror(errno), r->exit_reason);
    return false;
}

/* ---- in a VM of its own --------------------------------------------------------------------- */

enum { PAGE = 4096 };

typedef struct Probe {
    int vm, vcpu;
    size_t run_bytes;
    struct kvm_run *run;
    uint8_t *page; /* a VM without memory runs nothing */
} Probe;

static bool make(Probe *p, int device, GError **err)
{
    p->vm = kvm_create_vm(device, err);
    if (p->vm < 0) {
        return false;
    }
    p->vcpu = ioctl(p->vm, KVM_CREATE_VCPU, 0);
    p->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->vcpu >= 0) {
        p->run = mmap(NULL, p->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
    }
    struct kvm_userspace_memory_region slot = { .memory_size = PAGE, .userspace_addr = (uintptr_t)p->page };
    if (p->vcpu < 0 || p->page == MAP_FAILED || p->run == MAP_FAILED ||
        ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "-accel kvm: no virtual processor can be made: %s\n  do:  -accel tcg", g_strerror(errno));
        return false;
    }
    return true;
}

static void unmake(const Probe *p)
{
    if (p->run && p->run != MAP_FAILED) {
        munmap(p->run, p->run_bytes);
    }
    if (p->page && p->page != MAP_FAILED) {
        munmap(p->page, PAGE);
    }
    if (p->vcpu >= 0) {
        close(p->vcpu);
    }
    if (p->vm >= 0) {
        close(p->vm);
    }
}

/* The kernel takes several milliseconds to take a VM apart, for which nobody waits. */
static void *unmake_main(void *opaque)
{
    unmake(opaque);
    g_free(opaque);
    return NULL;
}

static void unmake_later(const Probe *p)
{
    Probe *copy = g_memdup2(p, sizeof(*p));
    GThread *t = g_thread_try_new("kvm-probe", unmake_main, copy, NULL);
    if (t) {
        g_thread_unref(t);
    } else {
        unmake_main(copy);
    }
}

bool kvm_probe(Accel *a, GError **err)
{
    Kvm *k = container_of(a, Kvm, accel);
    int device = kvm_open_device(err);
    if (device < 0) {
        return false;
    }
    Probe p = { .vm = -1, .vcpu = -1, .run_bytes = k->run_bytes };
    k->tried = make(&p, device, err) && kvm_try(p.vcpu, p.run, err);
    close(device);
    unmake_later(&p);
    return k->tried;
}

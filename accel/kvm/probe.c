/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does KVM run code here?  There are hosts whose KVM opens, and then runs nothing: virtual machines whose outer
 * hypervisor promises virtualization that it does not have.  So a processor in a VM of its own runs one instruction before
 * KVM is believed.  It is not the machine's: CPUID may not be set any more once a processor has run ("KVM_SET_CPUID"). */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"

enum { PAGE = 4096, PORT = 0x10 };

typedef struct Probe {
    int vm, vcpu;
    size_t run_bytes;
    struct kvm_run *run;
    uint8_t *page;
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
    if (p->vcpu < 0 || p->page == MAP_FAILED || p->run == MAP_FAILED) {
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

/* Real mode, at address 0: a write to a port. */
static bool prepare(const Probe *p)
{
    static const uint8_t out[] = { 0xe6, PORT };
    struct kvm_userspace_memory_region slot = { .memory_size = PAGE, .userspace_addr = (uintptr_t)p->page };
    struct kvm_regs regs = { .rflags = 2 };
    struct kvm_sregs sregs;
    memcpy(p->page, out, sizeof(out));
    if (ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0 || ioctl(p->vcpu, KVM_GET_SREGS, &sregs) < 0) {
        return false;
    }
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    return ioctl(p->vcpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(p->vcpu, KVM_SET_REGS, &regs) == 0;
}

static bool run(const Probe *p)
{
    int r;
    do {
        r = ioctl(p->vcpu, KVM_RUN, 0);
    } while (r < 0 && (errno == EINTR || errno == EAGAIN));
    return r == 0;
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

bool kvm_probe(int device, size_t run_bytes, GError **err)
{
    Probe p = { .vm = -1, .vcpu = -1, .run_bytes = run_bytes };
    bool ok = make(&p, device, err);
    if (ok) {
        ok = prepare(&p) && run(&p) && p.run->exit_reason == KVM_EXIT_IO && p.run->io.port == PORT;
        if (!ok) {
            g_set_error(
                err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                "-accel kvm: KVM is there, but runs no code (%s; exit %u): nested virtualization that does not "
                "work, as a rule\n  do:  -accel tcg",
                g_strerror(errno), p.run->exit_reason);
        }
    }
    unmake_later(&p);
    return ok;
}

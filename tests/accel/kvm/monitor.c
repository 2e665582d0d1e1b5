/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest monitor that starts a PVH kernel: the measure of how fast a machine can start under KVM on this host
 * (bench-start.py).  Bytes for port 3F8h go to standard output.
 *
 *   kvm-monitor KERNEL */
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM = 64 << 20, COM1 = 0x3f8 };

static void call(int fd, unsigned long request, void *arg)
{
    if (ioctl(fd, request, arg) < 0) {
        err(1, "ioctl %lx", request);
    }
}

static uint32_t load(const char *path, char *ram)
{
    int fd = open(path, O_RDONLY);
    Elf32_Ehdr eh;
    Elf32_Phdr ph;
    if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh)) {
        err(1, "%s", path);
    }
    for (int i = 0; i < eh.e_phnum; i++) {
        if (pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) != sizeof(ph)) {
            err(1, "%s", path);
        }
        if (ph.p_type == PT_LOAD && pread(fd, ram + ph.p_paddr, ph.p_filesz, ph.p_offset) < 0) {
            err(1, "%s", path);
        }
    }
    close(fd);
    return eh.e_entry;
}

/* 32-bit protected mode without paging, flat segments (Xen's direct boot). */
static void set_registers(int vcpu, uint32_t entry)
{
    struct kvm_regs regs = { .rip = entry, .rflags = 2, .rbx = 0x1000 };
    struct kvm_sregs s;
    call(vcpu, KVM_GET_SREGS, &s);
    struct kvm_segment flat = {
        .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1
    };
    s.ds = s.es = s.ss = s.fs = s.gs = s.cs = flat;
    s.cs.type = 11;
    s.cs.selector = 8;
    s.cr0 = 1;
    call(vcpu, KVM_SET_SREGS, &s);
    call(vcpu, KVM_SET_REGS, &regs);
}

int main(int argc, char **argv)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (argc != 2 || kvm < 0 || vm < 0) {
        err(1, "kvm-monitor KERNEL");
    }
    call(vm, KVM_SET_TSS_ADDR, (void *)0xfffbd000);
    call(vm, KVM_CREATE_IRQCHIP, 0);
    char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = { .memory_size = RAM, .userspace_addr = (uintptr_t)ram };
    call(vm, KVM_SET_USER_MEMORY_REGION, &slot);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run =
        mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    set_registers(vcpu, load(argv[1], ram));
    for (;;) {
        call(vcpu, KVM_RUN, 0);
        if (run->exit_reason != KVM_EXIT_IO) {
            errx(1, "exit %u", run->exit_reason);
        }
        if (run->io.port == COM1 && write(1, (char *)run + run->io.data_offset, 1) != 1) {
            err(1, "standard output");
        }
    }
}

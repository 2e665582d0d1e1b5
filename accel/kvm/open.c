/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/kvm: found, or why not; and what this kernel's KVM can do.
 * Spec: "KVM_GET_API_VERSION", "KVM_CHECK_EXTENSION", "KVM_CREATE_VM". */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"

#define DEVICE "/dev/kvm"
#define NO_KVM "-accel kvm: cannot open " DEVICE ": "
#define OR_TCG ", or use -accel tcg"

/* ---- why not ------------------------------------------------------------------------ */

static bool fail(GError **err, GFileError code, const char *why, const char *remedy)
{
    g_set_error(err, G_FILE_ERROR, code, NO_KVM "%s\n  do:  %s", why, remedy);
    return false;
}

/* "vmx", "svm", or NULL: what the processor has for virtual machines. */
static const char *virtualization(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        return NULL;
    }
    return strstr(text, " vmx") ? "vmx" : strstr(text, " svm") ? "svm" : NULL;
}

/* The device is not there, or nobody serves it. */
static bool fail_absent(GError **err)
{
    const char *has = virtualization();
    struct utsname host;
    if (!has) {
        return fail(
            err, G_FILE_ERROR_NOENT,
            "the host has no KVM, and its processor shows no virtualization (vmx, svm): it is switched off in "
            "the firmware, or this host is itself a virtual machine without nested virtualization",
            "switch it on in the firmware or in the outer hypervisor" OR_TCG);
    }
    g_autofree char *remedy =
        g_strdup_printf("sudo modprobe kvm_%s%s", strcmp(has, "vmx") ? "amd" : "intel", OR_TCG);
    g_autofree char *why =
        g_strdup_printf("the kernel (%s) has not loaded the module, or a container hides the device",
                        uname(&host) == 0 ? host.release : "?");
    return fail(err, G_FILE_ERROR_NOENT, why, remedy);
}

static const char *user_name(void)
{
    const struct passwd *p = getpwuid(geteuid());
    return p ? p->pw_name : "$USER";
}

/* The group that may use it, if there is one that one can join. */
static bool fail_permission(GError **err)
{
    struct stat st;
    const struct group *g =
        stat(DEVICE, &st) == 0 && st.st_gid && (st.st_mode & 0060) == 0060 ? getgrgid(st.st_gid) : NULL;
    if (!g) {
        return fail(err, G_FILE_ERROR_ACCES, "permission denied, and it is open to no group",
                    "sudo chgrp kvm " DEVICE " && sudo chmod g+rw " DEVICE OR_TCG);
    }
    g_autofree char *why =
        g_strdup_printf("permission denied: user %s is not in the group %s", user_name(), g->gr_name);
    g_autofree char *remedy =
        g_strdup_printf("sudo usermod -aG %s %s, then log in again%s", g->gr_name, user_name(), OR_TCG);
    return fail(err, G_FILE_ERROR_ACCES, why, remedy);
}

static bool fail_open(int error, GError **err)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return fail_absent(err);
    case EACCES:
    case EPERM: return fail_permission(err);
    case EBUSY:
        return fail(err, G_FILE_ERROR_FAILED, "another hypervisor holds the processor's virtualization",
                    "end it (VirtualBox, VMware)" OR_TCG);
    default: return fail(err, g_file_error_from_errno(error), g_strerror(error), "use -accel tcg");
    }
}

/* ---- the device ------------------------------------------------------------------------ */

static bool check_version(int fd, GError **err)
{
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version == KVM_API_VERSION) {
        return true;
    }
    g_autofree char *why = version < 0 ? g_strdup("it is not KVM's device")
                                       : g_strdup_printf("its interface is version %d, and must be %d",
                                                         version, KVM_API_VERSION);
    return fail(err, G_FILE_ERROR_INVAL, why, "boot a kernel of this century" OR_TCG);
}

/* What nothing works without.  All of it is older than any kernel that is still maintained. */
static bool check_needs(int fd, GError **err)
{
    static const struct {
        int number;
        const char *name;
    } needs[] = { { KVM_CAP_USER_MEMORY, "USER_MEMORY" },   { KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
                  { KVM_CAP_VCPU_EVENTS, "VCPU_EVENTS" },   { KVM_CAP_MP_STATE, "MP_STATE" },
                  { KVM_CAP_EXT_CPUID, "EXT_CPUID" },       { KVM_CAP_XSAVE, "XSAVE" },
                  { KVM_CAP_READONLY_MEM, "READONLY_MEM" }, { KVM_CAP_SET_GUEST_DEBUG, "SET_GUEST_DEBUG" },
                  { KVM_CAP_DEBUGREGS, "DEBUGREGS" },       { KVM_CAP_IRQ_ROUTING, "IRQ_ROUTING" },
                  { KVM_CAP_IOEVENTFD, "IOEVENTFD" },       { KVM_CAP_SIGNAL_MSI, "SIGNAL_MSI" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (ioctl(fd, KVM_CHECK_EXTENSION, needs[i].number) <= 0) {
            g_autofree char *why = g_strdup_printf("this kernel's KVM lacks KVM_CAP_%s", needs[i].name);
            return fail(err, G_FILE_ERROR_NOSYS, why, "boot a newer kernel (5.4 has all)" OR_TCG);
        }
    }
    return true;
}

int kvm_open_device(GError **err)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        fail_open(errno, err);
        return -1;
    }
    if (!check_version(fd, err) || !check_needs(fd, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

void kvm_learn_caps(Kvm *k, int device)
{
    const struct {
        int number, *to;
    } rows[] = { { KVM_CAP_NR_MEMSLOTS, &k->caps.slots },
                 { KVM_CAP_XSAVE2, &k->caps.xsave_bytes },
                 { KVM_CAP_XCRS, &k->caps.xcrs },
                 { KVM_CAP_EXCEPTION_PAYLOAD, &k->caps.payload },
                 { KVM_CAP_X86_TRIPLE_FAULT_EVENT, &k->caps.triple_fault },
                 { KVM_CAP_COALESCED_MMIO, &k->caps.coalesced_mmio },
                 { KVM_CAP_COALESCED_PIO, &k->caps.coalesced_pio },
                 { KVM_CAP_MAX_VCPUS, &k->caps.max_vcpus },
                 { KVM_CAP_X2APIC_API, &k->caps.x2apic_api } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        *rows[i].to = MAX(ioctl(device, KVM_CHECK_EXTENSION, rows[i].number), 0);
    }
}

/* A signal may come while the kernel prepares a VM: it says EINTR then. */
int kvm_create_vm(int device, GError **err)
{
    int vm;
    do {
        vm = ioctl(device, KVM_CREATE_VM, 0);
    } while (vm < 0 && errno == EINTR);
    if (vm < 0) {
        int error = errno;
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(error),
                    "-accel kvm: the kernel makes no virtual machine: %s\n  do:  %s", g_strerror(error),
                    error == EBUSY ? "end the other hypervisor (VirtualBox, VMware)" OR_TCG
                                   : "look at the kernel's log (dmesg)" OR_TCG);
    }
    return vm;
}

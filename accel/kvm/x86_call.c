/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/log.h"

bool kvm_x86_call(KvmVcpu *v, unsigned long request, void *arg, const char *what)
{
    if (ioctl(v->fd, request, arg) >= 0) {
        return true;
    }
    log_report("-accel kvm: CPU %u: the kernel does not %s: %s", v->cpu->index, what, g_strerror(errno));
    return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks and CPUs for virtio's tests: see virtio-fakes.h. */
#include "virtio-fakes.h"

#include <string.h>

#include "hw/board.h"
#include "target/cpu.h"

FakeNet fake_net;

#define WEAK __attribute__((weak))
WEAK Nets *nets_new(EventLoop *loop, Clock *clock, Chardevs *chardevs)
{
    return NULL;
}
WEAK void nets_free(Nets *all)
{
}
WEAK NetClient *net_find(const Nets *all, const char *id)
{
    return strcmp(id, "n0") ? NULL : (NetClient *)&fake_net;
}
WEAK const char *net_id(const NetClient *nc)
{
    return "n0";
}
WEAK bool net_nic_add(Nets *all, NetNic *nic, GError **err)
{
    fake_net.nic = nic;
    fake_net.fe = nic->fe;
    fake_net.opaque = nic->opaque;
    fake_net.lock = nic->lock;
    return true;
}
WEAK void net_nic_remove(Nets *all, NetNic *nic)
{
    fake_net.fe = NULL;
}
WEAK bool net_nic_link_up(const NetNic *nic)
{
    return !fake_net.down;
}
WEAK void net_send(NetClient *nc, const struct iovec *iov, int count)
{
    fake_net.sent++;
    fake_net.len = 0;
    for (int i = 0; i < count; i++) {
        memcpy(fake_net.frame + fake_net.len, iov[i].iov_base, iov[i].iov_len);
        fake_net.len += iov[i].iov_len;
    }
    if (fake_net.echo) { /* answers from inside, as a backend may */
        g_assert_true(fake_net_deliver(fake_net.frame, fake_net.len));
    }
}
WEAK void net_accept_input(NetClient *nc)
{
    fake_net.accepts++;
}
WEAK void net_default_mac(Nets *all, uint8_t mac[6])
{
    memcpy(mac, "\x52\x54\x00\x12\x34\x56", 6);
}

bool fake_net_deliver(const uint8_t *frame, size_t len)
{
    lock_take(fake_net.lock);
    bool taken =
        fake_net.fe->can_receive(fake_net.opaque) && fake_net.fe->receive(fake_net.opaque, frame, len);
    lock_release(fake_net.lock);
    return taken;
}

WEAK void cpu_free(CPU *cpu)
{
}

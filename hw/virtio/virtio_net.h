/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the virtio network device share: virtio_net.c (queues, configuration)
 * and virtio_net_ctrl.c (control queue, receive filter). */
#pragma once
#include "hw/virtio.h"
#include "net/net.h"
#include "base/event_loop.h"

enum {
    NET_F_MTU = 3,
    NET_F_MAC = 5,
    NET_F_MRG_RXBUF = 15,
    NET_F_STATUS = 16,
    NET_F_CTRL_VQ = 17,
    NET_F_CTRL_RX = 18,
    NET_F_CTRL_VLAN = 19,
    NET_F_CTRL_RX_EXTRA = 20,
    NET_F_CTRL_MAC_ADDR = 23,
};
enum { NET_RX = 0, NET_TX = 1, NET_CTRL = 2 };
enum { NET_MAC_TABLE = 64, NET_TX_BURST = 64, NET_VLANS = 4096 };

typedef struct VirtioNet {
    VirtioDevice v;
    NetClient *netdev;
    NetNic nic;
    char *place; /* in the tree of objects */
    uint8_t mac[6];
    uint16_t rx_queue_size, tx_queue_size, host_mtu;
    int32_t bootindex;
    bool mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_rx_extra, ctrl_vlan, ctrl_mac_addr;
    Bh *tx_bh;
    VirtioElement *sending[NET_TX_BURST]; /* being handed to the backend, without our lock */
    unsigned sending_count;
    struct VirtioNetState {
        uint8_t mac[6]; /* in use */
        uint8_t promisc, allmulti, alluni, nomulti, nouni, nobcast;
        uint8_t uni_overflow, multi_overflow; /* the driver's table did not fit: all pass */
        uint16_t uni_count, multi_count;      /* of macs: unicast first */
        uint8_t macs[NET_MAC_TABLE * 6];
        uint64_t vlans[NET_VLANS / 64];
    } s;
} VirtioNet;

static inline VirtioNet *virtio_net(VirtioDevice *v)
{
    return container_of(v, VirtioNet, v);
}

void virtio_net_ctrl_notify(VirtioNet *n);
void virtio_net_filter_reset(VirtioNet *n);
void virtio_net_get_rx_filter(void *net, NetRxFilter *f); /* of NetNic */
/* Whether the driver wants this frame. */
bool virtio_net_filter_pass(const VirtioNet *n, const uint8_t *frame, size_t len);

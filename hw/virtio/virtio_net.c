/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio network device.
 * Spec: VIRTIO 1.x, section 5.1 (device-net.tex).
 *
 * Requirements:
 *   1. Frames go out from the main loop, a burst at a time and without our lock: the
 *      backend may answer at once, and that answer is received under the lock.
 *   2. A frame that finds no buffers stays with the backend (flow control); one that comes
 *      while no driver runs, or that the filter does not want, is dropped.
 *   3. Reset waits for the burst that is being sent.
 *
 * Not modelled: checksum and segmentation offloads, several queue pairs, RSS,
 * announcements: not offered. */
#include "hw/virtio/virtio_net.h"

#include <string.h>
#include <glib.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/tree.h"

enum { LEGACY_HEADER = 10, HEADER = 12, NUM_BUFFERS = 10, CTRL_QUEUE_SIZE = 64, MIN_MTU = 68 };
enum { STATUS_LINK_UP = 1 };

/* struct virtio_net_config (5.1.4), as far as features offered reach */
typedef struct __attribute__((packed)) NetConfig {
    uint8_t mac[6];
    uint16_t status, max_virtqueue_pairs, mtu;
} NetConfig;
_Static_assert(sizeof(NetConfig) == 12, "layout of 5.1.4");

static size_t header_bytes(const VirtioNet *n)
{
    return virtio_has(&n->v, NET_F_MRG_RXBUF) || virtio_has(&n->v, VIRTIO_F_VERSION_1) ? HEADER
                                                                                       : LEGACY_HEADER;
}

/* ---- to the backend ------------------------------------------------------ */

static void send_one(VirtioNet *n, const VirtioElement *e)
{
    size_t header = header_bytes(n);
    if (e->out_bytes <= header || e->out_bytes - header > NET_MAX_FRAME) {
        log_guest_error("%s: a frame of %" G_GUINT64_FORMAT " bytes with its header: dropped", n->v.dev.path,
                        e->out_bytes);
        return;
    }
    if (n->netdev && net_nic_link_up(&n->nic)) {
        g_autofree struct iovec *iov = g_new(struct iovec, e->out_count);
        unsigned count = iov_slice(iov, e->iov, e->out_count, header, e->out_bytes - header);
        net_send(n->netdev, iov, count);
    }
}

static unsigned tx_take(VirtioNet *n)
{
    VirtioElement *e;
    while (n->sending_count < NET_TX_BURST && (e = virtqueue_pop(&n->v, NET_TX))) {
        n->sending[n->sending_count++] = e;
    }
    return n->sending_count;
}

static void tx_give_back(VirtioNet *n)
{
    for (unsigned i = 0; i < n->sending_count; i++) {
        virtqueue_push(&n->v, NET_TX, n->sending[i], 0);
    }
    n->sending_count = 0;
    virtqueue_notify(&n->v, NET_TX);
    virtio_idle(&n->v);
}

/* In the main loop, called without our lock (requirement 1). */
static void tx_run(void *opaque)
{
    VirtioNet *n = opaque;
    lock_take_spinning(n->v.dev.lock);
    unsigned count = virtio_waits(&n->v, NET_TX) ? 0 : tx_take(n);
    device_unlock(&n->v.dev);
    if (!count) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        send_one(n, n->sending[i]);
    }
    device_lock(&n->v.dev);
    tx_give_back(n);
    device_unlock(&n->v.dev);
    if (count == NET_TX_BURST) {
        bh_schedule(n->tx_bh); /* others get their turn in between */
    }
}

/* ---- from the backend ---------------------------------------------------- */

static bool net_can_receive(void *opaque)
{
    VirtioNet *n = opaque;
    return !virtio_running(&n->v) ||
           !virtio_waits(&n->v, NET_RX); /* whether it has buffers is seen in taking them */
}

/* Buffers for `need` bytes: several when they may be merged.  Returns how many, 0 when there
 * are not enough; *never: and will not be. */
static unsigned take_buffers(VirtioNet *n, VirtioElement **e, uint64_t need, bool *never)
{
    bool merge = virtio_has(&n->v, NET_F_MRG_RXBUF);
    uint64_t room = 0;
    unsigned count = 0;
    while (room < need && count < (merge ? VIRTIO_MAX_QUEUE_SIZE : 1)) {
        e[count] = virtqueue_pop(&n->v, NET_RX);
        if (!e[count]) {
            break;
        }
        room += e[count++]->in_bytes;
    }
    if (room >= need) {
        return count;
    }
    *never = n->v.s.broken || (count == 1 && !merge);
    while (count) {
        virtqueue_unpop(&n->v, NET_RX, e[--count]);
    }
    return 0;
}

static void put_frame(VirtioNet *n, VirtioElement **e, unsigned count, const uint8_t *frame, size_t len)
{
    size_t header = header_bytes(n), done = 0;
    uint8_t head[HEADER] = { [NUM_BUFFERS] = count & 0xff, [NUM_BUFFERS + 1] = count >> 8 };
    for (unsigned i = 0; i < count; i++) {
        size_t skip = i == 0 ? header : 0;
        size_t part = MIN(len - done, e[i]->in_bytes - skip);
        if (i == 0) {
            iov_from_buf(element_in(e[i]), e[i]->in_count, 0, head, header);
        }
        iov_from_buf(element_in(e[i]), e[i]->in_count, skip, frame + done, part);
        done += part;
        virtqueue_push(&n->v, NET_RX, e[i], skip + part);
    }
    virtqueue_notify(&n->v, NET_RX);
}

static bool net_receive(void *opaque, const uint8_t *frame, size_t len)
{
    VirtioNet *n = opaque;
    VirtioElement *e[VIRTIO_MAX_QUEUE_SIZE];
    if (!virtio_running(&n->v) || !virtio_net_filter_pass(n, frame, len)) {
        return true;
    }
    bool never = false;
    unsigned count = take_buffers(n, e, header_bytes(n) + len, &never);
    if (!count) {
        if (never) {
            log_guest_error("%s: the next receive buffer cannot take %zu bytes: dropped", n->v.dev.path, len);
        }
        return never;
    }
    if (e[0]->in_bytes < header_bytes(n)) {
        virtio_broken(&n->v, "a receive buffer too small for a header");
        while (count) {
            virtqueue_discard(&n->v, NET_RX, e[--count]);
        }
        return true;
    }
    put_frame(n, e, count, frame, len);
    return true;
}

static void net_link_changed(void *opaque, bool up)
{
    VirtioNet *n = opaque;
    if (virtio_has(&n->v, NET_F_STATUS)) {
        virtio_config_changed(&n->v);
    }
}

static const NetFrontend net_frontend = {
    .can_receive = net_can_receive,
    .receive = net_receive,
    .link_changed = net_link_changed,
};

/* ---- the driver's side --------------------------------------------------- */

static void net_notify(VirtioDevice *v, unsigned queue)
{
    VirtioNet *n = virtio_net(v);
    if (queue == NET_TX) {
        bh_schedule(n->tx_bh);
    } else if (queue == NET_CTRL) {
        virtio_net_ctrl_notify(n);
    } else if (n->netdev) {
        net_accept_input(n->netdev);
    }
}

static void net_set_status(VirtioDevice *v, uint8_t status)
{
    VirtioNet *n = virtio_net(v);
    if (!status) {
        virtio_net_filter_reset(n);
    }
    if (n->netdev) {
        net_accept_input(n->netdev); /* what waits is for the driver now, or for nobody */
    }
}

/* A burst begins and ends in one turn of the main loop. */
static bool net_quiesce(VirtioDevice *v)
{
    return !virtio_net(v)->sending_count;
}

static uint64_t net_features(VirtioDevice *v)
{
    VirtioNet *n = virtio_net(v);
    const struct {
        bool on;
        unsigned bit;
    } rows[] = {
        { true, NET_F_MAC },
        { n->status, NET_F_STATUS },
        { n->mrg_rxbuf, NET_F_MRG_RXBUF },
        { n->host_mtu, NET_F_MTU },
        { n->ctrl_vq, NET_F_CTRL_VQ },
        { n->ctrl_vq && n->ctrl_rx, NET_F_CTRL_RX },
        { n->ctrl_vq && n->ctrl_vlan, NET_F_CTRL_VLAN },
        { n->ctrl_vq && n->ctrl_rx_extra, NET_F_CTRL_RX_EXTRA },
        { n->ctrl_vq && n->ctrl_mac_addr, NET_F_CTRL_MAC_ADDR },
    };
    uint64_t f = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        f |= (uint64_t)rows[i].on << rows[i].bit;
    }
    return f;
}

static void net_get_config(VirtioDevice *v, uint8_t *config)
{
    VirtioNet *n = virtio_net(v);
    NetConfig c = {
        .status = GUINT16_TO_LE(net_nic_link_up(&n->nic) ? STATUS_LINK_UP : 0),
        .max_virtqueue_pairs = GUINT16_TO_LE(1),
        .mtu = GUINT16_TO_LE(n->host_mtu),
    };
    memcpy(c.mac, n->s.mac, sizeof(c.mac));
    memcpy(config, &c, sizeof(c));
}

/* 5.1.4.3: only a legacy driver sets the address this way. */
static void net_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioNet *n = virtio_net(v);
    if (virtio_has(v, VIRTIO_F_VERSION_1) || offset + size > sizeof(n->s.mac)) {
        log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset);
        return;
    }
    memcpy(n->s.mac + offset, data, size);
}

static const VirtioOps net_ops = {
    .id = 1,
    .pci_class = 0x020000,
    .config_size = sizeof(NetConfig),
    .features = net_features,
    .get_config = net_get_config,
    .set_config = net_set_config,
    .notify = net_notify,
    .set_status = net_set_status,
    .quiesce = net_quiesce,
};

/* ---- life ---------------------------------------------------------------- */

static bool bad_property(Device *dev, const char *what, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", device_user_name(dev), what);
    return false;
}

static bool net_realize(Device *dev, GError **err)
{
    VirtioNet *n = container_of(dev, VirtioNet, v.dev);
    static const uint8_t none[6];
    if (n->mac[0] & 1) {
        return bad_property(
            dev, "mac: this is a multicast address; the first byte of a card's address is even", err);
    }
    if ((n->rx_queue_size & (n->rx_queue_size - 1)) || (n->tx_queue_size & (n->tx_queue_size - 1))) {
        return bad_property(dev, "rx_queue_size and tx_queue_size must be powers of two from 256 to 1024",
                            err);
    }
    if (n->host_mtu && n->host_mtu < MIN_MTU) {
        return bad_property(dev, "host_mtu must be at least 68 bytes, or 0 to say nothing", err);
    }
    if (memcmp(n->mac, none, sizeof(none)) == 0) {
        net_default_mac(dev->machine->nets, n->mac);
    }
    n->nic = (NetNic){ .name = (dev->outer ? dev->outer : dev)->path,
                       .model = device_user_name(dev),
                       .mac = n->s.mac,
                       .netdev = n->netdev,
                       .fe = &net_frontend,
                       .opaque = n,
                       .lock = dev->lock,
                       .get_rx_filter = virtio_net_get_rx_filter };
    if (!net_nic_add(dev->machine->nets, &n->nic, err)) {
        return false;
    }
    n->place = device_tree_path(dev);
    virtio_init(&n->v, &net_ops);
    virtio_add_queue(&n->v, n->rx_queue_size);
    virtio_add_queue(&n->v, n->tx_queue_size);
    if (n->ctrl_vq) {
        virtio_add_queue(&n->v, CTRL_QUEUE_SIZE);
    }
    n->tx_bh = bh_new(device_loop(dev), NULL, tx_run, n);
    virtio_net_filter_reset(n);
    return true;
}

static void net_unrealize(Device *dev)
{
    VirtioNet *n = container_of(dev, VirtioNet, v.dev);
    net_nic_remove(dev->machine->nets, &n->nic);
    bh_free(n->tx_bh);
    virtio_finish(&n->v);
    g_free(n->place);
}

static void net_reset(Device *dev)
{
    VirtioNet *n = container_of(dev, VirtioNet, v.dev);
    virtio_reset(&n->v);
    virtio_net_filter_reset(n);
}

static bool net_loaded(Device *dev, GError **err)
{
    VirtioNet *n = container_of(dev, VirtioNet, v.dev);
    if (n->s.uni_count > NET_MAC_TABLE || n->s.multi_count > NET_MAC_TABLE - n->s.uni_count) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: table of addresses overflows", dev->path);
        return false;
    }
    return true;
}

#define N VirtioNet
static const Field net_state[] = {
    STATE_BYTES(N, mac),
    STATE_U8(N, promisc, .max = 1),
    STATE_U8(N, allmulti, .max = 1),
    STATE_U8(N, alluni, .max = 1),
    STATE_U8(N, nomulti, .max = 1),
    STATE_U8(N, nouni, .max = 1),
    STATE_U8(N, nobcast, .max = 1),
    STATE_U8(N, uni_overflow, .max = 1),
    STATE_U8(N, multi_overflow, .max = 1),
    STATE_U16(N, uni_count),
    STATE_U16(N, multi_count),
    STATE_BYTES(N, macs),
    STATE_U64(N, vlans),
    { 0 },
};

#define NO_OFFLOAD "offloads of checksums and segmentation are not built"
#define QUEUE_SIZE_PROP(f, text)                                                                             \
    {                                                                                                        \
        #f, PROP_U16, offsetof(N, f), text, .def = 256, .min = 256, .max = VIRTIO_MAX_QUEUE_SIZE             \
    }
#define FEATURE_PROP(f, text)                                                                                \
    {                                                                                                        \
        #f, PROP_BOOL, offsetof(N, f), text, .def = 1                                                        \
    }
static const Prop net_props[] = {
    { "netdev", PROP_NETDEV, offsetof(N, netdev), "the network, by id of -netdev" },
    { "mac", PROP_MAC, offsetof(N, mac), "address of the card", .def_string = "52:54:00:12:34:56 and on" },
    { "host_mtu", PROP_U16, offsetof(N, host_mtu), "largest packet that the guest is told of, 0: none" },
    QUEUE_SIZE_PROP(rx_queue_size, "entries of the receive queue"),
    QUEUE_SIZE_PROP(tx_queue_size, "entries of the transmit queue"),
    FEATURE_PROP(mrg_rxbuf, "offer merged receive buffers"),
    FEATURE_PROP(status, "offer the link's state"),
    FEATURE_PROP(ctrl_vq, "offer the control queue"),
    FEATURE_PROP(ctrl_rx, "offer receive modes"),
    FEATURE_PROP(ctrl_rx_extra, "offer more receive modes"),
    FEATURE_PROP(ctrl_vlan, "offer the VLAN filter"),
    FEATURE_PROP(ctrl_mac_addr, "offer setting the address"),
    { "bootindex", PROP_I32, offsetof(N, bootindex), "place in the boot order that firmware may read",
      .def = -1 },
    PROP_ONLY_OFF("csum", NO_OFFLOAD),
    PROP_ONLY_OFF("gso", NO_OFFLOAD),
    PROP_ONLY_OFF("host_tso4", NO_OFFLOAD),
    PROP_ONLY_OFF("host_tso6", NO_OFFLOAD),
    PROP_ONLY_OFF("host_ecn", NO_OFFLOAD),
    PROP_ONLY_OFF("host_ufo", NO_OFFLOAD),
    PROP_ONLY_OFF("host_uso", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_csum", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_tso4", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_tso6", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_ecn", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_ufo", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_uso4", NO_OFFLOAD),
    PROP_ONLY_OFF("guest_uso6", NO_OFFLOAD),
    PROP_ONLY_OFF("ctrl_guest_offloads", NO_OFFLOAD),
    PROP_ONLY_OFF("mq", "several queues of a direction are not built"),
    PROP_ONLY_OFF("rss", "several queues of a direction are not built"),
    PROP_ONLY_OFF("hash", "hashes of packets are not built"),
    PROP_ONLY_OFF("guest_rsc_ext", NO_OFFLOAD),
    PROP_ONLY_NUMBER("rsc_interval", 300000, NO_OFFLOAD),
    { "tx", PROP_STRING, .def_string = "bh", .only = "packets are sent as they come" },
    { "speed", PROP_I32, .def = -1, .only = "the guest is told of no speed" },
    { "duplex", PROP_STRING, .def_string = "", .only = "the guest is told of no speed" },
    PROP_ONLY_OFF("guest_announce", "machines are not moved while they run"),
    PROP_ONLY_OFF("failover", "machines are not moved while they run"),
    { 0 },
};

const DeviceClass virtio_net_device_class = {
    .name = "virtio-net-device",
    .desc = "virtio network card",
    .category = "Network",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(VirtioNet),
    .user_creatable = true,
    .props = net_props,
    .state = net_state,
    .state_offset = offsetof(N, s),
    .state_size = sizeof(struct VirtioNetState),
    .realize = net_realize,
    .unrealize = net_unrealize,
    .reset = net_reset,
    .loaded = net_loaded,
};

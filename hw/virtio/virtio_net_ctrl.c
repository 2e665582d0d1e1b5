/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control queue and receive filter of the virtio network device.
 * Spec: VIRTIO 1.x, section 5.1.6.5 (device-net.tex, control virtqueue).
 *
 * Not modelled: announcements, several queue pairs, offload control: not offered. */
#include "hw/virtio/virtio_net.h"

#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/events.h"

enum { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2 };
enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST };
enum { MAC_TABLE_SET = 0, MAC_ADDR_SET = 1, VLAN_ADD = 0, VLAN_DEL = 1 };
enum { ACK_OK = 0, ACK_ERR = 1 };
enum { MAC_BYTES = 6, ETHERTYPE_VLAN = 0x8100, VLAN_ID = 0xfff };

void virtio_net_filter_reset(VirtioNet *n)
{
    memset(&n->s, 0, sizeof(n->s));
    memcpy(n->s.mac, n->mac, MAC_BYTES);
    n->s.promisc = 1; /* until the driver says what it wants */
}

/* ---- commands ------------------------------------------------------------ */

typedef struct Command {
    const VirtioElement *e;
    size_t at; /* bytes of the readable part taken */
} Command;

/* Each byte of the command is read once: the driver may change it meanwhile. */
static bool take(Command *c, void *buf, size_t len)
{
    size_t n = iov_to_buf(c->e->iov, c->e->out_count, c->at, buf, len);
    c->at += n;
    return n == len;
}

static bool set_rx_mode(VirtioNet *n, Command *c, uint8_t what)
{
    uint8_t on;
    uint8_t *const modes[] = { &n->s.promisc, &n->s.allmulti, &n->s.alluni,
                               &n->s.nomulti, &n->s.nouni,    &n->s.nobcast };
    unsigned feature = what <= RX_ALLMULTI ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA;
    if (what >= G_N_ELEMENTS(modes) || !virtio_has(&n->v, feature) || !take(c, &on, 1)) {
        return false;
    }
    *modes[what] = on != 0;
    return true;
}

/* One of the two lists; entries that do not fit are skipped, and then all pass. */
static bool take_macs(VirtioNet *n, Command *c, unsigned first, uint16_t *count, uint8_t *overflow)
{
    uint32_t le;
    if (!take(c, &le, sizeof(le))) {
        return false;
    }
    uint64_t entries = GUINT32_FROM_LE(le);
    if (entries * MAC_BYTES > c->e->out_bytes - c->at) {
        return false;
    }
    *overflow = entries > NET_MAC_TABLE - first;
    *count = *overflow ? 0 : entries;
    if (*overflow) {
        c->at += entries * MAC_BYTES;
        return true;
    }
    return take(c, n->s.macs + first * MAC_BYTES, entries * MAC_BYTES);
}

static bool set_mac_table(VirtioNet *n, Command *c)
{
    n->s.uni_count = n->s.multi_count = 0;
    return take_macs(n, c, 0, &n->s.uni_count, &n->s.uni_overflow) &&
           take_macs(n, c, n->s.uni_count, &n->s.multi_count, &n->s.multi_overflow);
}

static bool set_mac(VirtioNet *n, Command *c, uint8_t what)
{
    uint8_t mac[MAC_BYTES];
    if (what == MAC_TABLE_SET && virtio_has(&n->v, NET_F_CTRL_RX)) {
        return set_mac_table(n, c);
    }
    if (what != MAC_ADDR_SET || !virtio_has(&n->v, NET_F_CTRL_MAC_ADDR) || !take(c, mac, sizeof(mac))) {
        return false;
    }
    memcpy(n->s.mac, mac, sizeof(mac));
    return true;
}

static bool set_vlan(VirtioNet *n, Command *c, uint8_t what)
{
    uint16_t le;
    if (what > VLAN_DEL || !virtio_has(&n->v, NET_F_CTRL_VLAN) || !take(c, &le, sizeof(le))) {
        return false;
    }
    unsigned id = GUINT16_FROM_LE(le);
    if (id >= NET_VLANS) {
        return false;
    }
    uint64_t bit = 1ull << (id % 64);
    n->s.vlans[id / 64] = what == VLAN_ADD ? n->s.vlans[id / 64] | bit : n->s.vlans[id / 64] & ~bit;
    return true;
}

/* Told once, until a client asks what it is now (docs/qmp.md): the driver cannot flood anybody. */
static void tell_filter_changed(VirtioNet *n)
{
    Machine *m = n->v.dev.machine;
    if (m && !n->nic.filter_told) {
        n->nic.filter_told = true;
        events_emit(m->events, &event_nic_rx_filter_changed, &(NicEvent){ (char *)n->nic.name, n->place });
    }
}

static uint8_t execute(VirtioNet *n, const VirtioElement *e)
{
    struct {
        uint8_t class, command;
    } head;
    Command c = { .e = e };
    bool ok = false;
    if (!take(&c, &head, sizeof(head))) {
        return ACK_ERR;
    }
    if (head.class == CLASS_RX) {
        ok = set_rx_mode(n, &c, head.command);
    } else if (head.class == CLASS_MAC) {
        ok = set_mac(n, &c, head.command);
    } else if (head.class == CLASS_VLAN) {
        ok = set_vlan(n, &c, head.command);
    }
    if (ok) {
        tell_filter_changed(n);
    } else {
        log_guest_error("%s: control command %u of class %u: unknown or malformed", n->v.dev.path,
                        head.command, head.class);
    }
    return ok ? ACK_OK : ACK_ERR;
}

void virtio_net_ctrl_notify(VirtioNet *n)
{
    VirtioTurn turn = virtio_turn(&n->v, NET_CTRL);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(&n->v, NET_CTRL))) {
        if (!e->in_bytes) {
            virtio_broken(&n->v, "a control command without room for its answer");
            virtqueue_discard(&n->v, NET_CTRL, e);
            return;
        }
        uint8_t ack = execute(n, e);
        iov_from_buf(element_in(e), e->in_count, 0, &ack, 1);
        virtqueue_push(&n->v, NET_CTRL, e, 1);
    }
    virtqueue_notify(&n->v, NET_CTRL);
}

/* ---- filter -------------------------------------------------------------- */

void virtio_net_get_rx_filter(void *net, NetRxFilter *f)
{
    const VirtioNet *n = net;
    *f = (NetRxFilter){
        .promiscuous = n->s.promisc,
        .broadcast = !n->s.nobcast,
        .unicast = n->s.nouni    ? NET_RX_NONE
                   : n->s.alluni ? NET_RX_ALL
                                 : NET_RX_NORMAL,
        .multicast = n->s.nomulti    ? NET_RX_NONE
                     : n->s.allmulti ? NET_RX_ALL
                                     : NET_RX_NORMAL,
        .vlan = virtio_has(&n->v, NET_F_CTRL_VLAN) ? NET_RX_NORMAL : NET_RX_ALL,
        .unicast_overflow = n->s.uni_overflow,
        .multicast_overflow = n->s.multi_overflow,
        .macs = n->s.macs,
        .unicast_count = n->s.uni_count,
        .multicast_count = n->s.multi_count,
        .vlans = n->s.vlans,
    };
    memcpy(f->mac, n->s.mac, sizeof(f->mac));
}

static bool in_table(const VirtioNet *n, const uint8_t *mac, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        if (memcmp(n->s.macs + i * MAC_BYTES, mac, MAC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool vlan_pass(const VirtioNet *n, const uint8_t *frame, size_t len)
{
    if (!virtio_has(&n->v, NET_F_CTRL_VLAN) || len < 16 || (frame[12] << 8 | frame[13]) != ETHERTYPE_VLAN) {
        return true;
    }
    unsigned id = (frame[14] << 8 | frame[15]) & VLAN_ID;
    return n->s.vlans[id / 64] >> (id % 64) & 1;
}

bool virtio_net_filter_pass(const VirtioNet *n, const uint8_t *frame, size_t len)
{
    static const uint8_t broadcast[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (n->s.promisc) {
        return true;
    }
    if (len < 2 * MAC_BYTES + 2 || !vlan_pass(n, frame, len)) {
        return false;
    }
    if (memcmp(frame, broadcast, MAC_BYTES) == 0) {
        return !n->s.nobcast;
    }
    if (frame[0] & 1) {
        return !n->s.nomulti &&
               (n->s.allmulti || n->s.multi_overflow || in_table(n, frame, n->s.uni_count, n->s.multi_count));
    }
    return !n->s.nouni && (n->s.alluni || n->s.uni_overflow || memcmp(frame, n->s.mac, MAC_BYTES) == 0 ||
                           in_table(n, frame, 0, n->s.uni_count));
}

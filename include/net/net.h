/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host end of a network: backends (user) and the NICs attached to them.
 *
 * Packets are Ethernet frames without FCS, at most NET_MAX_FRAME bytes (65,550
 * with a virtio-net header's worth of offload left out: no offloads cross
 * this interface).  Both directions run in the main loop thread: a NIC hands
 * frames over from a Bh (it may hold its own lock: nothing comes back from inside
 * net_send), and receives under its own lock. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/lock.h"
#include "base/props.h"

enum { NET_MAX_FRAME = 65550 };

typedef struct NetClient NetClient;
typedef struct Nets Nets;
typedef struct Clock Clock;
typedef struct EventLoop EventLoop;
typedef struct Chardevs Chardevs;

typedef struct NetFrontend {
    bool (*can_receive)(void *opaque);
    /* Takes the whole frame, or returns false: the backend keeps it and tries
     * again after net_accept_input(). */
    bool (*receive)(void *opaque, const uint8_t *frame, size_t len);
    void (*link_changed)(void *opaque, bool up);
} NetFrontend;

/* The networks of one machine: host ends and cards. */
/* chardevs: of guestfwd=; they outlive the networks. */
Nets *nets_new(EventLoop *loop, Clock *clock, Chardevs *chardevs);
void nets_free(Nets *all); /* NULL is fine */

/* What -netdev takes; a union by type.  Its struct is the room's own: made by shape_new. */
typedef struct NetdevOptions NetdevOptions;
extern const Shape netdev_shape;
NetClient *net_new(Nets *all, const NetdevOptions *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool net_free(NetClient *nc, GError **err) G_GNUC_WARN_UNUSED_RESULT; /* one that no card uses */
NetClient *net_find(const Nets *all, const char *id);
const char *net_id(const NetClient *nc);
void net_foreach(const Nets *all, void (*fn)(NetClient *nc, void *opaque), void *opaque);
char *net_describe(const NetClient *nc); /* a line of `info network` */
void net_describe_all(const Nets *all,
                      GString *out); /* all of it: cards, each followed by its netdev, and other netdevs */
char *net_user_info(const NetClient *nc); /* `info usernet`, or NULL */
/* hostfwd_add, hostfwd_remove; the rule of the latter ends before the '-'. */
bool net_user_hostfwd_add(NetClient *nc, const char *rule, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool net_user_hostfwd_remove(NetClient *nc, const char *rule, GError **err) G_GNUC_WARN_UNUSED_RESULT;

bool net_attach(NetClient *nc, const NetFrontend *fe, void *opaque, Lock *lock,
                GError **err) G_GNUC_WARN_UNUSED_RESULT;
void net_detach(NetClient *nc, void *opaque);
void net_send(NetClient *nc, const struct iovec *iov, int count); /* main loop only */
void net_accept_input(NetClient *nc);                             /* any thread */
bool net_link_up(const NetClient *nc);
void net_set_link(NetClient *nc, bool up);

/* Which frames a card takes, as its driver has set it. */
typedef enum NetRxMode { NET_RX_NONE, NET_RX_NORMAL /* those in the table */, NET_RX_ALL } NetRxMode;
typedef struct NetRxFilter {
    bool promiscuous, broadcast;
    NetRxMode unicast, multicast, vlan;
    bool unicast_overflow, multicast_overflow; /* the driver's table was too long: all pass */
    uint8_t mac[6];
    const uint8_t *macs; /* of 6 bytes: unicast_count, then multicast_count of them */
    unsigned unicast_count, multicast_count;
    const uint64_t *vlans; /* of NET_RX_NORMAL: a bit for each of 4096 */
} NetRxFilter;

/* A card, part of its device: listed in `info network` and known to set_link by name. */
typedef struct NetNic {
    const char *name, *model; /* "virtio-net-pci.0" or the id, "virtio-net-pci" */
    const uint8_t *mac;       /* in use: read under the lock */
    NetClient *netdev;        /* NULL: nothing behind it */
    const NetFrontend *fe;
    void *opaque;
    Lock *lock;
    bool unplugged; /* one without a netdev: its cable is out */
    /* Under the lock; what it points to is the card's.  NULL: it has no filter. */
    void (*get_rx_filter)(void *opaque, NetRxFilter *f);
    bool filter_told; /* under the lock: a change was told, and nobody has asked since */
} NetNic;
bool net_nic_add(Nets *all, NetNic *nic, GError **err) G_GNUC_WARN_UNUSED_RESULT; /* attaches its netdev */
void net_nic_remove(Nets *all, NetNic *nic);
bool net_nic_link_up(const NetNic *nic);
void net_foreach_nic(const Nets *all, void (*fn)(NetNic *nic, void *opaque), void *opaque);
/* set_link, by the id of a netdev or the name of a card; false: there is none. */
bool net_set_link_of(Nets *all, const char *name, bool up);

/* The next MAC address of 52:54:00:12:34:56 and on that no card has. */
void net_default_mac(Nets *all, uint8_t mac[6]);

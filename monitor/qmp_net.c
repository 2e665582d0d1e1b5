/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on networks and their cards. */
#include <string.h>

#include "hw/board.h"
#include "hw/tree.h"
#include "monitor/command.h"
#include "net/net.h"

typedef struct SetLink {
    char *name;
    bool up;
} SetLink;

#define T SetLink
static const Prop link_props[] = {
    { "name", PROP_STRING, ALWAYS(name), .help = "of a card, or the id of a netdev" },
    { "up", PROP_BOOL, ALWAYS(up) },
    { NULL },
};
#undef T
static const Shape link_shape = { "SetLink", sizeof(SetLink), link_props };

static bool run_set_link(Control *c, const void *args, void *result, GError **err)
{
    const SetLink *a = args;
    return net_set_link_of(c->machine->nets, a->name, a->up) || command_no_device(err, a->name);
}

static bool run_netdev_del(Control *c, const void *args, void *result, GError **err)
{
    const IdArgument *a = args;
    NetClient *nc = net_find(c->machine->nets, a->id);
    return nc ? net_free(nc, err) : command_no_device(err, a->id);
}

static bool run_netdev_add(Control *c, const void *args, void *result, GError **err)
{
    return net_new(c->machine->nets, args, err) != NULL;
}

/* ---- what cards take ----------------------------------------------------- */

static const char *const rx_states[] = {
    [NET_RX_NONE] = "none", [NET_RX_NORMAL] = "normal", [NET_RX_ALL] = "all", NULL
};
typedef struct RxFilterInfo {
    char *name, *mac;
    bool promiscuous, broadcast, unicast_overflow, multicast_overflow;
    int unicast, multicast, vlan;
    PropList vlans, unicasts, multicasts;
} RxFilterInfo;
typedef struct NicName {
    char *name;
} NicName;

#define T RxFilterInfo
static const Prop filter_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "promiscuous", PROP_BOOL, ALWAYS(promiscuous), .help = "it takes all" },
    { "multicast", PROP_ENUM, ALWAYS(multicast), .names = rx_states },
    { "unicast", PROP_ENUM, ALWAYS(unicast), .names = rx_states },
    { "vlan", PROP_ENUM, ALWAYS(vlan), .names = rx_states },
    { "broadcast-allowed", PROP_BOOL, ALWAYS(broadcast) },
    { "multicast-overflow", PROP_BOOL, ALWAYS(multicast_overflow), .help = "of the table: it takes all" },
    { "unicast-overflow", PROP_BOOL, ALWAYS(unicast_overflow), .help = "likewise" },
    { "main-mac", PROP_STRING, ALWAYS(mac) },
    { "vlan-table", PROP_I64, ALWAYS(vlans), .list = true, .help = "of \"normal\"" },
    { "unicast-table", PROP_STRING, ALWAYS(unicasts), .list = true },
    { "multicast-table", PROP_STRING, ALWAYS(multicasts), .list = true },
    { NULL },
};
#undef T
static const Shape filter_shape = { "RxFilterInfo", sizeof(RxFilterInfo), filter_props };
#define T NicName
static const Prop nic_name_props[] = { { "name", PROP_STRING, MAYBE(name), .help = "of one card" },
                                       { NULL } };
#undef T
static const Shape nic_name_shape = { "NicName", sizeof(NicName), nic_name_props };

static char *mac_text(const uint8_t *m)
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void add_macs(PropList *list, const uint8_t *macs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *text = mac_text(macs + i * 6);
        prop_list_add_string(list, text);
    }
}

/* The card is locked. */
static void fill_filter(RxFilterInfo *info, const NetRxFilter *f)
{
    enum { VLANS = 4096 };
    info->mac = mac_text(f->mac);
    info->promiscuous = f->promiscuous;
    info->broadcast = f->broadcast;
    info->unicast = f->unicast;
    info->multicast = f->multicast;
    info->vlan = f->vlan;
    info->unicast_overflow = f->unicast_overflow;
    info->multicast_overflow = f->multicast_overflow;
    for (unsigned id = 0; f->vlan == NET_RX_NORMAL && id < VLANS; id++) {
        if (f->vlans[id / 64] >> (id % 64) & 1) {
            prop_list_add_number(&info->vlans, id);
        }
    }
    add_macs(&info->unicasts, f->macs, f->unicast_count);
    add_macs(&info->multicasts, f->macs + f->unicast_count * 6, f->multicast_count);
}

typedef struct Listing {
    const char *name; /* NULL: all */
    PropList *list;
} Listing;

static void add_filter(NetNic *nic, void *opaque)
{
    const Listing *l = opaque;
    NetRxFilter f;
    if (!nic->get_rx_filter || (l->name && strcmp(nic->name, l->name) != 0)) {
        return;
    }
    RxFilterInfo *info = prop_list_add(l->list, &filter_shape);
    info->name = g_strdup(nic->name);
    lock_take(nic->lock);
    nic->get_rx_filter(nic->opaque, &f);
    fill_filter(info, &f);
    nic->filter_told = false;
    lock_release(nic->lock);
}

static bool run_query_rx_filter(Control *c, const void *args, void *result, GError **err)
{
    const NicName *a = args;
    Listing l = { a->name, result };
    net_foreach_nic(c->machine->nets, add_filter, &l);
    if (a->name && !l.list->count) {
        return net_find(c->machine->nets, a->name)
                   ? command_error(err, ERROR_GENERIC, "net client(%s) isn't a NIC", a->name)
                   : command_error(err, ERROR_GENERIC, "invalid net client name: %s", a->name);
    }
    return true;
}

/* clang-format off */
const Command commands_net[] = {
    { "set_link", "plug or unplug the cable of a network card", &link_shape, NULL, 0, run_set_link },
    { "netdev_add", "add a host end of a network", &netdev_shape, NULL, 0, run_netdev_add },
    { "netdev_del", "remove a host end of a network that no card uses", &command_id_shape, NULL, 0, run_netdev_del },
    { "query-rx-filter", "which frames cards take", &nic_name_shape, RETURNS_LIST(filter_shape), 0, run_query_rx_filter },
    { NULL },
};
/* clang-format on */

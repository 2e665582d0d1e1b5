/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards by name: `info network`, set_link, default addresses.
 *
 * A card and its netdev are the two ends of one cable: either name takes it out, and
 * the state of the link is the netdev's.  A card without a netdev has a cable of its
 * own, for the guest to see.  Forms of the lines: QEMU's. */
#include "net_priv.h"

#include <string.h>

bool net_nic_add(Nets *all, NetNic *nic, GError **err)
{
    if (nic->netdev && !net_attach(nic->netdev, nic->fe, nic->opaque, nic->lock, err)) {
        return false;
    }
    g_ptr_array_add(all->nics, nic);
    return true;
}

void net_nic_remove(Nets *all, NetNic *nic)
{
    if (nic->netdev) {
        net_detach(nic->netdev, nic->opaque);
    }
    g_ptr_array_remove(all->nics, nic);
}

void net_foreach_nic(const Nets *all, void (*fn)(NetNic *nic, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->nics->len; i++) {
        fn(all->nics->pdata[i], opaque);
    }
}

bool net_nic_link_up(const NetNic *nic)
{
    return nic->netdev ? net_link_up(nic->netdev) : !nic->unplugged;
}

static NetNic *nic_find(const Nets *all, const char *name)
{
    for (guint i = 0; i < all->nics->len; i++) {
        NetNic *nic = all->nics->pdata[i];
        if (strcmp(nic->name, name) == 0) {
            return nic;
        }
    }
    return NULL;
}

static void nic_set_link(NetNic *nic, bool up)
{
    if (nic->netdev) {
        net_set_link(nic->netdev, up);
    } else if (up == nic->unplugged) {
        nic->unplugged = !up;
        net_tell_link(nic->fe, nic->opaque, nic->lock, up);
    }
}

bool net_set_link_of(Nets *all, const char *name, bool up)
{
    NetClient *nc = net_find(all, name);
    NetNic *nic = nc ? NULL : nic_find(all, name);
    if (nc) {
        net_set_link(nc, up);
    } else if (nic) {
        nic_set_link(nic, up);
    }
    return nc || nic;
}

/* ---- info network -------------------------------------------------------- */

static void describe_alone(NetClient *nc, void *opaque)
{
    if (!nc->fe) {
        g_autofree char *text = net_describe(nc);
        g_string_append_printf(opaque, "%s\n", text);
    }
}

static void describe_nic(const NetNic *nic, GString *out)
{
    uint8_t m[6]; /* the guest may be changing it */
    lock_take(nic->lock);
    memcpy(m, nic->mac, sizeof(m));
    lock_release(nic->lock);
    g_string_append_printf(out, "%s: index=0,type=nic,model=%s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x%s\n",
                           nic->name, nic->model, m[0], m[1], m[2], m[3], m[4], m[5],
                           net_nic_link_up(nic) ? "" : ",link=down");
    if (nic->netdev) {
        g_autofree char *text = net_describe(nic->netdev);
        g_string_append_printf(out, " \\ %s\n", text);
    }
}

void net_describe_all(const Nets *all, GString *out)
{
    net_foreach(all, describe_alone, out);
    for (guint i = 0; i < all->nics->len; i++) {
        describe_nic(all->nics->pdata[i], out);
    }
}

/* ---- addresses ----------------------------------------------------------- */

static bool mac_in_use(const Nets *all, const uint8_t mac[6])
{
    for (guint i = 0; i < all->nics->len; i++) {
        const NetNic *nic = all->nics->pdata[i];
        if (memcmp(nic->mac, mac, 6) == 0) {
            return true;
        }
    }
    return false;
}

void net_default_mac(Nets *all, uint8_t mac[6])
{
    do { /* ends: a machine has far less than 256 cards */
        const uint8_t base[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, all->next_mac++ };
        memcpy(mac, base, sizeof(base));
    } while (mac_in_use(all, mac));
}

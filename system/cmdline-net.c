/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -nic and the old -net.
 *
 * -nic makes a host end and a card; -net nic and -net user are paired in their order.
 * The cards are made later, with the other devices.  Without any of these options a board
 * here has no card (as QEMU's riscv virt).
 *
 * Not modelled: hubs (several cards on one -net backend). */
#include <gio/gio.h>
#include <string.h>

#include "net/net.h"
#include "system/cmdline.h"

/* Keys of -nic and -net nic that belong to the card; the others are the host end's. */
static const char *const card_keys[] = { "model", "mac", "macaddr", "addr", "vectors", NULL };

static void set_key(GHashTable *keys, const char *key, const char *value)
{
    g_hash_table_replace(keys, g_strdup(key), g_strdup(value));
}

/* The card's keys move from `from` to a new table under the names of device properties. */
static GHashTable *take_card(GHashTable *from)
{
    GHashTable *card = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; card_keys[i]; i++) {
        const char *value = g_hash_table_lookup(from, card_keys[i]);
        const char *name = g_str_equal(card_keys[i], "model")     ? "driver"
                           : g_str_equal(card_keys[i], "macaddr") ? "mac"
                                                                  : card_keys[i];
        if (value) {
            set_key(card, name, value);
            g_hash_table_remove(from, card_keys[i]);
        }
    }
    const char *driver = g_hash_table_lookup(card, "driver");
    if (driver && g_str_equal(driver, "virtio")) {
        set_key(card, "driver", "virtio-net-pci");
    }
    return card;
}

static void name_backend(const Machine *m, GHashTable *keys)
{
    if (g_hash_table_contains(keys, "id")) {
        return;
    }
    for (unsigned i = 0;; i++) {
        g_autofree char *id = g_strdup_printf("#net%u", i);
        if (!net_find(m->nets, id)) {
            set_key(keys, "id", id);
            return;
        }
    }
}

static bool add_nic(const CmdLine *c, Machine *m, const CmdItem *item, GError **err)
{
    g_autoptr(GHashTable) keys = cmdline_keys_copy(item->keys);
    const char *type = g_hash_table_lookup(keys, "type");
    if (type && g_str_equal(type, "none")) {
        return true;
    }
    if (!type) {
        set_key(keys, "type", "user");
    }
    g_autoptr(GHashTable) card = take_card(keys);
    name_backend(m, keys);
    set_key(card, "netdev", g_hash_table_lookup(keys, "id"));
    if (!net_new(m->nets, keys, err)) {
        return false;
    }
    g_ptr_array_add(c->nics, g_steal_pointer(&card));
    return true;
}

/* ---- the old form ---- */

typedef struct OldNet {
    GPtrArray *cards;    /* of GHashTable, without netdev= */
    GPtrArray *backends; /* of ids */
} OldNet;

static bool add_old_card(OldNet *n, GHashTable *keys, const CmdLine *c, GError **err)
{
    static const char *const valid[] = { "driver", "mac", "addr", "vectors", "netdev", "id", NULL };
    g_autoptr(GHashTable) card = take_card(keys);
    GHashTableIter iter;
    void *key, *value;
    g_hash_table_remove(keys, "type");
    g_hash_table_iter_init(&iter, keys);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        set_key(card, g_str_equal(key, "name") ? "id" : key, value);
    }
    if (!cmdline_check_keys(card, valid, err)) {
        return false;
    }
    GPtrArray *list = g_hash_table_contains(card, "netdev") ? c->nics : n->cards;
    g_ptr_array_add(list, g_steal_pointer(&card));
    return true;
}

static bool add_old(OldNet *n, const CmdLine *c, Machine *m, const CmdItem *item, GError **err)
{
    g_autoptr(GHashTable) keys = cmdline_keys_copy(item->keys);
    const char *type = g_hash_table_lookup(keys, "type");
    if (!type) {
        return cmdline_fail(err, "Parameter 'type' is missing: nic, user or none");
    }
    if (g_str_equal(type, "none")) {
        return true;
    }
    if (g_str_equal(type, "nic")) {
        return add_old_card(n, keys, c, err);
    }
    if (!g_hash_table_contains(keys, "id") && g_hash_table_contains(keys, "name")) {
        set_key(keys, "id", g_hash_table_lookup(keys, "name"));
    }
    g_hash_table_remove(keys, "name");
    name_backend(m, keys);
    g_ptr_array_add(n->backends, g_strdup(g_hash_table_lookup(keys, "id")));
    return net_new(m->nets, keys, err) != NULL;
}

static bool pair_old(OldNet *n, const CmdLine *c, GError **err)
{
    if (n->cards->len > n->backends->len && n->backends->len) {
        return cmdline_fail(err,
                            "-net nic: %u cards and %u host ends: hubs are not built; give each card its "
                            "own with -nic",
                            n->cards->len, n->backends->len);
    }
    for (guint i = 0; i < n->cards->len; i++) {
        GHashTable *card = g_hash_table_ref(n->cards->pdata[i]);
        if (i < n->backends->len) {
            set_key(card, "netdev", n->backends->pdata[i]);
        }
        g_ptr_array_add(c->nics, card);
    }
    return true;
}

static bool add_all_old(const CmdLine *c, Machine *m, GError **err)
{
    g_autoptr(GPtrArray) cards = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    g_autoptr(GPtrArray) backends = g_ptr_array_new_with_free_func(g_free);
    OldNet n = { cards, backends };
    for (unsigned i = 0; i < cmdline_count(c, OPT_NET); i++) {
        const CmdItem *item = cmdline_item(c, OPT_NET, i);
        if (!add_old(&n, c, m, item, err)) {
            return cmdline_blame(err, item);
        }
    }
    return pair_old(&n, c, err);
}

/* Values that are no strings in JSON; dnssearch= and the forwards are [{"str": ...}]. */
static bool check_json(const CmdItem *item, GError **err)
{
    static const struct {
        const char *key, *type;
    } others[] = {
        { "ipv4", JSON_BOOL },          { "ipv6", JSON_BOOL },      { "restrict", JSON_BOOL },
        { "ipv6-prefixlen", JSON_INT }, { "dnssearch", JSON_LIST }, { "hostfwd", JSON_LIST },
        { "guestfwd", JSON_LIST },
    };
    GHashTableIter iter;
    void *key;
    if (!item->json) {
        return true;
    }
    g_hash_table_iter_init(&iter, item->json);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const char *type = JSON_STRING;
        for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
            type = g_str_equal(key, others[i].key) ? others[i].type : type;
        }
        if (!cmdline_json_is(item, key, type, err)) {
            return false;
        }
    }
    return true;
}

bool cmdline_netdevs(const CmdLine *c, Machine *m, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_NETDEV); i++) {
        const CmdItem *item = cmdline_item(c, OPT_NETDEV, i);
        if (!check_json(item, err)) {
            return cmdline_blame(err, item);
        }
        g_autoptr(GHashTable) keys = cmdline_keys_copy(item->keys);
        if (!g_hash_table_contains(keys, "id")) {
            cmdline_fail(err, "Parameter 'id' is missing");
            return cmdline_blame(err, item);
        }
        if (!net_new(m->nets, keys, err)) {
            return cmdline_blame(err, item);
        }
    }
    for (unsigned i = 0; i < cmdline_count(c, OPT_NIC); i++) {
        const CmdItem *item = cmdline_item(c, OPT_NIC, i);
        if (!add_nic(c, m, item, err)) {
            return cmdline_blame(err, item);
        }
    }
    return add_all_old(c, m, err);
}

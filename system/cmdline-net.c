/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -nic and the old -net.
 *
 * -nic makes a host end and a card; -net nic and -net user are paired in their order.
 * The cards are made later, with the other devices.  Without any of these options a board
 * here has no card (as QEMU's riscv virt).
 *
 * Not modelled: hubs (several cards on one -net backend). */
#include <json-c/json.h>

#include "net/net.h"
#include "system/cmdline.h"
#include "util/keyval.h"

/* Keys of -nic and -net nic that belong to the card, and the device's properties that they are; the others are the
 * host end's. */
static const struct {
    const char *key, *property;
} card_keys[] = {
    { "model", "driver" }, { "macaddr", "mac" },     { "mac", "mac" },
    { "addr", "addr" },    { "vectors", "vectors" },
};

/* The card's keys move from `from` to a new object under the names of device properties. */
static json_object *take_card(json_object *from)
{
    json_object *card = json_object_new_object();
    for (unsigned i = 0; i < G_N_ELEMENTS(card_keys); i++) {
        const char *value = keyval_text(from, card_keys[i].key);
        if (value) {
            keyval_put(card, card_keys[i].property, value);
            json_object_object_del(from, card_keys[i].key);
        }
    }
    const char *driver = keyval_text(card, "driver");
    if (driver && g_str_equal(driver, "virtio")) {
        keyval_put(card, "driver", "virtio-net-pci");
    }
    return card;
}

static void name_backend(const Machine *m, json_object *keys)
{
    for (unsigned i = 0; !keyval_text(keys, "id"); i++) {
        g_autofree char *id = g_strdup_printf("#net%u", i);
        if (!net_find(m->nets, id)) {
            keyval_put(keys, "id", id);
        }
    }
}

static bool add_backend(Machine *m, json_object *keys, bool typed, GError **err)
{
    PropContext c = { .typed = typed };
    NetdevOptions *o = shape_new(&netdev_shape, keys, &c, err);
    bool ok = o && net_new(m->nets, o, err);
    shape_free(&netdev_shape, o);
    return ok;
}

static bool add_nic(const CmdLine *c, Machine *m, const CmdItem *item, GError **err)
{
    const char *type = keyval_text(item->values, "type");
    if (type && g_str_equal(type, "none")) {
        return true;
    }
    json_object *keys = keyval_copy(item->values);
    if (!type) {
        keyval_put(keys, "type", "user");
    }
    json_object *card = take_card(keys);
    name_backend(m, keys);
    keyval_put(card, "netdev", keyval_text(keys, "id"));
    g_ptr_array_add(c->nics, card);
    bool ok = add_backend(m, keys, false, err);
    json_object_put(keys);
    return ok;
}

/* ---- the old form ---- */

typedef struct OldNet {
    GPtrArray *cards;    /* of json_object, without netdev= */
    GPtrArray *backends; /* of ids */
} OldNet;

static bool add_old_card(OldNet *n, json_object *keys, const CmdLine *c, GError **err)
{
    static const char *const valid[] = { "driver", "mac", "addr", "vectors", "netdev", "id", NULL };
    json_object *card = take_card(keys);
    json_object_object_foreach(keys, key, value)
    {
        const char *name = g_str_equal(key, "name") ? "id" : key;
        if (!g_str_equal(key, "type")) {
            json_object_object_add(card, name, json_object_get(value));
        }
        if (!g_str_equal(key, "type") && !g_strv_contains(valid, name)) {
            g_autofree char *advice = names_advice(name, valid);
            json_object_put(card);
            return cmdline_fail(err, "Parameter '%s' is unexpected%s", name, advice);
        }
    }
    g_ptr_array_add(keyval_text(card, "netdev") ? c->nics : n->cards, card);
    return true;
}

static bool add_old_backend(OldNet *n, Machine *m, json_object *keys, GError **err)
{
    const char *name = keyval_text(keys, "name");
    if (name && !keyval_text(keys, "id")) {
        keyval_put(keys, "id", name);
    }
    json_object_object_del(keys, "name");
    name_backend(m, keys);
    g_ptr_array_add(n->backends, g_strdup(keyval_text(keys, "id")));
    return add_backend(m, keys, false, err);
}

static bool add_old(OldNet *n, const CmdLine *c, Machine *m, const CmdItem *item, GError **err)
{
    const char *type = keyval_text(item->values, "type");
    if (!type) {
        return cmdline_fail(err, "Parameter 'type' is missing: nic, user or none");
    }
    if (g_str_equal(type, "none")) {
        return true;
    }
    json_object *keys = keyval_copy(item->values);
    bool ok = g_str_equal(type, "nic") ? add_old_card(n, keys, c, err) : add_old_backend(n, m, keys, err);
    json_object_put(keys);
    return ok;
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
        json_object *card = json_object_get(n->cards->pdata[i]);
        if (i < n->backends->len) {
            keyval_put(card, "netdev", n->backends->pdata[i]);
        }
        g_ptr_array_add(c->nics, card);
    }
    return true;
}

static bool add_all_old(const CmdLine *c, Machine *m, GError **err)
{
    g_autoptr(GPtrArray) cards = g_ptr_array_new_with_free_func(keyval_free);
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

bool cmdline_netdevs(const CmdLine *c, Machine *m, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_NETDEV); i++) {
        const CmdItem *item = cmdline_item(c, OPT_NETDEV, i);
        if (!add_backend(m, item->values, item->typed, err)) {
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

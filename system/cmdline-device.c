/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that the user asked for: network cards, disks of drives, -device; and the
 * defaults of -global.  In this order, so that addresses on the PCI bus are those of
 * QEMU: cards first, then if=virtio drives, then -device in the order given. */
#include <gio/gio.h>
#include <string.h>

#include "block/block.h"
#include "hw/device.h"
#include "hw/nvram/fw_cfg.h"
#include "system/cmdline.h"
#include "util/file.h"

static bool add_device(Machine *m, GHashTable *keys, GError **err)
{
    g_autofree char *driver = g_strdup(g_hash_table_lookup(keys, "driver"));
    if (!driver) {
        return cmdline_fail(err, "Parameter 'driver' is missing; -device help lists the drivers");
    }
    g_hash_table_remove(keys, "driver");
    return machine_add_device(m, driver, keys, err) != NULL;
}

static bool add_cards(const CmdLine *c, Machine *m, GError **err)
{
    for (guint i = 0; i < c->nics->len; i++) {
        g_autoptr(GHashTable) keys = cmdline_keys_copy(c->nics->pdata[i]);
        if (!g_hash_table_contains(keys, "driver")) {
            if (!m->board->default_nic) {
                return cmdline_fail(
                    err, "-nic: machine '%s' has no default network card; give model=", m->board->name);
            }
            g_hash_table_replace(keys, g_strdup("driver"), g_strdup(m->board->default_nic));
        }
        if (!add_device(m, keys, err)) {
            if (err && *err && (*err)->message[0] != '-') {
                g_prefix_error(err, "-nic: ");
            }
            return false;
        }
    }
    return true;
}

/* ---- drives ---- */

typedef struct AddDisks {
    const CmdLine *c;
    Machine *m;
    GError *err;
} AddDisks;

static bool is_used_by_device(const CmdLine *c, const char *drive)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_DEVICE); i++) {
        const char *id = g_hash_table_lookup(cmdline_item(c, OPT_DEVICE, i)->keys, "drive");
        if (id && g_str_equal(id, drive)) {
            return true;
        }
    }
    return false;
}

static bool is_in_flash(const Machine *m, BlockBackend *blk)
{
    for (unsigned i = 0; i < MACHINE_MAX_PFLASH; i++) {
        if (m->config->pflash[i] == blk) {
            return true;
        }
    }
    return false;
}

static void add_disk(BlockBackend *blk, void *opaque)
{
    AddDisks *a = opaque;
    DriveInterface interface = block_interface(blk);
    bool wanted =
        interface == DRIVE_VIRTIO || (interface == DRIVE_DEFAULT && !is_used_by_device(a->c, block_id(blk)));
    if (a->err || !wanted || is_in_flash(a->m, blk)) {
        return;
    }
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(keys, g_strdup("driver"), g_strdup(a->m->board->block_device));
    g_hash_table_replace(keys, g_strdup("drive"), g_strdup(block_id(blk)));
    if (!add_device(a->m, keys, &a->err)) {
        g_prefix_error(&a->err, "drive '%s': ", block_id(blk));
    }
}

bool cmdline_devices(const CmdLine *c, Machine *m, GError **err)
{
    AddDisks disks = { c, m, NULL };
    if (!add_cards(c, m, err)) {
        return false;
    }
    block_foreach(m->drives, add_disk, &disks);
    if (disks.err) {
        g_propagate_error(err, disks.err);
        return false;
    }
    for (unsigned i = 0; i < cmdline_count(c, OPT_DEVICE); i++) {
        const CmdItem *item = cmdline_item(c, OPT_DEVICE, i);
        if (!cmdline_json_device(item, err)) {
            return cmdline_blame(err, item);
        }
        g_autoptr(GHashTable) keys = cmdline_keys_copy(item->keys);
        if (!add_device(m, keys, err)) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

/* ---- -global ---- */

static bool add_global(Machine *m, const CmdItem *item, GError **err)
{
    const char *driver = g_hash_table_lookup(item->keys, "driver");
    const char *property = g_hash_table_lookup(item->keys, "property");
    const char *value = g_hash_table_lookup(item->keys, "value");
    GHashTableIter iter;
    void *key, *text;
    if (driver && property && value) {
        return machine_add_global(m, driver, property, value, err);
    }
    g_hash_table_iter_init(&iter, item->keys);
    while (g_hash_table_iter_next(&iter, &key, &text)) {
        const char *dot = strchr(key, '.');
        g_autofree char *name = g_strndup(key, dot ? dot - (char *)key : 0);
        if (!dot) {
            return cmdline_fail(err, "Invalid parameter '%s'; write driver.property=value", (char *)key);
        }
        if (!machine_add_global(m, name, dot + 1, text, err)) {
            return false;
        }
    }
    return true;
}

bool cmdline_globals(const CmdLine *c, Machine *m, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_GLOBAL); i++) {
        const CmdItem *item = cmdline_item(c, OPT_GLOBAL, i);
        if (!add_global(m, item, err)) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

/* ---- -fw_cfg ---- */

enum { FW_CFG_FILE_MAX = 1 << 30 };

static bool add_fw_cfg(Machine *m, const CmdItem *item, GError **err)
{
    static const char *const valid[] = { "name", "file", "string", NULL };
    const char *name = g_hash_table_lookup(item->keys, "name");
    const char *file = g_hash_table_lookup(item->keys, "file");
    const char *text = g_hash_table_lookup(item->keys, "string");
    g_autoptr(GBytes) bytes = NULL;
    if (!cmdline_check_keys(item->keys, valid, err)) {
        return false;
    }
    if (!name || !*name || !file == !text) {
        return cmdline_fail(err, "name= and one of file=, string= must be given");
    }
    if (!m->fw_cfg) {
        return cmdline_fail(err, "machine '%s' has no firmware configuration device", m->board->name);
    }
    if (text) {
        bytes = g_bytes_new(text, strlen(text));
    } else {
        GByteArray *data = file_read(file, FW_CFG_FILE_MAX, err);
        if (!data) {
            return false;
        }
        bytes = g_byte_array_free_to_bytes(data);
    }
    return fw_cfg_add_file(m->fw_cfg, name, bytes, err);
}

bool cmdline_fw_cfg(const CmdLine *c, Machine *m, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_FW_CFG); i++) {
        const CmdItem *item = cmdline_item(c, OPT_FW_CFG, i);
        if (!add_fw_cfg(m, item, err)) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

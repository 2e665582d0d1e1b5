/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that the user asked for: network cards, disks of drives, -device; and the
 * defaults of -global.  In this order, so that addresses on the PCI bus are those of
 * QEMU: cards first, then if=virtio drives, then -device in the order given. */
#include <json-c/json.h>
#include <string.h>

#include "block/block.h"
#include "hw/device.h"
#include "hw/nvram/fw_cfg.h"
#include "system/cmdline.h"
#include "util/file.h"
#include "util/keyval.h"

static bool add_device(Machine *m, json_object *values, bool typed, GError **err)
{
    PropContext c = { .typed = typed };
    DeviceOptions *o = shape_new(&device_shape, values, &c, err);
    bool ok = o && machine_add_device(m, o, typed, err);
    shape_free(&device_shape, o);
    return ok;
}

static bool add_card(Machine *m, json_object *card, GError **err)
{
    if (!keyval_text(card, "driver")) {
        if (!m->board->default_nic) {
            return cmdline_fail(
                err, "-nic: machine '%s' has no default network card; give model=", m->board->name);
        }
        keyval_put(card, "driver", m->board->default_nic);
    }
    if (add_device(m, card, false, err)) {
        return true;
    }
    if (err && *err && (*err)->message[0] != '-') {
        g_prefix_error(err, "-nic: ");
    }
    return false;
}

static bool add_cards(const CmdLine *c, Machine *m, GError **err)
{
    for (guint i = 0; i < c->nics->len; i++) {
        if (!add_card(m, c->nics->pdata[i], err)) {
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
        const char *id = keyval_text(cmdline_item(c, OPT_DEVICE, i)->values, "drive");
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
    const char *device = a->m->board->block_device;
    if (!device) {
        cmdline_fail(&a->err, "drive '%s': machine '%s' has no place for a disk; give if=none", block_id(blk),
                     a->m->board->name);
        return;
    }
    json_object *keys = json_object_new_object();
    keyval_put(keys, "driver", device);
    keyval_put(keys, "drive", block_id(blk));
    if (!add_device(a->m, keys, false, &a->err)) {
        g_prefix_error(&a->err, "drive '%s': ", block_id(blk));
    }
    json_object_put(keys);
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
        if (!add_device(m, item->values, item->typed, err)) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

/* ---- -global ---- */

static bool add_global(Machine *m, const CmdItem *item, GError **err)
{
    const char *driver = keyval_text(item->values, "driver");
    const char *property = keyval_text(item->values, "property");
    const char *value = keyval_text(item->values, "value");
    if (driver && property && value) {
        return machine_add_global(m, driver, property, value, err);
    }
    json_object_object_foreach(item->values, key, unused)
    {
        const char *dot = strchr(key, '.');
        g_autofree char *name = g_strndup(key, dot ? dot - key : 0);
        if (!dot) {
            return cmdline_fail(err, "Invalid parameter '%s'; write driver.property=value", key);
        }
        if (!machine_add_global(m, name, dot + 1, keyval_text(item->values, key), err)) {
            return false;
        }
        (void)unused;
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

typedef struct FwCfgOptions {
    char *name, *file, *text;
} FwCfgOptions;

static const Prop fw_cfg_props[] = {
    { "name", PROP_STRING, offsetof(FwCfgOptions, name), "name of the entry, opt/...", .required = true },
    { "file", PROP_STRING, offsetof(FwCfgOptions, file), "file with its contents" },
    { "string", PROP_STRING, offsetof(FwCfgOptions, text), "its contents" },
    { NULL },
};
const Shape cmdline_fw_cfg_shape = { "fw_cfg", sizeof(FwCfgOptions), fw_cfg_props, .implied = "name" };

static GBytes *fw_cfg_bytes(const FwCfgOptions *o, GError **err)
{
    if (o->text) {
        return g_bytes_new(o->text, strlen(o->text));
    }
    GByteArray *data = file_read(o->file, FW_CFG_FILE_MAX, err);
    return data ? g_byte_array_free_to_bytes(data) : NULL;
}

static bool add_fw_cfg(Machine *m, const FwCfgOptions *o, GError **err)
{
    if (!*o->name || !o->file == !o->text) {
        return cmdline_fail(err, "name= and one of file=, string= must be given");
    }
    if (!m->fw_cfg) {
        return cmdline_fail(err, "machine '%s' has no firmware configuration device", m->board->name);
    }
    g_autoptr(GBytes) bytes = fw_cfg_bytes(o, err);
    return bytes && fw_cfg_add_file(m->fw_cfg, o->name, bytes, err);
}

bool cmdline_fw_cfg(const CmdLine *c, Machine *m, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_FW_CFG); i++) {
        const CmdItem *item = cmdline_item(c, OPT_FW_CFG, i);
        FwCfgOptions *o = cmdline_shape(item, &cmdline_fw_cfg_shape, err);
        bool ok = o && add_fw_cfg(m, o, err);
        shape_free(&cmdline_fw_cfg_shape, o);
        if (!ok) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

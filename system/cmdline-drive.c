/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive, -hda, -pflash, -snapshot and -object.
 *
 * A drive with if=virtio (or without if=, and not used by a -device) becomes a disk
 * of the board's kind; if=pflash goes into a flash bank; if=none waits for a -device.
 * Names of drives without id= are those of QEMU: virtio0, none0, pflash0.
 *
 * Not modelled: interfaces that no board here has (ide, scsi, floppy, sd, mtd). */
#include <gio/gio.h>
#include <string.h>

#include "block/block.h"
#include "system/cmdline.h"
#include "hw/object.h"
#include "util/keyval.h"

static GHashTable *drive_keys(const CmdItem *item)
{
    GHashTable *keys;
    if (item->option->kind == OPT_DRIVE) {
        return cmdline_keys_copy(item->keys);
    }
    keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(keys, g_strdup("file"), g_strdup(item->text));
    if (item->option->kind == OPT_PFLASH) {
        g_hash_table_replace(keys, g_strdup("if"), g_strdup("pflash"));
        g_hash_table_replace(keys, g_strdup("format"), g_strdup("raw"));
    }
    return keys;
}

static bool check_interface(const char *name, GError **err)
{
    static const char *const valid[] = { "virtio", "none", "pflash", NULL };
    if (!name || g_strv_contains(valid, name)) {
        return true;
    }
    cmdline_error_choice(err, "interface for this board", name, valid);
    return false;
}

/* "virtio0" ... for a drive without id=. */
static void name_drive(const Machine *m, GHashTable *keys)
{
    const char *interface = g_hash_table_lookup(keys, "if");
    const char *index = g_hash_table_lookup(keys, "index");
    if (g_hash_table_contains(keys, "id")) {
        return;
    }
    index = index ? index : g_hash_table_lookup(keys, "unit");
    for (unsigned i = 0;; i++) {
        g_autofree char *name = index && !i ? g_strdup_printf("%s%s", interface ? interface : "virtio", index)
                                            : g_strdup_printf("%s%u", interface ? interface : "virtio", i);
        if (!block_find(m->drives, name)) {
            g_hash_table_replace(keys, g_strdup("id"), g_steal_pointer(&name));
            return;
        }
    }
}

static bool place_pflash(BlockBackend *blk, MachineConfig *config, GError **err)
{
    int bank = block_index(blk);
    if (bank < 0) {
        for (bank = 0; bank < MACHINE_MAX_PFLASH && config->pflash[bank]; bank++) {
        }
    }
    if (bank >= MACHINE_MAX_PFLASH || config->pflash[bank]) {
        return cmdline_fail(err, "flash bank %d %s; the banks are 0 to %d", bank,
                            bank < MACHINE_MAX_PFLASH ? "is taken" : "does not exist",
                            MACHINE_MAX_PFLASH - 1);
    }
    config->pflash[bank] = blk;
    return true;
}

static bool open_drive(const CmdLine *c, const CmdItem *item, Machine *m, MachineConfig *config, GError **err)
{
    g_autoptr(GHashTable) keys = drive_keys(item);
    if (!check_interface(g_hash_table_lookup(keys, "if"), err)) {
        return false;
    }
    name_drive(m, keys);
    if (cmdline_has(c, OPT_SNAPSHOT) && !g_hash_table_contains(keys, "snapshot")) {
        g_hash_table_replace(keys, g_strdup("snapshot"), g_strdup("on"));
    }
    BlockBackend *blk = block_open_drive(m->drives, keys, err);
    if (!blk) {
        return false;
    }
    return block_interface(blk) != DRIVE_PFLASH || place_pflash(blk, config, err);
}

/* -machine pflash0=ID */
static bool machine_pflash(const Machine *m, MachineConfig *config, unsigned bank, GError **err)
{
    g_autofree char *key = g_strdup_printf("pflash%u", bank);
    const char *id = g_hash_table_lookup(config->board_options, key);
    if (!id) {
        return true;
    }
    BlockBackend *blk = block_find(m->drives, id);
    if (!blk || config->pflash[bank]) {
        return cmdline_fail(err, "-machine %s=%s: %s", key, id,
                            blk ? "the bank has an image already"
                                : "no drive has this id; make it with -drive if=none,id=");
    }
    config->pflash[bank] = blk;
    g_hash_table_remove(config->board_options, key);
    return true;
}

bool cmdline_drives(const CmdLine *c, Machine *m, MachineConfig *config, GError **err)
{
    for (guint i = 0; i < c->items->len; i++) {
        const CmdItem *item = c->items->pdata[i];
        OptionKind kind = item->option->kind;
        bool drive = kind == OPT_DRIVE || kind == OPT_HDA || kind == OPT_PFLASH;
        if (drive && !open_drive(c, item, m, config, err)) {
            return cmdline_blame(err, item);
        }
    }
    for (unsigned bank = 0; bank < MACHINE_MAX_PFLASH; bank++) {
        if (!machine_pflash(m, config, bank, err)) {
            return false;
        }
    }
    return true;
}

/* -machine memory-backend=ID: RAM has the size of the object. */
static bool machine_backend(const CmdLine *c, const Machine *m, MachineConfig *config, GError **err)
{
    const char *id = g_hash_table_lookup(config->board_options, "memory-backend");
    if (!id) {
        return true;
    }
    Object *o = object_find(m->objects, id);
    uint64_t size = o ? object_memory_size(o) : 0;
    if (!size) {
        return cmdline_fail(err,
                            "-machine memory-backend=%s: %s; make it with "
                            "-object memory-backend-memfd,id=%s,size=...",
                            id, o ? "this object is no memory backend" : "no object has this id", id);
    }
    if (cmdline_has(c, OPT_MEMORY) && size != config->ram_size) {
        return cmdline_fail(err,
                            "-machine memory-backend=%s: Machine memory size does not match the size "
                            "of the memory backend; give -m the same size or leave it out",
                            id);
    }
    if (size % RAM_PAGE) {
        return cmdline_fail(err, "-machine memory-backend=%s: its size is not a multiple of %d", id,
                            RAM_PAGE);
    }
    config->ram_size = size;
    if (!object_memory_is_dumped(o)) {
        g_hash_table_replace(config->board_options, g_strdup("dump-guest-core"), g_strdup("off"));
    }
    g_hash_table_remove(config->board_options, "memory-backend");
    return true;
}

bool cmdline_objects(const CmdLine *c, Machine *m, MachineConfig *config, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_OBJECT); i++) {
        const CmdItem *item = cmdline_item(c, OPT_OBJECT, i);
        const char *type = g_hash_table_lookup(item->keys, "qom-type");
        const Prop *props = type ? object_type_props(type, NULL) : NULL;
        if (!cmdline_json_props(item, props, err) || !object_new(m->objects, item->keys, err)) {
            return cmdline_blame(err, item);
        }
    }
    return machine_backend(c, m, config, err);
}

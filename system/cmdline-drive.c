/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive, -blockdev, -hda, -pflash, -snapshot and -object.
 *
 * A drive with if=virtio (or without if=, and not used by a -device) becomes a disk
 * of the board's kind; if=pflash goes into a flash bank; if=none waits for a -device.
 * Names of drives without id= are those of QEMU: virtio0, none0, pflash0.
 *
 * Not modelled: interfaces that no board here has (ide, scsi, floppy, sd, mtd). */
#include <json-c/json.h>
#include <string.h>

#include "block/block.h"
#include "system/cmdline.h"
#include "hw/object.h"
#include "util/keyval.h"

/* What an option that makes a drive says, as -drive has it. */
static json_object *drive_values(const CmdLine *c, const CmdItem *item)
{
    bool drive = item->option->kind == OPT_DRIVE;
    json_object *values = drive ? keyval_copy(item->values) : json_object_new_object();
    if (!drive) {
        keyval_put(values, "file", item->text);
    }
    if (item->option->kind == OPT_PFLASH) {
        keyval_put(values, "if", "pflash");
        keyval_put(values, "format", "raw");
    }
    if (cmdline_has(c, OPT_SNAPSHOT) && !keyval_text(values, "snapshot")) {
        keyval_put(values, "snapshot", "on");
    }
    return values;
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

static bool add_node(const CmdItem *item, Machine *m, GError **err)
{
    BlockdevOptions *o = cmdline_shape(item, &blockdev_shape, err);
    bool ok = o && blockdev_add(m->drives, o, err);
    shape_free(&blockdev_shape, o);
    return ok;
}

static bool open_drive(const CmdLine *c, const CmdItem *item, Machine *m, MachineConfig *config, GError **err)
{
    json_object *values = drive_values(c, item);
    DriveOptions *o = shape_new(&drive_shape, values, NULL, err);
    BlockBackend *blk = o ? block_open_drive(m->drives, o, err) : NULL;
    shape_free(&drive_shape, o);
    json_object_put(values);
    return blk && (block_interface(blk) != DRIVE_PFLASH || place_pflash(blk, config, err));
}

/* -machine pflash0=ID */
static bool machine_pflash(const CmdLine *c, const Machine *m, MachineConfig *config, unsigned bank,
                           GError **err)
{
    const char *id = c->machine->pflash[bank];
    if (!id) {
        return true;
    }
    BlockBackend *blk = block_find(m->drives, id);
    if (!blk || config->pflash[bank]) {
        return cmdline_fail(err, "-machine pflash%u=%s: %s", bank, id,
                            blk ? "the bank has an image already"
                                : "no drive has this id; make it with -drive if=none,id=");
    }
    config->pflash[bank] = blk;
    return true;
}

bool cmdline_drives(const CmdLine *c, Machine *m, MachineConfig *config, GError **err)
{
    for (guint i = 0; i < c->items->len; i++) {
        const CmdItem *item = c->items->pdata[i];
        OptionKind kind = item->option->kind;
        bool drive = kind == OPT_DRIVE || kind == OPT_HDA || kind == OPT_PFLASH;
        if ((drive && !open_drive(c, item, m, config, err)) ||
            (kind == OPT_BLOCKDEV && !add_node(item, m, err))) {
            return cmdline_blame(err, item);
        }
    }
    for (unsigned bank = 0; bank < MACHINE_MAX_PFLASH; bank++) {
        if (!machine_pflash(c, m, config, bank, err)) {
            return false;
        }
    }
    return true;
}

/* -machine memory-backend=ID: RAM has the size of the object. */
static bool machine_backend(const CmdLine *c, const Machine *m, MachineConfig *config, GError **err)
{
    const char *id = c->machine->memory_backend;
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
    object_hold(o);
    config->ram_backend = o;
    if (!object_memory_is_dumped(o)) {
        keyval_put(config->board_options, "dump-guest-core", "off");
    }
    return true;
}

bool cmdline_objects(const CmdLine *c, Machine *m, MachineConfig *config, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_OBJECT); i++) {
        const CmdItem *item = cmdline_item(c, OPT_OBJECT, i);
        ObjectOptions *o = cmdline_shape(item, &object_shape, err);
        bool ok = o && object_new(m->objects, o, false, err);
        shape_free(&object_shape, o);
        if (!ok) {
            return cmdline_blame(err, item);
        }
    }
    return machine_backend(c, m, config, err);
}

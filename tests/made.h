/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text of an option makes, as the command line makes it: -netdev, -device ... of tests. */
#pragma once
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/object.h"
#include "net/net.h"

static inline NetClient *test_netdev(Nets *all, const char *text, GError **err)
{
    NetdevOptions *o = shape_parse(&netdev_shape, text, NULL, err);
    NetClient *nc = o ? net_new(all, o, err) : NULL;
    shape_free(&netdev_shape, o);
    return nc;
}

static inline Chardev *test_chardev(Chardevs *all, const char *text, GError **err)
{
    ChardevOptions *o = shape_parse(&chardev_shape, text, NULL, err);
    Chardev *chr = o ? chardev_new(all, o, err) : NULL;
    shape_free(&chardev_shape, o);
    return chr;
}

static inline BlockBackend *test_drive(Drives *all, const char *text, GError **err)
{
    DriveOptions *o = shape_parse(&drive_shape, text, NULL, err);
    BlockBackend *blk = o ? block_open_drive(all, o, err) : NULL;
    shape_free(&drive_shape, o);
    return blk;
}

static inline bool test_object(Machine *m, const char *text, GError **err)
{
    ObjectOptions *o = shape_parse(&object_shape, text, NULL, err);
    bool ok = o && object_new(m->objects, o, false, err);
    shape_free(&object_shape, o);
    return ok;
}

static inline Device *test_add_device(Machine *m, const char *text, GError **err)
{
    DeviceOptions *o = shape_parse(&device_shape, text, NULL, err);
    Device *dev = o ? machine_add_device(m, o, text[0] == '{', err) : NULL;
    shape_free(&device_shape, o);
    return dev;
}

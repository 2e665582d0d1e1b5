/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text of an option makes, as the command line makes it: -netdev, -device ... of tests. */
#pragma once
#include "hw/board.h"
#include "net/net.h"

static inline NetClient *test_netdev(Nets *all, const char *text, GError **err)
{
    NetdevOptions *o = shape_parse(&netdev_shape, text, NULL, err);
    NetClient *nc = o ? net_new(all, o, err) : NULL;
    shape_free(&netdev_shape, o);
    return nc;
}

static inline Device *test_add_device(Machine *m, const char *text, GError **err)
{
    DeviceOptions *o = shape_parse(&device_shape, text, NULL, err);
    Device *dev = o ? machine_add_device(m, o, text[0] == '{', err) : NULL;
    shape_free(&device_shape, o);
    return dev;
}

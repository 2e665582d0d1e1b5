/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All device classes and boards that exist.  A new one adds two lines here: its
 * declaration and its place in the table. */
#include "hw/board.h"

const DeviceClass *const device_classes[] = {
    NULL,
};

const BoardClass *const board_classes[] = {
    NULL,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of the host as a disk. */
#pragma once
#include "block/fat/fat.h"

/* It is only read. */
BlockNode *vvfat_node_open(const FatOptions *o, GError **err);
bool vvfat_is_name(const char *text); /* does it begin like one: "fat:[rw:][floppy:][12:|16:|32:]DIR"? */
FatOptions vvfat_parse_name(const char *text); /* of one; strings are parts of it */

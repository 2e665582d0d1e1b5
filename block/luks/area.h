/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LUKS in an image of another format: its header is an area of the file, and sectors are encrypted by their places in the
 * file.  Specification: QEMU, docs/interop/qcow2, "Full disk encryption header pointer", "Data encryption". */
#pragma once
#include "block/image.h"

/* What is read and written through the node is encrypted in the file, at the same place; without a password (flags) it is
 * -EACCES.  The node can be written whenever the file can. */
BlockNode *luks_area_open(BlockNode *file, uint64_t offset, uint64_t length, const OpenFlags *flags,
                          GError **err);

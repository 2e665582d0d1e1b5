/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rest of the block layer knows of qcow2. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "block/driver.h"

typedef struct Qcow2Open {
    bool readonly;
    bool discard;           /* what is free is given back to the host */
    bool repair;            /* one that is dirty or corrupt, too: for image_check alone */
    const OpenFlags *flags; /* that have the password of one that is encrypted; NULL: it stays locked */
} Qcow2Open;

/* The node has no backing and no data file yet: node_set_child adds them, before its first use. */
BlockNode *qcow2_open(BlockNode *file, const Qcow2Open *o, GError **err);
/* What is free is given back to the host from now on, or is not.  Nothing is under way. */
void qcow2_set_discard(BlockNode *n, bool discard);
bool qcow2_is_dirty(BlockNode *file); /* its counts may be wrong */

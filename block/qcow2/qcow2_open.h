/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rest of the block layer knows of qcow2. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "block/node.h"

typedef struct Qcow2Open {
    bool readonly;
    bool discard; /* what is free is given back to the host */
    bool repair;  /* one that is dirty or corrupt, too: for qcow2_check alone */
} Qcow2Open;

/* Of other files that an image names.  Strings are the node's; NULL: it names none. */
typedef struct Qcow2Names {
    const char *backing, *backing_format, *data_file;
    bool needs_data_file;
} Qcow2Names;

/* The node has no backing and no data file yet: node_set_child adds them, before its first use. */
BlockNode *qcow2_open(BlockNode *file, const Qcow2Open *o, GError **err);
bool qcow2_is_dirty(BlockNode *file); /* its counts may be wrong */
void qcow2_names(BlockNode *n, Qcow2Names *names);

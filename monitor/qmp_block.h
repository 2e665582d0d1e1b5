/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands on drives share. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct BlockBackend BlockBackend;
typedef struct Machine Machine;

/* The place in the tree of objects of the device that uses the drive; NULL: none does.  The caller's. */
char *qmp_drive_user(const Machine *m, const BlockBackend *blk);
char *qmp_drive_name(const BlockBackend *blk); /* "" of a node that -blockdev has made; the caller's */
bool qmp_is_drive(const Machine *m, const BlockBackend *blk); /* not a node that no device uses */
/* By the name of a drive or a node; NULL and the error. */
BlockBackend *qmp_find_disk(const Machine *m, const char *name, GError **err);

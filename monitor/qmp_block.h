/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands on drives share. */
#pragma once
#include <stdbool.h>

typedef struct BlockBackend BlockBackend;
typedef struct Machine Machine;

/* The place in the tree of objects of the device that uses the drive; NULL: none does.  The caller's. */
char *qmp_drive_user(const Machine *m, const BlockBackend *blk);
char *qmp_drive_name(const BlockBackend *blk); /* "" of a node that -blockdev has made; the caller's */
bool qmp_is_drive(const Machine *m, const BlockBackend *blk); /* not a node that no device uses */

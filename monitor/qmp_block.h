/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands on drives share. */
#pragma once

typedef struct BlockBackend BlockBackend;
typedef struct Machine Machine;

/* The id of the device that uses the drive, or its place in the tree of objects; NULL: none does.  The caller's. */
char *qmp_drive_user(const Machine *m, const BlockBackend *blk);
char *qmp_node_name(const BlockBackend *blk); /* the caller's */

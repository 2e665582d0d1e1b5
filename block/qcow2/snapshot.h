/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of internal snapshots (snapshot_table.c). */
#pragma once
#include "block/qcow2/qcow2.h"
#include "block/qcow2_snapshot.h"

GPtrArray *snapshot_list_new(void); /* of Qcow2Snapshot */
/* Into an empty list; *bytes: that the table takes in the file.  -EINVAL: it is damaged, and ends with what is wrong. */
int snapshot_table_read(Qcow2 *s, GPtrArray *list, uint64_t *bytes);
GByteArray *snapshot_table_bytes(const GPtrArray *list);
void snapshot_set_extra(Qcow2Snapshot *sn); /* from its other fields */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A check under way: what check.c has found, and mend.c puts right. */
#pragma once
#include "block/qcow2/counts.h"
#include "block/qcow2/qcow2.h"
#include "block/image_check.h"

typedef struct Check {
    Qcow2 *s;
    ImageReport *r;
    Counts *used, *old; /* old: those that the counts take themselves */
    ImageRepair repair;
    uint64_t last_host; /* of the cluster before, for fragmentation; 0: none */
    uint64_t file_end;  /* bytes */
    GArray *suspects;   /* of Suspect */
    uint32_t
        times; /* each reference is there so often: of a table that is walked, how many name it; else 1 */
    GHashTable *later; /* L2 tables of snapshots, by offset: how many of those name it */
    GArray *alone;     /* of Span: L1 tables of snapshots */
    bool
        partial; /* what tables refer to that lie on others was not counted: the counts are not to be written */
    bool full;   /* there are more references than are counted (block/qcow2/counts.h) */
} Check;

int check_mend(Check *c); /* 0 or -errno; the image is to be opened anew */

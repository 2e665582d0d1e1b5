/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of limits on the speed of disks. */
#pragma once
#include "block/block.h"
#include "block/throttle.h"

typedef struct ThrottleGroup ThrottleGroup;

/* ---- throttle_rate.c: how much may be done when ---------------------------- */

/* What was done of a kind and has not yet run off, at its rate. */
typedef struct ThrottleLevel {
    double rate_level, burst_level;
} ThrottleLevel;

typedef struct ThrottleRate {
    ThrottleLimits limits;
    ThrottleLevel levels[THROTTLE_KINDS];
    int64_t then_ns; /* when the levels were so */
} ThrottleRate;

/* Nanoseconds from now until a request may go; 0: it may.  now_ns does not go back. */
int64_t throttle_rate_wait(ThrottleRate *t, bool write, int64_t now_ns);
void throttle_rate_count(ThrottleRate *t, bool write, uint64_t bytes); /* it goes */

/* ---- throttle.c: who waits ------------------------------------------------- */

/* Any thread.  True: the request waits for its turn, and is not in flight. */
bool throttle_holds(BlockRequest *r);
/* What of this disk waits is the caller's: a list by priv.next, in order. */
BlockRequest *throttle_take(BlockBackend *blk);
void throttle_join(BlockBackend *blk, ThrottleGroup *g);
void throttle_leave(BlockBackend *blk); /* nothing of it waits */
ThrottleGroup *throttle_group_find(const Drives *all, const char *name);
void throttle_groups_free(Drives *all); /* no disk is in one */

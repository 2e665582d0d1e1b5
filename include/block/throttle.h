/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits on the speed of disks, and the groups of disks that share them.
 * Names and rules: QEMU's manual, "QMP reference", ThrottleLimits and BlockIOThrottle. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/props.h"

typedef struct BlockBackend BlockBackend;
typedef struct Drives Drives;

enum {
    THROTTLE_BYTES, /* of all requests */
    THROTTLE_BYTES_READ,
    THROTTLE_BYTES_WRITE,
    THROTTLE_OPS,
    THROTTLE_OPS_READ,
    THROTTLE_OPS_WRITE,
    THROTTLE_KINDS
};

typedef struct ThrottleLimit {
    uint64_t rate;   /* a second, in the long run; 0: any */
    uint64_t burst;  /* a second, for a while; 0: a tenth of a second's worth at once */
    uint64_t length; /* of that while, seconds; 0: 1 */
} ThrottleLimit;

typedef struct ThrottleLimits {
    ThrottleLimit of[THROTTLE_KINDS];
    uint64_t ops_size; /* so many bytes count as a request more; 0: a request is one, however large */
} ThrottleLimits;

#define THROTTLE_MAX UINT64_C(1000000000000000)
/* Rows of a table for limits at an offset of a struct.  rate, burst, length: names of the three of a kind. */
#define THROTTLE_ROW(name_, at, field, help_)                                                                \
    {                                                                                                        \
        name_, PROP_U64, (at) + offsetof(ThrottleLimits, field), help_, .max = THROTTLE_MAX                  \
    }
#define THROTTLE_ROWS(at, kind, what, rate_, burst_, length_)                                                \
    THROTTLE_ROW(rate_, at, of[kind].rate, what " a second; 0: any number"),                                 \
        THROTTLE_ROW(burst_, at, of[kind].burst, what " a second in a burst"),                               \
        THROTTLE_ROW(length_, at, of[kind].length, "seconds of a burst; 0: 1")
/* The rows with names such as bps-total, behind a prefix. */
#define THROTTLE_GROUP_ROWS(at, p)                                                                           \
    THROTTLE_ROWS(at, THROTTLE_BYTES, "bytes", p "bps-total", p "bps-total-max", p "bps-total-max-length"),  \
        THROTTLE_ROWS(at, THROTTLE_BYTES_READ, "bytes read", p "bps-read", p "bps-read-max",                 \
                      p "bps-read-max-length"),                                                              \
        THROTTLE_ROWS(at, THROTTLE_BYTES_WRITE, "bytes written", p "bps-write", p "bps-write-max",           \
                      p "bps-write-max-length"),                                                             \
        THROTTLE_ROWS(at, THROTTLE_OPS, "requests", p "iops-total", p "iops-total-max",                      \
                      p "iops-total-max-length"),                                                            \
        THROTTLE_ROWS(at, THROTTLE_OPS_READ, "reads", p "iops-read", p "iops-read-max",                      \
                      p "iops-read-max-length"),                                                             \
        THROTTLE_ROWS(at, THROTTLE_OPS_WRITE, "writes", p "iops-write", p "iops-write-max",                  \
                      p "iops-write-max-length"),                                                            \
        THROTTLE_ROW(p "iops-size", at, ops_size, "bytes that count as one request more; 0: none")

bool throttle_limits_check(const ThrottleLimits *l, GError **err); /* do they make sense together? */
bool throttle_limits_any(const ThrottleLimits *l);

/* ---- groups: main loop ----------------------------------------------------- */

/* -object throttle-group: it is there until it is removed, whether a disk is in it or not. */
bool throttle_group_add(Drives *all, const char *name, const ThrottleLimits *l, GError **err);
bool throttle_group_del(Drives *all, const char *name, GError **err); /* not while a disk is in it */

/* The disk is in this group from now on (NULL: in the one that it is in, else in one of its own name), whose limits
 * these are; without any limit it is in none.  What waits goes on under the new ones. */
bool block_set_limits(BlockBackend *blk, const char *group, const ThrottleLimits *l, GError **err);
const char *block_limits(const BlockBackend *blk, ThrottleLimits *l); /* the name of its group; NULL: none */

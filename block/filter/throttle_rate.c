/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much may be done when.
 *
 * Each limit is a bucket: what is done fills it, and it runs off at the rate.  A request may go while the level is at
 * most what a burst may have: with a burst its speed times its length, else a tenth of a second of the rate.  It is
 * counted as a whole when it goes, so that one larger than the bucket goes, too, and others wait the longer.  A burst of
 * more than a second has a second bucket, which runs off at the burst's speed. */
#include "block/filter/throttle.h"

enum { TENTHS = 10 };

/* ---- what may be asked for ----------------------------------------------------- */

static bool refuse(GError **err, const char *why)
{
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s", why);
    return false;
}

static bool is_mixed(const ThrottleLimits *l, unsigned total)
{
    const ThrottleLimit *t = &l->of[total];
    return (t->rate && (t[1].rate || t[2].rate)) || (t->burst && (t[1].burst || t[2].burst));
}

bool throttle_limits_check(const ThrottleLimits *l, GError **err)
{
    if (is_mixed(l, THROTTLE_BYTES) || is_mixed(l, THROTTLE_OPS)) {
        return refuse(err, "bps/iops/max total values and read/write values cannot be used at the same time");
    }
    if (l->ops_size && !l->of[THROTTLE_OPS].rate && !l->of[THROTTLE_OPS_READ].rate &&
        !l->of[THROTTLE_OPS_WRITE].rate) {
        return refuse(err, "iops size requires an iops value to be set");
    }
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        const ThrottleLimit *t = &l->of[i];
        if (t->burst && !t->rate) {
            return refuse(err, "bps_max/iops_max require corresponding bps/iops values");
        }
        if (t->burst && t->burst < t->rate) {
            return refuse(err, "bps_max/iops_max cannot be lower than bps/iops");
        }
        if (t->length > 1 && !t->burst) {
            return refuse(err, "burst length set without burst rate");
        }
        if (t->length > 1 && t->burst > THROTTLE_MAX / t->length) {
            return refuse(err, "burst length too high for this burst rate");
        }
    }
    return true;
}

bool throttle_limits_any(const ThrottleLimits *l)
{
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        if (l->of[i].rate) {
            return true;
        }
    }
    return false;
}

/* ---- buckets ------------------------------------------------------------------------ */

static void run_off(double *level, double rate, double seconds)
{
    *level = MAX(*level - rate * seconds, 0);
}

static double over(double level, double room, double rate)
{
    return level > room ? (level - room) / rate : 0;
}

/* Seconds. */
static double limit_wait(const ThrottleLimit *l, const ThrottleLevel *v)
{
    double burst = 1.0 * l->burst * MAX(l->length, 1), small = 1.0 * l->burst / TENTHS;
    double room = l->burst ? burst : 1.0 * l->rate / TENTHS;
    double wait = l->rate ? over(v->rate_level, room, l->rate) : 0;
    return l->burst && l->length > 1 ? MAX(wait, over(v->burst_level, small, l->burst)) : wait;
}

/* Of bytes or of operations: all, and those of one direction. */
static bool concerns(unsigned kind, bool write)
{
    return kind % 3 == 0 || (kind % 3 == 2) == write;
}

int64_t throttle_rate_wait(ThrottleRate *t, bool write, int64_t now_ns)
{
    double seconds = (now_ns - t->then_ns) / 1e9, wait = 0;
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        run_off(&t->levels[i].rate_level, t->limits.of[i].rate, seconds);
        run_off(&t->levels[i].burst_level, t->limits.of[i].burst, seconds);
        if (concerns(i, write)) {
            wait = MAX(wait, limit_wait(&t->limits.of[i], &t->levels[i]));
        }
    }
    t->then_ns = now_ns;
    return wait > 0 ? MIN(wait * 1e9, 1e18) + 1 : 0;
}

void throttle_rate_count(ThrottleRate *t, bool write, uint64_t bytes)
{
    uint64_t size = t->limits.ops_size;
    double operations = size && bytes > size ? 1.0 * bytes / size : 1;
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        double units = i < THROTTLE_OPS ? bytes : operations;
        if (concerns(i, write)) {
            t->levels[i].rate_level += units;
            t->levels[i].burst_level += units;
        }
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-blockstats and `info blockstats`: what has been asked of drives.
 *
 * Not modelled: zones, merging of requests, histograms, averages over intervals: zero, or nothing. */
#include "base/clock.h"
#include "block/block.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_block.h"

typedef struct Count {
    int64_t operations, bytes, failed, invalid, time;
} Count;
typedef struct Interval {
    int64_t number;
    double depth;
} Interval;
typedef struct Stats {
    Count rd, wr, flush, unmap;
    int64_t none, highest, idle;
    bool has_idle, yes;
    PropList intervals;
} Stats;
typedef struct DriveStats {
    char *device, *qdev, *node;
    Stats *stats;
} DriveStats;
typedef struct NodesToo {
    bool nodes, has_nodes;
} NodesToo;

/* clang-format off */
#define NUMBER(name, field) { name, PROP_I64, ALWAYS(field) }
#define LATENCY(kind) NUMBER("min_" kind "_latency_ns", number), NUMBER("max_" kind "_latency_ns", number), \
    NUMBER("avg_" kind "_latency_ns", number)
#define DEPTH(kind) { "avg_" kind "_queue_depth", PROP_F64, ALWAYS(depth) }
#define COUNT(kind, field) NUMBER(kind "_operations", field.operations), NUMBER(kind "_total_time_ns", field.time), \
    NUMBER("failed_" kind "_operations", field.failed), NUMBER("invalid_" kind "_operations", field.invalid)

/* None is ever made. */
#define T Interval
static const Prop interval_props[] = {
    NUMBER("interval_length", number), LATENCY("rd"), LATENCY("wr"), LATENCY("zone_append"), LATENCY("flush"),
    DEPTH("rd"), DEPTH("wr"), DEPTH("zone_append"), { NULL },
};
#undef T
static const Shape interval_shape = { "BlockDeviceTimedStats", sizeof(Interval), interval_props };
#define T Stats
static const Prop stats_props[] = {
    COUNT("rd", rd), COUNT("wr", wr), COUNT("flush", flush), COUNT("unmap", unmap),
    NUMBER("rd_bytes", rd.bytes), NUMBER("wr_bytes", wr.bytes), NUMBER("unmap_bytes", unmap.bytes),
    NUMBER("zone_append_operations", none), NUMBER("zone_append_total_time_ns", none), NUMBER("zone_append_bytes", none),
    NUMBER("failed_zone_append_operations", none), NUMBER("invalid_zone_append_operations", none),
    NUMBER("rd_merged", none), NUMBER("wr_merged", none), NUMBER("unmap_merged", none), NUMBER("zone_append_merged", none),
    { "wr_highest_offset", PROP_I64, ALWAYS(highest), .help = "end of the farthest write" },
    { "idle_time_ns", PROP_I64, MAYBE_HAS(idle), .help = "since the last request ended" },
    { "account_invalid", PROP_BOOL, ALWAYS(yes), .help = "idle_time_ns knows of invalid requests" },
    { "account_failed", PROP_BOOL, ALWAYS(yes), .help = "times have failed requests in them" },
    { "timed_stats", PROP_STRUCT, ALWAYS(intervals), .list = true, .of = &interval_shape },
    { NULL },
};
#undef T
static const Shape stats_shape = { "BlockDeviceStats", sizeof(Stats), stats_props };
#define T DriveStats
static const Prop drive_props[] = {
    { "device", PROP_STRING, MAYBE(device), .help = "the drive" },
    { "qdev", PROP_STRING, MAYBE(qdev), .help = "the device that uses it" },
    { "node-name", PROP_STRING, MAYBE(node) },
    { "stats", PROP_STRUCT, ALWAYS(stats), .of = &stats_shape },
    { NULL },
};
#undef T
static const Shape drive_stats_shape = { "BlockStats", sizeof(DriveStats), drive_props };
#define T NodesToo
static const Prop nodes_props[] = {
    { "query-nodes", PROP_BOOL, MAYBE_HAS(nodes), .help = "each node by itself, whoever uses it" },
    { NULL },
};
#undef T
static const Shape nodes_shape = { "BlockStatsArguments", sizeof(NodesToo), nodes_props };
/* clang-format on */

/* ---- filling ------------------------------------------------------------- */

static Count count_of(const BlockStats *s, BlockCounted kind)
{
    const BlockCount *c = &s->of[kind];
    return (Count){ c->operations, c->bytes, c->failed, c->invalid, c->time_ns };
}

static Stats *stats_of(BlockBackend *blk)
{
    BlockStats now = block_stats(blk);
    const BlockStats *s = &now;
    Stats *out = g_new0(Stats, 1);
    *out = (Stats){
        .rd = count_of(s, BLOCK_COUNTED_READS),
        .wr = count_of(s, BLOCK_COUNTED_WRITES),
        .flush = count_of(s, BLOCK_COUNTED_FLUSHES),
        .unmap = count_of(s, BLOCK_COUNTED_DISCARDS),
        .highest = s->highest_written,
        .has_idle = s->last_ns != 0,
        .idle = s->last_ns ? clock_get_ns(NULL, CLK_REALTIME) - s->last_ns : 0,
        .yes = true,
    };
    return out;
}

typedef struct Listing {
    const Machine *machine;
    PropList *list;
    bool nodes;
} Listing;

static void add_stats(BlockBackend *blk, void *opaque)
{
    const Listing *l = opaque;
    if (!l->nodes && !qmp_is_drive(l->machine, blk)) {
        return;
    }
    DriveStats *d = prop_list_add(l->list, &drive_stats_shape);
    d->node = block_node_name(blk);
    d->stats = stats_of(blk);
    if (!l->nodes) {
        d->device = qmp_drive_name(blk);
        d->qdev = qmp_drive_user(l->machine, blk);
    }
}

static bool run_query_blockstats(Control *c, const void *args, void *result, GError **err)
{
    const NodesToo *a = args;
    Listing l = { c->machine, result, a->nodes };
    block_foreach(c->machine->drives, add_stats, &l);
    return true;
}

/* ---- for people ---------------------------------------------------------- */

static void show_one(const DriveStats *d, GString *out)
{
    const Stats *s = d->stats;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "rd_bytes", s->rd.bytes },
        { "wr_bytes", s->wr.bytes },
        { "rd_operations", s->rd.operations },
        { "wr_operations", s->wr.operations },
        { "flush_operations", s->flush.operations },
        { "wr_total_time_ns", s->wr.time },
        { "rd_total_time_ns", s->rd.time },
        { "flush_total_time_ns", s->flush.time },
        { "rd_merged", 0 },
        { "wr_merged", 0 },
        { "idle_time_ns", s->idle },
    };
    g_string_append_printf(out, "%s:", d->device);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_string_append_printf(out, " %s=%" G_GINT64_FORMAT, rows[i].name, rows[i].value);
    }
    g_string_append_c(out, '\n');
}

void monitor_show_blockstats(const void *result, GString *out)
{
    const PropList *list = result;
    for (size_t i = 0; i < list->count; i++) {
        show_one(prop_list_struct(list, i), out);
    }
}

const Command commands_blockstats[] = {
    { "query-blockstats", "what has been asked of all drives", &nodes_shape, RETURNS_LIST(drive_stats_shape),
      0, run_query_blockstats },
    { NULL },
};

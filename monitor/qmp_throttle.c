/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits on the speed of drives, while the machine runs. */
#include "block/throttle.h"
#include "block/block.h"
#include "hw/board.h"
#include "hw/tree.h"
#include "monitor/command.h"

typedef struct Limits {
    char *device, *id, *group;
    ThrottleLimits limits;
} Limits;

#define T Limits
#define RATE(name, kind, help_)                                                                              \
    {                                                                                                        \
        name, PROP_U64, ALWAYS(limits.of[kind].rate), .help = help_, .max = THROTTLE_MAX                     \
    }
#define BURST(name, kind)                                                                                    \
    { name "_max", PROP_U64, MAYBE(limits.of[kind].burst), .help = "a second, in a burst",                   \
      .max = THROTTLE_MAX },                                                                                 \
    {                                                                                                        \
        name "_max_length", PROP_U64, MAYBE(limits.of[kind].length), .help = "seconds of a burst",           \
                                                                     .max = THROTTLE_MAX                     \
    }
static const Prop limits_props[] = {
    { "device", PROP_STRING, MAYBE(device), .help = "the drive" },
    { "id", PROP_STRING, MAYBE(id), .help = "or the device that has it" },
    RATE("bps", THROTTLE_BYTES, "bytes a second; 0: any number"),
    RATE("bps_rd", THROTTLE_BYTES_READ, "of those that are read"),
    RATE("bps_wr", THROTTLE_BYTES_WRITE, "of those that are written"),
    RATE("iops", THROTTLE_OPS, "requests a second; 0: any number"),
    RATE("iops_rd", THROTTLE_OPS_READ, "of reads"),
    RATE("iops_wr", THROTTLE_OPS_WRITE, "of writes"),
    BURST("bps", THROTTLE_BYTES),
    BURST("bps_rd", THROTTLE_BYTES_READ),
    BURST("bps_wr", THROTTLE_BYTES_WRITE),
    BURST("iops", THROTTLE_OPS),
    BURST("iops_rd", THROTTLE_OPS_READ),
    BURST("iops_wr", THROTTLE_OPS_WRITE),
    { "iops_size", PROP_U64, MAYBE(limits.ops_size), .help = "bytes that count as one request more",
      .max = THROTTLE_MAX },
    { "group", PROP_STRING, MAYBE(group), .help = "drives of one group share its limits" },
    { NULL },
};
#undef T
static const Shape limits_shape = { "BlockIOThrottle", sizeof(Limits), limits_props };

typedef struct Search {
    const Machine *machine;
    const Device *dev;
    BlockBackend *found;
} Search;

static void look(BlockBackend *blk, void *opaque)
{
    Search *s = opaque;
    if (s->dev && machine_find_user(s->machine, PROP_DRIVE, blk) == s->dev) {
        s->found = blk;
    }
}

static bool run_throttle(Control *c, const void *args, void *result, GError **err)
{
    const Limits *a = args;
    if (!a->device == !a->id) {
        return command_error(err, ERROR_GENERIC, "Need exactly one of 'device' and 'id'");
    }
    Search s = { c->machine, a->id ? machine_find_device(c->machine, a->id) : NULL,
                 a->device ? block_find(c->machine->drives, a->device) : NULL };
    block_foreach(c->machine->drives, look, &s);
    if (!s.found) {
        return command_no_device(err, a->device ? a->device : a->id);
    }
    return block_set_limits(s.found, a->group, &a->limits, err);
}

/* clang-format off */
const Command commands_throttle[] = {
    { "block_set_io_throttle", "how fast a drive may be", &limits_shape, NULL, 0, run_throttle },
    { NULL },
};
/* clang-format on */

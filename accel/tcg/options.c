/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -accel tcg and -accel interp take.
 * Spelling: the QEMU manual, "invocation", -accel.
 *
 * Not modelled: split-wx=off. */
#include "accel/tcg/options.h"

#define NO_HOST_CODE "the interpreter makes no host code"
#define COMMON                                                                                               \
    { "one-insn-per-tb", PROP_BOOL, offsetof(TcgAccelOptions, one_insn),                                     \
      "blocks of one instruction (what -d exec then shows)" },                                               \
    {                                                                                                        \
        "thread", PROP_ENUM, offsetof(TcgAccelOptions, thread),                                              \
            "one for each vCPU, or a single one that all share in turns", .names = thread_names              \
    }

static const char *const thread_names[] = {
    [TCG_THREAD_MULTI] = "multi", [TCG_THREAD_SINGLE] = "single", NULL
};

static const Prop tcg_props[] = {
    COMMON,
    { "tb-size", PROP_SIZE, offsetof(TcgAccelOptions, cache_bytes),
      "room for host code, in MiB without a suffix; 0: as much as is usual", .unit = 1 << 20,
      .max = UINT64_C(4096) << 20 },
    PROP_ONLY_ON("split-wx", "host code is never both writable and executable"),
    { "perfmap", PROP_BOOL, offsetof(TcgAccelOptions, perf_map),
      "names of guest code for perf, in /tmp/perf-PID.map" },
    { "lockstep", PROP_BOOL, offsetof(TcgAccelOptions, lockstep),
      "run every block in the interpreter too, and compare" },
    { NULL },
};

static const Prop interp_props[] = {
    COMMON,
    { "tb-size", .refused = NO_HOST_CODE },
    { "split-wx", .refused = NO_HOST_CODE },
    { "perfmap", .refused = NO_HOST_CODE },
    { "lockstep", .refused = NO_HOST_CODE },
    { NULL },
};

const Shape tcg_options_shape = { "tcg", sizeof(TcgAccelOptions), tcg_props };
const Shape interp_options_shape = { "interp", sizeof(TcgAccelOptions), interp_props };

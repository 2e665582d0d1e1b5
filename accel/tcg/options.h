/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of the accelerators tcg and interp, as the user gives them. */
#pragma once
#include "base/props.h"

enum { TCG_THREAD_MULTI, TCG_THREAD_SINGLE };

typedef struct TcgAccelOptions {
    bool one_insn, perf_map, lockstep;
    int thread;           /* TCG_THREAD_* */
    uint64_t cache_bytes; /* 0: default */
} TcgAccelOptions;

extern const Shape tcg_options_shape, interp_options_shape;

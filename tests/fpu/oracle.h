/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operation must give, found from the definition of rounding with integers of
 * thousands of bits and a search through the patterns: slow, and nothing in common with
 * the library. */
#pragma once
#include "ops.h"

typedef struct OracleResult {
    uint64_t bits;
    uint8_t flags;
} OracleResult;

/* Result and flags of OP under rules.rounding and rules.tininess_before, with default NaN. */
OracleResult oracle_run(Op op, Format format, const uint64_t x[3], FpStatus rules);

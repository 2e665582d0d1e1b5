/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs for a bare x86-64 machine, beside those of ../guest that need no system. */
#pragma once
#include "../guest/bench.h"

extern const Program string_programs[], packed_programs[], x87_programs[], machine_programs[];

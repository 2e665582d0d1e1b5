/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processor that pinned host code is for. */
#pragma once
#include <cpuid.h>
#include <stdbool.h>

/* clang 14 has no name for LZCNT. */
static inline bool has_bmi2_and_lzcnt(void)
{
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("bmi2") && __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) &&
           (ecx & bit_LZCNT);
}

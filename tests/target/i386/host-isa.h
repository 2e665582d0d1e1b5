/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's processor as a set of X86Isa, for tests that have it as their judge. */
#pragma once
#include "target/i386/isa.h"

#include <stdbool.h>
#include <stdint.h>

uint64_t x86_host_isa(void);
/* Its linear addresses may have 57 bits, whatever a hypervisor's CPUID says: the x87's pointers show it. */
bool x86_host_has_la57(void);

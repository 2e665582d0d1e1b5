/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment descriptors and gates as they stand in memory. */
#pragma once
#include <stdint.h>

/* attr: ATTR_*; limit: as it stands, pages with ATTR_G. */
uint64_t world_desc(uint32_t base, uint32_t limit, uint32_t attr);
/* Its first 8 bytes. */
uint64_t world_gate(unsigned type, unsigned dpl, uint16_t selector, uint32_t offset, unsigned params);

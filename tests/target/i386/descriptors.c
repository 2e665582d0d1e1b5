/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "descriptors.h"

#include "target/i386/cpu.h"

uint64_t world_desc(uint32_t base, uint32_t limit, uint32_t attr)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attr << 40 |
           (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

uint64_t world_gate(unsigned type, unsigned dpl, uint16_t selector, uint32_t offset, unsigned params)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)params << 32 |
           (uint64_t)(ATTR_P | dpl << ATTR_DPL_SHIFT | type) << 40 | (uint64_t)(offset & 0xffff0000) << 32;
}

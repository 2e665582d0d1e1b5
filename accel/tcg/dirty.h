/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores to RAM that somebody follows: of MemoryListener, whose `opaque` is a TcgState. */
#pragma once
#include "base/memory.h"

void tcg_dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length);

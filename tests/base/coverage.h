/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a table of state (base/state.h) have all of its struct? */
#pragma once
#include "base/state.h"

/* Fails the test unless every byte of [offset, offset + size) is one field's, or padding before the next one's
 * alignment, and no row is newer (Field.since) than its table. */
void coverage_check(const char *name, const StateTable *tables, unsigned count, size_t offset, size_t size);

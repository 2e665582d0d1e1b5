/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of blkdebug (blkdebug_rules.c): which request fails. */
#pragma once
#include "block/filter/filters.h"

typedef struct BlkdebugRules BlkdebugRules;

/* Of the options and of the file that they name; NULL: an error. */
BlkdebugRules *blkdebug_rules_new(const BlkdebugOptions *o, GError **err);
void blkdebug_rules_free(BlkdebugRules *rules);
/* Any thread: what becomes of a request.  after: it has been done, and succeeded.  0 or -errno. */
int blkdebug_rules_ask(BlkdebugRules *rules, const NodeIo *io, bool after);

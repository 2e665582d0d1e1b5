/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes of less than the unit that a file or a node is written in: the unit is read, changed and written back
 * ("patched"), so nobody else may write in it meanwhile, or the write-back undoes what that one wrote.
 *
 * Whole units are written side by side; a patch waits until it is alone, and goes before those that come after it.  The lock is
 * never held while anything is read or written. */
#pragma once
#include "base/lock.h"

typedef struct Patches {
    Lock lock; /* what follows */
    GCond ended;
    unsigned whole, waiting;
    bool patching;
} Patches;

void patches_init(Patches *p);
void patches_finish(Patches *p);

void patches_begin_whole(Patches *p);
void patches_end_whole(Patches *p);
void patches_begin(Patches *p);
void patches_end(Patches *p);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that runs trials on the host's processor: one after the other, for a trial may end it.  Each lives for some
 * batches; they are forked by one that stays small. */
#pragma once
#include <stdbool.h>

enum { SILICON_CHILD_DIED = 1 }; /* its status where it ends itself, as if a trial had ended it */

typedef struct SiliconChild {
    void (*begin)(void); /* in each */
    void (*run)(void);   /* for each call of silicon_child_runs() */
} SiliconChild;

/* Alone: on the first processor, and another process comes after it.  False: it died.  silicon_native_end() ends them all. */
bool silicon_child_runs(const SiliconChild *c, bool alone);

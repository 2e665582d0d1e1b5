/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/patches.h"

void patches_init(Patches *p)
{
    *p = (Patches){ .whole = 0 };
    lock_init(&p->lock, LOCK_FILE_WRITES);
    g_cond_init(&p->ended);
}

void patches_finish(Patches *p)
{
    lock_finish(&p->lock);
    g_cond_clear(&p->ended);
}

void patches_begin_whole(Patches *p)
{
    lock_take(&p->lock);
    while (p->patching || p->waiting) {
        lock_wait(&p->ended, &p->lock);
    }
    p->whole++;
    lock_release(&p->lock);
}

void patches_end_whole(Patches *p)
{
    lock_take(&p->lock);
    if (--p->whole == 0) {
        g_cond_broadcast(&p->ended);
    }
    lock_release(&p->lock);
}

void patches_begin(Patches *p)
{
    lock_take(&p->lock);
    p->waiting++;
    while (p->patching || p->whole) {
        lock_wait(&p->ended, &p->lock);
    }
    p->waiting--;
    p->patching = true;
    lock_release(&p->lock);
}

void patches_end(Patches *p)
{
    lock_take(&p->lock);
    p->patching = false;
    g_cond_broadcast(&p->ended);
    lock_release(&p->lock);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worker threads for requests that may block: the whole engine where io_uring is missing, and
 * for everything that is not a plain transfer. */
#include "block_priv.h"

enum { WORKERS = 16 };

static void work(gpointer data, gpointer opaque)
{
    BlockRequest *r = data;
    block_complete(r, block_run(r));
}

void workers_submit(BlockRequest *r)
{
    static gsize once;
    static GThreadPool *pool;
    if (g_once_init_enter(&once)) {
        pool = g_thread_pool_new(work, NULL, WORKERS, FALSE, NULL);
        g_once_init_leave(&once, 1);
    }
    g_thread_pool_push(pool, r, NULL); /* without a new thread it waits for a running one */
}

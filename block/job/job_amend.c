/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords of an encrypted disk that is in use are added and erased, as a job: the keys of a new one take seconds to make.
 *
 * The thread has copies of the secrets, and writes to the header alone, which no request of the disk reaches. */
#include <string.h>

#include "block/job/job.h"
#include "block/secret.h"

typedef struct Amendment {
    BlockBackend *blk;
    BlockNode *header; /* a reference */
    Secrets *secrets;
    LuksAmend what;
    bool force;
    GError *why;
} Amendment;

static void amendment_free(void *opaque)
{
    Amendment *a = opaque;
    node_unref(a->header);
    secrets_free(a->secrets);
    g_free(a->what.new_secret);
    g_free(a->what.old_secret);
    g_clear_error(&a->why);
    g_free(a);
}

static int run(Job *j)
{
    Amendment *a = j->opaque;
    bool ok = luks_amend(a->header, &a->what, a->secrets, a->force, &a->why);
    g_assert(ok == !a->why);
    return 0; /* finish says why */
}

static bool finish(Job *j, GError **err)
{
    Amendment *a = j->opaque;
    bool ok = !a->why;
    if (!ok) {
        g_propagate_error(err, g_steal_pointer(&a->why));
    }
    return ok;
}

static void clean(Job *j)
{
    Amendment *a = j->opaque;
    a->blk->job = NULL;
}

static BlockNode *header_of(const BlockBackend *blk, GError **err)
{
    LuksInfo info;
    BlockNode *n = luks_info(blk->node, &info) ? blk->node : qcow2_encryption(blk->node);
    if (!n) {
        block_error(err, "Node '%s' is not encrypted by LUKS: it has no passwords", blk->id);
    }
    return n;
}

bool job_amend(BlockBackend *blk, const char *id, const LuksAmend *what, bool force, GError **err)
{
    static const JobClass class = { .type = JOB_AMEND, .run = run, .finish = finish, .clean = clean };
    BlockNode *header = header_of(blk, err);
    if (!header || !exports_allow(blk->all, blk->node, EXPORT_REMOVED, err)) {
        return false;
    }
    if (blk->job) {
        block_error(err, "Node '%s' is busy: a block job has it; query-block-jobs lists them", blk->id);
        return false;
    }
    Job *j = job_new(blk->all, &class, &(JobOptions){ .id = id, .manual_dismiss = true }, NULL, err);
    if (!j) {
        return false;
    }
    Amendment *a = g_new0(Amendment, 1);
    *a = (Amendment){ blk, node_ref(header), secrets_copy(blk->all->secrets), *what, force, NULL };
    a->what.new_secret = g_strdup(what->new_secret);
    a->what.old_secret = g_strdup(what->old_secret);
    j->opaque = a;
    j->free_opaque = amendment_free;
    blk->job = j;
    job_start(j);
    return true;
}

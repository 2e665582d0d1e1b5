/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/mail.h"

#include <string.h>

#include "accel/tcg/state.h"

__thread TcgVcpu *tcg_vcpu_current;

typedef enum MailKind { MAIL_FLUSH, MAIL_REVOKE, MAIL_LEAVE, MAIL_NOTICE, MAIL_WRITTEN } MailKind;

/* A page whose writers lose their right. */
typedef struct Revocation {
    uint64_t ram_page;
    unsigned waiting; /* atomic: vCPUs that have not found their mail, and the sender while he posts */
    bool written;     /* atomic: some vCPU ran meanwhile */
} Revocation;

/* Pages of a block that is followed. */
typedef struct Notice {
    RamBlock *ram;
    uint64_t first, last;
    unsigned waiting; /* as above */
} Notice;

struct TcgMail {
    MailKind kind;
    union {
        struct {
            Revocation *what;
            uint64_t vaddr;
            bool anywhere;
        } revoke;
        TcgBatch *batch;
        Notice *notice;
        struct {
            uint64_t ram_page;
            unsigned offset, len;
        } written;
    };
};

void tcg_mail_init(TcgVcpu *v)
{
    lock_init(&v->mail_lock, LOCK_MAIL);
    v->mail = g_array_new(FALSE, FALSE, sizeof(TcgMail));
    v->parked = true;
}

void tcg_mail_finish(TcgVcpu *v)
{
    g_assert(v->parked);
    tcg_mail_look(v, true);
    g_array_unref(v->mail);
    lock_finish(&v->mail_lock);
}

/* ---- what it says ------------------------------------------------------------------- */

/* True: the caller is the last one. */
static bool counted_down(unsigned *waiting)
{
    return __atomic_sub_fetch(waiting, 1, __ATOMIC_SEQ_CST) == 0;
}

static void flush(TcgVcpu *v)
{
    v->near.size = 0;
    tcg_far_forget(v->far);
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        tcg_context_flush(v->pool[n], false);
    }
    v->stats.flush_all++;
}

static void take_right(TcgVcpu *v, const TcgMail *m)
{
    uint64_t ram_page = m->revoke.what->ram_page;
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        tcg_context_revoke(v->pool[n], ram_page, m->revoke.vaddr, m->revoke.anywhere);
    }
}

/* Blocks that were made of the page since are of before the last writes, perhaps. */
static void end_revocation(TcgState *s, Revocation *r, bool locked)
{
    if (!counted_down(&r->waiting)) {
        return;
    }
    if (__atomic_load_n(&r->written, __ATOMIC_SEQ_CST)) {
        if (!locked) {
            lock_take(&s->index.lock);
        }
        tcg_index_drop_page(&s->index, r->ram_page);
        if (!locked) {
            lock_release(&s->index.lock);
        }
    }
    g_free(r);
    __atomic_sub_fetch(&s->revoking, 1, __ATOMIC_SEQ_CST);
}

static void forget(TcgVcpu *v, const TcgBatch *b)
{
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        tcg_context_forget_code(v->pool[n], b->first, b->after);
    }
    tcg_far_forget_code(v->far, b->first, b->after);
}

static void end_leave(TcgBatch *b)
{
    if (counted_down(&b->waiting)) {
        tcg_batch_free(b);
    }
}

static void take_rights(TcgVcpu *v, const Notice *n)
{
    uint64_t base = n->ram->first_page;
    for (unsigned k = 0; k < CONTEXT_POOL && v->pool[k]; k++) {
        tcg_context_revoke_range(v->pool[k], base + n->first, base + n->last);
    }
}

static void end_notice(Notice *n)
{
    if (!counted_down(&n->waiting)) {
        return;
    }
    ram_dirty_noticed(n->ram);
    ram_block_unuse(n->ram);
    g_free(n);
}

static void end_written(TcgState *s, const TcgMail *m)
{
    tcg_index_written(&s->index, m->written.ram_page, m->written.offset, m->written.len);
    __atomic_sub_fetch(&s->revoking, 1, __ATOMIC_SEQ_CST);
}

/* On the vCPU's private part. */
static void apply(TcgVcpu *v, const TcgMail *m)
{
    switch (m->kind) {
    case MAIL_FLUSH: flush(v); break;
    case MAIL_REVOKE: take_right(v, m); break;
    case MAIL_LEAVE: forget(v, m->batch); break;
    case MAIL_NOTICE: take_rights(v, m->notice); break;
    case MAIL_WRITTEN: break;
    }
}

/* ---- posting ---------------------------------------------------------------------------- */

/* True: it lies there, and the vCPU has been told; false: it is done. */
static bool post(TcgVcpu *v, const TcgMail *m)
{
    lock_take(&v->mail_lock);
    bool parked = v->parked;
    if (parked) {
        apply(v, m);
    } else {
        g_array_append_val(v->mail, *m);
        __atomic_store_n(&v->have_mail, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&v->cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    }
    lock_release(&v->mail_lock);
    return !parked;
}

void tcg_mail_flush(TcgState *s)
{
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        post(s->vcpus->pdata[n], &(TcgMail){ .kind = MAIL_FLUSH });
    }
}

static void post_revocation(TcgVcpu *v, Revocation *r, TcgWriter writer)
{
    TcgMail m = { .kind = MAIL_REVOKE, .revoke = { r, tcg_writer_page(writer), writer == PAGE_WRITERS } };
    __atomic_add_fetch(&r->waiting, 1, __ATOMIC_SEQ_CST);
    if (post(v, &m)) {
        __atomic_store_n(&r->written, true, __ATOMIC_SEQ_CST);
    } else {
        __atomic_sub_fetch(&r->waiting, 1, __ATOMIC_SEQ_CST);
    }
}

/* The vCPU that translates loses its own right at once: what it wrote it has written. */
void tcg_mail_revoke(TcgState *s, uint64_t ram_page, TcgWriter writer)
{
    Revocation *r = g_new0(Revocation, 1);
    *r = (Revocation){ .ram_page = ram_page, .waiting = 1 };
    __atomic_add_fetch(&s->revoking, 1, __ATOMIC_SEQ_CST);
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        TcgVcpu *v = s->vcpus->pdata[n];
        if (writer != PAGE_WRITERS && tcg_writer_vcpu(writer) != v->cpu->index) {
            continue;
        }
        if (v == tcg_vcpu_current) {
            take_right(v, &(TcgMail){ .revoke = { r, tcg_writer_page(writer), writer == PAGE_WRITERS } });
        } else {
            post_revocation(v, r, writer);
        }
    }
    end_revocation(s, r, true);
}

void tcg_mail_written_soon(TcgVcpu *v, uint64_t ram_page, unsigned offset, unsigned len)
{
    TcgMail m = { .kind = MAIL_WRITTEN, .written = { ram_page, offset, len } };
    lock_take(&v->mail_lock);
    __atomic_add_fetch(&v->state->revoking, 1, __ATOMIC_SEQ_CST);
    g_array_append_val(v->mail, m);
    __atomic_store_n(&v->have_mail, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&v->cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    lock_release(&v->mail_lock);
}

void tcg_mail_leave(TcgState *s, TcgBatch *batch)
{
    batch->waiting = 1;
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        __atomic_add_fetch(&batch->waiting, 1, __ATOMIC_SEQ_CST);
        if (!post(s->vcpus->pdata[n], &(TcgMail){ .kind = MAIL_LEAVE, .batch = batch })) {
            __atomic_sub_fetch(&batch->waiting, 1, __ATOMIC_SEQ_CST);
        }
    }
    end_leave(batch);
}

void tcg_mail_notice(TcgState *s, RamBlock *rb, uint64_t first, uint64_t last)
{
    Notice *what = g_new(Notice, 1);
    *what = (Notice){ .ram = rb, .first = first, .last = last, .waiting = 1 };
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        __atomic_add_fetch(&what->waiting, 1, __ATOMIC_SEQ_CST);
        if (!post(s->vcpus->pdata[n], &(TcgMail){ .kind = MAIL_NOTICE, .notice = what })) {
            __atomic_sub_fetch(&what->waiting, 1, __ATOMIC_SEQ_CST);
        }
    }
    end_notice(what);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void finish(TcgState *s, const TcgMail *m)
{
    switch (m->kind) {
    case MAIL_FLUSH: break;
    case MAIL_REVOKE: end_revocation(s, m->revoke.what, false); break;
    case MAIL_LEAVE: end_leave(m->batch); break;
    case MAIL_NOTICE: end_notice(m->notice); break;
    case MAIL_WRITTEN: end_written(s, m); break;
    }
}

/* Takes the letters that can be opened now. */
static GArray *take_mail(TcgVcpu *v, bool between_blocks)
{
    GArray *taken = g_array_new(FALSE, FALSE, sizeof(TcgMail));
    unsigned kept = 0;
    lock_take(&v->mail_lock);
    for (unsigned n = 0; n < v->mail->len; n++) {
        TcgMail *m = &g_array_index(v->mail, TcgMail, n);
        if (m->kind != MAIL_LEAVE || between_blocks) {
            g_array_append_val(taken, *m);
        } else {
            g_array_index(v->mail, TcgMail, kept++) = *m;
        }
    }
    g_array_set_size(v->mail, kept);
    __atomic_store_n(&v->have_mail, kept != 0, __ATOMIC_SEQ_CST);
    lock_release(&v->mail_lock);
    return taken;
}

void tcg_mail_look_slow(TcgVcpu *v, bool between_blocks)
{
    GArray *taken = take_mail(v, between_blocks);
    for (unsigned n = 0; n < taken->len; n++) {
        const TcgMail *m = &g_array_index(taken, TcgMail, n);
        apply(v, m);
        finish(v->state, m);
    }
    g_array_unref(taken);
}

void tcg_mail_park(TcgVcpu *v)
{
    for (;;) {
        tcg_mail_look(v, true);
        lock_take(&v->mail_lock);
        bool empty = v->mail->len == 0;
        v->parked = empty;
        lock_release(&v->mail_lock);
        if (empty) {
            return;
        }
    }
}

void tcg_mail_unpark(TcgVcpu *v)
{
    lock_take(&v->mail_lock);
    v->parked = false;
    lock_release(&v->mail_lock);
}

/* Stores that were made without a word, to pages that have code by now, are known when no revocation is under way.  The
 * others come by at their next jump back or out of a block, unless the host lets them stand. */
void cpu_fetch_fence(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    tcg_mail_look(v, false);
    while (__atomic_load_n(&v->state->revoking, __ATOMIC_SEQ_CST)) {
        g_thread_yield();
        tcg_mail_look(v, false);
    }
}

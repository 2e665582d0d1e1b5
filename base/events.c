/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events wait in a queue until the loop tells of them.  What has a limit takes one place in it for each key, so
 * a guest cannot make it long; events without one come from the loop's own thread, or once until a client asks. */
#include "base/events.h"

#include <json-c/json.h>

#include "base/event_loop.h"
#include "base/lock.h"

/* An event was told: the next with this key waits. */
typedef struct Limit {
    Events *all;
    char *key;
    EventNote *held; /* the newest, or NULL */
    GSource *timer;
} Limit;

struct Events {
    EventLoop *loop;
    Bh *bh;
    Lock lock;          /* a leaf; guards `waiting` */
    GQueue waiting;     /* of EventNote */
    GHashTable *limits; /* of Limit, by key */
    bool listening;     /* atomic */
    void (*listener)(void *opaque, const EventNote *note);
    void *listener_opaque;
};

static void note_free(void *opaque)
{
    EventNote *note = opaque;
    if (note) {
        json_object_put(note->data);
        g_free(note);
    }
}

/* "VSERPORT_CHANGE:port0" */
static char *key_of(const EventNote *note)
{
    json_object *value = NULL;
    if (note->event->key && note->data) {
        json_object_object_get_ex(note->data, note->event->key, &value);
    }
    return g_strdup_printf("%s:%s", note->event->name, value ? json_object_get_string(value) : "");
}

static bool same_key(const EventNote *a, const EventNote *b)
{
    if (a->event != b->event) {
        return false;
    }
    g_autofree char *key_a = key_of(a), *key_b = key_of(b);
    return g_str_equal(key_a, key_b);
}

static void note_add_locked(Events *all, EventNote *note)
{
    for (GList *l = note->event->limit_ms ? all->waiting.head : NULL; l; l = l->next) {
        if (same_key(l->data, note)) {
            note_free(l->data);
            l->data = note;
            return;
        }
    }
    g_queue_push_tail(&all->waiting, note);
}

void events_emit(Events *all, const Event *event, const void *data)
{
    if (!all || !__atomic_load_n(&all->listening, __ATOMIC_RELAXED)) {
        return;
    }
    EventNote *note = g_new(EventNote, 1);
    *note = (EventNote){ event, g_get_real_time(), event->data ? shape_json(event->data, data) : NULL };
    lock_take(&all->lock);
    note_add_locked(all, note);
    lock_release(&all->lock);
    bh_schedule(all->bh);
}

/* ---- limits -------------------------------------------------------------- */

static void limit_free(void *opaque)
{
    Limit *l = opaque;
    g_source_destroy(l->timer);
    g_source_unref(l->timer);
    note_free(l->held);
    g_free(l->key);
    g_free(l);
}

static gboolean limit_is_over(gpointer opaque)
{
    Limit *l = opaque;
    Events *all = l->all;
    EventNote *note = g_steal_pointer(&l->held);
    if (!note) {
        g_hash_table_remove(all->limits, l->key);
        return G_SOURCE_REMOVE;
    }
    all->listener(all->listener_opaque, note);
    note_free(note);
    return G_SOURCE_CONTINUE;
}

static void limit_begin(Events *all, const EventNote *note, char *key)
{
    Limit *l = g_new(Limit, 1);
    *l = (Limit){ all, key, NULL, g_timeout_source_new(note->event->limit_ms) };
    g_source_set_callback(l->timer, limit_is_over, l, NULL);
    g_source_attach(l->timer, event_loop_context(all->loop));
    g_hash_table_replace(all->limits, l->key, l);
}

/* Takes the note. */
static void tell(Events *all, EventNote *note)
{
    g_autofree char *key = note->event->limit_ms ? key_of(note) : NULL;
    Limit *l = key ? g_hash_table_lookup(all->limits, key) : NULL;
    if (l) {
        note_free(l->held);
        l->held = note;
        return;
    }
    if (key) {
        limit_begin(all, note, g_steal_pointer(&key));
    }
    all->listener(all->listener_opaque, note);
    note_free(note);
}

void events_tell(Events *all)
{
    for (;;) {
        lock_take(&all->lock);
        EventNote *note = g_queue_pop_head(&all->waiting);
        lock_release(&all->lock);
        if (!note) {
            return;
        }
        if (all->listener) {
            tell(all, note);
        } else {
            note_free(note);
        }
    }
}

static void tell_later(void *opaque)
{
    events_tell(opaque);
}

void events_listen(Events *all, void (*fn)(void *opaque, const EventNote *note), void *opaque)
{
    events_tell(all); /* what is older is not for the new one */
    g_hash_table_remove_all(all->limits);
    all->listener = fn;
    all->listener_opaque = opaque;
    __atomic_store_n(&all->listening, fn != NULL, __ATOMIC_RELAXED);
}

/* ---- life ---------------------------------------------------------------- */

Events *events_new(EventLoop *loop)
{
    Events *all = g_new0(Events, 1);
    all->loop = loop;
    all->bh = bh_new(loop, NULL, tell_later, all);
    lock_init(&all->lock, LOCK_EVENTS);
    g_queue_init(&all->waiting);
    all->limits = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, limit_free);
    return all;
}

void events_free(Events *all)
{
    if (all) {
        events_listen(all, NULL, NULL);
        events_tell(all);
        bh_free(all->bh);
        g_hash_table_unref(all->limits);
        lock_finish(&all->lock);
        g_free(all);
    }
}

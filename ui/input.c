/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which device an event goes to.  Front ends put into one queue, from their threads; the main loop empties it, for
 * devices that reach guest memory belong to it and to the vCPUs. */
#include "ui/input.h"

#include <string.h>

#include "base/clock.h"
#include "base/event_loop.h"

typedef struct Chord {
    uint16_t codes[INPUT_CHORD];
    unsigned count, ms;
} Chord;

struct Inputs {
    Clock *clock;
    Bh *deliver;
    Timer *release;  /* the chord that is held is over */
    GQueue *chords;  /* of Chord: the first is held, the others wait; main loop only */
    unsigned number; /* of the next sink */

    Lock lock;                                              /* guards what follows */
    InputQueue queue;                                       /* of front ends */
    int32_t x, y;                                           /* where the last INPUT_POINT was */
    int32_t touch_x[INPUT_FINGERS], touch_y[INPUT_FINGERS]; /* and of each finger the last INPUT_TOUCH */
    GPtrArray *sinks;                                       /* of InputSink, the last activated first */
};

enum { POINTERS = 1 << INPUT_MOVE | 1 << INPUT_POINT };

/* ---- delivery ------------------------------------------------------------------------- */

/* Buttons and wheel go to the pointer in use: the first that points in either way. */
static InputSink *sink_for(const Inputs *in, unsigned kind)
{
    bool with_pointer = kind == INPUT_BUTTON || kind == INPUT_WHEEL;
    for (guint i = 0; i < in->sinks->len; i++) {
        InputSink *s = in->sinks->pdata[i];
        if (s->takes >> kind & 1 && (!with_pointer || s->takes & POINTERS)) {
            return s;
        }
    }
    return NULL;
}

static bool next_event(Inputs *in, InputEvent *e, InputSink **s)
{
    lock_take(&in->lock);
    bool any = input_queue_peek(&in->queue, e);
    if (any) {
        input_queue_drop(&in->queue);
        *s = sink_for(in, e->kind);
    }
    lock_release(&in->lock);
    return any;
}

static void deliver(void *opaque)
{
    Inputs *in = opaque;
    InputEvent e;
    InputSink *s;
    for (unsigned n = 0; n < INPUT_QUEUE && next_event(in, &e, &s); n++) {
        if (s) { /* sinks go in this thread only */
            lock_take(s->lock);
            s->event(s->opaque, &e);
            lock_release(s->lock);
        }
    }
    lock_take(&in->lock);
    bool more = in->queue.count;
    lock_release(&in->lock);
    if (more) {
        bh_schedule(in->deliver);
    }
}

void input_send(Inputs *in, const InputEvent *e)
{
    lock_take(&in->lock);
    if (e->kind == INPUT_POINT) {
        in->x = e->x;
        in->y = e->y;
    } else if (e->kind == INPUT_TOUCH && e->code < INPUT_FINGERS) {
        in->touch_x[e->code] = e->x;
        in->touch_y[e->code] = e->y;
    }
    input_queue_put(&in->queue, e);
    lock_release(&in->lock);
    bh_schedule(in->deliver);
}

InputEvent input_last_point(Inputs *in)
{
    lock_take(&in->lock);
    InputEvent e = { INPUT_POINT, 0, in->x, in->y };
    lock_release(&in->lock);
    return e;
}

InputEvent input_last_touch(Inputs *in, unsigned finger)
{
    lock_take(&in->lock);
    InputEvent e = { INPUT_TOUCH, (uint16_t)finger, in->touch_x[finger], in->touch_y[finger] };
    lock_release(&in->lock);
    return e;
}

void input_release_all(Inputs *in)
{
    lock_take(&in->lock);
    input_queue_release_all(&in->queue);
    lock_release(&in->lock);
    bh_schedule(in->deliver);
}

bool input_takes(Inputs *in, InputKind kind)
{
    lock_take(&in->lock);
    const InputSink *s = sink_for(in, kind);
    bool pointer = 1 << kind & POINTERS, first = true;
    for (guint i = 0; pointer && s && i < in->sinks->len; i++) {
        const InputSink *other = in->sinks->pdata[i];
        if (other->takes & POINTERS) {
            first = other == s;
            break;
        }
    }
    lock_release(&in->lock);
    return s && first;
}

/* ---- chords ---------------------------------------------------------------------------- */

static void press_next(Inputs *in)
{
    const Chord *c = g_queue_peek_head(in->chords);
    if (!c) {
        return;
    }
    for (unsigned i = 0; i < c->count; i++) {
        input_key(in, c->codes[i], true);
    }
    int64_t now = clock_get_ns(in->clock, CLK_REALTIME);
    timer_set_deadline(in->release, now + c->ms * INT64_C(1000000));
}

static void release_chord(void *opaque)
{
    Inputs *in = opaque;
    g_autofree Chord *c = g_queue_pop_head(in->chords);
    for (unsigned i = c->count; i-- > 0;) {
        input_key(in, c->codes[i], false);
    }
    press_next(in);
}

bool input_press_for(Inputs *in, const uint16_t *codes, unsigned count, unsigned ms)
{
    if (g_queue_get_length(in->chords) >= INPUT_CHORDS || count > INPUT_CHORD) {
        return false;
    }
    Chord *c = g_new0(Chord, 1);
    memcpy(c->codes, codes, count * sizeof(*codes));
    c->count = count;
    c->ms = ms;
    g_queue_push_tail(in->chords, c);
    if (g_queue_get_length(in->chords) == 1) {
        press_next(in);
    }
    return true;
}

/* ---- sinks ----------------------------------------------------------------------------- */

void input_add_sink(Inputs *in, InputSink *s)
{
    lock_take(&in->lock);
    s->number = ++in->number;
    g_ptr_array_add(in->sinks, s); /* the eldest first, until a driver starts */
    lock_release(&in->lock);
}

void input_remove_sink(Inputs *in, InputSink *s)
{
    lock_take(&in->lock);
    g_ptr_array_remove(in->sinks, s);
    lock_release(&in->lock);
}

static void to_front(Inputs *in, InputSink *s)
{
    if (g_ptr_array_remove(in->sinks, s)) {
        g_ptr_array_insert(in->sinks, 0, s);
    }
}

void input_activate(Inputs *in, InputSink *s)
{
    lock_take(&in->lock);
    to_front(in, s);
    lock_release(&in->lock);
}

void input_foreach_pointer(Inputs *in, void (*fn)(const InputSink *s, bool current, void *opaque),
                           void *opaque)
{
    lock_take(&in->lock);
    const InputSink *current = NULL;
    for (guint i = 0; i < in->sinks->len && !current; i++) {
        const InputSink *s = in->sinks->pdata[i];
        current = s->takes & POINTERS ? s : NULL;
    }
    for (guint i = in->sinks->len; i-- > 0;) {
        const InputSink *s = in->sinks->pdata[i];
        if (s->takes & POINTERS) {
            fn(s, s == current, opaque);
        }
    }
    lock_release(&in->lock);
}

bool input_choose_pointer(Inputs *in, unsigned number)
{
    bool found = false;
    lock_take(&in->lock);
    for (guint i = 0; i < in->sinks->len && !found; i++) {
        InputSink *s = in->sinks->pdata[i];
        found = s->takes & POINTERS && s->number == number;
        if (found) {
            to_front(in, s);
        }
    }
    lock_release(&in->lock);
    return found;
}

/* ---- life ------------------------------------------------------------------------------ */

Inputs *inputs_new(EventLoop *loop, Clock *clock)
{
    Inputs *in = g_new0(Inputs, 1);
    in->clock = clock;
    lock_init(&in->lock, LOCK_INPUT);
    in->sinks = g_ptr_array_new();
    in->chords = g_queue_new();
    in->deliver = bh_new(loop, NULL, deliver, in);
    in->release = timer_new(clock, CLK_REALTIME, NULL, release_chord, in);
    return in;
}

void inputs_free(Inputs *in)
{
    if (in) {
        g_assert(!in->sinks->len);
        timer_free(in->release);
        bh_free(in->deliver);
        g_queue_free_full(in->chords, g_free);
        g_ptr_array_free(in->sinks, TRUE);
        lock_finish(&in->lock);
        g_free(in);
    }
}

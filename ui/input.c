/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which device an event goes to.  Front ends put into one queue, from their threads; the main loop empties it, for
 * devices that reach guest memory belong to it and to the vCPUs.
 *
 * An event waits, and those behind it, while its device has no room (the guest is slower than a program that types) or
 * while it is too early for another key.  A guest that reads nothing for a while is waited for no more, until it reads. */
#include "ui/input.h"

#include <string.h>

#include "base/clock.h"
#include "base/event_loop.h"
#include "ui/console.h"
#include "ui/input_priv.h"

/* Of a machine, or the seat before one of its screens: then what is `root`'s is there. */
struct Inputs {
    Inputs *root; /* itself: of the machine */
    char *device; /* of a seat: the screen's */
    unsigned head;
    GPtrArray *seats; /* of Inputs; root's, under its lock */

    Clock *clock;
    Bh *deliver;
    Timer *later;      /* what waits is looked at again */
    int64_t key_delay; /* ns of virtual time between keys */
    InputChords *chords;
    unsigned number; /* of the next sink */

    Lock lock;                                              /* root's: guards what follows, of all seats */
    InputBacklog queue;                                     /* of front ends */
    int64_t taken_at;                                       /* CLK_REALTIME: when a device last took of it */
    int32_t x, y;                                           /* where the last INPUT_POINT was */
    int32_t touch_x[INPUT_FINGERS], touch_y[INPUT_FINGERS]; /* and of each finger the last INPUT_TOUCH */
    GPtrArray *sinks;                                       /* of InputSink, the last activated first */
    InputSink *holders[INPUT_CODES + INPUT_FINGERS]; /* who was told that it is down, and hears of its end */

    int64_t key_at; /* CLK_VIRTUAL: of the last key.  Main loop only */
};

enum { POINTERS = 1 << INPUT_MOVE | 1 << INPUT_POINT };

/* ---- delivery ------------------------------------------------------------------------- */

static void take_lock(const Inputs *in)
{
    lock_take(&in->root->lock);
}

static void release_lock(const Inputs *in)
{
    lock_release(&in->root->lock);
}

static InputSink *first_that_takes(const GPtrArray *sinks, unsigned kinds)
{
    for (guint i = 0; i < sinks->len; i++) {
        InputSink *s = sinks->pdata[i];
        if (s->takes & kinds) {
            return s;
        }
    }
    return NULL;
}

/* The seat's own, if there is any for it; a pointer of its own is the only one before its screen. */
static const GPtrArray *sinks_for(const Inputs *in, unsigned kind)
{
    bool points = kind == INPUT_BUTTON || kind == INPUT_WHEEL || (1 << kind & POINTERS);
    return first_that_takes(in->sinks, points ? POINTERS : 1u << kind) ? in->sinks : in->root->sinks;
}

/* Buttons and wheel go to the pointer in use: the first that points in either way. */
static InputSink *sink_for(const Inputs *in, unsigned kind)
{
    const GPtrArray *sinks = sinks_for(in, kind);
    bool with_pointer = kind == INPUT_BUTTON || kind == INPUT_WHEEL;
    for (guint i = 0; i < sinks->len; i++) {
        InputSink *s = sinks->pdata[i];
        if (s->takes >> kind & 1 && (!with_pointer || s->takes & POINTERS)) {
            return s;
        }
    }
    return NULL;
}

/* NULL: of what is not held. */
static InputSink **holder_of(Inputs *in, const InputEvent *e)
{
    switch (e->kind) {
    case INPUT_KEY:
    case INPUT_BUTTON: return &in->holders[e->code];
    case INPUT_TOUCH:
    case INPUT_LIFT: return &in->holders[INPUT_CODES + e->code];
    default: return NULL;
    }
}

/* Whoever was told of a press hears of its release, whatever has come before it since. */
static InputSink *sink_of(Inputs *in, const InputEvent *e)
{
    InputSink **holder = holder_of(in, e);
    return holder && *holder ? *holder : sink_for(in, e->kind);
}

static bool peek_event(Inputs *in, InputEvent *e, InputSink **s)
{
    take_lock(in);
    bool any = input_backlog_peek(&in->queue, e);
    *s = any ? sink_of(in, e) : NULL;
    release_lock(in);
    return any;
}

/* The same event, with what has been merged into it meanwhile. */
static void take_event(Inputs *in, InputEvent *e, InputSink *s)
{
    take_lock(in);
    bool any = input_backlog_peek(&in->queue, e);
    g_assert(any); /* only the main loop takes */
    input_backlog_drop(&in->queue);
    InputSink **holder = holder_of(in, e);
    if (holder) {
        *holder = e->kind == INPUT_TOUCH || e->x ? s : NULL;
    }
    in->taken_at = clock_get_ns(in->root->clock, CLK_REALTIME);
    release_lock(in);
}

/* Is it `span` after `since`?  If it is not, look again then.  A clock that was set back (another state was loaded) begins
 * anew. */
static bool is_over(Inputs *root, int64_t *since, int64_t now, int64_t span)
{
    int64_t pending = timer_deadline(root->later);
    *since = MIN(*since, now);
    bool over = now - *since >= span;
    if (!over && (pending < 0 || pending > *since + span)) {
        timer_set_deadline(root->later, *since + span);
    }
    return over;
}

static InputReady sink_ready(const InputSink *s)
{
    if (!s || !s->ready) { /* sinks go in this thread only */
        return s ? INPUT_READY : INPUT_UNHEARD;
    }
    lock_take(s->lock);
    InputReady ready = s->ready(s->opaque);
    lock_release(s->lock);
    return ready;
}

static bool may_go(Inputs *in, const InputEvent *e, InputSink *s)
{
    Inputs *root = in->root;
    int64_t now = clock_get_ns(root->clock, CLK_VIRTUAL);
    InputReady ready = sink_ready(s);
    if (s && ready != INPUT_FULL) {
        s->room_at = now;
    } else if (s && !is_over(root, &s->room_at, now, INPUT_PATIENCE_MS * INT64_C(1000000))) {
        return false;
    }
    return e->kind != INPUT_KEY || ready == INPUT_UNHEARD || !in->key_at ||
           is_over(root, &in->key_at, now, root->key_delay);
}

static void give(Inputs *in, InputSink *s, const InputEvent *e)
{
    if (s) {
        lock_take(s->lock);
        s->event(s->opaque, e);
        lock_release(s->lock);
    }
    if (e->kind == INPUT_KEY) {
        in->key_at = clock_get_ns(in->root->clock, CLK_VIRTUAL);
    }
}

static void deliver_from(Inputs *in)
{
    InputEvent e;
    InputSink *s;
    unsigned n = 0;
    while (n < INPUT_QUEUE && peek_event(in, &e, &s) && may_go(in, &e, s)) {
        take_event(in, &e, s);
        give(in, s, &e);
        n++;
    }
    if (n == INPUT_QUEUE) {
        bh_schedule(in->root->deliver);
    }
}

/* Seats come in any thread, and go with all. */
static Inputs *seat_number(Inputs *root, guint n)
{
    take_lock(root);
    Inputs *seat = n < root->seats->len ? root->seats->pdata[n] : NULL;
    release_lock(root);
    return seat;
}

static void deliver(void *opaque)
{
    Inputs *root = opaque, *seat;
    deliver_from(root);
    for (guint n = 0; (seat = seat_number(root, n)); n++) {
        deliver_from(seat);
    }
}

void input_send(Inputs *in, const InputEvent *e)
{
    take_lock(in);
    if (e->kind == INPUT_POINT) {
        in->x = e->x;
        in->y = e->y;
    } else if (e->kind == INPUT_TOUCH && e->code < INPUT_FINGERS) {
        in->touch_x[e->code] = e->x;
        in->touch_y[e->code] = e->y;
    }
    input_backlog_put(&in->queue, e);
    release_lock(in);
    bh_schedule(in->root->deliver);
}

InputEvent input_last_point(Inputs *in)
{
    take_lock(in);
    InputEvent e = { INPUT_POINT, 0, in->x, in->y };
    release_lock(in);
    return e;
}

InputEvent input_last_touch(Inputs *in, unsigned finger)
{
    take_lock(in);
    InputEvent e = { INPUT_TOUCH, (uint16_t)finger, in->touch_x[finger], in->touch_y[finger] };
    release_lock(in);
    return e;
}

void input_release_all(Inputs *in)
{
    take_lock(in);
    input_backlog_release_all(&in->queue);
    release_lock(in);
    bh_schedule(in->root->deliver);
}

unsigned input_room(Inputs *in)
{
    take_lock(in);
    unsigned room = (INPUT_BACKLOG - in->queue.count - in->queue.downs) / 2; /* each with its release */
    release_lock(in);
    return room;
}

bool input_is_crowded(Inputs *in)
{
    /* When it has been waited for, what comes is lost: its user may as well go on, such as to the monitor. */
    enum { STANDS_MS = INPUT_PATIENCE_MS + 500 };
    int64_t now = clock_get_ns(in->root->clock, CLK_REALTIME);
    take_lock(in);
    bool crowded = in->queue.count > INPUT_BACKLOG / 2 && now - in->taken_at < STANDS_MS * INT64_C(1000000);
    release_lock(in);
    return crowded;
}

void input_more(Inputs *in)
{
    bh_schedule(in->root->deliver);
}

void input_set_key_delay(Inputs *in, unsigned ms)
{
    in->root->key_delay = ms * INT64_C(1000000);
}

bool input_takes(Inputs *in, InputKind kind)
{
    take_lock(in);
    const InputSink *s = sink_for(in, kind);
    bool pointer = 1 << kind & POINTERS;
    bool first = !pointer || first_that_takes(sinks_for(in, kind), POINTERS) == s;
    release_lock(in);
    return s && first;
}

InputChords *input_chords(Inputs *in)
{
    return in->chords;
}

/* ---- sinks ----------------------------------------------------------------------------- */

void input_add_sink(Inputs *in, InputSink *s)
{
    take_lock(in);
    s->number = ++in->root->number;
    g_ptr_array_add(in->sinks, s); /* the eldest first, until a driver starts */
    release_lock(in);
}

static void forget_holder(Inputs *in, const InputSink *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(in->holders); i++) {
        in->holders[i] = in->holders[i] == s ? NULL : in->holders[i];
    }
}

void input_remove_sink(Inputs *in, InputSink *s)
{
    take_lock(in);
    g_ptr_array_remove(in->sinks, s);
    forget_holder(in->root, s);
    for (guint i = 0; i < in->root->seats->len; i++) {
        forget_holder(in->root->seats->pdata[i], s);
    }
    release_lock(in);
}

static void to_front(Inputs *in, InputSink *s)
{
    if (g_ptr_array_remove(in->sinks, s)) {
        g_ptr_array_insert(in->sinks, 0, s);
    }
}

void input_activate(Inputs *in, InputSink *s)
{
    take_lock(in);
    to_front(in, s);
    release_lock(in);
}

static void foreach_pointer_of(const Inputs *in, void (*fn)(const InputSink *s, bool current, void *opaque),
                               void *opaque)
{
    const InputSink *current = first_that_takes(in->sinks, POINTERS);
    for (guint i = in->sinks->len; i-- > 0;) {
        const InputSink *s = in->sinks->pdata[i];
        if (s->takes & POINTERS) {
            fn(s, s == current, opaque);
        }
    }
}

void input_foreach_pointer(Inputs *in, void (*fn)(const InputSink *s, bool current, void *opaque),
                           void *opaque)
{
    take_lock(in);
    for (guint i = 0; i < in->root->seats->len; i++) {
        foreach_pointer_of(in->root->seats->pdata[i], fn, opaque);
    }
    foreach_pointer_of(in->root, fn, opaque);
    release_lock(in);
}

static bool choose_pointer_of(Inputs *in, unsigned number)
{
    for (guint i = 0; i < in->sinks->len; i++) {
        InputSink *s = in->sinks->pdata[i];
        if (s->takes & POINTERS && s->number == number) {
            to_front(in, s);
            return true;
        }
    }
    return false;
}

bool input_choose_pointer(Inputs *in, unsigned number)
{
    take_lock(in);
    bool found = choose_pointer_of(in->root, number);
    for (guint i = 0; i < in->root->seats->len && !found; i++) {
        found = choose_pointer_of(in->root->seats->pdata[i], number);
    }
    release_lock(in);
    return found;
}

/* ---- seats ----------------------------------------------------------------------------- */

static Inputs *find_seat(const Inputs *root, const char *device, unsigned head)
{
    for (guint i = 0; i < root->seats->len; i++) {
        Inputs *seat = root->seats->pdata[i];
        if (g_str_equal(seat->device, device) && seat->head == head) {
            return seat;
        }
    }
    return NULL;
}

Inputs *input_seat(Inputs *in, const char *device, unsigned head)
{
    Inputs *root = in->root;
    take_lock(root);
    Inputs *seat = find_seat(root, device, head);
    if (!seat) {
        seat = g_new0(Inputs, 1);
        *seat =
            (Inputs){ .root = root, .device = g_strdup(device), .head = head, .sinks = g_ptr_array_new() };
        g_ptr_array_add(root->seats, seat);
    }
    release_lock(root);
    return seat;
}

Inputs *input_seat_of(Inputs *in, const Console *c)
{
    return c && !console_takes_text(c) ? input_seat(in, console_device(c), console_head(c)) : in->root;
}

static void seat_free(gpointer p)
{
    Inputs *seat = p;
    g_assert(!seat->sinks->len);
    g_ptr_array_free(seat->sinks, TRUE);
    g_free(seat->device);
    g_free(seat);
}

/* ---- life ------------------------------------------------------------------------------ */

Inputs *inputs_new(EventLoop *loop, Clock *clock)
{
    Inputs *in = g_new0(Inputs, 1);
    in->root = in;
    in->seats = g_ptr_array_new_with_free_func(seat_free);
    in->clock = clock;
    lock_init(&in->lock, LOCK_INPUT);
    in->sinks = g_ptr_array_new();
    in->chords = input_chords_new(in, clock);
    in->deliver = bh_new(loop, NULL, deliver, in);
    in->later = timer_new(clock, CLK_VIRTUAL, NULL, deliver, in);
    return in;
}

void inputs_free(Inputs *in)
{
    if (in) {
        g_assert(!in->sinks->len);
        timer_free(in->later);
        input_chords_free(in->chords);
        bh_free(in->deliver);
        g_ptr_array_unref(in->seats);
        g_ptr_array_free(in->sinks, TRUE);
        lock_finish(&in->lock);
        g_free(in);
    }
}

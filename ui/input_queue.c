/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded queue of input, of a device's size or a backlog's.
 *
 *   1. count + downs never exceeds its size: each key that is down has a place for its release.
 *   2. A motion is merged into the last event if that is one of its kind, so it keeps its place among the clicks;
 *      in a full queue into the latest of its kind. */
#include "ui/input.h"

#include <string.h>

enum { FINGERS = INPUT_CODES - 16 }; /* where they are among what is down; no key has these codes */

/* Either kind of queue. */
typedef struct Ring {
    unsigned size;
    uint32_t *first, *count, *downs;
    uint16_t *kind, *code;
    uint32_t *x, *y;
    uint8_t *down;
} Ring;
#define RING(q)                                                                                              \
    (&(Ring){ G_N_ELEMENTS((q)->kind), &(q)->first, &(q)->count, &(q)->downs, (q)->kind, (q)->code, (q)->x,  \
              (q)->y, (q)->down })

#define Q InputQueue
const Field input_queue_fields[] = {
    MEMBER_U32(Q, first, .max = INPUT_QUEUE - 1),
    MEMBER_U32(Q, count, .max = INPUT_QUEUE),
    MEMBER_U16(Q, kind, .max = INPUT_KINDS - 1),
    MEMBER_U16(Q, code, .max = INPUT_CODES - 1),
    MEMBER_U32(Q, x),
    MEMBER_U32(Q, y),
    MEMBER_BYTES(Q, down),
    MEMBER_U32(Q, downs, .max = INPUT_QUEUE),
    { NULL },
};

static bool is_down(const uint8_t *down, unsigned code)
{
    return down[code / 8] >> code % 8 & 1;
}

bool input_queue_is_valid(const Q *q)
{
    unsigned downs = 0;
    for (unsigned code = 0; code < INPUT_CODES; code++) {
        downs += is_down(q->down, code);
    }
    for (unsigned n = 0; n < q->count; n++) {
        unsigned at = (q->first + n) % INPUT_QUEUE;
        bool finger = q->kind[at] == INPUT_TOUCH || q->kind[at] == INPUT_LIFT;
        if (finger && q->code[at] >= INPUT_FINGERS) {
            return false;
        }
    }
    for (unsigned code = FINGERS + INPUT_FINGERS; code < INPUT_CODES; code++) {
        if (is_down(q->down, code)) {
            return false; /* nothing is there */
        }
    }
    return downs == q->downs && q->count + q->downs <= INPUT_QUEUE;
}

static unsigned place(const Ring *q, unsigned n)
{
    return (*q->first + n) % q->size;
}

static bool has_room(const Ring *q)
{
    return *q->count + *q->downs < q->size;
}

static void append(const Ring *q, const InputEvent *e)
{
    unsigned at = place(q, (*q->count)++);
    q->kind[at] = e->kind;
    q->code[at] = e->code;
    q->x[at] = e->x;
    q->y[at] = e->y;
}

static void set_down(const Ring *q, unsigned code, bool down)
{
    q->down[code / 8] ^= 1 << code % 8;
    *q->downs += down ? 1 : -1;
}

static void put_key(const Ring *q, const InputEvent *e)
{
    if (e->code >= FINGERS || is_down(q->down, e->code) == (e->x != 0)) {
        return; /* no news: a repeat, or the release of a press that found no room */
    }
    if (e->x && *q->count + *q->downs + 2 > q->size) {
        return;
    }
    set_down(q, e->code, e->x);
    append(q, e);
}

static uint32_t add_saturating(uint32_t a, int32_t b)
{
    int64_t sum = (int64_t)(int32_t)a + b;
    return CLAMP(sum, INT32_MIN, INT32_MAX);
}

static void merge(const Ring *q, unsigned at, const InputEvent *e)
{
    bool place_is_new = e->kind == INPUT_POINT;
    uint32_t x = e->x, y = e->y;
    q->x[at] = place_is_new ? x : add_saturating(q->x[at], e->x);
    q->y[at] = place_is_new ? y : add_saturating(q->y[at], e->y);
}

static void put_motion(const Ring *q, const InputEvent *e)
{
    if (*q->count && q->kind[place(q, *q->count - 1)] == e->kind) {
        merge(q, place(q, *q->count - 1), e);
        return;
    }
    if (has_room(q)) {
        append(q, e);
        return;
    }
    for (unsigned n = *q->count; n-- > 0;) {
        if (q->kind[place(q, n)] == e->kind) {
            merge(q, place(q, n), e);
            return;
        }
    }
}

/* A finger that moves: into what is last told of it, if nothing came between, or if there is no room. */
static void move_finger(const Ring *q, const InputEvent *e)
{
    bool room = has_room(q);
    for (unsigned n = *q->count; n-- > 0;) {
        unsigned at = place(q, n);
        if (q->kind[at] == INPUT_TOUCH && q->code[at] == e->code) {
            q->x[at] = e->x;
            q->y[at] = e->y;
            return;
        }
        if (room) {
            break;
        }
    }
    if (room) {
        append(q, e);
    }
}

static void put_finger(const Ring *q, const InputEvent *e)
{
    unsigned code = FINGERS + e->code;
    if (e->code >= INPUT_FINGERS) {
        return;
    }
    if (e->kind == INPUT_TOUCH && is_down(q->down, code)) {
        move_finger(q, e);
    } else if (e->kind == INPUT_TOUCH && *q->count + *q->downs + 2 <= q->size) {
        set_down(q, code, true);
        append(q, e);
    } else if (e->kind == INPUT_LIFT && is_down(q->down, code)) {
        set_down(q, code, false);
        append(q, e);
    }
}

static void ring_put(const Ring *q, const InputEvent *e)
{
    if (e->kind == INPUT_KEY || e->kind == INPUT_BUTTON) {
        put_key(q, e);
    } else if (e->kind == INPUT_TOUCH || e->kind == INPUT_LIFT) {
        put_finger(q, e);
    } else {
        put_motion(q, e);
    }
}

static bool ring_peek(const Ring *q, InputEvent *e)
{
    if (*q->count) {
        *e =
            (InputEvent){ q->kind[*q->first], q->code[*q->first], q->x[*q->first], (int32_t)q->y[*q->first] };
    }
    return *q->count;
}

static void ring_drop(const Ring *q)
{
    g_assert(*q->count);
    *q->first = place(q, 1);
    (*q->count)--;
}

/* Buttons are those from BTN_MISC (0x100) to the first key behind them (KEY_OK, 0x160). */
static InputKind kind_of_code(unsigned code)
{
    return code >= 0x100 && code < 0x160 ? INPUT_BUTTON : INPUT_KEY;
}

static void ring_release_all(const Ring *q)
{
    for (unsigned code = 0; code < INPUT_CODES && *q->downs; code++) {
        if (is_down(q->down, code) && code >= FINGERS) {
            ring_put(q, &(InputEvent){ INPUT_LIFT, code - FINGERS, 0, 0 });
        } else if (is_down(q->down, code)) {
            ring_put(q, &(InputEvent){ kind_of_code(code), code, 0, 0 });
        }
    }
}

/* ---- both kinds ----------------------------------------------------------------------- */

void input_queue_put(InputQueue *q, const InputEvent *e)
{
    ring_put(RING(q), e);
}

bool input_queue_peek(InputQueue *q, InputEvent *e)
{
    return ring_peek(RING(q), e);
}

void input_queue_drop(InputQueue *q)
{
    ring_drop(RING(q));
}

void input_queue_release_all(InputQueue *q)
{
    ring_release_all(RING(q));
}

void input_backlog_put(InputBacklog *q, const InputEvent *e)
{
    ring_put(RING(q), e);
}

bool input_backlog_peek(InputBacklog *q, InputEvent *e)
{
    return ring_peek(RING(q), e);
}

void input_backlog_drop(InputBacklog *q)
{
    ring_drop(RING(q));
}

void input_backlog_release_all(InputBacklog *q)
{
    ring_release_all(RING(q));
}

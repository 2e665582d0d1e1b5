/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that a monitor presses together, and which are released a while later; those that wait for their turn. */
#include <string.h>

#include "base/clock.h"
#include "ui/input_priv.h"

typedef struct Chord {
    uint16_t codes[INPUT_CHORD];
    unsigned count, ms;
} Chord;

struct InputChords {
    Inputs *in;
    Clock *clock;
    GQueue *queue; /* of Chord: the others wait for the first */
    bool held;     /* the first is */
    Timer *end;    /* of the first; or it has waited for room, and looks again */
};

static void set_end(InputChords *all, unsigned ms)
{
    timer_set_deadline(all->end, clock_get_ns(all->clock, CLK_REALTIME) + ms * INT64_C(1000000));
}

/* All of its keys or, until there is room, none. */
static void press_first(InputChords *all)
{
    enum { ROOM_MS = 20 };
    const Chord *c = g_queue_peek_head(all->queue);
    all->held = c && c->count <= input_room(all->in);
    for (unsigned i = 0; all->held && i < c->count; i++) {
        input_key(all->in, c->codes[i], true);
    }
    if (c) {
        set_end(all, all->held ? c->ms : ROOM_MS);
    }
}

static void first_ends(void *opaque)
{
    InputChords *all = opaque;
    if (all->held) {
        g_autofree Chord *c = g_queue_pop_head(all->queue);
        for (unsigned i = c->count; i-- > 0;) {
            input_key(all->in, c->codes[i], false);
        }
    }
    press_first(all);
}

bool input_press_for(Inputs *in, const uint16_t *codes, unsigned count, unsigned ms)
{
    InputChords *all = input_chords(in);
    if (g_queue_get_length(all->queue) >= INPUT_CHORDS || count > INPUT_CHORD) {
        return false;
    }
    Chord *c = g_new0(Chord, 1);
    memcpy(c->codes, codes, count * sizeof(*codes));
    c->count = count;
    c->ms = ms;
    g_queue_push_tail(all->queue, c);
    if (g_queue_get_length(all->queue) == 1) {
        press_first(all);
    }
    return true;
}

InputChords *input_chords_new(Inputs *in, Clock *clock)
{
    InputChords *all = g_new0(InputChords, 1);
    all->in = in;
    all->clock = clock;
    all->queue = g_queue_new();
    all->end = timer_new(clock, CLK_REALTIME, NULL, first_ends, all);
    return all;
}

void input_chords_free(InputChords *all)
{
    timer_free(all->end);
    g_queue_free_full(all->queue, g_free);
    g_free(all);
}

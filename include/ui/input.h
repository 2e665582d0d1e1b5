/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input: from front ends and monitors to the devices of a machine.
 *
 * Codes are those of Linux' evdev (linux/input-event-codes.h), for keys and for buttons.  An event is what becomes
 * one packet of a device: both axes of a motion are one.
 *
 * Queues have a bound, and never lose a release: a press is taken only while there is room for the releases of all
 * that is down.  So a flood drops presses, whose releases are then no news.  Motions that follow each other are one.
 *
 * What comes faster than a guest reads waits in a backlog, as long as the guest reads; one that reads nothing for
 * INPUT_PATIENCE_MS gets what its device has room for. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/state.h"

typedef struct Clock Clock;
typedef struct EventLoop EventLoop;
typedef struct Console Console;
typedef struct Inputs Inputs; /* of one machine, or of the seat before one of its screens */

enum { INPUT_CODES = 0x300, INPUT_ABS_MAX = 32767, INPUT_FINGERS = 10 };

typedef enum InputKind {
    INPUT_NONE,
    INPUT_KEY,    /* code; x: 1 pressed, 0 released */
    INPUT_BUTTON, /* likewise, BTN_LEFT ... */
    INPUT_MOVE,   /* x, y: by so much */
    INPUT_POINT,  /* x, y: to this place, 0 to INPUT_ABS_MAX from left to right and from above to below */
    INPUT_WHEEL,  /* x: to the right, y: away from the user, in clicks */
    INPUT_TOUCH,  /* code: a finger, 0 to INPUT_FINGERS - 1; it is at x, y as those of INPUT_POINT */
    INPUT_LIFT,   /* code: it is no more */
    INPUT_KINDS
} InputKind;

typedef struct InputEvent {
    uint16_t kind, code;
    int32_t x, y;
} InputEvent;

/* ---- a queue ------------------------------------------------------------------------- */

enum { INPUT_QUEUE = 256, INPUT_BACKLOG = 8192 };

/* May be part of a device's state: input_queue_fields. */
typedef struct InputQueue {
    uint32_t first, count;
    uint16_t kind[INPUT_QUEUE], code[INPUT_QUEUE];
    uint32_t x[INPUT_QUEUE], y[INPUT_QUEUE]; /* of InputEvent, two's complement */
    uint8_t down[INPUT_CODES / 8];           /* pressed, of all that was put in; fingers are the last ones */
    uint32_t downs;                          /* how many */
} InputQueue;

extern const Field input_queue_fields[];
bool input_queue_is_valid(const InputQueue *q); /* what rows cannot say, of a loaded one */
void input_queue_put(InputQueue *q, const InputEvent *e);
bool input_queue_peek(InputQueue *q, InputEvent *e);
void input_queue_drop(InputQueue *q);        /* the first, which there is */
void input_queue_release_all(InputQueue *q); /* all that is down */

/* The same, longer: what front ends have sent and no device has taken yet. */
typedef struct InputBacklog {
    uint32_t first, count;
    uint16_t kind[INPUT_BACKLOG], code[INPUT_BACKLOG];
    uint32_t x[INPUT_BACKLOG], y[INPUT_BACKLOG];
    uint8_t down[INPUT_CODES / 8];
    uint32_t downs;
} InputBacklog;

void input_backlog_put(InputBacklog *q, const InputEvent *e);
bool input_backlog_peek(InputBacklog *q, InputEvent *e);
void input_backlog_drop(InputBacklog *q);
void input_backlog_release_all(InputBacklog *q); /* all that is down */

/* ---- devices --------------------------------------------------------------------------- */

/* What becomes of an event: it is dropped, for no driver listens; it waits for the guest to read; it is taken. */
typedef enum InputReady { INPUT_UNHEARD, INPUT_FULL, INPUT_READY } InputReady;

/* Where events go.  Main loop, under the lock given. */
typedef struct InputSink {
    const char *name; /* "QEMU Virtio Tablet" */
    unsigned takes;   /* bit 1 << INPUT_KEY ... */
    Lock *lock;
    void (*event)(void *opaque, const InputEvent *e);
    void *opaque;
    InputReady (*ready)(void *opaque); /* under the lock; FULL until input_more.  NULL: always READY */
    unsigned number;                   /* set by input_add_sink: for `info mice` */
    int64_t room_at;                   /* input.c's: when it last had room, CLK_VIRTUAL */
} InputSink;

Inputs *inputs_new(EventLoop *loop, Clock *clock);
void inputs_free(Inputs *in); /* behind the devices; NULL is fine */

/* The seat before a screen, by the name of its device: a device of its own gets what is typed and pointed there; what there is no
 * own one for goes to those of the machine, as without a seat.  Any thread, no lock; it lives as long as the machine's. */
Inputs *input_seat(Inputs *in, const char *device, unsigned head);
/* The same by console; of a text console, or none: the machine's. */
Inputs *input_seat_of(Inputs *in, const Console *c);

/* Main loop, no lock.  in: of the machine, or a seat. */
void input_add_sink(Inputs *in, InputSink *s);
void input_remove_sink(Inputs *in, InputSink *s);
/* Its driver has started, or somebody has chosen it: it comes before the others of its kind.  Any thread, any lock
 * before the input's (a device's own). */
void input_activate(Inputs *in, InputSink *s);

/* It has room again.  Any thread, any lock before the input's. */
void input_more(Inputs *in);

/* ---- front ends: any thread, no lock but a device's --------------------------------------- */

void input_send(Inputs *in, const InputEvent *e);
/* May there be more of keys, buttons and fingers in the backlog without loss?  How many. */
unsigned input_room(Inputs *in);
/* Should a front end that can hold its user back (a socket) do so?  The backlog is half full, and the guest reads. */
bool input_is_crowded(Inputs *in);
/* Of all that front ends have pressed: the focus is lost, a client has gone. */
void input_release_all(Inputs *in);
/* Is there one that takes this kind?  Of pointers: the one in use. */
bool input_takes(Inputs *in, InputKind kind);
/* A pixel of so many, from 0 on, on an axis of INPUT_POINT; outside: the nearest. */
static inline int32_t input_abs(int64_t at, int64_t size)
{
    int64_t last = MAX(size, 2) - 1;
    return (int32_t)((CLAMP(at, 0, last) * INPUT_ABS_MAX + last / 2) / last);
}
static inline void input_key(Inputs *in, unsigned code, bool down)
{
    input_send(in, &(InputEvent){ INPUT_KEY, code, down, 0 });
}
static inline void input_button(Inputs *in, unsigned code, bool down)
{
    input_send(in, &(InputEvent){ INPUT_BUTTON, code, down, 0 });
}

/* ---- monitors: main loop ------------------------------------------------------------------ */

/* Of virtual time between two events of keys, of all seats; 0, as at first: none. */
void input_set_key_delay(Inputs *in, unsigned ms);

enum { INPUT_CHORD = 16, INPUT_CHORDS = 1024, INPUT_PATIENCE_MS = 2000 };
/* Press these keys one after the other, and release them when that time is over; after those that wait, and when there is
 * room for all of them.  False: INPUT_CHORDS wait already. */
bool input_press_for(Inputs *in, const uint16_t *codes, unsigned count, unsigned ms);
/* Where the last INPUT_POINT was: for who changes one of its axes. */
InputEvent input_last_point(Inputs *in);
/* Likewise of INPUT_TOUCH and a finger. */
InputEvent input_last_touch(Inputs *in, unsigned finger);
/* Pointers, the one in use last. */
void input_foreach_pointer(Inputs *in, void (*fn)(const InputSink *s, bool current, void *opaque),
                           void *opaque);
bool input_choose_pointer(Inputs *in, unsigned number); /* false: there is none */

/* ---- names of keys (keys.c) ---------------------------------------------------------------- */

/* QKeyCode of QMP: names, ends with NULL; and the evdev code of each (0: none). */
extern const char *const input_key_names[];
extern const uint16_t input_key_codes[];
bool input_key_exists(unsigned code); /* some key of these tables has it */
/* As sendkey takes it: a name, "<" for less, or a number (0x2a) of a PC keyboard's set 1.  0: no such key. */
unsigned input_key_code(const char *name);
unsigned
input_key_of_number(uint64_t number); /* of set 1, with 0x80 or 0xe000 for those behind E0; 0: no such key */
/* Of a usage on page 7 of USB HID, which is SDL's scancode, too; 0: none. */
unsigned input_key_of_hid(unsigned usage);

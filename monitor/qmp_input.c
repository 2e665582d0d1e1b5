/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers, as the control protocol has them. */
#include "ui/input.h"

#include <inttypes.h>
#include <linux/input-event-codes.h>

#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_input.h"
#include "ui/console.h"

/* ---- keys ---------------------------------------------------------------------- */

enum { KEY_NUMBER, KEY_QCODE };
static const char *const key_types[] = { [KEY_NUMBER] = "number", [KEY_QCODE] = "qcode", NULL };
typedef struct KeyValue {
    int type;
    int64_t number;
    int qcode;
} KeyValue;
typedef struct SendKey {
    PropList keys;
    int64_t hold;
    bool has_hold;
} SendKey;

#define T KeyValue
static const Prop key_props[] = { { "type", PROP_ENUM, ALWAYS(type), .names = key_types }, { NULL } };
static const Prop key_number_props[] = { { "data", PROP_I64, ALWAYS(number) }, { NULL } };
static const Prop key_code_props[] = { { "data", PROP_ENUM, ALWAYS(qcode), .names = input_key_names },
                                       { NULL } };
#undef T
static const Shape key_number_shape = { "IntWrapper", sizeof(KeyValue), key_number_props };
static const Shape key_code_shape = { "QKeyCodeWrapper", sizeof(KeyValue), key_code_props };
static const Shape *const key_arms[] = { [KEY_NUMBER] = &key_number_shape, [KEY_QCODE] = &key_code_shape };
static const Shape key_shape = { "KeyValue", sizeof(KeyValue), key_props, .tag = &key_props[0],
                                 .arms = key_arms };
#define T SendKey
static const Prop send_key_props[] = {
    { "keys", PROP_STRUCT, ALWAYS(keys), .list = true, .of = &key_shape, .help = "pressed together" },
    { "hold-time", PROP_I64, MAYBE_HAS(hold), .help = "milliseconds" },
    { NULL },
};
#undef T
static const Shape send_key_shape = { "SendKey", sizeof(SendKey), send_key_props };

/* 0: no such key. */
static unsigned code_of(const KeyValue *k)
{
    return k->type == KEY_QCODE ? input_key_codes[k->qcode]
           : k->number >= 0     ? input_key_of_number((uint64_t)k->number)
                                : 0;
}

bool monitor_press_keys(Machine *m, const uint16_t *codes, unsigned count, int64_t ms, GError **err)
{
    if (!input_takes(m->inputs, INPUT_KEY)) {
        return command_error(err, ERROR_GENERIC,
                             "There is no keyboard whose keys could be pressed; add one, such as "
                             "-device virtio-keyboard-pci, or write to the serial console instead");
    }
    if (ms < 0 || ms > KEY_HOLD_MAX) {
        return command_error(err, ERROR_GENERIC, "Parameter 'hold-time' expects milliseconds, at most %d",
                             KEY_HOLD_MAX);
    }
    return input_press_for(m->inputs, codes, count, ms) ||
           command_error(err, ERROR_GENERIC, "%d keys wait to be pressed already; try again later",
                         INPUT_CHORDS);
}

static bool run_send_key(Control *c, const void *args, void *result, GError **err)
{
    const SendKey *a = args;
    uint16_t codes[INPUT_CHORD];
    unsigned count = 0;
    if (a->keys.count > INPUT_CHORD) {
        return command_error(err, ERROR_GENERIC, "Parameter 'keys' expects at most %d of them", INPUT_CHORD);
    }
    for (size_t i = 0; i < a->keys.count; i++) {
        const KeyValue *k = prop_list_struct(&a->keys, i);
        unsigned code = code_of(k);
        if (k->type == KEY_NUMBER && !code) {
            return command_error(err, ERROR_GENERIC,
                                 "Parameter 'keys[%zu].data' expects the number of a key of a PC keyboard",
                                 i);
        }
        if (code) { /* else "unmapped" */
            codes[count++] = code;
        }
    }
    return monitor_press_keys(c->machine, codes, count, a->has_hold ? a->hold : KEY_HOLD_MS, err);
}

/* ---- events ---------------------------------------------------------------------- */

typedef struct KeyEvent {
    void *key; /* KeyValue */
    bool down;
} KeyEvent;
typedef struct ButtonEvent {
    int button;
    bool down;
} ButtonEvent;
typedef struct MoveEvent {
    int axis;
    int64_t value;
} MoveEvent;
typedef struct TouchEvent {
    int type, axis;
    int64_t slot, id, value;
} TouchEvent;
typedef struct AnyEvent {
    int type;
    void *data; /* of one of these */
} AnyEvent;
typedef struct SendEvent {
    char *device;
    int64_t head;
    bool has_head;
    PropList events;
} SendEvent;

enum { EVENT_KEY, EVENT_BUTTON, EVENT_REL, EVENT_ABS, EVENT_TOUCH };
static const char *const event_types[] = { [EVENT_KEY] = "key", [EVENT_BUTTON] = "btn", [EVENT_REL] = "rel",
                                           [EVENT_ABS] = "abs", [EVENT_TOUCH] = "mtt",  NULL };
enum { TOUCH_BEGIN, TOUCH_UPDATE, TOUCH_END, TOUCH_CANCEL, TOUCH_DATA };
static const char *const touch_types[] = {
    [TOUCH_BEGIN] = "begin",   [TOUCH_UPDATE] = "update", [TOUCH_END] = "end",
    [TOUCH_CANCEL] = "cancel", [TOUCH_DATA] = "data",     NULL
};
enum { AXIS_X, AXIS_Y };
static const char *const axes[] = { [AXIS_X] = "x", [AXIS_Y] = "y", NULL };
/* clang-format off */
enum { BUTTON_LEFT, BUTTON_MIDDLE, BUTTON_RIGHT, WHEEL_UP, WHEEL_DOWN, BUTTON_SIDE, BUTTON_EXTRA, WHEEL_LEFT, WHEEL_RIGHT, BUTTONS };
static const char *const buttons[] = {
    [BUTTON_LEFT] = "left", [BUTTON_MIDDLE] = "middle", [BUTTON_RIGHT] = "right", [WHEEL_UP] = "wheel-up",
    [WHEEL_DOWN] = "wheel-down", [BUTTON_SIDE] = "side", [BUTTON_EXTRA] = "extra", [WHEEL_LEFT] = "wheel-left",
    [WHEEL_RIGHT] = "wheel-right", NULL,
};
static const char *const buttons_unbuilt[] = { "touch", NULL };
static const InputEvent button_events[BUTTONS] = {
    [BUTTON_LEFT] = { INPUT_BUTTON, BTN_LEFT, 0, 0 }, [BUTTON_MIDDLE] = { INPUT_BUTTON, BTN_MIDDLE, 0, 0 },
    [BUTTON_RIGHT] = { INPUT_BUTTON, BTN_RIGHT, 0, 0 }, [BUTTON_SIDE] = { INPUT_BUTTON, BTN_SIDE, 0, 0 },
    [BUTTON_EXTRA] = { INPUT_BUTTON, BTN_EXTRA, 0, 0 }, [WHEEL_UP] = { INPUT_WHEEL, 0, 0, 1 },
    [WHEEL_DOWN] = { INPUT_WHEEL, 0, 0, -1 }, [WHEEL_LEFT] = { INPUT_WHEEL, 0, -1, 0 },
    [WHEEL_RIGHT] = { INPUT_WHEEL, 0, 1, 0 },
};
/* clang-format on */

#define T KeyEvent
static const Prop key_event_props[] = {
    { "key", PROP_STRUCT, ALWAYS(key), .of = &key_shape },
    { "down", PROP_BOOL, ALWAYS(down) },
    { NULL },
};
#undef T
#define T ButtonEvent
static const Prop button_event_props[] = {
    { "button", PROP_ENUM, ALWAYS(button), .names = buttons, .unbuilt = buttons_unbuilt },
    { "down", PROP_BOOL, ALWAYS(down) },
    { NULL },
};
#undef T
#define T MoveEvent
static const Prop move_event_props[] = {
    { "axis", PROP_ENUM, ALWAYS(axis), .names = axes },
    { "value", PROP_I64, ALWAYS(value), .help = "of abs: 0 to 32767" },
    { NULL },
};
#undef T
#define T TouchEvent
static const Prop touch_event_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = touch_types },
    { "slot", PROP_I64, ALWAYS(slot), .help = "the finger, 0 to 9" },
    { "tracking-id", PROP_I64, ALWAYS(id), .help = "-1, or any: the device numbers touches by itself" },
    { "axis", PROP_ENUM, ALWAYS(axis), .names = axes },
    { "value", PROP_I64, ALWAYS(value), .help = "0 to 32767" },
    { NULL },
};
#undef T
static const Shape touch_event_shape = { "InputMultiTouchEvent", sizeof(TouchEvent), touch_event_props };
static const Shape key_event_shape = { "InputKeyEvent", sizeof(KeyEvent), key_event_props };
static const Shape button_event_shape = { "InputBtnEvent", sizeof(ButtonEvent), button_event_props };
static const Shape move_event_shape = { "InputMoveEvent", sizeof(MoveEvent), move_event_props };
#define T AnyEvent
static const Prop event_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = event_types },
    { NULL },
};
static const Prop key_wrapper_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &key_event_shape },
                                          { NULL } };
static const Prop button_wrapper_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &button_event_shape },
                                             { NULL } };
static const Prop touch_wrapper_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &touch_event_shape },
                                            { NULL } };
static const Prop move_wrapper_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &move_event_shape },
                                           { NULL } };
#undef T
static const Shape key_wrapper_shape = { "InputKeyEventWrapper", sizeof(AnyEvent), key_wrapper_props };
static const Shape button_wrapper_shape = { "InputBtnEventWrapper", sizeof(AnyEvent), button_wrapper_props };
static const Shape move_wrapper_shape = { "InputMoveEventWrapper", sizeof(AnyEvent), move_wrapper_props };
static const Shape touch_wrapper_shape = { "InputMultiTouchEventWrapper", sizeof(AnyEvent),
                                           touch_wrapper_props };
static const Shape *const event_arms[] = { [EVENT_KEY] = &key_wrapper_shape,
                                           [EVENT_BUTTON] = &button_wrapper_shape,
                                           [EVENT_REL] = &move_wrapper_shape,
                                           [EVENT_ABS] = &move_wrapper_shape,
                                           [EVENT_TOUCH] = &touch_wrapper_shape };
static const Shape event_shape = { "InputEvent", sizeof(AnyEvent), event_props, .tag = &event_props[0],
                                   .arms = event_arms };
#define T SendEvent
static const Prop send_event_props[] = {
    { "device", PROP_STRING, MAYBE(device), .help = "screen whose pointer is meant" },
    { "head", PROP_I64, MAYBE_HAS(head) },
    { "events", PROP_STRUCT, ALWAYS(events), .list = true, .of = &event_shape },
    { NULL },
};
#undef T
static const Shape send_event_shape = { "InputSendEvent", sizeof(SendEvent), send_event_props };

/* Both axes of a motion come as events of their own: they are one when they follow each other. */
static void add_motion(Inputs *in, InputEvent *motion, int type, const MoveEvent *e)
{
    InputKind kind = type == EVENT_ABS ? INPUT_POINT : INPUT_MOVE;
    if (motion->kind != kind) {
        if (motion->kind != INPUT_NONE) {
            input_send(in, motion);
        }
        *motion = kind == INPUT_POINT ? input_last_point(in) : (InputEvent){ .kind = INPUT_MOVE };
    }
    int32_t *at = e->axis == AXIS_X ? &motion->x : &motion->y;
    if (kind == INPUT_POINT) {
        *at = CLAMP(e->value, 0, INPUT_ABS_MAX);
    } else {
        *at = CLAMP(*at + CLAMP(e->value, INT32_MIN, INT32_MAX), INT32_MIN, INT32_MAX);
    }
}

static void send_motion(Inputs *in, InputEvent *motion)
{
    if (motion->kind != INPUT_NONE) {
        input_send(in, motion);
    }
    *motion = (InputEvent){ .kind = INPUT_NONE };
}

static void send_button(Inputs *in, const ButtonEvent *b)
{
    InputEvent e = button_events[b->button];
    if (e.kind == INPUT_BUTTON) {
        e.x = b->down;
    }
    if (e.kind == INPUT_BUTTON || b->down) { /* the wheel turns once */
        input_send(in, &e);
    }
}

/* A finger's axes likewise; only data has places, which the others must name, too. */
static void add_touch(Inputs *in, InputEvent *motion, const TouchEvent *t)
{
    unsigned finger = (unsigned)t->slot;
    bool ends = t->type == TOUCH_END || t->type == TOUCH_CANCEL;
    if (ends || motion->kind != INPUT_TOUCH || motion->code != finger || t->type == TOUCH_BEGIN) {
        send_motion(in, motion);
        *motion = ends ? (InputEvent){ INPUT_LIFT, (uint16_t)finger, 0, 0 } : input_last_touch(in, finger);
    }
    if (t->type == TOUCH_DATA) {
        *(t->axis == AXIS_X ? &motion->x : &motion->y) = CLAMP(t->value, 0, INPUT_ABS_MAX);
    }
    if (ends) {
        send_motion(in, motion);
    }
}

static bool has_fingers(const SendEvent *a, GError **err)
{
    for (size_t i = 0; i < a->events.count; i++) {
        const AnyEvent *e = prop_list_struct(&a->events, i);
        const TouchEvent *t = e->data;
        if (e->type == EVENT_TOUCH && (t->slot < 0 || t->slot >= INPUT_FINGERS)) {
            return command_error(err, ERROR_GENERIC,
                                 "Parameter 'events[%zu].data.slot' expects a finger, 0 to %d", i,
                                 INPUT_FINGERS - 1);
        }
    }
    return true;
}

/* Motions that follow each other become one. */
static unsigned count_events(const SendEvent *a)
{
    unsigned count = 0;
    int last = EVENT_KEY;
    for (size_t i = 0; i < a->events.count; i++) {
        const AnyEvent *e = prop_list_struct(&a->events, i);
        bool motion = e->type == EVENT_REL || e->type == EVENT_ABS;
        count += !motion || e->type != last;
        last = e->type;
    }
    return count;
}

/* All of it or nothing: what is refused may be sent again. */
static bool has_room(const SendEvent *a, Inputs *in, GError **err)
{
    unsigned count = count_events(a), room = input_room(in);
    return count <= room ||
           command_error(
               err, ERROR_GENERIC,
               "There is room for %u events, and not for %u: the guest has not read those that came before; "
               "send fewer at once, or try again later",
               room, count);
}

static void send_any(Inputs *in, const AnyEvent *e, InputEvent *motion)
{
    if (e->type == EVENT_REL || e->type == EVENT_ABS) {
        add_motion(in, motion, e->type, e->data);
        return;
    }
    if (e->type == EVENT_TOUCH) {
        add_touch(in, motion, e->data);
        return;
    }
    send_motion(in, motion);
    if (e->type == EVENT_BUTTON) {
        send_button(in, e->data);
    } else {
        const KeyEvent *k = e->data;
        unsigned code = code_of(k->key);
        if (code) {
            input_key(in, code, k->down);
        }
    }
}

/* As if it came from before that screen. */
static bool find_seat(Machine *m, const SendEvent *a, Inputs **in, GError **err)
{
    const Console *console = consoles_find(m->consoles, a->device, a->has_head ? (unsigned)a->head : 0);
    if (!machine_find_device(m, a->device)) {
        return command_no_device(err, a->device);
    }
    if (!console || (a->has_head && (a->head < 0 || a->head > UINT32_MAX))) {
        return command_error(err, ERROR_GENERIC, "Device %s (head %" PRId64 ") is not bound to a screen",
                             a->device, a->has_head ? a->head : 0);
    }
    *in = input_seat_of(m->inputs, console);
    return true;
}

static bool run_send_event(Control *c, const void *args, void *result, GError **err)
{
    const SendEvent *a = args;
    Inputs *in = c->machine->inputs;
    InputEvent motion = { .kind = INPUT_NONE };
    if (a->device && !find_seat(c->machine, a, &in, err)) {
        return false;
    }
    if (!has_fingers(a, err) || !has_room(a, in, err)) {
        return false;
    }
    for (size_t i = 0; i < a->events.count; i++) {
        send_any(in, prop_list_struct(&a->events, i), &motion);
    }
    send_motion(in, &motion);
    return true;
}

/* ---- pointers ---------------------------------------------------------------------- */

typedef struct MouseInfo {
    char *name;
    int64_t index;
    bool current, absolute;
} MouseInfo;

#define T MouseInfo
static const Prop mouse_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "index", PROP_I64, ALWAYS(index) },
    { "current", PROP_BOOL, ALWAYS(current) },
    { "absolute", PROP_BOOL, ALWAYS(absolute) },
    { NULL },
};
#undef T
static const Shape mouse_shape = { "MouseInfo", sizeof(MouseInfo), mouse_props };

static void add_mouse(const InputSink *s, bool current, void *opaque)
{
    MouseInfo *m = prop_list_add(opaque, &mouse_shape);
    *m = (MouseInfo){ g_strdup(s->name), s->number, current, s->takes >> INPUT_POINT & 1 };
}

static bool run_query_mice(Control *c, const void *args, void *result, GError **err)
{
    input_foreach_pointer(c->machine->inputs, add_mouse, result);
    return true;
}

void monitor_show_mice(const void *result, GString *out)
{
    const PropList *list = result;
    for (size_t i = 0; i < list->count; i++) {
        const MouseInfo *m = prop_list_struct(list, i);
        g_string_append_printf(out, "%c Mouse #%d: %s%s\n", m->current ? '*' : ' ', (int)m->index, m->name,
                               m->absolute ? " (absolute)" : "");
    }
    if (!list->count) {
        g_string_append(out, "No mouse devices connected\n");
    }
}

const Command commands_input[] = {
    { "send-key", "press keys, and release them a while later", &send_key_shape, NULL, 0, run_send_key },
    { "input-send-event", "keys, buttons and motions, one by one", &send_event_shape, NULL, 0,
      run_send_event },
    { "query-mice", "pointing devices", NULL, RETURNS_LIST(mouse_shape), 0, run_query_mice },
    { NULL },
};

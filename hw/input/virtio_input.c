/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio keyboard, mouse, tablet, and a screen for several fingers.
 * Spec: VIRTIO 1.x, section 5.8 (device-input.tex); codes: Linux' evdev.
 *
 * An event becomes a packet, which is given whole or waits: until the driver has as many buffers as the packet has parts,
 * the rest of the queue waits with it, and what follows is merged (ui/input.h).
 *
 * Fingers follow Linux' multi-touch protocol, type B: a slot for each, a number for each touch.
 *
 * Not modelled: sizes and pressure of fingers. */
#include <linux/input-event-codes.h>
#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/virtio.h"
#include "ui/console.h"
#include "ui/input.h"
#include "util/bytes.h"

enum { EVENTS = 0, STATUS = 1, QUEUE_SIZE = 64, MOST_PARTS = 6, EVENT_BYTES = 8 };
/* Configuration (5.8.4) */
enum {
    CFG_NAME = 0x01,
    CFG_SERIAL = 0x02,
    CFG_IDS = 0x03,
    CFG_PROPERTIES = 0x10,
    CFG_EVENTS = 0x11,
    CFG_AXIS = 0x12
};
enum { CFG_SELECT = 0, CFG_SUBSELECT = 1, CFG_SIZE = 2, CFG_DATA = 8, DATA_BYTES = 128 };
enum { BUS_VIRTUAL = 6, VENDOR = 0x0627, VERSION = 1 };

typedef struct Model {
    const char *name;
    uint16_t product;
    unsigned takes;
} Model;

typedef struct VirtioInput {
    VirtioDevice v;
    char *serial, *display;
    uint32_t head;
    Inputs *inputs; /* it belongs to: all of the machine's, or those before the screen of display= */
    const Model *model;
    InputSink sink;
    struct VirtioInputState {
        uint8_t select, subselect;
        uint8_t leds;              /* bit of each that the driver has lit, LED_NUML ... */
        uint16_t fingers, touches; /* that the driver knows to be down; how many touches there were */
        InputQueue queue;
    } s;
} VirtioInput;

static VirtioInput *virtio_input(VirtioDevice *v)
{
    return container_of(v, VirtioInput, v);
}

/* ---- what it is -------------------------------------------------------------- */

static unsigned put_bit(uint8_t *map, unsigned bit, unsigned size)
{
    map[bit / 8] |= 1 << bit % 8;
    return MAX(size, bit / 8 + 1);
}

static unsigned put_keys(uint8_t *map)
{
    unsigned size = 0;
    for (unsigned code = 1; code < DATA_BYTES * 8 && code < INPUT_CODES; code++) {
        if (input_key_exists(code)) {
            size = put_bit(map, code, size);
        }
    }
    return size;
}

static unsigned put_bits(uint8_t *map, const uint8_t *bits, unsigned base)
{
    unsigned size = 0;
    for (unsigned i = 0; bits[i] != UINT8_MAX; i++) {
        size = put_bit(map, base + bits[i], size);
    }
    return size;
}

/* Codes of an event type that it sends, or takes (lights); bytes of the map. */
static unsigned event_codes(const Model *m, unsigned type, uint8_t *map)
{
    static const uint8_t repeat[] = { REP_DELAY, REP_PERIOD, UINT8_MAX };
    static const uint8_t lights[] = { LED_NUML, LED_CAPSL, LED_SCROLLL, UINT8_MAX };
    static const uint8_t buttons[] = { 0, 1, 2, 3, 4, UINT8_MAX }; /* BTN_LEFT to BTN_EXTRA */
    static const uint8_t moves[] = { REL_X, REL_Y, REL_HWHEEL, REL_WHEEL, UINT8_MAX };
    static const uint8_t wheels[] = { REL_HWHEEL, REL_WHEEL, UINT8_MAX };
    static const uint8_t axes[] = { ABS_X, ABS_Y, UINT8_MAX };
    static const uint8_t touch[] = { BTN_TOUCH - BTN_TOOL_PEN, UINT8_MAX };
    static const uint8_t slots[] = { ABS_MT_SLOT, ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_TRACKING_ID,
                                     UINT8_MAX };
    bool keys = m->takes >> INPUT_KEY & 1, points = m->takes >> INPUT_POINT & 1;
    if (m->takes >> INPUT_TOUCH & 1) {
        return type == EV_KEY   ? put_bits(map, touch, BTN_TOOL_PEN)
               : type == EV_ABS ? put_bits(map, slots, 0)
                                : 0;
    }
    switch (type) {
    case EV_KEY: return keys ? put_keys(map) : put_bits(map, buttons, BTN_LEFT);
    case EV_REL: return keys ? 0 : put_bits(map, points ? wheels : moves, 0);
    case EV_ABS: return points ? put_bits(map, axes, 0) : 0;
    case EV_REP: return keys ? put_bits(map, repeat, 0) : 0;
    case EV_LED: return keys ? put_bits(map, lights, 0) : 0;
    default: return 0;
    }
}

static unsigned put_text(uint8_t *data, const char *text)
{
    if (!text) {
        return 0;
    }
    unsigned len = (unsigned)MIN(strlen(text), DATA_BYTES);
    memcpy(data, text, len);
    return len;
}

static unsigned put_ids(uint8_t *data, const Model *m)
{
    const uint16_t ids[] = { BUS_VIRTUAL, VENDOR, m->product, VERSION };
    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        store_le(data + 2 * i, 2, ids[i]);
    }
    return sizeof(ids);
}

/* minimum, maximum, fuzz, flat, resolution */
static unsigned put_axis(uint8_t *data, const Model *m, unsigned axis)
{
    bool points = m->takes >> INPUT_POINT & 1, touches = m->takes >> INPUT_TOUCH & 1;
    bool place =
        points ? axis == ABS_X || axis == ABS_Y : axis == ABS_MT_POSITION_X || axis == ABS_MT_POSITION_Y;
    if (!(points || touches) ||
        !(place || (touches && (axis == ABS_MT_SLOT || axis == ABS_MT_TRACKING_ID)))) {
        return 0;
    }
    store_le(data + 4, 4, place ? INPUT_ABS_MAX : axis == ABS_MT_SLOT ? INPUT_FINGERS - 1 : UINT16_MAX);
    return 5 * 4;
}

static unsigned config_data(const VirtioInput *d, uint8_t *data)
{
    if (d->s.select == CFG_EVENTS) {
        return event_codes(d->model, d->s.subselect, data);
    }
    if (d->s.select == CFG_AXIS) {
        return put_axis(data, d->model, d->s.subselect);
    }
    switch (d->s.subselect ? 0 : d->s.select) {
    case CFG_NAME: return put_text(data, d->model->name);
    case CFG_SERIAL: return put_text(data, d->serial);
    case CFG_IDS: return put_ids(data, d->model);
    case CFG_PROPERTIES: return d->model->takes >> INPUT_TOUCH & 1 ? put_bit(data, INPUT_PROP_DIRECT, 0) : 0;
    default: return 0;
    }
}

static void input_get_config(VirtioDevice *v, uint8_t *config)
{
    const VirtioInput *d = virtio_input(v);
    memset(config, 0, CFG_DATA + DATA_BYTES);
    config[CFG_SELECT] = d->s.select;
    config[CFG_SUBSELECT] = d->s.subselect;
    config[CFG_SIZE] = config_data(d, config + CFG_DATA);
}

static void input_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioInput *d = virtio_input(v);
    for (unsigned i = 0; i < size; i++) {
        if (offset + i == CFG_SELECT) {
            d->s.select = data[i];
        } else if (offset + i == CFG_SUBSELECT) {
            d->s.subselect = data[i];
        } else {
            log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset + i);
            return;
        }
    }
}

/* ---- events -------------------------------------------------------------------- */

typedef struct Packet {
    unsigned parts;
    uint8_t bytes[MOST_PARTS][EVENT_BYTES];
} Packet;

static void add_part(Packet *p, unsigned type, unsigned code, int32_t value)
{
    uint8_t *at = p->bytes[p->parts++];
    store_le(at, 2, type);
    store_le(at + 2, 2, code);
    store_le(at + 4, 4, value);
}

/* What is pressed when the first finger comes, and released when the last one goes. */
static void add_touch_button(Packet *p, unsigned before, unsigned now)
{
    if (!before != !now) {
        add_part(p, EV_KEY, BTN_TOUCH, now != 0);
    }
}

static unsigned fingers_after(const VirtioInput *d, const InputEvent *e)
{
    unsigned finger = e->kind == INPUT_TOUCH || e->kind == INPUT_LIFT ? 1u << e->code : 0;
    return e->kind == INPUT_LIFT ? d->s.fingers & ~finger : d->s.fingers | finger;
}

static void add_finger(Packet *p, const VirtioInput *d, const InputEvent *e)
{
    unsigned now = fingers_after(d, e);
    add_part(p, EV_ABS, ABS_MT_SLOT, e->code);
    if (now != d->s.fingers) {
        add_part(p, EV_ABS, ABS_MT_TRACKING_ID, e->kind == INPUT_TOUCH ? d->s.touches : -1);
    }
    if (e->kind == INPUT_TOUCH) {
        add_part(p, EV_ABS, ABS_MT_POSITION_X, e->x);
        add_part(p, EV_ABS, ABS_MT_POSITION_Y, e->y);
    }
    add_touch_button(p, d->s.fingers, now);
}

static void make_packet(Packet *p, const VirtioInput *d, const InputEvent *e)
{
    p->parts = 0;
    switch (e->kind) {
    case INPUT_KEY:
    case INPUT_BUTTON: add_part(p, EV_KEY, e->code, e->x); break;
    case INPUT_MOVE:
        add_part(p, EV_REL, REL_X, e->x);
        add_part(p, EV_REL, REL_Y, e->y);
        break;
    case INPUT_POINT:
        add_part(p, EV_ABS, ABS_X, e->x);
        add_part(p, EV_ABS, ABS_Y, e->y);
        break;
    case INPUT_TOUCH:
    case INPUT_LIFT: add_finger(p, d, e); break;
    default:
        add_part(p, EV_REL, e->x ? REL_HWHEEL : REL_WHEEL, e->x ? e->x : e->y);
        if (e->x && e->y) {
            add_part(p, EV_REL, REL_WHEEL, e->y);
        }
    }
    add_part(p, EV_SYN, SYN_REPORT, 0);
}

/* False: the driver has not enough buffers, and keeps those that it has. */
static bool give_packet(VirtioDevice *v, const Packet *p)
{
    VirtioElement *e[MOST_PARTS];
    unsigned n = 0;
    while (n < p->parts && (e[n] = virtqueue_pop(v, EVENTS))) {
        n++;
    }
    bool all = n == p->parts;
    for (unsigned i = 0; i < n && all; i++) {
        uint32_t len = iov_from_buf(element_in(e[i]), e[i]->in_count, 0, p->bytes[i], EVENT_BYTES);
        virtqueue_push(v, EVENTS, e[i], len);
    }
    while (n > 0 && !all) {
        virtqueue_unpop(v, EVENTS, e[--n]);
    }
    return all;
}

/* Half is for what can be given without waiting: releases, motions, and a guest that reads nothing. */
static InputReady input_ready(void *opaque)
{
    const VirtioInput *d = opaque;
    return !virtio_running(&d->v)                ? INPUT_UNHEARD
           : d->s.queue.count >= INPUT_QUEUE / 2 ? INPUT_FULL
                                                 : INPUT_READY;
}

static void give_events(VirtioInput *d)
{
    InputReady before = input_ready(d);
    VirtioTurn turn = virtio_turn(&d->v, EVENTS);
    InputEvent e;
    Packet p;
    if (virtio_waits(&d->v, EVENTS)) {
        return;
    }
    while (input_queue_peek(&d->s.queue, &e) && virtio_turn_goes_on(&turn, MOST_PARTS * VIRTIO_CHAIN_COST)) {
        make_packet(&p, d, &e);
        if (!give_packet(&d->v, &p)) {
            break;
        }
        unsigned fingers = fingers_after(d, &e);
        d->s.touches += (fingers & ~d->s.fingers) != 0;
        d->s.fingers = (uint16_t)fingers;
        input_queue_drop(&d->s.queue);
    }
    virtqueue_notify(&d->v, EVENTS);
    if (before == INPUT_FULL && input_ready(d) != INPUT_FULL) {
        input_more(d->inputs);
    }
}

static void input_event(void *opaque, const InputEvent *e)
{
    VirtioInput *d = opaque;
    if (virtio_running(&d->v)) { /* no driver: nobody typed that into it */
        input_queue_put(&d->s.queue, e);
        give_events(d);
    }
}

static void take_status(VirtioInput *d)
{
    VirtioTurn turn = virtio_turn(&d->v, STATUS);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(&d->v, STATUS))) {
        uint8_t event[EVENT_BYTES];
        bool whole = iov_to_buf(e->iov, e->out_count, 0, event, sizeof(event)) == sizeof(event);
        unsigned code = whole ? (unsigned)load_le(event + 2, 2) : LED_MAX;
        if (whole && load_le(event, 2) == EV_LED && code < 8) {
            d->s.leds = (d->s.leds & ~(1 << code)) | (load_le(event + 4, 4) ? 1 << code : 0);
        }
        virtqueue_push(&d->v, STATUS, e, 0);
    }
    virtqueue_notify(&d->v, STATUS);
}

static void input_notify(VirtioDevice *v, unsigned queue)
{
    if (queue == EVENTS) {
        give_events(virtio_input(v));
    } else {
        take_status(virtio_input(v));
    }
}

static void input_set_status(VirtioDevice *v, uint8_t status)
{
    VirtioInput *d = virtio_input(v);
    if (!status) { /* a driver that starts knows of nothing that is down */
        memset(&d->s.queue, 0, sizeof(d->s.queue));
        d->s.leds = 0;
        d->s.fingers = 0;
        input_more(d->inputs);
    } else if (virtio_running(v)) {
        input_activate(d->inputs, &d->sink);
    }
}

/* ---- life ------------------------------------------------------------------------ */

/* The screen is there before. */
static bool find_inputs(VirtioInput *d, GError **err)
{
    Machine *m = d->v.dev.machine;
    const Console *screen = d->display ? consoles_find(m->consoles, d->display, d->head) : NULL;
    if (d->display && !screen) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "display=%s has no screen %u; name a display device by its id, and before this one",
                    d->display, d->head);
        return false;
    }
    if (d->head && !d->display) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "head=%u is of which display=?", d->head);
        return false;
    }
    d->inputs = input_seat_of(m->inputs, screen);
    return true;
}

static bool realize_model(Device *dev, const VirtioOps *ops, const Model *model, GError **err)
{
    VirtioInput *d = container_of(dev, VirtioInput, v.dev);
    if (!find_inputs(d, err)) {
        return false;
    }
    virtio_init(&d->v, ops);
    virtio_add_queue(&d->v, QUEUE_SIZE);
    virtio_add_queue(&d->v, QUEUE_SIZE);
    d->model = model;
    d->sink = (InputSink){ .name = model->name,
                           .takes = model->takes,
                           .lock = dev->lock,
                           .event = input_event,
                           .ready = input_ready,
                           .opaque = d };
    input_add_sink(d->inputs, &d->sink);
    return true;
}

static void input_unrealize(Device *dev)
{
    VirtioInput *d = container_of(dev, VirtioInput, v.dev);
    input_remove_sink(d->inputs, &d->sink);
    virtio_finish(&d->v);
}

/* Who held keys, buttons and fingers down when the state was saved is not there to release them. */
static bool input_loaded(Device *dev, GError **err)
{
    VirtioInput *d = container_of(dev, VirtioInput, v.dev);
    if (!input_queue_is_valid(&d->s.queue)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: its queue of events cannot be", dev->path);
        return false;
    }
    input_queue_release_all(&d->s.queue);
    return true;
}

static const Field input_state[] = {
    STATE_U8(VirtioInput, select),
    STATE_U8(VirtioInput, subselect),
    STATE_U8(VirtioInput, leds),
    STATE_U16(VirtioInput, fingers, .since = 1, .max = (1 << INPUT_FINGERS) - 1),
    STATE_U16(VirtioInput, touches, .since = 1),
    STATE_STRUCT(VirtioInput, queue, InputQueue, input_queue_fields),
    { 0 },
};

static const Prop input_props[] = {
    { "serial", PROP_STRING, offsetof(VirtioInput, serial), "serial number that the guest sees" },
    { "display", PROP_STRING, offsetof(VirtioInput, display),
      "id of the device before whose screen it is; else before all" },
    { "head", PROP_U32, offsetof(VirtioInput, head), "and which of several" },
    PROP_ONLY_ON("wheel-axis", "a wheel turns an axis, and presses no buttons"),
    { 0 },
};

/* clang-format off */
#define INPUT_OPS(class_code) {                                                                             \
    .id = 18, .pci_class = class_code, .config_size = CFG_DATA + DATA_BYTES, .get_config = input_get_config, \
    .set_config = input_set_config, .notify = input_notify, .set_status = input_set_status }
#define INPUT_CLASS(class_name, text, realizer) {                                                           \
    .name = class_name, .desc = text, .category = "Input", .bus = "virtio-bus",                             \
    .parent = &virtio_device_class, .size = sizeof(VirtioInput), .user_creatable = true, .version = 1,                    \
    .props = input_props, .state = input_state, .state_offset = offsetof(VirtioInput, s),                   \
    .state_size = sizeof(struct VirtioInputState), .realize = realizer, .unrealize = input_unrealize,       \
    .loaded = input_loaded }
/* clang-format on */

static const VirtioOps keyboard_ops = INPUT_OPS(0x090000), mouse_ops = INPUT_OPS(0x090200),
                       tablet_ops = INPUT_OPS(0x098000), touch_ops = INPUT_OPS(0x098000);

static bool keyboard_realize(Device *dev, GError **err)
{
    static const Model model = { "QEMU Virtio Keyboard", 1, 1 << INPUT_KEY };
    return realize_model(dev, &keyboard_ops, &model, err);
}

static bool mouse_realize(Device *dev, GError **err)
{
    static const Model model = { "QEMU Virtio Mouse", 2,
                                 1 << INPUT_MOVE | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL };
    return realize_model(dev, &mouse_ops, &model, err);
}

static bool tablet_realize(Device *dev, GError **err)
{
    static const Model model = { "QEMU Virtio Tablet", 3,
                                 1 << INPUT_POINT | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL };
    return realize_model(dev, &tablet_ops, &model, err);
}

static bool multitouch_realize(Device *dev, GError **err)
{
    static const Model model = { "QEMU Virtio MultiTouch", 4, 1 << INPUT_TOUCH | 1 << INPUT_LIFT };
    return realize_model(dev, &touch_ops, &model, err);
}

const DeviceClass virtio_keyboard_device_class =
    INPUT_CLASS("virtio-keyboard-device", "virtio keyboard", keyboard_realize);
const DeviceClass virtio_mouse_device_class =
    INPUT_CLASS("virtio-mouse-device", "virtio mouse", mouse_realize);
const DeviceClass virtio_tablet_device_class =
    INPUT_CLASS("virtio-tablet-device", "virtio tablet, a pointer with absolute positions", tablet_realize);
const DeviceClass virtio_multitouch_device_class =
    INPUT_CLASS("virtio-multitouch-device", "virtio screen for several fingers", multitouch_realize);

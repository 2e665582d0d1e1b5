/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio console device: ports, and the control queues that announce them.
 * Spec: VIRTIO 1.x, section 5.3 (device-console.tex).
 *
 * What the driver is to be told about a port is a set of bits, not a list of messages: a
 * driver that gives no buffers cannot make us grow.
 *
 * Not modelled: resizing of a terminal (VIRTIO_CONSOLE_F_SIZE is not offered). */
#include "hw/virtio/virtio_serial.h"

#include <string.h>
#include <glib.h>

#include "hw/board.h"
#include "hw/events.h"
#include "base/log.h"

enum { QUEUE_SIZE = 128, CONTROL_RX = 2, CONTROL_TX = 3, NAME_MAX_BYTES = 128 };
enum { /* events of control messages (5.3.6.2) */
       EV_DEVICE_READY = 0,
       EV_DEVICE_ADD = 1,
       EV_PORT_READY = 3,
       EV_CONSOLE_PORT = 4,
       EV_PORT_OPEN = 6,
       EV_PORT_NAME = 7,
};

typedef struct Control {
    uint32_t id;
    uint16_t event, value;
} Control;
_Static_assert(sizeof(Control) == 8, "layout of 5.3.6.2");

typedef struct SerialConfig {
    uint16_t cols, rows;
    uint32_t max_nr_ports, emerg_wr;
} SerialConfig;
_Static_assert(sizeof(SerialConfig) == 12, "layout of 5.3.4");

static VirtioSerial *virtio_serial(VirtioDevice *v)
{
    return container_of(v, VirtioSerial, v);
}

static bool multiport(const VirtioSerial *ser)
{
    return virtio_has(&ser->v, SERIAL_F_MULTIPORT);
}

bool virtio_serial_guest_listens(const VirtioSerial *ser, unsigned port)
{
    return virtio_running(&ser->v) && (multiport(ser) ? ser->s.guest_open[port] : port == 0);
}

/* ---- to the driver ------------------------------------------------------- */

/* One message, if there is a buffer. */
static bool send_control(VirtioSerial *ser, unsigned port, uint16_t event, uint16_t value, const char *text)
{
    VirtioElement *e = virtqueue_pop(&ser->v, CONTROL_RX);
    if (!e) {
        return false;
    }
    uint8_t bytes[sizeof(Control) + NAME_MAX_BYTES];
    Control c = { GUINT32_TO_LE(port), GUINT16_TO_LE(event), GUINT16_TO_LE(value) };
    size_t len = sizeof(c), text_len = text ? strnlen(text, NAME_MAX_BYTES) : 0;
    memcpy(bytes, &c, sizeof(c));
    memcpy(bytes + len, text ? text : "", text_len);
    len += text_len;
    size_t n = iov_from_buf(element_in(e), e->in_count, 0, bytes, len);
    virtqueue_push(&ser->v, CONTROL_RX, e, n);
    return true;
}

static bool send_pending(VirtioSerial *ser, unsigned nr, SerialPending what)
{
    const SerialPort *p = ser->ports[nr];
    switch (what) {
    case PENDING_ADD: return send_control(ser, nr, EV_DEVICE_ADD, 1, NULL);
    case PENDING_CONSOLE: return send_control(ser, nr, EV_CONSOLE_PORT, 1, NULL);
    case PENDING_NAME: return send_control(ser, nr, EV_PORT_NAME, 1, p->name);
    case PENDING_OPEN: return send_control(ser, nr, EV_PORT_OPEN, p->host_open, NULL);
    }
    return true;
}

static void flush_pending(VirtioSerial *ser)
{
    static const SerialPending order[] = { PENDING_ADD, PENDING_CONSOLE, PENDING_NAME, PENDING_OPEN };
    if (virtio_waits(&ser->v, CONTROL_RX)) {
        return;
    }
    for (unsigned nr = 0; nr < ser->max_ports && multiport(ser); nr++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(order) && ser->ports[nr]; i++) {
            if (!(ser->s.pending[nr] & order[i])) {
                continue;
            }
            if (!send_pending(ser, nr, order[i])) {
                virtqueue_notify(&ser->v, CONTROL_RX);
                return;
            }
            ser->s.pending[nr] &= ~order[i];
        }
    }
    virtqueue_notify(&ser->v, CONTROL_RX);
}

void virtio_serial_pend(VirtioSerial *ser, unsigned port, SerialPending what)
{
    /* A port that the driver does not know yet is described in full when it is ready. */
    if (multiport(ser) && (what == PENDING_ADD || ser->s.guest_ready[port])) {
        ser->s.pending[port] |= what;
        flush_pending(ser);
    }
}

/* ---- from the driver ----------------------------------------------------- */

static void port_is_ready(VirtioSerial *ser, SerialPort *p)
{
    ser->s.guest_ready[p->nr] = 1;
    if (virtio_serial_port_is_console(p)) {
        virtio_serial_pend(ser, p->nr, PENDING_CONSOLE);
    }
    if (p->name) {
        virtio_serial_pend(ser, p->nr, PENDING_NAME);
    }
    if (p->host_open) {
        virtio_serial_pend(ser, p->nr, PENDING_OPEN);
    }
}

static void driver_is_ready(VirtioSerial *ser)
{
    for (unsigned nr = 0; nr < ser->max_ports; nr++) {
        if (ser->ports[nr]) {
            virtio_serial_pend(ser, nr, PENDING_ADD);
        }
    }
}

static void tell_opened(SerialPort *p, bool open)
{
    VirtioSerial *ser = p->serial;
    if (p->dev.id && p->dev.machine && open != (ser->s.guest_open[p->nr] != 0)) {
        events_emit(p->dev.machine->events, &event_vserport_change, &(SerialPortEvent){ p->dev.id, open });
    }
}

static void take_message(VirtioSerial *ser, const Control *c)
{
    uint32_t nr = GUINT32_FROM_LE(c->id);
    unsigned event = GUINT16_FROM_LE(c->event), value = GUINT16_FROM_LE(c->value);
    if (event == EV_DEVICE_READY) {
        if (value) {
            driver_is_ready(ser);
        }
        return;
    }
    SerialPort *p = nr < ser->max_ports ? ser->ports[nr] : NULL;
    if (!p) {
        log_guest_error("%s: control message %u for port %u, which there is not", ser->v.dev.path, event, nr);
    } else if (event == EV_PORT_READY && value) {
        port_is_ready(ser, p);
    } else if (event == EV_PORT_OPEN) {
        tell_opened(p, value != 0);
        ser->s.guest_open[nr] = value != 0;
        if (p->chr) {
            chardev_tell_opened(p->chr, value != 0);
        }
        virtio_serial_port_accept(p);
    } else if (event != EV_PORT_READY) {
        log_guest_error("%s: control message %u is not for a device", ser->v.dev.path, event);
    }
}

static void take_messages(VirtioSerial *ser)
{
    VirtioTurn turn = virtio_turn(&ser->v, CONTROL_TX);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(&ser->v, CONTROL_TX))) {
        Control c;
        bool whole = iov_to_buf(e->iov, e->out_count, 0, &c, sizeof(c)) == sizeof(c);
        virtqueue_push(&ser->v, CONTROL_TX, e, 0);
        if (whole) {
            take_message(ser, &c);
        } else {
            log_guest_error("%s: a short control message", ser->v.dev.path);
        }
    }
    virtqueue_notify(&ser->v, CONTROL_TX);
}

/* A queue of a port that nobody plugged: what is sent there is lost. */
static void drop_queue(VirtioSerial *ser, unsigned queue)
{
    VirtioTurn turn = virtio_turn(&ser->v, queue);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(&ser->v, queue))) {
        virtqueue_push(&ser->v, queue, e, 0);
    }
    virtqueue_notify(&ser->v, queue);
}

static void serial_notify(VirtioDevice *v, unsigned queue)
{
    VirtioSerial *ser = virtio_serial(v);
    if (queue == CONTROL_TX) {
        take_messages(ser);
        return;
    }
    if (queue == CONTROL_RX) {
        flush_pending(ser);
        return;
    }
    unsigned nr = queue < 2 ? 0 : queue / 2 - 1;
    SerialPort *p = nr < ser->max_ports ? ser->ports[nr] : NULL;
    if (queue & 1) {
        p ? virtio_serial_port_transmit(p) : drop_queue(ser, queue);
    } else if (p) {
        virtio_serial_port_accept(p);
    }
}

static void forget_driver(VirtioSerial *ser)
{
    memset(&ser->s, 0, sizeof(ser->s));
}

static void serial_set_status(VirtioDevice *v, uint8_t status)
{
    VirtioSerial *ser = virtio_serial(v);
    if (!status) {
        forget_driver(ser);
    }
    for (unsigned nr = 0; nr < ser->max_ports; nr++) {
        if (ser->ports[nr] && virtio_serial_guest_listens(ser, nr)) {
            virtio_serial_port_accept(ser->ports[nr]);
        }
    }
}

static bool serial_quiesce(VirtioDevice *v)
{
    VirtioSerial *ser = virtio_serial(v);
    for (unsigned nr = 0; nr < ser->max_ports; nr++) {
        if (ser->ports[nr]) {
            virtio_serial_port_stop(ser->ports[nr]);
        }
    }
    return true;
}

/* ---- configuration ------------------------------------------------------- */

static uint64_t serial_features(VirtioDevice *v)
{
    VirtioSerial *ser = virtio_serial(v);
    return 1ull << SERIAL_F_MULTIPORT | (uint64_t)ser->emergency_write << SERIAL_F_EMERG_WRITE;
}

static void serial_get_config(VirtioDevice *v, uint8_t *config)
{
    SerialConfig c = { .max_nr_ports = GUINT32_TO_LE(virtio_serial(v)->max_ports) };
    memcpy(config, &c, sizeof(c));
}

/* 5.3.4: a character written here goes out at once, before any queue is set up. */
static void serial_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioSerial *ser = virtio_serial(v);
    if (offset != offsetof(SerialConfig, emerg_wr) || !ser->emergency_write) {
        log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset);
        return;
    }
    for (unsigned nr = 0; nr < ser->max_ports; nr++) {
        SerialPort *p = ser->ports[nr];
        if (p && p->chr && virtio_serial_port_is_console(p)) {
            chardev_write_all(p->chr, data, 1);
            return;
        }
    }
}

static const VirtioOps serial_ops = {
    .id = 3,
    .pci_class = 0x078000,
    .config_size = sizeof(SerialConfig),
    .features = serial_features,
    .get_config = serial_get_config,
    .set_config = serial_set_config,
    .notify = serial_notify,
    .set_status = serial_set_status,
    .quiesce = serial_quiesce,
};

/* ---- life ---------------------------------------------------------------- */

/* "ID.0" for a device with an id (its own or that of its PCI function), else
 * "virtio-serial-bus.N". */
static char *bus_name(Device *dev)
{
    const Device *transport = dev->bus ? dev->bus->owner : NULL;
    const char *id = dev->id ? dev->id : transport ? transport->id : NULL;
    if (id) {
        return g_strdup_printf("%s.0", id);
    }
    unsigned n = 0;
    for (unsigned i = 0; i < dev->machine->buses->len; i++) {
        const Bus *bus = g_ptr_array_index(dev->machine->buses, i);
        n += !strcmp(bus->kind, "virtio-serial-bus");
    }
    return g_strdup_printf("virtio-serial-bus.%u", n);
}

static bool serial_realize(Device *dev, GError **err)
{
    VirtioSerial *ser = container_of(dev, VirtioSerial, v.dev);
    g_autofree char *name = bus_name(dev);
    virtio_init(&ser->v, &serial_ops);
    for (unsigned q = 0; q < 2 * (ser->max_ports + 1); q++) {
        virtio_add_queue(&ser->v, QUEUE_SIZE);
    }
    ser->bus = bus_new(dev->machine, dev, "virtio-serial-bus", name);
    ser->bus->capacity = ser->max_ports;
    return true;
}

static void serial_unrealize(Device *dev)
{
    virtio_finish(virtio_device(dev));
}

#define S VirtioSerial
static const Field serial_state[] = {
    STATE_U8(S, guest_ready, .max = 1),
    STATE_U8(S, guest_open, .max = 1),
    STATE_U8(S, pending, .max = PENDING_ADD | PENDING_CONSOLE | PENDING_NAME | PENDING_OPEN),
    { 0 },
};

static const Prop serial_props[] = {
    { "max_ports", PROP_U32, offsetof(S, max_ports), "most ports", .def = SERIAL_MAX_PORTS, .min = 1,
      .max = SERIAL_MAX_PORTS },
    { "emergency-write", PROP_BOOL, offsetof(S, emergency_write), "offer the register for early messages",
      .def = 1 },
    { 0 },
};

const DeviceClass virtio_serial_device_class = {
    .name = "virtio-serial-device",
    .desc = "virtio console: a bus of virtconsole and virtserialport",
    .category = "Input",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(S),
    .user_creatable = true,
    .props = serial_props,
    .state = serial_state,
    .state_offset = offsetof(S, s),
    .state_size = sizeof(struct VirtioSerialState),
    .realize = serial_realize,
    .unrealize = serial_unrealize,
};

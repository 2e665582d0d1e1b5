/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port of the virtio console: virtconsole (a terminal) and virtserialport (a named channel).
 * Spec: VIRTIO 1.x, section 5.3.6 (device-console.tex, device operation).
 *
 * Flow control goes both ways: bytes wait in the host end until the guest has room, and a
 * buffer of the guest waits until the host end has taken all of it.
 *
 * Not modelled: the size of a terminal (never offered). */
#include "hw/virtio/virtio_serial.h"

#include <string.h>
#include <glib.h>

#include "base/log.h"

enum { NR_AUTO = UINT32_MAX, WRITE_MAX = 65536 };

/* ---- guest to host ------------------------------------------------------- */

static void port_writable(void *opaque)
{
    virtio_serial_port_transmit(opaque);
}

/* A piece of p->tx from tx_done on, in one buffer of the host's: NULL at its end. */
static const uint8_t *next_piece(const SerialPort *p, int *len)
{
    const VirtioElement *e = p->tx;
    uint64_t skip = p->tx_done;
    for (unsigned i = 0; i < e->out_count; i++) {
        if (skip < e->iov[i].iov_len) {
            *len = (int)MIN(e->iov[i].iov_len - skip, (uint64_t)WRITE_MAX);
            return (uint8_t *)e->iov[i].iov_base + skip;
        }
        skip -= e->iov[i].iov_len;
    }
    return NULL;
}

/* Write what is left of p->tx; false: the turn is over, or the host end is full. */
static bool write_element(SerialPort *p, VirtioTurn *turn)
{
    const uint8_t *from;
    int len;
    while ((from = next_piece(p, &len))) {
        if (!virtio_turn_goes_on(turn, (uint64_t)len + VIRTIO_CALL_COST)) {
            return false;
        }
        int n = chardev_write(p->chr, from, len);
        p->tx_done += MAX(n, 0);
        if (n < len) {
            chardev_watch_writable(p->chr, port_writable, p);
            return false;
        }
    }
    return true;
}

void virtio_serial_port_transmit(SerialPort *p)
{
    VirtioDevice *v = &p->serial->v;
    unsigned q = serial_tx_queue(p->nr);
    VirtioTurn turn = virtio_turn(v, q);
    if (virtio_waits(v, q)) {
        return;
    }
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST)) {
        if (!p->tx) {
            p->tx = virtqueue_pop(v, q);
            p->tx_done = 0;
        }
        if (!p->tx) {
            break;
        }
        if (p->chr && !write_element(p, &turn)) {
            break;
        }
        virtqueue_push(v, q, p->tx, 0);
        p->tx = NULL;
    }
    virtqueue_notify(v, q);
}

void virtio_serial_port_stop(SerialPort *p)
{
    if (p->tx) {
        virtqueue_unpop(&p->serial->v, serial_tx_queue(p->nr), p->tx);
        p->tx = NULL;
    }
}

/* ---- host to guest ------------------------------------------------------- */

static int port_can_receive(void *opaque)
{
    SerialPort *p = opaque;
    VirtioDevice *v = &p->serial->v;
    unsigned q = serial_rx_queue(p->nr);
    bool takes = virtio_serial_guest_listens(p->serial, p->nr) && !virtio_waits(v, q);
    VirtioElement *e = takes ? virtqueue_pop(v, q) : NULL;
    if (!e) {
        return 0;
    }
    int room = (int)MIN(e->in_bytes, INT32_MAX);
    if (!room) {
        virtio_broken(v, "a receive buffer without room");
    }
    virtqueue_unpop(v, q, e);
    return room;
}

static void port_receive(void *opaque, const uint8_t *buf, int len)
{
    SerialPort *p = opaque;
    VirtioDevice *v = &p->serial->v;
    unsigned q = serial_rx_queue(p->nr);
    while (len > 0) {
        VirtioElement *e = virtqueue_pop(v, q);
        if (!e) {
            break;
        }
        size_t n = iov_from_buf(element_in(e), e->in_count, 0, buf, len);
        virtqueue_push(v, q, e, n);
        buf += n;
        len -= (int)n;
    }
    virtqueue_notify(v, q);
}

static void port_event(void *opaque, ChardevEvent event)
{
    SerialPort *p = opaque;
    if (event != CHARDEV_OPENED && event != CHARDEV_CLOSED) {
        return;
    }
    bool open = event == CHARDEV_OPENED;
    if (open != p->host_open) {
        p->host_open = open;
        virtio_serial_pend(p->serial, p->nr, PENDING_OPEN);
    }
    virtio_serial_port_transmit(p); /* nobody there: the host end throws it away */
}

void virtio_serial_port_accept(SerialPort *p)
{
    if (p->chr) {
        chardev_accept_input(p->chr);
    }
}

/* A console is always there; what a named channel leads to comes and goes (query-chardev). */
static bool port_is_open(void *opaque)
{
    const SerialPort *p = opaque;
    return virtio_serial_port_is_console(p) || virtio_serial_guest_listens(p->serial, p->nr);
}

static const ChardevFrontend port_frontend = {
    .is_open = port_is_open,
    .can_receive = port_can_receive,
    .receive = port_receive,
    .event = port_event,
};

/* ---- life ---------------------------------------------------------------- */

static bool bad_port(Device *dev, GError **err, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static bool bad_port(Device *dev, GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", dev->class->name, what);
    return false;
}

/* Port 0 is the one that a driver without several ports knows: kept for a console. */
static bool choose_number(SerialPort *p, GError **err)
{
    VirtioSerial *ser = p->serial;
    unsigned nr = virtio_serial_port_is_console(p) ? 0 : 1;
    if (p->nr != NR_AUTO) {
        if (p->nr >= ser->max_ports) {
            return bad_port(&p->dev, err, "nr=%u: ports are numbered from 0 to %u here", p->nr,
                            ser->max_ports - 1);
        }
        if (!p->nr && !virtio_serial_port_is_console(p)) {
            return bad_port(&p->dev, err,
                            "nr=0: port number 0 on virtio-serial devices is reserved for virtconsole; "
                            "use another number");
        }
        if (ser->ports[p->nr]) {
            return bad_port(&p->dev, err, "nr=%u: port %u is in use; choose another number", p->nr, p->nr);
        }
        return true;
    }
    while (nr < ser->max_ports && ser->ports[nr]) {
        nr++;
    }
    if (nr >= ser->max_ports) {
        return bad_port(&p->dev, err, "all %u ports are in use; add another virtio-serial device",
                        ser->max_ports);
    }
    p->nr = nr;
    return true;
}

static bool name_is_free(SerialPort *p, GError **err)
{
    for (unsigned i = 0; p->name && i < p->serial->max_ports; i++) {
        SerialPort *other = p->serial->ports[i];
        if (other && other->name && !strcmp(other->name, p->name)) {
            return bad_port(&p->dev, err, "name=%s: another port has this name; choose another", p->name);
        }
    }
    return true;
}

static bool port_realize(Device *dev, GError **err)
{
    SerialPort *p = container_of(dev, SerialPort, dev);
    p->serial = container_of(dev->bus->owner, VirtioSerial, v.dev);
    device_share_lock(dev, dev->bus->owner);
    if (!choose_number(p, err) || !name_is_free(p, err)) {
        return false;
    }
    if (p->chr && !chardev_attach(p->chr, &port_frontend, p, dev->lock, err)) {
        return false;
    }
    device_lock(dev);
    p->serial->ports[p->nr] = p;
    device_unlock(dev);
    return true;
}

static void port_unrealize(Device *dev)
{
    SerialPort *p = container_of(dev, SerialPort, dev);
    if (p->chr) {
        chardev_detach(p->chr, p);
    }
    device_lock(dev); /* the driver of the other ports goes on */
    virtio_serial_port_stop(p);
    p->serial->ports[p->nr] = NULL;
    device_unlock(dev);
}

static const Prop port_props[] = {
    { "chardev", PROP_CHARDEV, offsetof(SerialPort, chr), "the host end, by id of -chardev" },
    { "name", PROP_STRING, offsetof(SerialPort, name), "name that the guest sees" },
    { "nr", PROP_U32, offsetof(SerialPort, nr), "number of the port", .def = NR_AUTO },
    { 0 },
};

const DeviceClass virtserialport_class = {
    .name = "virtserialport",
    .desc = "a named channel of a virtio-serial device",
    .category = "Input",
    .bus = "virtio-serial-bus",
    .size = sizeof(SerialPort),
    .user_creatable = true,
    .props = port_props,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

const DeviceClass virtconsole_class = {
    .name = "virtconsole",
    .desc = "a terminal of a virtio-serial device",
    .category = "Input",
    .bus = "virtio-serial-bus",
    .size = sizeof(SerialPort),
    .user_creatable = true,
    .props = port_props,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

bool virtio_serial_port_is_console(const SerialPort *p)
{
    return p->dev.class == &virtconsole_class;
}

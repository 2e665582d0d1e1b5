/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the virtio console share: virtio_serial.c (the device: queues, control
 * messages) and virtio_serial_port.c (a port and its host end). */
#pragma once
#include "chardev/chardev.h"
#include "hw/virtio.h"

enum { SERIAL_MAX_PORTS = 31, SERIAL_F_SIZE = 0, SERIAL_F_MULTIPORT = 1, SERIAL_F_EMERG_WRITE = 2 };

typedef struct SerialPort SerialPort;

typedef struct VirtioSerial {
    VirtioDevice v;
    Bus *bus;
    uint32_t max_ports;
    bool emergency_write;
    SerialPort *ports[SERIAL_MAX_PORTS];
    struct VirtioSerialState {
        uint8_t guest_ready[SERIAL_MAX_PORTS]; /* the driver has set the port up */
        uint8_t guest_open[SERIAL_MAX_PORTS];
        uint8_t pending[SERIAL_MAX_PORTS]; /* messages that wait for a buffer: SerialPending */
    } s;
} VirtioSerial;

struct SerialPort {
    Device dev;
    VirtioSerial *serial; /* its lock guards the port */
    Chardev *chr;
    char *name;
    uint32_t nr; /* UINT32_MAX: automatic */
    bool host_open;
    VirtioElement *tx; /* partly written: the host end is slow */
    uint64_t tx_done;
};

typedef enum SerialPending {
    PENDING_ADD = 1,
    PENDING_CONSOLE = 2,
    PENDING_NAME = 4,
    PENDING_OPEN = 8,
} SerialPending;

static inline unsigned serial_rx_queue(unsigned port)
{
    return port ? 2 + 2 * port : 0;
}
static inline unsigned serial_tx_queue(unsigned port)
{
    return serial_rx_queue(port) + 1;
}

/* Tell the driver (now or when it has given a buffer). */
void virtio_serial_pend(VirtioSerial *ser, unsigned port, SerialPending what);
bool virtio_serial_port_is_console(const SerialPort *p);
/* Whether data of the host may go to the guest. */
bool virtio_serial_guest_listens(const VirtioSerial *ser, unsigned port);

void virtio_serial_port_transmit(SerialPort *p); /* the driver has given data */
void virtio_serial_port_stop(SerialPort *p);     /* let go of its buffers */
void virtio_serial_port_accept(SerialPort *p);   /* the driver has given room, or opened */

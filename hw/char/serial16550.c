/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NS16550A UART on MMIO.
 * Spec: National Semiconductor PC16550D data sheet, register chapter.
 *
 * A byte leaves at once; it waits in the transmit FIFO only while the host end is
 * full.  Without FIFOs each of the two holds one byte.
 *
 * The interrupt line is high while IIR shows a reason.  Each new reason is a request of its
 * own (hw/irq.h), as an interrupt controller may look at requests only: a byte that came,
 * bytes that a read left, a transmitter that became empty, another IER, a write to FCR.
 *
 * Not modelled: baud timing (a character time-out comes at once), parity, framing
 * and their errors, a word length below 8, DMA mode, the error flag of
 * each byte in the receive FIFO. */
#include "hw/char/serial16550.h"

#include <inttypes.h>

#include "base/log.h"

enum { FIFO_DEPTH = 16, FIFO_TRIGGERS_SHIFT = 6 };
enum { IER_RDI = 0x01, IER_THRI = 0x02, IER_RLSI = 0x04, IER_MSI = 0x08, IER_BITS = 0x0f };
enum {
    IIR_MSI = 0x00,
    IIR_NONE = 0x01,
    IIR_THRI = 0x02,
    IIR_RDI = 0x04,
    IIR_RLSI = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFO = 0xc0
};
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04, FCR_KEPT = 0xc9 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10, MCR_BITS = 0x1f };
enum {
    LSR_DR = 0x01,
    LSR_OE = 0x02,
    LSR_PE = 0x04,
    LSR_FE = 0x08,
    LSR_BI = 0x10,
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,
    LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI
};
enum {
    MSR_DCTS = 0x01,
    MSR_DDSR = 0x02,
    MSR_TERI = 0x04,
    MSR_DDCD = 0x08,
    MSR_DELTAS = 0x0f,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80
};
enum { DIVISOR_9600 = 12 };
enum { BANK_DATA = 1 << 0, BANK_DIVISOR = 1 << 1 }; /* LCR_DLAB picks */

static Serial16550 *serial(void *dev)
{
    return dev;
}

static unsigned serial_depth(const Serial16550 *u)
{
    return u->s.fcr & FCR_ENABLE ? FIFO_DEPTH : 1;
}

static unsigned serial_trigger(const Serial16550 *u)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };
    return u->s.fcr & FCR_ENABLE ? levels[u->s.fcr >> FIFO_TRIGGERS_SHIFT] : 1;
}

/* The interrupt that IIR shows: the data sheet's table of priorities. */
static uint8_t serial_interrupt(const Serial16550 *u)
{
    const struct Serial16550State *s = &u->s;
    if (s->ier & IER_RLSI && s->lsr & LSR_ERRORS) {
        return IIR_RLSI;
    }
    if (s->ier & IER_RDI && s->rx.used) {
        return s->rx.used >= serial_trigger(u) ? IIR_RDI : IIR_TIMEOUT;
    }
    if (s->ier & IER_THRI && s->thr_empty) {
        return IIR_THRI;
    }
    if (s->ier & IER_MSI && s->msr & MSR_DELTAS) {
        return IIR_MSI;
    }
    return IIR_NONE;
}

static int serial_can_receive(void *opaque)
{
    const Serial16550 *u = opaque;
    if (u->s.mcr & MCR_LOOP) {
        return 0; /* the pin is disconnected: the host end keeps what it has */
    }
    unsigned depth = serial_depth(u);
    return u->s.rx.used < depth ? depth - u->s.rx.used : 0;
}

/* The host end waits once it was told that there is no room. */
static void serial_tell_host(Serial16550 *u)
{
    bool was_full = u->full;
    u->full = serial_can_receive(u) == 0;
    if (was_full && !u->full && u->chr) {
        chardev_accept_input(u->chr);
    }
}

void serial16550_refresh(Device *dev)
{
    Serial16550 *u = serial(dev);
    u->s.lsr =
        ((u->s.lsr & LSR_ERRORS) | (u->s.rx.used ? LSR_DR : 0) | (u->s.tx.used ? 0 : LSR_THRE | LSR_TEMT));
    bool high = serial_interrupt(u) != IIR_NONE;
    if (high && u->news) {
        irq_request(&u->irq);
    } else {
        irq_set(&u->irq, high);
    }
    u->news = false;
    serial_tell_host(u);
}

static void serial_thr_emptied(Serial16550 *u)
{
    u->s.thr_empty = true;
    u->news = true;
}

/* ---- receiving ----------------------------------------------------------- */

static void serial_push_rx(Serial16550 *u, uint8_t byte)
{
    if (!fifo8_push(&u->s.rx, byte, serial_depth(u))) {
        u->s.lsr |= LSR_OE;
        if (!(u->s.fcr & FCR_ENABLE)) {
            u->s.rx.data[u->s.rx.head] = byte; /* the one register has the newest; a FIFO keeps what it has */
        }
    }
    u->news = true;
}

static void serial_receive(void *opaque, const uint8_t *buf, int len)
{
    Serial16550 *u = opaque;
    for (int i = 0; i < len; i++) {
        serial_push_rx(u, buf[i]);
    }
    serial16550_refresh(&u->dev);
}

static void serial_event(void *opaque, ChardevEvent event)
{
    Serial16550 *u = opaque;
    if (event == CHARDEV_BREAK) {
        serial_push_rx(u, 0);
        u->s.lsr |= LSR_BI;
        serial16550_refresh(&u->dev);
    }
}

static const ChardevFrontend serial_frontend = {
    .can_receive = serial_can_receive,
    .receive = serial_receive,
    .event = serial_event,
};

/* ---- sending ------------------------------------------------------------- */

static void serial_transmit(Serial16550 *u);

static void serial_writable(void *opaque)
{
    Serial16550 *u = opaque;
    u->watching = false;
    serial_transmit(u);
    serial16550_refresh(&u->dev);
}

/* Hand over what waits, until the host end is full. */
static void serial_transmit(Serial16550 *u)
{
    while (u->s.tx.used) {
        uint8_t byte = u->s.tx.data[u->s.tx.head];
        if (u->chr && chardev_write(u->chr, &byte, 1) != 1) {
            if (!u->watching) {
                u->watching = true;
                chardev_watch_writable(u->chr, serial_writable, u);
            }
            return;
        }
        fifo8_pop(&u->s.tx);
    }
    serial_thr_emptied(u);
}

static void serial_send(Serial16550 *u, uint8_t byte)
{
    u->s.thr_empty = false;
    if (u->s.mcr & MCR_LOOP) {
        serial_push_rx(u, byte);
        serial_thr_emptied(u);
        return;
    }
    if (!fifo8_push(&u->s.tx, byte, serial_depth(u))) {
        /* the guest did not look at THRE: the byte in the register is overwritten */
        unsigned last = (u->s.tx.head + u->s.tx.used - 1u) % FIFO8_MAX;
        u->s.tx.data[last] = byte;
    }
    if (!u->watching) {
        serial_transmit(u);
    }
}

/* ---- registers ----------------------------------------------------------- */

/* Modem inputs: in loop-back mode they are the outputs, else all is well. */
static void serial_update_modem(Serial16550 *u)
{
    uint8_t mcr = u->s.mcr, lines = MSR_DCD | MSR_DSR | MSR_CTS;
    if (mcr & MCR_LOOP) {
        lines = (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
                          (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
    }
    uint8_t changed = (u->s.msr ^ lines) >> 4;
    if (lines & MSR_RI) {
        changed &= ~MSR_TERI; /* TERI: the ring's trailing edge only */
    }
    u->s.msr = lines | (u->s.msr & MSR_DELTAS) | changed;
    u->news |= changed && u->s.ier & IER_MSI;
}

/* Bytes that are left ask for another interrupt: a driver may take one each time. */
static uint64_t rbr_read(Device *dev, const RegAccess *a)
{
    Serial16550 *u = serial(dev);
    u->news |= u->s.rx.used > 0;
    return fifo8_pop(&u->s.rx);
}

static void thr_write(Device *dev, const RegAccess *a, uint64_t value)
{
    serial_send(serial(dev), value);
}

static void ier_written(Device *dev, const RegAccess *a, uint64_t value)
{
    Serial16550 *u = serial(dev);
    if (~a->old & u->s.ier & IER_THRI && !u->s.tx.used) {
        u->s.thr_empty = true; /* enabling it while THR is empty interrupts at once */
    }
    u->news |= u->s.ier != a->old;
}

static uint64_t iir_read(Device *dev, const RegAccess *a)
{
    Serial16550 *u = serial(dev);
    uint8_t id = serial_interrupt(u);
    if (id == IIR_THRI) {
        u->s.thr_empty = false;
        u->news = true; /* the modem's interrupt may have waited behind it */
    }
    return (uint8_t)(id | (u->s.fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static void fcr_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Serial16550 *u = serial(dev);
    if ((u->s.fcr ^ value) & FCR_ENABLE) {
        value |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    }
    if (value & FCR_CLEAR_RX) {
        fifo8_reset(&u->s.rx);
    }
    if (value & FCR_CLEAR_TX) {
        fifo8_reset(&u->s.tx);
        serial_thr_emptied(u);
    }
    u->s.fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    u->news = true; /* as each write to it is on QEMU */
}

static void mcr_written(Device *dev, const RegAccess *a, uint64_t value)
{
    serial_update_modem(serial(dev));
}

static uint64_t lsr_read(Device *dev, const RegAccess *a)
{
    Serial16550 *u = serial(dev);
    uint8_t value = u->s.lsr;
    u->news |= (value & LSR_ERRORS) != 0; /* what waited behind the line's status */
    u->s.lsr &= ~LSR_ERRORS;
    return value;
}

static uint64_t msr_read(Device *dev, const RegAccess *a)
{
    Serial16550 *u = serial(dev);
    uint8_t value = u->s.msr;
    u->s.msr &= ~MSR_DELTAS;
    return value;
}

static unsigned serial_bank(Device *dev)
{
    return serial(dev)->s.lcr & LCR_DLAB ? 1 : 0;
}

static const RegBits ier_bits[] = {
    { "rdi", IER_RDI }, { "thri", IER_THRI }, { "rlsi", IER_RLSI }, { "msi", IER_MSI }, { NULL }
};
static const RegBits iir_bits[] = { { "none", IIR_NONE }, { "id", 0x0e }, { "fifo", IIR_FIFO }, { NULL } };
static const RegBits fcr_bits[] = {
    { "enable", FCR_ENABLE }, { "clear-rx", FCR_CLEAR_RX }, { "clear-tx", FCR_CLEAR_TX }, { NULL }
};
static const RegBits lcr_bits[] = { { "length", 0x03 }, { "stop", 0x04 },     { "parity", 0x38 },
                                    { "break", 0x40 },  { "dlab", LCR_DLAB }, { NULL } };
static const RegBits mcr_bits[] = { { "dtr", MCR_DTR },   { "rts", MCR_RTS },   { "out1", MCR_OUT1 },
                                    { "out2", MCR_OUT2 }, { "loop", MCR_LOOP }, { NULL } };
static const RegBits lsr_bits[] = { { "dr", LSR_DR },     { "oe", LSR_OE }, { "pe", LSR_PE },
                                    { "fe", LSR_FE },     { "bi", LSR_BI }, { "thre", LSR_THRE },
                                    { "temt", LSR_TEMT }, { NULL } };
static const RegBits msr_bits[] = { { "dcts", MSR_DCTS }, { "ddsr", MSR_DDSR }, { "teri", MSR_TERI },
                                    { "ddcd", MSR_DDCD }, { "cts", MSR_CTS },   { "dsr", MSR_DSR },
                                    { "ri", MSR_RI },     { "dcd", MSR_DCD },   { NULL } };

#define U Serial16550
/* clang-format off */
static const Reg serial_rows[] = {
    { "rbr", 0, 1, REG_RO, .read = rbr_read, .banks = BANK_DATA },
    { "thr", 0, 1, REG_WO, .write = thr_write, .banks = BANK_DATA },
    { "dll", 0, 1, REG_STATE(U, s.dll), .rw = 0xff, .banks = BANK_DIVISOR },
    { "ier", 1, 1, REG_STATE(U, s.ier), .rw = IER_BITS, .write = ier_written, .bits = ier_bits, .banks = BANK_DATA },
    { "dlm", 1, 1, REG_STATE(U, s.dlm), .rw = 0xff, .banks = BANK_DIVISOR },
    { "iir", 2, 1, REG_RO, .read = iir_read, .bits = iir_bits },
    { "fcr", 2, 1, REG_WO, .write = fcr_write, .bits = fcr_bits },
    { "lcr", 3, 1, REG_STATE(U, s.lcr), .rw = 0xff, .bits = lcr_bits },
    { "mcr", 4, 1, REG_STATE(U, s.mcr), .rw = MCR_BITS, .write = mcr_written, .bits = mcr_bits },
    { "lsr", 5, 1, REG_RO, .read = lsr_read, .bits = lsr_bits },
    { "msr", 6, 1, REG_RO, .read = msr_read, .bits = msr_bits },
    { "scr", 7, 1, REG_STATE(U, s.scr), .rw = 0xff },
    { NULL },
};
/* clang-format on */

static const RegTable serial_regs = {
    serial_rows, .min = 1, .max = 8, .rule = REG_ONE, .bank = serial_bank, .after = serial16550_refresh
};

/* ---- class --------------------------------------------------------------- */

bool serial16550_realize(Device *dev, GError **err)
{
    Serial16550 *u = serial(dev);
    if (u->chr && !chardev_attach(u->chr, &serial_frontend, u, dev->lock, err)) {
        return false;
    }
    u->regs.shift = u->regshift;
    reg_file_init(&u->regs, dev, &serial_regs, "serial", UINT64_C(8) << u->regshift);
    return true;
}

void serial16550_unrealize(Device *dev)
{
    Serial16550 *u = serial(dev);
    if (u->chr) {
        chardev_detach(u->chr, u);
    }
    reg_file_finish(&u->regs);
}

void serial16550_reset(Device *dev)
{
    Serial16550 *u = serial(dev);
    if (u->chr) {
        chardev_accept_input(u->chr);
    }
}

bool serial16550_loaded(Device *dev, GError **err)
{
    Serial16550 *u = serial(dev);
    if (u->s.tx.used) { /* else nothing becomes empty */
        serial_transmit(u);
    }
    return true;
}

static const Prop serial_props[] = {
    { "chardev", PROP_CHARDEV, offsetof(Serial16550, chr), "host end of the line" },
    { "regshift", PROP_U8, offsetof(Serial16550, regshift), "registers stand 1 << N bytes apart", .min = 0,
      .max = 3 },
    { NULL },
};

const Field serial16550_state[] = {
    STATE_U8(Serial16550, ier, .max = IER_BITS),
    STATE_U8(Serial16550, fcr),
    STATE_U8(Serial16550, lcr),
    STATE_U8(Serial16550, mcr, .reset = MCR_OUT2, .max = MCR_BITS),
    STATE_U8(Serial16550, lsr, .reset = LSR_THRE | LSR_TEMT),
    STATE_U8(Serial16550, msr, .reset = MSR_DCD | MSR_DSR | MSR_CTS),
    STATE_U8(Serial16550, scr),
    STATE_U8(Serial16550, dll, .reset = DIVISOR_9600),
    STATE_U8(Serial16550, dlm),
    STATE_BOOL(Serial16550, thr_empty),
    STATE_FIFO8(Serial16550, rx, .max = FIFO_DEPTH),
    STATE_FIFO8(Serial16550, tx, .max = FIFO_DEPTH),
    { NULL },
};

const DeviceClass serial16550_class = {
    .name = "serial-mm",
    .desc = "NS16550A serial line",
    .category = "Input",
    .size = sizeof(Serial16550),
    .props = serial_props,
    .state = serial16550_state,
    .state_offset = offsetof(Serial16550, s),
    .state_size = sizeof(struct Serial16550State),
    .realize = serial16550_realize,
    .unrealize = serial16550_unrealize,
    .reset = serial16550_reset,
    .refresh = serial16550_refresh,
    .loaded = serial16550_loaded,
};

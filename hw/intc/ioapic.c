/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O APIC of 24 pins.
 * Spec: Intel 82093AA data sheet, chapter 3; the EOI register is of version 20h.
 *
 * A pin is high when the device asks, whatever its polarity says.  An edge that comes while its pin is masked is lost (3.2.4, bit
 * 16).  A level is sent when no end of interrupt is outstanding for it (remote IRR), and again at that end if the pin is still
 * high.
 *
 * Not modelled: SMI and ExtINT as deliveries (the PIC has LINT0). */
#include "hw/intc/ioapic.h"

#include <inttypes.h>

#include "base/log.h"
#include "hw/intc/pc_irq.h"

enum { INDEX_ID, INDEX_VERSION, INDEX_ARBITRATION, INDEX_REDIRECTION = 0x10 };
enum { REMOTE_IRR = 1 << 14, LEVEL = 1 << 15, MASKED = 1 << 16, LOGICAL = 1 << 11 };
enum { ID_BITS = 0x0f000000, VECTOR = 0xff };
#define ENTRY_WRITABLE UINT64_C(0xff0000000001afff)
#define ENTRY_BITS (ENTRY_WRITABLE | REMOTE_IRR)

static Ioapic *ioapic(void *dev)
{
    return dev;
}

/* ---- sending ---------------------------------------------------------------------------- */

bool ioapic_message(const Ioapic *io, unsigned pin, ApicMessage *m)
{
    uint64_t entry = io->s.redirection[pin];
    *m = (ApicMessage){
        .vector = entry & VECTOR,
        .delivery = entry >> 8 & 7,
        .level = entry & LEVEL,
        .logical = entry & LOGICAL,
        .destination = entry >> 56,
    };
    return m->delivery != APIC_EXTINT && m->delivery != APIC_STARTUP && m->delivery != APIC_REMOTE_READ;
}

static bool send(Ioapic *io, unsigned pin)
{
    ApicMessage m;
    if (!ioapic_message(io, pin, &m)) {
        log_guest_error("%s: an entry of delivery mode %d, which has no meaning here", io->dev.path,
                        m.delivery);
        return false;
    }
    return io->irqs && pc_message(io->irqs, &m, false);
}

/* What a pin of levels asks for, if it may. */
static void serve(Ioapic *io, unsigned pin)
{
    uint64_t *entry = &io->s.redirection[pin];
    bool high = io->s.lines >> pin & 1;
    if (high && (*entry & LEVEL) && !(*entry & (MASKED | REMOTE_IRR))) {
        *entry |= REMOTE_IRR; /* before: the end may come at once */
        if (!send(io, pin)) {
            *entry &= ~(uint64_t)REMOTE_IRR;
        }
    }
}

void ioapic_drive(Ioapic *io, unsigned pin, int level)
{
    uint32_t bit = UINT32_C(1) << pin;
    bool rises = level && !(io->s.lines & bit);
    lock_assert_held(io->dev.lock);
    io->raised[pin] += rises;
    io->s.lines = level ? io->s.lines | bit : io->s.lines & ~bit;
    if (rises && !(io->s.redirection[pin] & (LEVEL | MASKED))) {
        send(io, pin);
    }
    serve(io, pin);
}

void ioapic_end_of_interrupt(Ioapic *io, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &io->s.redirection[pin];
        if ((*entry & LEVEL) && (*entry & REMOTE_IRR) && (*entry & VECTOR) == vector) {
            *entry &= ~(uint64_t)REMOTE_IRR;
            serve(io, pin);
        }
    }
}

bool ioapic_hears(const Ioapic *io, unsigned pin)
{
    return !(io->s.redirection[pin] & MASKED);
}

/* ---- registers ----------------------------------------------------------------------------- */

static uint64_t window_read(Device *dev, const RegAccess *a)
{
    Ioapic *io = ioapic(dev);
    unsigned index = io->s.select & 0xff, n = index - INDEX_REDIRECTION;
    switch (index) {
    case INDEX_ID:
    case INDEX_ARBITRATION: return io->s.id;
    case INDEX_VERSION: return io->version | (IOAPIC_PINS - 1) << 16;
    }
    if (n < 2 * IOAPIC_PINS) {
        return (uint32_t)(io->s.redirection[n / 2] >> (n % 2 ? 32 : 0));
    }
    log_guest_error("%s: read of register 0x%x, which does not exist", dev->path, index);
    return 0;
}

/* An edge-triggered pin has no remote IRR: drivers of old chips clear it so. */
static void entry_write(Ioapic *io, unsigned n, uint32_t value)
{
    uint64_t *entry = &io->s.redirection[n / 2], old = *entry;
    uint64_t half = n % 2 ? UINT64_C(0xffffffff) << 32 : UINT32_MAX;
    uint64_t bits = (uint64_t)value << (n % 2 ? 32 : 0);
    uint64_t mask = ENTRY_WRITABLE & half;
    *entry = (old & ~mask) | (bits & mask);
    if (!(*entry & LEVEL)) {
        *entry &= ~(uint64_t)REMOTE_IRR;
    }
    if ((old ^ *entry) & MASKED && io->irqs) {
        pc_irqs_masks_changed(io->irqs);
    }
    if ((old | *entry) & LEVEL && old != *entry && io->irqs) {
        pc_kernel_routes_changed(io->irqs);
    }
    serve(io, n / 2);
}

static void window_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Ioapic *io = ioapic(dev);
    unsigned index = io->s.select & 0xff, n = index - INDEX_REDIRECTION;
    if (index == INDEX_ID) {
        io->s.id = value & ID_BITS;
    } else if (n < 2 * IOAPIC_PINS) {
        entry_write(io, n, value);
    } else {
        log_guest_error("%s: write of register 0x%x, which cannot be written", dev->path, index);
    }
}

static void eoi_write(Device *dev, const RegAccess *a, uint64_t value)
{
    ioapic_end_of_interrupt(ioapic(dev), value);
}

static const Reg ioapic_rows[] = {
    { "select", 0x00, 4, REG_STATE(Ioapic, s.select), .rw = 0xff, .ignored = UINT32_MAX },
    { "window", 0x10, 4, .read = window_read, .write = window_write },
    { "eoi", 0x40, 4, REG_WO, .write = eoi_write },
    { NULL },
};
static const RegTable ioapic_regs = { ioapic_rows, .min = 4, .max = 4 };

/* ---- class --------------------------------------------------------------------------------------- */

static void ioapic_irq_statistics(Device *dev, GString *out)
{
    const Ioapic *io = ioapic(dev);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (io->raised[i]) {
            g_string_append_printf(out, "%2u: %" PRIu64 "\n", i, io->raised[i]);
        }
    }
}

static bool ioapic_realize(Device *dev, GError **err)
{
    reg_file_init(&ioapic(dev)->regs, dev, &ioapic_regs, "ioapic", 0x1000);
    return true;
}

static void ioapic_refresh(Device *dev)
{
    if (ioapic(dev)->irqs) {
        pc_kernel_routes_changed(ioapic(dev)->irqs);
    }
}

static void ioapic_unrealize(Device *dev)
{
    reg_file_finish(&ioapic(dev)->regs);
}

static bool ioapic_loaded(Device *dev, GError **err)
{
    const Ioapic *io = ioapic(dev);
    const uint32_t stray = ~((UINT32_C(1) << IOAPIC_PINS) - 1);
    bool bad = (io->s.lines | io->s.edges) & stray || io->s.id & ~ID_BITS;
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t entry = io->s.redirection[i];
        bad = bad || entry & ~ENTRY_BITS || (entry & REMOTE_IRR && !(entry & LEVEL));
    }
    if (bad) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cannot load the state of '%s': no guest can have brought it into it", dev->path);
    }
    return !bad;
}

static const Prop ioapic_props[] = {
    { "version", PROP_U8, offsetof(Ioapic, version), "what its version register says", .def = 0x20 },
    { NULL },
};

static const Field ioapic_state[] = {
    STATE_U32(Ioapic, select, .max = 0xff),          STATE_U32(Ioapic, id),
    STATE_U32(Ioapic, lines, .keep = true),          STATE_U32(Ioapic, edges),
    STATE_U64(Ioapic, redirection, .reset = MASKED), { NULL },
};

const DeviceClass ioapic_class = {
    .name = "ioapic",
    .desc = "I/O APIC",
    .category = "Misc",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(Ioapic),
    .props = ioapic_props,
    .state = ioapic_state,
    .state_offset = offsetof(Ioapic, s),
    .state_size = sizeof(struct IoapicState),
    .realize = ioapic_realize,
    .unrealize = ioapic_unrealize,
    .refresh = ioapic_refresh,
    .loaded = ioapic_loaded,
    .irq_statistics = ioapic_irq_statistics,
};

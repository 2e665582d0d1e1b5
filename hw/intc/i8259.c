/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8259A interrupt controller.
 * Spec: Intel 8259A data sheet, all chapters; ELCR: EISA specification, ports 4D0h and 4D1h.
 *
 * A request in edge mode stays until it is taken, even if its input falls: of a timer that pulses, nothing is lost when the
 * host is late.  (The data sheet wants the input high until INTA.)  In level mode IRR is the inputs.
 *
 * After reset all is masked, until ICW1: a kernel that is started without firmware may never look at the PIC (Linux does not, on
 * a hardware-reduced machine), and its interrupts are enabled.
 *
 * The chips of a pair share one lock, rank "interrupt chip", with the APICs of the machine if it has any.  Under it `out` is
 * driven; what a vCPU asks without it is the atomic `intr`.
 *
 * Not modelled: MCS-80 mode, buffered mode, other cascades than that of a PC. */
#include "hw/intc/i8259.h"

#include <inttypes.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/isa/isa.h"

enum { ICW1 = 0x10, ICW1_ICW4 = 0x01, ICW1_SINGLE = 0x02, ICW1_LEVEL = 0x08 };
enum { ICW4_8086 = 0x01, ICW4_AEOI = 0x02, ICW4_NESTED = 0x10 };
enum {
    OCW3 = 0x08,
    OCW3_ISR = 0x01,
    OCW3_READ = 0x02,
    OCW3_POLL = 0x04,
    OCW3_MASK = 0x20,
    OCW3_SET_MASK = 0x40
};
enum { EXPECT_MASK, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };
enum { POLL_INTERRUPT = 0x80, NONE = -1 };

static Pic *pic(void *dev)
{
    return dev;
}

/* ---- who is next ------------------------------------------------------------------- */

/* The slave's output holds its request itself. */
static uint8_t level_lines(const Pic *p)
{
    return p->s.all_level ? 0xff : p->s.elcr | (p->slave ? 1 << PIC_CASCADE : 0);
}

/* The input of the highest priority of a set; NONE: it is empty. */
static int highest(const Pic *p, uint8_t set)
{
    for (unsigned i = 1; i <= PIC_LINES; i++) {
        unsigned line = (p->s.lowest + i) % PIC_LINES;
        if (set >> line & 1) {
            return (int)line;
        }
    }
    return NONE;
}

static unsigned rank_of(const Pic *p, unsigned line)
{
    return (line - p->s.lowest - 1) % PIC_LINES;
}

/* Those in service that keep others off. */
static uint8_t blocking(const Pic *p)
{
    return p->s.special_mask ? p->s.isr & ~p->s.imr : p->s.isr;
}

/* The request that INTA would take, or NONE. */
static int next_request(const Pic *p)
{
    int line = highest(p, p->s.irr & ~p->s.imr), busy = highest(p, blocking(p));
    if (line == NONE || busy == NONE) {
        return line;
    }
    bool from_slave = p->s.special_nested && p->slave && line == PIC_CASCADE && busy == PIC_CASCADE;
    return from_slave || rank_of(p, (unsigned)line) < rank_of(p, (unsigned)busy) ? line : NONE;
}

/* ---- inputs and output ------------------------------------------------------------------ */

static void pic_refresh(Device *dev)
{
    Pic *p = pic(dev);
    p->s.irr = (p->s.irr & ~level_lines(p)) | (p->s.lines & level_lines(p));
    bool high = next_request(p) != NONE;
    __atomic_store_n(&p->intr, high, __ATOMIC_RELEASE);
    irq_set(&p->out, high);
}

static void drive(Pic *p, unsigned line, bool high)
{
    uint8_t bit = 1 << line, rises = high ? bit & ~p->s.lines : 0;
    p->raised[line] += rises && !(p->slave && line == PIC_CASCADE);
    p->s.irr |= rises;
    p->s.lines = high ? p->s.lines | bit : p->s.lines & ~bit;
    pic_refresh(&p->dev);
}

/* The slave's output: under the lock. */
static void cascade_driven(void *opaque, int line, int level)
{
    drive(opaque, (unsigned)line, level);
}

void pic_pair_drive(Pic *master, int line, int level)
{
    lock_assert_held(master->dev.lock);
    Pic *p = line < PIC_LINES ? master : master->slave;
    if (line != PIC_CASCADE && p) {
        drive(p, (unsigned)line % PIC_LINES, level);
    }
}

bool pic_hears(const Pic *master, int line)
{
    const Pic *p = line < PIC_LINES ? master : master->slave;
    bool passes = p == master || (p && !(master->s.imr >> PIC_CASCADE & 1));
    return passes && !(p->s.imr >> line % PIC_LINES & 1);
}

static void look(const Pic *p)
{
    if (p->look) {
        p->look(p->look_opaque);
    }
}

/* ---- INTA, end of interrupt --------------------------------------------------------------- */

/* It is in service from now on. */
static void take(Pic *p, unsigned line)
{
    uint8_t bit = 1 << line;
    p->s.irr &= ~(bit & ~level_lines(p));
    if (!p->s.auto_eoi) {
        p->s.isr |= bit;
    } else if (p->s.rotate_auto_eoi) {
        p->s.lowest = line;
    }
}

static int take_next(Pic *p)
{
    int line = next_request(p);
    if (line != NONE) {
        take(p, (unsigned)line);
    }
    return line;
}

int pic_acknowledge(Pic *master)
{
    lock_assert_held(master->dev.lock);
    int line = take_next(master), vector = master->s.base + (line == NONE ? PIC_LINES - 1 : line);
    if (line == PIC_CASCADE && master->slave) {
        Pic *slave = master->slave;
        int second = take_next(slave);
        vector = slave->s.base + (second == NONE ? PIC_LINES - 1 : second);
        pic_refresh(&slave->dev);
    }
    pic_refresh(&master->dev);
    return vector;
}

static bool source_pending(void *opaque)
{
    return __atomic_load_n(&pic(opaque)->intr, __ATOMIC_ACQUIRE);
}

static int source_acknowledge(void *opaque)
{
    Pic *p = opaque;
    device_lock(&p->dev);
    int vector = pic_acknowledge(p);
    device_unlock(&p->dev);
    return vector;
}

static void end_of_interrupt(Pic *p, int line, bool rotate)
{
    if (line == NONE) {
        return;
    }
    p->s.isr &= ~(1 << line);
    if (rotate) {
        p->s.lowest = line;
    }
}

/* ---- command words -------------------------------------------------------------------------- */

static void init_begin(Pic *p, uint8_t icw1)
{
    p->s.irr = p->s.isr = p->s.imr = 0;
    p->s.lowest = PIC_LINES - 1;
    p->s.special_mask = p->s.read_isr = p->s.poll = p->s.rotate_auto_eoi = false;
    p->s.auto_eoi = p->s.special_nested = false; /* unless ICW4 says so */
    p->s.needs_icw4 = icw1 & ICW1_ICW4;
    p->s.single = icw1 & ICW1_SINGLE;
    p->s.all_level = icw1 & ICW1_LEVEL;
    p->s.expected = EXPECT_ICW2;
    look(p);
}

static void ocw2(Pic *p, uint8_t value)
{
    enum { CLEAR_AUTO, EOI, NOTHING, EOI_OF, SET_AUTO, ROTATE, SET_LOWEST, ROTATE_OF };
    int line = value & (PIC_LINES - 1), busy = highest(p, blocking(p));
    switch (value >> 5) {
    case CLEAR_AUTO:
    case SET_AUTO: p->s.rotate_auto_eoi = value >> 5 == SET_AUTO; break;
    case EOI: end_of_interrupt(p, busy, false); break;
    case ROTATE: end_of_interrupt(p, busy, true); break;
    case EOI_OF: end_of_interrupt(p, line, false); break;
    case ROTATE_OF: end_of_interrupt(p, line, true); break;
    case SET_LOWEST: p->s.lowest = line; break;
    }
}

static void ocw3(Pic *p, uint8_t value)
{
    p->s.poll = value & OCW3_POLL;
    if (value & OCW3_READ) {
        p->s.read_isr = value & OCW3_ISR;
    }
    if (value & OCW3_SET_MASK) {
        p->s.special_mask = value & OCW3_MASK;
    }
}

static void command_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Pic *p = pic(dev);
    if (value & ICW1) {
        init_begin(p, value);
    } else if (value & OCW3) {
        ocw3(p, value);
    } else {
        ocw2(p, value);
    }
}

static void icw4(Pic *p, uint8_t value)
{
    if (!(value & ICW4_8086)) {
        log_guest_error("%s: ICW4 0x%x asks for MCS-80 mode, which no PC has", p->dev.path, value);
    }
    p->s.auto_eoi = value & ICW4_AEOI;
    p->s.special_nested = value & ICW4_NESTED;
}

static void data_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Pic *p = pic(dev);
    unsigned behind_icw3 = p->s.needs_icw4 ? EXPECT_ICW4 : EXPECT_MASK;
    switch (p->s.expected) {
    case EXPECT_ICW2:
        p->s.base = value & 0xf8;
        p->s.expected = p->s.single ? behind_icw3 : EXPECT_ICW3;
        return;
    case EXPECT_ICW3: p->s.expected = behind_icw3; return; /* the cascade is a PC's, whatever it says */
    case EXPECT_ICW4:
        icw4(p, value);
        p->s.expected = EXPECT_MASK;
        return;
    }
    p->s.imr = value;
    look(p);
}

/* ---- reads ------------------------------------------------------------------------------------- */

/* As an INTA whose answer is in the byte. */
static uint8_t poll(Pic *p)
{
    p->s.poll = false;
    int line = take_next(p);
    return line == NONE ? 0 : POLL_INTERRUPT | line;
}

static uint64_t command_read(Device *dev, const RegAccess *a)
{
    Pic *p = pic(dev);
    look(p);
    return p->s.poll ? poll(p) : p->s.read_isr ? p->s.isr : p->s.irr;
}

static uint64_t data_read(Device *dev, const RegAccess *a)
{
    Pic *p = pic(dev);
    return p->s.poll ? poll(p) : p->s.imr;
}

static void elcr_write(Device *dev, const RegAccess *a, uint64_t value)
{
    pic(dev)->s.elcr = value & pic(dev)->elcr_mask;
}

static const Reg pic_rows[] = {
    { "command", 0, 1, .read = command_read, .write = command_write },
    { "data", 1, 1, .read = data_read, .write = data_write },
    { NULL },
};
static const Reg elcr_rows[] = {
    { "elcr", 0, 1, REG_STATE(Pic, s.elcr), .write = elcr_write },
    { NULL },
};
static const RegTable pic_regs = { pic_rows, .min = 1, .max = 1, .after = device_refresh };
static const RegTable elcr_regs = { elcr_rows, .min = 1, .max = 1, .after = device_refresh };

/* ---- class --------------------------------------------------------------------------------------- */

static void pic_irq_statistics(Device *dev, GString *out)
{
    Pic *p = pic(dev);
    for (unsigned i = 0; i < PIC_LINES; i++) {
        if (p->raised[i]) {
            g_string_append_printf(out, "%2u: %" PRIu64 "\n", i + (p->master ? 0 : PIC_LINES), p->raised[i]);
        }
    }
}

static bool pic_realize(Device *dev, GError **err)
{
    Pic *p = pic(dev);
    reg_file_init(&p->regs, dev, &pic_regs, "pic", 2);
    reg_file_init(&p->elcr_regs, dev, &elcr_regs, "elcr", 1);
    p->source = (IntSource){ source_pending, source_acknowledge, p };
    if (!isa_take_ports(dev, &p->regs.mr, p->iobase, err) ||
        !isa_take_ports(dev, &p->elcr_regs.mr, p->elcr_port, err)) {
        reg_file_finish(&p->regs);
        reg_file_finish(&p->elcr_regs);
        return false;
    }
    return true;
}

static void pic_unrealize(Device *dev)
{
    Pic *p = pic(dev);
    reg_file_finish(&p->regs);
    reg_file_finish(&p->elcr_regs);
}

/* The inputs keep their level. */
static void pic_reset(Device *dev)
{
    irq_lower(&pic(dev)->out);
}

static bool pic_loaded(Device *dev, GError **err)
{
    const Pic *p = pic(dev);
    if (p->s.base & 7 || p->s.elcr & ~p->elcr_mask) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cannot load the state of '%s': its vector or ELCR is none that this chip can have",
                    dev->path);
        return false;
    }
    return true;
}

static const Prop pic_props[] = {
    { "iobase", PROP_U32, offsetof(Pic, iobase), "the first of its two ports", .def = 0x20 },
    { "elcr_addr", PROP_U32, offsetof(Pic, elcr_port), "port of its edge/level register", .def = 0x4d0 },
    { "elcr_mask", PROP_U8, offsetof(Pic, elcr_mask), "lines that may be level-triggered", .def = 0xf8 },
    { "master", PROP_BOOL, offsetof(Pic, master), "it is the first of the two", .def = 1 },
    { NULL },
};

static const Field pic_state[] = {
    STATE_U8(Pic, irr),
    STATE_U8(Pic, isr),
    STATE_U8(Pic, imr, .reset = 0xff),
    STATE_U8(Pic, lines, .keep = true),
    STATE_U8(Pic, elcr),
    STATE_U8(Pic, base),
    STATE_U8(Pic, lowest, .reset = PIC_LINES - 1, .max = PIC_LINES - 1),
    STATE_U8(Pic, expected, .max = EXPECT_ICW4),
    STATE_BOOL(Pic, needs_icw4),
    STATE_BOOL(Pic, single),
    STATE_BOOL(Pic, all_level),
    STATE_BOOL(Pic, auto_eoi),
    STATE_BOOL(Pic, rotate_auto_eoi),
    STATE_BOOL(Pic, special_mask),
    STATE_BOOL(Pic, special_nested),
    STATE_BOOL(Pic, read_isr),
    STATE_BOOL(Pic, poll),
    { NULL },
};

const DeviceClass i8259_class = {
    .name = "isa-i8259",
    .desc = "8259A interrupt controller",
    .category = "Misc",
    .bus = "ISA",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(Pic),
    .props = pic_props,
    .state = pic_state,
    .state_offset = offsetof(Pic, s),
    .state_size = sizeof(struct PicState),
    .realize = pic_realize,
    .unrealize = pic_unrealize,
    .reset = pic_reset,
    .refresh = pic_refresh,
    .loaded = pic_loaded,
    .irq_statistics = pic_irq_statistics,
};

/* ---- the pair ------------------------------------------------------------------------------------- */

static Pic *chip_new(Machine *m, Bus *isa, const Device *with, bool master, GError **err)
{
    Pic *p = pic(device_new(&i8259_class, m, NULL));
    if (!master) {
        p->iobase = 0xa0;
        p->elcr_port = 0x4d1;
        p->elcr_mask = 0xde;
    }
    p->master = master;
    if (with) {
        device_share_lock(&p->dev, with);
    }
    if (!device_realize(&p->dev, isa, err)) {
        device_free(&p->dev);
        return NULL;
    }
    return p;
}

Pic *pic_pair_new(Machine *m, Bus *isa, const Device *with, GError **err)
{
    Pic *master = chip_new(m, isa, with, true, err);
    Pic *slave = master ? chip_new(m, isa, &master->dev, false, err) : NULL;
    if (!slave) {
        return NULL;
    }
    irq_connect(&slave->out, cascade_driven, master, PIC_CASCADE);
    master->slave = slave;
    return master;
}

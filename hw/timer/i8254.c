/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8254 interval timer, ports 40h to 43h, and system control port B, port 61h, which holds its third channel's gate.
 * Spec: Intel 8254 data sheet, all chapters.
 *
 * Nothing counts: what a channel shows and drives follows from the tick at which its count was loaded, so it is as exact as
 * the virtual clock.  A timer runs for the next rising edge of channel 0, and only while somebody hears it; what it missed
 * meanwhile is one pulse when it is looked at again.
 *
 * Not modelled: the speaker's sound; parity and channel check of port 61h; that a count of mode 3 which is written in the high
 * half of a period ends that half (it ends the period). */
#include "hw/timer/i8254.h"

#include "base/clock.h"
#include "hw/board.h"
#include "hw/isa/isa.h"

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
enum { READ_BACK = 3, READ_BACK_NO_COUNT = 0x20, READ_BACK_NO_STATUS = 0x10 };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };
enum {
    SPEAKER_GATE = 1,
    SPEAKER_DATA = 2,
    SPEAKER_WRITABLE = 0x0f,
    SPEAKER_REFRESH = 0x10,
    SPEAKER_OUT = 0x20
};
enum { NS_PER_SECOND = 1000000000, REFRESH_NS = 15085, NEVER = 0 };
enum { LEAST_TICKS = 12 }; /* pulses that come closer are one: no machine could serve them */

static Pit *pit(void *dev)
{
    return dev;
}

/* ---- time ------------------------------------------------------------------------------ */

static uint64_t tick_now(const Pit *p)
{
    uint64_t ns = clock_get_ns(device_clock(&p->dev), CLK_VIRTUAL);
    return (unsigned __int128)ns * PIT_HZ / NS_PER_SECOND;
}

/* The first ns of a tick. */
static int64_t ns_of(uint64_t tick)
{
    unsigned __int128 ns = ((unsigned __int128)tick * NS_PER_SECOND + PIT_HZ - 1) / PIT_HZ;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* Modes 6 and 7 are 2 and 3. */
static unsigned mode_of(const PitChannel *c)
{
    return c->mode > 5 ? c->mode - 4 : c->mode;
}

static bool is_periodic(const PitChannel *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}

static bool needs_trigger(const PitChannel *c)
{
    return mode_of(c) == 1 || mode_of(c) == 5;
}

static bool runs(const PitChannel *c)
{
    return c->count && (!needs_trigger(c) || c->triggered);
}

/* Ticks since the count was loaded. */
static uint64_t elapsed(const PitChannel *c, uint64_t now)
{
    uint64_t end = c->stopped ? c->stopped : now;
    return end > c->start ? end - c->start : 0;
}

/* A count that waits takes its place where a period ends. */
static void settle_count(PitChannel *c, uint64_t now)
{
    if (is_periodic(c) && c->next && c->count && elapsed(c, now) >= c->count) {
        c->start += c->count;
        c->count = c->next;
        c->next = 0;
    }
}

/* ---- what a channel shows ----------------------------------------------------------------- */

static bool out_level(const PitChannel *c, uint64_t now)
{
    unsigned mode = mode_of(c);
    if (!runs(c)) {
        return mode != 0;
    }
    uint64_t e = elapsed(c, now);
    switch (mode) {
    case 0:
    case 1: return e >= c->count;
    case 2: return !c->gate || e % c->count != c->count - 1;
    case 3: return !c->gate || e % c->count < (c->count + 1) / 2;
    default: return e != c->count;
    }
}

/* Rising edges in (start, tick]. */
static uint64_t rises_up_to(const PitChannel *c, uint64_t tick)
{
    uint64_t e = elapsed(c, tick);
    if (!runs(c)) {
        return 0;
    }
    if (is_periodic(c)) {
        return e / c->count;
    }
    return e >= c->count + (mode_of(c) >= 4);
}

/* The tick of the next one; NEVER: there is none. */
static uint64_t next_rise(const PitChannel *c, uint64_t now)
{
    uint64_t done = rises_up_to(c, now);
    if (!runs(c) || c->stopped || (done && !is_periodic(c))) {
        return NEVER;
    }
    return c->start + (is_periodic(c) ? (done + 1) * c->count : c->count + (mode_of(c) >= 4));
}

static uint16_t to_bcd(unsigned v)
{
    return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static unsigned from_bcd(uint16_t v)
{
    return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static uint16_t counter(const PitChannel *c, uint64_t now)
{
    uint64_t e = elapsed(c, now), v = c->count - e;
    if (!runs(c)) {
        v = c->count;
    } else if (mode_of(c) == 2) {
        v = c->count - e % c->count;
    } else if (mode_of(c) == 3) {
        unsigned high = (c->count + 1) / 2, inside = e % c->count;
        v = (c->count & ~1u) - 2 * (inside < high ? inside : inside - high);
    }
    unsigned modulus = c->bcd ? 10000 : 0x10000;
    if (v > UINT32_MAX) { /* it wraps below 0 and goes on */
        v = modulus - (-v % modulus);
    }
    return c->bcd ? to_bcd(v % modulus) : v;
}

static bool count_is_null(const PitChannel *c, uint64_t now)
{
    return !c->count || c->next || (!needs_trigger(c) && c->start > now);
}

static uint8_t status(const PitChannel *c, uint64_t now)
{
    return (out_level(c, now) ? STATUS_OUT : 0) | (count_is_null(c, now) ? STATUS_NULL : 0) | c->access << 4 |
           c->mode << 1 | c->bcd;
}

/* ---- what channel 0 drives ------------------------------------------------------------------ */

static bool is_heard(const Pit *p)
{
    return !p->heard || p->heard(p->heard_opaque);
}

/* Pulses since `told`, as one; then its level. */
static void drive_out(Pit *p, uint64_t now)
{
    PitChannel *c = &p->s.channel[0];
    bool rose = rises_up_to(c, now) > rises_up_to(c, p->s.told);
    settle_count(c, now);
    if (rose) {
        irq_lower(&p->out);
        irq_raise(&p->out);
    }
    irq_set(&p->out, out_level(c, now));
    p->s.told = now;
}

void pit_look(void *opaque)
{
    Pit *p = opaque;
    const PitChannel *c = &p->s.channel[0];
    uint64_t now = tick_now(p);
    drive_out(p, now);
    uint64_t next = is_heard(p) ? next_rise(c, now) : NEVER;
    if (next == NEVER) {
        timer_cancel(p->timer);
        return;
    }
    if (is_periodic(c) && c->count < LEAST_TICKS) {
        next = now + LEAST_TICKS;
    }
    timer_set_deadline(p->timer, ns_of(next));
}

static void pit_refresh(Device *dev)
{
    pit_look(dev);
}

/* ---- gates ------------------------------------------------------------------------------------- */

static void trigger(PitChannel *c, uint64_t now)
{
    if (c->next) {
        c->count = c->next;
        c->next = 0;
    }
    c->start = now + 1;
    c->triggered = c->count != 0;
}

static void set_gate(PitChannel *c, bool gate, uint64_t now)
{
    if (gate == c->gate) {
        return;
    }
    c->gate = gate;
    settle_count(c, now);
    if (needs_trigger(c)) { /* a rise starts it, a fall does nothing */
        if (gate) {
            trigger(c, now);
        }
    } else if (!gate) {
        c->stopped = MAX(now, 1);
    } else if (is_periodic(c)) {
        trigger(c, now);
        c->stopped = 0;
    } else {
        c->start += now - c->stopped;
        c->stopped = 0;
    }
}

/* ---- counts --------------------------------------------------------------------------------------- */

static void load_count(PitChannel *c, uint16_t value, uint64_t now)
{
    uint32_t count = c->bcd ? from_bcd(value) : value;
    count = count ? count : c->bcd ? 10000 : 0x10000;
    if (c->count && (is_periodic(c) || needs_trigger(c))) {
        settle_count(c, now);
        c->start +=
            is_periodic(c) ? elapsed(c, now) / c->count * c->count : 0; /* of the period that ends with it */
        c->next = count;
        return;
    }
    c->count = count;
    c->start = now + 1;
    if (c->stopped) {
        c->stopped = c->start;
    }
}

static void write_byte(PitChannel *c, uint8_t value, uint64_t now)
{
    switch (c->access) {
    case ACCESS_LOW: load_count(c, value, now); return;
    case ACCESS_HIGH: load_count(c, value << 8, now); return;
    }
    if (!c->has_low) {
        c->low = value;
        if (mode_of(c) == 0) { /* the first byte stops it */
            c->count = 0;
        }
    } else {
        load_count(c, value << 8 | c->low, now);
    }
    c->has_low = !c->has_low;
}

static void latch_count(PitChannel *c, uint64_t now)
{
    if (!c->latched) {
        c->latch = counter(c, now);
        c->latched = c->access == ACCESS_BOTH ? 2 : 1;
    }
}

static uint8_t read_latch(PitChannel *c)
{
    bool high = c->access == ACCESS_HIGH || c->latched == 1;
    if (c->access == ACCESS_LOW) {
        high = false;
    }
    c->latched--;
    return high ? c->latch >> 8 : c->latch;
}

static uint8_t read_byte(PitChannel *c, uint64_t now)
{
    if (c->has_status) {
        c->has_status = false;
        return c->status;
    }
    if (c->latched) {
        return read_latch(c);
    }
    bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->read_high);
    c->read_high = c->access == ACCESS_BOTH && !high;
    uint16_t value = counter(c, now);
    return high ? value >> 8 : value;
}

/* ---- registers -------------------------------------------------------------------------------------- */

static uint64_t count_read(Device *dev, const RegAccess *a)
{
    Pit *p = pit(dev);
    uint64_t now = tick_now(p);
    settle_count(&p->s.channel[a->index], now);
    return read_byte(&p->s.channel[a->index], now);
}

/* What has happened until now is by the old count. */
static void count_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Pit *p = pit(dev);
    uint64_t now = tick_now(p);
    drive_out(p, now);
    write_byte(&p->s.channel[a->index], value, now);
}

static void read_back(Pit *p, uint8_t value, uint64_t now)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        PitChannel *c = &p->s.channel[i];
        if (!(value >> (i + 1) & 1)) {
            continue;
        }
        settle_count(c, now);
        if (!(value & READ_BACK_NO_COUNT)) {
            latch_count(c, now);
        }
        if (!(value & READ_BACK_NO_STATUS) && !c->has_status) {
            c->status = status(c, now);
            c->has_status = true;
        }
    }
}

static void set_mode(PitChannel *c, uint8_t value, uint64_t now)
{
    *c = (PitChannel){
        .gate = c->gate, .start = now, .access = value >> 4 & 3, .mode = value >> 1 & 7, .bcd = value & 1
    };
    c->stopped = c->gate || needs_trigger(c) ? 0 : MAX(now, 1);
}

static void control_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Pit *p = pit(dev);
    uint64_t now = tick_now(p);
    unsigned index = value >> 6;
    drive_out(p, now);
    if (index == READ_BACK) {
        read_back(p, value, now);
    } else if ((value >> 4 & 3) == ACCESS_LATCH) {
        settle_count(&p->s.channel[index], now);
        latch_count(&p->s.channel[index], now);
    } else {
        set_mode(&p->s.channel[index], value, now);
    }
}

static uint64_t speaker_read(Device *dev, const RegAccess *a)
{
    Pit *p = pit(dev);
    PitChannel *c = &p->s.channel[2];
    uint64_t now = tick_now(p);
    settle_count(c, now);
    bool refresh = clock_get_ns(device_clock(dev), CLK_VIRTUAL) / REFRESH_NS & 1;
    return p->s.speaker | (refresh ? SPEAKER_REFRESH : 0) | (out_level(c, now) ? SPEAKER_OUT : 0);
}

static void speaker_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Pit *p = pit(dev);
    p->s.speaker = value & SPEAKER_WRITABLE;
    set_gate(&p->s.channel[2], value & SPEAKER_GATE, tick_now(p));
}

static const RegBits speaker_bits[] = { { "gate", SPEAKER_GATE },
                                        { "data", SPEAKER_DATA },
                                        { "refresh", SPEAKER_REFRESH },
                                        { "out", SPEAKER_OUT },
                                        { NULL } };
static const Reg pit_rows[] = {
    { "count", 0, 1, .count = PIT_CHANNELS, .read = count_read, .write = count_write },
    { "control", 3, 1, REG_WO, .write = control_write },
    { NULL },
};
static const Reg speaker_rows[] = {
    { "speaker", 0, 1, .read = speaker_read, .write = speaker_write, .bits = speaker_bits },
    { NULL },
};
static const RegTable pit_regs = { pit_rows, .min = 1, .max = 1, .quiet = true, .after = pit_refresh };
static const RegTable speaker_regs = { speaker_rows, .min = 1, .max = 1 };

/* ---- class -------------------------------------------------------------------------------------------- */

static bool pit_realize(Device *dev, GError **err)
{
    Pit *p = pit(dev);
    reg_file_init(&p->regs, dev, &pit_regs, "pit", 4);
    reg_file_init(&p->control, dev, &speaker_regs, "pcspk", 1);
    if (!isa_take_ports(dev, &p->regs.mr, p->iobase, err) ||
        !isa_take_ports(dev, &p->control.mr, 0x61, err)) {
        reg_file_finish(&p->regs);
        reg_file_finish(&p->control);
        return false;
    }
    p->timer = timer_new(device_clock(dev), CLK_VIRTUAL, dev->lock, pit_look, p);
    return true;
}

static void pit_unrealize(Device *dev)
{
    Pit *p = pit(dev);
    timer_free(p->timer);
    device_lock(dev);
    irq_lower(&p->out);
    device_unlock(dev);
    reg_file_finish(&p->regs);
    reg_file_finish(&p->control);
}

/* Channels have no mode until software gives one; the gates of the first two are always high. */
static void pit_reset(Device *dev)
{
    Pit *p = pit(dev);
    uint64_t now = tick_now(p);
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        p->s.channel[i] = (PitChannel){
            .mode = 3, .access = ACCESS_BOTH, .gate = i < 2, .stopped = i < 2 ? 0 : MAX(now, 1)
        };
    }
    p->s.told = now;
}

static bool channel_is_legal(const PitChannel *c, unsigned index)
{
    enum { MOST = 16665 };                  /* four digits of 15 */
    const uint64_t far = UINT64_C(1) << 62; /* no virtual clock comes so far */
    uint32_t most = c->bcd ? MOST : 0x10000;
    bool stops = !c->gate && !needs_trigger(c);
    return c->count <= most && c->next <= most && c->access != ACCESS_LATCH && (c->gate || index == 2) &&
           (stops || !c->stopped) && c->start < far && c->stopped < far;
}

static bool pit_loaded(Device *dev, GError **err)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        if (!channel_is_legal(&pit(dev)->s.channel[i], i)) {
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "cannot load the state of '%s': no guest can have brought channel %u into it",
                        dev->path, i);
            return false;
        }
    }
    return true;
}

static const Prop pit_props[] = {
    { "iobase", PROP_U32, offsetof(Pit, iobase), "the first of its four ports", .def = 0x40 },
    { NULL },
};

static const Field channel_fields[] = {
    MEMBER_U64(PitChannel, start),
    MEMBER_U64(PitChannel, stopped),
    MEMBER_U32(PitChannel, count, .max = 0x10000),
    MEMBER_U32(PitChannel, next, .max = 0x10000),
    MEMBER_U8(PitChannel, mode, .max = 7),
    MEMBER_U8(PitChannel, access, .max = ACCESS_BOTH),
    MEMBER_BOOL(PitChannel, bcd),
    MEMBER_BOOL(PitChannel, gate),
    MEMBER_BOOL(PitChannel, triggered),
    MEMBER_U8(PitChannel, low),
    MEMBER_BOOL(PitChannel, has_low),
    MEMBER_BOOL(PitChannel, read_high),
    MEMBER_U16(PitChannel, latch),
    MEMBER_U8(PitChannel, latched, .max = 2),
    MEMBER_U8(PitChannel, status),
    MEMBER_BOOL(PitChannel, has_status),
    { NULL },
};

static const Field pit_state[] = {
    STATE_STRUCT(Pit, channel, PitChannel, channel_fields),
    STATE_U64(Pit, told),
    STATE_U8(Pit, speaker, .max = SPEAKER_WRITABLE),
    { NULL },
};

const DeviceClass i8254_class = {
    .name = "isa-pit",
    .desc = "8254 interval timer",
    .category = "Misc",
    .bus = "ISA",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(Pit),
    .props = pit_props,
    .state = pit_state,
    .state_offset = offsetof(Pit, s),
    .state_size = sizeof(struct PitState),
    .realize = pit_realize,
    .unrealize = pit_unrealize,
    .reset = pit_reset,
    .refresh = pit_refresh,
    .loaded = pit_loaded,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818 real-time clock, ports 70h and 71h, with 114 bytes of memory and the century of a PC.
 * Spec: Motorola MC146818 data sheet, all chapters; century at 32h, as PC firmware and ACPI's FADT have it.
 *
 * Nothing ticks: the time is the clock's of -rtc plus what the guest has set, and flags of register C follow from which ends of
 * periods, seconds and alarms lie between two looks.  A timer runs for the next enabled flag that is not set yet, and only
 * while somebody hears the line.
 *
 * While SET stands in register B the time is what was written; the clock goes on from it when SET goes.
 *
 * Not modelled: daylight saving, the square wave's pin, dividers other than that of 32 kHz (they hold no time back), the day of
 * the week as a register of its own (it follows the date); a second bank. */
#include "hw/timer/mc146818.h"

#include <time.h>

#include "hw/isa/isa.h"
#include "hw/tree.h"

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D
};
enum { CENTURY = 0x32, INDEX_BITS = 0x7f, PM = 0x80, ANY = 0xc0 };
enum { A_UIP = 0x80, A_RATE = 0x0f, A_RESET = 0x26 };
enum {
    B_SET = 0x80,
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_BINARY = 0x04,
    B_24H = 0x02,
    B_ENABLES = B_PIE | B_AIE | B_UIE
};
enum { C_IRQF = 0x80, C_FLAGS = 0x70, D_VALID = 0x80 };
#define NS_PER_SECOND INT64_C(1000000000)
enum { UIP_NS = 244000, DAY_SECONDS = 86400 };
/* Some days before the end of what 64 bits of ns can say: in the years 1684 and 2255. */
#define NS_MAX INT64_C(9000000000000000000)

static Mc146818 *rtc(void *dev)
{
    return dev;
}

static int64_t now_ns(const Mc146818 *r)
{
    int64_t ns = (int64_t)((uint64_t)rtc_base_now(&r->base, &r->dev) + r->s.offset);
    return CLAMP(ns, -NS_MAX, NS_MAX);
}

static bool is_set(const Mc146818 *r)
{
    return r->s.cmos[REG_B] & B_SET;
}

/* ---- numbers ------------------------------------------------------------------------- */

static uint8_t encode(const Mc146818 *r, unsigned v)
{
    return r->s.cmos[REG_B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10;
}

static unsigned decode(const Mc146818 *r, uint8_t v)
{
    return r->s.cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t encode_hour(const Mc146818 *r, unsigned hour)
{
    if (r->s.cmos[REG_B] & B_24H) {
        return encode(r, hour);
    }
    return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? PM : 0);
}

static unsigned decode_hour(const Mc146818 *r, uint8_t v)
{
    if (r->s.cmos[REG_B] & B_24H) {
        return decode(r, v);
    }
    return decode(r, v & ~PM) % 12 + (v & PM ? 12 : 0);
}

/* ---- the time ----------------------------------------------------------------------------- */

/* Into the bytes. */
static void show_time(Mc146818 *r, int64_t ns)
{
    time_t seconds = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
    struct tm t;
    if (!gmtime_r(&seconds, &t)) {
        return;
    }
    unsigned year = t.tm_year + 1900;
    r->s.cmos[SECONDS] = encode(r, t.tm_sec);
    r->s.cmos[MINUTES] = encode(r, t.tm_min);
    r->s.cmos[HOURS] = encode_hour(r, t.tm_hour);
    r->s.cmos[WEEKDAY] = encode(r, t.tm_wday + 1);
    r->s.cmos[DAY] = encode(r, t.tm_mday);
    r->s.cmos[MONTH] = encode(r, t.tm_mon + 1);
    r->s.cmos[YEAR] = encode(r, year % 100);
    r->s.cmos[CENTURY] = encode(r, year / 100 % 100);
}

/* What the bytes say; the part of the second stays. */
static void set_time(Mc146818 *r)
{
    struct tm t = { .tm_sec = decode(r, r->s.cmos[SECONDS]),
                    .tm_min = decode(r, r->s.cmos[MINUTES]),
                    .tm_hour = decode_hour(r, r->s.cmos[HOURS]),
                    .tm_mday = decode(r, r->s.cmos[DAY]),
                    .tm_mon = decode(r, r->s.cmos[MONTH]) - 1,
                    .tm_year = decode(r, r->s.cmos[CENTURY]) * 100 + decode(r, r->s.cmos[YEAR]) - 1900 };
    int64_t now = now_ns(r), part = (now % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND;
    time_t seconds = timegm(&t);
    int64_t want = CLAMP(seconds, -NS_MAX / NS_PER_SECOND, NS_MAX / NS_PER_SECOND) * NS_PER_SECOND + part;
    r->s.offset += (uint64_t)want - (uint64_t)now;
    r->s.seen = want;
    rtc_base_tell(&r->dev, r->place, (int64_t)r->s.offset);
}

/* ---- flags -------------------------------------------------------------------------------------- */

/* ns between periodic interrupts; 0: none. */
static int64_t period_ns(const Mc146818 *r)
{
    unsigned rate = r->s.cmos[REG_A] & A_RATE;
    rate = rate && rate < 3 ? rate + 7 : rate; /* the fastest two are those of a 32 kHz divider */
    return rate ? NS_PER_SECOND * (1 << (rate - 1)) / 32768 : 0;
}

static int64_t periods(int64_t ns, int64_t length)
{
    return ns / length - (ns % length < 0);
}

static bool alarm_field(uint8_t alarm, unsigned want, unsigned value)
{
    return (alarm & ANY) == ANY || want == value;
}

static bool alarm_is_possible(const Mc146818 *r)
{
    const uint8_t *c = r->s.cmos;
    return ((c[HOURS_ALARM] & ANY) == ANY || decode_hour(r, c[HOURS_ALARM]) < 24) &&
           ((c[MINUTES_ALARM] & ANY) == ANY || decode(r, c[MINUTES_ALARM]) < 60) &&
           ((c[SECONDS_ALARM] & ANY) == ANY || decode(r, c[SECONDS_ALARM]) < 60);
}

/* The first second behind `after` at which the alarm is; -1: no time of a day is like that. */
static int64_t next_alarm(const Mc146818 *r, int64_t after)
{
    const uint8_t *c = r->s.cmos;
    int64_t s = after + 1, end = alarm_is_possible(r) ? s + DAY_SECONDS : s;
    while (s < end) { /* in strides: some 150 at most */
        unsigned of_day = (s % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
        if (!alarm_field(c[HOURS_ALARM], decode_hour(r, c[HOURS_ALARM]), of_day / 3600)) {
            s += 3600 - of_day % 3600;
        } else if (!alarm_field(c[MINUTES_ALARM], decode(r, c[MINUTES_ALARM]), of_day / 60 % 60)) {
            s += 60 - of_day % 60;
        } else if (!alarm_field(c[SECONDS_ALARM], decode(r, c[SECONDS_ALARM]), of_day % 60)) {
            s++;
        } else {
            return s;
        }
    }
    return -1;
}

/* When each enabled flag that is not set yet will be; INT64_MAX: never. */
static int64_t next_event(const Mc146818 *r, int64_t now)
{
    uint8_t wanted = r->s.cmos[REG_B] & ~r->s.cmos[REG_C] & C_FLAGS;
    int64_t next = INT64_MAX, length = period_ns(r);
    if (wanted & B_PIE && length) {
        next = (periods(now, length) + 1) * length;
    }
    if (is_set(r)) {
        return next;
    }
    int64_t second = periods(now, NS_PER_SECOND), alarm = wanted & B_AIE ? next_alarm(r, second) : -1;
    if (wanted & B_UIE) {
        next = MIN(next, (second + 1) * NS_PER_SECOND);
    }
    return alarm >= 0 ? MIN(next, alarm * NS_PER_SECOND) : next;
}

static void set_flags(Mc146818 *r, int64_t now)
{
    int64_t seen = (int64_t)r->s.seen, length = period_ns(r);
    int64_t from = periods(seen, NS_PER_SECOND), to = periods(now, NS_PER_SECOND);
    uint8_t *c = &r->s.cmos[REG_C];
    if (length && periods(now, length) > periods(seen, length)) {
        *c |= B_PIE;
    }
    if (!is_set(r) && to > from) {
        int64_t alarm = next_alarm(r, from);
        *c |= B_UIE | (alarm >= 0 && alarm <= to ? B_AIE : 0);
    }
    bool asks = *c & r->s.cmos[REG_B] & B_ENABLES;
    *c = (*c & C_FLAGS) | (asks ? C_IRQF : 0);
    r->s.seen = now;
}

/* The line, and the sleep until it changes: when it is high, that is when register C is read. */
static void rtc_refresh(Device *dev)
{
    Mc146818 *r = rtc(dev);
    bool high = r->s.cmos[REG_C] & C_IRQF, deaf = r->heard && !r->heard(r->heard_opaque);
    irq_set(&r->irq, high);
    int64_t now = now_ns(r), next = high || deaf ? INT64_MAX : next_event(r, now);
    if (next == INT64_MAX) {
        timer_cancel(r->timer);
    } else {
        timer_set_deadline(r->timer, clock_get_ns(device_clock(dev), r->base.kind) + (next - now));
    }
}

void mc146818_look(void *opaque)
{
    Mc146818 *r = opaque;
    set_flags(r, now_ns(r));
    rtc_refresh(&r->dev);
}

/* ---- registers --------------------------------------------------------------------------------------- */

static bool is_time(unsigned index)
{
    return index == SECONDS || index == MINUTES || index == HOURS || (index >= WEEKDAY && index <= YEAR) ||
           index == CENTURY;
}

static uint8_t read_a(const Mc146818 *r)
{
    int64_t part = (now_ns(r) % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND;
    bool updating = !is_set(r) && part >= NS_PER_SECOND - UIP_NS;
    return r->s.cmos[REG_A] | (updating ? A_UIP : 0);
}

static uint8_t read_c(Mc146818 *r)
{
    set_flags(r, now_ns(r));
    uint8_t value = r->s.cmos[REG_C];
    r->s.cmos[REG_C] = 0;
    return value;
}

static uint64_t data_read(Device *dev, const RegAccess *a)
{
    Mc146818 *r = rtc(dev);
    unsigned index = r->s.index;
    switch (index) {
    case REG_A: return read_a(r);
    case REG_C: return read_c(r);
    case REG_D: return D_VALID;
    }
    if (is_time(index) && !is_set(r)) {
        show_time(r, now_ns(r));
    }
    return r->s.cmos[index];
}

/* Hours and numbers are not converted when their form changes: drivers set the time anew. */
static void write_b(Mc146818 *r, uint8_t value)
{
    bool was = is_set(r);
    if (!was && value & B_SET) {
        show_time(r, now_ns(r));
        value &= ~B_UIE; /* as the data sheet has it */
    }
    r->s.cmos[REG_B] = value;
    if (was && !(value & B_SET)) {
        set_time(r);
    }
}

static void data_write(Device *dev, const RegAccess *a, uint64_t value)
{
    Mc146818 *r = rtc(dev);
    unsigned index = r->s.index;
    set_flags(r, now_ns(r)); /* what has happened until now is by the old registers */
    switch (index) {
    case REG_A: r->s.cmos[REG_A] = value & ~A_UIP; return;
    case REG_B: write_b(r, value); return;
    case REG_C:
    case REG_D: return;
    }
    if (is_time(index) && !is_set(r)) {
        show_time(r, now_ns(r));
        r->s.cmos[index] = value;
        set_time(r);
    } else {
        r->s.cmos[index] = value;
    }
}

static uint64_t index_read(Device *dev, const RegAccess *a)
{
    return 0xff;
}

static void index_write(Device *dev, const RegAccess *a, uint64_t value)
{
    rtc(dev)->s.index = value & INDEX_BITS; /* bit 7 masks NMIs, which nobody sends */
}

static void accessed(Device *dev)
{
    mc146818_look(dev);
}

static const Reg rtc_rows[] = {
    { "index", 0, 1, .read = index_read, .write = index_write },
    { "data", 1, 1, .read = data_read, .write = data_write },
    { NULL },
};
static const RegTable rtc_regs = { rtc_rows, .min = 1, .max = 1, .after = accessed };

void mc146818_set_cmos(Mc146818 *r, unsigned index, uint8_t value)
{
    device_lock(&r->dev);
    r->s.cmos[index] = value;
    device_unlock(&r->dev);
}

/* ---- class ---------------------------------------------------------------------------------------------- */

static bool rtc_realize(Device *dev, GError **err)
{
    Mc146818 *r = rtc(dev);
    if (!r->irq.handler && !isa_take_line(dev, &r->irq, r->line, err)) { /* else the board has connected it */
        return false;
    }
    reg_file_init(&r->regs, dev, &rtc_regs, "rtc", 2);
    memory_region_allow_late_writes(&r->regs.mr, 0, 1); /* the index, before each access of the data */
    if (!isa_take_ports(dev, &r->regs.mr, r->iobase, err)) {
        reg_file_finish(&r->regs);
        return false;
    }
    r->base = rtc_base_choose(dev);
    r->timer = timer_new(device_clock(dev), r->base.kind, dev->lock, mc146818_look, r);
    r->place = device_tree_path(dev);
    r->s.seen = now_ns(r);
    r->s.cmos[REG_A] = A_RESET;
    r->s.cmos[REG_B] = B_24H;
    return true;
}

static void rtc_unrealize(Device *dev)
{
    Mc146818 *r = rtc(dev);
    timer_free(r->timer);
    device_lock(dev);
    irq_lower(&r->irq);
    device_unlock(dev);
    reg_file_finish(&r->regs);
    g_free(r->place);
}

/* The pin RESET: the clock and the memory go on. */
static void rtc_reset(Device *dev)
{
    Mc146818 *r = rtc(dev);
    r->s.cmos[REG_B] &= ~B_ENABLES;
    r->s.cmos[REG_C] = 0;
}

static bool rtc_loaded(Device *dev, GError **err)
{
    const Mc146818 *r = rtc(dev);
    int64_t seen = (int64_t)r->s.seen;
    if (seen > NS_MAX || seen < -NS_MAX || r->s.cmos[REG_A] & A_UIP) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cannot load the state of '%s': no guest can have set such a time", dev->path);
        return false;
    }
    return true;
}

static const Prop rtc_props[] = {
    { "iobase", PROP_U32, offsetof(Mc146818, iobase), "the first of its two ports", .def = 0x70 },
    { "irq", PROP_U32, offsetof(Mc146818, line), "its line", .def = 8 },
    PROP_ONLY_NUMBER("base_year", 1980, "the century is at 32h"),
    { "lost_tick_policy", PROP_STRING, .def_string = "discard",
      .only = "periodic interrupts that come late are one" },
    { NULL },
};

static const Field rtc_state[] = {
    STATE_BYTES(Mc146818, cmos, .keep = true),
    STATE_U8(Mc146818, index, .max = INDEX_BITS),
    STATE_U64(Mc146818, offset, .keep = true),
    STATE_U64(Mc146818, seen, .keep = true),
    { NULL },
};

const DeviceClass mc146818_class = {
    .name = "mc146818rtc",
    .desc = "real-time clock with CMOS",
    .category = "Misc",
    .bus = "ISA",
    .size = sizeof(Mc146818),
    .props = rtc_props,
    .state = rtc_state,
    .state_offset = offsetof(Mc146818, s),
    .state_size = sizeof(struct Mc146818State),
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .reset = rtc_reset,
    .refresh = rtc_refresh,
    .loaded = rtc_loaded,
};

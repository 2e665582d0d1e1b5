/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State by tables, by a small object that has a field of each kind. */
#include <string.h>

#include "base/clock.h"
#include "base/state.h"
#include "stream.h"
#include "tests/loop.h"

/* A disk controller that never was: slots with commands, each with its ranges. */
typedef struct Range {
    uint64_t start;
    uint16_t length;
} Range;
typedef struct Slot {
    Range ranges[2];
    uint32_t buffer_used;
    uint8_t buffer[16];
    bool busy;
} Slot;
typedef struct Toy {
    uint64_t model; /* not state */
    Timer *timer;
    struct ToyState {
        uint32_t ctrl, status, kept, lines;
        uint16_t table[4];
        bool on;
        Fifo8 rx;
        Slot slots[3];
        uint8_t serial[5];
        uint64_t base;
    } s;
} Toy;

static uint64_t base_of(const void *owner)
{
    return ((const Toy *)owner)->model * 2;
}

static const Field range_fields[] = { MEMBER_U64(Range, start, .reset = 1),
                                      MEMBER_U16(Range, length),
                                      { 0 } };
static const Field slot_fields[] = {
    MEMBER_STRUCT(Slot, ranges, Range, range_fields),
    MEMBER_COUNTED(Slot, buffer, buffer_used),
    MEMBER_BOOL(Slot, busy, .since = 3),
    { 0 },
};
static const Field toy_fields[] = {
    STATE_U32(Toy, ctrl, .reset = 5),
    STATE_U32(Toy, status, .max = 0xff),
    STATE_U32(Toy, kept, .keep = true),
    STATE_U32(Toy, lines, .shared = true),
    STATE_U16(Toy, table, .reset = 7),
    STATE_BOOL(Toy, on, .since = 2, .reset = 1),
    STATE_FIFO8(Toy, rx, .max = 200),
    STATE_STRUCT(Toy, slots, Slot, slot_fields),
    STATE_BYTES(Toy, serial),
    STATE_U64(Toy, base, .reset_to = base_of, .since = 3),
    STATE_TIMER(Toy, timer),
    { 0 },
};

static bool toy_loaded(void *owner, GError **err)
{
    const Toy *t = owner;
    if (t->s.ctrl == 0xbad) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "the control register cannot be bad");
        return false;
    }
    return true;
}

static void nothing(void *opaque)
{
}

static State state_of(Toy *t)
{
    return (State){ .owner = t,
                    .name = "toy0",
                    .tables = { { NULL, 0, 7 }, { toy_fields, 0, 3 } },
                    .count = 2,
                    .loaded = toy_loaded };
}

static Toy *toy_new(void)
{
    Toy *t = g_new0(Toy, 1);
    t->model = 21;
    t->timer = timer_new(test_clock(), CLK_VIRTUAL, NULL, nothing, NULL);
    State s = state_of(t);
    state_reset(&s);
    return t;
}

static void toy_free(Toy *t)
{
    timer_free(t->timer);
    g_free(t);
}

static Toy *toy_used(void)
{
    Toy *t = toy_new();
    t->s.ctrl = 0x1234;
    t->s.table[1] = 9;
    t->s.slots[2].ranges[1] = (Range){ 0x123456789a, 77 };
    t->s.slots[1].buffer_used = 3;
    memcpy(t->s.slots[1].buffer, "abc", 3);
    t->s.slots[0].busy = true;
    memcpy(t->s.serial, "12345", 5);
    timer_set_deadline(t->timer, INT64_C(1) << 60);
    for (unsigned i = 0; i < FIFO8_MAX + 100; i++) { /* so that the ring has wrapped */
        fifo8_push(&t->s.rx, (uint8_t)i, 150);
        if (i > 100) {
            fifo8_pop(&t->s.rx);
        }
    }
    return t;
}

static GByteArray *save(Toy *t)
{
    State s = state_of(t);
    return state_save(&s);
}

static bool load(Toy *t, const GByteArray *stream, GError **err)
{
    State s = state_of(t);
    return state_load(&s, stream->data, stream->len, err);
}

static void test_reset(void)
{
    Toy *t = toy_used();
    t->s.kept = 42;
    t->s.on = false;
    State s = state_of(t);
    state_reset(&s);
    g_assert_cmpuint(t->s.ctrl, ==, 5);
    g_assert_cmpuint(t->s.kept, ==, 42);
    g_assert_cmpuint(t->s.table[1], ==, 7);
    g_assert_true(t->s.on);
    g_assert_cmpuint(fifo8_used(&t->s.rx), ==, 0);
    g_assert_cmpuint(t->s.slots[2].ranges[1].start, ==, 1);
    g_assert_cmpuint(t->s.slots[2].ranges[1].length, ==, 0);
    g_assert_cmpuint(t->s.slots[1].buffer_used, ==, 0);
    g_assert_cmpuint(t->s.base, ==, 42);
    g_assert_cmpint(timer_deadline(t->timer), ==, -1);
    toy_free(t);
}

static void test_save_load(void)
{
    Toy *t = toy_used(), *u = toy_new();
    g_autoptr(GError) err = NULL;
    g_autoptr(GByteArray) a = save(t);
    bool ok = load(u, a, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    g_autoptr(GByteArray) b = save(u);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    g_assert_cmpuint(u->s.table[1], ==, 9);
    g_assert_cmpuint(u->s.slots[2].ranges[1].length, ==, 77);
    g_assert_cmpuint(u->s.slots[1].ranges[1].length, ==, 0);
    g_assert_cmpmem(u->s.slots[1].buffer, u->s.slots[1].buffer_used, "abc", 3);
    g_assert_cmpint(timer_deadline(u->timer), ==, INT64_C(1) << 60);
    g_assert_cmpuint(fifo8_used(&u->s.rx), ==, fifo8_used(&t->s.rx));
    for (unsigned i = 0; i < fifo8_used(&u->s.rx); i++) {
        g_assert_cmpuint(fifo8_at(&u->s.rx, i), ==, fifo8_at(&t->s.rx, i));
    }
    toy_free(t);
    toy_free(u);
}

/* ---- hostile streams ------------------------------------------------------- */

static guint8 *find(GByteArray *s, const char *name)
{
    g_autofree char *tagged = g_strdup_printf("%c%s", (int)strlen(name), name);
    guint8 *p = memmem(s->data, s->len, tagged, strlen(tagged));
    g_assert_nonnull(p);
    return p + 1;
}

static guint8 *elements(GByteArray *s, const char *name)
{
    return find(s, name) + strlen(name) + 5; /* behind kind and count */
}

static void assert_refused(Toy *t, GByteArray *s, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GByteArray) before = save(t);
    g_assert_false(load(t, s, &err));
    g_test_message("%s", err->message);
    g_assert_nonnull(strstr(err->message, why));
    g_autoptr(GByteArray) after = save(t);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
}

static void test_hostile(void)
{
    static const struct {
        const char *field;
        int at; /* from its elements on */
        guint8 byte;
        const char *why;
    } changes[] = {
        { "status", 1, 1, "'toy0': status is out of range" },
        { "on", 0, 2, "on is out of range" },
        { "rx", 0, 201, "rx is no valid queue" },
        { "rx", 1, 0x40, "rx is no valid queue" },
        { "slots.buffer", 0, 17, "slots.buffer does not fit" },
        { "slots.buffer", 3, 0xff, "slots.buffer does not fit" },
        { "timer", 7, 0x80, "timer is out of range" },
        { "slots.ranges.length", -4, 7, "slots.ranges.length has another shape" },
        { "slots.ranges.length", -5, FIELD_U32, "slots.ranges.length has another shape" },
        { "slots.ranges.length", -6, 'H', "slots.ranges.length is missing" },
        { "ctrl", 1, 0x0b, NULL }, /* 0x0bad with the next: see below */
    };
    Toy *t = toy_used();
    g_autoptr(GByteArray) good = save(t);
    for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autoptr(GByteArray) bad = stream_copy(good);
        elements(bad, changes[i].field)[changes[i].at] = changes[i].byte;
        if (!changes[i].why) {
            elements(bad, "ctrl")[0] = 0xad;
        }
        stream_reseal(bad);
        assert_refused(t, bad, changes[i].why ? changes[i].why : "cannot be bad");
    }
    g_autoptr(GByteArray) bad = stream_copy(good);
    bad->data[20] ^= 1;
    assert_refused(t, bad, "checksum");
    bad->data[20] ^= 1;
    bad->data[10] = 4; /* of the second table: version 3 is known */
    stream_reseal(bad);
    assert_refused(t, bad, "later version");
    bad->data[10] = 3;
    bad->data[4] = 1;
    stream_reseal(bad);
    assert_refused(t, bad, "another kind");
    toy_free(t);
}

/* Any cut and any change: refused or loaded, and a refused one changes nothing. */
static void test_spoiled(void)
{
    Toy *t = toy_used();
    g_autoptr(GRand) rnd = g_rand_new_with_seed(5);
    g_autoptr(GByteArray) good = save(t);
    for (guint cut = 0; cut < good->len; cut++) {
        g_autoptr(GByteArray) part = g_byte_array_new();
        g_byte_array_append(part, good->data, cut);
        g_assert_false(load(t, part, NULL));
        if (cut >= 4) {
            stream_reseal(part);
            g_assert_false(load(t, part, NULL));
        }
    }
    for (unsigned i = 0; i < 5000; i++) {
        g_autoptr(GByteArray) bad = stream_spoil(good, rnd);
        g_autoptr(GByteArray) before = save(t);
        if (!load(t, bad, NULL)) {
            g_autoptr(GByteArray) after = save(t);
            g_assert_cmpmem(before->data, before->len, after->data, after->len);
        }
    }
    toy_free(t);
}

/* ---- older streams ---------------------------------------------------------- */

static void remove_field(GByteArray *s, const char *name, guint element_bytes)
{
    guint8 *p = find(s, name) - 1;
    g_byte_array_remove_range(s, p - s->data, 1 + strlen(name) + 5 + element_bytes);
    s->data[12]--; /* fields of the second table */
}

/* Version 1 had no "on", no "busy" and no "base": they are as after reset, in nested structs too. */
static void test_older(void)
{
    Toy *t = toy_used();
    g_autoptr(GError) err = NULL;
    g_autoptr(GByteArray) old = save(t);
    remove_field(old, "on", 1);
    remove_field(old, "slots.busy", 3);
    remove_field(old, "base", 8);
    old->data[10] = 1;
    stream_reseal(old);
    Toy *u = toy_used();
    u->s.on = false;
    bool ok = load(u, old, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    g_assert_true(u->s.on);
    g_assert_false(u->s.slots[0].busy);
    g_assert_cmpuint(u->s.base, ==, 42);
    g_assert_cmpuint(u->s.ctrl, ==, 0x1234);
    old->data[10] = 2; /* version 2 had "on" */
    stream_reseal(old);
    assert_refused(u, old, "on is missing");
    toy_free(t);
    toy_free(u);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/state/reset", test_reset);
    g_test_add_func("/state/save-load", test_save_load);
    g_test_add_func("/state/hostile", test_hostile);
    g_test_add_func("/state/spoiled", test_spoiled);
    g_test_add_func("/state/older", test_older);
    return g_test_run();
}

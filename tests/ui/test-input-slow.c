/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input for a guest that is slower than who types: the backlog, patience, and chords of a monitor. */
#include <linux/input-event-codes.h>
#include <string.h>

#include "input-fake.h"

static void test_chords(void)
{
    const uint16_t first[] = { KEY_LEFTCTRL, KEY_C }, second[] = { KEY_Z };
    Inputs *in = inputs_new(test_loop(), test_clock());
    Fake keys;
    fake_init(&keys, "keys", 1 << INPUT_KEY);
    input_add_sink(in, &keys.sink);
    g_assert_true(input_press_for(in, first, 2, 1));
    g_assert_true(input_press_for(in, second, 1, 1));
    while (keys.got->len < strlen("1:29:1:0 1:46:1:0 1:46:0:0 1:29:0:0 1:44:1:0 1:44:0:0 ")) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    expect(&keys, "1:29:1:0 1:46:1:0 1:46:0:0 1:29:0:0 1:44:1:0 1:44:0:0 ");
    unsigned taken = 0;
    while (input_press_for(in, second, 1, 100000)) {
        taken++;
    }
    g_assert_cmpuint(taken, ==, INPUT_CHORDS);
    input_remove_sink(in, &keys.sink);
    inputs_free(in);
    fake_finish(&keys);
}

/* ---- a guest that is slower than who types ------------------------------------------- */

typedef struct Slow {
    Fake keys;
    unsigned room; /* how many it takes before it has to read */
    GArray *codes; /* of uint16_t: pressed */
    unsigned down;
    bool unheard; /* nobody reads; nobody is waited for */
} Slow;

static void slow_got(void *opaque, const InputEvent *e)
{
    Slow *f = opaque;
    f->room -= f->room > 0;
    f->down += e->x ? 1 : -1;
    if (e->x) {
        g_array_append_val(f->codes, e->code);
    }
}

static InputReady slow_ready(void *opaque)
{
    const Slow *f = opaque;
    lock_assert_held(&f->keys.lock);
    return f->unheard ? INPUT_UNHEARD : f->room ? INPUT_READY : INPUT_FULL;
}

static Inputs *slow_init(Slow *f)
{
    Inputs *in = inputs_new(test_loop(), test_clock());
    *f = (Slow){ .codes = g_array_new(FALSE, FALSE, sizeof(uint16_t)) };
    fake_init(&f->keys, "keys", 1 << INPUT_KEY);
    f->keys.sink.event = slow_got;
    f->keys.sink.ready = slow_ready;
    f->keys.sink.opaque = f;
    f->room = 1;
    input_add_sink(in, &f->keys.sink);
    clock_virtual_stop(test_clock());
    return in;
}

static void slow_finish(Slow *f, Inputs *in)
{
    clock_virtual_start(test_clock());
    input_remove_sink(in, &f->keys.sink);
    inputs_free(in);
    fake_finish(&f->keys);
    g_array_unref(f->codes);
}

static void type_keys(Inputs *in, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        input_key(in, KEY_ESC + i % 100, true);
        input_key(in, KEY_ESC + i % 100, false);
    }
}

static void pass(int64_t ms)
{
    clock_virtual_set_ns(test_clock(), clock_get_ns(test_clock(), CLK_VIRTUAL) + ms * 1000000);
    clock_run_timers(test_clock());
    run_loop();
}

/* What is typed at once waits for a guest that reads a part at a time: all of it comes, in its order. */
static void test_backlog(void)
{
    enum { TYPED = 2000, READS = 77 };
    Slow f;
    Inputs *in = slow_init(&f);
    type_keys(in, TYPED);
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, 1);
    g_assert_cmpuint(input_room(in), ==, (INPUT_BACKLOG - 2 * TYPED + 1) / 2);
    for (unsigned n = 0; n < 2 * TYPED; n += READS) {
        f.room = READS;
        input_more(in);
        run_loop();
    }
    g_assert_cmpuint(f.codes->len, ==, TYPED);
    for (unsigned i = 0; i < TYPED; i++) {
        g_assert_cmpuint(g_array_index(f.codes, uint16_t, i), ==, KEY_ESC + i % 100);
    }
    g_assert_cmpuint(f.down, ==, 0);
    slow_finish(&f, in);
}

/* One that reads nothing, for long: its device is given what it may drop, until the guest reads again.  A backlog that is full
 * drops presses; nothing is left pressed. */
static void test_deaf(void)
{
    Slow f;
    Inputs *in = slow_init(&f);
    type_keys(in, 2 * INPUT_BACKLOG);
    run_loop();
    g_assert_cmpuint(input_room(in), ==, 0);
    g_assert_true(input_is_crowded(in)); /* just now it has taken one */
    pass(INPUT_PATIENCE_MS - 1);
    g_assert_cmpuint(f.codes->len, ==, 1);
    pass(1);
    g_assert_cmpuint(f.codes->len, ==, INPUT_BACKLOG / 2);
    g_assert_cmpuint(f.down, ==, 0);
    g_assert_cmpuint(input_room(in), ==, INPUT_BACKLOG / 2);
    g_assert_false(input_is_crowded(in));
    type_keys(in, 1); /* nobody waits for it now */
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, INPUT_BACKLOG / 2 + 1);
    f.room = 1; /* it reads */
    type_keys(in, 2);
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, INPUT_BACKLOG / 2 + 2);
    slow_finish(&f, in);
}

/* Keys of one that reads nothing are waited for once, whatever another device takes in between. */
static void test_deaf_beside(void)
{
    enum { TYPED = 300 };
    Slow f;
    Fake tablet;
    Inputs *in = slow_init(&f);
    fake_init(&tablet, "tablet", 1 << INPUT_POINT);
    input_add_sink(in, &tablet.sink);
    for (unsigned i = 0; i < TYPED; i++) {
        type_keys(in, 1);
        input_send(in, &(InputEvent){ INPUT_POINT, 0, (int)i, 0 });
    }
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, 1);
    pass(INPUT_PATIENCE_MS);
    g_assert_cmpuint(f.codes->len, ==, TYPED);
    g_assert_cmpuint(f.down, ==, 0);
    input_remove_sink(in, &tablet.sink);
    fake_finish(&tablet);
    slow_finish(&f, in);
}

/* A front end is held back for as long as the guest is waited for, at least. */
static void test_crowded(void)
{
    Slow f;
    Inputs *in = slow_init(&f);
    int64_t begin = clock_get_ns(test_clock(), CLK_REALTIME);
    type_keys(in, INPUT_BACKLOG / 2 - 1);
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, 1);
    g_usleep(1200 * 1000);
    bool crowded = input_is_crowded(in);
    int64_t gone = clock_get_ns(test_clock(), CLK_REALTIME) - begin;
    g_assert_true(crowded || gone > INPUT_PATIENCE_MS * INT64_C(1000000)); /* a slow host */
    slow_finish(&f, in);
}

/* Chords wait until all of their keys find room. */
static void test_chord_room(void)
{
    const uint16_t codes[] = { KEY_LEFTCTRL, KEY_F20 };
    Slow f;
    Inputs *in = slow_init(&f);
    type_keys(in, INPUT_BACKLOG);
    run_loop();
    g_assert_cmpuint(input_room(in), ==, 0);
    unsigned typed = INPUT_BACKLOG / 2;
    g_assert_true(input_press_for(in, codes, 2, 1));
    g_assert_true(input_press_for(in, codes, 2, 1));
    run_loop();
    f.room = UINT_MAX;
    input_more(in);
    while (f.codes->len < typed + 4 || f.down) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(g_array_index(f.codes, uint16_t, typed + i), ==, codes[i & 1]);
    }
    slow_finish(&f, in);
}

/* Between two events of keys is the delay, by the machine's clock, also behind one that was set back. */
static void test_key_delay(void)
{
    Slow f;
    Inputs *in = slow_init(&f);
    f.room = 1000;
    input_set_key_delay(in, 10);
    pass(1000);
    type_keys(in, 2);
    run_loop();
    g_assert_cmpuint(f.room, ==, 999);
    pass(9);
    g_assert_cmpuint(f.room, ==, 999);
    pass(1);
    g_assert_cmpuint(f.room, ==, 998);
    clock_virtual_set_ns(test_clock(), 0);
    input_more(in);
    run_loop();
    pass(10);
    g_assert_cmpuint(f.room, ==, 997);
    pass(10);
    g_assert_cmpuint(f.room, ==, 996);
    g_assert_cmpuint(f.codes->len, ==, 2);
    f.unheard = true;
    type_keys(in, 50);
    run_loop();
    g_assert_cmpuint(f.codes->len, ==, 52);
    slow_finish(&f, in);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input/chords", test_chords);
    g_test_add_func("/input/backlog", test_backlog);
    g_test_add_func("/input/deaf", test_deaf);
    g_test_add_func("/input/deaf-beside", test_deaf_beside);
    g_test_add_func("/input/crowded", test_crowded);
    g_test_add_func("/input/chord-room", test_chord_room);
    g_test_add_func("/input/key-delay", test_key_delay);
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input: the queue that never loses a release, routing to devices, names of keys. */
#include <linux/input-event-codes.h>
#include <string.h>

#include "input-fake.h"

static InputQueue queue;

static void put(InputKind kind, unsigned code, int x, int y)
{
    input_queue_put(&queue, &(InputEvent){ kind, code, x, y });
    g_assert_true(input_queue_is_valid(&queue));
}

static InputEvent take(void)
{
    InputEvent e;
    g_assert_true(input_queue_peek(&queue, &e));
    input_queue_drop(&queue);
    return e;
}

static void clear(void)
{
    memset(&queue, 0, sizeof(queue));
}

static void release_all(void)
{
    input_queue_release_all(&queue);
    g_assert_true(input_queue_is_valid(&queue));
}

static void test_merge(void)
{
    clear();
    put(INPUT_MOVE, 0, 1, 2);
    put(INPUT_MOVE, 0, 10, -20);
    put(INPUT_BUTTON, BTN_LEFT, 1, 0);
    put(INPUT_MOVE, 0, INT32_MAX, 0);
    put(INPUT_MOVE, 0, 5, 0); /* no wrap to the left */
    put(INPUT_POINT, 0, 7, 7);
    put(INPUT_POINT, 0, 8, 9);
    InputEvent e = take();
    g_assert_true(e.kind == INPUT_MOVE && e.x == 11 && e.y == -18);
    g_assert_cmpint(take().kind, ==, INPUT_BUTTON);
    g_assert_cmpint(take().x, ==, INT32_MAX);
    e = take();
    g_assert_true(e.kind == INPUT_POINT && e.x == 8 && e.y == 9);
    g_assert_cmpuint(queue.count, ==, 0);
}

/* Fingers: moves are merged, lifts are never lost, what is no finger is not taken. */
static void test_fingers(void)
{
    clear();
    put(INPUT_LIFT, 0, 0, 0); /* none is there */
    put(INPUT_TOUCH, INPUT_FINGERS, 1, 1);
    g_assert_cmpuint(queue.count, ==, 0);
    put(INPUT_TOUCH, 0, 1, 2);
    put(INPUT_TOUCH, 0, 3, 4);
    put(INPUT_TOUCH, 9, 5, 6);
    put(INPUT_TOUCH, 0, 7, 8);
    g_assert_cmpuint(queue.count, ==, 3);
    for (unsigned i = 0; i < 2 * INPUT_QUEUE; i++) {
        put(INPUT_TOUCH, i & 1 ? 9 : 0, (int)i, 0);
    }
    g_assert_cmpuint(queue.count + queue.downs, ==, INPUT_QUEUE);
    put(INPUT_TOUCH, 5, 0, 0); /* no room for its lift */
    put(INPUT_LIFT, 5, 0, 0);
    put(INPUT_LIFT, 0, 0, 0);
    release_all();
    g_assert_cmpuint(queue.downs, ==, 0);
    InputEvent e = take();
    g_assert_true(e.kind == INPUT_TOUCH && e.code == 0 && e.x == 3 && e.y == 4);
    bool down[INPUT_FINGERS] = { true };
    int last = 0;
    while (queue.count) {
        e = take();
        g_assert_true(e.kind == INPUT_TOUCH || down[e.code]);
        down[e.code] = e.kind == INPUT_TOUCH;
        last = e.kind == INPUT_TOUCH ? MAX(last, e.x) : last;
    }
    g_assert_cmpint(last, ==, 2 * INPUT_QUEUE - 1); /* where it is at last is known */
    for (unsigned i = 0; i < INPUT_FINGERS; i++) {
        g_assert_false(down[i]);
    }
}

static bool is_key(const InputEvent *e)
{
    return e->kind == INPUT_KEY || e->kind == INPUT_BUTTON; /* release_all knows both by their codes */
}

/* A flood of everything: whatever is told as pressed is told as released, and in the end nothing is down. */
static void test_flood(void)
{
    bool down[INPUT_CODES] = { false };
    GRand *rand = g_rand_new_with_seed(1);
    clear();
    for (unsigned i = 0; i < 200000; i++) {
        unsigned code = g_rand_int_range(rand, 1, INPUT_CODES + 5);
        switch (g_rand_int_range(rand, 0, 6)) {
        case 0: put(INPUT_MOVE, 0, 1, 1); break;
        case 1: put(INPUT_WHEEL, 0, 0, 1); break;
        case 2: put(INPUT_KEY, code, 0, 0); break;
        case 3: put(i % 1000 ? INPUT_KEY : INPUT_POINT, code, 1, 0); break;
        case 4: put(INPUT_KEY, code, 1, 0); break;
        default:
            if (i % 7 == 0 && queue.count) {
                InputEvent e = take();
                if (is_key(&e)) {
                    g_assert_true(down[e.code] != (e.x != 0)); /* no release without a press, none twice */
                    down[e.code] = e.x;
                }
            }
        }
    }
    g_assert_cmpuint(queue.count + queue.downs, <=, INPUT_QUEUE);
    release_all();
    g_assert_cmpuint(queue.downs, ==, 0);
    while (queue.count) {
        InputEvent e = take();
        if (is_key(&e)) {
            down[e.code] = e.x;
        }
    }
    for (unsigned code = 0; code < INPUT_CODES; code++) {
        g_assert_false(down[code]);
    }
    g_rand_free(rand);
}

/* A loaded queue that no put could have made. */
static void test_hostile(void)
{
    clear();
    queue.down[3] = 1;
    g_assert_false(input_queue_is_valid(&queue));
    queue.downs = 1;
    g_assert_true(input_queue_is_valid(&queue));
    queue.count = INPUT_QUEUE;
    g_assert_false(input_queue_is_valid(&queue));
    clear();
    queue.count = 1;
    queue.kind[0] = INPUT_TOUCH;
    g_assert_true(input_queue_is_valid(&queue));
    queue.code[0] = INPUT_FINGERS;
    g_assert_false(input_queue_is_valid(&queue));
}

/* ---- routing ----------------------------------------------------------------------- */

static void list_pointer(const InputSink *s, bool current, void *opaque)
{
    g_string_append_printf(opaque, "%s%u ", current ? "*" : "", s->number);
}

static void test_routing(void)
{
    Inputs *in = inputs_new(test_loop(), test_clock());
    Fake keys, mouse, tablet;
    fake_init(&keys, "keys", 1 << INPUT_KEY);
    fake_init(&mouse, "mouse", 1 << INPUT_MOVE | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    fake_init(&tablet, "tablet", 1 << INPUT_POINT | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    input_key(in, KEY_A, true); /* nobody is there */
    input_key(in, KEY_A, false);
    run_loop();
    input_add_sink(in, &keys.sink);
    input_add_sink(in, &tablet.sink);
    input_add_sink(in, &mouse.sink);
    g_assert_true(input_takes(in, INPUT_POINT) && !input_takes(in, INPUT_MOVE)); /* the eldest */
    input_activate(in, &mouse.sink);
    g_assert_true(input_takes(in, INPUT_MOVE) && !input_takes(in, INPUT_POINT));
    input_key(in, KEY_B, true);
    input_button(in, BTN_LEFT, true);
    expect(&keys, "1:48:1:0 ");
    expect(&mouse, "2:272:1:0 ");
    input_activate(in, &tablet.sink);
    g_assert_true(input_takes(in, INPUT_POINT) && !input_takes(in, INPUT_MOVE));
    input_send(in, &(InputEvent){ INPUT_POINT, 0, 3, 4 });
    input_send(in, &(InputEvent){ INPUT_WHEEL, 0, 0, -1 });
    expect(&tablet, "4:0:3:4 5:0:0:-1 ");
    g_autoptr(GString) list = g_string_new(NULL);
    input_foreach_pointer(in, list_pointer, list);
    g_assert_cmpstr(list->str, ==, "3 *2 ");
    g_assert_true(input_choose_pointer(in, 3));
    g_assert_false(input_choose_pointer(in, 1)); /* a keyboard */
    input_release_all(in);
    expect(&mouse, "2:272:0:0 ");
    expect(&keys, "1:48:0:0 ");
    input_remove_sink(in, &mouse.sink);
    input_remove_sink(in, &tablet.sink);
    input_remove_sink(in, &keys.sink);
    inputs_free(in);
    fake_finish(&keys);
    fake_finish(&mouse);
    fake_finish(&tablet);
}

/* A device that comes, starts or is chosen while something is down: its release is for who had the press. */
static void test_holders(void)
{
    Inputs *in = inputs_new(test_loop(), test_clock());
    Inputs *seat = input_seat(in, "gpu0", 0);
    Fake first, second, own, mouse, tablet, screens[2];
    fake_init(&first, "first", 1 << INPUT_KEY);
    fake_init(&second, "second", 1 << INPUT_KEY);
    fake_init(&own, "own", 1 << INPUT_KEY);
    fake_init(&mouse, "mouse", 1 << INPUT_MOVE | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    fake_init(&tablet, "tablet", 1 << INPUT_POINT | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    fake_init(&screens[0], "screen", 1 << INPUT_TOUCH | 1 << INPUT_LIFT);
    fake_init(&screens[1], "screen", 1 << INPUT_TOUCH | 1 << INPUT_LIFT);
    Fake *all[] = { &first, &second, &mouse, &tablet, &screens[0], &screens[1] };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        input_add_sink(in, &all[i]->sink);
    }
    input_key(in, KEY_A, true);
    input_key(seat, KEY_LEFTSHIFT, true); /* it has none of its own */
    input_button(in, BTN_LEFT, true);
    input_send(in, &(InputEvent){ INPUT_TOUCH, 2, 1, 1 });
    expect(&first, "1:30:1:0 1:42:1:0 ");
    expect(&mouse, "2:272:1:0 ");
    expect(&screens[0], "6:2:1:1 ");
    input_activate(in, &second.sink);
    input_activate(in, &screens[1].sink);
    input_add_sink(seat, &own.sink);
    g_assert_true(input_choose_pointer(in, tablet.sink.number));
    input_key(in, KEY_LEFTSHIFT, true); /* of somebody else */
    input_key(in, KEY_A, false);
    input_button(in, BTN_LEFT, false);
    input_send(in, &(InputEvent){ INPUT_TOUCH, 2, 2, 2 });
    input_send(in, &(InputEvent){ INPUT_LIFT, 2, 0, 0 });
    run_loop();
    input_key(seat, KEY_LEFTSHIFT, false);
    expect(&second, "1:42:1:0 ");
    expect(&first, "1:30:0:0 1:42:0:0 ");
    expect(&mouse, "2:272:0:0 ");
    expect(&screens[0], "6:2:2:2 7:2:0:0 ");
    input_key(in, KEY_A, true);
    input_key(seat, KEY_A, true);
    input_button(in, BTN_LEFT, true);
    input_send(in, &(InputEvent){ INPUT_TOUCH, 2, 3, 3 });
    expect(&second, "1:30:1:0 ");
    expect(&own, "1:30:1:0 ");
    expect(&tablet, "2:272:1:0 ");
    expect(&screens[1], "6:2:3:3 ");
    input_remove_sink(seat, &own.sink);
    fake_finish(&own);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        input_remove_sink(in, &all[i]->sink);
        fake_finish(all[i]);
    }
    input_release_all(in); /* nobody is there */
    input_release_all(seat);
    run_loop();
    inputs_free(in);
}

/* A screen that has devices of its own: what is typed before it goes there, what it has none for to all's. */
static void test_seats(void)
{
    Inputs *in = inputs_new(test_loop(), test_clock());
    Inputs *seat = input_seat(in, "gpu0", 1), *other = input_seat(in, "gpu0", 0);
    Fake keys, mouse, own_keys, own_tablet;
    g_assert_true(seat == input_seat(in, "gpu0", 1) && seat != other && input_seat_of(other, NULL) == in);
    fake_init(&keys, "keys", 1 << INPUT_KEY);
    fake_init(&mouse, "mouse", 1 << INPUT_MOVE | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    fake_init(&own_keys, "own keys", 1 << INPUT_KEY);
    fake_init(&own_tablet, "own tablet", 1 << INPUT_POINT | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    input_add_sink(in, &keys.sink);
    input_add_sink(in, &mouse.sink);
    input_key(seat, KEY_A, true); /* none of its own yet */
    expect(&keys, "1:30:1:0 ");
    input_add_sink(seat, &own_keys.sink);
    g_assert_true(input_takes(seat, INPUT_MOVE) && !input_takes(seat, INPUT_POINT));
    input_add_sink(seat, &own_tablet.sink);
    g_assert_true(input_takes(seat, INPUT_POINT) && !input_takes(seat, INPUT_MOVE));
    g_assert_true(input_takes(other, INPUT_MOVE) && !input_takes(other, INPUT_POINT));
    input_key(seat, KEY_B, true);
    input_key(other, KEY_C, true);
    input_key(in, KEY_D, true);
    input_button(seat, BTN_LEFT, true);
    input_button(other, BTN_RIGHT, true);
    input_send(seat, &(InputEvent){ INPUT_MOVE, 0, 1, 1 }); /* it has a pointer, which does not move so */
    expect(&own_keys, "1:48:1:0 ");
    expect(&keys, "1:32:1:0 1:46:1:0 "); /* each queue at a time */
    expect(&own_tablet, "2:272:1:0 ");
    expect(&mouse, "2:273:1:0 ");
    input_release_all(other); /* what was pressed there */
    expect(&keys, "1:46:0:0 ");
    expect(&own_keys, "");
    g_autoptr(GString) list = g_string_new(NULL);
    input_foreach_pointer(in, list_pointer, list);
    g_assert_cmpstr(list->str, ==, "*4 *2 ");
    g_assert_true(input_choose_pointer(in, 4));
    input_remove_sink(seat, &own_tablet.sink);
    input_remove_sink(seat, &own_keys.sink);
    input_key(seat, KEY_B, false); /* its device has gone: another hears of it */
    expect(&keys, "1:48:0:0 ");
    input_remove_sink(in, &mouse.sink);
    input_remove_sink(in, &keys.sink);
    inputs_free(in);
    fake_finish(&keys);
    fake_finish(&mouse);
    fake_finish(&own_keys);
    fake_finish(&own_tablet);
}

static void test_names(void)
{
    g_assert_cmpuint(input_key_code("ret"), ==, KEY_ENTER);
    g_assert_cmpuint(input_key_code("<"), ==, KEY_102ND);
    g_assert_cmpuint(input_key_code("meta_l"), ==, KEY_LEFTMETA);
    g_assert_cmpuint(input_key_code("0x1e"), ==, KEY_A);
    g_assert_cmpuint(input_key_code("0xc8"), ==, KEY_UP);
    g_assert_cmpuint(input_key_code("0xe048"), ==, KEY_UP);
    static const char *const none[] = { "", "enter", "A", "unmapped", "0x", "0x1ff", "0x10000", "space" };
    for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
        g_assert_cmpuint(input_key_code(none[i]), ==, 0);
    }
    unsigned count = 0;
    for (; input_key_names[count]; count++) {
        g_assert_true(count == 0 || input_key_codes[count]);
    }
    g_assert_cmpuint(count, ==, 162);
}

/* The 105 keys of a board: each has a usage, and no two the same code (but the backslash, which has two). */
static void test_hid(void)
{
    bool seen[INPUT_CODES] = { false };
    unsigned keys = 0;
    for (unsigned usage = 0; usage < 0x100; usage++) {
        unsigned code = input_key_of_hid(usage);
        g_assert_true(!code || !seen[code] || code == KEY_BACKSLASH);
        seen[code] = true;
        bool board = (usage >= 0x04 && usage <= 0x65 && usage != 0x32) || (usage >= 0xe0 && usage <= 0xe7);
        g_assert_true(!board || code);
        keys += board;
    }
    g_assert_cmpuint(keys, ==, 105);
    g_assert_cmpuint(input_key_of_hid(0x04), ==, KEY_A);
    g_assert_cmpuint(input_key_of_hid(0x52), ==, KEY_UP);
    g_assert_cmpuint(input_key_of_hid(UINT32_MAX), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input/fingers", test_fingers);
    g_test_add_func("/input/queue/merge", test_merge);
    g_test_add_func("/input/queue/flood", test_flood);
    g_test_add_func("/input/queue/hostile", test_hostile);
    g_test_add_func("/input/routing", test_routing);
    g_test_add_func("/input/holders", test_holders);
    g_test_add_func("/input/seats", test_seats);
    g_test_add_func("/input/keys/names", test_names);
    g_test_add_func("/input/keys/hid", test_hid);
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio keyboard, mouse, tablet and touch screen: what a driver reads of them, and which packets it gets; the monitor's commands. */
#include <linux/input-event-codes.h>
#include <string.h>

#include "monitor/monitor.h"
#include "tests/loop.h"
#include "tests/made.h"
#include "ui/console.h"
#include "ui/input.h"
#include "util/bytes.h"
#include "virtio-rig.h"

enum { CFG_NAME = 1, CFG_SERIAL = 2, CFG_IDS = 3, CFG_PROPERTIES = 0x10, CFG_EVENTS = 0x11, CFG_AXIS = 0x12 };

static unsigned choose(Rig *r, unsigned select, unsigned subselect)
{
    rig_config_write(r, 0, 1, select);
    rig_config_write(r, 1, 1, subselect);
    return (unsigned)rig_config(r, 2, 1);
}

static void expect_text(Rig *r, unsigned select, const char *text)
{
    unsigned n = choose(r, select, 0);
    g_assert_cmpuint(n, ==, strlen(text));
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(rig_config(r, 8 + i, 1), ==, text[i]);
    }
}

static bool sends(Rig *r, unsigned type, unsigned code)
{
    unsigned n = choose(r, CFG_EVENTS, type);
    return code / 8 < n && rig_config(r, 8 + code / 8, 1) >> code % 8 & 1;
}

static void test_config(gconstpointer kind)
{
    Rig r;
    rig_open(&r, GPOINTER_TO_INT(kind), "virtio-keyboard", "serial=s1");
    rig_start(&r, UINT64_MAX);
    expect_text(&r, CFG_NAME, "QEMU Virtio Keyboard");
    expect_text(&r, CFG_SERIAL, "s1");
    g_assert_cmpuint(choose(&r, CFG_IDS, 0), ==, 8);
    g_assert_cmphex(rig_config(&r, 8, 2), ==, 6);
    g_assert_cmphex(rig_config(&r, 12, 2), ==, 1);
    g_assert_true(sends(&r, EV_KEY, KEY_A) && sends(&r, EV_KEY, KEY_F24) && sends(&r, EV_LED, LED_CAPSL));
    g_assert_false(sends(&r, EV_KEY, BTN_LEFT) || sends(&r, EV_REL, REL_X) || sends(&r, EV_ABS, ABS_X));
    g_assert_cmpuint(choose(&r, CFG_AXIS, ABS_X), ==, 0);
    g_assert_cmpuint(choose(&r, 0x77, 0), ==, 0);
    g_assert_cmpuint(choose(&r, CFG_NAME, 1), ==, 0);
    rig_config_write(&r, 2, 1, 9); /* read-only */
    rig_close(&r);
    rig_open(&r, GPOINTER_TO_INT(kind), "virtio-tablet", NULL);
    rig_start(&r, UINT64_MAX);
    g_assert_true(sends(&r, EV_ABS, ABS_Y) && sends(&r, EV_KEY, BTN_RIGHT) && sends(&r, EV_REL, REL_WHEEL));
    g_assert_false(sends(&r, EV_REL, REL_X) || sends(&r, EV_KEY, KEY_A) || sends(&r, EV_ABS, ABS_Z));
    g_assert_cmpuint(choose(&r, CFG_AXIS, ABS_X), ==, 20);
    g_assert_cmpuint(rig_config(&r, 12, 4), ==, 32767);
    rig_close(&r);
}

/* ---- packets ----------------------------------------------------------------------- */

static void add_buffers(Rig *r, RigQueue *q, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const RigBuf buf = { RIG_DATA + 8 * (q->avail_idx % q->size), 8, true };
        rig_add_chain(q, &buf, 1, 0);
    }
    rig_kick(q);
    rig_loop();
}

/* "1:30:1 0:0:0 ": what came, type:code:value. */
static void expect_events(Rig *r, RigQueue *q, const char *expected)
{
    g_autoptr(GString) got = g_string_new(NULL);
    rig_loop();
    while (rig_used(q)) {
        hwaddr at = RIG_DATA + 8 * (q->used_idx % q->size); /* they come back in their order */
        g_assert_cmpuint(rig_wait(q, NULL), ==, 8);
        const uint8_t *e = rig_ram(r, at);
        g_string_append_printf(got, "%u:%u:%d ", (unsigned)load_le(e, 2), (unsigned)load_le(e + 2, 2),
                               (int32_t)load_le(e + 4, 4));
    }
    g_assert_cmpstr(got->str, ==, expected);
}

static void open_driver(Rig *r, RigQueue *events, RigQueue *status, int kind, const char *device)
{
    rig_open(r, kind, device, NULL);
    rig_start(r, UINT64_MAX);
    rig_queue(r, events, 0, 16);
    rig_queue(r, status, 1, 16);
    rig_driver_ok(r);
}

static void test_keys(gconstpointer kind)
{
    Rig r;
    RigQueue q, status;
    open_driver(&r, &q, &status, GPOINTER_TO_INT(kind), "virtio-keyboard");
    add_buffers(&r, &q, 3);
    input_key(r.m->inputs, KEY_A, true);
    expect_events(&r, &q, "1:30:1 0:0:0 ");
    input_key(r.m->inputs, KEY_A, true); /* a repeat of the host's: the guest repeats by itself */
    input_key(r.m->inputs, KEY_A, false);
    expect_events(&r, &q, ""); /* a buffer is left, a packet needs two */
    add_buffers(&r, &q, 1);
    expect_events(&r, &q, "1:30:0 0:0:0 ");
    input_key(r.m->inputs, KEY_B, true);
    rig_loop();
    rig_reset_device(&r); /* a driver that starts anew has missed nothing */
    rig_start(&r, UINT64_MAX);
    rig_queue(&r, &q, 0, 16);
    rig_queue(&r, &status, 1, 16);
    rig_driver_ok(&r);
    add_buffers(&r, &q, 4);
    input_key(r.m->inputs, KEY_B, false);
    input_key(r.m->inputs, KEY_C, true);
    expect_events(&r, &q, "1:46:1 0:0:0 ");
    memcpy(rig_ram(&r, RIG_DATA + 4096), "\x11\0\1\0\1\0\0\0", 8); /* caps lock is lit */
    const RigBuf light = { RIG_DATA + 4096, 8, false }, short_one = { RIG_DATA + 4096, 3, false };
    rig_add_chain(&status, &light, 1, 0);
    rig_add_chain(&status, &short_one, 1, 0);
    rig_kick(&status);
    g_assert_cmpuint(rig_wait(&status, NULL), ==, 0);
    g_assert_cmpuint(rig_wait(&status, NULL), ==, 0);
    rig_close(&r);
}

/* A state in which keys are down, told and not told yet: nobody else releases them. */
static void test_loaded(gconstpointer kind)
{
    Rig r;
    RigQueue q, status;
    g_autoptr(GError) err = NULL;
    open_driver(&r, &q, &status, GPOINTER_TO_INT(kind), "virtio-keyboard");
    add_buffers(&r, &q, 3);
    input_key(r.m->inputs, KEY_A, true);
    expect_events(&r, &q, "1:30:1 0:0:0 ");
    input_key(r.m->inputs, KEY_B, true);
    rig_loop();
    g_autoptr(GByteArray) saved = device_save(&r.v->dev);
    input_key(r.m->inputs, KEY_A, false);
    input_key(r.m->inputs, KEY_B, false);
    rig_loop();
    g_assert_true(device_load(&r.v->dev, saved->data, saved->len, &err));
    g_assert_no_error(err);
    add_buffers(&r, &q, 10);
    expect_events(&r, &q, "1:48:1 0:0:0 1:30:0 0:0:0 1:48:0 0:0:0 ");
    input_key(r.m->inputs, KEY_C, true);
    expect_events(&r, &q, "1:46:1 0:0:0 ");
    rig_close(&r);
}

static void test_pointers(gconstpointer kind)
{
    Rig r;
    RigQueue q, status;
    open_driver(&r, &q, &status, GPOINTER_TO_INT(kind), "virtio-mouse");
    input_send(r.m->inputs, &(InputEvent){ INPUT_MOVE, 0, 5, -6 });
    rig_loop();
    input_send(r.m->inputs, &(InputEvent){ INPUT_MOVE, 0, 1, 1 }); /* the driver is late */
    input_button(r.m->inputs, BTN_LEFT, true);
    rig_loop();
    add_buffers(&r, &q, 5);
    expect_events(&r, &q, "2:0:6 2:1:-5 0:0:0 1:272:1 0:0:0 ");
    input_send(r.m->inputs, &(InputEvent){ INPUT_WHEEL, 0, 0, -2 });
    add_buffers(&r, &q, 3);
    expect_events(&r, &q, "2:8:-2 0:0:0 ");
    rig_close(&r);
    open_driver(&r, &q, &status, GPOINTER_TO_INT(kind), "virtio-tablet");
    add_buffers(&r, &q, 3);
    input_send(r.m->inputs, &(InputEvent){ INPUT_POINT, 0, 32767, 0 });
    expect_events(&r, &q, "3:0:32767 3:1:0 0:0:0 ");
    rig_close(&r);
}

static void finger(Rig *r, InputKind kind, unsigned code, int x, int y)
{
    input_send(r->m->inputs, &(InputEvent){ kind, code, x, y });
    rig_loop();
}

static void test_fingers(gconstpointer kind)
{
    Rig r;
    RigQueue q, status;
    open_driver(&r, &q, &status, GPOINTER_TO_INT(kind), "virtio-multitouch");
    expect_text(&r, CFG_NAME, "QEMU Virtio MultiTouch");
    g_assert_true(sends(&r, EV_KEY, BTN_TOUCH) && sends(&r, EV_ABS, ABS_MT_SLOT) &&
                  sends(&r, EV_ABS, ABS_MT_TRACKING_ID) && sends(&r, EV_ABS, ABS_MT_POSITION_Y));
    g_assert_false(sends(&r, EV_KEY, BTN_LEFT) || sends(&r, EV_ABS, ABS_X) || sends(&r, EV_REL, REL_X));
    g_assert_cmpuint(choose(&r, CFG_AXIS, ABS_MT_SLOT), ==, 20);
    g_assert_cmpuint(rig_config(&r, 12, 4), ==, INPUT_FINGERS - 1);
    g_assert_cmpuint(choose(&r, CFG_AXIS, ABS_MT_POSITION_X), ==, 20);
    g_assert_cmpuint(rig_config(&r, 12, 4), ==, 32767);
    g_assert_cmpuint(choose(&r, CFG_AXIS, ABS_X), ==, 0);
    g_assert_cmpuint(choose(&r, CFG_PROPERTIES, 0), ==, 1);
    g_assert_cmphex(rig_config(&r, 8, 1), ==, 1 << INPUT_PROP_DIRECT);
    add_buffers(&r, &q, 15);
    finger(&r, INPUT_TOUCH, 0, 100, 200);
    expect_events(&r, &q, "3:47:0 3:57:0 3:53:100 3:54:200 1:330:1 0:0:0 ");
    finger(&r, INPUT_TOUCH, 7, 1, 2);
    finger(&r, INPUT_TOUCH, 0, 101, 202);
    expect_events(&r, &q, "3:47:7 3:57:1 3:53:1 3:54:2 0:0:0 3:47:0 3:53:101 3:54:202 0:0:0 ");
    finger(&r, INPUT_LIFT, 0, 0, 0); /* no buffers: nothing of it is told, or forgotten */
    expect_events(&r, &q, "");
    add_buffers(&r, &q, 13);
    expect_events(&r, &q, "3:47:0 3:57:-1 0:0:0 ");
    finger(&r, INPUT_LIFT, 7, 0, 0);
    finger(&r, INPUT_TOUCH, 0, 5, 6); /* another touch of it has another number */
    expect_events(&r, &q, "3:47:7 3:57:-1 1:330:0 0:0:0 3:47:0 3:57:2 3:53:5 3:54:6 1:330:1 0:0:0 ");
    rig_close(&r);
}

/* ---- the monitor ---------------------------------------------------------------------- */

/* A keyboard before one of two screens hears what is typed there, and no other one; a screen that is not there is refused. */
static void test_display(void)
{
    Rig r;
    RigQueue q, status;
    g_autoptr(GError) err = NULL;
    open_driver(&r, &q, &status, RIG_PCI, "virtio-keyboard");
    add_buffers(&r, &q, 4);
    Device *screen = rig_add(&r, "bochs-display", "id=screen");
    Console *c = consoles_get(r.m->consoles, 0);
    Device *own = rig_add(&r, "virtio-keyboard-pci", "display=screen");
    g_assert_null(test_add_device(r.m, "virtio-mouse-pci,display=other", &err));
    g_assert_nonnull(strstr(err->message, "display=other has no screen 0"));
    input_key(input_seat_of(r.m->inputs, c), KEY_A, true); /* for a driver that has not started */
    expect_events(&r, &q, "");
    input_key(r.m->inputs, KEY_B, true);
    expect_events(&r, &q, "1:48:1 0:0:0 ");
    g_assert_true(screen && own);
    rig_close(&r);
}

static void expect_line(Rig *r, const char *line, const char *answer)
{
    g_autofree char *got = monitor_run_line(r->m, line);
    g_assert_cmpstr(got, ==, answer);
}

static void test_monitor(void)
{
    Rig r;
    RigQueue q, status;
    open_driver(&r, &q, &status, RIG_PCI, "virtio-keyboard");
    add_buffers(&r, &q, 16);
    expect_line(&r, "info mice", "No mouse devices connected\n");
    expect_line(&r, "sendkey shift-a 0", "");
    while (((volatile uint16_t *)rig_ram(&r, q.used))[1] != 8) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    expect_events(&r, &q, "1:42:1 0:0:0 1:30:1 0:0:0 1:30:0 0:0:0 1:42:0 0:0:0 ");
    expect_line(&r, "sendkey foo", "Error: invalid parameter: foo\n");
    expect_line(&r, "sendkey a-", "Error: invalid parameter: \n");
    expect_line(&r, "sendkey", "sendkey: string expected\nTry \"help sendkey\" for more information\n");
    expect_line(&r, "mouse_set 99", "Error: Mouse at index '99' not found\n");
    rig_close(&r);
    open_driver(&r, &q, &status, RIG_PCI, "virtio-mouse");
    add_buffers(&r, &q, 16);
    expect_line(&r, "info mice", "* Mouse #1: QEMU Virtio Mouse\n");
    expect_line(&r, "mouse_move 3 -4 1", "");
    expect_line(&r, "mouse_button 2", "");
    expect_line(&r, "mouse_button 0", "");
    expect_events(&r, &q, "2:0:3 2:1:-4 0:0:0 2:8:-1 0:0:0 1:273:1 0:0:0 1:273:0 0:0:0 ");
    expect_line(
        &r, "mouse_move 1",
        "mouse_move: two or three numbers are expected\nTry \"help mouse_move\" for more information\n");
    expect_line(&r, "mouse_button 8",
                "mouse_button: a number is expected, a sum of 1 (L), 2 (R), 4 (M)\n"
                "Try \"help mouse_button\" for more information\n");
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-input/display", test_display);
    for (int kind = RIG_MODERN; kind <= RIG_PCI; kind++) {
        static const struct {
            const char *name;
            void (*test)(gconstpointer kind);
        } tests[] = { { "config", test_config },
                      { "keys", test_keys },
                      { "loaded", test_loaded },
                      { "pointers", test_pointers },
                      { "fingers", test_fingers } };
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path =
                g_strdup_printf("/virtio-input/%s/%s", tests[i].name, rig_kind_names[kind]);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].test);
        }
    }
    g_test_add_func("/virtio-input/monitor", test_monitor);
    return g_test_run();
}

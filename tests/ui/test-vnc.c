/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VNC viewers point at, without a server: across a change of the console. */
#include <linux/input-event-codes.h>

#include "input-fake.h"
#include "ui/vnc/vnc_priv.h"

static void type(void *opaque, const ConsoleKey *k)
{
}

/* A button that is pressed or released while a text console is shown is no news for the guest, and the next click is. */
static void test_text_between(void)
{
    static const ConsoleOps screen_ops = { NULL }, text_ops = { .type = type };
    Lock lock;
    Fake tablet;
    lock_init(&lock, LOCK_DEVICE);
    Consoles *all = consoles_new(test_loop(), test_clock());
    Console *screen = console_new(all, "gpu0", 0, &lock, &screen_ops, NULL);
    Console *text = console_new(all, "line", 0, &lock, &text_ops, NULL);
    Inputs *in = inputs_new(test_loop(), test_clock());
    fake_init(&tablet, "tablet", 1 << INPUT_POINT | 1 << INPUT_BUTTON | 1 << INPUT_WHEEL);
    input_add_sink(in, &tablet.sink);
    VncServer v = { .console = screen, .inputs = in, .seat = in };
    VncViewer w = { .v = &v };
    rfbClientRec *cl = g_new0(rfbClientRec, 1);
    cl->clientData = &w;
    vnc_pointer(1, 0, 0, cl);
    expect(&tablet, "4:0:0:0 2:272:1:0 ");
    vnc_release_all(cl);
    expect(&tablet, "2:272:0:0 ");
    v.console = text;
    vnc_pointer(0, 0, 0, cl);
    vnc_pointer(4, 0, 0, cl);
    expect(&tablet, "");
    v.console = screen;
    vnc_pointer(5, 0, 0, cl);
    expect(&tablet, "4:0:0:0 2:272:1:0 ");
    vnc_pointer(0, 0, 0, cl);
    expect(&tablet, "4:0:0:0 2:272:0:0 ");
    g_free(cl);
    input_remove_sink(in, &tablet.sink);
    inputs_free(in);
    console_free(text);
    console_free(screen);
    consoles_free(all);
    fake_finish(&tablet);
    lock_finish(&lock);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vnc/text-between", test_text_between);
    return g_test_run();
}

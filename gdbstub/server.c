/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stub on a chardev: who may connect, and what the run state tells it.
 *
 * A debugger that connects stops the machine (RUN_DEBUG).  One that goes away, however it
 * does (detach, a lost connection, `gdbserver none`), takes along all that it asked for:
 * breakpoints, steps, vCPUs held, and its own stop, but not one by the monitor.
 *
 * The main loop never waits for a debugger that does not read: answers wait in `unsent`,
 * and no packet is taken until they have gone (READ_MAX bytes of packets make a few MiB of
 * answers at most). */
#include <string.h>

#include "accel/accel.h"
#include "chardev/chardev.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/stub.h"
#include "system/runstate.h"

enum { READ_MAX = 2048 };

static GdbStub *stub;
static Chardev *chr;
static GByteArray *unsent;
static bool own_chr;   /* made here, not by -chardev */
static bool listening; /* to the run state: once for the process */

/* ---- the stub's life ---- */

GdbStub *gdb_stub_new(Machine *m, void (*write)(void *opaque, const uint8_t *bytes, size_t len), void *opaque)
{
    GdbStub *s = g_new0(GdbStub, 1);
    s->machine = m;
    s->write = write;
    s->opaque = opaque;
    s->points = g_array_new(false, false, sizeof(GdbPoint));
    s->in = g_string_new(NULL);
    s->last = g_string_new(NULL);
    return s;
}

void gdb_stub_free(GdbStub *s)
{
    gdb_points_clear(s);
    g_array_unref(s->points);
    g_string_free(s->in, true);
    g_string_free(s->last, true);
    if (s->xml) {
        g_string_free(s->xml, true);
    }
    g_free(s);
}

void gdb_stub_connect(GdbStub *s)
{
    s->noack = s->waits_for_stop = s->swbreak = s->hwbreak = s->physical = false;
    s->state = GDB_IDLE;
    s->general = s->control = s->stopped = NULL;
    g_string_truncate(s->last, 0);
    s->connected = true;
    if (runstate_get() == RUN_RUNNING) {
        runstate_stop(RUN_DEBUG);
    }
}

void gdb_stub_disconnect(GdbStub *s)
{
    s->connected = false;
    gdb_let_go(s);
}

/* ---- the chardev ---- */

static void server_flush(void *opaque)
{
    int n = chardev_write(chr, unsent->data, unsent->len);
    g_byte_array_remove_range(unsent, 0, n);
    if (unsent->len) {
        chardev_watch_writable(chr, server_flush, stub);
    } else {
        chardev_accept_input(chr);
    }
}

static void server_write(void *opaque, const uint8_t *bytes, size_t len)
{
    bool first = !unsent->len;
    g_byte_array_append(unsent, bytes, len);
    if (first) {
        server_flush(NULL);
    }
}

static int server_can_receive(void *opaque)
{
    return unsent->len ? 0 : READ_MAX;
}

static void server_receive(void *opaque, const uint8_t *buf, int len)
{
    GdbStub *s = opaque;
    s->feeding = true;
    gdb_stub_feed(s, buf, len);
    s->feeding = false;
}

static void server_event(void *opaque, ChardevEvent event)
{
    GdbStub *s = opaque;
    if (event == CHARDEV_OPENED && !s->connected) {
        gdb_stub_connect(s);
    } else if (event == CHARDEV_CLOSED && s->connected) {
        g_byte_array_set_size(unsent, 0);
        gdb_stub_disconnect(s);
    }
}

static const ChardevFrontend frontend = {
    .can_receive = server_can_receive,
    .receive = server_receive,
    .event = server_event,
};

static void on_runstate(RunState now, void *opaque)
{
    static const int signals[] = {
        [RUN_PAUSED] = GDB_SIGINT,
        [RUN_DEBUG] = GDB_SIGTRAP,
        [RUN_IO_ERROR] = GDB_SIGIO,
        [RUN_SHUTDOWN] = GDB_SIGQUIT,
    };
    bool stays = now != RUN_SHUTDOWN || (stub && stub->machine->config->no_shutdown);
    if (stub && stays && now != RUN_RUNNING && now != RUN_PRELAUNCH) {
        gdb_stub_machine_stopped(stub, signals[now]);
    }
}

static void on_debug(CPU *cpu, void *opaque)
{
    if (stub) {
        gdb_stub_debug_event(stub, cpu);
    } else if (runstate_get() == RUN_RUNNING) { /* it left before it could be told: go on */
        runstate_stop(RUN_DEBUG);
        runstate_start();
    }
}

/* gdb's device text with what a server needs: "tcp::1234" listens and does not wait. */
static char *server_text(const char *device)
{
    bool socket = g_str_has_prefix(device, "tcp:") || g_str_has_prefix(device, "unix:");
    if (!socket || strstr(device, ",server")) {
        return g_strdup(device);
    }
    bool tcp = device[0] == 't';
    return g_strdup_printf("%s,server=on,wait=off%s", device, tcp ? ",nodelay=on" : "");
}

bool gdbserver_start(Machine *m, const char *device, GError **err)
{
    g_autofree char *text = server_text(device);
    GError *why = NULL;
    bool with_monitor = false;
    if (stub && stub->feeding) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "gdbserver: a debugger cannot close the line that it speaks on; detach first");
        return false;
    }
    gdbserver_stop();
    if (g_str_equal(device, "none")) {
        return true;
    }
    if (!m->cpu_count) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "gdbserver: the machine has no CPU to debug");
        return false;
    }
    Chardev *c = chardev_new_from_short(m->chardevs, "gdb", text, &with_monitor, &why);
    if (!c) {
        if (why) {
            g_propagate_error(err, why);
            return false;
        }
        return true;
    }
    GdbStub *s = gdb_stub_new(m, server_write, NULL);
    stub = s;
    chr = c;
    unsent = g_byte_array_new();
    if (!chardev_attach(c, &frontend, s, NULL, err)) {
        stub = NULL;
        chr = NULL;
        g_clear_pointer(&unsent, g_byte_array_unref);
        gdb_stub_free(s);
        return false;
    }
    own_chr = !g_str_has_prefix(device, "chardev:");
    if (!listening) {
        runstate_add_listener(on_runstate, NULL);
        listening = true;
    }
    if (m->accel) {
        m->accel->class->set_debug_hook(m->accel, on_debug, NULL);
    }
    return true;
}

void gdbserver_stop(void)
{
    if (!stub) {
        return;
    }
    GdbStub *s = stub;
    chardev_detach(chr, s);
    if (own_chr) {
        chardev_free(chr);
    }
    chr = NULL;
    if (s->connected) {
        gdb_stub_disconnect(s);
    }
    stub = NULL;
    g_clear_pointer(&unsent, g_byte_array_unref);
    gdb_stub_free(s);
}

void gdbserver_exited(int status)
{
    if (stub) {
        gdb_stub_exited(stub, status);
        chardev_write_all(chr, unsent->data, unsent->len); /* waits a short time only */
        g_byte_array_set_size(unsent, 0);
        stub->connected = false;
    }
}

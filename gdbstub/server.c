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
#include "hw/runstate.h"

enum { READ_MAX = 2048 };

struct GdbServer {
    Machine *machine;
    GdbStub *stub; /* NULL: nobody is served; so are the next two */
    Chardev *chr;
    GByteArray *unsent;
    bool own_chr; /* made here, not by -chardev */
};

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
    if (runstate_get(s->machine) == RUN_RUNNING) {
        runstate_stop(s->machine, RUN_DEBUG);
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
    GdbServer *g = opaque;
    int n = chardev_write(g->chr, g->unsent->data, g->unsent->len);
    g_byte_array_remove_range(g->unsent, 0, n);
    if (g->unsent->len) {
        chardev_watch_writable(g->chr, server_flush, g);
    } else {
        chardev_accept_input(g->chr);
    }
}

static void server_write(void *opaque, const uint8_t *bytes, size_t len)
{
    GdbServer *g = opaque;
    bool first = !g->unsent->len;
    g_byte_array_append(g->unsent, bytes, len);
    if (first) {
        server_flush(g);
    }
}

static int server_can_receive(void *opaque)
{
    GdbServer *g = opaque;
    return g->unsent->len ? 0 : READ_MAX;
}

static void server_receive(void *opaque, const uint8_t *buf, int len)
{
    GdbStub *s = ((GdbServer *)opaque)->stub;
    s->feeding = true;
    gdb_stub_feed(s, buf, len);
    s->feeding = false;
}

static void server_event(void *opaque, ChardevEvent event)
{
    GdbServer *g = opaque;
    GdbStub *s = g->stub;
    if (event == CHARDEV_OPENED && !s->connected) {
        gdb_stub_connect(s);
    } else if (event == CHARDEV_CLOSED && s->connected) {
        g_byte_array_set_size(g->unsent, 0);
        gdb_stub_disconnect(s);
    }
}

static const ChardevFrontend frontend = {
    .can_receive = server_can_receive,
    .receive = server_receive,
    .event = server_event,
    .converses = true,
};

static void on_runstate(RunState now, void *opaque)
{
    static const int signals[] = {
        [RUN_PAUSED] = GDB_SIGINT,    [RUN_DEBUG] = GDB_SIGTRAP,          [RUN_IO_ERROR] = GDB_SIGIO,
        [RUN_PANICKED] = GDB_SIGQUIT, [RUN_INTERNAL_ERROR] = GDB_SIGABRT, [RUN_SHUTDOWN] = GDB_SIGQUIT,
    };
    GdbServer *g = opaque;
    bool stays = now != RUN_SHUTDOWN || runstate_actions(g->machine).shutdown == SHUTDOWN_PAUSE;
    if (g->stub && stays && now != RUN_RUNNING && now != RUN_PRELAUNCH) {
        gdb_stub_machine_stopped(g->stub, signals[now]);
    }
}

static void on_debug(CPU *cpu, void *opaque)
{
    GdbServer *g = opaque;
    if (g->stub) {
        gdb_stub_debug_event(g->stub, cpu);
    } else if (runstate_get(g->machine) == RUN_RUNNING) { /* it left before it could be told: go on */
        runstate_stop(g->machine, RUN_DEBUG);
        runstate_start(g->machine);
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

static void forget_debugger(GdbServer *g)
{
    g->chr = NULL;
    g_clear_pointer(&g->unsent, g_byte_array_unref);
    gdb_stub_free(g_steal_pointer(&g->stub));
}

static bool serve(GdbServer *g, Chardev *chr, bool own_chr, GError **err)
{
    g->stub = gdb_stub_new(g->machine, server_write, g);
    g->chr = chr;
    g->own_chr = own_chr;
    g->unsent = g_byte_array_new();
    if (!chardev_attach(chr, &frontend, g, NULL, err)) {
        forget_debugger(g);
        return false;
    }
    return true;
}

bool gdbserver_start(GdbServer *g, const char *device, GError **err)
{
    g_autofree char *text = server_text(device);
    GError *why = NULL;
    bool with_monitor = false;
    if (g->stub && g->stub->feeding) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "gdbserver: a debugger cannot close the line that it speaks on; detach first");
        return false;
    }
    gdbserver_stop(g);
    if (g_str_equal(device, "none")) {
        return true;
    }
    if (!g->machine->cpu_count) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "gdbserver: the machine has no CPU to debug");
        return false;
    }
    Chardev *chr = chardev_new_from_short(g->machine->chardevs, "gdb", text, &with_monitor, &why);
    if (why) {
        g_propagate_error(err, why);
        return false;
    }
    return !chr || serve(g, chr, !g_str_has_prefix(device, "chardev:"), err);
}

void gdbserver_stop(GdbServer *g)
{
    if (!g->stub) {
        return;
    }
    chardev_detach(g->chr, g);
    if (g->own_chr) {
        chardev_free(g->chr);
    }
    if (g->stub->connected) {
        gdb_stub_disconnect(g->stub);
    }
    forget_debugger(g);
}

void gdbserver_exited(GdbServer *g, int status)
{
    if (g->stub) {
        gdb_stub_exited(g->stub, status);
        chardev_write_all(g->chr, g->unsent->data, g->unsent->len); /* waits a short time only */
        g_byte_array_set_size(g->unsent, 0);
        g->stub->connected = false;
    }
}

static void set_hooks(Machine *m, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    Accel *all[] = { m->accel, m->reserve };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i]) {
            all[i]->class->set_debug_hook(all[i], fn, opaque);
        }
    }
}

GdbServer *gdbserver_new(Machine *m)
{
    GdbServer *g = g_new0(GdbServer, 1);
    g->machine = m;
    runstate_add_listener(m, on_runstate, g);
    set_hooks(m, on_debug, g);
    return g;
}

void gdbserver_free(GdbServer *g)
{
    if (!g) {
        return;
    }
    gdbserver_stop(g);
    set_hooks(g->machine, NULL, NULL);
    runstate_remove_listener(g->machine, on_runstate, g);
    g_free(g);
}

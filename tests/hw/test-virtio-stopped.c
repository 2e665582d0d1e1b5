/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a stopped machine: it may be on its way to another host or into a file, and what comes from outside (input,
 * frames, bytes, questions) does not write it.  It comes when the machine goes on. */
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "chardev/chardev.h"
#include "hw/virtio_balloon.h"
#include "tests/loop.h"
#include "tests/made.h"
#include "ui/input.h"
#include "virtio-fakes.h"
#include "virtio-rig.h"

enum { LOOPS = 20, PORT_EVENT_BYTES = 8 };

typedef struct Stopped {
    Rig r;
    RigQueue q[4];
    uint8_t *before; /* all of the memory, as the machine stopped */
} Stopped;

static void loops(void)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        rig_loop();
    }
}

static void start(Stopped *s, unsigned queues, uint64_t features)
{
    rig_start(&s->r, features);
    for (unsigned i = 0; i < queues; i++) {
        rig_queue(&s->r, &s->q[i], i, 16);
    }
    rig_driver_ok(&s->r);
    loops();
}

/* Buffers of 64 bytes for what is to come. */
static void add_buffers(Stopped *s, unsigned queue, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const RigBuf buf = { RIG_DATA + 4096 * queue + 64 * i, 64, true };
        rig_add_chain(&s->q[queue], &buf, 1, 0);
    }
    rig_kick(&s->q[queue]);
    loops();
}

static void stop(Stopped *s)
{
    clock_virtual_stop(s->r.m->clock);
    s->before = g_memdup2(rig_ram(&s->r, RIG_RAM), RIG_RAM_SIZE);
}

static void expect_untouched(Stopped *s)
{
    loops();
    g_assert_true(memcmp(rig_ram(&s->r, RIG_RAM), s->before, RIG_RAM_SIZE) == 0);
    g_free(s->before);
}

static void go_on(Stopped *s)
{
    expect_untouched(s);
    clock_virtual_start(s->r.m->clock);
}

static void test_input(gconstpointer kind)
{
    Stopped s;
    rig_open(&s.r, GPOINTER_TO_INT(kind), "virtio-keyboard", NULL);
    start(&s, 2, UINT64_MAX);
    add_buffers(&s, 0, 4);
    stop(&s);
    input_key(s.r.m->inputs, KEY_A, true);
    input_key(s.r.m->inputs, KEY_A, false);
    go_on(&s);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(rig_wait(&s.q[0], NULL), ==, 8);
    }
    g_assert_cmpmem(rig_ram(&s.r, RIG_DATA), 8, "\x01\0\x1e\0\x01\0\0\0", 8);
    rig_close(&s.r);
}

static void test_net(gconstpointer kind)
{
    Stopped s;
    uint8_t frame[50] = { 0x52, 0x54, 0, 0, 0, 1, 0x52, 0x55, 10, 0, 2, 2, 8 };
    memset(&fake_net, 0, sizeof(fake_net));
    rig_open(&s.r, GPOINTER_TO_INT(kind), "virtio-net", "netdev=n0,mac=52:54:00:00:00:01");
    start(&s, 3, UINT64_MAX);
    add_buffers(&s, 0, 1);
    const RigBuf out = { RIG_DATA + (1 << 20), 100, false };
    rig_add_chain(&s.q[1], &out, 1, 0);
    rig_kick(&s.q[1]); /* the loop comes to it behind the stop */
    stop(&s);
    unsigned accepts = fake_net.accepts, sent = fake_net.sent;
    g_assert_false(fake_net_deliver(frame, sizeof(frame))); /* the network keeps it */
    go_on(&s);
    g_assert_cmpuint(fake_net.sent, ==, sent);
    rig_wait(&s.q[1], NULL);
    g_assert_cmpuint(fake_net.sent, ==, sent + 1);
    while (fake_net.accepts == accepts) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    g_assert_true(fake_net_deliver(frame, sizeof(frame)));
    rig_wait(&s.q[0], NULL);
    rig_close(&s.r);
}

static int host_end(Rig *r, const char *dir)
{
    g_autoptr(GError) err = NULL;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    g_snprintf(a.sun_path, sizeof(a.sun_path), "%s/c0", dir);
    g_autofree char *text = g_strdup_printf("backend=socket,path=%s,server=on,wait=off,id=c0", a.sun_path);
    g_assert_nonnull(test_chardev(r->m->chardevs, text, &err));
    g_assert_no_error(err);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    loops();
    return fd;
}

/* Port 0 of a driver that knows one only, at a socket; both its directions. */
static void test_serial(gconstpointer kind)
{
    Stopped s;
    static char bulk[1 << 20];
    g_autofree char *dir = g_dir_make_tmp("lyrebird-XXXXXX", NULL);
    rig_open(&s.r, GPOINTER_TO_INT(kind), "virtio-serial", "id=vs");
    int fd = host_end(&s.r, dir);
    rig_add(&s.r, "virtconsole", "chardev=c0");
    start(&s, 2, 0);
    add_buffers(&s, 0, 1);
    const RigBuf big = { RIG_DATA + (1 << 20), sizeof(bulk), false };
    rig_add_chain(&s.q[1], &big, 1, 0); /* more than the host takes at once */
    rig_kick(&s.q[1]);
    loops();
    g_assert_false(rig_used(&s.q[1]));
    stop(&s);
    g_assert_cmpint(send(fd, "keys", 4, 0), ==, 4);
    size_t got = 0;
    for (ssize_t n; (n = recv(fd, bulk, sizeof(bulk), 0)) > 0; got += (size_t)n) {
        loops();
    }
    go_on(&s);
    g_assert_cmpuint(rig_wait(&s.q[0], NULL), ==, 4);
    g_assert_cmpmem(rig_ram(&s.r, RIG_DATA), 4, "keys", 4);
    while (got < sizeof(bulk)) {
        ssize_t n = recv(fd, bulk, sizeof(bulk), 0);
        got += n > 0 ? (size_t)n : 0;
        rig_loop();
    }
    rig_wait(&s.q[1], NULL);
    rig_close(&s.r);
    close(fd);
    g_autofree char *path = g_build_filename(dir, "c0", NULL);
    unlink(path);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

/* The host's end of a port closes: a message of the device's own. */
static void test_message(gconstpointer kind)
{
    Stopped s;
    g_autofree char *dir = g_dir_make_tmp("lyrebird-XXXXXX", NULL);
    rig_open(&s.r, GPOINTER_TO_INT(kind), "virtio-serial", "id=vs,max_ports=2");
    int fd = host_end(&s.r, dir);
    rig_add(&s.r, "virtconsole", "chardev=c0");
    start(&s, 4, UINT64_MAX);
    uint8_t ready[] = { 0, 0, 0, 0, 3, 0, 1, 0 }; /* port 0 */
    memcpy(rig_ram(&s.r, RIG_DATA + (1 << 20)), ready, sizeof(ready));
    add_buffers(&s, 2, 3);
    const RigBuf message = { RIG_DATA + (1 << 20), sizeof(ready), false };
    rig_add_chain(&s.q[3], &message, 1, 0);
    rig_kick(&s.q[3]);
    rig_wait(&s.q[3], NULL);
    g_assert_cmpuint(rig_wait(&s.q[2], NULL), ==, PORT_EVENT_BYTES); /* a console */
    g_assert_cmpuint(rig_wait(&s.q[2], NULL), ==, PORT_EVENT_BYTES); /* it is open */
    stop(&s);
    close(fd);
    go_on(&s);
    g_assert_cmpuint(rig_wait(&s.q[2], NULL), ==, PORT_EVENT_BYTES);
    g_assert_cmpmem(rig_ram(&s.r, RIG_DATA + 4096 * 2 + 64 * 2), 8, "\0\0\0\0\x06\0\0\0", 8);
    rig_close(&s.r);
    g_autofree char *path = g_build_filename(dir, "c0", NULL);
    unlink(path);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

/* A monitor asks for statistics. */
static void test_balloon(gconstpointer kind)
{
    Stopped s;
    rig_open(&s.r, GPOINTER_TO_INT(kind), "virtio-balloon", NULL);
    start(&s, 3, UINT64_MAX);
    const RigBuf stats = { RIG_DATA, 10, false };
    rig_add_chain(&s.q[2], &stats, 1, 0);
    rig_kick(&s.q[2]);
    loops();
    stop(&s);
    virtio_balloon_poll_stats(&s.r.v->dev);
    go_on(&s);
    rig_wait(&s.q[2], NULL);
    rig_close(&s.r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer kind);
    } cases[] = { { "input", test_input },
                  { "net", test_net },
                  { "serial", test_serial },
                  { "message", test_message },
                  { "balloon", test_balloon } };
    g_test_init(&argc, &argv, NULL);
    for (int kind = RIG_MODERN; kind <= RIG_PCI; kind++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *name = g_strdup_printf("/stopped/%s/%s", rig_kind_names[kind], cases[i].name);
            g_test_add_data_func(name, GINT_TO_POINTER(kind), cases[i].fn);
        }
    }
    return g_test_run();
}

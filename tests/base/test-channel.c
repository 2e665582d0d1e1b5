/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: how long whoever uses one waits for the other end. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"

enum { MOMENT_US = 100000 };

typedef struct Trickle {
    int fd, stop; /* stop: atomic */
} Trickle;

/* A byte again and again: the other end is never silent. */
static gpointer trickle(gpointer opaque)
{
    Trickle *t = opaque;
    while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
        send(t->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        g_usleep(MOMENT_US / 50);
    }
    return NULL;
}

static void test_end(void)
{
    int pair[2];
    uint8_t buf[65536];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    Channel *c = channel_new(pair[0]);
    Trickle t = { pair[1] };
    GThread *thread = g_thread_new("trickle", trickle, &t);
    gint64 end = g_get_monotonic_time() + MOMENT_US;
    channel_limit_waits(c, 3600);
    channel_end_by(c, end);
    int e = 0;
    while (!e) { /* any number of calls */
        e = channel_receive(c, buf, 7);
    }
    g_assert_cmpint(e, ==, -ETIMEDOUT);
    g_assert_cmpint(g_get_monotonic_time(), >=, end);
    g_assert_cmpint(channel_send(c, "x", 1), ==, -ETIMEDOUT);
    channel_end_by(c, g_get_monotonic_time() + MOMENT_US); /* one call */
    g_assert_cmpint(channel_receive(c, buf, sizeof(buf)), ==, -ETIMEDOUT);
    channel_end_by(c, 0);
    g_assert_cmpint(channel_receive(c, buf, 7), ==, 0);
    g_assert_cmpint(channel_send(c, "x", 1), ==, 0);
    __atomic_store_n(&t.stop, 1, __ATOMIC_RELEASE);
    g_thread_join(thread);
    channel_free(c);
    close(pair[1]);
}

/* Who takes nothing ends whoever sends. */
static void test_full(void)
{
    int pair[2];
    g_autofree uint8_t *much = g_malloc0(8 << 20);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    Channel *c = channel_new(pair[0]);
    channel_end_by(c, g_get_monotonic_time() + MOMENT_US);
    g_assert_cmpint(channel_send(c, much, 8 << 20), ==, -ETIMEDOUT);
    channel_free(c);
    close(pair[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel/end", test_end);
    g_test_add_func("/channel/full", test_full);
    return g_test_run();
}

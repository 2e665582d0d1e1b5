/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the chardev tests share. */
#include "rig.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/loop.h"
#include "tests/patience.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"

static int rig_can_receive(void *opaque)
{
    Rig *r = opaque;
    return r->room < 0 ? 65536 : r->room;
}

static void rig_receive(void *opaque, const uint8_t *buf, int len)
{
    Rig *r = opaque;
    g_assert_false(lock_try(&r->lock));
    g_assert_true(r->room < 0 || len <= r->room);
    g_string_append_len(r->got, (const char *)buf, len);
    if (r->room >= 0) {
        r->room -= len;
        if (r->room == 0 && r->per_turn) {
            r->room = r->per_turn;
            chardev_accept_input(r->chr);
        }
    }
}

static void rig_event(void *opaque, ChardevEvent event)
{
    Rig *r = opaque;
    int *counter[] = { &r->opened, &r->closed, &r->breaks, &r->focus_in, &r->focus_out };
    ++*counter[event];
}

const ChardevFrontend rig_frontend = {
    .can_receive = rig_can_receive,
    .receive = rig_receive,
    .event = rig_event,
};
const ChardevFrontend rig_background = {
    .can_receive = rig_can_receive,
    .receive = rig_receive,
    .event = rig_event,
    .background = true,
};

void rig_init(Rig *r, Chardev *chr, const ChardevFrontend *fe)
{
    *r = (Rig){ .got = g_string_new(NULL), .room = -1, .chr = chr };
    lock_init(&r->lock, LOCK_DEVICE);
    GError *err = NULL;
    bool ok = chardev_attach(chr, fe, r, &r->lock, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
}

void rig_clear(Rig *r)
{
    chardev_detach(r->chr, r);
    g_string_free(r->got, TRUE);
    lock_finish(&r->lock);
}

static void rig_send_more(void *opaque)
{
    Rig *r = opaque;
    while (r->out_done < r->out_len) {
        int n = chardev_write(r->chr, r->out + r->out_done, r->out_len - r->out_done);
        g_assert_cmpint(n, >=, 0);
        r->out_done += n;
        if (n == 0) {
            r->blocked++;
            chardev_watch_writable(r->chr, rig_send_more, r);
            return;
        }
    }
}

void rig_send(Rig *r, const char *data, int len)
{
    r->out = data;
    r->out_len = len;
    r->out_done = 0;
    rig_send_more(r);
}

Chardev *rig_chardev(const char *text, GError **err)
{
    return test_chardev(test_chardevs(), text, err);
}

Chardev *rig_chardev_ok(const char *text)
{
    GError *err = NULL;
    Chardev *chr = rig_chardev(text, &err);
    g_assert_no_error(err);
    g_assert_nonnull(chr);
    return chr;
}

static gboolean rig_tick(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

bool rig_wait(bool (*ready)(void *opaque), void *opaque)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    guint tick = g_timeout_add(20, rig_tick, NULL);
    bool ok;
    while (!(ok = ready(opaque)) && g_get_monotonic_time() < end) {
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
    g_source_remove(tick);
    return ok;
}

typedef struct Wanted {
    Rig *r;
    const char *text;
    gsize n;
} Wanted;

static bool has_text(void *opaque)
{
    Wanted *w = opaque;
    return strstr(w->r->got->str, w->text) != NULL;
}

static bool has_bytes(void *opaque)
{
    Wanted *w = opaque;
    return w->r->got->len >= w->n;
}

bool rig_wait_text(Rig *r, const char *text)
{
    return rig_wait(has_text, &(Wanted){ .r = r, .text = text });
}

bool rig_wait_bytes(Rig *r, gsize n)
{
    return rig_wait(has_bytes, &(Wanted){ .r = r, .n = n });
}

char *rig_dir(void)
{
    char *dir = g_dir_make_tmp("lyrebird-test-XXXXXX", NULL);
    g_assert_nonnull(dir);
    return dir;
}

int rig_unix_try(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int rig_unix_connect(const char *path)
{
    int fd = rig_unix_try(path);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

void rig_assert_error(GError **err, const char *part)
{
    g_assert_nonnull(*err);
    if (!strstr((*err)->message, part)) {
        g_test_message("'%s' is not in: %s", part, (*err)->message);
        g_test_fail();
    }
    g_clear_error(err);
}

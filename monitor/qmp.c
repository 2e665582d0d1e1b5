/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session of QMP: a greeting, a negotiation, then requests, replies and events.  Wire and order: QEMU's manual, "QMP
 * specification".
 *
 * What a client sends is read as its answers go out: while some wait, no further request is carried out, and what
 * has come in waits.  Events come all the same; when more than QUEUE_MAX bytes wait the connection ends, for the
 * machine never waits for a client.
 *
 * Not modelled: requests are carried out one after the other in the machine's loop, so an out-of-band one overtakes
 * none that is being carried out. */
#include "monitor/qmp.h"

#include <string.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "base/log.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_task.h"
#include "util/json.h"

enum {
    INPUT_MAX = 4096,     /* bytes that are taken at once */
    QUEUE_MAX = 1 << 20,  /* bytes that may wait for a client */
    PENDING_FDS_MAX = 64, /* descriptors that wait for their command */
};

struct QmpSession {
    Monitors *all;
    Chardev *chr;
    bool peer; /* the chardev is its own */
    bool pretty;
    bool negotiated, oob;
    JsonReader *reader;
    GByteArray *in; /* has come, and is not read yet */
    GString *out;   /* from `sent` on: to be written */
    gsize sent;
    GArray *fds;       /* of int: came, and no command has taken them */
    GHashTable *named; /* of getfd */
    Bh *end;
    bool over;           /* nothing is told any more: `end` comes */
    QmpTask *task;       /* the slow end of the command whose reply is due; NULL: there is none */
    QmpRequest awaiting; /* it: of this the id is ours */
};

static void session_run(QmpSession *s);

/* ---- out ----------------------------------------------------------------- */

static void session_writable(void *opaque)
{
    QmpSession *s = opaque;
    session_run(s);
    chardev_accept_input(s->chr); /* what came meanwhile was not taken */
}

static gsize session_queued(const QmpSession *s)
{
    return s->out->len - s->sent;
}

static void session_flush(QmpSession *s)
{
    if (!session_queued(s)) {
        return;
    }
    gsize n = MIN(session_queued(s), G_MAXINT);
    s->sent += (gsize)chardev_write(s->chr, s->out->str + s->sent, (int)n);
    if (!session_queued(s)) {
        s->sent = 0;
        g_string_truncate(s->out, 0);
    } else {
        chardev_watch_writable(s->chr, session_writable, s);
    }
}

/* The client goes, soon: callers may be in a callback of its chardev. */
static void session_end(QmpSession *s)
{
    s->over = true;
    bh_schedule(s->end);
}

static JsonWriter session_begin_line(QmpSession *s)
{
    if (s->sent) {
        g_string_erase(s->out, 0, (gssize)s->sent);
        s->sent = 0;
    }
    return (JsonWriter){ .out = s->out, .pretty = s->pretty };
}

static void session_end_line(QmpSession *s)
{
    g_string_append(s->out, "\r\n");
    session_flush(s);
}

static void session_greet(QmpSession *s)
{
    json_object *greeting = qmp_greeting();
    JsonWriter w = session_begin_line(s);
    json_write_value(&w, greeting);
    json_object_put(greeting);
    session_end_line(s);
}

static void session_return(QmpSession *s, const QmpRequest *r, json_object *result)
{
    JsonWriter w = session_begin_line(s);
    json_write_begin(&w, '{');
    json_write_key(&w, "return");
    json_write_value(&w, result);
    if (r->has_id) {
        json_write_key(&w, "id");
        json_write_value(&w, r->id);
    }
    json_write_end(&w, '}');
    session_end_line(s);
}

static void session_fail(QmpSession *s, const QmpRequest *r, const GError *err)
{
    JsonWriter w = session_begin_line(s);
    json_write_begin(&w, '{');
    if (r && r->has_id) {
        json_write_key(&w, "id");
        json_write_value(&w, r->id);
    }
    json_write_key(&w, "error");
    json_write_begin(&w, '{');
    json_write_key(&w, "class");
    json_write_string(&w, command_error_class(err));
    json_write_key(&w, "desc");
    json_write_string(&w, err->message);
    json_write_end(&w, '}');
    json_write_end(&w, '}');
    session_end_line(s);
}

void qmp_session_tell(QmpSession *s, const EventNote *note)
{
    if (!s->negotiated || s->over) {
        return;
    }
    JsonWriter w = session_begin_line(s);
    json_write_begin(&w, '{');
    json_write_key(&w, "timestamp");
    json_write_begin(&w, '{');
    json_write_key(&w, "seconds");
    json_write_int(&w, note->time_us / G_USEC_PER_SEC);
    json_write_key(&w, "microseconds");
    json_write_int(&w, note->time_us % G_USEC_PER_SEC);
    json_write_end(&w, '}');
    json_write_key(&w, "event");
    json_write_string(&w, note->event->name);
    if (note->data) {
        json_write_key(&w, "data");
        json_write_value(&w, note->data);
    }
    json_write_end(&w, '}');
    session_end_line(s);
    if (session_queued(s) > QUEUE_MAX) {
        log_report(
            "monitor '%s': a client does not read, and %d bytes wait for it: it is disconnected; let it read "
            "what it is sent",
            chardev_id(s->chr), (int)session_queued(s));
        session_end(s);
    }
}

/* ---- requests ------------------------------------------------------------ */

static void session_reply(QmpSession *s, const QmpRequest *r, json_object *result, const GError *err)
{
    events_tell(monitors_machine(s->all)->events); /* what the command has caused comes before its reply */
    if (err) {
        session_fail(s, r, err);
    } else {
        session_return(s, r, result);
    }
}

static void session_forget_task(QmpSession *s)
{
    s->task = NULL;
    json_object_put(s->awaiting.id);
    s->awaiting = (QmpRequest){ 0 };
}

/* Nobody waits for the reply any more. */
static void session_leave_task(QmpSession *s)
{
    if (s->task) {
        qmp_task_forget(s->task);
        session_forget_task(s);
    }
}

static void session_task_done(void *opaque, const GError *err)
{
    QmpSession *s = opaque;
    json_object *nothing = json_object_new_object();
    session_reply(s, &s->awaiting, nothing, err);
    json_object_put(nothing);
    session_forget_task(s);
    session_run(s);
    chardev_accept_input(s->chr);
}

static void session_request(QmpSession *s, json_object *value)
{
    g_autoptr(GError) err = NULL;
    QmpRequest r;
    json_object *result = NULL;
    CommandWork work = { 0 };
    Control c = { monitors_machine(s->all), s->all, s, &work };
    bool ok = qmp_request_parse(&r, value, s->negotiated, s->oob, &err) &&
              command_run(r.command, &c, r.args, true, &result, &err);
    if (ok && work.data) {
        s->awaiting = (QmpRequest){ .id = json_object_get(r.id), .has_id = r.has_id };
        s->task = qmp_task_new(s->all, &work, session_task_done, s);
    } else {
        session_reply(s, &r, result, err);
    }
    json_object_put(result);
}

/* Those that came with commands which did not take them. */
static void session_drop_fds(QmpSession *s)
{
    for (guint i = 0; i < s->fds->len; i++) {
        close(g_array_index(s->fds, int, i));
    }
    g_array_set_size(s->fds, 0);
}

/* Until something waits to be written, a reply is due, or all is read. */
static void session_read(QmpSession *s)
{
    while (s->in->len && !session_queued(s) && !s->task && !s->over) {
        g_autoptr(GError) err = NULL;
        json_object *value;
        gsize used;
        JsonStep step =
            json_reader_feed(s->reader, (const char *)s->in->data, s->in->len, &used, &value, &err);
        g_byte_array_remove_range(s->in, 0, (guint)used);
        if (step == JSON_VALUE) {
            session_request(s, value);
            json_object_put(value);
        } else if (step == JSON_ERROR) {
            session_fail(s, NULL, err);
        }
    }
}

static void session_run(QmpSession *s)
{
    session_flush(s);
    session_read(s);
    if (!s->in->len && json_reader_is_idle(s->reader)) {
        session_drop_fds(s);
    }
}

static int session_can_receive(void *opaque)
{
    const QmpSession *s = opaque;
    return s->in->len || session_queued(s) || s->task || s->over ? 0 : INPUT_MAX;
}

static void session_receive(void *opaque, const uint8_t *buf, int len)
{
    QmpSession *s = opaque;
    g_byte_array_append(s->in, buf, (guint)len);
    session_run(s);
}

static void session_receive_fds(void *opaque, const int *fds, unsigned count)
{
    QmpSession *s = opaque;
    for (unsigned i = 0; i < count; i++) {
        if (s->fds->len < PENDING_FDS_MAX) {
            g_array_append_val(s->fds, fds[i]);
        } else {
            close(fds[i]);
        }
    }
}

/* ---- for commands -------------------------------------------------------- */

void qmp_session_negotiate(QmpSession *s, bool oob)
{
    s->negotiated = true;
    s->oob = oob;
}

int qmp_session_take_fd(QmpSession *s)
{
    if (!s->fds->len) {
        return -1;
    }
    int fd = g_array_index(s->fds, int, 0);
    g_array_remove_index(s->fds, 0);
    return fd;
}

GHashTable *qmp_session_named_fds(QmpSession *s)
{
    return s->named;
}

/* ---- life ---------------------------------------------------------------- */

static void close_fd(void *fd)
{
    close(GPOINTER_TO_INT(fd));
}

/* Another client: nothing is left of the one before. */
static void session_reset(QmpSession *s)
{
    session_leave_task(s);
    json_reader_free(s->reader);
    s->reader = json_reader_new(JSON_MAX_DEPTH);
    g_byte_array_set_size(s->in, 0);
    g_string_truncate(s->out, 0);
    s->sent = 0;
    s->negotiated = s->oob = s->over = false;
    session_drop_fds(s);
    g_hash_table_remove_all(s->named);
}

static void session_event(void *opaque, ChardevEvent event)
{
    QmpSession *s = opaque;
    if (event == CHARDEV_OPENED) {
        session_reset(s);
        session_greet(s);
    } else if (event == CHARDEV_CLOSED) {
        session_reset(s);
        if (s->peer) {
            session_end(s);
        }
    }
}

static void session_is_over(void *opaque)
{
    QmpSession *s = opaque;
    if (s->peer) {
        monitors_end_session(s->all, s);
    } else if (!chardev_hang_up(s->chr)) {
        session_reset(
            s); /* a pipe or a terminal, which nobody leaves: what waited is lost, it may begin anew */
        session_greet(s);
    }
}

static const ChardevFrontend session_frontend = {
    .can_receive = session_can_receive,
    .receive = session_receive,
    .receive_fds = session_receive_fds,
    .event = session_event,
    .converses = true,
};

QmpSession *qmp_session_new(Monitors *all, Chardev *chr, bool pretty, bool peer, GError **err)
{
    QmpSession *s = g_new0(QmpSession, 1);
    *s = (QmpSession){ .all = all, .chr = chr, .pretty = pretty, .peer = peer };
    s->in = g_byte_array_new();
    s->out = g_string_new(NULL);
    s->fds = g_array_new(false, false, sizeof(int));
    s->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_fd);
    s->end = bh_new(monitors_machine(all)->loop, NULL, session_is_over, s);
    session_reset(s);
    if (!chardev_attach(chr, &session_frontend, s, NULL, err)) {
        s->peer = false;
        qmp_session_free(s);
        return NULL;
    }
    return s;
}

void qmp_session_free(void *opaque)
{
    QmpSession *s = opaque;
    session_leave_task(s);
    if (session_queued(s) && !s->over) { /* the reply to quit */
        chardev_write_all(s->chr, s->out->str + s->sent, (int)MIN(session_queued(s), G_MAXINT));
    }
    chardev_detach(s->chr, s);
    if (s->peer) {
        chardev_free(s->chr);
    }
    bh_free(s->end);
    json_reader_free(s->reader);
    session_drop_fds(s);
    g_byte_array_unref(s->in);
    g_string_free(s->out, true);
    g_array_unref(s->fds);
    g_hash_table_unref(s->named);
    g_free(s);
}

/* ---- sockets ------------------------------------------------------------- */

typedef struct QmpListener {
    Monitors *all;
    bool pretty;
} QmpListener;

static void listener_peer(void *opaque, Chardev *peer)
{
    const QmpListener *l = opaque;
    QmpSession *s = qmp_session_new(l->all, peer, l->pretty, true, NULL);
    monitors_add_session(l->all, s); /* a chardev that is new takes it */
}

bool qmp_serve(Monitors *all, Chardev *chr, bool pretty, GError **err)
{
    GError *why = NULL;
    if (chardev_is_mux(chr)) {
        return command_error(
            err, ERROR_GENERIC,
            "chardev '%s' has mux=on, where keys go to one of several: a control monitor needs a "
            "chardev of its own",
            chardev_id(chr));
    }
    QmpListener *l = g_new(QmpListener, 1);
    *l = (QmpListener){ all, pretty };
    monitors_own(all, l);
    if (chardev_serve_peers(chr, QMP_MAX_CLIENTS, listener_peer, l, &why)) {
        return true;
    }
    if (why) {
        g_propagate_error(err, why);
        return false;
    }
    QmpSession *s = qmp_session_new(all, chr, pretty, false, err);
    if (s) {
        monitors_add_session(all, s);
    }
    return s;
}

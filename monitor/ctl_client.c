/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's end of a control socket: see monitor/ctl_priv.h. */
#include "monitor/ctl_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/socket_addr.h"
#include "util/json.h"

enum { GREETING_S = 10 };

struct CtlClient {
    int fd;
    JsonReader *reader;
    char buf[64 << 10];
    size_t at, len; /* what of it is not read yet */
};

/* ---- connecting ---------------------------------------------------------- */

/* PATH, unix:PATH or tcp:HOST:PORT, an IPv6 host in brackets. */
static bool parse_address(const char *address, SockOptions *o, GError **err)
{
    if (!g_str_has_prefix(address, "tcp:")) {
        o->path = g_strdup(g_str_has_prefix(address, "unix:") ? address + strlen("unix:") : address);
        return true;
    }
    const char *host = address + strlen("tcp:"), *colon = strrchr(host, ':');
    if (!colon || colon == host || !colon[1]) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "no host and port in it");
        return false;
    }
    bool brackets = host[0] == '[' && colon[-1] == ']';
    o->host = g_strndup(host + brackets, colon - host - 2 * brackets);
    o->port = g_strdup(colon + 1);
    return true;
}

/* The first of the addresses that answers; -1 with errno. */
static int connect_first(const SockTarget *t)
{
    int fd = -1, e = EINVAL;
    for (int i = 0; fd < 0 && i < t->count; i++) {
        fd = socket(t->addr[i].sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&t->addr[i].sa, t->addr[i].len) < 0) {
            e = errno;
            close(fd);
            fd = -1;
        }
    }
    errno = e;
    return fd;
}

/* -1: there is no connection. */
static int connect_to(const char *address, GError **err)
{
    GError *why = NULL;
    SockOptions o = { 0 };
    SockTarget target = { 0 };
    int fd = -1;
    if (parse_address(address, &o, &why) && sock_target_init(&target, &o, false, &why)) {
        fd = connect_first(&target);
        const char *text = fd < 0 ? g_strerror(errno) : NULL;
        why = fd < 0 ? g_error_new_literal(G_FILE_ERROR, g_file_error_from_errno(errno), text) : NULL;
    }
    sock_target_clear(&target);
    g_free(o.path);
    g_free(o.host);
    g_free(o.port);
    if (fd < 0) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
            "cannot connect to '%s': %s; start the machine with -qmp unix:PATH,server=on,wait=off, and name that "
            "path, or tcp:HOST:PORT",
            address, why->message);
        g_error_free(why);
    }
    return fd;
}

/* 0: for ever. */
static void set_patience(const CtlClient *c, unsigned seconds)
{
    struct timeval t = { .tv_sec = seconds };
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

void ctl_close(CtlClient *c)
{
    if (c) {
        json_reader_free(c->reader);
        close(c->fd);
        g_free(c);
    }
}

/* ---- messages ------------------------------------------------------------ */

/* The next value; NULL without an error: the end. */
static json_object *read_value(CtlClient *c, GError **err)
{
    for (;;) {
        json_object *value;
        size_t used;
        JsonStep step = json_reader_feed(c->reader, c->buf + c->at, c->len - c->at, &used, &value, err);
        c->at += used;
        if (step == JSON_ERROR) {
            g_prefix_error(err, "it is no control socket (QMP), which -qmp makes: ");
            return NULL;
        }
        if (step == JSON_VALUE && json_object_is_type(value, json_type_object)) {
            return value;
        }
        if (step == JSON_VALUE) {
            json_object_put(value);
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "a message is no object; is it a control socket (QMP)?");
            return NULL;
        }
        ssize_t n = TEMP_FAILURE_RETRY(recv(c->fd, c->buf, sizeof(c->buf), 0));
        if (n < 0) {
            g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot read: %s",
                        g_strerror(errno));
        }
        if (n <= 0) {
            return NULL;
        }
        c->at = 0;
        c->len = n;
    }
}

static json_object *read_message(CtlClient *c, GError **err)
{
    json_object *value = read_value(c, err);
    if (!value && !*err) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_PIPE,
                    "the connection was closed before the reply came; the machine has ended, "
                    "or its monitor was removed");
    }
    return value;
}

static bool send_all(const CtlClient *c, const char *text, size_t len, GError **err)
{
    while (len) {
        ssize_t n = TEMP_FAILURE_RETRY(send(c->fd, text, len, MSG_NOSIGNAL));
        if (n < 0) {
            g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot write: %s",
                        g_strerror(errno));
            return false;
        }
        text += n;
        len -= n;
    }
    return true;
}

static bool send_command(CtlClient *c, const char *command, json_object *args, GError **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    JsonWriter w = { .out = text };
    json_write_begin(&w, '{');
    json_write_key(&w, "execute");
    json_write_string(&w, command);
    if (args) {
        json_write_key(&w, "arguments");
        json_write_value(&w, args);
    }
    json_write_end(&w, '}');
    g_string_append_c(text, '\n');
    return send_all(c, text->str, text->len, err);
}

json_object *ctl_ask(CtlClient *c, const char *command, json_object *args, GError **err)
{
    GError *why = NULL;
    json_object *reply = NULL;
    if (send_command(c, command, args, &why)) {
        while ((reply = read_message(c, &why)) && json_object_object_get_ex(reply, "event", NULL)) {
            json_object_put(reply);
        }
    }
    if (why) {
        g_propagate_error(err, why);
    }
    return reply;
}

json_object *ctl_next_event(CtlClient *c, GError **err)
{
    GError *why = NULL;
    json_object *event;
    while ((event = read_value(c, &why)) && !json_object_object_get_ex(event, "event", NULL)) {
        json_object_put(event);
    }
    if (why) {
        g_propagate_error(err, why);
    }
    return event;
}

/* ---- the beginning ------------------------------------------------------- */

static bool negotiate(CtlClient *c, GError **err)
{
    set_patience(c, GREETING_S);
    json_object *greeting = read_message(c, err);
    if (!greeting) {
        if (g_error_matches(*err, G_FILE_ERROR, G_FILE_ERROR_AGAIN)) {
            g_clear_error(err);
            g_set_error(
                err, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                "no greeting within %d seconds: another client has the socket (QEMU serves one at a time), or it is "
                "no control socket",
                GREETING_S);
        }
        return false;
    }
    bool ok = json_object_object_get_ex(greeting, "QMP", NULL);
    json_object_put(greeting);
    if (!ok) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "the greeting is not that of a control socket (QMP)");
        return false;
    }
    json_object *reply = ctl_ask(c, "qmp_capabilities", NULL, err);
    json_object_put(reply);
    set_patience(c, 0);
    return reply != NULL;
}

CtlClient *ctl_connect(const char *address, GError **err)
{
    GError *why = NULL;
    int fd = connect_to(address, &why);
    if (fd < 0) {
        g_propagate_error(err, why);
        return NULL;
    }
    CtlClient *c = g_new0(CtlClient, 1);
    c->fd = fd;
    c->reader = json_reader_new(JSON_MAX_DEPTH);
    if (!negotiate(c, &why)) {
        g_propagate_prefixed_error(err, why, "'%s': ", address);
        ctl_close(c);
        return NULL;
    }
    return c;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's end of a control socket: see monitor/ctl_priv.h. */
#include "monitor/ctl_priv.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "util/json.h"

enum { GREETING_S = 10 };

struct CtlClient {
    GSocketConnection *connection;
    GInputStream *in;
    GOutputStream *out;
    JsonReader *reader;
    char buf[64 << 10];
    size_t at, len; /* what of it is not read yet */
};

/* ---- connecting ---------------------------------------------------------- */

static GSocketConnectable *parse_address(const char *address, GError **err)
{
    const char *path = g_str_has_prefix(address, "unix:") ? address + strlen("unix:") : address;
    if (g_str_has_prefix(address, "tcp:")) {
        return g_network_address_parse(address + strlen("tcp:"), 0, err);
    }
    return G_SOCKET_CONNECTABLE(g_unix_socket_address_new(path));
}

static GSocketConnection *connect_to(const char *address, GError **err)
{
    GSocketConnection *made = NULL;
    GSocketConnectable *place = parse_address(address, err);
    if (place) {
        g_autoptr(GSocketClient) client = g_socket_client_new();
        g_socket_client_set_enable_proxy(client, false);
        made = g_socket_client_connect(client, place, NULL, err);
        g_object_unref(place);
    }
    if (!made) {
        g_autofree char *why = g_strdup(*err ? (*err)->message : "");
        g_clear_error(err);
        g_set_error(
            err, G_IO_ERROR, G_IO_ERROR_FAILED,
            "cannot connect to '%s': %s; start the machine with -qmp unix:PATH,server=on,wait=off, and name that "
            "path, or tcp:HOST:PORT",
            address, why);
    }
    return made;
}

static void set_patience(CtlClient *c, unsigned seconds)
{
    g_socket_set_timeout(g_socket_connection_get_socket(c->connection), seconds);
}

void ctl_close(CtlClient *c)
{
    if (c) {
        json_reader_free(c->reader);
        g_object_unref(c->connection);
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
            g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                        "a message is no object; is it a control socket (QMP)?");
            return NULL;
        }
        gssize n = g_input_stream_read(c->in, c->buf, sizeof(c->buf), NULL, err);
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
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_CLOSED,
                    "the connection was closed before the reply came; the machine has ended, "
                    "or its monitor was removed");
    }
    return value;
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
    return g_output_stream_write_all(c->out, text->str, text->len, NULL, NULL, err);
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
        if (g_error_matches(*err, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
            g_clear_error(err);
            g_set_error(
                err, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                "no greeting within %d seconds: another client has the socket (QEMU serves one at a time), or it is "
                "no control socket",
                GREETING_S);
        }
        return false;
    }
    bool ok = json_object_object_get_ex(greeting, "QMP", NULL);
    json_object_put(greeting);
    if (!ok) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
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
    GSocketConnection *connection = connect_to(address, &why);
    if (!connection) {
        g_propagate_error(err, why);
        return NULL;
    }
    CtlClient *c = g_new0(CtlClient, 1);
    c->connection = connection;
    c->in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    c->out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    c->reader = json_reader_new(JSON_MAX_DEPTH);
    if (!negotiate(c, &why)) {
        g_propagate_prefixed_error(err, why, "'%s': ", address);
        ctl_close(c);
        return NULL;
    }
    return c;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev-add and chardev-change.  Programs write a backend as nested unions; what is in them is said, flat, to the parser of
 * -chardev, so that there is one check of each value.
 *
 * Nothing here may wait while a machine runs: a listening socket waits for nobody, and a connection to another host is made
 * in the background (reconnect-ms). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "hw/board.h"
#include "monitor/qmp.h"

enum {
    BACKEND_FILE,
    BACKEND_NULL,
    BACKEND_PIPE,
    BACKEND_PTY,
    BACKEND_RINGBUF,
    BACKEND_SOCKET,
    BACKEND_STDIO
};
enum { ADDRESS_INET, ADDRESS_UNIX, ADDRESS_FD };
static const char *const backend_names[] = {
    [BACKEND_FILE] = "file",       [BACKEND_NULL] = "null",
    [BACKEND_PIPE] = "pipe",       [BACKEND_PTY] = "pty",
    [BACKEND_RINGBUF] = "ringbuf", [BACKEND_SOCKET] = "socket",
    [BACKEND_STDIO] = "stdio",     NULL,
};
static const char *const address_names[] = {
    [ADDRESS_INET] = "inet", [ADDRESS_UNIX] = "unix", [ADDRESS_FD] = "fd", NULL
};
static const char *const unbuilt_backends[] = {
    "serial",  "parallel", "udp",       "mux",          "hub",  "msmouse", "wctablet", "braille",
    "testdev", "spicevmc", "spiceport", "qemu-vdagent", "dbus", "vc",      "memory",   NULL,
};
static const char *const unbuilt_addresses[] = { "vsock", NULL };

/* ---- rows: the union of all backends' data -------------------------------- */

typedef struct AddressData {
    char *host, *port, *path, *str;
    int64_t to;
    bool ipv4, ipv6, abstract, tight, has_to, has_ipv4, has_ipv6, has_abstract, has_tight;
} AddressData;
typedef struct Address {
    int type;
    AddressData *data;
} Address;
typedef struct BackendData {
    char *logfile, *in, *out, *device, *path;
    int64_t size, reconnect_ms;
    Address *addr;
    bool logappend, append, signal, server, wait, nodelay;
    bool has_logappend, has_append, has_signal, has_server, has_wait, has_nodelay, has_size, has_reconnect_ms;
} BackendData;
typedef struct Backend {
    int type;
    BackendData *data;
} Backend;
typedef struct ChardevAdd {
    char *id;
    Backend *backend;
} ChardevAdd;
typedef struct ChardevReturn {
    char *pty;
} ChardevReturn;

/* clang-format off */
#define T AddressData
static const Prop inet_props[] = {
    { "host", PROP_STRING, ALWAYS(host), .help = "an address" },
    { "port", PROP_STRING, ALWAYS(port) },
    { "to", PROP_I64, MAYBE_HAS(to) },
    { "ipv4", PROP_BOOL, MAYBE_HAS(ipv4) },
    { "ipv6", PROP_BOOL, MAYBE_HAS(ipv6) },
    { NULL },
};
static const Prop unix_props[] = {
    { "path", PROP_STRING, ALWAYS(path) },
    { "abstract", PROP_BOOL, MAYBE_HAS(abstract) },
    { "tight", PROP_BOOL, MAYBE_HAS(tight) },
    { NULL },
};
static const Prop fd_props[] = { { "str", PROP_STRING, ALWAYS(str), .help = "its name of getfd" }, { NULL } };
#undef T
static const Shape inet_shape = { "InetSocketAddress", sizeof(AddressData), inet_props };
static const Shape unix_shape = { "UnixSocketAddress", sizeof(AddressData), unix_props };
static const Shape fd_shape = { "FdSocketAddress", sizeof(AddressData), fd_props };

#define WRAPPED(T_, shape) { { "data", PROP_STRUCT, offsetof(T_, data), .required = true, .of = &(shape) }, { NULL } }
static const Prop inet_arm_props[] = WRAPPED(Address, inet_shape), unix_arm_props[] = WRAPPED(Address, unix_shape),
                  fd_arm_props[] = WRAPPED(Address, fd_shape);
static const Shape inet_arm = { "InetSocketAddressWrapper", sizeof(Address), inet_arm_props };
static const Shape unix_arm = { "UnixSocketAddressWrapper", sizeof(Address), unix_arm_props };
static const Shape fd_arm = { "FdSocketAddressWrapper", sizeof(Address), fd_arm_props };
static const Shape *const address_arms[] = {
    [ADDRESS_INET] = &inet_arm, [ADDRESS_UNIX] = &unix_arm, [ADDRESS_FD] = &fd_arm,
};
#define T Address
static const Prop address_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = address_names, .unbuilt = unbuilt_addresses },
    { NULL },
};
#undef T
static const Shape address_shape = {
    "SocketAddressLegacy", sizeof(Address), address_props, .tag = &address_props[0], .arms = address_arms,
};

#define T BackendData
#define COMMON { "logfile", PROP_STRING, MAYBE(logfile) }, { "logappend", PROP_BOOL, MAYBE_HAS(logappend) }
static const Prop common_props[] = { COMMON, { NULL } };
static const Prop file_props[] = {
    COMMON,
    { "in", PROP_STRING, MAYBE(in), .help = "file that is read" },
    { "out", PROP_STRING, ALWAYS(out), .help = "file that is written" },
    { "append", PROP_BOOL, MAYBE_HAS(append) },
    { NULL },
};
static const Prop pipe_props[] = { COMMON, { "device", PROP_STRING, ALWAYS(device), .help = "its name" }, { NULL } };
static const Prop pty_props[] = { COMMON, { "path", PROP_STRING, MAYBE(path), .help = "a link to the terminal" }, { NULL } };
static const Prop ringbuf_props[] = { COMMON, { "size", PROP_I64, MAYBE_HAS(size), .help = "bytes, a power of two" }, { NULL } };
static const Prop stdio_props[] = { COMMON, { "signal", PROP_BOOL, MAYBE_HAS(signal) }, { NULL } };
static const Prop socket_props[] = {
    COMMON,
    { "addr", PROP_STRUCT, ALWAYS(addr), .of = &address_shape },
    { "server", PROP_BOOL, MAYBE_HAS(server), .help = "it listens, unless told not to" },
    { "wait", PROP_BOOL, MAYBE_HAS(wait) },
    { "nodelay", PROP_BOOL, MAYBE_HAS(nodelay) },
    { "reconnect-ms", PROP_I64, MAYBE_HAS(reconnect_ms), .help = "when it tries again" },
    { NULL },
};
#undef T
static const Shape common_shape = { "ChardevCommon", sizeof(BackendData), common_props };
static const Shape file_shape = { "ChardevFileData", sizeof(BackendData), file_props };
static const Shape pipe_shape = { "ChardevHostdev", sizeof(BackendData), pipe_props };
static const Shape pty_shape = { "ChardevPtyData", sizeof(BackendData), pty_props };
static const Shape ringbuf_shape = { "ChardevRingbufData", sizeof(BackendData), ringbuf_props };
static const Shape socket_shape = { "ChardevSocketData", sizeof(BackendData), socket_props };
static const Shape stdio_shape = { "ChardevStdioData", sizeof(BackendData), stdio_props };

static const Prop file_arm_props[] = WRAPPED(Backend, file_shape), common_arm_props[] = WRAPPED(Backend, common_shape),
                  pipe_arm_props[] = WRAPPED(Backend, pipe_shape), pty_arm_props[] = WRAPPED(Backend, pty_shape),
                  ringbuf_arm_props[] = WRAPPED(Backend, ringbuf_shape),
                  socket_arm_props[] = WRAPPED(Backend, socket_shape), stdio_arm_props[] = WRAPPED(Backend, stdio_shape);
static const Shape file_arm = { "ChardevFileWrapper", sizeof(Backend), file_arm_props };
static const Shape common_arm = { "ChardevCommonWrapper", sizeof(Backend), common_arm_props };
static const Shape pipe_arm = { "ChardevHostdevWrapper", sizeof(Backend), pipe_arm_props };
static const Shape pty_arm = { "ChardevPtyWrapper", sizeof(Backend), pty_arm_props };
static const Shape ringbuf_arm = { "ChardevRingbufWrapper", sizeof(Backend), ringbuf_arm_props };
static const Shape socket_arm = { "ChardevSocketWrapper", sizeof(Backend), socket_arm_props };
static const Shape stdio_arm = { "ChardevStdioWrapper", sizeof(Backend), stdio_arm_props };
static const Shape *const backend_arms[] = {
    [BACKEND_FILE] = &file_arm,       [BACKEND_NULL] = &common_arm,   [BACKEND_PIPE] = &pipe_arm,   [BACKEND_PTY] = &pty_arm,
    [BACKEND_RINGBUF] = &ringbuf_arm, [BACKEND_SOCKET] = &socket_arm, [BACKEND_STDIO] = &stdio_arm,
};
#define T Backend
static const Prop backend_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = backend_names, .unbuilt = unbuilt_backends },
    { NULL },
};
#undef T
static const Shape backend_shape = {
    "ChardevBackend", sizeof(Backend), backend_props, .tag = &backend_props[0], .arms = backend_arms,
};
#define T ChardevAdd
static const Prop add_props[] = {
    { "id", PROP_STRING, ALWAYS(id), .help = "name of the chardev" },
    { "backend", PROP_STRUCT, ALWAYS(backend), .of = &backend_shape, .help = "its host end" },
    { NULL },
};
#undef T
static const Shape add_shape = { "ChardevAdd", sizeof(ChardevAdd), add_props };
#define T ChardevReturn
static const Prop return_props[] = { { "pty", PROP_STRING, MAYBE(pty), .help = "the terminal's name" }, { NULL } };
#undef T
static const Shape return_shape = { "ChardevReturn", sizeof(ChardevReturn), return_props };
/* clang-format on */

/* ---- as -chardev has it --------------------------------------------------- */

static const char *flat_name(const char *name)
{
    static const struct {
        const char *nested, *flat;
    } names[] = { { "in", "input-path" }, { "out", "path" }, { "device", "path" }, { "str", "fd" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i].nested, name)) {
            return names[i].flat;
        }
    }
    return name;
}

static void flatten(json_object *from, json_object *to)
{
    json_object_object_foreach(from, name, value)
    {
        if (json_object_is_type(value, json_type_object)) {
            flatten(value, to);
        } else if (!g_str_equal(name, "type")) {
            json_object_object_add(to, flat_name(name), json_object_get(value));
        }
    }
}

/* What the client has sent under that name (getfd) is *fd then, the caller's, and in `flat` by its number.  A number of the client's
 * own is no name: it could be any descriptor of this process. */
static bool take_fd(Control *c, const char *name, json_object *flat, int *fd, GError **err)
{
    *fd = qmp_take_named_fd(c->session, name, err);
    if (*fd < 0) {
        return false;
    }
    g_autofree char *text = g_strdup_printf("%d", *fd);
    json_object_object_add(flat, "fd", json_object_new_string(text));
    return true;
}

static bool is_near(const char *host)
{
    return !*host || g_str_equal(host, "localhost") || g_hostname_is_ip_address(host);
}

static bool check_address(const BackendData *d, bool server, GError **err)
{
    if (d->addr->type != ADDRESS_INET) {
        return true;
    }
    if (!is_near(d->addr->data->host)) {
        return command_error(
            err, ERROR_GENERIC,
            "the machine would stand still while the name '%s' is looked up; give an address",
            d->addr->data->host);
    }
    return server || d->reconnect_ms > 0 ||
           command_error(
               err, ERROR_GENERIC,
               "the machine would stand still while the connection is made; give reconnect-ms, and it is "
               "made in the background");
}

static bool prepare_socket(Control *c, const BackendData *d, json_object *flat, int *fd, GError **err)
{
    bool server = !d->has_server || d->server;
    if (d->has_wait && d->wait) {
        return command_error(
            err, ERROR_GENERIC,
            "wait: a machine that runs does not wait for a client; leave it out, or say false");
    }
    json_object_object_add(flat, "server", json_object_new_boolean(server));
    json_object_object_del(flat, "wait");
    if (server) {
        json_object_object_add(flat, "wait", json_object_new_boolean(false));
    }
    return check_address(d, server, err) &&
           (d->addr->type != ADDRESS_FD || take_fd(c, d->addr->data->str, flat, fd, err));
}

/* What chardev_new takes; NULL: refused.  *fd: what it names, or -1. */
static ChardevOptions *options_of(Control *c, const ChardevAdd *a, int *fd, GError **err)
{
    const PropContext context = { .typed = true };
    json_object *nested = shape_json(&backend_shape, a->backend), *flat = json_object_new_object();
    flatten(nested, flat);
    json_object_object_add(flat, "backend", json_object_new_string(backend_names[a->backend->type]));
    json_object_object_add(flat, "id", json_object_new_string(a->id));
    bool ok = a->backend->type != BACKEND_SOCKET || prepare_socket(c, a->backend->data, flat, fd, err);
    ChardevOptions *o = ok ? shape_new(&chardev_shape, flat, &context, err) : NULL;
    json_object_put(flat);
    json_object_put(nested);
    return o;
}

/* ---- the commands --------------------------------------------------------- */

/* A descriptor goes with what has failed; a terminal's name is told. */
static bool finish(const Chardev *chr, bool ok, const ChardevAdd *a, int fd, ChardevReturn *result)
{
    if (!ok && fd >= 0) {
        close(fd);
    }
    g_autofree char *text = ok ? chardev_describe(chr) : NULL;
    if (ok && a->backend->type == BACKEND_PTY && g_str_has_prefix(text, "pty:")) {
        result->pty = g_strdup(text + strlen("pty:"));
    }
    return ok;
}

static bool run_chardev_add(Control *c, const void *args, void *result, GError **err)
{
    const ChardevAdd *a = args;
    if (chardev_find(c->machine->chardevs, a->id)) {
        return command_error(err, ERROR_GENERIC, "Chardev with id '%s' already exists", a->id);
    }
    int fd = -1;
    ChardevOptions *o = options_of(c, a, &fd, err);
    Chardev *chr = o ? chardev_new(c->machine->chardevs, o, err) : NULL;
    shape_free(&chardev_shape, o);
    return finish(chr, chr != NULL, a, fd, result);
}

static bool run_chardev_change(Control *c, const void *args, void *result, GError **err)
{
    const ChardevAdd *a = args;
    Chardev *chr = chardev_find(c->machine->chardevs, a->id);
    if (!chr) {
        return command_error(err, ERROR_GENERIC, "Chardev '%s' does not exist", a->id);
    }
    int fd = -1;
    ChardevOptions *o = options_of(c, a, &fd, err);
    bool ok = o && chardev_change(chr, o, err);
    shape_free(&chardev_shape, o);
    return finish(chr, ok, a, fd, result);
}

/* clang-format off */
const Command commands_chardev_add[] = {
    { "chardev-add", "add a chardev", &add_shape, RETURNS_STRUCT(return_shape), 0, run_chardev_add },
    { "chardev-change", "give a chardev another host end", &add_shape, RETURNS_STRUCT(return_shape), 0, run_chardev_change },
    { NULL },
};
/* clang-format on */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks for NBD clients: nbd-server-start and -stop, block-export-add and -del, and their older forms.
 * Names and errors: QEMU's QMP reference, "Block device exports".
 *
 * Not built, and refused: exports other than of NBD, lists of clients (tls-authz), descriptors as sockets, threads of exports. */
#include <json-c/json.h>

#include "base/log.h"
#include "block/exports.h"
#include "block/secret.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"

enum { ADDRESS_INET, ADDRESS_UNIX };
static const char *const address_names[] = { [ADDRESS_INET] = "inet", [ADDRESS_UNIX] = "unix", NULL };
static const char *const other_addresses[] = { "vsock", "fd", NULL };
enum { MODE_SAFE, MODE_HARD };
static const char *const modes[] = { [MODE_SAFE] = "safe", [MODE_HARD] = "hard", NULL };
static const char *const types[] = { "nbd", NULL };
static const char *const other_types[] = { "vhost-user-blk", "fuse", "vduse-blk", NULL };

typedef struct AddressData {
    char *host, *port, *path;
} AddressData;
typedef struct Address {
    int type;
    AddressData *data;
} Address;
typedef struct StartArguments {
    Address *address;
    uint32_t max_clients, handshake_seconds;
    char *tls_creds;
} StartArguments;
typedef struct ExportArguments {
    int type, mode;
    char *id, *disk, *name, *description, *bitmap;
    json_object *bitmaps;
    bool writable, writethrough, depth;
} ExportArguments;
typedef struct ExportInfo {
    char *id, *node;
    int type;
    bool shutting_down;
} ExportInfo;

#define T AddressData
static const Prop inet_props[] = {
    { "host", PROP_STRING, ALWAYS(host) },
    { "port", PROP_STRING, ALWAYS(port) },
    { NULL },
};
static const Prop unix_props[] = { { "path", PROP_STRING, ALWAYS(path) }, { NULL } };
#undef T
static const Shape inet_shape = { "InetSocketAddress", sizeof(AddressData), inet_props };
static const Shape unix_shape = { "UnixSocketAddress", sizeof(AddressData), unix_props };
#define T Address
static const Prop inet_arm_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &inet_shape }, { NULL } };
static const Prop unix_arm_props[] = { { "data", PROP_STRUCT, ALWAYS(data), .of = &unix_shape }, { NULL } };
static const Prop address_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = address_names, .unbuilt = other_addresses },
    { NULL },
};
#undef T
static const Shape inet_arm = { "InetSocketAddressWrapper", sizeof(Address), inet_arm_props };
static const Shape unix_arm = { "UnixSocketAddressWrapper", sizeof(Address), unix_arm_props };
static const Shape *const address_arms[] = { [ADDRESS_INET] = &inet_arm, [ADDRESS_UNIX] = &unix_arm };
static const Shape address_shape = {
    "SocketAddressLegacy", sizeof(Address), address_props, .tag = &address_props[0], .arms = address_arms,
};
#define T StartArguments
static const Prop start_props[] = {
    { "addr", PROP_STRUCT, ALWAYS(address), .of = &address_shape, .help = "where it listens" },
    { "handshake-max-seconds", PROP_U32, MAYBE(handshake_seconds), .def = NBD_HANDSHAKE_MS / 1000, .min = 0,
      .max = 1000000, .help = "for a client to choose an export; 0: any time" },
    { "tls-creds", PROP_STRING, MAYBE(tls_creds),
      .help = "the object tls-creds-...; clients get nothing without TLS then" },
    { "tls-authz", PROP_STRING,
      .refused = "lists of clients are not built: whoever has a certificate of the authority may connect" },
    { "max-connections", PROP_U32, MAYBE(max_clients), .def = NBD_CLIENTS,
      .help = "at a time; 0: any number" },
    { NULL },
};
#undef T
static const Shape start_shape = { "NbdServerOptionsLegacy", sizeof(StartArguments), start_props };
#define T ExportArguments
static const Prop export_add_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = types, .unbuilt = other_types },
    { "id", PROP_STRING, ALWAYS(id), .help = "of the export" },
    { "node-name", PROP_STRING, ALWAYS(disk), .help = "what is exported" },
    { "writable", PROP_BOOL, MAYBE(writable) },
    { "writethrough", PROP_BOOL, MAYBE(writethrough), .help = "a write has ended when it is durable" },
    { "iothread", PROP_STRING, .refused = "each client has threads of its own" },
    PROP_ONLY_OFF("fixed-iothread", "each client has threads of its own"),
    PROP_ONLY_OFF("allow-inactive", "all nodes are active"),
    { "allocation-depth", PROP_BOOL, MAYBE(depth),
      .help = "clients may ask which image of the chain has what" },
    { "name", PROP_STRING, MAYBE(name), .help = "for clients; not given: node-name" },
    { "description", PROP_STRING, MAYBE(description), .help = "for clients" },
    { "bitmaps", PROP_ANY, MAYBE(bitmaps),
      .help = "that clients may ask for: a list of names in the chain, or of node and name" },
    { NULL },
};
static const Prop export_del_props[] = {
    { "id", PROP_STRING, ALWAYS(id) },
    { "mode", PROP_ENUM, MAYBE(mode), .names = modes, .help = "hard: cut its clients off" },
    { NULL },
};
static const Prop server_add_props[] = {
    { "device", PROP_STRING, ALWAYS(disk), .help = "drive or node" },
    { "name", PROP_STRING, MAYBE(name), .help = "for clients; not given: that of the drive" },
    { "description", PROP_STRING, MAYBE(description), .help = "for clients" },
    { "writable", PROP_BOOL, MAYBE(writable) },
    { "bitmap", PROP_STRING, MAYBE(bitmap), .help = "that clients may ask for" },
    { NULL },
};
static const Prop server_remove_props[] = {
    { "name", PROP_STRING, ALWAYS(id) },
    { "mode", PROP_ENUM, MAYBE(mode), .names = modes, .help = "hard: cut its clients off" },
    { NULL },
};
#undef T
static const Shape export_add_shape = { "BlockExportOptions", sizeof(ExportArguments), export_add_props };
static const Shape export_del_shape = { "BlockExportDel", sizeof(ExportArguments), export_del_props };
static const Shape server_add_shape = { "NbdServerAddOptions", sizeof(ExportArguments), server_add_props };
static const Shape server_remove_shape = { "NbdServerRemove", sizeof(ExportArguments), server_remove_props };
#define T ExportInfo
static const Prop info_props[] = {
    { "id", PROP_STRING, ALWAYS(id) },
    { "type", PROP_ENUM, ALWAYS(type), .names = types, .unbuilt = other_types },
    { "node-name", PROP_STRING, ALWAYS(node) },
    { "shutting-down", PROP_BOOL, ALWAYS(shutting_down) },
    { NULL },
};
#undef T
static const Shape info_shape = { "BlockExportInfo", sizeof(ExportInfo), info_props };

static void report_client(const char *text, void *opaque)
{
    log_report("NBD server: %s", text);
}

static bool run_start(Control *c, const void *args, void *result, GError **err)
{
    const StartArguments *a = args;
    const AddressData *d = a->address->data;
    NbdAddress where = { .path = d->path, .host = d->host, .port = d->port };
    if (d->host && *d->host && !g_hostname_is_ip_address(d->host) && !g_str_equal(d->host, "localhost")) {
        return command_error(err, ERROR_GENERIC,
                             "'%s' is no address: names of hosts are not looked up while the machine runs",
                             d->host);
    }
    where.host = d->host && *d->host ? d->host : NULL;
    Drives *drives = c->machine->drives;
    NbdServerOptions o = { .max_clients = a->max_clients,
                           .handshake_ms = a->handshake_seconds * 1000,
                           .report = report_client };
    o.tls = a->tls_creds ? secrets_find_tls(drives_secrets(drives), a->tls_creds, TLS_SERVER, err) : NULL;
    bool ok = (o.tls || !a->tls_creds) && exports_start(drives, &where, &o, err);
    tls_creds_unref(o.tls);
    return ok;
}

static bool run_stop(Control *c, const void *args, void *result, GError **err)
{
    return exports_stop(c->machine->drives, err);
}

static bool read_bitmaps(const Machine *m, const ExportArguments *a, GArray *bitmaps, GError **err)
{
    bool ok = !a->bitmaps || json_object_is_type(a->bitmaps, json_type_array) ||
              command_error(err, ERROR_GENERIC, "Invalid parameter type for 'bitmaps', expected: array");
    for (size_t i = 0; a->bitmaps && ok && i < json_object_array_length(a->bitmaps); i++) {
        ExportBitmap b = { NULL, NULL };
        ok = qmp_bitmap_read(m, json_object_array_get_idx(a->bitmaps, i), &b.disk, &b.name, err);
        g_array_append_val(bitmaps, b);
    }
    if (a->bitmap) {
        ExportBitmap b = { NULL, a->bitmap };
        g_array_append_val(bitmaps, b);
    }
    return ok;
}

static bool add(Control *c, const ExportArguments *a, const char *id, const char *name, GError **err)
{
    g_autoptr(GArray) bitmaps = g_array_new(FALSE, FALSE, sizeof(ExportBitmap));
    BlockBackend *disk = qmp_find_disk(c->machine, a->disk, err);
    if (!disk || !read_bitmaps(c->machine, a, bitmaps, err)) {
        return false;
    }
    NewExport o = { .id = id,
                    .name = name,
                    .description = a->description,
                    .disk = disk,
                    .writable = a->writable,
                    .writethrough = a->writethrough,
                    .depth = a->depth,
                    .bitmaps = (const ExportBitmap *)bitmaps->data,
                    .bitmap_count = bitmaps->len };
    return export_add(c->machine->drives, &o, err);
}

static bool run_export_add(Control *c, const void *args, void *result, GError **err)
{
    const ExportArguments *a = args;
    return add(c, a, a->id, a->name ? a->name : a->disk, err);
}

static bool run_export_del(Control *c, const void *args, void *result, GError **err)
{
    const ExportArguments *a = args;
    return export_del(c->machine->drives, a->id, a->mode == MODE_HARD, err);
}

/* The name is the id, too. */
static bool run_server_add(Control *c, const void *args, void *result, GError **err)
{
    const ExportArguments *a = args;
    const char *name = a->name ? a->name : a->disk;
    return add(c, a, name, name, err);
}

static void add_info(const ExportState *s, void *list)
{
    ExportInfo *i = prop_list_add(list, &info_shape);
    i->id = g_strdup(s->id);
    i->node = g_strdup(s->node_name);
    i->shutting_down = s->shutting_down;
}

static bool run_query(Control *c, const void *args, void *result, GError **err)
{
    exports_foreach(c->machine->drives, add_info, result);
    return true;
}

/* clang-format off */
const Command commands_export[] = {
    { "nbd-server-start", "listen for clients of exports", &start_shape, NULL, 0, run_start },
    { "nbd-server-stop", "end all exports, and listen no more", NULL, NULL, 0, run_stop },
    { "nbd-server-add", "export a disk", &server_add_shape, NULL, 0, run_server_add },
    { "nbd-server-remove", "end that", &server_remove_shape, NULL, 0, run_export_del },
    { "block-export-add", "export a node", &export_add_shape, NULL, 0, run_export_add },
    { "block-export-del", "end that", &export_del_shape, NULL, 0, run_export_del },
    { "query-block-exports", "disks that are served to others", NULL, RETURNS_LIST(info_shape), 0, run_query },
    { NULL },
};
/* clang-format on */

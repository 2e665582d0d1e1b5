/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a disk of an NBD server is, as -blockdev says it.
 * Spelling: QEMU's manual, "QMP reference", SocketAddress. */
#include "block/blockdev.h"
#include "block/nbd_client.h"

enum { PLACE_INET, PLACE_UNIX };
static const char *const type_names[] = { [PLACE_INET] = "inet", [PLACE_UNIX] = "unix", NULL };
static const char *const unbuilt_types[] = { "vsock", "fd", NULL };

struct NbdPlace {
    int type;
    char *host, *port, *path;
};

#define AT(field) offsetof(NbdPlace, field)
static const Prop inet_props[] = {
    { "host", PROP_STRING, AT(host), "the server's name or address", .required = true },
    { "port", PROP_STRING, AT(port), "its port", .required = true },
    { NULL },
};
static const Prop unix_props[] = { { "path", PROP_STRING, AT(path), "of the socket", .required = true },
                                   { NULL } };
static const Shape inet_shape = { "InetSocketAddress", sizeof(NbdPlace), inet_props };
static const Shape unix_shape = { "UnixSocketAddress", sizeof(NbdPlace), unix_props };
static const Shape *const arms[] = { [PLACE_INET] = &inet_shape, [PLACE_UNIX] = &unix_shape };
static const Prop place_props[] = {
    { "type", PROP_ENUM, AT(type), "of the server's socket", .names = type_names, .unbuilt = unbuilt_types,
      .required = true },
    { NULL },
};
const Shape nbd_place_shape = { "SocketAddress", sizeof(NbdPlace), place_props, .tag = &place_props[0],
                                .arms = arms };

BlockNode *nbd_node_of(const NbdPlace *p, const NbdName *how, const NbdPatience *patience, bool readonly,
                       GError **err)
{
    NbdName name = *how;
    /* A name in an image holds wherever it is read; that of a socket in a URI is made whole there. */
    g_autofree char *whole = p->path && name.tls_id ? g_canonicalize_filename(p->path, NULL) : NULL;
    name.path = whole ? whole : p->path;
    name.host = p->host;
    name.port = p->port;
    g_autofree char *text = nbd_name_text(&name);
    return nbd_node_open(text, &name, readonly, patience, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs are told of VNC viewers.  Spec: QEMU's manual, "QMP reference", VNC_CONNECTED, VNC_INITIALIZED,
 * VNC_DISCONNECTED.
 *
 * Not modelled: names of certificates and of SASL users, which viewers do not have here. */
#include "ui/vnc.h"

const char *const vnc_family_names[] = {
    [VNC_IPV4] = "ipv4", [VNC_IPV6] = "ipv6", [VNC_UNIX] = "unix", NULL
};
const char *const vnc_auth_names[] = { "none", "vnc", NULL };

VncEnd vnc_end(const VncAddress *a, bool asks_password)
{
    return (VncEnd){ a->host, a->service, a->family, false, vnc_auth_names[asks_password] };
}

#define AT(member) offsetof(VncEnd, member)
#define END_PROPS                                                                                            \
    { "host", PROP_STRING, AT(host), .required = true },                                                     \
        { "service", PROP_STRING, AT(service), .required = true },                                           \
        { "family", PROP_ENUM, AT(family), .names = vnc_family_names, .required = true },                    \
    {                                                                                                        \
        "websocket", PROP_BOOL, AT(websocket), .required = true                                              \
    }
static const Prop client_props[] = { END_PROPS, { NULL } };
static const Prop server_props[] = { END_PROPS, { "auth", PROP_STRING, AT(auth) }, { NULL } };
const Shape vnc_client_shape = { "VncClientInfo", sizeof(VncEnd), client_props };
const Shape vnc_server_shape = { "VncServerInfo", sizeof(VncEnd), server_props };

static const Prop event_props[] = {
    { "server", PROP_STRUCT, offsetof(VncEvent, server), .of = &vnc_server_shape, .required = true },
    { "client", PROP_STRUCT, offsetof(VncEvent, client), .of = &vnc_client_shape, .required = true },
    { NULL },
};
static const Shape event_shape = { "VncEvent", sizeof(VncEvent), event_props };

/* No limit: who connects is outside, and is told of once each. */
const Event event_vnc_connected = { .name = "VNC_CONNECTED", .data = &event_shape };
const Event event_vnc_initialized = { .name = "VNC_INITIALIZED", .data = &event_shape };
const Event event_vnc_disconnected = { .name = "VNC_DISCONNECTED", .data = &event_shape };

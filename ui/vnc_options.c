/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -vnc takes; ui/vnc/ has the server, or vnc_absent.c says that there is none. */
#include "ui/vnc.h"

static const char *const share_names[] = { [VNC_ALLOW_EXCLUSIVE] = "allow-exclusive",
                                           [VNC_FORCE_SHARED] = "force-shared",
                                           [VNC_IGNORE] = "ignore",
                                           NULL };

#define O VncOptions
static const Prop vnc_props[] = {
    { "vnc", PROP_STRING, offsetof(O, address), "HOST:N (port 5900 + N), unix:PATH, or none",
      .required = true },
    { "id", PROP_STRING, offsetof(O, id), "its name" },
    { "to", PROP_U16, offsetof(O, to), "the last N that is tried, if others have the ports before",
      .max = 59635 },
    { "password", PROP_BOOL, offsetof(O, password),
      "viewers are asked for the password that the monitor sets" },
    { "password-secret", PROP_STRING, offsetof(O, secret),
      "they are asked for the one of this -object secret" },
    { "share", PROP_ENUM, offsetof(O, share), "may a viewer have the others sent away?",
      .names = share_names },
    { "key-delay-ms", PROP_U32, offsetof(O, key_delay),
      "milliseconds between two events of keys that come at once", .def = 10, .max = 1000 },
    { "display", PROP_STRING, offsetof(O, display), "the device whose screen it is; else the first" },
    { "head", PROP_U32, offsetof(O, head), "and which of several" },
    { "ipv4", PROP_BOOL, offsetof(O, ipv4), "addresses of IPv4", .has = offsetof(O, has_ipv4) },
    { "ipv6", PROP_BOOL, offsetof(O, ipv6), "addresses of IPv6", .has = offsetof(O, has_ipv6) },
    PROP_ONLY_OFF("websocket", "websockets are not built"),
    PROP_ONLY_OFF("reverse", "connections to viewers are not built"),
    PROP_ONLY_OFF("lossy", "pictures are sent as they are"),
    PROP_ONLY_OFF("sasl", "SASL is not built"),
    PROP_ONLY_OFF("power-control", "viewers end and reset no machine"),
    { NULL },
};
const Shape vnc_shape = { "VncOptions", sizeof(O), vnc_props };

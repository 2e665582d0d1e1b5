/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -vnc takes, and of what other programs say why it is not there; ui/vnc/ has the server, or vnc_absent.c says that there is none. */
#include "ui/vnc.h"

static const char *const share_names[] = { [VNC_ALLOW_EXCLUSIVE] = "allow-exclusive",
                                           [VNC_FORCE_SHARED] = "force-shared",
                                           [VNC_IGNORE] = "ignore",
                                           NULL };

#define NO_TLS                                                                                               \
    "viewers are not encrypted; listen at 127.0.0.1 or unix:PATH, and let them come through SSH (ssh -L)"
#define NO_SASL "SASL is not built; use password=on or password-secret="
#define NO_WEBSOCKET                                                                                         \
    "websockets are not built; let websockify stand between browsers and this server, or leave it out"

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
    { "connections", PROP_U32, offsetof(O, connections), "how many viewers there may be at once",
      .def = VNC_MOST_VIEWERS, .min = 1, .max = VNC_MOST_VIEWERS },
    { "lossy", PROP_BOOL, offsetof(O, lossy),
      "viewers that ask for it get parts as JPEG (Tight) or wavelets (ZYWRLE)" },
    { "power-control", PROP_BOOL, offsetof(O, power_control),
      "viewers may press the power button, and reset the machine" },
    { "websocket", PROP_STRING, 0, .def_string = "off", .only = NO_WEBSOCKET },
    PROP_ONLY_OFF("reverse", "connections to viewers are not built"),
    PROP_ONLY_ON("non-adaptive", "what changes often is sent as all else is"),
    PROP_ONLY_OFF("lock-key-sync", "lights of locks are not compared with the viewer's"),
    PROP_ONLY_OFF("sasl", NO_SASL),
    PROP_ONLY_OFF("acl", NO_SASL),
    { "sasl-authz", .refused = NO_SASL },
    { "tls-creds", .refused = NO_TLS },
    { "tls-authz", .refused = NO_TLS },
    { "audiodev", .refused = "viewers are sent no sound, for no sound is built; leave it out" },
    { NULL },
};
const Shape vnc_shape = { "VncOptions", sizeof(O), vnc_props };

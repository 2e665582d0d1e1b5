/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the user network: its addresses, and forwarding rules. */
#pragma once
#include <netinet/in.h>
#include <slirp/libslirp.h>

#include "fragments.h"
#include "net_priv.h"
#include "util/container.h"

typedef struct NetUser NetUser;
typedef struct GuestForward GuestForward;

/* -netdev user.  Texts are NULL when they are not given. */
typedef struct NetUserOptions {
    NetdevOptions common;
    bool ipv4, ipv6, has_ipv4, has_ipv6, restricted;
    char *net, *host, *dhcpstart, *dns;
    char *ipv6_net, *ipv6_host, *ipv6_dns;
    uint8_t ipv6_prefixlen;
    char *hostname, *domainname, *tftp, *tftp_server_name, *bootfile;
    PropList dnssearch, hostfwd, guestfwd; /* of char * */
} NetUserOptions;

struct NetUser {
    NetClient nc;
    Slirp *slirp;
    FragmentSet *fragments;
    GSource *source;
    GPtrArray *forwards; /* of GuestForward */
    struct in_addr net, mask;
    bool restricted;
};

/* An address in numbers and dots.  inet_aton passes over whatever follows a blank; this one refuses it. */
bool user_address(const char *text, struct in_addr *out);
/* libslirp's configuration, whose strings are those of the options. */
bool user_config(SlirpConfig *cfg, const NetUserOptions *o, GError **err);

bool user_hostfwd_add(NetUser *u, const char *rule, GError **err);
bool user_guestfwd_add(NetUser *u, const char *rule, GError **err);
void user_guestfwd_kick(NetUser *u); /* the guest's side may take more */
void user_guestfwd_free(gpointer forward);

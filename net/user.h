/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the user network: its addresses, and forwarding rules. */
#pragma once
#include <netinet/in.h>
#include <slirp/libslirp.h>

#include "net_priv.h"
#include "util/container.h"

typedef struct NetUser NetUser;
typedef struct GuestForward GuestForward;

typedef struct UserOptions {
    SlirpConfig cfg;
    char **search; /* owned; cfg points to it */
} UserOptions;

struct NetUser {
    NetClient nc;
    Slirp *slirp;
    GSource *source;
    GPtrArray *forwards; /* of GuestForward */
    struct in_addr net, mask;
    bool restricted;
};

/* An address in numbers and dots.  inet_aton passes over whatever follows a blank; this one refuses it. */
bool user_address(const char *text, struct in_addr *out);
/* From the keys of -netdev user; strings are borrowed from options. */
bool user_options_parse(UserOptions *o, GHashTable *options, GError **err);
void user_options_clear(UserOptions *o);

bool user_hostfwd_add(NetUser *u, const char *rule, GError **err);
bool user_guestfwd_add(NetUser *u, const char *rule, GError **err);
void user_guestfwd_kick(NetUser *u); /* the guest's side may take more */
void user_guestfwd_free(gpointer forward);

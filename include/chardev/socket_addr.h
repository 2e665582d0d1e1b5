/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of socket chardevs: from options to listening or connecting sockets. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    SOCK_ADDRS_MAX = 8,
    SOCK_BACKLOG = 128, /* peers that have connected and wait for their turn */
};

typedef struct SockAddr {
    struct sockaddr_storage sa;
    socklen_t len;
} SockAddr;

/* What the user says of an address: a path, or a host and port. */
typedef struct SockOptions {
    char *path;
    bool abstract, tight;
    char *host, *port;
    uint16_t to;
    bool ipv4, ipv6, has_ipv4, has_ipv6;
} SockOptions;

typedef struct SockTarget {
    SockAddr addr[SOCK_ADDRS_MAX]; /* all that the name stands for, best first */
    int count;
    char *path;          /* of a unix socket in the file system, else NULL */
    char *text;          /* "unix:PATH", "tcp:HOST:PORT": as the user wrote it */
    unsigned more_ports; /* to=: how many ports above may be tried */
} SockTarget;

bool sock_target_init(SockTarget *t, const SockOptions *o, bool server, GError **err);
void sock_target_clear(SockTarget *t);
/* A listening socket; t->text is made to name the port that was found. */
int sock_listen(SockTarget *t, GError **err);
/* Begin connecting to address i: a non-blocking socket, or -1 with errno. */
int sock_connect_begin(const SockTarget *t, int i);
/* Connect to the first address that answers, waiting. */
int sock_connect(const SockTarget *t, GError **err);
/* "127.0.0.1:1234", or "" for a unix socket. */
char *sock_name(int fd, bool peer);
bool sock_is_listening(int fd);
void sock_set_nonblocking(int fd);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's network card and just enough of a protocol stack: ARP, UDP and the
 * beginning of TCP, in frames made by hand. */
#pragma once
#include "net/net.h"

typedef struct Guest {
    NetClient *nc;
    GPtrArray *frames; /* of GBytes, not yet looked at */
    bool deaf;         /* cannot receive */
    int refusals;      /* receive() says no so many times */
    int link_changes;
    Lock lock;
    uint32_t ip;
} Guest;

typedef struct Tcp {
    uint32_t peer, seq, ack;
    uint16_t local_port, peer_port;
} Tcp;

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

void guest_init(Guest *g, NetClient *nc);
void guest_clear(Guest *g);
/* A socket of the host's, at a port of loopback that the kernel chose. */
int guest_bound_socket(int type, uint16_t *port);
/* RFC 1071: the sum of 16-bit words, added to s; and the checksum of what was summed up in s and these bytes. */
uint32_t guest_sum(const uint8_t *p, size_t n, uint32_t s);
uint16_t guest_checksum(const uint8_t *p, size_t n, uint32_t s);
void guest_send(Guest *g, const void *frame, size_t len);
/* A frame whose first 14 + 20 bytes are written here; len bytes of data stand behind them.  where: flags and offset of
 * a fragment. */
void guest_send_ip(Guest *g, uint8_t *frame, uint32_t to, int protocol, unsigned id, unsigned where,
                   size_t len);
void guest_send_udp(Guest *g, uint32_t to, uint16_t from_port, uint16_t to_port, const void *data,
                    size_t len);
void guest_send_tcp(Guest *g, Tcp *t, int flags, const void *data, size_t len);
/* Run the loop (answering ARP) until such a frame comes: its payload, to be freed; NULL after 5 s. */
GBytes *guest_wait_udp(Guest *g, uint16_t to_port, uint32_t *from, uint16_t *from_port);
GBytes *guest_wait_tcp(Guest *g, Tcp *t, int flags); /* to t->local_port; fills peer and ack */
bool guest_wait_arp_reply(Guest *g, uint32_t ip);
void guest_send_arp(Guest *g, uint32_t ip);
void guest_turn(Guest *g); /* of the main loop, for a loop that waits */

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fragments.h"

#include <string.h>

enum {
    ETH_HEADER = 14,
    ETH_TYPE = 12,
    IP_MIN = 20,
    IP_MAX = 60,
    IP_LENGTH = 2,
    IP_ID = 4,
    IP_OFFSET = 6,
    IP_PROTOCOL = 9,
    IP_CHECKSUM = 10,
    IP_SOURCE = 12,
    MORE = 0x2000, /* flags of IP_OFFSET */
    RESERVED = 0x8000,
    UNIT = 8, /* bytes; of offsets */
    UNITS = 65536 / UNIT,
};

/* What pieces of one datagram have in common: addresses, protocol and identification. */
typedef struct Key {
    uint8_t addresses[8];
    uint16_t id;
    uint8_t protocol;
} Key;

typedef struct Datagram {
    Key key;
    int64_t since_us; /* when its first piece came */
    uint8_t header[ETH_HEADER + IP_MAX];
    unsigned header_len; /* of Ethernet and IP; 0: the piece at 0 has not come */
    unsigned end;        /* bytes of data in the whole; 0: the last piece has not come */
    unsigned top;        /* the end of what has come */
    unsigned received;   /* bytes */
    uint64_t there[UNITS / 64];
    uint8_t data[65536];
} Datagram;

struct FragmentSet {
    GPtrArray *datagrams; /* of Datagram, the oldest first */
};

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* The complement of the ones' complement sum (RFC 1071): 0 over a header whose checksum is right. */
static unsigned ip_checksum(const uint8_t *header, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i += 2) {
        sum += get16(header + i);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum & 0xffff;
}

FragmentSet *fragments_new(void)
{
    FragmentSet *set = g_new(FragmentSet, 1);
    set->datagrams = g_ptr_array_new_with_free_func(g_free);
    return set;
}

void fragments_free(FragmentSet *set)
{
    if (set) {
        g_ptr_array_unref(set->datagrams);
        g_free(set);
    }
}

bool fragments_is_piece(const uint8_t *frame, size_t len)
{
    return len >= ETH_HEADER + IP_OFFSET + 2 && get16(frame + ETH_TYPE) == 0x0800 &&
           get16(frame + ETH_HEADER + IP_OFFSET) & (RESERVED | MORE | 0x1fff);
}

/* ---- one piece ----------------------------------------------------------- */

typedef struct Piece {
    const uint8_t *frame, *data;
    unsigned header_len;  /* of Ethernet and IP */
    unsigned offset, len; /* bytes, of the data */
    bool last;
    Key key;
} Piece;

static bool piece_read(Piece *p, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + ETH_HEADER;
    if (len < ETH_HEADER + IP_MIN || ip[0] >> 4 != 4) {
        return false;
    }
    unsigned header = (ip[0] & 15u) * 4, total = get16(ip + IP_LENGTH), where = get16(ip + IP_OFFSET);
    if (header < IP_MIN || total <= header || ETH_HEADER + total > len || where & RESERVED ||
        ip_checksum(ip, header)) {
        return false;
    }
    *p = (Piece){
        .frame = frame,
        .data = ip + header,
        .header_len = ETH_HEADER + header,
        .offset = (where & 0x1fff) * UNIT,
        .len = total - header,
        .last = !(where & MORE),
        .key = { .id = (uint16_t)get16(ip + IP_ID), .protocol = ip[IP_PROTOCOL] },
    };
    memcpy(p->key.addresses, ip + IP_SOURCE, sizeof(p->key.addresses));
    return (p->last || p->len % UNIT == 0) && p->offset + p->len <= 65535 - IP_MIN;
}

static bool key_equal(const Key *a, const Key *b)
{
    return a->id == b->id && a->protocol == b->protocol &&
           !memcmp(a->addresses, b->addresses, sizeof(a->addresses));
}

/* ---- datagrams ----------------------------------------------------------- */

static Datagram *datagram_of(FragmentSet *set, const Piece *p, int64_t now_us)
{
    GPtrArray *all = set->datagrams;
    while (all->len && now_us - ((Datagram *)all->pdata[0])->since_us > FRAGMENTS_SECONDS * G_USEC_PER_SEC) {
        g_ptr_array_remove_index(all, 0);
    }
    for (unsigned i = 0; i < all->len; i++) {
        if (key_equal(&((Datagram *)all->pdata[i])->key, &p->key)) {
            return all->pdata[i];
        }
    }
    if (all->len == FRAGMENTS_DATAGRAMS) {
        g_ptr_array_remove_index(all, 0);
    }
    Datagram *d = g_new0(Datagram, 1);
    d->key = p->key;
    d->since_us = now_us;
    g_ptr_array_add(all, d);
    return d;
}

/* False if the piece contradicts those that have come. */
static bool datagram_take(Datagram *d, const Piece *p)
{
    unsigned end = p->offset + p->len;
    if (p->last ? d->end || d->top > end : d->end && end > d->end) {
        return false;
    }
    for (unsigned unit = p->offset / UNIT; unit * UNIT < end; unit++) {
        uint64_t bit = UINT64_C(1) << unit % 64;
        if (d->there[unit / 64] & bit) {
            return false;
        }
        d->there[unit / 64] |= bit;
    }
    memcpy(d->data + p->offset, p->data, p->len);
    d->received += p->len;
    d->top = MAX(d->top, end);
    if (p->last) {
        d->end = end;
    }
    if (p->offset == 0) {
        d->header_len = p->header_len;
        memcpy(d->header, p->frame, p->header_len);
    }
    return true;
}

static bool datagram_is_whole(const Datagram *d)
{
    return d->header_len && d->end && d->received == d->end;
}

/* NULL if header and data are longer together than a datagram can be. */
static GByteArray *datagram_frame(Datagram *d)
{
    uint8_t *ip = d->header + ETH_HEADER;
    unsigned header = d->header_len - ETH_HEADER;
    if (header + d->end > 65535) {
        return NULL;
    }
    put16(ip + IP_LENGTH, header + d->end);
    put16(ip + IP_OFFSET, 0);
    put16(ip + IP_CHECKSUM, 0);
    put16(ip + IP_CHECKSUM, ip_checksum(ip, header));
    GByteArray *frame = g_byte_array_sized_new(d->header_len + d->end);
    g_byte_array_append(frame, d->header, d->header_len);
    return g_byte_array_append(frame, d->data, d->end);
}

GByteArray *fragments_add(FragmentSet *set, const uint8_t *frame, size_t len, int64_t now_us)
{
    Piece p;
    if (!piece_read(&p, frame, len)) {
        return NULL;
    }
    Datagram *d = datagram_of(set, &p, now_us);
    GByteArray *whole = NULL;
    bool good = datagram_take(d, &p);
    if (good && !datagram_is_whole(d)) {
        return NULL;
    }
    if (good) {
        whole = datagram_frame(d);
    }
    g_ptr_array_remove(set->datagrams, d);
    return whole;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing: $data#sum, acknowledgements, the interrupt byte.
 *
 * The sender is not trusted: a packet longer than GDB_PACKET_MAX, or with a wrong
 * checksum, is refused with '-' and forgotten (without acknowledgements a long one is
 * answered with an error, and sums are not looked at); anything outside a packet that is no
 * acknowledgement or Ctrl-C is ignored.  '$' never stands within a packet: it begins
 * the next one, whose forerunner was cut short.  A packet is sent again RESENDS_MAX times. */
#include <string.h>

#include "gdbstub/stub.h"
#include "hw/runstate.h"

enum { RESENDS_MAX = 8 };

bool gdb_parse_hex(const char **p, uint64_t *value)
{
    const char *start = *p;
    *value = 0;
    for (; g_ascii_isxdigit(**p); (*p)++) {
        *value = *value << 4 | (unsigned)g_ascii_xdigit_value(**p);
    }
    return *p != start && *p - start <= 16;
}

void gdb_append_hex(GString *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    for (size_t i = 0; i < len; i++) {
        g_string_append_c(out, digits[b[i] >> 4]);
        g_string_append_c(out, digits[b[i] & 15]);
    }
}

bool gdb_decode_hex(const char *text, void *bytes, size_t len)
{
    uint8_t *b = bytes;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isxdigit(text[2 * i]) || !g_ascii_isxdigit(text[2 * i + 1])) {
            return false;
        }
        b[i] = g_ascii_xdigit_value(text[2 * i]) << 4 | g_ascii_xdigit_value(text[2 * i + 1]);
    }
    return true;
}

/* ---- sending ---- */

void gdb_send(GdbStub *s, const char *data, size_t len)
{
    uint8_t sum = 0;
    GString *out = s->last;
    g_string_truncate(out, 0);
    g_string_append_c(out, '$');
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (strchr("}$#*", c) && c) {
            g_string_append_c(out, '}');
            sum += '}';
            c ^= 0x20;
        }
        g_string_append_c(out, c);
        sum += c;
    }
    g_string_append_printf(out, "#%02x", sum);
    s->resends = 0;
    s->write(s->opaque, (const uint8_t *)out->str, out->len);
}

void gdb_send_text(GdbStub *s, const char *text)
{
    gdb_send(s, text, strlen(text));
}

static void send_byte(GdbStub *s, char c)
{
    s->write(s->opaque, (const uint8_t *)&c, 1);
}

/* ---- receiving ---- */

static void packet_start(GdbStub *s)
{
    g_string_truncate(s->in, 0);
    s->sum = 0;
    s->overflow = s->escaped = false;
    s->state = GDB_DATA;
}

static void feed_idle(GdbStub *s, uint8_t c)
{
    if (c == '$') {
        packet_start(s);
    } else if (c == 3) {
        gdb_interrupt(s);
    } else if (c == '-' && !s->noack && s->last->len && s->resends++ < RESENDS_MAX) {
        s->write(s->opaque, (const uint8_t *)s->last->str, s->last->len);
    }
}

static void feed_data(GdbStub *s, uint8_t c)
{
    if (c == '#') {
        s->state = GDB_SUM1;
        return;
    }
    if (c == '$') {
        packet_start(s);
        return;
    }
    s->sum += c;
    if (c == '}' && !s->escaped) {
        s->escaped = true;
        return;
    }
    if (s->in->len >= GDB_PACKET_MAX) {
        s->overflow = true;
        return;
    }
    g_string_append_c(s->in, s->escaped ? c ^ 0x20 : c);
    s->escaped = false;
}

static void packet_end(GdbStub *s, uint8_t sum)
{
    s->state = GDB_IDLE;
    if (s->overflow || (!s->noack && sum != s->sum)) {
        if (s->noack) {
            gdb_send_text(s, "E22");
        } else {
            send_byte(s, '-');
        }
        return;
    }
    if (!s->noack) {
        send_byte(s, '+');
    }
    /* gdb has nothing to say to a running target but Ctrl-C */
    if (runstate_get(s->machine) == RUN_RUNNING) {
        s->waits_for_stop = false;
        runstate_stop(s->machine, RUN_DEBUG);
    }
    g_autofree char *packet = g_memdup2(s->in->str, s->in->len + 1);
    gdb_handle(s, packet, s->in->len);
}

void gdb_stub_feed(GdbStub *s, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = bytes[i];
        bool digit = g_ascii_isxdigit(c);
        switch (s->state) {
        case GDB_IDLE: feed_idle(s, c); break;
        case GDB_DATA: feed_data(s, c); break;
        case GDB_SUM1:
            s->sum_high = digit ? g_ascii_xdigit_value(c) << 4 : 0;
            s->overflow |= !digit;
            s->state = GDB_SUM2;
            break;
        case GDB_SUM2:
            s->overflow |= !digit;
            packet_end(s, s->sum_high | (digit ? g_ascii_xdigit_value(c) : 0));
            break;
        }
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of a machine's state: see state_stream.h. */
#include "hw/core/state_stream.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "util/bytes.h"

static const char *const kind_names[] = {
    "?", "machine", "RAM", "vCPU", "device", "end", "interrupt controllers of", "clock"
};

/* ---- writing ------------------------------------------------------------------------------ */

void state_writer_init(StateWriter *w, const StateSink *sink)
{
    *w = (StateWriter){ .sink = sink, .waiting = g_byte_array_new() };
}

void state_writer_clear(StateWriter *w)
{
    g_clear_pointer(&w->waiting, g_byte_array_unref);
}

void state_flush(StateWriter *w)
{
    if (!w->error) {
        w->error = -w->sink->write(w->sink->opaque, w->waiting->data, w->waiting->len);
    }
    g_byte_array_set_size(w->waiting, 0);
}

void state_put_bytes(StateWriter *w, const void *data, size_t len)
{
    w->crc = len ? crc32_z(w->crc, data, len) : w->crc; /* of no data it is that of the beginning */
    g_byte_array_append(w->waiting, data, len);
}

void state_put(StateWriter *w, uint64_t value, unsigned bytes)
{
    uint8_t b[8];
    store_le(b, 8, value);
    state_put_bytes(w, b, bytes);
}

void state_put_head(StateWriter *w, SectionKind kind, const char *name, uint64_t bytes)
{
    size_t len = MIN(strlen(name), STATE_NAME_MAX);
    state_put(w, kind, 1);
    state_put(w, len, 1);
    state_put_bytes(w, name, len);
    state_put(w, bytes, 8);
}

void state_put_section(StateWriter *w, SectionKind kind, const char *name, GByteArray *body)
{
    state_put_head(w, kind, name, body->len);
    state_put_bytes(w, body->data, body->len);
    g_byte_array_unref(body);
}

void state_write_error(const StateWriter *w, GError **err)
{
    g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(w->error),
                "the machine's state cannot be written: %s; what is there is of no use",
                g_strerror(w->error));
}

/* ---- reading ------------------------------------------------------------------------------- */

bool state_bad(StateReader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(r->err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "the machine's state cannot be loaded: %s", text);
    return false;
}

bool state_get_bytes(StateReader *r, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = r->source->read(r->source->opaque, (char *)data + done, len - done);
        if (n == 0) {
            return state_bad(r, "it ends too early; save it again");
        }
        if (n < 0) {
            return state_bad(r, "%s", g_strerror((int)-n));
        }
        done += (size_t)n;
    }
    r->crc = crc32_z(r->crc, data, len);
    return true;
}

bool state_get(StateReader *r, unsigned bytes, uint64_t *value)
{
    uint8_t b[8];
    *value = 0;
    if (!state_get_bytes(r, b, bytes)) {
        return false;
    }
    *value = load_le(b, bytes);
    return true;
}

bool state_take(StateReader *r, unsigned bytes, uint64_t *value)
{
    *value = 0;
    if (r->left < bytes) {
        return state_bad(r, "a section is too short");
    }
    r->left -= bytes;
    return state_get(r, bytes, value);
}

bool state_get_head(StateReader *r)
{
    uint64_t kind, len;
    if (!state_get(r, 1, &kind) || !state_get(r, 1, &len) || !state_get_bytes(r, r->name, len) ||
        !state_get(r, 8, &r->left)) {
        return false;
    }
    r->name[len] = '\0';
    r->kind = (SectionKind)kind;
    return true;
}

bool state_is(StateReader *r, SectionKind kind, const char *name)
{
    if (r->kind == kind && !strcmp(r->name, name)) {
        return true;
    }
    g_autofree char *shown = g_strescape(r->name, NULL);
    return state_bad(
        r, "it has the %s '%s', where this machine has the %s '%s'; use the options it was saved with",
        kind_names[r->kind < G_N_ELEMENTS(kind_names) ? r->kind : 0], shown, kind_names[kind], name);
}

uint8_t *state_get_body(StateReader *r, size_t *len)
{
    if (r->left > STATE_SECTION_MAX) {
        state_bad(r, "a section is too long");
        return NULL;
    }
    uint8_t *body = g_malloc(r->left + 1);
    *len = r->left;
    if (!state_get_bytes(r, body, *len)) {
        g_clear_pointer(&body, g_free);
    }
    return body;
}

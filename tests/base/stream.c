/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stream.h. */
#include "stream.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

enum { SUM_BYTES = 4 };

GByteArray *stream_copy(const GByteArray *s)
{
    GByteArray *copy = g_byte_array_new();
    return g_byte_array_append(copy, s->data, s->len);
}

void stream_reseal(GByteArray *s)
{
    g_assert_cmpuint(s->len, >=, SUM_BYTES);
    uint32_t sum = GUINT32_TO_LE((uint32_t)adler32(1, s->data, s->len - SUM_BYTES));
    memcpy(s->data + s->len - SUM_BYTES, &sum, SUM_BYTES);
}

static guint below(GRand *rnd, guint end)
{
    return g_rand_int(rnd) % end;
}

/* Two neighbouring parts change places. */
static void swap_parts(GByteArray *s, GRand *rnd)
{
    guint first = below(rnd, 64) + 1, second = below(rnd, 64) + 1;
    if (first + second + SUM_BYTES >= s->len) {
        return;
    }
    guint at = below(rnd, s->len - SUM_BYTES - first - second);
    g_autofree uint8_t *part = g_memdup2(s->data + at, first);
    memmove(s->data + at, s->data + at + first, second);
    memcpy(s->data + at + second, part, first);
}

static void double_part(GByteArray *s, GRand *rnd)
{
    guint at = below(rnd, s->len - SUM_BYTES), length = below(rnd, s->len - SUM_BYTES - at) + 1;
    g_autoptr(GByteArray) whole = stream_copy(s);
    g_byte_array_set_size(s, at + length);
    g_byte_array_append(s, whole->data + at, whole->len - at);
}

GByteArray *stream_spoil(const GByteArray *good, GRand *rnd)
{
    GByteArray *bad = stream_copy(good);
    guint body = bad->len - SUM_BYTES, at = below(rnd, body);
    switch (below(rnd, 8)) {
    case 0: bad->data[at] ^= 1u << below(rnd, 8); break;
    case 1: memset(bad->data + at, 0xff, MIN(body - at, 4)); break; /* a huge count, or a negative one */
    case 2: g_byte_array_set_size(bad, at + SUM_BYTES); break;
    case 3: g_byte_array_remove_range(bad, at, below(rnd, body - at) + 1); break;
    case 4: double_part(bad, rnd); break;
    case 5: swap_parts(bad, rnd); break;
    default:
        for (unsigned n = below(rnd, 8) + 1; n; n--) {
            bad->data[below(rnd, body)] = (uint8_t)g_rand_int(rnd);
        }
    }
    stream_reseal(bad);
    return bad;
}

GByteArray *stream_kept(const char *folder, const char *name, const GByteArray *now)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = g_strdup_printf("%s/%s", folder, name);
    gchar *bytes = NULL;
    gsize length = 0;
    if (g_getenv("LYREBIRD_BLESS") && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_assert_true(g_file_set_contents(path, (const char *)now->data, now->len, NULL));
    }
    if (!g_file_get_contents(path, &bytes, &length, &err)) {
        g_test_message("%s: `scripts/dev bless` keeps the stream of a new class or CPU", err->message);
        g_assert_no_error(err);
    }
    return g_byte_array_new_take((guint8 *)bytes, length);
}

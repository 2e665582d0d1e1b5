/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a password to the master key: PBKDF2 (RFC 8018), and the splitter of section 2.4 of the specification. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "block/luks/luks.h"
#include "util/bytes.h"

enum { ITERATIONS_MIN = 1000, MEASURED = 1 << 14 };

/* ---- PBKDF2 -------------------------------------------------------------------------- */

typedef struct Mac {
    LuksHash hash;
    uint8_t *outer, *inner, *state;
} Mac;

static void mac_update(void *opaque, size_t length, const uint8_t *data)
{
    const Mac *m = opaque;
    m->hash.crypto->hmac_update(m->state, m->hash.hash, length, data);
}

static void mac_digest(void *opaque, size_t length, uint8_t *digest)
{
    const Mac *m = opaque;
    m->hash.crypto->hmac_digest(m->outer, m->inner, m->state, m->hash.hash, length, digest);
}

void luks_pbkdf2(LuksHash hash, const void *password, size_t length, const uint8_t *salt, uint32_t iterations,
                 uint8_t *key, size_t key_size)
{
    size_t size = hash.hash->context_size;
    g_autofree uint8_t *room = g_malloc0(3 * size);
    Mac m = { hash, room, room + size, room + 2 * size };
    hash.crypto->hmac_set_key(m.outer, m.inner, m.state, hash.hash, length, password);
    hash.crypto->pbkdf2(&m, mac_update, mac_digest, hash.hash->digest_size, iterations, LUKS_SALT, salt,
                        key_size, key);
    explicit_bzero(room, 3 * size);
}

uint32_t luks_iterations(LuksHash hash, size_t key_size, unsigned ms)
{
    static const uint8_t salt[LUKS_SALT];
    uint8_t key[LUKS_KEY_MAX];
    gint64 begun = g_get_monotonic_time();
    luks_pbkdf2(hash, "password", 8, salt, MEASURED, key, key_size);
    gint64 us = MAX(g_get_monotonic_time() - begun, 1);
    double most = LUKS_ITERATIONS_MAX / 4.0; /* what any program that reads it is ready to do */
    return CLAMP(1000.0 * MEASURED * ms / us, ITERATIONS_MIN, most);
}

/* ---- the splitter ----------------------------------------------------------------------- */

/* Each piece of a digest's length is hashed with its number. */
static void diffuse(LuksHash hash, uint8_t *data, size_t length)
{
    g_autofree void *ctx = g_malloc0(hash.hash->context_size);
    for (size_t at = 0, n; at < length; at += n) {
        uint8_t number[4];
        n = MIN(length - at, hash.hash->digest_size);
        store_be(number, 4, at / hash.hash->digest_size);
        hash.hash->init(ctx);
        hash.hash->update(ctx, sizeof(number), number);
        hash.hash->update(ctx, n, data + at);
        hash.hash->digest(ctx, n, data + at);
    }
}

static void mix(uint8_t *to, const uint8_t *from, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        to[i] ^= from[i];
    }
}

void luks_merge(LuksHash hash, const uint8_t *stripes, uint32_t count, uint8_t *key, size_t key_size)
{
    memset(key, 0, key_size);
    for (uint32_t i = 0; i + 1 < count; i++) {
        mix(key, stripes + i * key_size, key_size);
        diffuse(hash, key, key_size);
    }
    mix(key, stripes + (count - 1) * key_size, key_size);
}

void luks_random(void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = getrandom((uint8_t *)to + done, length - done, 0);
        g_assert(n > 0 || errno == EINTR); /* the kernel has no other answers */
        done += n > 0 ? (size_t)n : 0;
    }
}

void luks_split(LuksHash hash, const uint8_t *key, size_t key_size, uint8_t *stripes, uint32_t count)
{
    uint8_t last[LUKS_KEY_MAX];
    luks_random(stripes, (count - 1) * key_size);
    memset(stripes + (count - 1) * key_size, 0, key_size);
    luks_merge(hash, stripes, count, last, key_size);
    mix(last, key, key_size);
    memcpy(stripes + (count - 1) * key_size, last, key_size);
    explicit_bzero(last, sizeof(last));
}

/* ---- slots -------------------------------------------------------------------------------- */

static LuksCipher *slot_cipher(const LuksHeader *h, const LuksSlot *s, LuksHash hash, GBytes *password,
                               GError **err)
{
    uint8_t key[LUKS_KEY_MAX];
    gsize length;
    const void *text = g_bytes_get_data(password, &length);
    luks_pbkdf2(hash, text, length, s->salt, s->iterations, key, h->key_size);
    LuksCipher *c = luks_cipher_new(h->cipher, h->mode, key, h->key_size, err);
    explicit_bzero(key, sizeof(key));
    return c;
}

static bool is_key(const LuksHeader *h, LuksHash hash, const uint8_t *key)
{
    uint8_t digest[LUKS_DIGEST];
    luks_pbkdf2(hash, key, h->key_size, h->salt, h->iterations, digest, sizeof(digest));
    return hash.crypto->memeql_sec(digest, h->digest, sizeof(digest));
}

/* 1: it is the key; 0: it is not; or -errno. */
static int open_material(const LuksHeader *h, const LuksSlot *s, LuksHash hash, BlockNode *file,
                         const LuksCipher *c, uint8_t *key)
{
    size_t size = luks_material_size(h, s);
    g_autofree uint8_t *material = g_malloc(size);
    int e = node_read(file, (uint64_t)s->offset * SECTOR, material, size);
    if (!e) {
        luks_cipher_run(c, false, 0, material, size);
        luks_merge(hash, material, s->stripes, key, h->key_size);
        e = is_key(h, hash, key);
    }
    explicit_bzero(material, size);
    return e;
}

int luks_try_slot(const LuksHeader *h, unsigned slot, BlockNode *file, GBytes *password, uint8_t *key,
                  GError **err)
{
    LuksHash hash;
    const LuksSlot *s = &h->slots[slot];
    LuksCipher *c = luks_hash_find(h->hash, &hash, err) ? slot_cipher(h, s, hash, password, err) : NULL;
    if (!c) {
        return -1;
    }
    int found = open_material(h, s, hash, file, c, key);
    luks_cipher_free(c);
    if (found < 0) {
        block_error(err, "its key slots cannot be read: %s", g_strerror(-found));
    }
    return found < 0 ? -1 : found;
}

bool luks_unlock(const LuksHeader *h, BlockNode *file, GBytes *password, uint8_t *key, GError **err)
{
    int found = 0;
    for (unsigned i = 0; i < LUKS_SLOTS && !found; i++) {
        found = h->slots[i].active ? luks_try_slot(h, i, file, password, key, err) : 0;
    }
    if (!found) {
        block_error(err, "Invalid password, cannot unlock any keyslot");
    }
    return found > 0;
}

bool luks_lock(LuksHeader *h, unsigned slot, BlockNode *file, GBytes *password, const uint8_t *key,
               GError **err)
{
    LuksSlot *s = &h->slots[slot];
    LuksHash hash;
    LuksCipher *c = luks_hash_find(h->hash, &hash, err) ? slot_cipher(h, s, hash, password, err) : NULL;
    if (!c) {
        return false;
    }
    size_t size = luks_material_size(h, s);
    g_autofree uint8_t *material = g_malloc0(size);
    luks_split(hash, key, h->key_size, material, s->stripes);
    luks_cipher_run(c, true, 0, material, size);
    luks_cipher_free(c);
    int e = node_write(file, (uint64_t)s->offset * SECTOR, material, size);
    s->active = !e;
    if (e) {
        block_error(err, "Could not write key material: %s", g_strerror(-e));
    }
    return !e;
}

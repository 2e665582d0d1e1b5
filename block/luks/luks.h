/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of LUKS 1.  Specification: "LUKS On-Disk Format Specification" 1.2 ("the specification" in this folder). */
#pragma once
#include "block/block_priv.h"
#include "block/crypto.h"

enum {
    LUKS_HEADER = 592, /* bytes */
    LUKS_SLOTS = 8,
    LUKS_STRIPES = 4000,
    LUKS_SALT = 32,
    LUKS_DIGEST = 20,
    LUKS_NAME = 32,
    LUKS_UUID = 40,
    LUKS_KEY_MAX = 64, /* bytes */
    LUKS_STRIPES_MAX = 8192,
    /* Of all keys in use together: what a header can make the host work before it is refused. */
    LUKS_ITERATIONS_MAX = 64 << 20,
};

typedef struct LuksSlot {
    bool active;
    uint32_t iterations, offset /* sectors */, stripes;
    uint8_t salt[LUKS_SALT];
} LuksSlot;

typedef struct LuksHeader {
    char cipher[LUKS_NAME + 1], mode[LUKS_NAME + 1], hash[LUKS_NAME + 1], uuid[LUKS_UUID + 1];
    uint32_t payload /* sectors */, key_size, iterations;
    uint8_t digest[LUKS_DIGEST], salt[LUKS_SALT];
    LuksSlot slots[LUKS_SLOTS];
} LuksHeader;

/* ---- header.c ---- */
/* Is it one that can be used, in a file of so many bytes? */
bool luks_header_read(LuksHeader *h, const uint8_t *from /* LUKS_HEADER bytes */, uint64_t file_size,
                      GError **err);
void luks_header_write(const LuksHeader *h, uint8_t *to);
/* Why key material cannot be where a slot says; NULL: it can. */
const char *luks_slot_fault(const LuksHeader *h, const LuksSlot *s);
uint64_t luks_material_size(const LuksHeader *h, const LuksSlot *s); /* bytes, whole sectors */

/* ---- cipher.c ---- */
typedef struct LuksCipher LuksCipher;
/* cipher, mode: as a header has them; NULL: an error. */
LuksCipher *luks_cipher_new(const char *cipher, const char *mode, const uint8_t *key, size_t key_size,
                            GError **err);
void luks_cipher_free(LuksCipher *c); /* NULL is fine */
/* Whole sectors in place, the first of this number; any thread. */
void luks_cipher_run(const LuksCipher *c, bool encrypt, uint64_t sector, uint8_t *data, size_t length);

/* ---- luks.c ---- */
typedef struct LuksNode {
    BlockNode node;
    LuksHeader header;
    BlockNode *area;    /* where the header is: the file, or a part of it */
    LuksCipher *cipher; /* NULL: opened to be looked at */
    uint64_t start;     /* of the data, bytes */
    char *key_secret;   /* by which it was opened, or NULL */
} LuksNode;
LuksNode *luks_of(BlockNode *n); /* NULL: it is none */

/* ---- hash.c ---- */
typedef struct LuksHash {
    const Crypto *crypto;
    const struct nettle_hash *hash;
} LuksHash;
bool luks_hash_find(const char *name, LuksHash *h, GError **err);

/* ---- key.c ---- */
void luks_pbkdf2(LuksHash hash, const void *password, size_t length, const uint8_t *salt, uint32_t iterations,
                 uint8_t *key, size_t key_size);
void luks_merge(LuksHash hash, const uint8_t *stripes, uint32_t count, uint8_t *key, size_t key_size);
void luks_split(LuksHash hash, const uint8_t *key, size_t key_size, uint8_t *stripes, uint32_t count);
/* Does the password open this slot, which is active?  1: then it has the master key; 0: no; -1: an error. */
int luks_try_slot(const LuksHeader *h, unsigned slot, BlockNode *file, GBytes *password, uint8_t *key,
                  GError **err);
/* The master key (h->key_size bytes) by a password; false: no slot has it. */
bool luks_unlock(const LuksHeader *h, BlockNode *file, GBytes *password, uint8_t *key, GError **err);
/* A slot of the header, and its key material in the file. */
bool luks_lock(LuksHeader *h, unsigned slot, BlockNode *file, GBytes *password, const uint8_t *key,
               GError **err);
/* Iterations that take so long here; at least 1000. */
uint32_t luks_iterations(LuksHash hash, size_t key_size, unsigned ms);
void luks_random(void *to, size_t length);

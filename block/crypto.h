/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ciphers and hashes: nettle, loaded when the first encrypted image or secret asks for one.  Manual: "Nettle: a low-level
 * cryptographic library". */
#pragma once
#include <glib.h>
#include <nettle/cbc.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/pbkdf2.h>
#include <nettle/xts.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CIPHER_BLOCK = 16 /* bytes */, DIGEST_MAX = 64 };

/* The library's headers give its functions short names by macros: crypto->cbc_encrypt is a field nettle_cbc_encrypt. */
/* clang-format off */
#define CRYPTO_FUNCTIONS(F)                                                                                  \
    F(nettle_get_ciphers) F(nettle_get_hashes) F(nettle_cbc_encrypt) F(nettle_cbc_decrypt)                   \
    F(nettle_xts_encrypt_message) F(nettle_xts_decrypt_message) F(nettle_hmac_set_key)                       \
    F(nettle_hmac_update) F(nettle_hmac_digest) F(nettle_pbkdf2) F(nettle_memeql_sec)
#define CRYPTO_FIELD(name) __typeof__(name) *name;
/* clang-format on */
typedef struct Crypto {
    CRYPTO_FUNCTIONS(CRYPTO_FIELD)
} Crypto;

/* NULL: the host has no nettle.  Any thread. */
const Crypto *crypto_load(GError **err);
/* By a name without its size ("aes") and bytes of its key: a cipher of blocks of CIPHER_BLOCK bytes; NULL: it has none. */
const struct nettle_cipher *crypto_cipher(const Crypto *c, const char *name, size_t key_size);
const struct nettle_hash *crypto_hash(const Crypto *c, const char *name);
/* A context of the cipher; crypto_forget frees it, NULL is fine there. */
void *crypto_keyed(const struct nettle_cipher *cipher, bool encrypt, const uint8_t *key);
void crypto_forget(const struct nettle_cipher *cipher, void *ctx);

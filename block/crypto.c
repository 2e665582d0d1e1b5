/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/crypto.h"

#include <stdio.h>
#include <string.h>

#include "util/library.h"

const Crypto *crypto_load(GError **err)
{
    static Crypto functions;
    static gsize loaded;
    static GError *why;
#define CRYPTO_SYMBOL(name) LIBRARY_SYMBOL(Crypto, "", name),
    static const LibrarySymbol symbols[] = { CRYPTO_FUNCTIONS(CRYPTO_SYMBOL) };
#undef CRYPTO_SYMBOL
    static const Library nettle = { "libnettle.so.8", "nettle",
                                    "libnettle8",     "leave encrypted images and secrets out",
                                    symbols,          G_N_ELEMENTS(symbols) };
    if (g_once_init_enter(&loaded)) {
        (void)library_load(&nettle, &functions, &why);
        g_once_init_leave(&loaded, 1);
    }
    if (why && err) {
        *err = g_error_copy(why);
    }
    return why ? NULL : &functions;
}

const struct nettle_cipher *crypto_cipher(const Crypto *c, const char *name, size_t key_size)
{
    char full[32];
    snprintf(full, sizeof(full), "%s%zu", name, key_size * 8);
    for (const struct nettle_cipher *const *all = c->nettle_get_ciphers(); *all; all++) {
        if (strcmp((*all)->name, full) == 0 && (*all)->block_size == CIPHER_BLOCK) {
            return *all;
        }
    }
    return NULL;
}

const struct nettle_hash *crypto_hash(const Crypto *c, const char *name)
{
    for (const struct nettle_hash *const *all = c->nettle_get_hashes(); *all; all++) {
        if (strcmp((*all)->name, name) == 0 && (*all)->digest_size <= DIGEST_MAX) {
            return *all;
        }
    }
    return NULL;
}

void *crypto_keyed(const struct nettle_cipher *cipher, bool encrypt, const uint8_t *key)
{
    void *ctx = g_malloc0(cipher->context_size);
    (encrypt ? cipher->set_encrypt_key : cipher->set_decrypt_key)(ctx, key);
    return ctx;
}

void crypto_forget(const struct nettle_cipher *cipher, void *ctx)
{
    if (ctx) {
        explicit_bzero(ctx, cipher->context_size);
        g_free(ctx);
    }
}

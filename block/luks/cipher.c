/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sectors of 512 bytes, each encrypted for itself: the specification, section 7 and its table of modes; dm-crypt's names.
 *
 * Not modelled: ciphers of other blocks than 16 bytes (cast5, 3des), ecb, ctr, benbi, and ESSIV of other hashes than
 * those whose digest is a key of the cipher. */
#include <string.h>

#include "block/luks/luks.h"
#include "util/bytes.h"

struct LuksCipher {
    const Crypto *crypto;
    const struct nettle_cipher *cipher, *essiv;
    bool xts, wide; /* wide: 64 bits of the sector's number, not 32 */
    void *encrypt, *decrypt, *tweak;
};

static const struct nettle_cipher *find(const Crypto *crypto, const char *name, size_t key_size)
{
    static const char *const names[] = { "aes", "serpent", "twofish", NULL };
    return g_strv_contains(names, name) ? crypto_cipher(crypto, name, key_size) : NULL;
}

/* The key of the cipher that makes initial vectors is the digest of the other's. */
static bool set_essiv(LuksCipher *c, const char *name, const char *hash_name, const uint8_t *key,
                      size_t key_size, GError **err)
{
    LuksHash found;
    if (!luks_hash_find(hash_name, &found, err)) {
        return false;
    }
    const struct nettle_hash *hash = found.hash;
    uint8_t digest[DIGEST_MAX];
    g_autofree void *ctx = g_malloc0(hash->context_size);
    hash->init(ctx);
    hash->update(ctx, key_size, key);
    hash->digest(ctx, hash->digest_size, digest);
    c->essiv = find(c->crypto, name, hash->digest_size);
    if (!c->essiv) {
        block_error(err, "essiv:%s does not fit cipher '%s'", hash_name, name);
    } else {
        c->tweak = crypto_keyed(c->essiv, true, digest);
    }
    explicit_bzero(digest, sizeof(digest));
    return c->essiv;
}

static bool set_mode(LuksCipher *c, const char *name, const char *mode, const uint8_t *key, size_t key_size,
                     GError **err)
{
    const char *vector = strchr(mode, '-');
    if (vector && g_str_has_prefix(vector, "-essiv:")) {
        return !c->xts ? set_essiv(c, name, vector + 7, key, key_size, err)
                       : (block_error(err, "mode '%s' is not supported", mode), false);
    }
    c->wide = vector && strcmp(vector, "-plain64") == 0;
    if (!c->wide && (!vector || strcmp(vector, "-plain") != 0)) {
        block_error(err, "mode '%s' is not supported: there are plain, plain64 and essiv:HASH", mode);
        return false;
    }
    return true;
}

LuksCipher *luks_cipher_new(const char *cipher, const char *mode, const uint8_t *key, size_t key_size,
                            GError **err)
{
    const Crypto *crypto = crypto_load(err);
    if (!crypto) {
        return NULL;
    }
    bool xts = g_str_has_prefix(mode, "xts-");
    size_t own = xts ? key_size / 2 : key_size;
    const struct nettle_cipher *found =
        xts || g_str_has_prefix(mode, "cbc-") ? find(crypto, cipher, own) : NULL;
    if (!found || (xts && key_size % 2)) {
        block_error(
            err,
            "cipher '%s-%s' with a key of %zu bits is not supported: there are aes, serpent and twofish, in "
            "modes xts and cbc",
            cipher, mode, key_size * 8);
        return NULL;
    }
    LuksCipher *c = g_new0(LuksCipher, 1);
    c->crypto = crypto;
    c->cipher = found;
    c->xts = xts;
    c->encrypt = crypto_keyed(found, true, key);
    c->decrypt = crypto_keyed(found, false, key);
    c->tweak = xts ? crypto_keyed(found, true, key + own) : NULL;
    if (!set_mode(c, cipher, mode, key, key_size, err)) {
        g_clear_pointer(&c, luks_cipher_free);
    }
    return c;
}

void luks_cipher_free(LuksCipher *c)
{
    if (c) {
        crypto_forget(c->cipher, c->encrypt);
        crypto_forget(c->cipher, c->decrypt);
        crypto_forget(c->essiv ? c->essiv : c->cipher, c->tweak);
        g_free(c);
    }
}

static void run_sector(const LuksCipher *c, bool encrypt, uint64_t sector, uint8_t *data)
{
    uint8_t iv[CIPHER_BLOCK] = { 0 };
    store_le(iv, c->wide || c->essiv ? 8 : 4, c->wide || c->essiv ? sector : (uint32_t)sector);
    if (c->essiv) {
        c->essiv->encrypt(c->tweak, CIPHER_BLOCK, iv, iv);
    }
    if (c->xts && encrypt) {
        c->crypto->xts_encrypt_message(c->encrypt, c->tweak, c->cipher->encrypt, iv, SECTOR, data, data);
    } else if (c->xts) {
        c->crypto->xts_decrypt_message(c->decrypt, c->tweak, c->cipher->decrypt, c->cipher->encrypt, iv,
                                       SECTOR, data, data);
    } else if (encrypt) {
        c->crypto->cbc_encrypt(c->encrypt, c->cipher->encrypt, CIPHER_BLOCK, iv, SECTOR, data, data);
    } else {
        c->crypto->cbc_decrypt(c->decrypt, c->cipher->decrypt, CIPHER_BLOCK, iv, SECTOR, data, data);
    }
}

void luks_cipher_run(const LuksCipher *c, bool encrypt, uint64_t sector, uint8_t *data, size_t length)
{
    for (size_t done = 0; done < length; done += SECTOR, sector++) {
        run_sector(c, encrypt, sector, data + done);
    }
}

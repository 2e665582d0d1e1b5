/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New LUKS images.  Options: QEMU's manual, "QMP reference", QCryptoBlockCreateOptionsLUKS. */
#include <stdio.h>
#include <string.h>

#include "block/create.h"
#include "block/luks/create.h"
#include "block/luks/luks.h"
#include "block/secret.h"
#include "util/container.h"

enum { ALIGN = 4096, DIGEST_PART = 8 };
enum { MODE_XTS, MODE_CBC };
enum { IV_PLAIN, IV_PLAIN64, IV_ESSIV };
/* clang-format off */
const char *const luks_cipher_names[] = {
    "aes-256", "aes-192", "aes-128", "serpent-256", "serpent-192", "serpent-128", "twofish-256", "twofish-192", "twofish-128",
    NULL };
static const unsigned key_bits[] = { 256, 192, 128 };
const char *const luks_unbuilt_ciphers[] = { "cast5-128", "des", "3des", "sm4", NULL };
/* clang-format on */
const char *const luks_mode_names[] = { [MODE_XTS] = "xts", [MODE_CBC] = "cbc", NULL };
const char *const luks_unbuilt_modes[] = { "ecb", "ctr", NULL };
const char *const luks_iv_names[] = {
    [IV_PLAIN] = "plain", [IV_PLAIN64] = "plain64", [IV_ESSIV] = "essiv", NULL
};
const char *const luks_hash_names[] = { "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160", NULL };

/* ---- what is asked for ---------------------------------------------------------------- */

static void print_text(GString *text, bool given, const char *prefix, const char *name, const char *value)
{
    if (given) {
        g_string_append_printf(text, " %s%s=%s", prefix, name, value);
    }
}

void luks_create_print(const LuksCreate *o, const char *prefix, GString *text)
{
    print_text(text, o->key_secret, prefix, "key-secret", o->key_secret);
    print_text(text, o->has_cipher, prefix, "cipher-alg", luks_cipher_names[o->cipher]);
    print_text(text, o->has_mode, prefix, "cipher-mode", luks_mode_names[o->mode]);
    print_text(text, o->has_iv, prefix, "ivgen-alg", luks_iv_names[o->iv]);
    print_text(text, o->has_iv_hash, prefix, "ivgen-hash-alg", luks_hash_names[o->iv_hash]);
    print_text(text, o->has_hash, prefix, "hash-alg", luks_hash_names[o->hash]);
    if (o->has_time) {
        g_string_append_printf(text, " %siter-time=%u", prefix, o->time);
    }
}

/* All of the header but what is random and what the password makes of it. */
static void plan(const LuksCreate *o, LuksHeader *h)
{
    *h = (LuksHeader){ .key_size = key_bits[o->cipher % 3] / 8 * (o->mode == MODE_XTS ? 2 : 1) };
    const char *name = luks_cipher_names[o->cipher];
    memcpy(h->cipher, name, strcspn(name, "-"));
    snprintf(h->mode, sizeof(h->mode), "%s-%s%s%s", luks_mode_names[o->mode], luks_iv_names[o->iv],
             o->iv == IV_ESSIV ? ":" : "", o->iv == IV_ESSIV ? luks_hash_names[o->iv_hash] : "");
    g_strlcpy(h->hash, luks_hash_names[o->hash], sizeof(h->hash));
    uint64_t at = ALIGN;
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        h->slots[i] = (LuksSlot){ .offset = at / SECTOR, .stripes = LUKS_STRIPES };
        at += (luks_material_size(h, &h->slots[i]) + ALIGN - 1) / ALIGN * ALIGN;
    }
    h->payload = at / SECTOR;
}

bool luks_create_check(const LuksCreate *o, const char *prefix, const Secrets *secrets, GError **err)
{
    LuksHeader h;
    static const uint8_t key[LUKS_KEY_MAX];
    if (!o->key_secret) {
        block_error(err, "Parameter '%skey-secret' is required for cipher", prefix);
        return false;
    }
    plan(o, &h);
    LuksCipher *c = luks_cipher_new(h.cipher, h.mode, key, h.key_size, err); /* do they fit together? */
    g_autoptr(GBytes) password = c ? secrets_find(secrets, o->key_secret, err) : NULL;
    luks_cipher_free(c);
    return password != NULL;
}

uint64_t luks_create_bytes(const LuksCreate *o)
{
    LuksHeader h;
    plan(o, &h);
    return (uint64_t)h.payload * SECTOR;
}

/* ---- making it --------------------------------------------------------------------------- */

static void put_uuid(char *text)
{
    uint8_t u[16];
    new_image_put_uuid(u);
    snprintf(text, LUKS_UUID, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
             u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static bool write_header(BlockNode *file, LuksHeader *h, GBytes *password, unsigned ms, GError **err)
{
    uint8_t key[LUKS_KEY_MAX], head[2 * SECTOR] = { 0 };
    LuksHash hash;
    if (!luks_hash_find(h->hash, &hash, err)) {
        return false;
    }
    luks_random(key, h->key_size);
    luks_random(h->salt, LUKS_SALT);
    luks_random(h->slots[0].salt, LUKS_SALT);
    uint32_t all = luks_iterations(hash, h->key_size, ms);
    h->slots[0].iterations = all;
    h->iterations = MAX(all / DIGEST_PART, 1000);
    put_uuid(h->uuid);
    luks_pbkdf2(hash, key, h->key_size, h->salt, h->iterations, h->digest, LUKS_DIGEST);
    bool ok = luks_lock(h, 0, file, password, key, err);
    explicit_bzero(key, sizeof(key));
    luks_header_write(h, head);
    return ok && new_image_failed(file, node_write(file, 0, head, sizeof(head)), err);
}

bool luks_create(BlockNode *area, const LuksCreate *o, const Secrets *secrets, GError **err)
{
    LuksHeader h;
    g_autoptr(GBytes) password = secrets_find(secrets, o->key_secret, err);
    plan(o, &h);
    return password && write_header(area, &h, password, o->time, err);
}

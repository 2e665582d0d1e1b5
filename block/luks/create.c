/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New LUKS images.  Options: QEMU's manual, "QMP reference", QCryptoBlockCreateOptionsLUKS. */
#include <stdio.h>
#include <string.h>

#include "block/create.h"
#include "block/luks/luks.h"
#include "block/secret.h"
#include "util/container.h"

enum { ALIGN = 4096, TIME = 2000 /* ms */, DIGEST_PART = 8 };
enum { MODE_XTS, MODE_CBC };
enum { IV_PLAIN, IV_PLAIN64, IV_ESSIV };
/* clang-format off */
static const char *const cipher_names[] = {
    "aes-256", "aes-192", "aes-128", "serpent-256", "serpent-192", "serpent-128", "twofish-256", "twofish-192", "twofish-128",
    NULL };
static const unsigned key_bits[] = { 256, 192, 128 };
static const char *const unbuilt_ciphers[] = { "cast5-128", "des", "3des", "sm4", NULL };
/* clang-format on */
static const char *const mode_names[] = { [MODE_XTS] = "xts", [MODE_CBC] = "cbc", NULL };
static const char *const unbuilt_modes[] = { "ecb", "ctr", NULL };
static const char *const iv_names[] = {
    [IV_PLAIN] = "plain", [IV_PLAIN64] = "plain64", [IV_ESSIV] = "essiv", NULL
};
static const char *const hash_names[] = { "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160", NULL };
enum { HASH_SHA256 = 2 };

typedef struct LuksOptions {
    NewImage base;
    char *key_secret;
    int cipher, mode, iv, iv_hash, hash;
    bool has_cipher, has_mode, has_iv, has_iv_hash, has_hash, has_time;
    uint32_t time;
} LuksOptions;

#define AT(field) offsetof(LuksOptions, field)
static const Prop props[] = {
    NEW_IMAGE_SIZE,
    NEW_IMAGE_PREALLOCATION,
    { "key-secret", PROP_STRING, AT(key_secret), "id of the secret that has the password" },
    { "cipher-alg", PROP_ENUM, AT(cipher), "of sectors", .names = cipher_names, .unbuilt = unbuilt_ciphers,
      .has = AT(has_cipher) },
    { "cipher-mode", PROP_ENUM, AT(mode), "of it", .names = mode_names, .unbuilt = unbuilt_modes,
      .has = AT(has_mode) },
    { "ivgen-alg", PROP_ENUM, AT(iv), "how a sector's number is used", .names = iv_names, .def = IV_PLAIN64,
      .has = AT(has_iv) },
    { "ivgen-hash-alg", PROP_ENUM, AT(iv_hash), "of essiv", .names = hash_names, .def = HASH_SHA256,
      .has = AT(has_iv_hash) },
    { "hash-alg", PROP_ENUM, AT(hash), "of the password", .names = hash_names, .def = HASH_SHA256,
      .has = AT(has_hash) },
    { "iter-time", PROP_U32, AT(time), "milliseconds that a try of a password takes", .def = TIME, .min = 1,
      .max = 60000, .has = AT(has_time) },
    { NULL },
};
#undef AT
static const Shape shape = { "luks", sizeof(LuksOptions), props };

static const LuksOptions *options_of(const NewImage *o)
{
    return container_of(o, LuksOptions, base);
}

static void print_enum(GString *text, bool given, const char *name, const char *value)
{
    if (given) {
        g_string_append_printf(text, " %s=%s", name, value);
    }
}

static void print(const NewImage *base, GString *text)
{
    const LuksOptions *o = options_of(base);
    new_image_print_size(base, text);
    new_image_print_preallocation(base, text);
    print_enum(text, o->key_secret, "key-secret", o->key_secret);
    print_enum(text, o->has_cipher, "cipher-alg", cipher_names[o->cipher]);
    print_enum(text, o->has_mode, "cipher-mode", mode_names[o->mode]);
    print_enum(text, o->has_iv, "ivgen-alg", iv_names[o->iv]);
    print_enum(text, o->has_iv_hash, "ivgen-hash-alg", hash_names[o->iv_hash]);
    print_enum(text, o->has_hash, "hash-alg", hash_names[o->hash]);
    if (o->has_time) {
        g_string_append_printf(text, " iter-time=%u", o->time);
    }
}

/* All of the header but what is random and what the password makes of it. */
static void plan(const LuksOptions *o, LuksHeader *h)
{
    *h = (LuksHeader){ .key_size = key_bits[o->cipher % 3] / 8 * (o->mode == MODE_XTS ? 2 : 1) };
    const char *name = cipher_names[o->cipher];
    memcpy(h->cipher, name, strcspn(name, "-"));
    snprintf(h->mode, sizeof(h->mode), "%s-%s%s%s", mode_names[o->mode], iv_names[o->iv],
             o->iv == IV_ESSIV ? ":" : "", o->iv == IV_ESSIV ? hash_names[o->iv_hash] : "");
    g_strlcpy(h->hash, hash_names[o->hash], sizeof(h->hash));
    uint64_t at = ALIGN;
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        h->slots[i] = (LuksSlot){ .offset = at / SECTOR, .stripes = LUKS_STRIPES };
        at += (luks_material_size(h, &h->slots[i]) + ALIGN - 1) / ALIGN * ALIGN;
    }
    h->payload = at / SECTOR;
}

static bool check(NewImage *base, GError **err)
{
    const LuksOptions *o = options_of(base);
    LuksHeader h;
    static const uint8_t key[LUKS_KEY_MAX];
    if (!o->key_secret) {
        block_error(err, "Parameter 'key-secret' is required for cipher");
        return false;
    }
    if (base->preallocation == PREALLOCATE_METADATA || base->size > INT64_MAX / 2) {
        block_error(err, base->size > INT64_MAX / 2
                             ? "the disk is too large"
                             : "Unsupported preallocation mode: metadata; there are falloc and full");
        return false;
    }
    plan(o, &h);
    LuksCipher *c = luks_cipher_new(h.cipher, h.mode, key, h.key_size, err); /* do they fit together? */
    g_autoptr(GBytes) password = c ? secrets_find(base->secrets, o->key_secret, err) : NULL;
    luks_cipher_free(c);
    return password != NULL;
}

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

static bool make(BlockNode *file, const NewImage *base, GError **err)
{
    const LuksOptions *o = options_of(base);
    LuksHeader h;
    g_autoptr(GBytes) password = secrets_find(base->secrets, o->key_secret, err);
    if (!password) {
        return false;
    }
    plan(o, &h);
    uint64_t all = (uint64_t)h.payload * SECTOR + (base->size + SECTOR - 1) / SECTOR * SECTOR;
    int e = node_resize(file, all);
    e = e ? e : preallocate_file(file, base->preallocation, all);
    return new_image_failed(file, e, err) && write_header(file, &h, password, o->time, err);
}

static void measure(const NewImage *base, ImageMeasure *m)
{
    LuksHeader h;
    plan(options_of(base), &h);
    uint64_t all = (uint64_t)h.payload * SECTOR + (base->size + SECTOR - 1) / SECTOR * SECTOR;
    *m = (ImageMeasure){ all, all, SECTOR };
}

const ImageMaker luks_maker = { "luks", &shape, false, print, check, make, measure };

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new LUKS header, in an image of its own or in one of another format.
 * Options: QEMU's manual, "QMP reference", QCryptoBlockCreateOptionsLUKS. */
#pragma once
#include "base/props.h"
#include "block/node.h"

typedef struct Secrets Secrets;

typedef struct LuksCreate {
    char *key_secret;
    int cipher, mode, iv, iv_hash, hash;
    bool has_cipher, has_mode, has_iv, has_iv_hash, has_hash, has_time;
    uint32_t time;
} LuksCreate;

enum { LUKS_DEFAULT_IV = 1, LUKS_DEFAULT_HASH = 2, LUKS_DEFAULT_TIME = 2000 /* ms */ };
extern const char *const luks_cipher_names[], *const luks_unbuilt_ciphers[],
                                                  *const luks_mode_names[], *const luks_unbuilt_modes[],
                                                                                *const luks_iv_names[],
                                                                                    *const luks_hash_names[];

/* Rows of options for a LuksCreate at this place of a struct. */
#define LUKS_CREATE_ROWS(at, prefix)                                                                         \
    { prefix "key-secret", PROP_STRING, (at) + offsetof(LuksCreate, key_secret),                             \
      "id of the secret that has the password" },                                                            \
        { prefix "cipher-alg",                                                                               \
          PROP_ENUM,                                                                                         \
          (at) + offsetof(LuksCreate, cipher),                                                               \
          "of sectors",                                                                                      \
          .names = luks_cipher_names,                                                                        \
          .unbuilt = luks_unbuilt_ciphers,                                                                   \
          .has = (at) + offsetof(LuksCreate, has_cipher) },                                                  \
        { prefix "cipher-mode",                                                                              \
          PROP_ENUM,                                                                                         \
          (at) + offsetof(LuksCreate, mode),                                                                 \
          "of it",                                                                                           \
          .names = luks_mode_names,                                                                          \
          .unbuilt = luks_unbuilt_modes,                                                                     \
          .has = (at) + offsetof(LuksCreate, has_mode) },                                                    \
        { prefix "ivgen-alg",                                                                                \
          PROP_ENUM,                                                                                         \
          (at) + offsetof(LuksCreate, iv),                                                                   \
          "how a sector's number is used",                                                                   \
          .names = luks_iv_names,                                                                            \
          .def = LUKS_DEFAULT_IV,                                                                            \
          .has = (at) + offsetof(LuksCreate, has_iv) },                                                      \
        { prefix "ivgen-hash-alg",                                                                           \
          PROP_ENUM,                                                                                         \
          (at) + offsetof(LuksCreate, iv_hash),                                                              \
          "of essiv",                                                                                        \
          .names = luks_hash_names,                                                                          \
          .def = LUKS_DEFAULT_HASH,                                                                          \
          .has = (at) + offsetof(LuksCreate, has_iv_hash) },                                                 \
        { prefix "hash-alg",                                                                                 \
          PROP_ENUM,                                                                                         \
          (at) + offsetof(LuksCreate, hash),                                                                 \
          "of the password",                                                                                 \
          .names = luks_hash_names,                                                                          \
          .def = LUKS_DEFAULT_HASH,                                                                          \
          .has = (at) + offsetof(LuksCreate, has_hash) },                                                    \
    {                                                                                                        \
        prefix "iter-time", PROP_U32, (at) + offsetof(LuksCreate, time),                                     \
            "milliseconds that a try of a password takes", .def = LUKS_DEFAULT_TIME, .min = 1, .max = 60000, \
                                                           .has = (at) + offsetof(LuksCreate, has_time)      \
    }

/* What was given, after a blank each; prefix: of their names. */
void luks_create_print(const LuksCreate *o, const char *prefix, GString *text);
bool luks_create_check(const LuksCreate *o, const char *prefix, const Secrets *secrets,
                       GError **err) G_GNUC_WARN_UNUSED_RESULT;
uint64_t luks_create_bytes(const LuksCreate *o); /* of the header with its key slots: whole sectors */
/* At the start of the area, which is of zeroes. */
bool luks_create(BlockNode *area, const LuksCreate *o, const Secrets *secrets,
                 GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets by name: passwords and keys that a user gives (-object secret), and credentials of TLS (-object tls-creds-...);
 * others take them by their ids. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/props.h"
#include "base/tls.h"

typedef struct Drives Drives;
typedef struct Secrets Secrets;

/* Where one is.  Strings are owned. */
typedef struct SecretSource {
    char *data, *file;
    int format;
    char *keyid, *iv; /* it is encrypted, by the secret of this id (AES-256-CBC); iv: of that, base64 */
} SecretSource;
extern const char *const secret_format_names[];

#define SECRET_ROWS(at)                                                                                      \
    { "data", PROP_STRING, (at) + offsetof(SecretSource, data),                                              \
      "the secret itself, which others see in ps" },                                                         \
        { "file", PROP_STRING, (at) + offsetof(SecretSource, file), "or the file that has it" },             \
        { "format", PROP_ENUM, (at) + offsetof(SecretSource, format), "how it is written",                   \
          .names = secret_format_names },                                                                    \
        { "keyid", PROP_STRING, (at) + offsetof(SecretSource, keyid),                                        \
          "the secret that it is encrypted with, of 32 bytes" },                                             \
    {                                                                                                        \
        "iv", PROP_STRING, (at) + offsetof(SecretSource, iv), "of that encryption, in base64"                \
    }

Secrets *secrets_new(void);
Secrets *secrets_copy(const Secrets *all); /* for another thread */
void secrets_free(Secrets *all);           /* NULL is fine */
/* now: nothing may be waited for. */
bool secrets_add(Secrets *all, const char *id, const SecretSource *s, bool now, GError **err);
void secrets_remove(Secrets *all, const char *id);
/* Of those who find them until they are removed; connections that have them keep them. */
bool secrets_add_tls(Secrets *all, const char *id, TlsKind kind, const TlsSource *s, bool now, GError **err);
/* A reference; NULL: there is none of this id, or it is of the other endpoint. */
TlsCreds *secrets_find_tls(const Secrets *all, const char *id, TlsEndpoint endpoint, GError **err);
GBytes *secrets_find(const Secrets *all, const char *id,
                     GError **err); /* the caller's; NULL: there is none */

Secrets *drives_secrets(Drives *all); /* of the machine that has these drives */

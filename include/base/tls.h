/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Credentials of TLS: who this end is, and whom it believes (-object tls-creds-...).
 * Options and names of files: QEMU's manual, "TLS setup for network services".
 *
 * The files are read when credentials are made; those of a later time are not seen. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/props.h"

typedef struct TlsCreds TlsCreds;

typedef enum TlsKind {
    TLS_ANON, /* nobody: against those who listen, not against those who change what is sent */
    TLS_PSK,  /* who has the same key */
    TLS_X509, /* whom an authority has given a certificate */
} TlsKind;
typedef enum TlsEndpoint { TLS_CLIENT, TLS_SERVER } TlsEndpoint;
extern const char *const tls_endpoint_names[];

/* Strings are owned. */
typedef struct TlsSource {
    int endpoint;
    bool verify_peer, sanity_check;
    char *dir, *priority, *password_id, *username;
} TlsSource;

#define TLS_ROWS(at)                                                                                         \
    { "endpoint",                                                                                            \
      PROP_ENUM,                                                                                             \
      (at) + offsetof(TlsSource, endpoint),                                                                  \
      "of the connections that have them",                                                                   \
      .names = tls_endpoint_names,                                                                           \
      .def = TLS_CLIENT },                                                                                   \
        { "dir", PROP_STRING, (at) + offsetof(TlsSource, dir), "folder of their files (x509, psk)" },        \
        { "priority", PROP_STRING, (at) + offsetof(TlsSource, priority),                                     \
          "algorithms and versions, as GnuTLS spells them" },                                                \
    {                                                                                                        \
        "verify-peer", PROP_BOOL, (at) + offsetof(TlsSource, verify_peer),                                   \
            "of x509: who is at the other end must show a certificate", .def = 1                             \
    }
#define TLS_PSK_ROWS(at)                                                                                     \
    {                                                                                                        \
        "username", PROP_STRING, (at) + offsetof(TlsSource, username),                                       \
            "of a client, as keys.psk has it; not given: qemu"                                               \
    }
#define TLS_X509_ROWS(at)                                                                                    \
    { "passwordid", PROP_STRING, (at) + offsetof(TlsSource, password_id),                                    \
      "the secret that has the password of the private key" },                                               \
    {                                                                                                        \
        "sanity-check", PROP_BOOL, (at) + offsetof(TlsSource, sanity_check),                                 \
            "look at our own certificates before they are used", .def = 1                                    \
    }

/* password: of the private key; NULL: it has none.  now: the files are not waited for.  NULL: the error says which file, and what
 * of it. */
TlsCreds *tls_creds_new(TlsKind kind, const TlsSource *s, const char *password, bool now, GError **err);
TlsCreds *tls_creds_ref(TlsCreds *c);
void tls_creds_unref(TlsCreds *c); /* NULL is fine */
TlsEndpoint tls_creds_endpoint(const TlsCreds *c);

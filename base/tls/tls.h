/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of TLS. */
#pragma once
#include "base/tls.h"
#include "base/tls/gnutls_api.h"

struct TlsCreds {
    int refs; /* atomic */
    const GnutlsApi *api;
    TlsKind kind;
    TlsEndpoint endpoint;
    bool verify_peer;
    gnutls_priority_t priority;
    union { /* by kind and endpoint; NULL: none yet */
        gnutls_certificate_credentials_t x509;
        gnutls_anon_client_credentials_t anon_client;
        gnutls_anon_server_credentials_t anon_server;
        gnutls_psk_client_credentials_t psk_client;
        gnutls_psk_server_credentials_t psk_server;
        void *any;
    } of;
    GHashTable *keys; /* of a PSK server: GBytes by a user's name */
};

void tls_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- sane.c */
/* Certificates of files, as they are read. */
typedef struct TlsFile {
    char *path;
    GByteArray *data; /* NULL: there is no such file */
} TlsFile;
gnutls_datum_t tls_datum(const TlsFile *f);
/* Will others take this certificate?  crl may have no data. */
bool tls_check_authority(const GnutlsApi *api, const TlsFile *ca, GError **err);
bool tls_check_identity(const GnutlsApi *api, TlsEndpoint endpoint, const TlsFile *ca, const TlsFile *crl,
                        const TlsFile *own, GError **err);
char *tls_status_text(const GnutlsApi *api, unsigned status); /* of a verification; the caller's */

/* ---- session.c */
typedef struct TlsSession TlsSession;
#define TLS_PURPOSE_SERVER "1.3.6.1.5.5.7.3.1"
#define TLS_PURPOSE_CLIENT "1.3.6.1.5.5.7.3.2"

/* After the handshake, or NULL. */
TlsSession *tls_session_new(int fd, TlsCreds *creds, const char *hostname, unsigned ms, GError **err);
void tls_session_free(TlsSession *s); /* after a goodbye that is not waited for; NULL is fine */
/* Some bytes, at most n; 0: the other end has said that it is the end; -errno.  ms: see channel_limit_waits. */
gssize tls_session_receive(TlsSession *s, void *buf, gsize n, unsigned ms);
gssize tls_session_send(TlsSession *s, const void *buf, gsize n, unsigned ms);
char *tls_session_why(TlsSession *s); /* what was wrong first; NULL: nothing; the caller's */
/* For credentials: a server looks for the key of a client's name. */
int tls_session_find_key(gnutls_session_t session, const char *name, gnutls_datum_t *key);

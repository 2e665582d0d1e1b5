/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session of TLS over a socket.  Manual: "How to use GnuTLS in applications".
 *
 * A session is used by two threads, one that sends and one that receives, and either may have to do the other's work (new keys,
 * alerts).  So a lock is around each step, and no step waits: who has to wait does it at the socket, without the lock.
 *
 * Not modelled: renegotiation, and resumption of earlier sessions. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/lock.h"
#include "base/tls/tls.h"
#include "util/text.h"

enum { READ_AHEAD = 64 << 10, UNKNOWN_KEY = 32 };

struct TlsSession {
    const GnutlsApi *api;
    TlsCreds *creds;
    int fd;
    char *hostname;                 /* NULL: none is expected */
    gnutls_typed_vdata_st wants[2]; /* of a certificate; GnuTLS keeps the pointer */
    Lock lock;                      /* of what follows */
    gnutls_session_t session;
    char *why; /* what was wrong first; NULL: nothing */
    bool broken;
    uint8_t *ahead; /* what was received and not asked for */
    gsize at, end;
};

/* ---- the socket ------------------------------------------------------------------ */

/* Who has closed the connection has perhaps said why (a client's certificate is looked at after its handshake has ended): what
 * is sent is forgotten then, and the error is that of who receives. */
static ssize_t push(gnutls_transport_ptr_t opaque, const void *data, size_t n)
{
    TlsSession *s = opaque;
    ssize_t put = send(s->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        return n;
    }
    if (put < 0) {
        s->api->transport_set_errno(s->session, errno);
    }
    return put;
}

/* GnuTLS asks for five bytes, then for a record: the socket is asked for all that it has. */
static ssize_t pull(gnutls_transport_ptr_t opaque, void *data, size_t n)
{
    TlsSession *s = opaque;
    if (s->at == s->end) {
        ssize_t got = recv(s->fd, s->ahead, READ_AHEAD, MSG_DONTWAIT);
        if (got <= 0) {
            s->api->transport_set_errno(s->session, errno);
            return got;
        }
        s->at = 0;
        s->end = got;
    }
    n = MIN(n, s->end - s->at);
    memcpy(data, s->ahead + s->at, n);
    s->at += n;
    return n;
}

/* until: of g_get_monotonic_time; 0: without an end.  0 or -errno. */
static int wait_for_socket(TlsSession *s, bool writes, gint64 until)
{
    for (;;) {
        struct pollfd p = { s->fd, writes ? POLLOUT : POLLIN, 0 };
        gint64 left = until ? until - g_get_monotonic_time() : 0;
        if (until && left <= 0) {
            return -ETIMEDOUT;
        }
        int ready = poll(&p, 1, until ? (int)MIN(left / 1000 + 1, G_MAXINT) : -1);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return ready > 0 ? 0 : -errno;
        }
    }
}

/* ---- what was wrong -------------------------------------------------------------- */

static char *failure_text(TlsSession *s, int e)
{
    const char *theirs = s->creds->endpoint == TLS_CLIENT ? "server" : "client";
    if (e == GNUTLS_E_FATAL_ALERT_RECEIVED || e == GNUTLS_E_WARNING_ALERT_RECEIVED) {
        const char *name = s->api->alert_get_name(s->api->alert_get(s->session));
        return g_strdup_printf("the %s ends TLS: %s", theirs, name ? name : "an unknown alert");
    }
    if (e == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        g_autofree char *text = tls_status_text(s->api, s->api->session_get_verify_cert_status(s->session));
        return s->hostname ? g_strdup_printf("the certificate of '%s' is not accepted: %s", s->hostname, text)
                           : g_strdup_printf("the certificate of the %s is not accepted: %s", theirs, text);
    }
    if (e == GNUTLS_E_NO_CERTIFICATE_FOUND || e == GNUTLS_E_CERTIFICATE_REQUIRED) {
        return g_strdup_printf("the %s shows no certificate", theirs);
    }
    if (e == GNUTLS_E_PREMATURE_TERMINATION) {
        return g_strdup("the connection was cut off in the middle of TLS");
    }
    if (e == GNUTLS_E_PUSH_ERROR || e == GNUTLS_E_PULL_ERROR) {
        return g_strdup_printf("the %s has closed the connection", theirs);
    }
    if (e == GNUTLS_E_UNEXPECTED_PACKET_LENGTH || e == GNUTLS_E_UNSUPPORTED_VERSION_PACKET) {
        return g_strdup_printf("what the %s sends is no TLS", theirs);
    }
    return g_strdup_printf("TLS: %s", s->api->strerror(e));
}

/* Under lock.  -errno of it. */
static int note_failure(TlsSession *s, int e)
{
    if (!s->why) {
        s->why = failure_text(s, e);
    }
    s->broken = true;
    s->api->alert_send_appropriate(s->session, e); /* if it can be sent at once */
    return e == GNUTLS_E_PREMATURE_TERMINATION || e == GNUTLS_E_PUSH_ERROR || e == GNUTLS_E_PULL_ERROR
               ? -ECONNRESET
               : -EPROTO;
}

char *tls_session_why(TlsSession *s)
{
    lock_take(&s->lock);
    char *why = g_strdup(s->why);
    lock_release(&s->lock);
    return why;
}

/* ---- steps ----------------------------------------------------------------------- */

typedef gssize Step(TlsSession *s, void *buf, gsize n);

static gssize step_send(TlsSession *s, void *buf, gsize n)
{
    return s->api->record_send(s->session, buf, n);
}

static gssize step_receive(TlsSession *s, void *buf, gsize n)
{
    return s->api->record_recv(s->session, buf, n);
}

static gssize step_handshake(TlsSession *s, void *buf, gsize n)
{
    return s->api->handshake(s->session);
}

/* Until the step is done: what it returns, or -errno. */
static gssize run(TlsSession *s, Step *step, void *buf, gsize n, gint64 until)
{
    for (int e = 0; !e;) {
        lock_take(&s->lock);
        gssize done = s->broken ? GNUTLS_E_INVALID_SESSION : step(s, buf, n);
        bool again = done == GNUTLS_E_AGAIN || done == GNUTLS_E_INTERRUPTED;
        bool writes = s->api->record_get_direction(s->session);
        bool more = s->at < s->end; /* a ticket, or new keys, came before what is here already */
        if (done < 0 && !again) {
            done = s->broken ? -ECONNRESET : note_failure(s, (int)done);
        }
        lock_release(&s->lock);
        if (!again) {
            return done;
        }
        e = more && !writes ? 0 : wait_for_socket(s, writes, until);
        if (e) {
            return e;
        }
    }
    return 0;
}

static gint64 deadline(unsigned ms)
{
    return ms ? g_get_monotonic_time() + ms * G_GINT64_CONSTANT(1000) : 0;
}

gssize tls_session_receive(TlsSession *s, void *buf, gsize n, unsigned ms)
{
    return run(s, step_receive, buf, n, deadline(ms));
}

gssize tls_session_send(TlsSession *s, const void *buf, gsize n, unsigned ms)
{
    return run(s, step_send, (void *)buf, n, deadline(ms));
}

/* ---- the handshake ------------------------------------------------------------------ */

/* In the handshake, under lock.  A name that nobody has gets a key that nobody has, so that it cannot be told from a wrong key. */
int tls_session_find_key(gnutls_session_t session, const char *name, gnutls_datum_t *key)
{
    const GnutlsApi *api = gnutls_api_load(NULL);
    TlsSession *s = api->session_get_ptr(session);
    GBytes *known = g_hash_table_lookup(s->creds->keys, name);
    gsize n = UNKNOWN_KEY;
    const void *bytes = known ? g_bytes_get_data(known, &n) : NULL;
    key->data = (*api->malloc)(n);
    key->size = (unsigned)n;
    if (!key->data) {
        return -1;
    }
    if (bytes) {
        memcpy(key->data, bytes, n);
        return 0;
    }
    g_autofree char *shown = text_escaped(name);
    s->why = s->why ? s->why : g_strdup_printf("nobody has the name '%s' in keys.psk", shown);
    return getrandom(key->data, n, 0) == (ssize_t)n ? 0 : -1;
}

/* What the certificate of the other end must be good for. */
static void expect_certificate(TlsSession *s)
{
    bool client = s->creds->endpoint == TLS_CLIENT;
    unsigned n = 0;
    s->wants[n++] = (gnutls_typed_vdata_st){
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(client ? TLS_PURPOSE_SERVER : TLS_PURPOSE_CLIENT),
    };
    if (client) {
        s->wants[n++] =
            (gnutls_typed_vdata_st){ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)s->hostname };
    } else {
        s->api->certificate_server_set_request(s->session, GNUTLS_CERT_REQUIRE);
    }
    s->api->session_set_verify_cert2(s->session, s->wants, n, 0);
}

static const gnutls_credentials_type_t credential_types[] = {
    [TLS_ANON] = GNUTLS_CRD_ANON,
    [TLS_PSK] = GNUTLS_CRD_PSK,
    [TLS_X509] = GNUTLS_CRD_CERTIFICATE,
};

static bool set_up(TlsSession *s, GError **err)
{
    const TlsCreds *c = s->creds;
    int e = s->api->init(&s->session, c->endpoint == TLS_CLIENT ? GNUTLS_CLIENT : GNUTLS_SERVER);
    if (e < 0) {
        s->session = NULL;
        tls_error(err, "TLS: %s", s->api->strerror(e));
        return false;
    }
    s->api->session_set_ptr(s->session, s);
    s->api->transport_set_ptr(s->session, s);
    s->api->transport_set_push_function(s->session, push);
    s->api->transport_set_pull_function(s->session, pull);
    e = s->api->priority_set(s->session, c->priority);
    e = e < 0 ? e : s->api->credentials_set(s->session, credential_types[c->kind], c->of.any);
    if (e >= 0 && c->endpoint == TLS_CLIENT && s->hostname && !g_hostname_is_ip_address(s->hostname)) {
        e = s->api->server_name_set(s->session, GNUTLS_NAME_DNS, s->hostname, strlen(s->hostname));
    }
    if (e < 0) {
        tls_error(err, "TLS: %s", s->api->strerror(e));
        return false;
    }
    if (c->kind == TLS_X509 && c->verify_peer) {
        expect_certificate(s);
    }
    return true;
}

static bool shake_hands(TlsSession *s, unsigned ms, GError **err)
{
    gssize e = run(s, step_handshake, NULL, 0, deadline(ms));
    if (e >= 0 && s->api->auth_get_type(s->session) != credential_types[s->creds->kind]) {
        tls_error(err, "TLS: the other end has other credentials than these");
        return false;
    }
    if (e >= 0) {
        return true;
    }
    if (s->why) {
        tls_error(err, "%s", s->why);
    } else {
        tls_error(err, e == -ETIMEDOUT ? "the other end does not finish the handshake of TLS" : "TLS: %s",
                  g_strerror((int)-e));
    }
    return false;
}

TlsSession *tls_session_new(int fd, TlsCreds *creds, const char *hostname, unsigned ms, GError **err)
{
    if (creds->endpoint == TLS_CLIENT && creds->kind == TLS_X509 && creds->verify_peer && !hostname) {
        tls_error(err,
                  "the server's certificate is to have a name, and the socket has none: give tls-hostname=");
        return NULL;
    }
    TlsSession *s = g_new0(TlsSession, 1);
    *s = (TlsSession){ .api = creds->api,
                       .creds = tls_creds_ref(creds),
                       .fd = fd,
                       .hostname = g_strdup(hostname),
                       .ahead = g_malloc(READ_AHEAD) };
    lock_init(&s->lock, LOCK_TLS);
    if (!set_up(s, err) || !shake_hands(s, ms, err)) {
        tls_session_free(s);
        return NULL;
    }
    return s;
}

void tls_session_free(TlsSession *s)
{
    if (!s) {
        return;
    }
    if (s->session) {
        lock_take(&s->lock);
        if (!s->broken) {
            s->api->bye(s->session, GNUTLS_SHUT_WR);
        }
        lock_release(&s->lock);
        s->api->deinit(s->session);
    }
    lock_finish(&s->lock);
    tls_creds_unref(s->creds);
    explicit_bzero(s->ahead, READ_AHEAD);
    g_free(s->ahead);
    g_free(s->hostname);
    g_free(s->why);
    g_free(s);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Credentials of TLS from the files of a folder.
 * Names of files: QEMU's manual, "TLS setup for network services".
 *
 * Not modelled: dh-params.pem (the groups of RFC 7919 are used), and files that change later. */
#include <stdarg.h>
#include <string.h>

#include "base/tls/tls.h"
#include "util/file.h"

enum { FILE_MAX = 4 << 20, IDENTITIES_MAX = 4, KEY_MAX = 512 /* bytes of a shared key */ };
#define DEFAULT_USER "qemu"

const char *const tls_endpoint_names[] = { [TLS_CLIENT] = "client", [TLS_SERVER] = "server", NULL };

void tls_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, text);
}

/* Credentials while they are made. */
typedef struct Making {
    TlsCreds *c;
    const TlsSource *from;
    const char *password;
    bool now;
} Making;

/* ---- files ----------------------------------------------------------------------- */

static void wipe(GByteArray *data)
{
    if (data) {
        explicit_bzero(data->data, data->len);
        g_byte_array_unref(data);
    }
}

static void file_clear(TlsFile *f)
{
    g_free(f->path);
    wipe(f->data);
    *f = (TlsFile){ NULL };
}

static bool file_load(const Making *m, const char *name, bool required, TlsFile *f, GError **err)
{
    *f = (TlsFile){ .path = g_build_filename(m->from->dir, name, NULL) };
    if (!required && !g_file_test(f->path, G_FILE_TEST_EXISTS)) {
        return true;
    }
    f->data = (m->now ? file_read_now : file_read)(f->path, FILE_MAX, err);
    return f->data != NULL;
}

static bool is_wrong(const TlsCreds *c, const TlsFile *f, int e, GError **err)
{
    if (e < 0) {
        tls_error(err, "%s: %s", f->path, c->api->strerror(e));
    }
    return e < 0;
}

/* ---- certificates ------------------------------------------------------------------ */

/* suffix: of the files' names; *found: there are such. */
static bool load_identity(Making *m, const TlsFile *ca, const TlsFile *crl, const char *suffix, bool *found,
                          GError **err)
{
    TlsCreds *c = m->c;
    const char *who = tls_endpoint_names[c->endpoint];
    g_autofree char *cert_name = g_strdup_printf("%s-cert%s.pem", who, suffix);
    g_autofree char *key_name = g_strdup_printf("%s-key%s.pem", who, suffix);
    TlsFile cert, key = { NULL };
    bool ok = file_load(m, cert_name, false, &cert, err);
    *found = ok && cert.data;
    if (*found) {
        ok = (!m->from->sanity_check || tls_check_identity(c->api, c->endpoint, ca, crl, &cert, err)) &&
             file_load(m, key_name, true, &key, err);
        if (ok) {
            gnutls_datum_t data = tls_datum(&cert), key_data = tls_datum(&key);
            int e = c->api->certificate_set_x509_key_mem2(c->of.x509, &data, &key_data, GNUTLS_X509_FMT_PEM,
                                                          m->password, 0);
            if (e == GNUTLS_E_DECRYPTION_FAILED) {
                tls_error(err, "%s: %s", key.path,
                          m->password
                              ? "the password of the key is another"
                              : "the key is encrypted; name the secret of its password by passwordid=");
                ok = false;
            }
            ok = ok && !is_wrong(c, e == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? &cert : &key, e, err);
        }
    }
    file_clear(&cert);
    file_clear(&key);
    return ok;
}

/* At least one of a server. */
static bool load_identities(Making *m, const TlsFile *ca, const TlsFile *crl, GError **err)
{
    bool found, any;
    if (!load_identity(m, ca, crl, "", &any, err)) {
        return false;
    }
    for (unsigned i = 0; i < IDENTITIES_MAX; i++) {
        g_autofree char *suffix = g_strdup_printf("-%u", i);
        if (!load_identity(m, ca, crl, suffix, &found, err)) {
            return false;
        }
        if (!found) {
            break;
        }
        any = true;
    }
    if (!any && m->c->endpoint == TLS_SERVER) {
        tls_error(err, "%s/server-cert.pem: there is no certificate of this server", m->from->dir);
    }
    return any || m->c->endpoint == TLS_CLIENT;
}

static bool load_trust(Making *m, const TlsFile *ca, const TlsFile *crl, GError **err)
{
    TlsCreds *c = m->c;
    gnutls_datum_t data = tls_datum(ca);
    if (m->from->sanity_check && !tls_check_authority(c->api, ca, err)) {
        return false;
    }
    int e = c->api->certificate_set_x509_trust_mem(c->of.x509, &data, GNUTLS_X509_FMT_PEM);
    if (is_wrong(c, ca, e, err)) {
        return false;
    }
    if (!crl->data) {
        return true;
    }
    data = tls_datum(crl);
    return !is_wrong(c, crl, c->api->certificate_set_x509_crl_mem(c->of.x509, &data, GNUTLS_X509_FMT_PEM),
                     err);
}

static bool make_x509(Making *m, GError **err)
{
    TlsCreds *c = m->c;
    TlsFile ca = { NULL }, crl = { NULL };
    if (c->api->certificate_allocate_credentials(&c->of.x509) < 0) {
        tls_error(err, "TLS: out of memory");
        return false;
    }
    bool ok = file_load(m, "ca-cert.pem", true, &ca, err) && file_load(m, "ca-crl.pem", false, &crl, err) &&
              load_trust(m, &ca, &crl, err) && load_identities(m, &ca, &crl, err);
    if (ok && c->endpoint == TLS_SERVER) {
        c->api->certificate_set_known_dh_params(c->of.x509, GNUTLS_SEC_PARAM_MEDIUM);
    }
    file_clear(&ca);
    file_clear(&crl);
    return ok;
}

/* ---- shared keys ------------------------------------------------------------------- */

static void forget_key(gpointer p)
{
    gsize n;
    gpointer data = g_bytes_unref_to_data(p, &n);
    explicit_bzero(data, n);
    g_free(data);
}

/* NULL: it is none. */
static GBytes *read_hex(const char *text)
{
    gsize n = strlen(text) / 2;
    if (!n || n > KEY_MAX || strlen(text) % 2 || strspn(text, "0123456789abcdefABCDEF") != 2 * n) {
        return NULL;
    }
    guint8 *bytes = g_malloc(n);
    for (gsize i = 0; i < n; i++) {
        bytes[i] = g_ascii_xdigit_value(text[2 * i]) << 4 | g_ascii_xdigit_value(text[2 * i + 1]);
    }
    return g_bytes_new_take(bytes, n);
}

/* Lines of NAME:HEX.  In place: the file's bytes are cut up. */
static bool read_keys(TlsCreds *c, TlsFile *f, GError **err)
{
    char *rest = (char *)f->data->data, *line;
    c->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, forget_key);
    for (unsigned number = 1; (line = strsep(&rest, "\n")); number++) {
        g_strchomp(line);
        char *colon = strrchr(line, ':');
        GBytes *key = colon ? read_hex(colon + 1) : NULL;
        if (key) {
            g_hash_table_insert(c->keys, g_strndup(line, colon - line), key);
        } else if (line[0]) {
            tls_error(err,
                      "%s: line %u is not NAME:KEY, with the key in hexadecimal digits, as psktool writes it",
                      f->path, number);
            return false;
        }
    }
    return true;
}

static bool use_key(TlsCreds *c, const TlsFile *f, const char *user, GError **err)
{
    GBytes *key = g_hash_table_lookup(c->keys, user);
    gsize n;
    if (!key) {
        tls_error(err, "%s: it has no key of '%s'; say which with username=", f->path, user);
        return false;
    }
    gnutls_datum_t data = { .data = (unsigned char *)g_bytes_get_data(key, &n) };
    data.size = (unsigned)n;
    return !is_wrong(
        c, f, c->api->psk_set_client_credentials(c->of.psk_client, user, &data, GNUTLS_PSK_KEY_RAW), err);
}

static bool make_psk(Making *m, GError **err)
{
    TlsCreds *c = m->c;
    bool server = c->endpoint == TLS_SERVER;
    TlsFile f = { NULL };
    if ((server ? c->api->psk_allocate_server_credentials(&c->of.psk_server)
                : c->api->psk_allocate_client_credentials(&c->of.psk_client)) < 0) {
        tls_error(err, "TLS: out of memory");
        return false;
    }
    bool ok = file_load(m, "keys.psk", true, &f, err) && read_keys(c, &f, err);
    if (ok && server) {
        c->api->psk_set_server_credentials_function(c->of.psk_server, tls_session_find_key);
        c->api->psk_set_server_known_dh_params(c->of.psk_server, GNUTLS_SEC_PARAM_MEDIUM);
    } else if (ok) {
        ok = use_key(c, &f, m->from->username ? m->from->username : DEFAULT_USER, err);
    }
    file_clear(&f);
    return ok;
}

/* ---- nobody ------------------------------------------------------------------------ */

static bool make_anon(Making *m, GError **err)
{
    TlsCreds *c = m->c;
    int e = c->endpoint == TLS_SERVER ? c->api->anon_allocate_server_credentials(&c->of.anon_server)
                                      : c->api->anon_allocate_client_credentials(&c->of.anon_client);
    if (e < 0) {
        tls_error(err, "TLS: out of memory");
        return false;
    }
    if (c->endpoint == TLS_SERVER) {
        c->api->anon_set_server_known_dh_params(c->of.anon_server, GNUTLS_SEC_PARAM_MEDIUM);
    }
    return true;
}

/* ---- all ----------------------------------------------------------------------------- */

/* The NBD specification, "TLS versions": none before 1.2 unless asked for.  What a kind needs is added to what a user says. */
static bool set_priority(TlsCreds *c, const char *wanted, GError **err)
{
    static const char *const of_kind[] = { [TLS_ANON] = ":-VERS-TLS1.3:+ANON-ECDH:+ANON-DH",
                                           [TLS_PSK] = ":+ECDHE-PSK:+DHE-PSK:+PSK",
                                           [TLS_X509] = "" };
    g_autofree char *text =
        g_strconcat(wanted ? wanted : "-VERS-TLS1.0:-VERS-TLS1.1", of_kind[c->kind], NULL);
    const char *at = text;
    int e = c->api->priority_init2(&c->priority, text, &at, wanted ? 0 : GNUTLS_PRIORITY_INIT_DEF_APPEND);
    if (e < 0) {
        c->priority = NULL;
        tls_error(err, "priority=%s: GnuTLS does not understand it from '%s' on: %s", wanted ? wanted : "",
                  at, c->api->strerror(e));
    }
    return e >= 0;
}

TlsCreds *tls_creds_new(TlsKind kind, const TlsSource *s, const char *password, bool now, GError **err)
{
    static bool (*const make[])(
        Making *m, GError **err) = { [TLS_ANON] = make_anon, [TLS_PSK] = make_psk, [TLS_X509] = make_x509 };
    if (kind != TLS_ANON && !s->dir) {
        tls_error(err, "dir= is needed: the folder of %s", kind == TLS_PSK ? "keys.psk" : "the certificates");
        return NULL;
    }
    if (kind == TLS_PSK && s->username && s->endpoint == TLS_SERVER) {
        tls_error(err, "username= is of a client; a server takes all names of keys.psk");
        return NULL;
    }
    const GnutlsApi *api = gnutls_api_load(err);
    if (!api) {
        return NULL;
    }
    TlsCreds *c = g_new0(TlsCreds, 1);
    *c = (TlsCreds){
        .refs = 1, .api = api, .kind = kind, .endpoint = s->endpoint, .verify_peer = s->verify_peer
    };
    if (!set_priority(c, s->priority, err) || !make[kind](&(Making){ c, s, password, now }, err)) {
        tls_creds_unref(c);
        return NULL;
    }
    return c;
}

TlsCreds *tls_creds_ref(TlsCreds *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

static void free_any(TlsCreds *c)
{
    bool server = c->endpoint == TLS_SERVER;
    switch (c->kind) {
    case TLS_X509: c->api->certificate_free_credentials(c->of.x509); break;
    case TLS_ANON:
        server ? c->api->anon_free_server_credentials(c->of.anon_server)
               : c->api->anon_free_client_credentials(c->of.anon_client);
        break;
    case TLS_PSK:
        server ? c->api->psk_free_server_credentials(c->of.psk_server)
               : c->api->psk_free_client_credentials(c->of.psk_client);
        break;
    }
}

void tls_creds_unref(TlsCreds *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    if (c->of.any) {
        free_any(c);
    }
    if (c->priority) {
        c->api->priority_deinit(c->priority);
    }
    if (c->keys) {
        g_hash_table_unref(c->keys);
    }
    g_free(c);
}

TlsEndpoint tls_creds_endpoint(const TlsCreds *c)
{
    return c->endpoint;
}

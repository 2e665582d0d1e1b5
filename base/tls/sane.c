/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sanity-check=on: what the other end will not take is said here, where it can be mended.
 * Specification: RFC 5280, 4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.12 (extended key usage), 6.1 (paths). */
#include <string.h>
#include <time.h>

#include "base/tls/tls.h"

typedef struct Certificates {
    gnutls_x509_crt_t *list;
    unsigned count;
} Certificates;

gnutls_datum_t tls_datum(const TlsFile *f)
{
    return (gnutls_datum_t){ f->data->data, f->data->len };
}

char *tls_status_text(const GnutlsApi *api, unsigned status)
{
    gnutls_datum_t text;
    if (api->certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0) {
        return g_strdup("it is not trusted");
    }
    char *copy = g_strstrip(g_strndup((const char *)text.data, text.size));
    (*api->free)(text.data);
    return copy;
}

static bool read_all(const GnutlsApi *api, const TlsFile *f, Certificates *c, GError **err)
{
    gnutls_datum_t data = tls_datum(f);
    int e = api->x509_crt_list_import2(&c->list, &c->count, &data, GNUTLS_X509_FMT_PEM, 0);
    if (e < 0) {
        *c = (Certificates){ NULL };
        tls_error(err, "%s: %s", f->path, api->strerror(e));
    }
    return e >= 0;
}

static void free_all(const GnutlsApi *api, Certificates *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        api->x509_crt_deinit(c->list[i]);
    }
    (*api->free)(c->list);
}

static bool check_time(const GnutlsApi *api, gnutls_x509_crt_t crt, const TlsFile *f, GError **err)
{
    time_t now = time(NULL);
    const char *wrong = api->x509_crt_get_expiration_time(crt) < now   ? "has expired"
                        : api->x509_crt_get_activation_time(crt) > now ? "is not yet valid"
                                                                       : NULL;
    if (wrong) {
        tls_error(err, "%s: the certificate %s", f->path, wrong);
    }
    return !wrong;
}

/* A certificate that says nothing of its use may be used for all. */
static bool check_usage(const GnutlsApi *api, gnutls_x509_crt_t crt, unsigned wanted, const char *what,
                        const TlsFile *f, GError **err)
{
    unsigned usage, critical;
    bool ok = api->x509_crt_get_key_usage(crt, &usage, &critical) < 0 || usage & wanted;
    if (!ok) {
        tls_error(err, "%s: the certificate's key usage does not allow to %s", f->path, what);
    }
    return ok;
}

static bool check_purpose(const GnutlsApi *api, gnutls_x509_crt_t crt, TlsEndpoint endpoint, const TlsFile *f,
                          GError **err)
{
    const char *wanted = endpoint == TLS_SERVER ? TLS_PURPOSE_SERVER : TLS_PURPOSE_CLIENT;
    bool any = false, found = false;
    for (unsigned i = 0; !found; i++) {
        char oid[128] = "";
        size_t n = sizeof(oid) - 1;
        unsigned critical;
        int e = api->x509_crt_get_key_purpose_oid(crt, i, oid, &n, &critical);
        if (e == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        any = true;
        found = e >= 0 && (strcmp(oid, wanted) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0);
        if (e < 0 && e != GNUTLS_E_SHORT_MEMORY_BUFFER) {
            break;
        }
    }
    if (any && !found) {
        tls_error(err, "%s: the certificate's purpose is not that of a TLS %s", f->path,
                  tls_endpoint_names[endpoint]);
    }
    return !any || found;
}

bool tls_check_authority(const GnutlsApi *api, const TlsFile *ca, GError **err)
{
    Certificates all = { NULL };
    bool ok = read_all(api, ca, &all, err);
    for (unsigned i = 0; i < all.count && ok; i++) {
        unsigned critical, is_ca = 0;
        ok = check_time(api, all.list[i], ca, err) &&
             check_usage(api, all.list[i], GNUTLS_KEY_KEY_CERT_SIGN, "sign certificates", ca, err);
        if (ok && (api->x509_crt_get_basic_constraints(all.list[i], &critical, &is_ca, NULL) < 0 || !is_ca)) {
            tls_error(err, "%s: the certificate's basic constraints do not make it an authority", ca->path);
            ok = false;
        }
    }
    free_all(api, &all);
    return ok;
}

static bool check_path(const GnutlsApi *api, const TlsFile *ca, const TlsFile *crl, const TlsFile *own,
                       const Certificates *chain, GError **err)
{
    gnutls_x509_trust_list_t trust;
    gnutls_datum_t ca_data = tls_datum(ca), crl_data = { NULL, 0 };
    unsigned status = 0;
    if (api->x509_trust_list_init(&trust, 0) < 0) {
        tls_error(err, "TLS: out of memory");
        return false;
    }
    if (crl->data) {
        crl_data = tls_datum(crl);
    }
    int e = api->x509_trust_list_add_trust_mem(trust, &ca_data, crl->data ? &crl_data : NULL,
                                               GNUTLS_X509_FMT_PEM, 0, 0);
    e = e < 0 ? e
              : api->x509_trust_list_verify_crt2(trust, chain->list, chain->count, NULL, 0, 0, &status, NULL);
    api->x509_trust_list_deinit(trust, 1);
    if (e < 0) {
        tls_error(err, "%s: %s", own->path, api->strerror(e));
    } else if (status) {
        g_autofree char *text = tls_status_text(api, status);
        tls_error(err, "%s: %s does not vouch for the certificate: %s", own->path, ca->path, text);
    }
    return e >= 0 && !status;
}

bool tls_check_identity(const GnutlsApi *api, TlsEndpoint endpoint, const TlsFile *ca, const TlsFile *crl,
                        const TlsFile *own, GError **err)
{
    Certificates all = { NULL };
    bool ok = read_all(api, own, &all, err);
    if (ok && !all.count) {
        tls_error(err, "%s: there is no certificate in it", own->path);
        ok = false;
    }
    ok = ok && check_time(api, all.list[0], own, err) &&
         check_usage(api, all.list[0], GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT,
                     "sign or to encipher keys", own, err) &&
         check_purpose(api, all.list[0], endpoint, own, err) && check_path(api, ca, crl, own, &all, err);
    free_all(api, &all);
    return ok;
}

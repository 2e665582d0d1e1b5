/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets and credentials by name.  Options: QEMU's manual, "Providing secret data", "TLS setup for network services".
 *
 * An encrypted one is AES-256 in CBC mode with PKCS#7 padding, in base64. */
#include "block/secret.h"

#include <string.h>

#include "block/block_priv.h"
#include "block/crypto.h"
#include "util/file.h"

enum { AES256_KEY = 32, SECRET_MAX = 1 << 20, FORMAT_RAW = 0, FORMAT_BASE64 = 1 };
const char *const secret_format_names[] = { [FORMAT_RAW] = "raw", [FORMAT_BASE64] = "base64", NULL };

struct Secrets {
    GHashTable *by_id; /* char * to GBytes */
    GHashTable *tls;   /* char * to TlsCreds */
};

static void drop_tls(gpointer p)
{
    tls_creds_unref(p);
}

static void forget(gpointer p)
{
    gsize n;
    gpointer data = g_bytes_unref_to_data(p, &n);
    explicit_bzero(data, n);
    g_free(data);
}

Secrets *secrets_new(void)
{
    Secrets *all = g_new0(Secrets, 1);
    all->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, forget);
    all->tls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, drop_tls);
    return all;
}

void secrets_free(Secrets *all)
{
    if (all) {
        g_hash_table_unref(all->by_id);
        g_hash_table_unref(all->tls);
        g_free(all);
    }
}

void secrets_remove(Secrets *all, const char *id)
{
    g_hash_table_remove(all->by_id, id);
    g_hash_table_remove(all->tls, id);
}

GBytes *secrets_find(const Secrets *all, const char *id, GError **err)
{
    GBytes *found = all ? g_hash_table_lookup(all->by_id, id) : NULL;
    if (!found) {
        block_error(err, "No secret with id '%s'; give it with --object secret,id=%s,file=FILE", id, id);
    }
    return found ? g_bytes_new(g_bytes_get_data(found, NULL), g_bytes_get_size(found)) : NULL;
}

/* ---- reading one ---------------------------------------------------------------- */

static bool is_base64(const char *text, size_t len)
{
    size_t letters = strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "+/");
    size_t padding = strspn(text + letters, "=");
    return letters + padding == len && len % 4 == 0 && padding <= 2;
}

/* In place of the text. */
static bool decode(GByteArray *data, const char *what, GError **err)
{
    g_autofree char *text = g_strndup(data->len ? (char *)data->data : "", data->len);
    g_strchomp(text);
    if (!is_base64(text, strlen(text))) {
        block_error(err, "the %s is not valid base64 data", what);
        return false;
    }
    gsize n;
    g_autofree guchar *bytes = g_base64_decode(text, &n);
    g_byte_array_set_size(data, 0);
    g_byte_array_append(data, bytes, n);
    return true;
}

static bool decrypt(const Secrets *all, const SecretSource *s, GByteArray *data, GError **err)
{
    g_autoptr(GBytes) key = secrets_find(all, s->keyid, err);
    g_autoptr(GByteArray) iv = g_byte_array_new();
    g_byte_array_append(iv, (const guint8 *)(s->iv ? s->iv : ""), s->iv ? strlen(s->iv) : 0);
    const Crypto *crypto = key ? crypto_load(err) : NULL;
    if (!crypto || !decode(iv, "iv", err) || !decode(data, "secret", err)) {
        return false;
    }
    if (g_bytes_get_size(key) != AES256_KEY || iv->len != CIPHER_BLOCK || !data->len ||
        data->len % CIPHER_BLOCK) {
        block_error(err, "an encrypted secret is whole blocks of 16 bytes, with an iv of 16 and a key of 32");
        return false;
    }
    const struct nettle_cipher *aes = crypto_cipher(crypto, "aes", AES256_KEY);
    void *ctx = crypto_keyed(aes, false, g_bytes_get_data(key, NULL));
    crypto->cbc_decrypt(ctx, aes->decrypt, CIPHER_BLOCK, iv->data, data->len, data->data, data->data);
    crypto_forget(aes, ctx);
    unsigned padding = data->data[data->len - 1];
    bool ok = padding >= 1 && padding <= CIPHER_BLOCK;
    for (unsigned i = 1; ok && i <= padding; i++) {
        ok = data->data[data->len - i] == padding;
    }
    if (!ok) {
        block_error(
            err,
            "Incorrect number of padding bytes found on decrypted data: the key of the secret is another");
        return false;
    }
    g_byte_array_set_size(data, data->len - padding);
    return true;
}

static GByteArray *read_source(const SecretSource *s, bool now, GError **err)
{
    if (!s->data == !s->file) {
        block_error(err, "%s",
                    s->data ? "'file' and 'data' are mutually exclusive" : "Must provide 'file' or 'data'");
        return NULL;
    }
    if (s->file) {
        return (now ? file_read_now : file_read)(s->file, SECRET_MAX, err);
    }
    GByteArray *data = g_byte_array_new();
    return g_byte_array_append(data, (const guint8 *)s->data, strlen(s->data));
}

Secrets *secrets_copy(const Secrets *all)
{
    Secrets *copy = secrets_new();
    GHashTableIter i;
    gpointer id, bytes;
    g_hash_table_iter_init(&i, all->by_id);
    while (g_hash_table_iter_next(&i, &id, &bytes)) {
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size); /* each is wiped by itself */
        g_hash_table_insert(copy->by_id, g_strdup(id), g_bytes_new(data, size));
    }
    g_hash_table_iter_init(&i, all->tls);
    while (g_hash_table_iter_next(&i, &id, &bytes)) {
        g_hash_table_insert(copy->tls, g_strdup(id), tls_creds_ref(bytes));
    }
    return copy;
}

static bool id_is_free(const Secrets *all, const char *id, GError **err)
{
    bool taken = g_hash_table_contains(all->by_id, id) || g_hash_table_contains(all->tls, id);
    if (taken) {
        block_error(err, "attempt to add duplicate property '%s': another secret has this id", id);
    }
    return !taken;
}

bool secrets_add_tls(Secrets *all, const char *id, TlsKind kind, const TlsSource *s, bool now, GError **err)
{
    g_autofree char *password = NULL;
    if (!id_is_free(all, id, err)) {
        return false;
    }
    if (s->password_id) {
        g_autoptr(GBytes) secret = secrets_find(all, s->password_id, err);
        if (!secret) {
            return false;
        }
        gsize n;
        const char *text = g_bytes_get_data(secret, &n);
        password = g_strndup(text, n);
    }
    TlsCreds *c = tls_creds_new(kind, s, password, now, err);
    if (password) {
        explicit_bzero(password, strlen(password));
    }
    return c && g_hash_table_insert(all->tls, g_strdup(id), c);
}

TlsCreds *secrets_find_tls(const Secrets *all, const char *id, TlsEndpoint endpoint, GError **err)
{
    TlsCreds *c = all ? g_hash_table_lookup(all->tls, id) : NULL;
    const char *name = tls_endpoint_names[endpoint];
    if (!c) {
        block_error(
            err,
            "No TLS credentials with id '%s'; give them with -object tls-creds-x509,id=%s,endpoint=%s,dir=DIR",
            id, id, name);
        return NULL;
    }
    if (tls_creds_endpoint(c) != endpoint) {
        block_error(err, "Expected TLS credentials for a %s endpoint: '%s' is of the other; give endpoint=%s",
                    name, id, name);
        return NULL;
    }
    return tls_creds_ref(c);
}

bool secrets_add(Secrets *all, const char *id, const SecretSource *s, bool now, GError **err)
{
    if (s->iv && !s->keyid) {
        block_error(err, "iv= is of an encrypted secret; add keyid=");
        return false;
    }
    GByteArray *data = read_source(s, now, err);
    bool ok = data && (s->keyid                     ? decrypt(all, s, data, err)
                       : s->format == FORMAT_BASE64 ? decode(data, "secret", err)
                                                    : true);
    ok = ok && id_is_free(all, id, err);
    if (ok) {
        g_hash_table_insert(all->by_id, g_strdup(id), g_bytes_new(data->data, data->len));
    }
    if (data) {
        explicit_bzero(data->data, data->len);
        g_byte_array_unref(data);
    }
    return ok;
}

Secrets *drives_secrets(Drives *all)
{
    return all->secrets;
}

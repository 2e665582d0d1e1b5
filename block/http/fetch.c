/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of a file of a web server, by requests for ranges.
 * Specification: RFC 9110, "Range Requests" (14).
 *
 * What a server says is checked: the range that it sends is that which was asked for, or its beginning; the file has the size
 * and the date (or the mark) that it had when it was opened; there are no more bytes than it has announced, nor endless headers.  A range that
 * a connection did not bring to its end is asked for again from there, since reading changes nothing, ATTEMPTS times in all.
 *
 * A request that waits for a server waits for it no longer than timeout= seconds without 4 KiB a second. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "block/block_priv.h"
#include "block/http/curl_api.h"
#include "block/http/http.h"
#include "util/text.h"

enum {
    ATTEMPTS = 3,
    PAUSE_US = 200000, /* before the next one */
    SPEED_MIN = 4096,  /* bytes a second */
    SHORT_MIN =
        4096, /* bytes of an answer that is shorter than the range: another request is to bring us on */
    HEADERS_MAX = 64 << 10, /* bytes of all of an answer, redirections among them */
    REDIRECTIONS_MAX = 10,
};

/* Which state of the file an answer is of. */
typedef struct Edition {
    char modified[64], etag[128]; /* as the server writes them; "": it does not say */
} Edition;

struct Fetcher {
    const CurlApi *api;
    char *shown; /* the URL without a password */
    CURL *model; /* all connections are copies of it */
    GAsyncQueue *idle;
    uint64_t size;
    Edition edition;
};

typedef struct Answer {
    const Fetcher *f;
    CURL *curl;
    bool opening;          /* the size is not known yet */
    uint64_t at, end, got; /* bytes that are wanted; that have come */
    uint8_t *buf;
    size_t header_bytes;
    /* what its headers say */
    bool checked, has_range, accepts, refuses;
    uint64_t first, last, total; /* of Content-Range; total: UINT64_MAX: unknown */
    Edition edition;
    bool again;  /* what was wrong may be right the next time */
    char *wrong; /* why it is of no use */
    char text[CURL_ERROR_SIZE];
} Answer;

static void G_GNUC_PRINTF(2, 3) find_wrong(Answer *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_free(a->wrong);
    a->wrong = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

static long status_of(const Answer *a)
{
    long status = 0;
    a->f->api->curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* ---- headers ----------------------------------------------------------------- */

/* A range and a size; either may be a star, for "none" or "unknown". */
static void take_range(Answer *a, const char *value)
{
    char *end = (char *)value + 6;
    bool none;
    if (g_ascii_strncasecmp(value, "bytes ", 6) != 0) {
        return;
    }
    none = *end == '*';
    if (none) {
        end++;
    } else if (g_ascii_isdigit(*end)) {
        a->first = g_ascii_strtoull(end, &end, 10);
        if (*end != '-' || !g_ascii_isdigit(end[1])) {
            return;
        }
        a->last = g_ascii_strtoull(end + 1, &end, 10);
    } else {
        return;
    }
    if (*end == '/' && (end[1] == '*' || g_ascii_isdigit(end[1]))) {
        a->total = end[1] == '*' ? UINT64_MAX : g_ascii_strtoull(end + 1, NULL, 10);
        a->has_range = !none;
    }
}

static void take_field(Answer *a, const char *name, const char *value)
{
    if (g_ascii_strcasecmp(name, "content-range") == 0) {
        take_range(a, value);
    } else if (g_ascii_strcasecmp(name, "accept-ranges") == 0) {
        a->accepts = g_ascii_strcasecmp(value, "bytes") == 0;
        a->refuses = !a->accepts;
    } else if (g_ascii_strcasecmp(name, "last-modified") == 0) {
        g_strlcpy(a->edition.modified, value, sizeof(a->edition.modified));
    } else if (g_ascii_strcasecmp(name, "etag") == 0) {
        g_strlcpy(a->edition.etag, value, sizeof(a->edition.etag));
    }
}

/* Of CURLOPT_HEADERFUNCTION: a line; those of a redirection come before those of what it leads to. */
static size_t take_header(char *line, size_t one, size_t n, void *opaque)
{
    Answer *a = opaque;
    g_autofree char *text = g_strndup(line, n);
    char *colon = strchr(text, ':');
    a->header_bytes += n;
    if (a->header_bytes > HEADERS_MAX) {
        find_wrong(a, "the headers of the server's answer have more than %d KiB", HEADERS_MAX >> 10);
        return 0;
    }
    if (g_str_has_prefix(text, "HTTP/")) {
        a->has_range = a->accepts = a->refuses = false;
        a->total = UINT64_MAX;
        a->edition = (Edition){ "", "" };
    } else if (colon) {
        *colon = 0;
        take_field(a, text, g_strstrip(colon + 1));
    }
    return n;
}

/* ---- is it what was asked for? ------------------------------------------------ */

static bool is_other_edition(const Edition *a, const Edition *b)
{
    if (a->modified[0] && b->modified[0]) {
        return strcmp(a->modified, b->modified) != 0;
    }
    return a->etag[0] && b->etag[0] && strcmp(a->etag, b->etag) != 0;
}

static void check_range(Answer *a)
{
    const Fetcher *f = a->f;
    if (!a->has_range || a->first != a->at || a->last < a->first || a->last >= a->end) {
        find_wrong(a, "the server sends another range than bytes %" PRIu64 " to %" PRIu64, a->at, a->end - 1);
    } else if (a->opening && (a->total <= a->last || a->total > INT64_MAX)) {
        find_wrong(a, "the server does not say how large it is");
    } else if (!a->opening && a->total != UINT64_MAX && a->total != f->size) {
        find_wrong(a, "its size has changed, from %" PRIu64 " bytes to %" PRIu64, f->size, a->total);
    } else if (!a->opening && is_other_edition(&f->edition, &a->edition)) {
        find_wrong(a, "it has changed on the server since it was opened");
    } else if (a->last + 1 < a->end && a->last + 1 - a->first < SHORT_MIN) {
        find_wrong(a, "the server sends %" PRIu64 " bytes in place of %" PRIu64, a->last + 1 - a->first,
                   a->end - a->at);
    }
}

/* When its headers are there. */
static bool check_answer(Answer *a)
{
    long status = status_of(a);
    if (a->checked) {
        return !a->wrong;
    }
    a->checked = true;
    if (status == 206) {
        check_range(a);
    } else if (status == 200) {
        find_wrong(a, "Server does not support 'range' (byte ranges)");
    } else if (status == 416 && !a->opening) {
        find_wrong(a, "the server has no bytes %" PRIu64 " to %" PRIu64 ": it has changed", a->at,
                   a->end - 1);
    } else {
        a->again = status == 500 || status == 502 || status == 503 || status == 504;
        find_wrong(a, "the server answers with status %ld", status);
    }
    return !a->wrong;
}

/* Of CURLOPT_WRITEFUNCTION. */
static size_t take_body(char *data, size_t one, size_t n, void *opaque)
{
    Answer *a = opaque;
    if (!check_answer(a)) {
        return 0;
    }
    if (n > a->last + 1 - a->first - a->got) {
        find_wrong(a, "the server sends more than it has announced");
        return 0;
    }
    memcpy(a->buf + a->got, data, n);
    a->got += n;
    return n;
}

/* ---- connections ---------------------------------------------------------------- */

static CURL *take_connection(Fetcher *f)
{
    CURL *c = g_async_queue_try_pop(f->idle);
    return c ? c : f->api->curl_easy_duphandle(f->model);
}

/* One request; what it says is in the answer.  range: NULL: HEAD. */
static CURLcode perform(Fetcher *f, Answer *a, const char *range)
{
    const CurlApi *api = f->api;
    CURL *c = a->curl = take_connection(f);
    if (!c) {
        return CURLE_OUT_OF_MEMORY;
    }
    a->f = f;
    a->total = UINT64_MAX;
    api->curl_easy_setopt(c, range ? CURLOPT_HTTPGET : CURLOPT_NOBODY, 1L);
    api->curl_easy_setopt(c, CURLOPT_RANGE, range);
    api->curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->text);
    api->curl_easy_setopt(c, CURLOPT_HEADERDATA, a);
    api->curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    CURLcode code = api->curl_easy_perform(c);
    if (code == CURLE_OK && range) {
        check_answer(a); /* one without a body */
    }
    if (!a->wrong && code != CURLE_OK) {
        g_autofree char *text = text_escaped(a->text[0] ? a->text : api->curl_easy_strerror(code));
        find_wrong(a, "%s", text);
        a->again = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_URL_MALFORMAT &&
                   code != CURLE_TOO_MANY_REDIRECTS && code != CURLE_UNSUPPORTED_PROTOCOL;
    } else if (!a->wrong && range && a->got != a->last + 1 - a->first) {
        find_wrong(a, "the server has sent less than it has announced");
        a->again = true;
    }
    return code;
}

static void answer_end(Answer *a, Fetcher *f)
{
    if (a->curl) { /* it has our addresses no more */
        f->api->curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, NULL);
        g_async_queue_push(f->idle, a->curl);
    }
    g_clear_pointer(&a->wrong, g_free);
}

/* Its beginning, at least: *got bytes of it.  0 or -errno; *again: another request may have more success. */
static int fetch_some(Fetcher *f, uint64_t at, uint64_t end, uint8_t *buf, uint64_t *got, bool *again,
                      bool last_try)
{
    Answer a = { .at = at, .end = end, .buf = buf };
    g_autofree char *range = g_strdup_printf("%" PRIu64 "-%" PRIu64, at, end - 1);
    CURLcode code = perform(f, &a, range);
    *got = a.got;
    *again = a.again;
    int e = !a.wrong && a.curl ? 0 : code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
    if (e && (!a.again || last_try)) {
        log_report("'%s': bytes %" PRIu64 " to %" PRIu64 " could not be read: %s", f->shown, at, end - 1,
                   a.wrong ? a.wrong : "there is no memory");
    }
    answer_end(&a, f);
    return e;
}

int fetcher_read(Fetcher *f, uint64_t offset, uint8_t *buf, uint64_t length)
{
    unsigned failures = 0;
    int e = 0;
    for (uint64_t done = 0, got; done < length && failures < ATTEMPTS; done += got) {
        bool again;
        if (failures) {
            g_usleep(PAUSE_US);
        }
        e = fetch_some(f, offset + done, offset + length, buf + done, &got, &again, failures + 1 == ATTEMPTS);
        failures += e ? again ? 1 : ATTEMPTS : 0;
    }
    return e;
}

/* ---- opening ---------------------------------------------------------------------- */

/* Of HEAD; false: it does not say all that is needed. */
static bool ask_head(Fetcher *f, bool *refused)
{
    Answer a = { .opening = true };
    curl_off_t length = -1;
    bool ok = perform(f, &a, NULL) == CURLE_OK && !a.wrong && status_of(&a) == 200;
    *refused = ok && a.refuses;
    if (ok) {
        f->api->curl_easy_getinfo(a.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        f->size = (uint64_t)length;
        f->edition = a.edition;
    }
    answer_end(&a, f);
    return ok && a.accepts && length >= 0;
}

/* The first byte: its range says how many there are. */
static bool ask_range(Fetcher *f, GError **err)
{
    uint8_t byte;
    Answer a = { .opening = true, .end = 1, .buf = &byte };
    perform(f, &a, "0-0");
    bool empty = a.curl && status_of(&a) == 416 && a.total == 0;
    bool ok = empty || (a.curl && !a.wrong);
    f->size = empty ? 0 : a.total;
    f->edition = a.edition;
    if (!ok) {
        block_error(err, "Could not open '%s': %s", f->shown, a.wrong ? a.wrong : "there is no memory");
    }
    answer_end(&a, f);
    return ok;
}

static bool ask_size(Fetcher *f, bool force_range, GError **err)
{
    bool refused = false;
    if (!force_range && ask_head(f, &refused)) {
        return true;
    }
    if (refused) {
        block_error(err, "Could not open '%s': Server does not support 'range' (byte ranges)", f->shown);
    }
    return !refused && ask_range(f, err);
}

/* A text that libcurl copies; id: of a secret, or NULL. */
static bool set_secret(Fetcher *f, CURLoption option, const char *id, const Secrets *secrets, GError **err)
{
    g_autoptr(GBytes) secret = id ? secrets_find(secrets, id, err) : NULL;
    if (!secret) {
        return !id;
    }
    gsize n;
    const char *data = g_bytes_get_data(secret, &n);
    char *text = g_strndup(data, n);
    bool ok = strlen(text) == n && strpbrk(text, "\r\n") == NULL;
    if (ok) {
        f->api->curl_easy_setopt(f->model, option, text);
    } else {
        block_error(err, "the secret '%s' has several lines, or zero bytes: it is no password, nor a cookie",
                    id);
    }
    explicit_bzero(text, strlen(text));
    g_free(text);
    return ok;
}

static bool set_user(Fetcher *f, const HttpOptions *o, const Secrets *secrets, GError **err)
{
    const CurlApi *api = f->api;
    if (o->cookie && strpbrk(o->cookie, "\r\n")) {
        block_error(err, "a cookie is one line");
        return false;
    }
    if (o->username) {
        api->curl_easy_setopt(f->model, CURLOPT_USERNAME, o->username);
    }
    if (o->proxy_username) {
        api->curl_easy_setopt(f->model, CURLOPT_PROXYUSERNAME, o->proxy_username);
    }
    if (o->cookie) {
        api->curl_easy_setopt(f->model, CURLOPT_COOKIE, o->cookie);
    }
    return set_secret(f, CURLOPT_PASSWORD, o->password_secret, secrets, err) &&
           set_secret(f, CURLOPT_PROXYPASSWORD, o->proxy_password_secret, secrets, err) &&
           set_secret(f, CURLOPT_COOKIE, o->cookie_secret, secrets, err);
}

static void set_model(Fetcher *f, const HttpOptions *o)
{
    const CurlApi *api = f->api;
    CURL *c = f->model;
    bool tls = http_is_of(o->url, true);
    const char *authorities = getenv("SSL_CERT_FILE"); /* as programs of OpenSSL take it */
    api->curl_easy_setopt(c, CURLOPT_URL, o->url);
    api->curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
    api->curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
    api->curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    api->curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTIONS_MAX);
    api->curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    api->curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)o->timeout);
    api->curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)o->timeout);
    api->curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SPEED_MIN);
    api->curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L); /* it is one of several threads */
    api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, (long)o->sslverify);
    api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, o->sslverify ? 2L : 0L);
    if (authorities) {
        api->curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
    }
    api->curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    api->curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
}

/* https://user:password@host/ -> https://host/ */
static char *without_user(const char *url)
{
    const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "/?#");
    const char *at = g_strrstr_len(host, end - host, "@");
    g_autofree char *text = g_strdup_printf("%.*s%s", (int)(host - url), url, at ? at + 1 : host);
    return text_escaped(text);
}

Fetcher *fetcher_new(const HttpOptions *o, const Secrets *secrets, uint64_t *size, GError **err)
{
    const CurlApi *api = curl_api_load(err);
    if (!api) {
        return NULL;
    }
    Fetcher *f = g_new0(Fetcher, 1);
    f->api = api;
    f->shown = without_user(o->url);
    f->idle = g_async_queue_new();
    f->model = api->curl_easy_init();
    if (f->model) {
        set_model(f, o);
    } else {
        block_error(err, "Could not open '%s': libcurl has no memory", f->shown);
    }
    if (!f->model || !set_user(f, o, secrets, err) || !ask_size(f, o->force_range, err)) {
        fetcher_free(f);
        return NULL;
    }
    *size = f->size;
    return f;
}

void fetcher_free(Fetcher *f)
{
    for (CURL *c; (c = g_async_queue_try_pop(f->idle));) {
        f->api->curl_easy_cleanup(c);
    }
    if (f->model) {
        f->api->curl_easy_cleanup(f->model);
    }
    g_async_queue_unref(f->idle);
    g_free(f->shown);
    g_free(f);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/iov.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

size_t iov_length(const struct iovec *iov, unsigned count)
{
    size_t n = 0;
    for (unsigned i = 0; i < count; i++) {
        n += iov[i].iov_len;
    }
    return n;
}

/* What of [*offset, *offset + *len) lies in part P; both then count from its end on. */
static struct iovec take(const struct iovec *p, size_t *offset, size_t *len)
{
    size_t skip = MIN(*offset, p->iov_len), n = MIN(*len, p->iov_len - skip);
    *offset -= skip;
    *len -= n;
    return (struct iovec){ n ? (char *)p->iov_base + skip : p->iov_base, n }; /* no bytes may be at NULL */
}

unsigned iov_slice(struct iovec *dst, const struct iovec *src, unsigned count, size_t offset, size_t len)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count && len; i++) {
        dst[n] = take(&src[i], &offset, &len);
        n += dst[n].iov_len > 0;
    }
    return n;
}

size_t iov_to_buf(const struct iovec *iov, unsigned count, size_t offset, void *buf, size_t len)
{
    char *to = buf;
    for (unsigned i = 0; i < count && len; i++) {
        struct iovec part = take(&iov[i], &offset, &len);
        to = part.iov_len ? mempcpy(to, part.iov_base, part.iov_len) : to; /* of no bytes: NULL */
    }
    return to - (char *)buf;
}

size_t iov_from_buf(const struct iovec *iov, unsigned count, size_t offset, const void *buf, size_t len)
{
    const char *from = buf;
    for (unsigned i = 0; i < count && len; i++) {
        struct iovec part = take(&iov[i], &offset, &len);
        if (part.iov_len) {
            memcpy(part.iov_base, from, part.iov_len);
            from += part.iov_len;
        }
    }
    return from - (const char *)buf;
}

void iov_zero_from(const struct iovec *iov, unsigned count, size_t offset)
{
    size_t len = SIZE_MAX;
    for (unsigned i = 0; i < count; i++) {
        struct iovec part = take(&iov[i], &offset, &len);
        if (part.iov_len) {
            memset(part.iov_base, 0, part.iov_len);
        }
    }
}

bool iov_is_zero(const struct iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;
        if (n && (p[0] || memcmp(p, p + 1, n - 1) != 0)) {
            return false;
        }
    }
    return true;
}

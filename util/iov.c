/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors of memory: the few things done with them. */
#include <string.h>

#include "block_priv.h"

uint64_t block_iov_length(const struct iovec *iov, int count)
{
    uint64_t n = 0;
    for (int i = 0; i < count; i++) {
        n += iov[i].iov_len;
    }
    return n;
}

int block_iov_slice(const struct iovec *iov, int count, uint64_t from, uint64_t length, struct iovec *out)
{
    int n = 0;
    for (int i = 0; i < count && length; i++) {
        if (from >= iov[i].iov_len) {
            from -= iov[i].iov_len;
            continue;
        }
        uint64_t part = MIN(iov[i].iov_len - from, length);
        out[n++] = (struct iovec){ (char *)iov[i].iov_base + from, part };
        length -= part;
        from = 0;
    }
    return n;
}

enum { COPY_TO_BUF, COPY_FROM_BUF, COPY_ZERO };

static void iov_walk(const struct iovec *iov, int count, uint64_t from, char *buf, uint64_t n, int how)
{
    for (int i = 0; i < count && n; i++) {
        if (from >= iov[i].iov_len) {
            from -= iov[i].iov_len;
            continue;
        }
        char *at = (char *)iov[i].iov_base + from;
        uint64_t part = MIN(iov[i].iov_len - from, n);
        if (how == COPY_ZERO) {
            memset(at, 0, part);
        } else if (how == COPY_TO_BUF) {
            memcpy(buf, at, part);
            buf += part;
        } else {
            memcpy(at, buf, part);
            buf += part;
        }
        n -= part;
        from = 0;
    }
}

void block_iov_zero_from(const struct iovec *iov, int count, uint64_t from)
{
    iov_walk(iov, count, from, NULL, UINT64_MAX, COPY_ZERO);
}

void block_iov_to_buf(const struct iovec *iov, int count, uint64_t from, void *buf, uint64_t n)
{
    iov_walk(iov, count, from, buf, n, COPY_TO_BUF);
}

void block_iov_from_buf(const struct iovec *iov, int count, uint64_t from, const void *buf, uint64_t n)
{
    iov_walk(iov, count, from, (char *)buf, n, COPY_FROM_BUF);
}

bool block_iov_is_zero(const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++) {
        const char *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;
        if (n && (p[0] || memcmp(p, p + 1, n - 1) != 0)) {
            return false;
        }
    }
    return true;
}

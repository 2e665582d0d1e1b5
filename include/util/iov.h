/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory in parts (struct iovec), seen as one row of bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

size_t iov_length(const struct iovec *iov, unsigned count);
/* Copy between a buffer and the bytes from `offset` on, as many as there are; returns bytes copied. */
size_t iov_to_buf(const struct iovec *iov, unsigned count, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned count, size_t offset, const void *buf, size_t len);
/* dst = the part [offset, offset + len) of src; returns the count of dst (at most src's: the room it
 * needs). */
unsigned iov_slice(struct iovec *dst, const struct iovec *src, unsigned count, size_t offset, size_t len);
void iov_zero_from(const struct iovec *iov, unsigned count, size_t offset);
bool iov_is_zero(const struct iovec *iov, unsigned count);

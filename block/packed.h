/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed pieces of images. */
#pragma once
#include "block/driver.h"

enum { INFLATE_RAW = -15, INFLATE_ZLIB = 15 }; /* without and with the header and checksum of RFC 1950 */

/* Exactly n bytes, from at most `length`: the stream may end earlier.  0 or -errno. */
int packed_inflate(const uint8_t *from, size_t length, uint8_t *to, size_t n, int window);
/* Of a file: bytes around [offset, offset + length), which need not begin at a sector; *skip: before them; *length: as
 * many as there are.  NULL: *error says why. */
uint8_t *packed_read(BlockNode *file, uint64_t offset, uint64_t *length, uint64_t *skip, int *error);

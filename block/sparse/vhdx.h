/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of vhdx: headers and the log.  Specification: [MS-VHDX]; all numbers are little endian. */
#pragma once
#include "block/sparse/sparse.h"

enum {
    VHDX_MIB = 1 << 20,
    VHDX_SECTOR = 4096, /* of the log, and the bytes of a header */
    VHDX_HEADER_1 = 64 << 10,
    VHDX_HEADER_2 = 128 << 10,
    VHDX_REGIONS_1 = 192 << 10,
    VHDX_REGIONS_2 = 256 << 10,
    VHDX_TABLE = 64 << 10, /* bytes of the table of regions, and of that of metadata */
};
enum { /* places in a header */
       VHDX_AT_SUM = 4,
       VHDX_AT_SEQUENCE = 8,
       VHDX_AT_FILE_GUID = 16,
       VHDX_AT_DATA_GUID = 32,
       VHDX_AT_LOG_GUID = 48,
       VHDX_AT_LOG_VERSION = 64,
       VHDX_AT_VERSION = 66,
       VHDX_AT_LOG_LENGTH = 68,
       VHDX_AT_LOG = 72
};

/* Identifiers of regions and of items of metadata, as they are in the file. */
extern const uint8_t vhdx_guid_table[16], vhdx_guid_metadata[16], vhdx_guid_parameters[16],
    vhdx_guid_size[16], vhdx_guid_disk[16], vhdx_guid_logical[16], vhdx_guid_physical[16];
/* The checksum of n bytes, of which the four at `sum_at` count as zeroes (CRC-32C). */
uint32_t vhdx_sum(const uint8_t *p, size_t n, size_t sum_at);
void vhdx_put_sum(uint8_t *p, size_t n);
/* A header that names a log: what stands in it is written to `target`, which has the content of `file`. */
bool vhdx_replay(BlockNode *file, BlockNode *target, const uint8_t *header, GError **err);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhdx: the log, a ring of entries with the sectors of tables that were to be written.
 * Specification: [MS-VHDX], 2.3 "Log".
 *
 * All lengths in it are hostile until they are seen to lie in the log, and no more of it is read than a few times its
 * size. */
#include <string.h>

#include "block/sparse/vhdx.h"
#include "util/bytes.h"

enum { ENTRY_HEADER = 64, DESCRIPTOR = 32, LOG_MAX = 32 << 20, BUDGET = 4 };
enum { /* places in an entry */
       AT_LENGTH = 8,
       AT_TAIL = 12,
       AT_SEQUENCE = 16,
       AT_DESCRIPTORS = 24,
       AT_GUID = 32,
       AT_FLUSHED = 48,
       AT_LAST = 56
};

typedef struct Log {
    BlockNode *file, *target;
    uint8_t *ring; /* all of it */
    uint64_t length, budget;
    const uint8_t *guid;
} Log;

uint32_t vhdx_sum(const uint8_t *p, size_t n, size_t sum_at)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= i >= sum_at && i < sum_at + 4 ? 0 : p[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

void vhdx_put_sum(uint8_t *p, size_t n)
{
    store_le(p + VHDX_AT_SUM, 4, vhdx_sum(p, n, VHDX_AT_SUM));
}

/* The entry at a place of the ring, in one piece; NULL: there is none. */
static uint8_t *entry_at(Log *log, uint64_t at)
{
    const uint8_t *h = log->ring + at;
    uint64_t length = load_le(h + AT_LENGTH, 4);
    bool fits = memcmp(h, "loge", 4) == 0 && memcmp(h + AT_GUID, log->guid, 16) == 0 && length &&
                length % VHDX_SECTOR == 0 && length <= log->length && load_le(h + AT_TAIL, 4) < log->length &&
                load_le(h + AT_TAIL, 4) % VHDX_SECTOR == 0;
    if (!fits || log->budget < length) {
        return NULL;
    }
    log->budget -= length;
    uint8_t *entry = g_malloc(length);
    uint64_t first = MIN(length, log->length - at);
    memcpy(entry, h, first);
    memcpy(entry + first, log->ring, length - first);
    if (load_le(entry + VHDX_AT_SUM, 4) != vhdx_sum(entry, length, VHDX_AT_SUM)) {
        g_clear_pointer(&entry, g_free);
    }
    return entry;
}

/* The place of the newest entry, and its number; false: there is none. */
static bool newest(Log *log, uint64_t *at, uint64_t *sequence)
{
    bool found = false;
    for (uint64_t i = 0; i < log->length; i += VHDX_SECTOR) {
        g_autofree uint8_t *e = entry_at(log, i);
        if (e && (!found || load_le(e + AT_SEQUENCE, 8) > *sequence)) {
            *sequence = load_le(e + AT_SEQUENCE, 8);
            *at = i;
            found = true;
        }
    }
    return found;
}

/* ---- what an entry says --------------------------------------------------------- */

static bool apply_zeroes(Log *log, const uint8_t *d)
{
    uint64_t length = load_le(d + 8, 8), at = load_le(d + 16, 8), size = node_size(log->target);
    if (at % VHDX_SECTOR || length % VHDX_SECTOR || at >= size) {
        return at >= size; /* beyond the end are zeroes */
    }
    length = MIN(length, size - at);
    return node_run(log->target, &(NodeIo){ BLOCK_WRITE_ZEROES, true, at, length, NULL, 0 }) == 0;
}

/* Its sector, whose first 8 and last 4 bytes stand in the descriptor. */
static bool apply_data(Log *log, const uint8_t *d, const uint8_t *sector, uint64_t sequence, uint64_t end)
{
    uint8_t buf[VHDX_SECTOR];
    uint64_t at = load_le(d + 16, 8);
    bool ok = memcmp(sector, "data", 4) == 0 && load_le(sector + 4, 4) == sequence >> 32 &&
              load_le(sector + VHDX_SECTOR - 4, 4) == (uint32_t)sequence && at % VHDX_SECTOR == 0 && at < end;
    memcpy(buf, d + 8, 8);
    memcpy(buf + 8, sector + 8, VHDX_SECTOR - 12);
    memcpy(buf + VHDX_SECTOR - 4, d + 4, 4);
    return ok && node_write(log->target, at, buf, sizeof(buf)) == 0;
}

static bool apply(Log *log, const uint8_t *entry)
{
    uint64_t length = load_le(entry + AT_LENGTH, 4), count = load_le(entry + AT_DESCRIPTORS, 4);
    uint64_t sequence = load_le(entry + AT_SEQUENCE, 8), size = node_size(log->target);
    uint64_t end = log->target == log->file ? MAX(size, load_le(entry + AT_LAST, 8)) : size;
    uint64_t sector = (ENTRY_HEADER + count * DESCRIPTOR + VHDX_SECTOR - 1) & ~(uint64_t)(VHDX_SECTOR - 1);
    bool ok = sector <= length;
    for (uint64_t i = 0; i < count && ok; i++) {
        const uint8_t *d = entry + ENTRY_HEADER + i * DESCRIPTOR;
        ok = load_le(d + 24, 8) == sequence;
        if (ok && memcmp(d, "zero", 4) == 0) {
            ok = apply_zeroes(log, d);
        } else if (ok) {
            ok = memcmp(d, "desc", 4) == 0 && sector < length &&
                 apply_data(log, d, entry + sector, sequence, end);
            sector += VHDX_SECTOR;
        }
    }
    return ok;
}

/* From the tail that the newest names to the newest itself. */
static const char *apply_all(Log *log, uint64_t last, uint64_t last_sequence)
{
    g_autofree uint8_t *head = entry_at(log, last);
    uint64_t at = head ? load_le(head + AT_TAIL, 4) : 0, size = node_size(log->file);
    if (head && load_le(head + AT_FLUSHED, 8) > size) {
        return "the file is shorter than it was when the log was written: it was cut off";
    }
    uint64_t wanted = 0;
    for (uint64_t steps = 0; steps <= log->length / VHDX_SECTOR; steps++) {
        g_autofree uint8_t *e = entry_at(log, at);
        uint64_t sequence = e ? load_le(e + AT_SEQUENCE, 8) : 0;
        if (!e || (steps && sequence != wanted) || !apply(log, e)) {
            break;
        }
        if (at == last && sequence == last_sequence) {
            return NULL;
        }
        wanted = sequence + 1;
        at = (at + load_le(e + AT_LENGTH, 4)) % log->length;
    }
    return "its log is damaged";
}

bool vhdx_replay(BlockNode *file, BlockNode *target, const uint8_t *header, GError **err)
{
    uint64_t at = load_le(header + VHDX_AT_LOG, 8), length = load_le(header + VHDX_AT_LOG_LENGTH, 4);
    uint64_t size = node_size(file), last = 0, sequence = 0;
    bool fits = length && length <= LOG_MAX && length % VHDX_SECTOR == 0 && at % SECTOR == 0 && at <= size &&
                length <= size - at;
    g_autofree uint8_t *ring = g_malloc(fits ? length : 1);
    Log log = { file, target, ring, length, length * BUDGET, header + VHDX_AT_LOG_GUID };
    const char *fault = !fits                               ? "its log is not in the file"
                        : node_read(file, at, ring, length) ? "its log cannot be read"
                        : newest(&log, &last, &sequence)    ? apply_all(&log, last, sequence)
                                                            : NULL; /* nothing was logged yet */
    if (fault) {
        block_error(err, "'%s' was not closed, and %s", file->filename, fault);
    }
    return !fault;
}

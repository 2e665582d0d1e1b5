/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header: the specification, figures 1 and 2. */
#include <string.h>

#include "block/luks/luks.h"
#include "util/bytes.h"

static const uint8_t magic[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
enum {
    AT_VERSION = 6,
    AT_CIPHER = 8,
    AT_MODE = 40,
    AT_HASH = 72,
    AT_PAYLOAD = 104,
    AT_KEY_SIZE = 108,
    AT_DIGEST = 112,
    AT_SALT = 132,
    AT_ITERATIONS = 164,
    AT_UUID = 168,
    AT_SLOTS = 208,
    SLOT_SIZE = 48,
    SLOT_ITERATIONS = 4,
    SLOT_SALT = 8,
    SLOT_OFFSET = 40,
    SLOT_STRIPES = 44,
};
#define SLOT_ACTIVE 0x00ac71f3u
#define SLOT_FREE 0x0000deadu

uint64_t luks_material_size(const LuksHeader *h, const LuksSlot *s)
{
    return ((uint64_t)h->key_size * s->stripes + SECTOR - 1) / SECTOR * SECTOR;
}

const char *luks_slot_fault(const LuksHeader *h, const LuksSlot *s)
{
    if (!s->iterations || !s->stripes || s->stripes > LUKS_STRIPES_MAX) {
        return "a key slot has no iterations, or no or too many stripes";
    }
    uint64_t end = (uint64_t)s->offset * SECTOR + luks_material_size(h, s);
    if ((uint64_t)s->offset * SECTOR < LUKS_HEADER || (h->payload && end > (uint64_t)h->payload * SECTOR)) {
        return "key material is not between the header and the data";
    }
    return NULL;
}

static const char *fault_of(const LuksHeader *h, uint64_t file_size)
{
    uint64_t iterations = h->iterations;
    const char *fault = NULL;
    if (!h->key_size || h->key_size > LUKS_KEY_MAX) {
        return "the size of its key is none that is known";
    }
    for (unsigned i = 0; i < LUKS_SLOTS && !fault; i++) {
        const LuksSlot *s = &h->slots[i];
        if (s->active) {
            fault = luks_slot_fault(h, s);
            iterations += s->iterations;
        }
    }
    return fault                                       ? fault
           : !h->iterations                            ? "its key has no iterations"
           : iterations > LUKS_ITERATIONS_MAX          ? "it asks for more iterations than are made"
           : (uint64_t)h->payload * SECTOR > file_size ? "its data begin behind its end"
                                                       : NULL;
}

bool luks_header_read(LuksHeader *h, const uint8_t *from, uint64_t file_size, GError **err)
{
    *h = (LuksHeader){ .payload = load_be(from + AT_PAYLOAD, 4) };
    if (memcmp(from, magic, sizeof(magic)) != 0) {
        block_error(err, "Volume is not in LUKS format");
        return false;
    }
    unsigned version = load_be(from + AT_VERSION, 2);
    if (version != 1) {
        block_error(err,
                    "LUKS version %u is not supported; this program has version 1 (cryptsetup luksFormat "
                    "--type luks1)",
                    version);
        return false;
    }
    memcpy(h->cipher, from + AT_CIPHER, LUKS_NAME);
    memcpy(h->mode, from + AT_MODE, LUKS_NAME);
    memcpy(h->hash, from + AT_HASH, LUKS_NAME);
    memcpy(h->uuid, from + AT_UUID, LUKS_UUID);
    memcpy(h->digest, from + AT_DIGEST, LUKS_DIGEST);
    memcpy(h->salt, from + AT_SALT, LUKS_SALT);
    h->key_size = load_be(from + AT_KEY_SIZE, 4);
    h->iterations = load_be(from + AT_ITERATIONS, 4);
    const char *fault = NULL;
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const uint8_t *at = from + AT_SLOTS + i * SLOT_SIZE;
        LuksSlot *s = &h->slots[i];
        uint32_t state = load_be(at, 4);
        s->active = state == SLOT_ACTIVE;
        fault = s->active || state == SLOT_FREE ? fault : "the state of a key slot is none that is known";
        s->iterations = load_be(at + SLOT_ITERATIONS, 4);
        s->offset = load_be(at + SLOT_OFFSET, 4);
        s->stripes = load_be(at + SLOT_STRIPES, 4);
        memcpy(s->salt, at + SLOT_SALT, LUKS_SALT);
    }
    fault = fault ? fault : fault_of(h, file_size);
    if (fault) {
        block_error(err, "Its LUKS header is damaged: %s", fault);
    }
    return !fault;
}

void luks_header_write(const LuksHeader *h, uint8_t *to)
{
    memset(to, 0, LUKS_HEADER);
    memcpy(to, magic, sizeof(magic));
    store_be(to + AT_VERSION, 2, 1);
    memcpy(to + AT_CIPHER, h->cipher, LUKS_NAME);
    memcpy(to + AT_MODE, h->mode, LUKS_NAME);
    memcpy(to + AT_HASH, h->hash, LUKS_NAME);
    memcpy(to + AT_UUID, h->uuid, LUKS_UUID);
    memcpy(to + AT_DIGEST, h->digest, LUKS_DIGEST);
    memcpy(to + AT_SALT, h->salt, LUKS_SALT);
    store_be(to + AT_PAYLOAD, 4, h->payload);
    store_be(to + AT_KEY_SIZE, 4, h->key_size);
    store_be(to + AT_ITERATIONS, 4, h->iterations);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        uint8_t *at = to + AT_SLOTS + i * SLOT_SIZE;
        const LuksSlot *s = &h->slots[i];
        store_be(at, 4, s->active ? SLOT_ACTIVE : SLOT_FREE);
        store_be(at + SLOT_ITERATIONS, 4, s->iterations);
        store_be(at + SLOT_OFFSET, 4, s->offset);
        store_be(at + SLOT_STRIPES, 4, s->stripes);
        memcpy(at + SLOT_SALT, s->salt, LUKS_SALT);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LUKS 1: a disk whose sectors are encrypted, each by its number; the key is in the file, encrypted by passwords.
 *
 * In an image of another format the header is an area of the file, and that format says where sectors are.
 *
 * Not modelled: version 2, detached headers. */
#include "block/luks/luks.h"

#include <errno.h>
#include <string.h>

#include "block/luks/area.h"
#include "block/secret.h"
#include "util/container.h"

enum { PIECE = 64 << 10 };

/* ---- sectors ------------------------------------------------------------------------ */

static int luks_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_PACKED, false, length, n->children[NODE_FILE], offset };
    return 0;
}

static int transfer(LuksNode *l, const NodeIo *io)
{
    BlockNode *file = l->node.children[NODE_FILE];
    g_autofree uint8_t *buf = g_try_malloc(MIN(io->length, PIECE));
    int e = !l->cipher ? -EACCES : buf ? 0 : -ENOMEM;
    for (uint64_t done = 0, n; done < io->length && !e; done += n) {
        uint64_t at = io->offset + done;
        n = MIN(io->length - done, PIECE);
        if (io->op == BLOCK_READ) {
            e = node_read(file, l->start + at, buf, n);
            luks_cipher_run(l->cipher, false, at / SECTOR, buf, e ? 0 : n);
            iov_from_buf(io->iov, io->iov_count, done, buf, e ? 0 : n);
            continue;
        }
        if (io->op == BLOCK_WRITE) {
            iov_to_buf(io->iov, io->iov_count, done, buf, n);
        } else {
            memset(buf, 0, n);
        }
        luks_cipher_run(l->cipher, true, at / SECTOR, buf, n);
        e = node_write(file, l->start + at, buf, n);
    }
    return e;
}

static int luks_run(BlockNode *n, const NodeIo *io)
{
    LuksNode *l = container_of(n, LuksNode, node);
    switch (io->op) {
    case BLOCK_FLUSH: return node_flush(n->children[NODE_FILE]);
    case BLOCK_DISCARD: return 0; /* holes would show where nothing is */
    default: return transfer(l, io);
    }
}

static int luks_resize(BlockNode *n, uint64_t bytes)
{
    LuksNode *l = container_of(n, LuksNode, node);
    int e = bytes % SECTOR || bytes > INT64_MAX - l->start
                ? -EINVAL
                : node_resize(n->children[NODE_FILE], l->start + bytes);
    if (!e) {
        __atomic_store_n(&n->size, bytes, __ATOMIC_RELEASE);
    }
    return e;
}

static void luks_say(BlockNode *n, ImageInfo *info)
{
    info->encrypted = true;
}

static void luks_close(BlockNode *n)
{
    LuksNode *l = container_of(n, LuksNode, node);
    luks_cipher_free(l->cipher);
    node_unref(l->area);
    g_free(l->key_secret);
    explicit_bzero(&l->header, sizeof(l->header));
}

static const BlockDriver luks_driver = {
    .name = "luks",
    .map = luks_map,
    .run = luks_run,
    .unpack = luks_run,
    .resize = luks_resize,
    .info = luks_say,
    .close = luks_close,
};

/* ---- opening ------------------------------------------------------------------------- */

static LuksCipher *unlock(const LuksHeader *h, BlockNode *area, const OpenFlags *flags, const char *parameter,
                          GError **err)
{
    if (!flags->key_secret) {
        block_error(err, "Parameter '%s' is required for cipher: the id of a secret with the password",
                    parameter);
        return NULL;
    }
    uint8_t key[LUKS_KEY_MAX];
    g_autoptr(GBytes) password = secrets_find(flags->secrets, flags->key_secret, err);
    bool ok = password && luks_unlock(h, area, password, key, err);
    LuksCipher *c = ok ? luks_cipher_new(h->cipher, h->mode, key, h->key_size, err) : NULL;
    explicit_bzero(key, sizeof(key));
    return c;
}

static bool read_header(BlockNode *area, LuksHeader *h, GError **err)
{
    uint8_t head[2 * SECTOR];
    int e = node_size(area) < sizeof(head) ? -EINVAL : node_read(area, 0, head, sizeof(head));
    if (e) {
        block_error(err, "Could not read the LUKS header of '%s': %s", area->filename, g_strerror(-e));
    }
    return !e && luks_header_read(h, head, node_size(area), err);
}

static LuksNode *open_area(BlockNode *file, BlockNode *area, const OpenFlags *flags, const char *parameter,
                           GError **err)
{
    LuksHeader h;
    bool ok = read_header(area, &h, err), locked = flags->no_data || flags->locked;
    LuksCipher *c = ok && !locked ? unlock(&h, area, flags, parameter, err) : NULL;
    if (!ok || (!c && !locked)) {
        return NULL;
    }
    LuksNode *l = g_new0(LuksNode, 1);
    node_init(&l->node, &luks_driver, file->filename, 0, false);
    l->node.children[NODE_FILE] = node_ref(file);
    l->area = node_ref(area);
    l->header = h;
    l->cipher = c;
    l->key_secret = g_strdup(flags->key_secret);
    return l;
}

BlockNode *luks_open(BlockNode *file, const OpenFlags *flags, GError **err)
{
    LuksNode *l = open_area(file, file, flags, "key-secret", err);
    if (!l) {
        return NULL;
    }
    l->start = (uint64_t)l->header.payload * SECTOR;
    l->node.size = node_size(file) - l->start;
    l->node.readonly = flags->readonly || file->readonly;
    return &l->node;
}

BlockNode *luks_area_open(BlockNode *file, uint64_t offset, uint64_t length, const OpenFlags *flags,
                          GError **err)
{
    BlockNode *area = length ? part_node_open(file, offset, length, err) : NULL;
    if (!length) {
        block_error(err, "'%s': its LUKS header has no place", file->filename);
    }
    LuksNode *l = area ? open_area(file, area, flags, "encrypt.key-secret", err) : NULL;
    node_unref(area);
    if (l) {
        l->node.size = INT64_MAX & ~(uint64_t)(SECTOR - 1); /* the file's, which grows */
    }
    return l ? &l->node : NULL;
}

LuksNode *luks_of(BlockNode *n)
{
    return n->driver == &luks_driver ? container_of(n, LuksNode, node) : NULL;
}

bool luks_info(BlockNode *n, LuksInfo *info)
{
    const LuksNode *l = luks_of(n);
    if (!l) {
        return false;
    }
    const LuksHeader *h = &l->header;
    *info = (LuksInfo){ .cipher = h->cipher,
                        .mode = h->mode,
                        .hash = h->hash,
                        .uuid = h->uuid,
                        .key_bits = h->key_size * 8,
                        .payload = (uint64_t)h->payload * SECTOR,
                        .iterations = h->iterations };
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const LuksSlot *s = &h->slots[i];
        info->slots[i] = (LuksSlotInfo){ s->active, s->iterations, s->stripes, (uint64_t)s->offset * SECTOR };
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random requests, many in flight, against a model in memory: both engines, the host
 * cache and around it, and the overlay of snapshot=on. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "tests/loop.h"
#include "tests/ends.h"

enum { SECTORS = 2000, SIZE = SECTORS * 512, SLOTS = 32, ROUNDS = 3000, MAX_SECTORS = 60 };

typedef struct Slot {
    Io io;
    struct iovec iov[8];
    uint8_t *buf;
    uint32_t first, count; /* sectors */
    bool busy;
} Slot;

typedef struct Stress {
    BlockBackend *blk;
    uint8_t model[SIZE];
    uint8_t writers[SECTORS]; /* 1: being written */
    uint8_t readers[SECTORS];
    Slot slots[SLOTS];
    bool discards_are_zero;
} Stress;

static bool slot_choose(Stress *s, Slot *slot, BlockOp op)
{
    slot->count = (uint32_t)g_test_rand_int_range(1, MAX_SECTORS);
    slot->first = (uint32_t)g_test_rand_int_range(0, SECTORS - (int)slot->count + 1);
    for (uint32_t i = slot->first; i < slot->first + slot->count; i++) {
        if (s->writers[i] || (op != BLOCK_READ && s->readers[i])) {
            return false;
        }
    }
    return true;
}

static void slot_mark(Stress *s, Slot *slot, int by)
{
    for (uint32_t i = slot->first; i < slot->first + slot->count; i++) {
        if (slot->io.r.op == BLOCK_READ) {
            s->readers[i] = (uint8_t)(s->readers[i] + by);
        } else {
            s->writers[i] = (uint8_t)(s->writers[i] + by);
        }
    }
}

static void slot_done(BlockRequest *r, int result)
{
    Slot *slot = r->opaque;
    slot->io.result = result;
    slot->io.done = true;
}

/* Cut the buffer into up to 8 pieces of odd addresses and lengths. */
static int slot_cut(Slot *slot)
{
    uint64_t left = (uint64_t)slot->count * 512, at = 0;
    int n = 0, pieces = g_test_rand_int_range(1, 9);
    bool odd = g_test_rand_bit();
    while (left) {
        uint64_t part = n + 1 == pieces ? left : (uint64_t)g_test_rand_int_range(0, (int)left + 1);
        part = odd || n + 1 == pieces ? part : part & ~(uint64_t)511;
        slot->iov[n++] = (struct iovec){ slot->buf + at, part };
        at += part;
        left -= part;
    }
    return n;
}

static void slot_start(Stress *s, Slot *slot)
{
    static const BlockOp ops[] = { BLOCK_READ,  BLOCK_READ,         BLOCK_READ,    BLOCK_WRITE, BLOCK_WRITE,
                                   BLOCK_WRITE, BLOCK_WRITE_ZEROES, BLOCK_DISCARD, BLOCK_FLUSH };
    BlockOp op = ops[g_test_rand_int_range(0, G_N_ELEMENTS(ops))];
    if (!slot_choose(s, slot, op)) {
        return;
    }
    uint64_t length = (uint64_t)slot->count * 512;
    bool data = op == BLOCK_READ || op == BLOCK_WRITE;
    for (uint64_t i = 0; i < length; i++) {
        slot->buf[i] = op == BLOCK_WRITE ? (uint8_t)g_test_rand_int() : 0xee;
    }
    if (op == BLOCK_WRITE && g_test_rand_int_range(0, 8) == 0) {
        memset(slot->buf, 0, length); /* for detect-zeroes */
    }
    slot->io.r = (BlockRequest){ .op = op,
                                 .offset = (uint64_t)slot->first * 512,
                                 .length = length,
                                 .iov = slot->iov,
                                 .iov_count = data ? slot_cut(slot) : 0,
                                 .fua = g_test_rand_int_range(0, 20) == 0,
                                 .unmap = g_test_rand_bit(),
                                 .done = slot_done,
                                 .opaque = slot };
    slot->io.done = false;
    slot->busy = true;
    slot_mark(s, slot, 1);
    block_submit(s->blk, &slot->io.r);
}

static void slot_finish(Stress *s, Slot *slot)
{
    uint8_t *at = s->model + (uint64_t)slot->first * 512;
    uint64_t length = (uint64_t)slot->count * 512;
    g_assert_cmpint(slot->io.result, ==, 0);
    switch (slot->io.r.op) {
    case BLOCK_READ: g_assert_cmpmem(at, length, slot->buf, length); break;
    case BLOCK_WRITE: memcpy(at, slot->buf, length); break;
    case BLOCK_WRITE_ZEROES: memset(at, 0, length); break;
    case BLOCK_DISCARD:
        if (s->discards_are_zero) {
            memset(at, 0, length);
        }
        break;
    default: break;
    }
    slot_mark(s, slot, -1);
    slot->busy = false;
}

static void stress(const char *options, bool discards, bool keeps)
{
    GError *err = NULL;
    g_autofree char *path = rig_image(SIZE - 212); /* the last sector is incomplete */
    g_autofree Stress *s = g_new0(Stress, 1);
    s->blk = rig_drive(&err, "file=%s,if=none,format=raw,%s", path, options);
    if (!s->blk) {
        g_test_message("left out: %s", err->message);
        g_clear_error(&err);
        g_unlink(path);
        return;
    }
    s->discards_are_zero = discards;
    for (int i = 0; i < SLOTS; i++) {
        s->slots[i].buf = g_malloc(MAX_SECTORS * 512);
    }
    for (int n = 0; n < ROUNDS; n++) {
        Slot *slot = &s->slots[g_test_rand_int_range(0, SLOTS)];
        if (slot->busy) {
            while (!slot->io.done) {
                g_main_context_iteration(event_loop_context(test_loop()), TRUE);
            }
            slot_finish(s, slot);
        }
        slot_start(s, slot);
    }
    block_drain(s->blk);
    for (int i = 0; i < SLOTS; i++) {
        if (s->slots[i].busy) {
            slot_finish(s, &s->slots[i]);
        }
        g_free(s->slots[i].buf);
    }
    g_autofree uint8_t *end = g_malloc(SIZE);
    g_assert_cmpint(rig_io(s->blk, BLOCK_READ, 0, end, SIZE), ==, 0);
    g_assert_cmpmem(s->model, SIZE, end, SIZE);
    test_close_drives();
    g_autofree char *text = NULL;
    gsize n;
    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    if (!keeps) {
        memset(s->model, 0, SIZE); /* a snapshot leaves the image as it was */
    }
    g_assert_cmpmem(s->model, MIN(n, SIZE), text, n);
    g_unlink(path);
}

typedef struct Case {
    const char *name, *options;
    bool discards, keeps;
} Case;

static const Case cases[] = {
    { "threads", "aio=threads", false, true },
    { "io_uring", "aio=io_uring", false, true },
    { "threads-unmap", "aio=threads,discard=unmap,detect-zeroes=unmap", true, true },
    { "io_uring-zeroes", "aio=io_uring,discard=unmap,detect-zeroes=on", true, true },
    { "threads-direct", "aio=threads,cache=none", false, true },
    { "io_uring-direct", "aio=io_uring,cache=none,discard=unmap", true, true },
    { "unsafe", "cache=unsafe", false, true },
    { "threads-snapshot", "aio=threads,snapshot=on,discard=unmap", true, false },
    { "io_uring-snapshot", "aio=io_uring,snapshot=on,discard=unmap", true, false },
};

static void run(gconstpointer opaque)
{
    const Case *c = opaque;
    stress(c->options, c->discards, c->keeps);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("/block-stress/%s", cases[i].name);
        g_test_add_data_func(name, &cases[i], run);
    }
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images on tapes: see tape-image.h. */
#include "tape-image.h"

#include <errno.h>
#include <string.h>

#include "block/image_create.h"
#include "block/secret.h"

const TapeKind *kind;
uint64_t disk_bytes;
unsigned allocations, allocation_fails_at;
static Secrets *secrets;

void *__real_g_try_malloc(gsize n);
void *__wrap_g_try_malloc(gsize n);
int __real_posix_memalign(void **p, size_t alignment, size_t n);
int __wrap_posix_memalign(void **p, size_t alignment, size_t n);

void *__wrap_g_try_malloc(gsize n)
{
    return ++allocations == allocation_fails_at ? NULL : __real_g_try_malloc(n);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t n)
{
    return ++allocations == allocation_fails_at ? ENOMEM : __real_posix_memalign(p, alignment, n);
}

void tape_choose(const TapeKind *k)
{
    g_autoptr(GError) err = NULL;
    kind = k;
    disk_bytes = (uint64_t)k->disk_kib << 10;
    if (!secrets) {
        secrets = secrets_new();
        g_assert_true(secrets_add(secrets, "s", &(SecretSource){ .data = "pass word" }, false, &err));
    }
}

TapeNode *tape_image_new(void)
{
    g_autoptr(GError) err = NULL;
    const ImageMaker *maker = image_maker(kind->format);
    TapeNode *t = tape_new(NULL);
    NewImage *o = shape_parse(maker->shape, kind->options, NULL, &err);
    g_assert_no_error(err);
    o->size = disk_bytes;
    o->secrets = secrets;
    g_assert_true(maker->make(&t->node, o, &err));
    shape_free(maker->shape, o);
    return t;
}

static OpenFlags flags_of(bool readonly, bool repair)
{
    return (OpenFlags){ .readonly = readonly,
                        .discard = true,
                        .repair = repair,
                        .secrets = secrets,
                        .key_secret = strstr(kind->options, "key-secret") ? "s" : NULL };
}

BlockNode *tape_image_open(TapeNode *t, bool readonly, bool repair)
{
    g_autoptr(GError) err = NULL;
    OpenFlags flags = flags_of(readonly, repair);
    BlockNode *n = image_open_on(&t->node, kind->format, &flags, &err);
    g_assert_no_error(err);
    return n;
}

BlockNode *tape_image_try(TapeNode *t)
{
    OpenFlags flags = flags_of(false, false);
    return image_open_on(&t->node, kind->format, &flags, NULL);
}

bool tape_image_is_dirty(BlockNode *n)
{
    ImageInfo info;
    image_info(n, &info);
    return info.dirty;
}

static void tell(const char *line, void *opaque)
{
    g_test_message("%s", line);
}

uint64_t tape_image_faults(BlockNode *n, bool loud)
{
    ImageReport report = { .say = loud ? tell : NULL };
    int e = image_check(n, REPAIR_NOTHING, &report);
    g_assert_true(!e ||
                  (e == -ENOTSUP && strcmp(kind->format, "luks") == 0)); /* which has nothing to check */
    g_assert_cmpuint(report.check_errors, ==, 0);
    return report.corruptions;
}

uint8_t *tape_image_disk(BlockNode *n)
{
    uint8_t *now = g_malloc(disk_bytes);
    g_assert_cmpint(node_read(n, 0, now, disk_bytes), ==, 0);
    return now;
}

void tape_check_content(BlockNode *n, const uint8_t *sure, const uint8_t *touched)
{
    g_autofree uint8_t *now = tape_image_disk(n);
    for (unsigned i = 0; i < disk_bytes / SECTOR; i++) {
        if (!touched[i] && memcmp(now + i * SECTOR, sure + i * SECTOR, SECTOR) != 0) {
            g_error("sector %u was flushed, and is lost", i);
        }
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code cache: host code in anonymous shared memory that is mapped twice, writable for the
 * translator and executable for the processor, so that no page is ever both and no system call is
 * needed per translation.  (Anonymous, since perf looks into /tmp/perf-PID.map for nothing that has
 * a file's name, a memfd's included.)  The writable one lies at a random distance below the other: an
 * address of code that leaks to a guest does not tell where that code can be written.
 *
 * Code fills one region after the other; when all are full the oldest region is emptied:
 * its blocks are unlinked and forgotten.  That happens only while a block is being
 * translated, when no translated code is under way that could go on in it.
 *
 * Not modelled: keeping code over runs of the program. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "accel/tcg/internal.h"

enum { REGIONS = 16, MIN_REGION = 64 * 1024 };
static const uint64_t default_cache_bytes = 128 << 20;

struct TcgRegion {
    uint32_t start, end, used; /* offsets in the cache */
    GPtrArray *blocks;         /* by ascending address */
};

struct TcgCache {
    uint64_t size;
    uint8_t *rw;
    const uint8_t *rx;
    TcgRegion regions[REGIONS];
    unsigned current;
    Jit *jit;
};

static uint64_t random_number(void)
{
    uint64_t r;
    if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r)) { /* the host has just started */
        r = (uint64_t)g_random_int() << 32 | g_random_int();
    }
    return r;
}

/* A free place up to 64 GiB below the executable mapping. */
static void *find_place(const TcgCache *c)
{
    enum { TRIES = 64, DISTANCE_BITS = 36 };
    void *at = MAP_FAILED;
    for (unsigned n = 0; at == MAP_FAILED && n < TRIES; n++) {
        uint64_t distance = random_number() & ((UINT64_C(1) << DISTANCE_BITS) - 1) & -UINT64_C(4096);
        at = mmap((uint8_t *)c->rx - c->size - distance, c->size, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (at == MAP_FAILED && errno != EEXIST) { /* EEXIST: that place is taken */
            break;
        }
    }
    return at;
}

/* The same pages again, writable: mremap() of no bytes leaves a shared mapping as it is. */
static uint8_t *map_writable(const TcgCache *c)
{
    void *place = find_place(c);
    if (place == MAP_FAILED) {
        return MAP_FAILED;
    }
    void *at = mremap((void *)c->rx, 0, c->size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (at != MAP_FAILED && mprotect(at, c->size, PROT_READ | PROT_WRITE) == 0) {
        return at;
    }
    int e = errno;
    munmap(place, c->size);
    errno = e;
    return MAP_FAILED;
}

static bool map_twice(TcgCache *c, GError **err)
{
    c->rx = mmap(NULL, c->size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c->rx == MAP_FAILED) {
        goto fail;
    }
    c->rw = map_writable(c);
    if (c->rw == MAP_FAILED) {
        goto fail;
    }
    return true;
fail:
    g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                "cannot make the code cache of %" G_GUINT64_FORMAT " MiB: %s; "
                "try a smaller one with -accel tcg,tb-size=MIB, or -accel interp",
                c->size >> 20, g_strerror(errno));
    return false;
}

bool tcg_cache_new(TcgState *s, uint64_t bytes, GError **err)
{
    TcgCache *c = g_new0(TcgCache, 1);
    s->cache = c;
    c->rw = MAP_FAILED;
    c->rx = MAP_FAILED;
    uint64_t region = (bytes ? bytes : default_cache_bytes) / REGIONS;
    region = CLAMP(region, MIN_REGION, UINT64_C(1) << 26) & -UINT64_C(4096);
    c->size = region * REGIONS;
    if (!map_twice(c, err)) {
        return false;
    }
    for (unsigned n = 0; n < REGIONS; n++) {
        TcgRegion *r = &c->regions[n];
        r->start = r->used = n * region + (n == 0 ? jit_backend->head_bytes : 0);
        r->end = (n + 1) * region;
        r->blocks = g_ptr_array_new();
    }
    JitConfig config = tcg_jit_config;
    config.guest = s->guest;
    config.run = tcg_runtime;
    c->jit = jit_backend->create(&config, c->rw, c->rx, err);
    tcg_perf_map_add(s, c->rx, jit_backend->head_bytes, "lyrebird_stubs", 0);
    return c->jit != NULL;
}

static void block_free(TcgBlock *b)
{
    g_free(b->exits);
    if (b->ir) {
        ir_block_free(b->ir);
    }
    g_free(b);
}

void tcg_cache_free(TcgState *s)
{
    TcgCache *c = s->cache;
    if (!c) {
        return;
    }
    for (unsigned n = 0; n < REGIONS && c->regions[n].blocks; n++) {
        for (unsigned k = 0; k < c->regions[n].blocks->len; k++) {
            block_free(c->regions[n].blocks->pdata[k]);
        }
        g_ptr_array_free(c->regions[n].blocks, TRUE);
    }
    jit_backend->destroy(c->jit);
    if (c->rw != MAP_FAILED) {
        munmap(c->rw, c->size);
    }
    if (c->rx != MAP_FAILED) {
        munmap((void *)c->rx, c->size);
    }
    g_free(c);
    s->cache = NULL;
}

Jit *tcg_cache_jit(TcgState *s)
{
    return s->cache->jit;
}

static void region_empty(TcgState *s, TcgRegion *r)
{
    for (unsigned n = 0; n < r->blocks->len; n++) {
        tcg_block_drop(s, r->blocks->pdata[n]);
    }
    for (unsigned n = 0; n < r->blocks->len; n++) {
        block_free(r->blocks->pdata[n]);
    }
    g_ptr_array_set_size(r->blocks, 0);
    r->used = r->start;
    s->stats.evictions++;
}

static uint8_t *rw_of(TcgCache *c, const uint8_t *rx)
{
    return c->rw + (rx - c->rx);
}

static bool compile_here(TcgCache *c, TcgRegion *r, TcgBlock *b, const IrBlock *ir, JitOutput *out)
{
    uint8_t *rw = c->rw + r->used;
    const uint8_t *rx = c->rx + r->used;
    if (!jit_backend->compile(c->jit, ir, rw, rx, r->end - r->used, out)) {
        return false;
    }
    b->code = (uint8_t *)rx;
    b->code_size = out->size;
    b->pc_table = out->pc_table;
    b->exit_count = out->exit_count;
    b->exits = out->exit_count ? g_new0(TcgExit, out->exit_count) : NULL;
    for (unsigned n = 0; n < out->exit_count; n++) {
        b->exits[n].jit = out->exits[n];
        b->exits[n].from = b;
    }
    r->used = MIN(r->end, (r->used + out->size + 15) & ~15u);
    g_ptr_array_add(r->blocks, b);
    return true;
}

bool tcg_cache_compile(TcgState *s, TcgBlock *b, const IrBlock *ir)
{
    TcgCache *c = s->cache;
    JitOutput out;
    if (compile_here(c, &c->regions[c->current], b, ir, &out)) {
        return true;
    }
    if (!out.full) {
        return false;
    }
    c->current = (c->current + 1) % REGIONS;
    if (c->regions[c->current].blocks->len) {
        region_empty(s, &c->regions[c->current]);
    }
    return compile_here(c, &c->regions[c->current], b, ir, &out);
}

TcgBlock *tcg_cache_find(TcgState *s, uintptr_t host)
{
    TcgCache *c = s->cache;
    uint64_t offset = host - (uintptr_t)c->rx;
    if (offset >= c->size) {
        return NULL;
    }
    const TcgRegion *r = &c->regions[offset / (c->size / REGIONS)];
    unsigned low = 0, high = r->blocks->len;
    while (low < high) { /* the last block that starts at or before host */
        unsigned mid = (low + high) / 2;
        const TcgBlock *b = r->blocks->pdata[mid];
        if ((uintptr_t)b->code <= host) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (!low) {
        return NULL;
    }
    TcgBlock *b = r->blocks->pdata[low - 1];
    return host - (uintptr_t)b->code < b->code_size ? b : NULL;
}

void tcg_cache_patch(TcgState *s, TcgExit *e, TcgBlock *to)
{
    TcgBlock *b = e->from;
    jit_backend->patch(rw_of(s->cache, b->code), b->code, &e->jit, to ? to->code : NULL);
}

void tcg_cache_info(TcgState *s, GString *out)
{
    const TcgCache *c = s->cache;
    uint64_t used = 0, blocks = 0;
    for (unsigned n = 0; n < REGIONS; n++) {
        used += c->regions[n].used - c->regions[n].start;
        blocks += c->regions[n].blocks->len;
    }
    g_string_append_printf(out,
                           "code cache          %" G_GUINT64_FORMAT " KiB of %" G_GUINT64_FORMAT
                           " KiB, %" G_GUINT64_FORMAT " blocks\n",
                           used >> 10, c->size >> 10, blocks);
}

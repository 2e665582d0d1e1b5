/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host code is in anonymous shared memory that is mapped twice, writable for the
 * translator and executable for the processor, so that no page is ever both and no system call is
 * needed per translation.  (Anonymous, since perf looks into /tmp/perf-PID.map for nothing that has
 * a file's name, a memfd's included.)  The writable one lies at a random distance below the other: an
 * address of code that leaks to a guest does not tell where that code can be written.
 *
 * Its memory comes in huge pages where the host has them: a fault for each 4 KiB costs more than what is written there,
 * and code that is spread over many pages misses in the processor's TLB at every other jump.
 *
 * Not modelled: keeping code over runs of the program. */
#include "accel/tcg/cache.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "util/huge_pages.h"

#ifndef MADV_COLLAPSE /* glibc 2.36 has no name for it yet */
#define MADV_COLLAPSE 25
#endif

/* AHEAD: regions that are emptied ahead.  A vCPU's thread may have to wait for a host processor before it comes by: one
 * region of the smallest cache is full sooner than that. */
enum { REGIONS = 16, AHEAD = 2, MIN_REGION = 64 * 1024 };
static const uint64_t default_cache_bytes = 128 << 20;
#ifdef __SANITIZE_THREAD__ /* it allows mappings in the top 1.5 TiB of addresses alone, where others are, too */
enum { DISTANCE_BITS = 36 };
#else
enum { DISTANCE_BITS = 42 };
#endif

/* FREE -> FILLING (one at a time) -> FULL -> LEAVING -> FREE */
typedef enum RegionState { REGION_FREE, REGION_FILLING, REGION_FULL, REGION_LEAVING } RegionState;

struct TcgRegion {
    uint32_t start, end, used; /* offsets in the cache */
    uint32_t asked;            /* up to here huge pages were asked for */
    TcgBlock **blocks;         /* by ascending address; room for as many as fit */
    uint32_t count;            /* atomic */
    RegionState state;         /* atomic */
};

struct TcgCache {
    uint64_t size;
    uint8_t *rw;
    const uint8_t *rx;
    TcgRegion regions[REGIONS];
    unsigned current; /* atomic: changed under the lock of translation, as the states are */
    uint64_t evictions;
    Jit *jit;
    TcgCacheConfig config;
};

static uint64_t random_number(void)
{
    uint64_t r;
    if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r)) { /* the host has just started */
        r = (uint64_t)g_random_int() << 32 | g_random_int();
    }
    return r;
}

/* A free place up to 4 TiB below the executable mapping; both begin with a huge page. */
static void *find_place(const TcgCache *c)
{
    enum { TRIES = 64 };
    uint64_t size = (c->size + HUGE_PAGE - 1) & -(uint64_t)HUGE_PAGE;
    void *at = MAP_FAILED;
    for (unsigned n = 0; at == MAP_FAILED && n < TRIES; n++) {
        uint64_t distance = random_number() & ((UINT64_C(1) << DISTANCE_BITS) - 1) & -(uint64_t)HUGE_PAGE;
        at = mmap((uint8_t *)c->rx - size - distance, c->size, PROT_NONE,
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

static const uint8_t *map_executable(const TcgCache *c)
{
    uint8_t *place = huge_pages_reserve(c->size);
    if (place == MAP_FAILED) {
        return MAP_FAILED;
    }
    uint8_t *mapped = mmap(place, c->size, PROT_READ | PROT_EXEC,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    int e = errno;
    if (mapped == MAP_FAILED) {
        munmap(place, c->size);
    }
    errno = e;
    return mapped;
}

static bool map_twice(TcgCache *c, GError **err)
{
    c->rx = map_executable(c);
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

/* ---- life ------------------------------------------------------------------------ */

static size_t list_bytes(const TcgCache *c)
{
    return c->size / REGIONS / JIT_BLOCK_ALIGN * sizeof(TcgBlock *);
}

/* Lists of blocks never move: they are searched without a lock. */
static bool make_regions(TcgCache *c, GError **err)
{
    uint64_t region = c->size / REGIONS;
    for (unsigned n = 0; n < REGIONS; n++) {
        TcgRegion *r = &c->regions[n];
        r->start = r->used = jit_block_start(n * region + (n == 0 ? jit_backend->head_bytes : 0));
        r->asked = region % HUGE_PAGE ? UINT32_MAX : n * region;
        r->end = (n + 1) * region;
        r->blocks = mmap(NULL, list_bytes(c), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (r->blocks == MAP_FAILED) {
            r->blocks = NULL;
            g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                        "cannot make the lists of the code cache: %s; try a smaller one with "
                        "-accel tcg,tb-size=MIB",
                        g_strerror(errno));
            return false;
        }
    }
    c->regions[0].state = REGION_FILLING;
    return true;
}

TcgCache *tcg_cache_new(const TcgCacheConfig *config, GError **err)
{
    TcgCache *c = g_new0(TcgCache, 1);
    c->config = *config;
    c->rw = MAP_FAILED;
    c->rx = MAP_FAILED;
    uint64_t region = (config->bytes ? config->bytes : default_cache_bytes) / REGIONS;
    region = CLAMP(region, MIN_REGION, UINT64_C(1) << 26) & -UINT64_C(4096);
    c->size = region * REGIONS;
    if (map_twice(c, err) && make_regions(c, err)) {
        c->jit = jit_backend->create(config->jit, c->rw, c->rx, err);
    }
    if (!c->jit) {
        tcg_cache_free(c);
        return NULL;
    }
    config->index->jit = c->jit;
    config->index->to_rw = c->rw - c->rx;
    return c;
}

void tcg_cache_free(TcgCache *c)
{
    if (!c) {
        return;
    }
    for (unsigned n = 0; n < REGIONS && c->regions[n].blocks; n++) {
        for (unsigned k = 0; k < c->regions[n].count; k++) {
            tcg_block_free(c->regions[n].blocks[k]);
        }
        munmap(c->regions[n].blocks, list_bytes(c));
    }
    jit_backend->destroy(c->jit);
    if (c->rw != MAP_FAILED) {
        munmap(c->rw, c->size);
    }
    if (c->rx != MAP_FAILED) {
        munmap((void *)c->rx, c->size);
    }
    g_free(c);
}

Jit *tcg_cache_jit(TcgCache *c)
{
    return c->jit;
}

const void *tcg_cache_head(const TcgCache *c)
{
    return c->rx;
}

/* ---- regions --------------------------------------------------------------------------- */

static RegionState state_of(const TcgRegion *r)
{
    return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE);
}

static void set_state(TcgRegion *r, RegionState state)
{
    __atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
}

/* The blocks are nobody's any more. */
void tcg_batch_free(TcgBatch *b)
{
    TcgRegion *r = b->region;
    for (unsigned n = 0; n < b->count; n++) {
        tcg_block_free(b->blocks[n]);
    }
    if (r) {
        r->used = r->start;
        __atomic_store_n(&r->count, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&r->state, REGION_FREE, __ATOMIC_RELEASE);
    } else {
        g_free(b->blocks);
    }
    g_free(b);
}

static void begin_leaving(TcgCache *c, TcgRegion *r)
{
    for (unsigned n = 0; n < r->count; n++) {
        tcg_index_drop(c->config.index, r->blocks[n]);
    }
    set_state(r, REGION_LEAVING);
    c->evictions++;
    TcgBatch *b = g_new(TcgBatch, 1);
    *b = (TcgBatch){ .region = r,
                     .blocks = r->blocks,
                     .count = r->count,
                     .first = c->rx + r->start,
                     .after = c->rx + r->end };
    c->config.leaving(c->config.opaque, b);
}

/* The n-th of those that are begun next. */
static TcgRegion *region_after(TcgCache *c, unsigned n)
{
    return &c->regions[(c->current + 1 + n) % REGIONS];
}

/* Begin the next region, and have those after it emptied in the meantime. */
static bool advance(TcgCache *c)
{
    TcgRegion *next = region_after(c, 0);
    if (state_of(next) != REGION_FREE) {
        return false;
    }
    set_state(&c->regions[c->current], REGION_FULL);
    __atomic_store_n(&c->current, (c->current + 1) % REGIONS, __ATOMIC_RELAXED);
    set_state(next, REGION_FILLING);
    for (unsigned n = 0; n < AHEAD; n++) {
        TcgRegion *then = region_after(c, n);
        if (state_of(then) == REGION_FULL) {
            begin_leaving(c, then);
        }
    }
    return true;
}

bool tcg_cache_has_room(const TcgCache *c)
{
    unsigned current = __atomic_load_n(&c->current, __ATOMIC_RELAXED);
    return state_of(&c->regions[(current + 1) % REGIONS]) == REGION_FREE;
}

/* ---- code ------------------------------------------------------------------------------------ */

/* Room for the next block, as one huge page, where the host is able to (Linux 6.1, for memory that begins to be there).
 * What it does not give comes as before, a page at a time.  A guest of a few blocks does without. */
static void ask_for_memory(TcgCache *c, TcgRegion *r)
{
    enum { NEAR = 64 * 1024, FEW = 256 * 1024 };
    if (r->used + NEAR < r->asked || r->asked >= r->end || r->used < FEW) {
        return;
    }
    c->rw[MAX(r->used, r->asked)] = 0;
    madvise(c->rw + r->asked, HUGE_PAGE, MADV_COLLAPSE);
    r->asked += HUGE_PAGE;
}

static void make_exits(TcgBlock *b, unsigned count)
{
    b->exit_count = count;
    b->exits = count ? g_new0(TcgExit, count) : NULL;
    for (unsigned n = 0; n < count; n++) {
        b->exits[n].from = b;
    }
}

/* Its code_size bytes are written. */
static void enter_block(TcgRegion *r, TcgBlock *b, const uint8_t *rx)
{
    b->code = (uint8_t *)rx;
    r->used = MIN(r->end, jit_block_start(r->used + b->code_size));
    r->blocks[r->count] = b;
    __atomic_store_n(&r->count, r->count + 1, __ATOMIC_RELEASE);
}

static bool compile_here(TcgCache *c, TcgRegion *r, TcgBlock *b, const IrBlock *ir, JitOutput *out)
{
    ask_for_memory(c, r);
    uint8_t *rw = c->rw + r->used;
    const uint8_t *rx = c->rx + r->used;
    if (!jit_backend->compile(c->jit, ir, rw, rx, r->end - r->used, out)) {
        return false;
    }
    b->code_size = out->size;
    b->pc_table = out->pc_table;
    b->moves = out->moves;
    make_exits(b, out->exit_count);
    for (unsigned n = 0; n < out->exit_count; n++) {
        b->exits[n].jit = out->exits[n];
    }
    enter_block(r, b, rx);
    return true;
}

TcgCompiled tcg_cache_compile(TcgCache *c, TcgBlock *b, const IrBlock *ir)
{
    JitOutput out;
    if (compile_here(c, &c->regions[c->current], b, ir, &out)) {
        return TCG_COMPILED;
    }
    if (!out.full) {
        return TCG_TOO_LARGE;
    }
    if (c->regions[c->current].count == 0) { /* it has all the room there is */
        return TCG_TOO_LARGE;
    }
    if (!advance(c)) {
        return TCG_NO_ROOM;
    }
    return compile_here(c, &c->regions[c->current], b, ir, &out) ? TCG_COMPILED : TCG_TOO_LARGE;
}

bool tcg_cache_copy(TcgCache *c, TcgBlock *b, const TcgBlock *from)
{
    TcgRegion *r = &c->regions[c->current];
    uint64_t by = b->pc - from->pc;
    if (!from->moves || from->code_size > r->end - r->used) {
        return false;
    }
    ask_for_memory(c, r);
    uint8_t *rw = c->rw + r->used;
    const uint8_t *rx = c->rx + r->used;
    if (!jit_backend->copy(c->jit, rw, rx, from->code, from->code_size, from->moves, by)) {
        return false;
    }
    b->code_size = from->code_size;
    b->pc_table = from->pc_table;
    b->moves = from->moves;
    make_exits(b, from->exit_count);
    for (unsigned n = 0; n < b->exit_count; n++) {
        JitExit *e = &b->exits[n].jit;
        *e = from->exits[n].jit;
        e->pc += by;
        if (e->jump) {
            jit_backend->patch(rw, rx, e, NULL);
        }
    }
    enter_block(r, b, rx);
    return true;
}

bool tcg_cache_is_same(TcgCache *c, const TcgBlock *b, const IrBlock *ir)
{
    TcgRegion *r = &c->regions[c->current];
    const uint8_t *rx = c->rx + r->used;
    JitOutput out;
    if (!jit_backend->compile(c->jit, ir, c->rw + r->used, rx, r->end - r->used, &out)) {
        return true; /* there is no room to try */
    }
    g_autofree uint8_t *here = g_malloc(b->code_size);
    return out.moves == b->moves && out.size == b->code_size &&
           jit_backend->copy(c->jit, here, rx, b->code, b->code_size, b->moves, 0) &&
           memcmp(here, rx, b->code_size) == 0;
}

TcgBlock *tcg_cache_find(TcgCache *c, uintptr_t host)
{
    uint64_t offset = host - (uintptr_t)c->rx;
    if (offset >= c->size) {
        return NULL;
    }
    const TcgRegion *r = &c->regions[offset / (c->size / REGIONS)];
    if (offset < r->start) { /* a stub: nothing keeps the blocks of this region from being freed */
        return NULL;
    }
    unsigned low = 0, high = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE);
    while (low < high) { /* the last block that starts at or before host */
        unsigned mid = (low + high) / 2;
        const TcgBlock *b = r->blocks[mid];
        if ((uintptr_t)b->code <= host) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (!low) {
        return NULL;
    }
    TcgBlock *b = r->blocks[low - 1];
    return host - (uintptr_t)b->code < b->code_size ? b : NULL;
}

void tcg_cache_use(const TcgCache *c, TcgCacheUse *use)
{
    *use = (TcgCacheUse){ .size = c->size, .evictions = c->evictions };
    for (unsigned n = 0; n < REGIONS; n++) {
        use->used += c->regions[n].used - c->regions[n].start;
        use->blocks += c->regions[n].count;
    }
}

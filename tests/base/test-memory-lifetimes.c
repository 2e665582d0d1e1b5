/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What threads read without a lock is freed when nobody can hold it any more: the order and the
 * moment of memory_free_later(), and regions that come and go under threads that use them. */
#include "base/memory.h"

#include <string.h>

/* ---- memory_free_later ------------------------------------------------------ */

static GString *freed; /* what was freed, in order */
static void note_freed(void *opaque)
{
    g_string_append(freed, opaque);
}

typedef enum Step { HOLDS, PASSES, SLEEPS, ENDS } Step;

/* A reader that does what it is told. */
typedef struct Puppet {
    GThread *thread;
    Lock lock;
    GCond cond;
    Step step;
    bool done;
} Puppet;

static gpointer puppet_main(gpointer opaque)
{
    Puppet *p = opaque;
    memory_thread_register();
    lock_take(&p->lock);
    while (p->step != ENDS) {
        bool slept = p->step == SLEEPS;
        if (p->step == PASSES) {
            lock_release(&p->lock);
            memory_quiescent();
            lock_take(&p->lock);
        } else if (slept) {
            memory_thread_sleep();
        }
        p->done = true;
        g_cond_broadcast(&p->cond);
        while (p->done) {
            lock_wait(&p->cond, &p->lock);
        }
        if (slept) {
            memory_thread_wake();
        }
    }
    lock_release(&p->lock);
    return NULL;
}

static void puppet_wait(Puppet *p)
{
    while (!p->done) {
        lock_wait(&p->cond, &p->lock);
    }
}

static void puppet_do(Puppet *p, Step step)
{
    lock_take(&p->lock);
    puppet_wait(p);
    p->step = step;
    p->done = false;
    g_cond_broadcast(&p->cond);
    if (step != ENDS) {
        puppet_wait(p);
    }
    lock_release(&p->lock);
}

static void puppet_open(Puppet *p)
{
    *p = (Puppet){ .step = HOLDS };
    lock_init(&p->lock, LOCK_DEVICE);
    g_cond_init(&p->cond);
    p->thread = g_thread_new("reader", puppet_main, p);
    lock_take(&p->lock);
    puppet_wait(p);
    lock_release(&p->lock);
}

static void puppet_close(Puppet *p)
{
    puppet_do(p, ENDS);
    g_thread_join(p->thread);
    lock_finish(&p->lock);
    g_cond_clear(&p->cond);
}

static void assert_freed(const char *want)
{
    memory_quiescent();
    g_assert_cmpstr(freed->str, ==, want);
}

static void test_free_later(void)
{
    Puppet p;
    memory_quiescent();
    freed = g_string_new(NULL);
    memory_thread_register();
    memory_free_later(note_freed, "a");
    memory_free_later(note_freed, "b");
    g_assert_cmpstr(freed->str, ==, ""); /* this thread may hold it itself */
    assert_freed("ab");
    puppet_open(&p);
    memory_free_later(note_freed, "c");
    assert_freed("ab");
    puppet_do(&p, PASSES); /* the last that may hold it: freed there */
    g_assert_cmpstr(freed->str, ==, "abc");
    memory_free_later(note_freed, "d");
    assert_freed("abc");
    puppet_do(&p, SLEEPS);
    assert_freed("abcd");
    memory_free_later(note_freed, "e");
    assert_freed("abcde"); /* it sleeps still */
    puppet_do(&p, HOLDS);
    memory_free_later(note_freed, "f");
    assert_freed("abcde");
    puppet_close(&p);
    assert_freed("abcdef"); /* a thread that is gone holds nothing */
    g_string_free(freed, TRUE);
}

/* ---- readers that come and go ------------------------------------------------- */

enum { CLAIMERS = 4, LOOKS = 100000 };

/* What readers find, without a lock. */
typedef struct Claim {
    bool gone; /* atomic: it was due, and nobody may look at it */
    struct Claim *next;
} Claim;

static Claim *claim;         /* atomic: within reach */
static Claim *claims_gone;   /* of those who free, one at a time; freed in the end */
static bool claims_are_over; /* atomic */
static unsigned looks;       /* atomic */

static void claim_goes(void *opaque)
{
    Claim *c = opaque;
    __atomic_store_n(&c->gone, true, __ATOMIC_SEQ_CST);
    c->next = claims_gone;
    claims_gone = c;
}

static gpointer claimer(gpointer unused)
{
    memory_thread_register();
    while (!__atomic_load_n(&claims_are_over, __ATOMIC_SEQ_CST)) {
        const Claim *c = __atomic_load_n(&claim, __ATOMIC_SEQ_CST);
        for (unsigned look = 0; look < 200; look++) {
            g_assert_false(__atomic_load_n(&c->gone, __ATOMIC_SEQ_CST));
        }
        memory_quiescent();
        __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* One that still holds a thing is not overlooked while others pass. */
static void test_claims(void)
{
    GThread *threads[CLAIMERS];
    claim = g_new0(Claim, 1);
    for (unsigned i = 0; i < CLAIMERS; i++) {
        threads[i] = g_thread_new("claimer", claimer, NULL);
    }
    while (__atomic_load_n(&looks, __ATOMIC_SEQ_CST) < LOOKS) {
        memory_free_later(claim_goes, __atomic_exchange_n(&claim, g_new0(Claim, 1), __ATOMIC_SEQ_CST));
        memory_quiescent();
    }
    __atomic_store_n(&claims_are_over, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < CLAIMERS; i++) {
        g_thread_join(threads[i]);
    }
    memory_quiescent();
    g_free(claim);
    for (Claim *c = claims_gone, *next; c; c = next) {
        next = c->next;
        g_free(c);
    }
}

static unsigned wanted;
static void count_wanted(MemoryListener *l)
{
    wanted++;
}

static void test_readers_wanted(void)
{
    MemoryListener l = { .readers_wanted = count_wanted };
    memory_listener_add(&l);
    wanted = 0;
    memory_free_later(g_free, g_malloc(1));
    g_assert_cmpuint(wanted, ==, 1);
    memory_listener_remove(&l);
    memory_quiescent();
}

/* A listener that goes while another thread tells it. */
typedef struct Mayfly {
    MemoryListener l;
    bool alive; /* atomic */
} Mayfly;

static bool telling_is_over; /* atomic */

static void told_to_mayfly(MemoryListener *l)
{
    Mayfly *fly = l->opaque;
    g_assert_true(__atomic_load_n(&fly->alive, __ATOMIC_SEQ_CST));
    g_usleep(100);
    g_assert_true(__atomic_load_n(&fly->alive, __ATOMIC_SEQ_CST));
}

static gpointer tell_mayflies(gpointer unused)
{
    while (!__atomic_load_n(&telling_is_over, __ATOMIC_SEQ_CST)) {
        memory_free_later(g_free, g_malloc(1));
        memory_quiescent();
        g_thread_yield();
    }
    return NULL;
}

static void test_listener_goes(void)
{
    GThread *teller = g_thread_new("teller", tell_mayflies, NULL);
    for (int i = 0; i < 300; i++) {
        Mayfly fly = { .l = { .readers_wanted = told_to_mayfly, .opaque = &fly }, .alive = true };
        memory_listener_add(&fly.l);
        g_usleep(i);
        memory_listener_remove(&fly.l);
        __atomic_store_n(&fly.alive, false, __ATOMIC_SEQ_CST);
        g_usleep(100);
        memory_quiescent();
    }
    __atomic_store_n(&telling_is_over, true, __ATOMIC_SEQ_CST);
    g_thread_join(teller);
}

/* ---- regions that come and go -------------------------------------------------- */

enum { REGISTERS = 0x1000, RAM = 0x10000, RAM_SIZE = 0x4000, ROUNDS = 300, THREADS = 3 };

/* A device on the heap: each round has its own. */
typedef struct Plug {
    MemoryRegion io, ram;
    MemoryOwner owner;
    Lock lock;
    uint64_t value; /* under lock */
} Plug;

static BusResult plug_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Plug *p = opaque;
    *value = ++p->value;
    return BUS_OK;
}

static BusResult plug_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Plug *p = opaque;
    p->value = value;
    return BUS_OK;
}

static const IoOps plug_ops = { .read = plug_read, .write = plug_write, .min = 1, .max = 8 };

static Plug *plug_in(MemoryRegion *root)
{
    Plug *p = g_new0(Plug, 1);
    lock_init(&p->lock, LOCK_DEVICE);
    p->owner = (MemoryOwner){ .name = "plug", .lock = &p->lock };
    memory_region_init_io(&p->io, &p->owner, &plug_ops, p, "plug.io", 0x1000);
    g_assert_true(memory_region_init_ram(&p->ram, &p->owner, "plug.ram", RAM_SIZE, NULL));
    memory_transaction_begin();
    memory_region_add(root, REGISTERS, &p->io, 0);
    memory_region_add(root, RAM, &p->ram, 0);
    memory_transaction_commit();
    return p;
}

static void plug_free(void *opaque)
{
    Plug *p = opaque;
    lock_finish(&p->lock);
    memset(p, 0xa5, sizeof(*p)); /* whoever reads it still reads nonsense */
    g_free(p);
}

static void plug_out(MemoryRegion *root, Plug *p)
{
    memory_transaction_begin();
    memory_region_remove(root, &p->io);
    memory_region_remove(root, &p->ram);
    memory_transaction_commit();
    memory_region_finish(&p->io);
    memory_region_finish(&p->ram);
    memory_free_later(plug_free, p);
}

typedef struct Rig {
    MemoryRegion root;
    AddressSpace *as;
    bool stop;     /* atomic */
    unsigned hits; /* atomic */
} Rig;

/* Each thread has a page of RAM of its own: what a guest's CPUs make of shared memory is theirs. */
typedef struct Hammer {
    Rig *rig;
    hwaddr page;
    GThread *thread;
} Hammer;

/* Mapped memory stays across any number of quiescent points, wherever its device is by then. */
static bool hammer_mapped(const Hammer *h, unsigned n)
{
    uint64_t len = 64;
    uint8_t *host = dma_map(h->rig->as, h->page + 64 * (n % 64), &len, true);
    if (!host) {
        return false;
    }
    memory_quiescent();
    if (n % 64 == 0) {
        g_usleep(100);
    }
    memset(host, (int)n, len);
    dma_unmap(host, len);
    return true;
}

static void hammer_once(const Hammer *h, unsigned n)
{
    Rig *r = h->rig;
    uint64_t v;
    unsigned hits = memory_write(r->as, REGISTERS + 8 * (n % 16), 8, n) == BUS_OK;
    hits += memory_read(r->as, REGISTERS + 4 * (n % 16), 4, &v) == BUS_OK;
    hits += memory_write(r->as, h->page + n % RAM_PAGE, 1, n) == BUS_OK;
    hits += memory_read(r->as, h->page + 8 * (n % 256), 8, &v) == BUS_OK;
    hits += hammer_mapped(h, n);
    hits += dma_write(r->as, h->page + 8 * (n % 256), &v, sizeof(v)) == BUS_OK;
    __atomic_fetch_add(&r->hits, hits, __ATOMIC_RELAXED);
}

static gpointer hammer(gpointer opaque)
{
    const Hammer *h = opaque;
    for (unsigned n = 0; !__atomic_load_n(&h->rig->stop, __ATOMIC_ACQUIRE); n++) {
        hammer_once(h, n);
        if (n % 4 == 0) {
            memory_quiescent();
        }
        if (n % 1024 == 0) {
            memory_thread_sleep();
            g_usleep(50);
            memory_thread_wake();
        }
    }
    return NULL;
}

static void test_mapped(void)
{
    MemoryRegion root;
    uint64_t len = 8, v;
    memory_region_init_container(&root, NULL, "root", UINT64_MAX);
    AddressSpace *as = address_space_new(&root, "mapped");
    Plug *p = plug_in(&root);
    RamBlock *rb = p->ram.ram;
    uint8_t *host = dma_map(as, RAM + 0x1008, &len, true);
    g_assert_true(host == rb->host + 0x1008);
    memory_region_set_address(&p->ram, 2 * RAM); /* the guest moves it meanwhile */
    memcpy(host, "\1\2\3\4\5\6\7", 8);
    g_assert_cmpint(memory_read(as, 2 * RAM + 0x1008, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, UINT64_C(0x0007060504030201));
    plug_out(&root, p);
    memory_quiescent();
    g_assert_true(ram_block_of_page(rb->first_page) == rb); /* it is still there */
    host[0] = 9;
    uint64_t page = rb->first_page;
    dma_unmap(host, 1);
    g_assert_null(ram_block_of_page(page));
    address_space_free(as);
    memory_region_finish(&root);
    memory_quiescent();
}

static void test_hammer(void)
{
    Rig r = { 0 };
    Hammer hammers[THREADS];
    memory_region_init_container(&r.root, NULL, "root", UINT64_MAX);
    r.as = address_space_new(&r.root, "rig");
    for (unsigned i = 0; i < THREADS; i++) {
        hammers[i] = (Hammer){ .rig = &r, .page = RAM + i * RAM_PAGE };
        hammers[i].thread = g_thread_new("hammer", hammer, &hammers[i]);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        Plug *p = plug_in(&r.root);
        unsigned before = __atomic_load_n(&r.hits, __ATOMIC_RELAXED);
        while (__atomic_load_n(&r.hits, __ATOMIC_RELAXED) == before) { /* they found it */
            g_thread_yield();
        }
        plug_out(&r.root, p);
        memory_quiescent();
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(hammers[i].thread);
    }
    address_space_free(r.as);
    memory_region_finish(&r.root);
    memory_quiescent();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/free-later", test_free_later);
    g_test_add_func("/memory/claims", test_claims);
    g_test_add_func("/memory/readers-wanted", test_readers_wanted);
    g_test_add_func("/memory/listener-goes", test_listener_goes);
    g_test_add_func("/memory/mapped", test_mapped);
    g_test_add_func("/memory/hammer", test_hammer);
    return g_test_run();
}

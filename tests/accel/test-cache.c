/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code cache by itself: which block a host address is in. */
#include "accel/tcg/cache.h"
#include "rvcode.h"
#include "target/riscv/cpu.h"

/* The first block of the cache. */
static TcgBlock *first_block(TcgCache *c, uintptr_t head)
{
    for (uintptr_t at = head; at < head + (1 << 20); at++) {
        TcgBlock *b = tcg_cache_find(c, at);
        if (b) {
            return b;
        }
    }
    return NULL;
}

/* A helper that the stubs at its head call asks for the guest's pc: that code is no block's, and blocks of the first region,
 * which other vCPUs may be freeing, are not looked at. */
static void test_head(void)
{
    Bare *b = bare_new(&riscv64_arch, "rv64", "tcg", NULL);
    Code c = { bare_ram(b), 0 };
    finish(&c);
    bare_run(b);
    TcgCache *cache = bare_state(b)->cache;
    uintptr_t head = (uintptr_t)tcg_cache_head(cache);
    TcgBlock *first = first_block(cache, head);
    g_assert_nonnull(first);
    g_assert_cmpuint((uintptr_t)first->code, >, head);
    const TcgBlock kept = *first;
    first->code = (uint8_t *)head; /* as the memory of a block that is gone may read */
    first->code_size = 1 << 20;
    g_assert_null(tcg_cache_find(cache, head));
    g_assert_null(tcg_cache_find(cache, head + 16));
    *first = kept;
    bare_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/head", test_head);
    return g_test_run();
}

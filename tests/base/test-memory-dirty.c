/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty pages of RAM: an accelerator that takes its time to take rights away. */
#include "base/memory.h"

enum { PAGES = 200, FIRST = 60, LAST = 69 };

typedef struct Setup {
    MemoryRegion root, ram;
    AddressSpace *as;
    MemoryListener listener;
    unsigned asked; /* revocations that have not been answered */
} Setup;

static void dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    ((Setup *)l->opaque)->asked++;
}

static void answer(Setup *s)
{
    g_assert_cmpuint(s->asked, ==, 1);
    s->asked = 0;
    ram_dirty_noticed(s->ram.ram);
}

static uint64_t take(Setup *s)
{
    unsigned long bits[1 + (LAST - FIRST) / RAM_WORD_BITS];
    return ram_dirty_take(s->ram.ram, RAM_DIRTY_DISPLAY, FIRST * RAM_PAGE, (LAST - FIRST + 1) * RAM_PAGE,
                          bits);
}

/* Followed, and clean. */
static void setup(Setup *s)
{
    *s = (Setup){ .listener = { .dirty_taken = dirty_taken, .opaque = s } };
    memory_region_init_container(&s->root, NULL, "root", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&s->ram, NULL, "ram", PAGES * RAM_PAGE, NULL));
    memory_region_add(&s->root, 0, &s->ram, 0);
    s->as = address_space_new(&s->root, "memory");
    memory_listener_add(&s->listener);
    ram_dirty_start(s->ram.ram, RAM_DIRTY_DISPLAY);
    answer(s);
    g_assert_cmpuint(take(s), ==, LAST - FIRST + 1);
    g_assert_cmpuint(take(s), ==, 0);
}

static void teardown(Setup *s)
{
    ram_dirty_stop(s->ram.ram, RAM_DIRTY_DISPLAY);
    memory_listener_remove(&s->listener);
    memory_region_remove(&s->root, &s->ram);
    memory_region_finish(&s->ram);
    address_space_free(s->as);
    memory_region_finish(&s->root);
}

/* A page that is written without a word is dirty at each take until the right has gone, and once more. */
static void test_until_gone(void)
{
    Setup s;
    setup(&s);
    ram_page_set_unnoticed(s.ram.ram, FIRST);
    g_assert_cmpuint(take(&s), ==, 1);
    g_assert_cmpuint(take(&s), ==, 1);
    answer(&s);
    g_assert_cmpuint(take(&s), ==, 1);
    g_assert_cmpuint(take(&s), ==, 0);
    g_assert_cmpuint(s.asked, ==, 0);
    teardown(&s);
}

/* One vCPU has lost its right and gets it anew, while another one is still to lose its own. */
static void test_again_meanwhile(void)
{
    Setup s;
    setup(&s);
    ram_page_set_unnoticed(s.ram.ram, FIRST);
    g_assert_cmpuint(take(&s), ==, 1);
    ram_page_set_unnoticed(s.ram.ram, FIRST);
    ram_page_set_unnoticed(s.ram.ram, LAST);
    answer(&s);
    g_assert_true(ram_page_is_unnoticed(s.ram.ram, FIRST));
    for (unsigned n = 0; n < 3; n++) { /* asks again, as the rights are new ones */
        g_assert_cmpuint(take(&s), ==, 2);
    }
    answer(&s);
    g_assert_cmpuint(take(&s), ==, 2);
    g_assert_cmpuint(take(&s), ==, 0);
    teardown(&s);
}

/* Pages outside what was taken keep their rights, and are dirty still. */
static void test_others_stay(void)
{
    Setup s;
    unsigned long bits[(PAGES + RAM_WORD_BITS - 1) / RAM_WORD_BITS];
    setup(&s);
    ram_page_set_unnoticed(s.ram.ram, FIRST);
    ram_page_set_unnoticed(s.ram.ram, LAST + 1);
    g_assert_cmpuint(take(&s), ==, 1);
    g_assert_true(ram_page_is_unnoticed(s.ram.ram, LAST + 1));
    answer(&s);
    ram_dirty_take(s.ram.ram, RAM_DIRTY_DISPLAY, 0, PAGES * RAM_PAGE, bits);
    g_assert_true(bits[(LAST + 1) / RAM_WORD_BITS] >> (LAST + 1) % RAM_WORD_BITS & 1);
    answer(&s);
    teardown(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dirty/until-gone", test_until_gone);
    g_test_add_func("/dirty/again-meanwhile", test_again_meanwhile);
    g_test_add_func("/dirty/others-stay", test_others_stay);
    return g_test_run();
}

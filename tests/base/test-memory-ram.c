/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's memory behind RAM: what was touched of it, and what is given back. */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/huge_pages.h"

enum { BYTES = 4 * HUGE_PAGE };

/* RAM of a process alone, or a memfd that others can map. */
static void make(MemoryRegion *ram, bool shared)
{
    RamFile file = { shared ? memfd_create("ram", MFD_CLOEXEC) : -1, true };
    g_assert_true(!shared || ftruncate(file.fd, BYTES) == 0);
    g_assert_true(memory_region_init_ram_file(ram, NULL, "ram", BYTES, shared ? &file : NULL, NULL));
    if (shared) {
        close(file.fd);
    }
}

static bool in_data(const RamBlock *rb, uint64_t offset)
{
    uint64_t at = 0, end;
    for (; ram_block_next_data(rb, &at, BYTES, &end); at = end) {
        g_assert_cmpuint(at, <, end);
        g_assert_cmpuint(end, <=, BYTES);
        if (at <= offset && offset < end) {
            return true;
        }
    }
    return false;
}

/* How many bytes may not be zero. */
static uint64_t data_bytes(const RamBlock *rb)
{
    uint64_t at = 0, end, sum = 0;
    for (; ram_block_next_data(rb, &at, BYTES, &end); at = end) {
        sum += end - at;
    }
    return sum;
}

static void test_touched(const void *shared)
{
    MemoryRegion ram;
    make(&ram, shared != NULL);
    uint8_t *host = ram.ram->host;
    g_assert_cmpuint(data_bytes(ram.ram), ==, 0);
    static const uint64_t touched[] = { 0, HUGE_PAGE + 5, BYTES - 1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(touched); i++) {
        host[touched[i]] = 1;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(touched); i++) {
        g_assert_true(in_data(ram.ram, touched[i]));
    }
    g_assert_false(in_data(ram.ram, 2 * HUGE_PAGE)); /* nobody was in this one */
    uint64_t at = BYTES, end;
    g_assert_false(ram_block_next_data(ram.ram, &at, BYTES, &end));
    at = HUGE_PAGE / 2; /* what is asked for ends before, or within, what was touched */
    g_assert_false(ram_block_next_data(ram.ram, &at, at, &end));
    at = HUGE_PAGE;
    g_assert_true(ram_block_next_data(ram.ram, &at, HUGE_PAGE + RAM_PAGE, &end));
    g_assert_cmpuint(at, ==, HUGE_PAGE);
    g_assert_cmpuint(end, ==, HUGE_PAGE + RAM_PAGE);
    memory_region_finish(&ram);
}

static void test_discard(const void *shared)
{
    MemoryRegion ram;
    make(&ram, shared != NULL);
    uint8_t *host = ram.ram->host;
    memset(host, 1, BYTES);
    ram_discard(host + 1, 2 * RAM_PAGE); /* a whole page is in it, from RAM_PAGE on */
    g_assert_cmpuint(host[RAM_PAGE - 1], ==, 1);
    g_assert_cmpuint(host[RAM_PAGE], ==, 0);
    g_assert_cmpuint(host[2 * RAM_PAGE - 1], ==, 0);
    g_assert_cmpuint(host[2 * RAM_PAGE], ==, 1);
    ram_discard(host, RAM_PAGE - 1);
    g_assert_cmpuint(host[0], ==, 1);
    ram_discard(host, BYTES);
    g_assert_cmpuint(data_bytes(ram.ram), ==, 0);
    memory_region_finish(&ram);
}

static void test_huge(void)
{
    MemoryRegion ram;
    make(&ram, false);
    g_assert_cmpuint((uintptr_t)ram.ram->host % HUGE_PAGE, ==, 0);
    g_assert_cmpint(ram.ram->fd, ==, -1);
    memory_region_finish(&ram);
    errno = 0;
    g_assert_true(huge_pages_reserve(UINT64_MAX) == MAP_FAILED && errno);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/ram/touched/private", NULL, test_touched);
    g_test_add_data_func("/ram/touched/memfd", "", test_touched);
    g_test_add_data_func("/ram/discard/private", NULL, test_discard);
    g_test_add_data_func("/ram/discard/memfd", "", test_discard);
    g_test_add_func("/ram/huge", test_huge);
    return g_test_run();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loops that wait for another hart give way, others do not: where there are more vCPUs than processors of the host, the
 * one that is waited for may be one that does not run. */
#include <glib.h>
#include <string.h>

#include "flat.h"

#define BASE UINT64_C(0x80000000)
enum {
    LW = 0x00052683,    /* lw a3, 0(a0) */
    SW = 0x00d52223,    /* sw a3, 4(a0) */
    ADDI = 0x00168693,  /* addi a3, a3, 1 */
    ORDER = 0x0230000f, /* fence r, rw */
    PAUSE = 0x0100000f,
    BACK = 0xff5ff06f, /* j . - 12 */
    UNTIL = 0xfe068ae3 /* beqz a3, . - 12 */
};

/* How often a loop of four instructions gives way in about 75 turns or more. */
static unsigned pauses(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    Flat *m = flat_new(&riscv64_arch, "max", BASE, 65536);
    uint32_t code[] = { a, b, c, d };
    memcpy(flat_ram(m), code, sizeof(code));
    flat_cpu(m)->s.pc = BASE;
    flat_cpu(m)->s.x[10] = BASE + 4096;
    flat_run(m, BASE + 4 * sizeof(code), 400);
    unsigned n = flat_pauses(m);
    flat_free(m);
    return n;
}

static void test_waits(void)
{
    g_assert_cmpuint(pauses(LW, ADDI, ORDER, BACK), >=, 75);
    g_assert_cmpuint(pauses(LW, LW, ORDER, UNTIL), >=, 75);
    g_assert_cmpuint(pauses(LW, ADDI, PAUSE, BACK), >=, 75);
}

static void test_works(void)
{
    g_assert_cmpuint(pauses(LW, ADDI, ADDI, BACK), ==, 0);
    g_assert_cmpuint(pauses(LW, SW, ORDER, BACK), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/spin/waits", test_waits);
    g_test_add_func("/riscv/spin/works", test_works);
    return g_test_run();
}

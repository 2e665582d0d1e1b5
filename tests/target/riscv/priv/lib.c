/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib.h"

unsigned failures;
static volatile uint8_t *const uart = (uint8_t *)0x10000000;

void print(const char *s)
{
    for (; *s; s++) {
        *uart = *s;
    }
}

static void print_hex(uint64_t v)
{
    print("0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
        *uart = "0123456789abcdef"[v >> shift & 15];
    }
}

void check_(const char *name, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        failures++;
        print("FAILED ");
        print(name);
        print(": got ");
        print_hex(got);
        print(", expected ");
        print_hex(expected);
        print("\n");
    }
}

void trap_clear(void)
{
    trap.count = 0;
    trap.cause = CAUSE_NONE;
}

uint64_t what(void)
{
    return trap.count ? trap.cause : CAUSE_NONE;
}

int main(void)
{
    csr_write(pmpaddr0, -1ull); /* all of memory, for all modes */
    csr_write(pmpcfg0, 0x1f);
    test_csrs();
    test_modes();
    test_paging();
    test_interrupts();
    test_pmp();
    print(failures ? "privileged tests: failures\n" : "privileged tests: passed\n");
    return failures;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes memory without a pause while it is moved: in each round every page gets the round's number twice, and must have that
 * of the round before.  A byte on the serial line: it says how it is.
 * expect: begun
 * expect: no page is wrong */
#include "lib.h"

enum { PAGES = 4096, WORDS = 1024 };
static uint32_t memory[PAGES][WORDS] __attribute__((aligned(4096)));

static unsigned wrong_pages(uint32_t round)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        uint32_t at = i * 37 % (WORDS / 2);
        wrong += memory[i][at] != round || memory[i][at + WORDS / 2] != round;
        memory[i][at] = memory[i][at + WORDS / 2] = round + 1;
    }
    return wrong;
}

void main(void)
{
    unsigned wrong = 0;
    print("begun\n");
    for (uint32_t round = 0;; round++) {
        wrong += wrong_pages(round);
        if (inb(0x3fd) & 1) {
            inb(0x3f8);
            if (wrong) {
                print("%u pages were wrong\n", wrong);
            } else {
                print("no page is wrong\n");
            }
        }
    }
}

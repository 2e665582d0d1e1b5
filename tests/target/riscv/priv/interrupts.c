/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts: CLINT timer and software, priorities, delegation, wfi, stimecmp. */
#include "lib.h"

static volatile uint32_t *const msip = (uint32_t *)0x2000000;
static volatile uint64_t *const mtimecmp = (uint64_t *)0x2004000;
static volatile uint64_t *const mtime = (uint64_t *)0x200bff8;
#define INTERRUPT (1ull << 63)
#define MINUTE 600000000 /* ticks: longer than a busy host, or one that logs, takes for a few instructions */

static void wait_for_trap(void)
{
    for (uint64_t end = *mtime + MINUTE; !trap.count && *mtime < end;) {
    }
}

static void check_software(void)
{
    trap_clear();
    *msip = 1;
    check("msip shows in mip", csr_read(mip) >> 3 & 1, 1);
    csr_write(mie, 1 << 3);
    check("masked by mstatus.MIE in M", what(), CAUSE_NONE);
    csr_set(mstatus, 1 << 3);
    wait_for_trap();
    csr_clear(mstatus, 1 << 3);
    check("software interrupt", what(), INTERRUPT | 3);
    *msip = 0;
    check("msip cleared", csr_read(mip) >> 3 & 1, 0);
}

static void check_timer(void)
{
    trap_clear();
    *mtimecmp = *mtime + MINUTE;
    check("not yet", csr_read(mip) >> 7 & 1, 0);
    *mtimecmp = *mtime + 20000; /* 2 ms */
    csr_write(mie, 1 << 7);
    __asm__ volatile("wfi"); /* wakes though MIE is off */
    check("wfi ends with the timer pending", csr_read(mip) >> 7 & 1, 1);
    check("and takes nothing with MIE off", what(), CAUSE_NONE);
    csr_set(mstatus, 1 << 3);
    wait_for_trap();
    csr_clear(mstatus, 1 << 3);
    check("timer interrupt", what(), INTERRUPT | 7);
    *mtimecmp = -1ull;
    check("mtimecmp in the future clears it", csr_read(mip) >> 7 & 1, 0);
}

/* stimecmp is moved away just when it is due: STIP follows what it is, not what it was. */
static void check_stimecmp(void)
{
    unsigned late = 0;
    csr_set(menvcfg, 1ull << 63);
    csr_set(mcounteren, 2);
    csr_write(0x14d, csr_read(time) + MINUTE);
    check("stimecmp: not yet", csr_read(mip) >> 5 & 1, 0);
    csr_write(0x14d, csr_read(time) + 1000);
    while (!(csr_read(mip) >> 5 & 1)) {
    }
    csr_write(0x14d, 0);
    check("stimecmp in the past", csr_read(mip) >> 5 & 1, 1);
    for (unsigned n = 0; n < 300; n++) {
        uint64_t due = csr_read(time) + 10;
        csr_write(0x14d, due);
        while (csr_read(time) < due + 3 * n) { /* the host's timer comes somewhat later */
        }
        csr_write(0x14d, -1ull);
        for (unsigned i = 0; i < 50; i++) {
            late += csr_read(mip) >> 5 & 1;
        }
    }
    check("stimecmp in the future clears STIP for good", late, 0);
    csr_clear(menvcfg, 1ull << 63);
    check("STIP is clear without STCE", csr_read(mip) >> 5 & 1, 0);
}

static void check_priority(void)
{
    trap_clear();
    csr_write(mip, 1 << 1 | 1 << 9);
    *msip = 1;
    csr_write(mie, 1 << 1 | 1 << 9 | 1 << 3);
    csr_set(mstatus, 1 << 3);
    wait_for_trap();
    csr_clear(mstatus, 1 << 3);
    check("machine software before supervisor external", what(), INTERRUPT | 3);
    *msip = 0;
    trap_clear();
    csr_write(mie, 1 << 1 | 1 << 9);
    csr_set(mstatus, 1 << 3);
    wait_for_trap();
    csr_clear(mstatus, 1 << 3);
    check("supervisor external before software", what(), INTERRUPT | 9);
    csr_write(mip, 0);
}

static uint64_t seen;

static void __attribute__((interrupt("supervisor"), aligned(4))) s_interrupt(void)
{
    seen = csr_read(scause);
    csr_write(sie, 0);
}

static void spin(void)
{
    for (volatile int i = 0; i < 1000 && !seen; i++) {
    }
}

static void check_delegated(void)
{
    csr_write(stvec, s_interrupt);
    csr_write(mideleg, 0x222);
    csr_write(mip, 1 << 1);
    csr_write(mie, 1 << 1);
    trap_clear();
    seen = 0;
    csr_clear(mstatus, 2);
    run_in(MODE_S, spin, 0, 0);
    check("delegated, masked by SIE in S", seen, 0);
    run_in(MODE_U, spin, 0, 0);
    check("delegated, never masked in U", seen, INTERRUPT | 1);
    check("not seen by M", what(), CAUSE_NONE);
    csr_write(mip, 0);
    csr_write(mideleg, 0);
    csr_write(mie, 0);
}

void test_interrupts(void)
{
    csr_write(mie, 0);
    check_software();
    check_timer();
    check_stimecmp();
    check_priority();
    check_delegated();
}

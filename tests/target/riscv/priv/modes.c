/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privilege modes: what each may do, delegation, trap returns. */
#include "lib.h"

static uint64_t s_trap_seen, s_trap_cause;

static void __attribute__((interrupt("supervisor"), aligned(4))) s_trap(void)
{
    s_trap_seen++;
    s_trap_cause = csr_read(scause);
    csr_write(sepc, csr_read(sepc) + 4);
}

static void check_denied(void)
{
    trap_clear();
    run_in(MODE_U, do_satp, 0, 0);
    check("satp from U", what(), 2);
    trap_clear();
    run_in(MODE_S, do_satp, 0, 0);
    check("satp from S", what(), CAUSE_NONE);
    csr_set(mstatus, 1 << 20);
    run_in(MODE_S, do_satp, 0, 0);
    check("satp from S with TVM", what(), 2);
    trap_clear();
    run_in(MODE_S, do_sfence, 0, 0);
    check("sfence.vma from S with TVM", what(), 2);
    csr_clear(mstatus, 1 << 20);
    trap_clear();
    run_in(MODE_U, do_sfence, 0, 0);
    check("sfence.vma from U", what(), 2);
    trap_clear();
    run_in(MODE_U, do_sret, 0, 0);
    check("sret from U", what(), 2);
    csr_set(mstatus, 1 << 22);
    trap_clear();
    run_in(MODE_S, do_sret, 0, 0);
    check("sret from S with TSR", what(), 2);
    csr_clear(mstatus, 1 << 22);
    csr_set(mstatus, 1 << 21);
    trap_clear();
    run_in(MODE_S, do_wfi, 0, 0);
    check("wfi from S with TW", what(), 2);
    csr_clear(mstatus, 1 << 21);
}

static void check_counter_enable(void)
{
    csr_write(mcounteren, 0);
    csr_write(scounteren, -1ull);
    trap_clear();
    run_in(MODE_S, do_time, 0, 0);
    check("time from S, mcounteren off", what(), 2);
    csr_write(mcounteren, -1ull);
    csr_write(scounteren, 0);
    trap_clear();
    run_in(MODE_S, do_time, 0, 0);
    check("time from S", what(), CAUSE_NONE);
    run_in(MODE_U, do_time, 0, 0);
    check("time from U, scounteren off", what(), 2);
    csr_write(scounteren, -1ull);
    trap_clear();
    run_in(MODE_U, do_time, 0, 0);
    check("time from U", what(), CAUSE_NONE);
}

static void check_delegation(void)
{
    csr_write(stvec, s_trap);
    csr_write(medeleg, 1 << 2);
    trap_clear();
    s_trap_seen = 0;
    csr_set(mstatus, 1 << 20); /* TVM makes satp illegal in S */
    run_in(MODE_S, do_satp, 0, 0);
    csr_clear(mstatus, 1 << 20);
    check("a delegated exception stays out of M", what(), CAUSE_NONE);
    check("a delegated exception reaches S", s_trap_seen, 1);
    check("scause", s_trap_cause, 2);
    s_trap_seen = 0;
    __asm__ volatile(".option push; .option norvc; csrr t0, 0x5c0; .option pop" ::: "t0");
    check("traps from M stay in M", s_trap_seen, 0);
    check("traps from M: cause", what(), 2);
    csr_write(medeleg, 0);
}

static void check_breakpoint(void)
{
    trap_clear();
    __asm__ volatile(".option push; .option norvc; ebreak; .option pop");
    check("ebreak", what(), 3);
    trap_clear();
    __asm__ volatile("ecall");
    check("ecall from M", what(), 11);
    trap_clear();
    do_load(0x7000000);
    check("load where nothing is", what(), 5);
    check("its address", trap.tval, 0x7000000);
    trap_clear();
    do_store(0x7000000);
    check("store where nothing is", what(), 7);
    trap_clear();
    do_fetch(0x7000000);
    check("fetch where nothing is", what(), 1);
    check("its address", trap.tval, 0x7000000);
}

static uint64_t word[2] __attribute__((aligned(16))) = { 0x1122334455667788, 0x99aabbccddeeff00 };

static void check_misaligned(void)
{
    trap_clear();
    check("misaligned load works", do_load_misaligned((uint64_t)word), 0x44556677);
    check("misaligned load", what(), CAUSE_NONE);
    do_amo((uint64_t)word + 4);
    check("misaligned AMO", what() == 6 || what() == 7, 1);
    trap_clear();
    do_lr((uint64_t)word + 4);
    check("misaligned LR", what() == 4 || what() == 5, 1);
}

void test_modes(void)
{
    check_denied();
    check_counter_enable();
    check_delegation();
    check_breakpoint();
    check_misaligned();
}

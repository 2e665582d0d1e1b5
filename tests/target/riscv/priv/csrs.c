/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of control registers: which bits hold what is written (WARL).
 * Spec: privileged specification, machine.adoc and supervisor.adoc. */
#include "lib.h"

static void check_xtvec(void)
{
    csr_write(stvec, 0x80000101);
    check("stvec vectored", csr_read(stvec), 0x80000101);
    csr_write(stvec, 0);
    csr_write(mscratch, 0x123456789abcdef0);
    check("mscratch", csr_read(mscratch), 0x123456789abcdef0);
    csr_write(sepc, -1ull);
    check("sepc bit 0", csr_read(sepc), -2ull);
}

static void check_mstatus(void)
{
    uint64_t old = csr_read(mstatus);
    csr_write(mstatus, (old & ~(3ull << 11)) | 2ull << 11);
    check("mstatus.MPP never 2", (csr_read(mstatus) >> 11 & 3) == 2, 0);
    csr_write(mstatus, (old & ~(3ull << 11)) | 1ull << 11);
    check("mstatus.MPP = S", csr_read(mstatus) >> 11 & 3, 1);
    csr_write(mstatus, old & ~(3ull << 13));
    check("mstatus.SD clear with FS off", csr_read(mstatus) >> 63, 0);
    csr_write(mstatus, old | 3ull << 13);
    check("mstatus.SD with FS dirty", csr_read(mstatus) >> 63, 1);
    check("sstatus.SD with FS dirty", csr_read(sstatus) >> 63, 1);
    check("mstatus.UXL and SXL", csr_read(mstatus) >> 32 & 15, 10);
    check("sstatus shows UXL only", csr_read(sstatus) >> 32 & 15, 2);
    csr_write(sstatus, 0);
    check("sstatus leaves MPP", csr_read(mstatus) >> 11 & 3, old >> 11 & 3);
    csr_write(mstatus, old);
}

static void check_fp(void)
{
    csr_clear(mstatus, 3ull << 13);
    trap_clear();
    csr_read(fcsr);
    check("fcsr with FS off", what(), 2);
    trap_clear();
    __asm__ volatile(".option push; .option norvc; fmv.d.x f0, zero; .option pop");
    check("fmv with FS off", what(), 2);
    csr_set(mstatus, 1ull << 13);
    trap_clear();
    csr_write(fcsr, 0xff);
    check("fcsr", csr_read(fcsr), 0xff);
    check("frm", csr_read(frm), 7);
    check("fflags", csr_read(fflags), 31);
    check("writing fcsr dirties FS", csr_read(mstatus) >> 13 & 3, 3);
    csr_write(fcsr, 7 << 5);
    __asm__ volatile(".option push; .option norvc; fadd.d f0, f0, f0; .option pop");
    check("reserved dynamic rounding mode", what(), 2);
    csr_write(fcsr, 0);
}

static void check_interrupt_csrs(void)
{
    csr_write(mideleg, -1ull);
    check("mideleg holds supervisor interrupts", csr_read(mideleg) & 0xfff, 0x222);
    csr_write(mie, -1ull);
    check("mie", csr_read(mie) & 0xfff, 0xaaa);
    check("sie is mie through mideleg", csr_read(sie) & 0xfff, 0x222);
    csr_write(mie, 0);
    csr_write(mip, -1ull);
    check("mip: software may set SSIP, STIP, SEIP", csr_read(mip) & 0x222, 0x222);
    csr_write(sip, 0);
    check("sip: software may clear SSIP alone", csr_read(mip) & 0x222, 0x220);
    csr_write(mip, 0);
    check("mip cleared", csr_read(mip) & 0x222, 0);
    csr_write(mideleg, 0);
    csr_write(medeleg, -1ull);
    check("medeleg: ecall from M is never delegated", csr_read(medeleg) >> 11 & 1, 0);
    check("medeleg: page faults", csr_read(medeleg) & 0xb000, 0xb000);
    csr_write(medeleg, 0);
}

static void check_counters(void)
{
    csr_write(mcountinhibit, 5);
    csr_write(mcycle, 1000);
    check("mcycle stands while inhibited", csr_read(mcycle), 1000);
    csr_write(mcountinhibit, 0);
    uint64_t a = csr_read(mcycle), t = csr_read(time);
    for (volatile int i = 0; i < 100000; i++) {
    }
    check("mcycle runs", csr_read(mcycle) > a, 1);
    check("time runs", csr_read(time) >= t, 1);
    check("mcountinhibit bit 1 is zero", (csr_write(mcountinhibit, 2), csr_read(mcountinhibit)), 0);
    trap_clear();
    csr_write(mhpmcounter3, 0);
    csr_read(mhpmevent3);
    check("event counters exist", what(), CAUSE_NONE);
    __asm__ volatile(".option push; .option norvc; csrw cycle, zero; .option pop");
    check("writing a read-only CSR", what(), 2);
    trap_clear();
    __asm__ volatile(".option push; .option norvc; csrr t0, 0x5c0; .option pop" ::: "t0");
    check("a CSR that does not exist", what(), 2);
    check("mtval of an illegal instruction", trap.tval & 0xffffffff, 0x5c0022f3);
}

static void check_satp(void)
{
    csr_write(satp, 8ull << 60 | 0xffffull << 44 | 5);
    uint64_t held = csr_read(satp);
    check("satp Sv39", held >> 60, 8);
    check("satp PPN", held & 0xfff, 5);
    csr_write(satp, 15ull << 60);
    check("satp: an unsupported mode changes nothing", csr_read(satp), held);
    csr_write(satp, 0);
}

void test_csrs(void)
{
    check_xtvec();
    check_mstatus();
    check_fp();
    check_interrupt_csrs();
    check_counters();
    check_satp();
    check("misa MXL", csr_read(misa) >> 62, 2);
    check("misa IMAFDCSU", csr_read(misa) & 0x14112d, 0x14112d);
}

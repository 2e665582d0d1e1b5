/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the table of control and status registers (csr.c), and the functions that they name.
 *
 * A register is a field of the hart whose writes are bounded by `mask` or `legal`, or a pair of functions, or a view of
 * another's field.  Access rules that follow from the number (privilege, read only) are checked for all. */
#pragma once
#include "target/riscv/cpu.h"

typedef struct Csr Csr;
typedef uint64_t CsrRead(RiscvCPU *r, const Csr *c);
typedef void CsrWrite(RiscvCPU *r, const Csr *c, uint64_t value);
typedef bool CsrCheck(RiscvCPU *r, const Csr *c);
typedef uint64_t CsrLegal(const RiscvCPU *r, uint64_t value, uint64_t old);
typedef void CsrChanged(RiscvCPU *r, uint64_t old);

enum {
    CSR_PLAIN = 1, /* a variable of 64 bits and nothing else: translated code may access the field */
    CSR_LOCAL = 2, /* a write changes nothing that the code behind it was translated for: the block goes on */
    CSR_WIDE = 4,  /* 64 bits on RV32 too, where the register is the low half */
    CSR_HIGH = 8,  /* the high half of a wide one */
    CSR_RV32 = 16, /* exists on RV32 only */
};

struct Csr {
    Field
        state; /* its name; the field (count 0: none, or of another row or the model), its value after reset */
    uint16_t number;
    uint8_t flags;
    uint8_t shown;       /* place in `info registers`, 1 and on; 0: not there */
    RiscvExt ext;        /* that it needs; EXT_I: always there */
    uint64_t mask;       /* bits of the field that exist: a write changes them */
    CsrLegal *legal;     /* instead of the mask: what a write of `value` over `old` leaves; of a legal old */
    CsrChanged *changed; /* after such a write */
    CsrRead *read;
    CsrWrite *write;  /* instead of all that */
    CsrCheck *check;  /* may it be used now: false is an illegal instruction */
    uint16_t high_of; /* of the high half: number of the wide register whose columns it has */
};

extern const Csr riscv_csrs[]; /* ends with a NULL name */
/* The name of a register whose value a hart of this model cannot have; NULL: all are legal. */
const char *riscv_csr_illegal(RiscvCPU *r);

static inline uint64_t *csr_field(RiscvCPU *r, const Csr *c)
{
    return (uint64_t *)((char *)r + c->state.offset);
}

/* ---- csr-status.c: status, floating point, environment configuration ---- */
uint64_t riscv_reset_mstatus(const void *hart), riscv_reset_menvcfg(const void *hart);
CsrCheck riscv_csr_check_fp, riscv_csr_check_senvcfg, riscv_csr_check_sstateen;
CsrRead riscv_csr_read_mstatus, riscv_csr_read_sstatus, riscv_csr_read_misa;
CsrRead riscv_csr_read_fflags, riscv_csr_read_frm, riscv_csr_read_fcsr;
CsrWrite riscv_csr_write_sstatus, riscv_csr_write_fflags, riscv_csr_write_frm, riscv_csr_write_fcsr;
CsrLegal riscv_csr_legal_mstatus, riscv_csr_legal_menvcfg, riscv_csr_legal_senvcfg;
CsrChanged riscv_csr_changed_mstatus, riscv_csr_changed_menvcfg;

/* ---- csr-trap.c: interrupts, trap vectors, translation and protection of memory ---- */
CsrCheck riscv_csr_check_satp, riscv_csr_check_pmpcfg;
CsrRead riscv_csr_read_mip, riscv_csr_read_sip, riscv_csr_read_sie, riscv_csr_read_epc;
CsrRead riscv_csr_read_pmpcfg, riscv_csr_read_pmpaddr;
CsrWrite riscv_csr_write_mip, riscv_csr_write_sip, riscv_csr_write_sie;
CsrWrite riscv_csr_write_pmpcfg, riscv_csr_write_pmpaddr;
CsrLegal riscv_csr_legal_mie, riscv_csr_legal_tvec, riscv_csr_legal_satp;
CsrChanged riscv_csr_changed_irqs, riscv_csr_changed_satp;
/* csrrs and csrrc on mip modify this. */
uint64_t riscv_csr_mip_to_modify(RiscvCPU *r);
enum {
    RISCV_SUPERVISOR_IRQS = 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_S_EXT,
    RISCV_IRQS = RISCV_SUPERVISOR_IRQS | 1 << IRQ_M_SOFT | 1 << IRQ_M_TIMER | 1 << IRQ_M_EXT,
};

/* ---- csr-time.c: counters, time, Sstc ---- */
CsrCheck riscv_csr_check_counter, riscv_csr_check_stimecmp;
CsrRead riscv_csr_read_counter, riscv_csr_read_counterh, riscv_csr_read_time, riscv_csr_read_timeh;
CsrWrite riscv_csr_write_counter, riscv_csr_write_counterh, riscv_csr_write_mcountinhibit;
CsrChanged riscv_csr_changed_stimecmp;
bool riscv_stimecmp_on(const RiscvCPU *r); /* stimecmp drives STIP */

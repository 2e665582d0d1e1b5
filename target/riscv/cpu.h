/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a RISC-V hart: RV32 and RV64, M, S and U mode.
 *
 * Integer registers of RV32 are kept sign extended to 64 bits, so that comparisons and
 * most of the RV64 code serve both widths; addresses are cut to 32 bits where they are
 * used.  FP registers hold NaN-boxed values. */
#pragma once
#include "fpu/softfloat.h"
#include "target/cpu.h"

enum { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };
enum { RISCV_MAX_PMP = 16 };

/* Extensions that -cpu model,name=on|off switches, one row each in models.c.
 * What has no instruction of its own (Svadu ...) is here too. */
typedef enum RiscvExt {
    EXT_I, EXT_M, EXT_A, EXT_F, EXT_D, EXT_C, EXT_S, EXT_U,
    EXT_ZICSR, EXT_ZIFENCEI, EXT_ZICNTR, EXT_ZIHPM,
    EXT_ZBA, EXT_ZBB, EXT_ZBC, EXT_ZBS,
    EXT_ZICOND, EXT_ZICBOM, EXT_ZICBOP, EXT_ZICBOZ, EXT_ZAWRS, EXT_ZACAS,
    EXT_ZFH, EXT_ZFHMIN, EXT_ZFA, EXT_ZIHINTPAUSE, EXT_ZIHINTNTL,
    EXT_SSTC, EXT_SVADU, EXT_SVADE, EXT_SVINVAL, EXT_SVNAPOT, EXT_SVPBMT, EXT_SMSTATEEN,
    EXT_SV48, EXT_SV57, /* widest address translation (sv39 is always there) */
    EXT_MMU, EXT_PMP,
    EXT_COUNT
} RiscvExt;

typedef struct RiscvCPU {
    CPU cpu;
    uint64_t x[32];          /* x[0] stays 0 */
    uint64_t pc;
    uint64_t f[32];
    uint64_t load_res;       /* reserved address of LR, UINT64_MAX: none */
    uint64_t load_val;       /* value that LR saw */

    uint32_t xlen;           /* 32 or 64, of the model */
    uint32_t priv;           /* PRIV_* */
    uint64_t ext;            /* bit per RiscvExt */

    FpStatus fp;             /* fp.flags: fflags.  fp.rounding is set per operation */
    uint8_t frm;             /* fcsr.frm, raw, 0..7 */

    /* Machine level (privileged specification, chapter "Machine-Level ISA") */
    uint64_t mstatus;        /* RV32: mstatush in bits 63..32 */
    uint64_t mtvec, mepc, mcause, mtval, mscratch;
    uint64_t medeleg, mideleg, mie;
    uint32_t mip;            /* level-driven and software bits together; atomic: devices set it */
    uint32_t mip_soft;       /* SEIP as software wrote it */
    uint64_t mcounteren, mcountinhibit, menvcfg, mseccfg;
    uint64_t mstateen[4], sstateen[4];
    uint64_t mcycle_offset, minstret_offset;
    uint64_t mhpmcounter[32], mhpmevent[32];
    uint64_t mhartid, mvendorid, marchid, mimpid;

    /* Supervisor level */
    uint64_t stvec, sepc, scause, stval, sscratch;
    uint64_t scounteren, senvcfg, satp;
    uint64_t stimecmp;
    struct Timer *stimer;    /* Sstc: raises STIP when time reaches stimecmp */

    /* Physical memory protection */
    uint8_t pmpcfg[RISCV_MAX_PMP];
    uint64_t pmpaddr[RISCV_MAX_PMP];
    bool pmp_active;         /* any entry is on */

    uint64_t fault_cause;    /* of the last failed walk: exception code */
    uint64_t resetvec;

    /* Where `time` comes from: the machine's CLINT/ACLINT; NULL before it exists */
    uint64_t (*read_time)(void *opaque);
    void *time_opaque;
} RiscvCPU;

static inline RiscvCPU *riscv_cpu(CPU *cpu)
{
    return (RiscvCPU *)cpu;
}
static inline bool riscv_has(const RiscvCPU *r, RiscvExt ext)
{
    return r->ext >> ext & 1;
}

/* CpuContextKey.mode of this target: what translated code depends on. */
enum {
    RISCV_MODE_PRIV = 3,      /* bits 1..0: privilege of fetches */
    RISCV_MODE_RV32 = 4,
};

/* Indices of the IR globals: x0..x31 are 0..31, f0..f31 are 32..63, pc is 64. */
enum { RISCV_G_X = 0, RISCV_G_F = 32, RISCV_G_PC = 64, RISCV_GLOBALS = 65 };
extern const IrGuest riscv_ir_guest;
extern const CPUArch riscv64_arch, riscv32_arch;

/* Exception codes (privileged specification, mcause table) */
enum {
    EXC_INSN_MISALIGNED = 0, EXC_INSN_ACCESS = 1, EXC_ILLEGAL = 2, EXC_BREAKPOINT = 3,
    EXC_LOAD_MISALIGNED = 4, EXC_LOAD_ACCESS = 5, EXC_STORE_MISALIGNED = 6, EXC_STORE_ACCESS = 7,
    EXC_ECALL_U = 8, EXC_ECALL_S = 9, EXC_ECALL_M = 11,
    EXC_INSN_PAGE = 12, EXC_LOAD_PAGE = 13, EXC_STORE_PAGE = 15,
};

/* ---- trap.c: exceptions and interrupts ---- */
/* Take the exception: state must be at the faulting instruction (pc set). */
void riscv_take_exception(RiscvCPU *r, uint64_t cause, uint64_t tval);
/* From a helper: restore pc, take the exception, leave translated code. */
G_NORETURN void riscv_raise(RiscvCPU *r, uint64_t cause, uint64_t tval);
bool riscv_has_work(CPU *cpu);
bool riscv_take_interrupt(CPU *cpu);
void riscv_set_irq(void *opaque, int line, int level); /* line: bit of mip */
void riscv_mret(RiscvCPU *r);
void riscv_sret(RiscvCPU *r);

/* ---- csr.c ---- */
typedef enum CsrOp { CSR_WRITE, CSR_SET, CSR_CLEAR } CsrOp;
/* Read and/or write a CSR as the instruction does; false: illegal instruction.
 * `write` false for csrrs/c with x0.  *context: the block must end (mode, satp ...
 * or interrupts enabled). */
bool riscv_csr_access(RiscvCPU *r, unsigned csr, CsrOp op, bool read, bool write, uint64_t operand,
                      uint64_t *old);
uint64_t riscv_time(RiscvCPU *r);

/* ---- mmu.c, pmp.c ---- */
bool riscv_walk(CPU *cpu, uint64_t vaddr, MmuAccess access, MmuResult *out);
bool riscv_debug_walk(CPU *cpu, uint64_t vaddr, uint64_t *phys);
void riscv_dump_mmu(CPU *cpu, GString *out);
void riscv_context_key(CPU *cpu, CpuContextKey *key);
/* Rights that PMP gives at [phys, phys+size) in mode priv; *uniform: the same in the whole page. */
uint8_t riscv_pmp_rights(RiscvCPU *r, uint64_t phys, unsigned size, unsigned priv, bool *uniform);
uint8_t riscv_pmpcfg_read(RiscvCPU *r, unsigned entry);
void riscv_pmpcfg_write(RiscvCPU *r, unsigned entry, uint8_t value);
uint64_t riscv_pmpaddr_read(RiscvCPU *r, unsigned entry);
void riscv_pmpaddr_write(RiscvCPU *r, unsigned entry, uint64_t value);

/* ---- models.c ---- */
bool riscv_model_apply(RiscvCPU *r, const char *model, GError **err);
void riscv_print_models(void);
/* "rv64imafdc_zicsr_..." for the device tree, and the list with NULs. */
char *riscv_isa_string(const RiscvCPU *r);
GByteArray *riscv_isa_list(const RiscvCPU *r);
const char *riscv_mmu_type(const RiscvCPU *r); /* "riscv,sv57", or NULL */

/* ---- translate.c, generated decoder ---- */
void riscv_translate(TranslateCtx *t);
unsigned riscv_disassemble(uint64_t pc, const uint8_t *bytes, unsigned available, GString *out);

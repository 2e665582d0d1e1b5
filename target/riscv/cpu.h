/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a RISC-V hart: RV32 and RV64, M, S and U mode.
 *
 * Integer registers of RV32 are kept sign extended to 64 bits, so that comparisons and
 * most of the RV64 code serve both widths; addresses are cut to 32 bits where they are
 * used.  FP registers hold NaN-boxed values. */
#pragma once
#include "fpu/softfloat.h"
#include "base/comparator.h"
#include "target/cpu.h"
#include "target/riscv.h"
#include "util/container.h"

enum { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };
enum { RISCV_MAX_PMP = 16 };

/* A stretch of physical memory with the same PMP rights. */
typedef struct PmpRange {
    uint64_t first, last; /* both inside */
    uint8_t rights;       /* PROT_* */
    bool locked;          /* binds M mode too */
} PmpRange;

/* All that the guest can change.  Translated code addresses x, pc and f by short offsets: they stand first. */
typedef struct RiscvState {
    uint64_t x[32]; /* x[0] stays 0 */
    uint64_t pc;
    uint64_t f[32];
    uint64_t load_res; /* reserved address of LR, with bit 0 set when of a doubleword; UINT64_MAX: none */
    uint64_t load_val; /* value that LR saw */
    uint32_t priv;     /* PRIV_* */
    uint8_t frm;       /* fcsr.frm, raw, 0..7 */
    FpStatus
        fp; /* fp.flags: fflags.  fp.rounding is set per operation, and what it says of one is no state */

    /* Machine level (privileged specification, chapter "Machine-Level ISA") */
    uint64_t mstatus; /* RV32: mstatush in bits 63..32 */
    uint64_t mtvec, mepc, mcause, mtval, mscratch;
    uint64_t medeleg, mideleg, mie;
    uint32_t mip;      /* level-driven and software bits together; atomic: devices set it */
    uint32_t mip_soft; /* SEIP as software wrote it */
    uint64_t mcounteren, mcountinhibit, menvcfg;
    uint64_t mstateen[4];
    uint64_t counter_base[2]; /* mcycle, minstret: value = running clock + base, or base while inhibited */
    uint64_t counter_stands;  /* the clock for accesses that directly follow a write (counters.c) ... */
    uint64_t counter_pc;      /* ... the next of which would stand here ... */
    uint32_t counter_unread;  /* ... while halves of counters were written and not read */

    /* Supervisor level */
    uint64_t stvec, sepc, scause, stval, sscratch;
    uint64_t scounteren, senvcfg, satp;
    uint64_t stimecmp;

    /* Physical memory protection */
    uint8_t pmpcfg[RISCV_MAX_PMP];
    uint64_t pmpaddr[RISCV_MAX_PMP];
} RiscvState;

typedef struct RiscvCPU {
    CPU cpu;
    RiscvState s;

    /* The model: fixed when the hart is made */
    uint32_t xlen; /* 32 or 64 */
    uint64_t ext;  /* bit per RiscvExt */
    uint64_t mhartid, mvendorid, marchid, mimpid;
    uint64_t resetvec;

    /* Derived from s */
    PmpRange pmp_ranges[RISCV_MAX_PMP]; /* entries that are on, in order */
    unsigned pmp_range_count;
    bool pmp_fine;         /* some range begins or ends within a cache block */
    PmpRange pmp_cache[2]; /* last uniform stretch seen: by S and U, by M */

    /* Wires */
    Comparator *stimer;   /* Sstc: drives STIP, of time with s.stimecmp */
    void *register_table; /* for the debugger, made on demand */
    /* Where `time` comes from: the machine's CLINT/ACLINT; NULL before it exists */
    uint64_t (*read_time)(void *opaque);
    void *time_opaque;
} RiscvCPU;

static inline RiscvCPU *riscv_cpu(CPU *cpu)
{
    return container_of(cpu, RiscvCPU, cpu);
}
static inline bool riscv_has(const RiscvCPU *r, RiscvExt ext)
{
    return r->ext >> ext & 1;
}

enum { RISCV_CACHE_BLOCK = 64 }; /* bytes; Zicbom, Zicboz */

/* CpuContextKey.mode of this target: what translated code depends on. */
enum {
    RISCV_MODE_PRIV = 3, /* bits 1..0: privilege of fetches */
    RISCV_MODE_RV32 = 4,
};

/* Indices of the IR globals: x0..x31 are 0..31, f0..f31 are 32..63, pc is 64. */
enum { RISCV_G_X = 0, RISCV_G_F = 32, RISCV_G_PC = 64, RISCV_GLOBALS = 65 };
extern const IrGuest riscv_ir_guest;

/* Exception codes (privileged specification, mcause table) */
enum {
    EXC_INSN_MISALIGNED = 0,
    EXC_INSN_ACCESS = 1,
    EXC_ILLEGAL = 2,
    EXC_BREAKPOINT = 3,
    EXC_LOAD_MISALIGNED = 4,
    EXC_LOAD_ACCESS = 5,
    EXC_STORE_MISALIGNED = 6,
    EXC_STORE_ACCESS = 7,
    EXC_ECALL_U = 8,
    EXC_ECALL_S = 9,
    EXC_ECALL_M = 11,
    EXC_INSN_PAGE = 12,
    EXC_LOAD_PAGE = 13,
    EXC_STORE_PAGE = 15,
};

/* ---- state.c ---- */
extern const Field riscv_state[];
void riscv_reset(CPU *cpu);
bool riscv_loaded(CPU *cpu, GError **err);
void riscv_refresh(CPU *cpu);
bool riscv_priv_exists(const RiscvCPU *r, uint64_t priv); /* PRIV_*, in this model */

/* ---- trap.c: exceptions and interrupts ---- */
/* Take the exception: state must be at the faulting instruction (pc set). */
void riscv_take_exception(RiscvCPU *r, uint64_t cause, uint64_t tval);
/* From a helper: restore pc, take the exception, leave translated code. */
G_NORETURN void riscv_raise(RiscvCPU *r, uint64_t cause, uint64_t tval);
bool riscv_has_work(CPU *cpu);
bool riscv_take_interrupt(CPU *cpu);
void riscv_set_irq(void *opaque, int line, int level);   /* line: bit of mip */
void riscv_raise_fault(CPU *cpu, const MmuFault *fault); /* code: exception code */
uint32_t riscv_deliverable_interrupts(RiscvCPU *r);
void riscv_interrupts_changed(RiscvCPU *r);
uint64_t riscv_epc_mask(const RiscvCPU *r); /* bits of an epc that exist */
/* From the mret and sret helpers: raise illegal instruction, or set pc, mode and status;
 * the block ends with IR_EXIT_LOOKUP. */
void riscv_mret(RiscvCPU *r);
void riscv_sret(RiscvCPU *r);

/* ---- counters.c: mcycle and minstret ---- */
typedef enum RiscvCounter { COUNTER_CYCLE, COUNTER_INSTRET } RiscvCounter;
enum { LOW_HALF = 1, HIGH_HALF = 2, BOTH_HALVES = 3 }; /* what an instruction reads or writes */
uint64_t riscv_counter_read(RiscvCPU *r, RiscvCounter which, unsigned halves); /* all 64 bits */
void riscv_counter_write(RiscvCPU *r, RiscvCounter which, unsigned halves, uint64_t value);
void riscv_counter_inhibit(RiscvCPU *r, uint64_t value); /* mcountinhibit */

/* ---- csr*.c ---- */
typedef enum CsrOp { CSR_WRITE, CSR_SET, CSR_CLEAR } CsrOp;
/* Read and/or write a CSR as the instruction does; false: illegal instruction.
 * `write` is false for csrrs/c with x0, `read` for csrrw with rd = x0.  On RV32 values
 * are 32 bits, *old is sign extended as registers are.  Writes that change the context
 * call cpu_mmu_changed(); writes that make an interrupt deliverable set
 * cpu.exit_request: the block need not end at once for those. */
bool riscv_csr_access(RiscvCPU *r, unsigned csr, CsrOp op, bool read, bool write, uint64_t operand,
                      uint64_t *old);
uint64_t riscv_time(RiscvCPU *r); /* ticks of RISCV_TIMEBASE_HZ */
extern const ComparatorOps riscv_stimer_ops;
void riscv_stimer_update(RiscvCPU *r);              /* after a change of its stimecmp or STCE */
uint64_t riscv_csr_peek(RiscvCPU *r, unsigned csr); /* debugger: no checks, no effects */
bool riscv_csr_poke(RiscvCPU *r, unsigned csr, uint64_t value);
bool riscv_csr_exists(const RiscvCPU *r, unsigned csr); /* in this model */
const char *riscv_csr_name(unsigned csr);               /* NULL: not modelled */
unsigned riscv_csr_shown(unsigned place);               /* of `info registers`, from 1 on; 0: no more */
/* For the translator: where a register is that this hart has and that is a variable and nothing else (0: it
 * is not); does a write change nothing that the code behind it was translated for? */
size_t riscv_csr_plain_offset(const RiscvCPU *r, unsigned csr);
bool riscv_csr_write_is_local(unsigned csr);

/* mstatus (privileged specification, "Machine Status Registers") */
#define MSTATUS_SIE (1ull << 1)
#define MSTATUS_MIE (1ull << 3)
#define MSTATUS_SPIE (1ull << 5)
#define MSTATUS_MPIE (1ull << 7)
#define MSTATUS_SPP (1ull << 8)
#define MSTATUS_MPP (3ull << 11)
#define MSTATUS_FS (3ull << 13)
#define MSTATUS_MPRV (1ull << 17)
#define MSTATUS_SUM (1ull << 18)
#define MSTATUS_MXR (1ull << 19)
#define MSTATUS_TVM (1ull << 20)
#define MSTATUS_TW (1ull << 21)
#define MSTATUS_TSR (1ull << 22)
#define MSTATUS_UXL (3ull << 32)
#define MSTATUS_SXL (3ull << 34)

/* menvcfg, senvcfg */
#define ENVCFG_FIOM (1ull << 0)
#define ENVCFG_CBIE (3ull << 4)
#define ENVCFG_CBCFE (1ull << 6)
#define ENVCFG_CBZE (1ull << 7)
#define ENVCFG_ADUE (1ull << 61)
#define ENVCFG_PBMTE (1ull << 62)
#define ENVCFG_STCE (1ull << 63)

/* ---- mmu.c, pmp.c ---- */
bool riscv_walk(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault);
bool riscv_debug_walk(CPU *cpu, uint64_t vaddr, uint64_t *phys);
void riscv_dump_mmu(CPU *cpu, GString *out);
void riscv_context_key(CPU *cpu, CpuContextKey *key);
/* Rights (PROT_*) that PMP gives at [phys, phys+size) in mode priv; m (may be NULL) is told where
 * they change within the 4 KiB page. */
uint8_t riscv_pmp_rights(RiscvCPU *r, uint64_t phys, unsigned size, unsigned priv, MmuResult *m);
void riscv_pmpcfg_write(RiscvCPU *r, unsigned entry, uint8_t value);
void riscv_pmpaddr_write(RiscvCPU *r, unsigned entry, uint64_t value);
bool riscv_pmp_is_legal(const RiscvCPU *r); /* could the guest have written its entries so */
void riscv_pmp_update(RiscvCPU *r);         /* recompute what is derived, after reset and load */

/* ---- models.c ---- */
bool riscv_model_apply(RiscvCPU *r, const char *model, GError **err);
const char *riscv64_model_name(unsigned n);
const char *riscv32_model_name(unsigned n);

/* ---- translate.c, generated decoder ---- */
void riscv_translate(TranslateCtx *t);
unsigned riscv64_disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                             GString *out);
unsigned riscv32_disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                             GString *out);

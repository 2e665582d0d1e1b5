/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of an x86 processor in every mode, canonical for whoever runs it: the JIT, the interpreter, KVM, snapshots.
 * Source: Intel SDM volumes 1 and 3, AMD APM volume 2; section names stand where they are used.
 *
 * What the processor does besides its instructions is functions over X86CPU, one file a subject.  Those that an
 * exception can end return false and say which in an X86Fault; nothing but memory below the stack pointer, and the
 * accessed and busy bits of descriptors, has changed then.  Whoever calls them from translated code ends with
 * x86_raise(). */
#pragma once
#include "fpu/extended.h"
#include "target/cpu.h"
#include "target/i386/features.h"
#include "util/container.h"

enum { X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI, X86_GPRS = 16 };
typedef enum X86SegId { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, X86_SEGS } X86SegId;

/* ---- segments (SDM 3, "Segment Registers", "Segment Descriptors") --------- */

/* A register with its hidden part, the descriptor cache. */
typedef struct X86Segment {
    uint64_t base;
    uint32_t limit; /* in bytes: the last offset */
    uint32_t attr;  /* ATTR_*: bytes 5 and 6 of the descriptor, without the limit's */
    uint16_t selector;
} X86Segment;

enum {
    ATTR_TYPE = 0xf, /* of code and data: */
    ATTR_ACCESSED = 1,
    ATTR_WRITABLE = 2, /* data */
    ATTR_READABLE = 2, /* code */
    ATTR_DOWN = 4,     /* data: expand-down */
    ATTR_CONFORMING = 4,
    ATTR_CODE = 8,
    ATTR_S = 0x10, /* code or data, not system */
    ATTR_DPL = 0x60,
    ATTR_DPL_SHIFT = 5,
    ATTR_P = 0x80,
    ATTR_AVL = 0x1000,
    ATTR_L = 0x2000,
    ATTR_DB = 0x4000,
    ATTR_G = 0x8000,
    ATTR_NULL = 0x10000, /* not of a descriptor: nothing usable was loaded */
    ATTR_DESCRIPTOR = 0xf0ff,
};

/* Types of system descriptors; in long mode those of 16 bytes have the 386's numbers. */
enum {
    TYPE_TSS16 = 1,
    TYPE_LDT = 2,
    TYPE_TSS16_BUSY = 3,
    TYPE_CALL16 = 4,
    TYPE_TASK = 5,
    TYPE_INT16 = 6,
    TYPE_TRAP16 = 7,
    TYPE_TSS = 9,
    TYPE_TSS_BUSY = 11,
    TYPE_CALL = 12,
    TYPE_INT = 14,
    TYPE_TRAP = 15,
};

/* Which offsets a segment lets through, derived from its cache: [low, rd_end) to read and [low, wr_end) to write.
 * An end of 0 allows nothing. */
typedef struct X86Bounds {
    uint64_t low, rd_end, wr_end;
} X86Bounds;

typedef struct X86Table { /* GDTR, IDTR */
    uint64_t base;
    uint32_t limit; /* 16 bits */
} X86Table;

/* ---- flags ---------------------------------------------------------------- */

enum {
    EFL_CF = 1 << 0,
    EFL_FIXED = 1 << 1,
    EFL_PF = 1 << 2,
    EFL_AF = 1 << 4,
    EFL_ZF = 1 << 6,
    EFL_SF = 1 << 7,
    EFL_TF = 1 << 8,
    EFL_IF = 1 << 9,
    EFL_DF = 1 << 10,
    EFL_OF = 1 << 11,
    EFL_IOPL = 3 << 12,
    EFL_IOPL_SHIFT = 12,
    EFL_NT = 1 << 14,
    EFL_RF = 1 << 16,
    EFL_VM = 1 << 17,
    EFL_AC = 1 << 18,
    EFL_VIF = 1 << 19,
    EFL_VIP = 1 << 20,
    EFL_ID = 1 << 21,
    EFL_ARITH = EFL_CF | EFL_PF | EFL_AF | EFL_ZF | EFL_SF | EFL_OF, /* those of X86Cc */
    EFL_ALL = EFL_ARITH | EFL_FIXED | EFL_TF | EFL_IF | EFL_DF | EFL_IOPL | EFL_NT | EFL_RF | EFL_VM |
              EFL_AC | EFL_VIF | EFL_VIP | EFL_ID,
};

/* The arithmetic flags, not worked out yet: what the last instruction that set them did.  flags.c says what a and
 * b are for each operation. */
typedef enum X86CcOp {
    CC_PACKED, /* worked out: a has them in their places */
    CC_ADD,
    CC_SUB, /* and compare, negate (a is 0 then) */
    CC_ADC,
    CC_SBB,
    CC_LOGIC,
    CC_INC,
    CC_DEC,
    CC_SHL,
    CC_SHR,
    CC_SAR,
    CC_MUL,
    CC_SHLD,
    CC_SHRD,
    CC_OPS
} X86CcOp;
enum { /* X86Cc.kind */
       CC_OP = 0x3f,
       CC_SIZE_SHIFT = 6, /* 2 bits: log2 of the operand's bytes */
       CC_CARRY = 1 << 8, /* CF before, of operations that take it or leave it */
       CC_IMM = 1 << 9,   /* b is the signed number in the upper half of kind */
       CC_IMM_SHIFT = 16,
       CC_COUNT_SHIFT = 16, /* 6 bits, of CC_SHLD and CC_SHRD */
       /* What a later instruction said of one flag and left the others alone (rotates, bit tests): */
       CC_HAS_CF = 1 << 10, /* CF is CC_CF */
       CC_HAS_OF = 1 << 11, /* OF is CC_OF */
       CC_CF = 1 << 12,
       CC_OF = 1 << 13,
       CC_TURNED_CF = 1 << 14, /* CF, or OF, is by `turned`, whatever is said above */
       CC_TURNED_OF = 1 << 15,
};
typedef struct X86Cc {
    uint64_t a, b;
    uint64_t kind; /* 32 bits count */
    uint64_t
        turned; /* what a rotate left: bit 1 is CF, OF is bits 1 and 0 differing; the others mean nothing */
} X86Cc;

/* ---- control registers ---------------------------------------------------- */

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR3_PCID 0xfffull
#define CR3_KEEP (1ull << 63) /* of a MOV to CR3: the translations of its PCID stay */

#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_LA57 (1u << 12)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define CR4_PKE (1u << 22)

enum { /* MXCSR: flags, and above them by 7 bits their masks, in the order of the exceptions' priority but for DE */
       MXCSR_FLAGS = 0x3f,
       MXCSR_BEFORE = 7, /* IE, DE, ZE: known before there is a result */
       MXCSR_MASKS = 0x1f80,
       MXCSR_MASK_SHIFT = 7,
       MXCSR_ALL = 0xffff,
};

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)
#define EFER_FFXSR (1u << 14)

/* ---- exceptions ----------------------------------------------------------- */

enum {
    X86_EXC_DE = 0,
    X86_EXC_DB = 1,
    X86_EXC_NMI = 2,
    X86_EXC_BP = 3,
    X86_EXC_OF = 4,
    X86_EXC_BR = 5,
    X86_EXC_UD = 6,
    X86_EXC_NM = 7,
    X86_EXC_DF = 8,
    X86_EXC_TS = 10,
    X86_EXC_NP = 11,
    X86_EXC_SS = 12,
    X86_EXC_GP = 13,
    X86_EXC_PF = 14,
    X86_EXC_MF = 16,
    X86_EXC_AC = 17,
    X86_EXC_MC = 18,
    X86_EXC_XM = 19,
};

/* Error code of #PF (SDM 3, "Page-Fault Exceptions"). */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };

enum { X86_ERROR_EXT = 1, X86_ERROR_IDT = 2 };

/* An exception that is to be raised. */
typedef struct X86Fault {
    uint8_t vector;
    uint32_t error;   /* its code; 0 where it has none */
    uint64_t address; /* #PF: what CR2 shows */
    uint64_t dr6;     /* #DB: bits that come to DR6 */
    bool external;    /* an event is being delivered that no instruction asked for: EXT in error codes */
    bool
        new_task; /* it is of the task that was switched to: where it stands is that task's, not the instruction's */
} X86Fault;

/* ---- the rest of the registers -------------------------------------------- */

typedef Fp80 X86Fpr; /* an MMX register lies in the mantissa */

typedef struct X87 {
    X86Fpr st[8]; /* physical: ST(i) is st[(top + i) & 7] */
    uint64_t fip, fdp;
    uint8_t top;  /* 0..7; stands in FSW when that is read */
    uint8_t tags; /* bit i: st[i] is not empty */
    uint16_t fcw, fsw, fop, fcs, fds;
} X87;

/* What a vCPU does when it does not run instructions: as KVM_GET_MP_STATE numbers them. */
enum { MP_RUNNABLE = 0, MP_UNINITIALIZED = 1, MP_INIT_RECEIVED = 2, MP_HALTED = 3, MP_SIPI_RECEIVED = 4 };

/* Interrupts held off for one instruction (SDM 3, "Masking Exceptions and Interrupts When Switching Stacks"). */
enum { SHADOW_STI = 1, SHADOW_MOV_SS = 2 };

/* What KVM_GET_VCPU_EVENTS carries, too. */
typedef struct X86Events {
    uint64_t payload; /* CR2 or DR6 of the exception that is pending */
    uint32_t error;
    uint32_t mp_state;
    bool pending; /* an exception was not delivered yet */
    uint8_t vector;
    bool has_error;
    bool taken; /* an interrupt, taken_vector, was acknowledged, and was not delivered yet */
    uint8_t taken_vector;
    uint8_t shadow;                          /* SHADOW_*: of the instruction that comes */
    bool nmi_masked, nmi_pending, nmi_again; /* pending, again: one waits, another does; see x86_set_irq() */
    bool smi_pending, smm;
    uint8_t sipi_vector;
    bool shutdown; /* three faults in a row: only a reset helps */
} X86Events;

enum { X86_MTRR_FIXED = 11, X86_MTRR_VARIABLE = 8 };
/* Last branches (lbr.c): of models with one record the first alone is used. */
enum { X86_LBR_MAX = 32 };
typedef struct X86Lbr {
    uint64_t from[X86_LBR_MAX], to[X86_LBR_MAX];
    uint64_t top;              /* the record that was written last */
    uint64_t int_from, int_to; /* the last branch before the last exception or interrupt */
} X86Lbr;
typedef struct X86Msrs {
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_offset, tsc_adjust, tsc_deadline;
    uint64_t apic_base, pat, misc_enable;
    uint64_t mtrr_def_type, mtrr_fixed[X86_MTRR_FIXED], mtrr_base[X86_MTRR_VARIABLE],
        mtrr_mask[X86_MTRR_VARIABLE];
    uint64_t mcg_status, debugctl, xss, spec_ctrl;
} X86Msrs;

/* All that the guest can change.  Translated code addresses gpr, pc, cc and the segments' bases by short offsets:
 * they stand first. */
typedef struct X86State {
    uint64_t gpr[X86_GPRS];
    uint64_t
        pc; /* 64-bit mode: RIP.  Else CS.base << 32 | EIP, so that code of other segments has other pcs */
    X86Cc cc;
    uint32_t eflags; /* all but EFL_ARITH, which are in cc */
    uint8_t cpl;
    X86Segment seg[X86_SEGS], ldtr, tr;
    X86Table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0;
    uint64_t pdpte[4]; /* as CR3's load read them: PAE paging */
    uint64_t dr[4], dr6, dr7;
    uint64_t ymm[16][4];
    uint32_t mxcsr, pkru;
    X87 x87;
    X86Msrs msr;
    uint64_t pvclock_time, pvclock_wall; /* KVM's MSRs: where the guest wants its clock */
    X86Lbr lbr;
    uint64_t kvm_async_pf, kvm_async_pf_int, kvm_steal_time, kvm_eoi; /* likewise, of KVM itself alone */
    uint32_t smbase;
    uint32_t messages; /* atomic, MESSAGE_*: what others want of it and it has not taken; INIT leaves them */
    bool a20;          /* address line 20 passes; else it is 0 */
    bool ignne;        /* IGNNE#: under CR0.NE 0 x87 exceptions do not stop it */
    X86Events events;
} X86State;

typedef enum X86Vendor { VENDOR_INTEL, VENDOR_AMD } X86Vendor;

/* What all keys of contexts are made of, but for level, segments and EFLAGS: see mode.c. */
typedef struct X86KeySources {
    uint64_t cr0, cr3, cr4, efer, xcr0, dr7;
    uint32_t mxcsr;
    bool smm, upper_halves, records_branches;
} X86KeySources;

typedef struct X86CPU {
    CPU cpu;
    X86State s;

    /* The model: fixed when the vCPU is made */
    uint32_t feature[X86_WORDS];
    X86Vendor vendor;       /* decides where the two differ: SYSRET, null selectors, compatibility mode */
    uint32_t signature;     /* family, model, stepping as CPUID.1:EAX has them */
    uint32_t level, xlevel; /* highest leaves of CPUID, basic and extended */
    char brand[48];         /* NUL-terminated */
    uint8_t phys_bits;      /* MAXPHYADDR */
    uint32_t tsc_khz;
    bool tsc_asked;   /* the user said how fast: an accelerator that cannot refuses */
    bool has_what_is; /* the model is whatever can be had (max): nobody misses what is not there */
    bool hides_kvm;   /* kvm=off: no leaves and registers of KVM */
    bool ignore_msrs; /* unknown MSRs read 0 and take writes */
    uint32_t apic_id;
    uint16_t dies, cores, threads; /* of the package, of a die, of a core; at least 1 */

    /* Of the instruction under way, in a block of one: TF was set when it began; breakpoints that its accesses met */
    bool stepping;
    bool gathered; /* of a gather under way elements were loaded */
    uint8_t met;
    uint64_t branch_from;       /* while branches are recorded: where it stands, as lbr.c names places */
    uint64_t vector_temp[2][4]; /* of a vector instruction under way */

    /* Derived from s */
    bool
        no_interrupt; /* its source had none when it was asked last, and no request to look again was heard since */
    uint32_t x87_here; /* s.x87's registers, top, tags and status word are in the host's x87: x87_away() */
    uint8_t x87_calls; /* x87 instructions that ran as C since x87_need() brought it back */
    bool x87_at_once;  /* tests: the first one may go there already */
    bool upper_halves; /* those of some YMM register may not be 0 */
    X86Bounds bounds[X86_SEGS];
    bool key_known; /* key_base is what comes of key_sources */
    X86KeySources key_sources;
    CpuContextKey key_base;

    /* Wires */
    void (*shut_down)(void *opaque); /* the board's: the processor has stopped; or NULL */
    void *shut_down_opaque;
    const struct X86ApicOps *apic_ops; /* of its local APIC (target/x86_apic.h), or NULL */
    void *apic;
    AddressSpace *smram, *outside; /* memory in SMM and else: x86_set_smm_memory(); or NULL: the same */
    void (*ferr)(void *opaque, bool level); /* the board's, FERR#: x86_set_ferr(); or NULL */
    void *ferr_opaque;
    void *register_table; /* for the debugger, made on demand */
} X86CPU;

enum {
    MESSAGE_VECTOR = 0xff,
    MESSAGE_SIPI = 1 << 8,
    MESSAGE_INIT = 1 << 9,
    MESSAGE_A20_OFF = 1 << 10,
    MESSAGE_A20_ON = 1 << 11,
    MESSAGES = (1 << 12) - 1,
    MESSAGES_SMM = MESSAGE_A20_OFF | MESSAGE_A20_ON, /* in SMM others wait for its end */
};

static inline X86CPU *x86_cpu(CPU *cpu)
{
    return container_of(cpu, X86CPU, cpu);
}
static inline bool x86_has(const X86CPU *x, X86Feature f)
{
    return x->feature[f / 32] >> f % 32 & 1;
}

/* ---- modes ---------------------------------------------------------------- */

static inline bool x86_long_mode(const X86CPU *x) /* 64-bit or compatibility */
{
    return x->s.efer & EFER_LMA;
}
static inline bool x86_64bit(const X86CPU *x)
{
    return (x->s.efer & EFER_LMA) && (x->s.seg[SEG_CS].attr & ATTR_L);
}
static inline bool x86_v86(const X86CPU *x)
{
    return x->s.eflags & EFL_VM;
}
static inline bool x86_protected(const X86CPU *x) /* descriptors count: neither real nor virtual-8086 mode */
{
    return (x->s.cr0 & CR0_PE) && !x86_v86(x);
}
static inline unsigned x86_iopl(const X86CPU *x)
{
    return (x->s.eflags & EFL_IOPL) >> EFL_IOPL_SHIFT;
}
static inline uint64_t x86_ip(const X86CPU *x) /* RIP, EIP or IP */
{
    return x86_64bit(x) ? x->s.pc : (uint32_t)x->s.pc;
}
static inline void x86_set_ip(X86CPU *x, uint64_t ip) /* CS is in place */
{
    x->s.pc = x86_64bit(x) ? ip : x->s.seg[SEG_CS].base << 32 | (uint32_t)ip;
}
static inline unsigned x86_dpl(uint32_t attr)
{
    return (attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
}

/* ---- debug registers (SDM 3, "Debug Registers") --------------------------- */

enum { /* DR6 */
       DR6_BD = 1 << 13,
       DR6_BS = 1 << 14,
       DR6_BT = 1 << 15,
};
#define DR6_FIXED 0xffff0ff0u
#define DR7_FIXED 0x400u
enum { DEBUGCTL_LBR = 1 /* branches are recorded */, DEBUGCTL_BTF = 2 /* steps are from branch to branch */ };
enum { DR7_GD = 1 << 13, DR7_ENABLES = 0xff /* L and G of all four */ };
enum { BREAK_EXEC = 0, BREAK_WRITE = 1, BREAK_IO = 2, BREAK_ACCESS = 3 };

static inline bool x86_break_enabled(const X86CPU *x, unsigned i)
{
    return x->s.dr7 >> 2 * i & 3; /* L and G */
}
static inline unsigned x86_break_kind(const X86CPU *x, unsigned i) /* BREAK_* */
{
    return x->s.dr7 >> (16 + 4 * i) & 3;
}

/* Say what is to be raised; false, for `return x86_fault(...)`. */
static inline bool x86_fault(X86Fault *f, uint8_t vector, uint32_t error)
{
    f->vector = vector;
    f->error = error | (f->external ? X86_ERROR_EXT : 0);
    return false;
}

/* ---- state.c ---- */
extern const Field x86_state[], x86_messages_state[];
void x86_reset(CPU *cpu);
bool x86_loaded(CPU *cpu, GError **err);
void x86_refresh(CPU *cpu);
void x86_vectors_changed(
    X86CPU *x); /* YMM registers or MXCSR were loaded as a whole: what follows from them */

/* ---- models.c, cpuid.c ---- */
/* "Haswell,+avx,-smap,pcid=off": fills what is fixed when the vCPU is made.  wide: it may have long mode. */
bool x86_model_apply(X86CPU *x, const char *model, bool wide, GError **err);
const char *x86_model_name(unsigned n);
typedef struct X86Cpuid {
    uint32_t eax, ebx, ecx, edx;
} X86Cpuid;
X86Cpuid x86_cpuid(const X86CPU *x, uint32_t leaf, uint32_t subleaf);
/* CPUArch.place: its APIC id, from the machine's topology. */
void x86_place(CPU *cpu, const CpuTopology *t);
/* Bytes of an XSAVE area with these states of XCR0 and XSS: in its standard or in its compacted form. */
uint32_t x86_xsave_bytes(uint64_t states, bool compacted);
/* Those that are not as reset leaves them (helpers-xsave.c): the SDM's XINUSE. */
uint64_t x86_states_in_use(X86CPU *x);
/* The offset of one of them in the standard form; of x87 and SSE, which lie in the legacy region, 0. */
uint32_t x86_xsave_place(uint64_t state);

/* ---- flags.c ---- */
uint32_t x86_arith_flags(const X86Cc *cc); /* EFL_ARITH bits */
bool x86_carry_flag(const X86Cc *cc);      /* EFL_CF of them */
uint32_t x86_flags(const X86CPU *x);       /* all of EFLAGS as PUSHF sees it */
void x86_set_flags(X86CPU *x, uint32_t flags);
/* What POPF and IRET may change (SDM 2, POPF): bits of EFLAGS, at this CPL, IOPL and operand size in bytes. */
uint32_t x86_flags_writable(const X86CPU *x, unsigned bytes);

/* ---- trap.c: for accelerators that do not take messages by CPUArch.take_interrupt ---- */
static inline bool x86_message_ready(const X86CPU *x)
{
    uint32_t open = x->s.events.smm ? MESSAGES_SMM : MESSAGES;
    return __atomic_load_n(&x->s.messages, __ATOMIC_ACQUIRE) & open;
}
void x86_take_messages(X86CPU *x); /* the vCPU's thread */
static inline bool x86_nmi_waits(const X86CPU *x)
{
    return __atomic_load_n(&x->s.events.nmi_pending, __ATOMIC_ACQUIRE) ||
           __atomic_load_n(&x->s.events.nmi_again, __ATOMIC_ACQUIRE);
}
void x86_add_nmi(X86CPU *x);
bool x86_take_nmi(X86CPU *x); /* one of those that wait; false: none */

/* ---- isa.c ---- */
uint64_t x86_isa(const X86CPU *x); /* bits of X86Isa that the model has */

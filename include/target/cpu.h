/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU and the guest architecture behind it.
 *
 * This room knows no accelerator: what one does for the vCPUs it runs is in CPU.ops.  Each architecture has one struct that starts with CPU and holds the canonical state,
 * whichever accelerator runs it.  CPUArch is a const table. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/state.h"
#include "tcg/ir.h"

typedef struct CPUArch CPUArch;
typedef struct Clock Clock;
typedef struct VcpuOps VcpuOps;
typedef struct Accel Accel;

/* An interrupt controller that tells a vCPU only that something is pending, and which vector when it
 * is asked (a PIC, a local APIC); a board gives it to the vCPU.  Controllers that drive the lines of
 * CPUArch.set_irq need none. */
typedef struct IntSource {
    /* Is there anything to acknowledge?  The vCPU's thread; takes no lock, or a leaf.  When the answer
     * may have become true the source calls cpu_request_exit(). */
    bool (*pending)(void *opaque);
    /* The vCPU takes the interrupt: its vector, or -1 when it has gone in between. */
    int (*acknowledge)(void *opaque);
    void *opaque;
} IntSource;
typedef struct TcgVcpu TcgVcpu;
typedef struct KvmVcpu KvmVcpu;

struct CPU {
    /* Polled by translated code: nonzero asks it to return to the dispatcher.
     * Set by any thread through cpu_request_exit(). */
    uint32_t exit_request;
    /* What may be another in the key of the vCPU's context since it was asked for: 0 nothing, MODE_ANY anything, else the new key
     * is a function of the old one and of this number, which translated code puts together (MODE_ANY may be set in it). */
    uint32_t mode_change;
    uint32_t halted; /* waits for an interrupt (wfi); its thread's: others ask cpu_is_halted() */
    TcgVcpu *tcg;    /* private to accel/tcg */
    KvmVcpu *kvm;    /* private to accel/kvm */
    const CPUArch *arch;
    const VcpuOps *ops;          /* never NULL: see vcpu_ops_none */
    Accel *accel;                /* who runs it, whose room alone knows what this is; or NULL */
    AddressSpace *as;            /* physical memory; may be another after a flush of all (x86: in SMM) */
    Clock *clock;                /* of its machine */
    AddressSpace *io;            /* ports, for an architecture that has them; NULL: the machine has none */
    unsigned index;              /* 0.. in the machine */
    int thread_id;               /* the host's, of the thread that runs it; 0: none does */
    bool state_away;             /* what the guest can change is the accelerator's: see cpu_state_fetch() */
    bool state_changed;          /* ... and was changed here since it came */
    const IntSource *int_source; /* of the board; NULL: interrupts come by lines alone */
    bool host_model; /* its model is the host's processor: accelerators that make one themselves refuse it */
    bool stopped;    /* powered off: firmware has not started it, or has stopped it.  The machine's: guest
                     code asks for it (PSCI, SBI HSM), reset sets it as the board has it */
    bool held;       /* atomic: the debugger keeps it still while others run; the gdb stub's alone */
    bool singlestep; /* the debugger wants one instruction at a time */
    GArray *breakpoints; /* of uint64_t, guest virtual addresses */
    GArray *watchpoints; /* of Watchpoint */
    /* Why the dispatcher returned to the debugger, set by accel */
    uint64_t watch_hit; /* address of the access that hit */
    int watch_hit_kind; /* WATCH_*, or 0; cleared by who does not report it */
};

enum { MODE_ANY = 1 }; /* CPU.mode_change */

/* The vCPU whose thread this is, while it runs; NULL: none does.  For devices that each vCPU has one of at the same address. */
CPU *cpu_current(void);
void cpu_set_current(CPU *cpu); /* for accelerators */

enum { WATCH_WRITE = 1, WATCH_READ = 2 };
typedef struct Watchpoint {
    uint64_t addr, len;
    int kind; /* WATCH_* bits */
} Watchpoint;

typedef enum MmuAccess { MMU_READ, MMU_WRITE, MMU_EXEC } MmuAccess;
enum { PROT_R = 1, PROT_W = 2, PROT_X = 4 };

/* What a page walk found for one 4 KiB page. */
typedef struct MmuResult {
    uint64_t phys;     /* physical address of vaddr itself */
    uint8_t prot;      /* PROT_*: what the same context may do there without another walk (a
                           clean page lacks PROT_W until written) */
    bool global;       /* survives a flush by address space */
    uint8_t leaf_bits; /* log2 of the bytes that one entry of the page table maps: a flush of any
                           address in them is meant for all; 0: this page alone */
    bool no_cache;     /* rights change within the page (PMP): walk again each time */
    uint16_t alike_to; /* then: offset in the page where other rights may begin, behind vaddr */
} MmuResult;

/* Why an access cannot be made, and all that raise_fault() needs to make the guest's exception of it.
 * A word of the architecture's own goes from its walk to its raise_fault(): `code`. */
typedef enum MmuFaultKind {
    FAULT_WALK,  /* the walk refuses */
    FAULT_BUS,   /* nothing answers at the physical address */
    FAULT_ALIGN, /* misaligned, where MEM_ALIGN (or the kind of access) forbids that */
} MmuFaultKind;
typedef struct MmuFault {
    MmuFaultKind kind;
    MmuAccess access;
    MemOp mop;      /* of the load or store; 0 for fetches and for accesses that say bytes instead */
    uint64_t vaddr; /* first byte that faults: of an access over two pages it may be in the second */
    uint64_t code;  /* FAULT_WALK: riscv: the exception code */
} MmuFault;

/* How the machine's vCPUs lie, the threads of a core first: 0 counts as 1. */
typedef struct CpuTopology {
    unsigned dies, cores, threads; /* of a socket, of a die, of a core */
} CpuTopology;

/* What a set of cached translations and blocks belongs to.  Two states with equal keys
 * translate and run alike.  */
typedef struct CpuContextKey {
    uint64_t space;  /* riscv: satp (and vsatp ...) */
    uint32_t access; /* what changes rights: privilege of data accesses, SUM, MXR; and the scheme
                           of translation: spaces of one `access` have their global pages in common */
    uint32_t mode;   /* what changes the code made from an instruction: privilege, width */
} CpuContextKey;

/* A register as gdb and the monitor see it.  Its value travels as (bits + 7) / 8 bytes, the lowest
 * first. */
typedef struct CPURegister {
    const char *name;  /* gdb's name: "a0", "pc", "fa0", "mstatus" */
    const char *group; /* gdb feature: "org.gnu.gdb.riscv.cpu" */
    const char *type;  /* gdb type: "int", "code_ptr", "data_ptr", "ieee_double" */
    uint16_t bits;
    uint16_t number;    /* of architecture's choice */
    int16_t gdb_number; /* -1: next */
} CPURegister;
enum { CPU_REGISTER_BYTES = 64 }; /* of the widest */

/* Another name that people use for a register. */
typedef struct CPUAlias {
    const char *alias, *name;
} CPUAlias;

/* Types that the registers of a group have, beyond those that gdb knows: XML of its target
 * description. */
typedef struct CPUGroupTypes {
    const char *group, *xml;
} CPUGroupTypes;

/* What a translator is given.  It reads code from `page`, and beyond page_bytes by translate_fetch(),
 * bytes at a time.  Where those cannot be had the block ends before the instruction that needs them, or,
 * if that is its first, in translate_fetch_fault(). */
typedef struct TranslateCtx {
    CPU *cpu;
    IrBlock *ir;
    uint64_t pc; /* first instruction; it is fetched at CPUArch.fetch_vaddr */
    CpuContextKey key;
    unsigned max_insns;  /* 1 when single stepping */
    const uint8_t *page; /* host address of the first page's bytes; NULL: not RAM */
    uint64_t page_start; /* guest virtual address of that page */
    unsigned page_bytes; /* offset in it up to which, from pc on, fetches are allowed as at pc:
                             code further on is another block's, or (as part of the block's
                             only instruction) asked for by translate_fetch() */
    uint64_t size;       /* out: bytes of guest code translated */
    void *priv;          /* of accel */
} TranslateCtx;

/* Which cached translations a flush drops.  By address: those of its page, or of the leaf of the
 * page table that it lies in, in every address space.  By address space: those that are not
 * global.  By both: what the two have in common, global entries included.  By space: those of contexts with this
 * CpuContextKey.space that are not global. */
typedef enum CpuFlush {
    CPU_FLUSH_ALL = 0,
    CPU_FLUSH_BY_PAGE = 1,
    CPU_FLUSH_BY_ASID = 2,
    CPU_FLUSH_BY_SPACE = 4, /* given as asid */
} CpuFlush;

/* What an accelerator does for a vCPU that it runs. */
struct VcpuOps {
    void (*free)(CPU *cpu); /* the vCPU goes; it does not run any more */
    void (*kick)(CPU *cpu); /* wake it from its wait for interrupts; exit_request is set already.  Any
                               thread, any lock. */
    /* Run fn in the vCPU's thread, between instructions, and wait (at once when
     * paused, or when called from that thread). */
    void (*run_on_cpu)(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);
    /* The list of a paused vCPU changed. */
    void (*breakpoints_changed)(CPU *cpu);
    void (*watchpoints_changed)(CPU *cpu);
    /* In the vCPU's thread, or while it stands still: see target/vcpu.h. */
    void (*mmu_changed)(CPU *cpu);
    void (*flush)(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid);
    /* Bring what the guest can change into the CPU struct, and back: see cpu_state_fetch().  NULL
     * where it never leaves that. */
    void (*sync_from)(CPU *cpu);
    void (*sync_to)(CPU *cpu);
    /* CPU.as may become this one, too: hear of its changes.  The vCPU stands still.  NULL where that is never so. */
    void (*also_sees)(CPU *cpu, AddressSpace *as);
    /* The state was reset; what the accelerator alone has (a local APIC in the kernel) follows.  May be NULL. */
    void (*was_reset)(CPU *cpu);
};

/* Of a vCPU that no accelerator runs (any more): requests go nowhere, fn is called at once. */
extern const VcpuOps vcpu_ops_none;

enum { CPU_STATE_TABLES = 2 };

struct CPUArch {
    const char *name;        /* "riscv64" */
    const char *type_suffix; /* of a model, where its type is named: "rv64-riscv-cpu" */
    size_t cpu_size;         /* of the architecture's CPU struct */
    const IrGuest *guest;
    /* What the guest can change: the struct `s` in the CPU struct, and the tables of it (what all CPUs have
     * in common is in cpu_common_state).  They drive reset, save, load, and what lockstep compares; the
     * rest of the struct is the model, derived, or wires. */
    StateTable state[CPU_STATE_TABLES]; /* ends with NULL fields, or is full */
    size_t state_offset, state_size;

    /* ---- life */
    bool (*init)(CPU *cpu, const char *model, GError **err); /* model: "rv64,sv48=on" */
    void (*finish)(CPU *cpu);
    void (*place)(CPU *cpu, const CpuTopology *t); /* once, before an accelerator has it; may be NULL */
    void (*reset)(CPU *cpu);                /* after the table's reset values; may be NULL, as the next two */
    bool (*loaded)(CPU *cpu, GError **err); /* check state from a stream: what rows cannot say */
    void (*refresh)(CPU *cpu);              /* recompute what is derived: after reset and load */
    const char *(*model_name)(unsigned n);  /* of its models, from 0 on; NULL: there are no more */

    /* ---- execution; in the vCPU's thread */
    void (*context_key)(CPU *cpu, CpuContextKey *key);
    /* Translate an access of `bytes` within one 4 KiB page; false: *fault says why (all but mop). */
    bool (*walk)(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault);
    /* Set the guest's exception up; state is at the faulting instruction. */
    void (*raise_fault)(CPU *cpu, const MmuFault *fault);
    void (*translate)(TranslateCtx *t);
    /* Where the instruction at a pc is fetched, in code of this CpuContextKey.mode (x86: the base of a code segment is
     * in the pc, not added).  NULL: at the pc. */
    uint64_t (*fetch_vaddr)(uint32_t mode, uint64_t pc);
    /* What a store changed is executed from the next instruction on, without a fence (x86). */
    bool coherent_fetch;
    /* Where nothing answers reads give ones and writes go nowhere: no fault (x86). */
    bool open_bus;
    /* Watchpoints that the guest itself has set (x86: data breakpoints); NULL: there are none.  Does any lie in this
     * page, and: an access of a page with one is about to be made.  Setting one is a flush of the page. */
    bool (*watches)(CPU *cpu, uint64_t page);
    void (*accessed)(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);
    /* Misaligned atomics are made, and are atomic (x86); else they are FAULT_ALIGN. */
    bool split_atomics;
    /* Atomics of what is not RAM are made, as a read and a write (x86); else they are FAULT_BUS. */
    bool device_atomics;
    bool (*has_work)(CPU *cpu);       /* an enabled interrupt is pending: ends a wfi */
    bool (*take_interrupt)(CPU *cpu); /* deliver the best pending one: true if state changed */
    /* Changes of the mode are quick: take_interrupt() would find nothing.  False is always right; true may come too late
     * only where exit_request is set.  It and context_key() use no vector registers of the host.  NULL: they are not. */
    bool (*is_quiet)(CPU *cpu);
    uint64_t (*space_asid)(uint64_t space); /* for flushes by address space */

    /* ---- debugger and monitor; vCPU stands still */
    const CPURegister *(*registers)(CPU *cpu, unsigned *count);
    void (*get_register)(CPU *cpu, const CPURegister *r, void *bytes);
    bool (*set_register)(CPU *cpu, const CPURegister *r, const void *bytes); /* false: cannot be */
    const CPUAlias *aliases;              /* ends with a NULL alias; or NULL */
    const char *gdb_name;                 /* gdb's name (set architecture): "riscv:rv64" */
    const CPUGroupTypes *gdb_types;       /* ends with a NULL group; or NULL */
    void (*dump)(CPU *cpu, GString *out); /* info registers, -d cpu */
    /* One instruction of code of this CpuContextKey.mode as text; returns its length in bytes. */
    unsigned (*disassemble)(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                            GString *out);
    bool (*debug_walk)(CPU *cpu, uint64_t vaddr, uint64_t *phys); /* no side effects */
    void (*dump_mmu)(CPU *cpu, GString *out);                     /* info mem */

    /* ---- board */
    unsigned elf_machine;                               /* e_machine of its executables: EM_RISCV */
    unsigned elf_bits;                                  /* 32 or 64 */
    void (*set_irq)(void *opaque, int line, int level); /* an IrqHandler: input `line` (riscv: the
                                                           bit of mip), opaque is the CPU */
    void (*set_pc)(CPU *cpu, uint64_t pc);
    /* How fast a counter runs that guests measure once and then trust (x86: TSC); a saved state says it.  False: it cannot be
     * as fast here.  NULL: there is none. */
    uint32_t (*counter_khz)(const CPU *cpu);
    bool (*set_counter_khz)(CPU *cpu, uint32_t khz);
};

/* Architectures compiled in, ends with NULL (target/registry.c). */
extern const CPUArch *const cpu_archs[];
const CPUArch *cpu_arch_find(const char *name);
/* "rv64-riscv-cpu" of the model "rv64" or "rv64,sv48=on"; the caller's. */
char *cpu_type_name(const CPUArch *arch, const char *model);
bool cpu_arch_has_model(const CPUArch *arch, const char *model); /* without features */

/* A vCPU that no accelerator runs yet (accel_add_vcpu()): boards call machine_add_cpu(), which does
 * both.  index: 0.. in its machine. */
CPU *cpu_new(const CPUArch *arch, unsigned index, AddressSpace *as, Clock *clock, const char *model,
             GError **err) G_GNUC_WARN_UNUSED_RESULT;
void cpu_free(CPU *cpu); /* NULL: nothing */

/* ---- where the state is
 *
 * Under an accelerator in the host's kernel, what the guest can change is the kernel's while the vCPU
 * runs; the CPU struct is filled when somebody looks (sync_from), and the kernel is told at the next
 * run if somebody changed it (sync_to).  So whoever is neither the target nor the accelerator uses
 * the functions below, where the vCPU stands still (cpu_run(), or all are paused). */

void cpu_state_fetch(CPU *cpu);  /* the struct may be read */
void cpu_state_change(CPU *cpu); /* it may be read and written */
/* For accelerators that have sync_from: the vCPU is about to run, its state goes. */
void cpu_state_leave(CPU *cpu);

void cpu_reset(CPU *cpu); /* the vCPU stands still, or has not run yet */
uint64_t cpu_get_pc(CPU *cpu);
void cpu_set_pc(CPU *cpu, uint64_t pc);
/* By its name, or an alias; NULL: there is none. */
const CPURegister *cpu_find_register(CPU *cpu, const char *name);
void cpu_read_register(CPU *cpu, const CPURegister *r, void *bytes);
bool cpu_write_register(CPU *cpu, const CPURegister *r, const void *bytes) G_GNUC_WARN_UNUSED_RESULT;
void cpu_dump(CPU *cpu, GString *out);
void cpu_dump_mmu(CPU *cpu, GString *out);

/* Of the common part of all CPUs. */
extern const Field cpu_common_state[];
/* State as a section of bytes (base/state.h).  Load checks all; refused, it changes nothing. */
GByteArray *cpu_state_save(CPU *cpu);
bool cpu_state_load(CPU *cpu, const uint8_t *data, size_t len, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* The guest pc in the struct, wherever the architecture keeps it: for targets and accelerators. */
static inline uint64_t cpu_pc(const CPU *cpu)
{
    return *(const uint64_t *)((const char *)cpu + cpu->arch->guest->pc_offset);
}

/* Of the code that it runs: what CPUArch.disassemble wants to know. */
uint32_t cpu_code_mode(CPU *cpu);
/* CPUArch.fetch_vaddr, of whatever architecture. */
static inline uint64_t cpu_fetch_vaddr(const CPUArch *arch, uint32_t mode, uint64_t pc)
{
    return G_UNLIKELY(arch->fetch_vaddr) ? arch->fetch_vaddr(mode, pc) : pc;
}

/* Ask the vCPU to come back to its dispatcher soon; wakes it from wfi.  Any
 * thread, any lock. */
void cpu_request_exit(CPU *cpu);

/* For has_work() and take_interrupt() of architectures that have vectors from a controller. */
static inline bool cpu_int_pending(const CPU *cpu)
{
    const IntSource *s = cpu->int_source;
    return s && s->pending(s->opaque);
}

static inline int cpu_int_acknowledge(const CPU *cpu)
{
    const IntSource *s = cpu->int_source;
    return s ? s->acknowledge(s->opaque) : -1;
}

/* Run fn where the vCPU's state may be read and written, and wait for it.  Not from another vCPU's thread: two of them
 * would wait for each other. */
static inline void cpu_run(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    cpu->ops->run_on_cpu(cpu, fn, opaque);
}
/* Does it wait for an interrupt?  Its thread is asked. */
bool cpu_is_halted(CPU *cpu);

/* Guest memory by virtual address, for gdb and the monitor: see memory_debug_read().  Of a range
 * that is not mapped throughout nothing is touched. */
bool cpu_debug_read(CPU *cpu, uint64_t vaddr, void *buf, size_t len);
bool cpu_debug_write(CPU *cpu, uint64_t vaddr, const void *buf, size_t len);

/* Changing these lists drops the translations concerned; vCPUs stand still. */
void cpu_breakpoint_add(CPU *cpu, uint64_t addr);
bool cpu_breakpoint_remove(CPU *cpu, uint64_t addr);
void cpu_watchpoint_add(CPU *cpu, uint64_t addr, uint64_t len, int kind);
bool cpu_watchpoint_remove(CPU *cpu, uint64_t addr, uint64_t len, int kind);
void cpu_set_singlestep(CPU *cpu, bool on);

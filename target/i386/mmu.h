/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linear memory as the processor itself accesses it: page walks, and loads and stores with rights of their own. */
#pragma once
#include "target/i386/cpu.h"
#include "target/i386/decode.h"

typedef enum X86Rights {
    RIGHTS_SUPERVISOR, /* an instruction's access at CPL 0 to 2 */
    RIGHTS_USER,
    RIGHTS_SYSTEM, /* of descriptor tables and task state: supervisor whatever CPL is, and AC does not lift SMAP */
} X86Rights;

static inline X86Rights x86_rights(unsigned cpl)
{
    return cpl == 3 ? RIGHTS_USER : RIGHTS_SUPERVISOR;
}

/* Is it a linear address at all?  Outside of long mode every one is. */
bool x86_canonical(const X86CPU *x, uint64_t linear);
/* Would it be in 64-bit mode?  For registers that are loaded before it begins. */
bool x86_canonical_64(const X86CPU *x, uint64_t address);

/* One page.  A linear address outside of long mode has 32 bits. */
bool x86_translate(X86CPU *x, uint64_t linear, MmuAccess access, X86Rights who, MmuResult *out, X86Fault *f);

/* Does EFLAGS.AC (with CR0.AM, at level 3) ask for aligned operands? */
static inline bool x86_alignment_checked(const X86CPU *x)
{
    return (x->s.eflags & EFL_AC) && (x->s.cr0 & CR0_AM) && x->s.cpl == 3;
}
/* Of an instruction's access: #AC, or what comes before it where the address is not canonical. */
bool x86_check_alignment(X86CPU *x, uint64_t linear, unsigned alignment, X86Fault *f);

/* 1, 2, 4 or 8 bytes, over two pages, too; where nothing answers at the physical address reads give ones.  A store that
 * faults in its second page has written nothing. */
bool x86_load(X86CPU *x, uint64_t linear, unsigned bytes, X86Rights who, uint64_t *value, X86Fault *f);
bool x86_store(X86CPU *x, uint64_t linear, unsigned bytes, X86Rights who, uint64_t value, X86Fault *f);
/* Where bytes of one page are in the host, for plain loads or stores up to the next call of a function of this file or of
 * target/vcpu.h; NULL: they are to be accessed by those. */
void *x86_host(X86CPU *x, uint64_t linear, unsigned bytes, MmuAccess access, X86Rights who);
/* Set bits of a byte, and clear others, as one access; of descriptors, with RIGHTS_SYSTEM. */
bool x86_change_byte(X86CPU *x, uint64_t linear, uint8_t set, uint8_t clear, X86Fault *f);

/* PAE paging: read the four entries at cr3 into pdpte.  False: #GP(0), a reserved bit is set; nothing changed. */
bool x86_load_pdptes(X86CPU *x, uint64_t cr3, X86Fault *f);

/* ---- CPUArch ---- */
/* MmuFault.code of a walk: the vector in bits 39..32, below it the error code. */
static inline uint64_t x86_fault_code(uint8_t vector, uint32_t error)
{
    return (uint64_t)vector << 32 | error;
}
bool x86_walk(CPU *cpu, uint64_t linear, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault);
bool x86_debug_walk(CPU *cpu, uint64_t linear, uint64_t *phys);
void x86_dump_mmu(CPU *cpu, GString *out);
void x86_context_key(CPU *cpu, CpuContextKey *key);
void x86_data_key(X86CPU *x, X86Rights who, CpuContextKey *key); /* space and access */
uint64_t x86_linear(const X86CPU *x,
                    uint64_t linear);    /* an address as it is walked: 32 bits outside of long mode */
uint64_t x86_space_asid(uint64_t space); /* its PCID */

/* CpuContextKey.mode of this target: what translated code depends on. */
enum {
    X86_MODE_SIZE = 3, /* bits 1..0: 0 16-bit, 1 32-bit, 2 64-bit code */
    X86_MODE_SIZE_64 = 2,
    X86_MODE_CPL_SHIFT = 2,
    X86_MODE_PE = 1 << 4,
    X86_MODE_VM = 1 << 5,
    X86_MODE_SS32 = 1 << 6,    /* SS.B: the stack pointer is ESP (RSP in 64-bit code) */
    X86_MODE_FLAT_DS = 1 << 7, /* base 0, all 4 GiB may be read and written */
    X86_MODE_FLAT_ES = 1 << 8,
    X86_MODE_FLAT_SS = 1 << 9,
    X86_MODE_CS_LIMIT_SHIFT = 10, /* 2 bits: 0 4 GiB (or 64-bit code), 1 64 KiB, 2 another */
    X86_MODE_SINGLE = 1 << 12,    /* one instruction a block: TF, breakpoints, an interrupt shadow */
    X86_MODE_AC = 1 << 13,        /* alignment is checked */
    X86_MODE_NO_FPU = 1 << 14,    /* CR0.EM or TS */
    X86_MODE_SSE = 1 << 15,       /* CR4.OSFXSR, and not CR0.EM */
    X86_MODE_AVX = 1 << 16,       /* XCR0 has AVX */
    X86_MODE_SMM = 1 << 17,
    X86_MODE_IOPL = 1 << 18,  /* IOPL >= CPL */
    X86_MODE_EM = 1 << 19,    /* CR0.EM */
    X86_MODE_TS = 1 << 20,    /* CR0.TS */
    X86_MODE_XM = 1 << 21,    /* MXCSR leaves some exception unmasked */
    X86_MODE_LA57 = 1 << 24,  /* linear addresses have 57 bits */
    X86_MODE_UPPER = 1 << 22, /* upper halves of YMM registers may not be 0 */
};
/* Of code of such a mode; whose vendor it is says who decodes. */
X86DecodeMode x86_decode_mode(uint32_t mode);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, segment registers and stacks, as all that changes privilege or task uses them. */
#pragma once
#include "target/i386/mmu.h"

/* ---- descriptors ---------------------------------------------------------- */

typedef struct X86Desc {
    uint64_t low;   /* its 8 bytes */
    uint64_t high;  /* the 8 behind them, of x86_desc_read_wide(); else 0 */
    uint64_t where; /* linear address */
} X86Desc;

enum { SEL_RPL = 3, SEL_TI = 4 };
static inline uint32_t sel_error(uint16_t selector) /* as error codes show it */
{
    return selector & ~SEL_RPL;
}
static inline bool sel_is_null(uint16_t selector)
{
    return !(selector & ~SEL_RPL);
}

uint32_t x86_desc_attr(const X86Desc *d); /* ATTR_* */
uint64_t x86_desc_base(const X86Desc *d); /* of all that is not a gate */
uint32_t x86_desc_limit(const X86Desc *d);
static inline unsigned x86_desc_type(const X86Desc *d) /* TYPE_* when it is a system descriptor */
{
    return d->low >> 40 & ATTR_TYPE;
}
static inline bool x86_desc_is_code(const X86Desc *d)
{
    uint32_t attr = d->low >> 40;
    return (attr & ATTR_S) && (attr & ATTR_CODE);
}
static inline bool x86_desc_is_system(const X86Desc *d)
{
    return !(d->low >> 40 & ATTR_S);
}

/* From the GDT or LDT; the fault for a selector that lies outside of it is `vector` with the selector. */
bool x86_desc_read(X86CPU *x, uint16_t selector, uint8_t vector, X86Desc *d, X86Fault *f);
/* ... and in long mode, where it is a system descriptor of 16 bytes (gates, TSS, LDT), its second half. */
bool x86_desc_read_wide(X86CPU *x, uint16_t selector, uint8_t vector, X86Desc *d, X86Fault *f);
/* Code or data that is loaded: its accessed bit, in memory and in d. */
bool x86_desc_mark_accessed(X86CPU *x, X86Desc *d, X86Fault *f);

/* ---- segment registers ---------------------------------------------------- */

/* The rest says "load" for a change of register and cache that has passed all checks, and cannot fail. */
void x86_bounds_update(X86CPU *x, X86SegId seg); /* after a change of s.seg[seg] */
void x86_seg_load(X86CPU *x, X86SegId seg, uint16_t selector, const X86Desc *d);
void x86_seg_load_null(X86CPU *x, X86SegId seg, uint16_t selector);
/* As real mode does, where base follows from the selector and nothing else changes, and as virtual-8086 mode
 * does, which sets all. */
void x86_seg_load_real(X86CPU *x, X86SegId seg, uint16_t selector);
void x86_seg_load_v86(X86CPU *x, X86SegId seg, uint16_t selector);
/* CS with its RPL := cpl, which becomes CPL; offset becomes the instruction pointer. */
void x86_code_load(X86CPU *x, uint16_t selector, const X86Desc *d, unsigned cpl, uint64_t offset);
/* Privilege went down to s.cpl: data segments that it may not have are null now (SDM 2, RET, IRET). */
void x86_seg_drop_privileged(X86CPU *x);

/* MOV and POP to any but CS, LES and its like (SDM 2, MOV). */
bool x86_seg_move(X86CPU *x, X86SegId seg, uint16_t selector, X86Fault *f);
/* A stack segment for level cpl; faults are `vector` (#GP of MOV, #TS of a stack from the TSS), absent ones #SS. */
bool x86_stack_segment_check(X86CPU *x, uint16_t selector, unsigned cpl, uint8_t vector, X86Desc *d,
                             X86Fault *f);
/* A data segment for level cpl; not null.  Absent ones are #NP. */
bool x86_data_segment_check(X86CPU *x, uint16_t selector, unsigned cpl, uint8_t vector, X86Desc *d,
                            X86Fault *f);
/* May code at `offset` be executed in a segment that d describes?  #GP(0) otherwise. */
bool x86_code_offset_check(X86CPU *x, const X86Desc *d, uint64_t offset, X86Fault *f);

bool x86_lldt(X86CPU *x, uint16_t selector, X86Fault *f);
bool x86_ltr(X86CPU *x, uint16_t selector, X86Fault *f);

/* LAR, LSL, VERR, VERW: *ok is ZF, *value (of the first two) counts when it is set.  A page fault is all that can
 * go wrong. */
bool x86_lar(X86CPU *x, uint16_t selector, bool *ok, uint32_t *value, X86Fault *f);
bool x86_lsl(X86CPU *x, uint16_t selector, bool *ok, uint32_t *value, X86Fault *f);
bool x86_verify(X86CPU *x, uint16_t selector, bool write, bool *ok, X86Fault *f);

/* ---- stacks --------------------------------------------------------------- */

/* A stack that something is pushed on or popped from; the registers follow when all has gone well. */
typedef struct X86Stack {
    X86CPU *x;
    uint64_t base, sp, mask; /* mask: which bits of the pointer count */
    X86Bounds bounds;        /* flat: all */
    X86Rights who;
    uint32_t error; /* of #SS */
    bool flat;      /* 64-bit: no segment */
} X86Stack;

X86Stack x86_stack_current(X86CPU *x);
/* The stack of a segment that is not loaded yet, for level cpl. */
X86Stack x86_stack_of(X86CPU *x, uint16_t selector, const X86Desc *d, uint64_t sp, unsigned cpl);
/* The stack of a 64-bit handler at level cpl. */
X86Stack x86_stack_flat(X86CPU *x, uint64_t sp, unsigned cpl);
bool x86_push(X86Stack *st, unsigned bytes, uint64_t value, X86Fault *f);
bool x86_pop(X86Stack *st, unsigned bytes, uint64_t *value, X86Fault *f);
/* At an offset from the pointer; moves nothing. */
bool x86_stack_peek(X86Stack *st, uint64_t offset, unsigned bytes, uint64_t *value, X86Fault *f);
/* The stack pointer as a register: only the bits that count change. */
void x86_stack_commit(const X86Stack *st);

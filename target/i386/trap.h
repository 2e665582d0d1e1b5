/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery of interrupts and exceptions. */
#pragma once
#include "target/i386/tss.h"

typedef enum X86EventKind {
    EVENT_EXTERNAL,  /* an interrupt line, NMI */
    EVENT_EXCEPTION, /* found by the processor */
    EVENT_SOFT,      /* INT n */
    EVENT_SOFT_TRAP, /* INT3, INTO: not redirected, not checked against IOPL in virtual-8086 mode (INTO, INT3) */
    EVENT_ICEBP,     /* INT1: a software trap whose gate's DPL is not checked */
} X86EventKind;

typedef struct X86Event {
    uint8_t vector;
    X86EventKind kind;
    bool has_error;
    uint32_t error;
    uint64_t return_ip;
    bool rf; /* in the image of EFLAGS: the instruction at return_ip does not meet its breakpoint again */
} X86Event;

/* One attempt.  False: an exception came up; nothing that the guest sees has changed (unless a task was switched to). */
bool x86_event_deliver(X86CPU *x, const X86Event *e, X86Fault *f);

/* Deliver an exception, at the instruction that s.pc names (traps: behind it); what comes up meanwhile becomes a
 * double fault, or shuts the processor down. */
void x86_exception(X86CPU *x, const X86Fault *f);
/* An external interrupt or NMI, between instructions. */
void x86_interrupt(X86CPU *x, uint8_t vector);
void x86_nmi(X86CPU *x);
void x86_unmask_nmi(X86CPU *x); /* its handler has ended */
/* INT n and its like at s.pc; what comes up is the instruction's fault. */
bool x86_software_interrupt(X86CPU *x, uint8_t vector, X86EventKind kind, uint64_t next_ip, X86Fault *f);
/* From a helper: bring pc up to the instruction, deliver, leave translated code. */
G_NORETURN void x86_raise(X86CPU *x, const X86Fault *f);

/* From a helper: the linear address of bytes at an offset in a segment of 16- or 32-bit code; what its bounds forbid is
 * raised. */
uint64_t x86_segment_linear(X86CPU *x, X86SegId seg, uint64_t offset, unsigned bytes, bool write);

/* fault.c: make of what a walk said what the instruction at the pc is told of it. */
void x86_explain_fault(X86CPU *x, MmuAccess access, X86Fault *f);

/* Only a reset helps. */
void x86_shut_down(X86CPU *x);

bool x86_has_error_code(uint8_t vector);

/* ---- CPUArch ---- */
void x86_raise_fault(CPU *cpu, const MmuFault *fault);
bool x86_has_work(CPU *cpu);
bool x86_take_interrupt(CPU *cpu);
bool x86_is_quiet(CPU *cpu); /* quiet.c */
void x86_set_irq(void *opaque, int line, int level);

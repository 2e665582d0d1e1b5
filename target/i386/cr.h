/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control registers: writes with their rules. */
#pragma once
#include "target/i386/cpu.h"

/* MOV to CRn, CPL and operand size checked by who decodes; #GP(0) for what the rules forbid. */
bool x86_write_cr0(X86CPU *x, uint64_t value, X86Fault *f);
bool x86_write_cr3(X86CPU *x, uint64_t value, X86Fault *f);
bool x86_write_cr4(X86CPU *x, uint64_t value, X86Fault *f);
bool x86_write_cr8(X86CPU *x, uint64_t value, X86Fault *f);
bool x86_write_efer(X86CPU *x, uint64_t value, X86Fault *f); /* WRMSR C0000080h */
bool x86_write_xcr0(X86CPU *x, uint64_t value, X86Fault *f); /* XSETBV with ECX 0 */
bool x86_lmsw(X86CPU *x, uint16_t value, X86Fault *f);       /* sets PE, never clears it */
void x86_clts(X86CPU *x);
void x86_write_pkru(X86CPU *x, uint32_t value); /* WRPKRU, XRSTOR */
/* CR3 of a task that is switched to: no PCID. */
bool x86_task_cr3(X86CPU *x, uint32_t cr3, X86Fault *f);

/* Bits of CR4 that this model has: others are reserved. */
uint64_t x86_cr4_bits(const X86CPU *x);
/* ... of EFER. */
uint64_t x86_efer_bits(const X86CPU *x);
/* ... of XCR0. */
uint64_t x86_xcr0_bits(const X86CPU *x);

/* INVPCID (SDM 2) with the descriptor's halves; #GP(0) for a bad type, PCID or address. */
bool x86_invpcid(X86CPU *x, uint64_t type, uint64_t pcid, uint64_t linear, X86Fault *f);
void x86_invlpg(X86CPU *x, uint64_t linear);

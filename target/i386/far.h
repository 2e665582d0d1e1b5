/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far transfers: JMP, CALL, RET, IRET, and the fast system calls.  `bytes` is the operand size: 2, 4, 8.
 * next_ip is what a call or a task's state returns to. */
#pragma once
#include "target/i386/tss.h"

bool x86_far_jump(X86CPU *x, uint16_t selector, uint64_t offset, unsigned bytes, uint64_t next_ip,
                  X86Fault *f);
bool x86_far_call(X86CPU *x, uint16_t selector, uint64_t offset, unsigned bytes, uint64_t next_ip,
                  X86Fault *f);
/* RET FAR imm16: `release` bytes of parameters go from the stack, or from both. */
bool x86_far_return(X86CPU *x, unsigned bytes, unsigned release, X86Fault *f);
bool x86_iret(X86CPU *x, unsigned bytes, uint64_t next_ip, X86Fault *f);

/* ---- sysc.c ---- */
enum { /* ATTR_* of what these load, but for the level and ATTR_L or ATTR_DB of code */
       FIXED_CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED | ATTR_G,
       FIXED_DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G | ATTR_DB,
};
bool x86_syscall(X86CPU *x, uint64_t next_ip, X86Fault *f);
bool x86_sysret(X86CPU *x, unsigned bytes, X86Fault *f); /* 8: to 64-bit mode, else to compatibility mode */
bool x86_sysenter(X86CPU *x, X86Fault *f);
bool x86_sysexit(X86CPU *x, unsigned bytes, X86Fault *f);

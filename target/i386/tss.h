/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The task state segment: stacks of inner levels, I/O permissions, switches of tasks. */
#pragma once
#include "target/i386/seg.h"

/* SS:ESP of level cpl; #TS(TR) when the TSS is too short for it. */
bool x86_tss_stack(X86CPU *x, unsigned cpl, uint16_t *ss, uint64_t *sp, X86Fault *f);
/* Long mode: RSPn of level n, ISTn (1 to 7). */
bool x86_tss_rsp(X86CPU *x, unsigned level, uint64_t *rsp, X86Fault *f);
bool x86_tss_ist(X86CPU *x, unsigned ist, uint64_t *rsp, X86Fault *f);
/* IN, OUT and their string forms, in protected and virtual-8086 mode: #GP(0) unless CPL, IOPL and bitmap allow the
 * ports.  In real mode all are allowed. */
bool x86_io_check(X86CPU *x, uint16_t port, unsigned bytes, X86Fault *f);
/* VME: is INT n of virtual-8086 mode for the program's own handler? */
bool x86_tss_redirects(X86CPU *x, uint8_t vector, bool *own, X86Fault *f);

typedef enum TaskSwitch { TASK_JUMP, TASK_CALL, TASK_INT, TASK_IRET } TaskSwitch;
/* Go to another task; the old one will go on at next_ip.  CALL and INT nest: the new task's back link is the old one.
 * A fault after the switch is the new task's: CPU state is complete then, and what could not be loaded is null. */
bool x86_task_switch(X86CPU *x, uint16_t selector, TaskSwitch how, uint64_t next_ip, X86Fault *f);
/* IRET with NT: back to the task that called. */
bool x86_task_return(X86CPU *x, uint64_t next_ip, X86Fault *f);
/* Push an exception's error code on the new task's stack, in its size. */
bool x86_task_push_error(X86CPU *x, uint32_t error, X86Fault *f);

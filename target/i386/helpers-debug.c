/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What surrounds an instruction: code breakpoints before it, the end of shadows, the single-step trap and the breakpoints of
 * its accesses behind it.
 * Spec: SDM volume 3, "Debug Exception (#DB)", "Single-Step Exception Condition", "Instruction-Breakpoint Exception
 * Condition", "Masking Exceptions and Interrupts When Switching Stacks", "Priority Among Concurrent Events".
 *
 * Where any of them can be, a block has one instruction (X86_MODE_SINGLE) and calls begin and finish; else finish alone, behind
 * the instruction that an STI, MOV SS or POP SS shadows.
 *
 * Under DEBUGCTL.BTF steps are from branch to branch, under DEBUGCTL.LBR branches are recorded (lbr.c); any #DB clears both (SDM
 * volume 3, "Single-Stepping on Branches", "Last Branch, Interrupt, and Exception Recording").
 *
 * RF: begin looks at it, finish clears it.  IRET leaves it cleared where there are no breakpoints, so that returning from
 * a fault costs no block of one; unless an interrupt waits, which comes before the next instruction and shows it set. */
#include "target/i386/helpers-priv.h"

#include "target/i386/dbg.h"
#include "target/i386/lbr.h"

static uint64_t linear_pc(const X86CPU *x)
{
    return x86_64bit(x) ? x->s.pc : (uint32_t)(x->s.seg[SEG_CS].base + x86_ip(x));
}

static void helper_begin(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    cpu_restore_pc(cpu);
    uint64_t met = x->s.events.shadow & SHADOW_MOV_SS ? 0 : x86_break_code(x, linear_pc(x));
    if (met) {
        X86Fault f = { .vector = X86_EXC_DB, .dr6 = met };
        x86_raise(x, &f);
    }
    x->stepping = x->s.eflags & EFL_TF;
    x->gathered = false; /* a debugger may have left in the midst of one */
    if (x->s.msr.debugctl & DEBUGCTL_LBR) {
        x->branch_from = x86_lbr_place(x);
    }
}
const IrHelper x86_helper_begin = IR_HELPER0("x86_begin", helper_begin, X86_HELPER_SYS, VOID);

/* step: a trap comes.  In the middle of a repeated instruction it shows RF cleared, as Zen 3 does. */
static void end_shadow(X86CPU *x, uint32_t how, bool step)
{
    if (!(how & X86_END_SHADOW)) {
        x->s.events.shadow = 0;
    }
    if (how & X86_END_AGAIN && !step) {
        x->s.eflags |= EFL_RF;
    } else if (!(how & X86_END_RF)) {
        x->s.eflags &= ~EFL_RF;
    }
    cpu_mmu_changed(&x->cpu); /* the mode has that */
}

/* Traps of MOV SS come behind the next instruction: what its accesses met waits. */
static void helper_finish(CPU *cpu, uint32_t how, uint64_t next)
{
    X86CPU *x = x86_cpu(cpu);
    bool step =
        x->stepping && !(how & X86_END_NO_STEP) && (!(how & X86_END_STEP_IF_TF) || (x->s.eflags & EFL_TF));
    /* where another instruction is next */
    bool branch = how & X86_END_BRANCH || (x->s.pc != next && !(how & X86_END_AGAIN));
    if (step && x->s.msr.debugctl & DEBUGCTL_BTF) {
        step = branch;
    }
    if (branch && x->s.msr.debugctl & DEBUGCTL_LBR && !(how & X86_END_UNWATCHED)) {
        x86_lbr_record(x, x->branch_from);
    }
    end_shadow(x, how, step);
    x->stepping = false;
    if (x->s.events.shadow & SHADOW_MOV_SS || !(step || x->met)) {
        return;
    }
    X86Fault f = { .vector = X86_EXC_DB, .dr6 = x->met | (step ? DR6_BS : 0) };
    if (x->s.events.mp_state == MP_HALTED) { /* a debug exception ends a HLT (SDM volume 2, HLT) */
        x->s.events.mp_state = MP_RUNNABLE;
        x->cpu.halted = false;
    }
    x86_exception(x, &f);
}
const IrHelper x86_helper_finish =
    IR_HELPER2("x86_finish", helper_finish, IRH_READS | IRH_WRITES, VOID, I32, I64);

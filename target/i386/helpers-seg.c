/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of translate-seg.c. */
#include "target/i386/helpers-priv.h"
#include "target/i386/cr.h"
#include "target/i386/intflag.h"
#include "target/i386/seg.h"

static void helper_load_segment(CPU *cpu, uint32_t what, uint32_t selector)
{
    X86SegId seg = what & 0xff;
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_seg_move(x, seg, selector, &f), &f);
    if (seg == SEG_SS && !(what >> 8)) {
        x86_shadow_mov_ss(x);
    }
}
const IrHelper x86_helper_load_segment =
    IR_HELPER2("x86_load_segment", helper_load_segment, X86_HELPER_SYS, VOID, I32, I32);

static void helper_fsgsbase(CPU *cpu, uint64_t value)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    bool on = x->s.cr4 & CR4_FSGSBASE;
    bool ok =
        (on || x86_fault(&f, X86_EXC_UD, 0)) && (x86_canonical(x, value) || x86_fault(&f, X86_EXC_GP, 0));
    x86_helper_done(x, ok, &f);
}
const IrHelper x86_helper_fsgsbase =
    IR_HELPER1("x86_fsgsbase", helper_fsgsbase, IRH_FAULT | IRH_REPEAT, VOID, I64);

static void helper_umip(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, !(x->s.cr4 & CR4_UMIP) || x86_fault(&f, X86_EXC_GP, 0), &f);
}
const IrHelper x86_helper_umip = IR_HELPER0("x86_umip", helper_umip, IRH_FAULT | IRH_REPEAT, VOID);

static void helper_load_table(CPU *cpu, uint32_t idt, uint64_t base, uint32_t limit)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, !x86_64bit(x) || x86_canonical(x, base) || x86_fault(&f, X86_EXC_GP, 0), &f);
    *(idt ? &x->s.idtr : &x->s.gdtr) = (X86Table){ .base = base, .limit = (uint16_t)limit };
}
const IrHelper x86_helper_load_table =
    IR_HELPER3("x86_load_table", helper_load_table, IRH_FAULT | IRH_REPEAT, VOID, I32, I64, I32);

static void helper_load_system(CPU *cpu, uint32_t task, uint32_t selector)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, (task ? x86_ltr : x86_lldt)(x, selector, &f), &f);
}
const IrHelper x86_helper_load_system =
    IR_HELPER2("x86_load_system", helper_load_system, X86_HELPER_SYS, VOID, I32, I32);

static void helper_lmsw(CPU *cpu, uint32_t value)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_lmsw(x, value, &f), &f);
}
const IrHelper x86_helper_lmsw = IR_HELPER1("x86_lmsw", helper_lmsw, X86_HELPER_SYS, VOID, I32);

/* ZF in bit 32, below it what LAR or LSL tell. */
static uint64_t helper_ask_descriptor(CPU *cpu, uint32_t ask, uint32_t selector)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    bool ok = false, fine;
    uint32_t value = 0;
    switch (ask) {
    case ASK_LAR: fine = x86_lar(x, selector, &ok, &value, &f); break;
    case ASK_LSL: fine = x86_lsl(x, selector, &ok, &value, &f); break;
    default: fine = x86_verify(x, selector, ask == ASK_VERW, &ok, &f); break;
    }
    x86_helper_done(x, fine, &f);
    return ok ? UINT64_C(1) << 32 | value : 0;
}
const IrHelper x86_helper_ask_descriptor =
    IR_HELPER2("x86_ask_descriptor", helper_ask_descriptor, IRH_FAULT | IRH_READS, I64, I32, I32);

/* Memory is written only if its RPL is lower; else it need not be writable. */
static uint64_t helper_arpl(CPU *cpu, uint64_t offset, uint32_t selector, uint32_t seg)
{
    X86CPU *x = x86_cpu(cpu);
    offset = (uint32_t)offset;
    X86Fault f = { 0 };
    uint64_t linear = x86_segment_linear(x, seg, offset, 2, false);
    x86_helper_done(x, x86_check_alignment(x, linear, 2, &f), &f);
    uint64_t old = cpu_load(cpu, linear, MEM_16);
    bool lower = (old & SEL_RPL) < (selector & SEL_RPL);
    if (lower) {
        uint64_t raised = (old & ~SEL_RPL) | (selector & SEL_RPL);
        cpu_store(cpu, x86_segment_linear(x, seg, offset, 2, true), MEM_16, raised);
    }
    return lower;
}
const IrHelper x86_helper_arpl =
    IR_HELPER3("x86_arpl", helper_arpl, IRH_FAULT | IRH_REPEAT, I64, I64, I32, I32);

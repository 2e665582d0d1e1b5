/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that change levels, segments and flags: the way from translated code to the functions over X86CPU. */
#include "target/i386/helpers-priv.h"

#include "target/i386/far.h"
#include "target/i386/intflag.h"

static void helper_raise(CPU *cpu, uint32_t vector, uint64_t error)
{
    X86Fault f = { .vector = vector, .error = error };
    x86_exception(x86_cpu(cpu), &f);
}
const IrHelper x86_helper_raise =
    IR_HELPER2("x86_raise", helper_raise, IRH_READS | IRH_WRITES, VOID, I32, I64);

static void helper_probe_write(CPU *cpu, uint64_t linear, uint32_t bytes)
{
    cpu_probe(cpu, linear, bytes, MMU_WRITE);
}
const IrHelper x86_helper_probe_write =
    IR_HELPER2("x86_probe_write", helper_probe_write, IRH_FAULT | IRH_REPEAT, VOID, I64, I32);

static void helper_check_alignment(CPU *cpu, uint64_t linear, uint32_t alignment)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    if (G_UNLIKELY(!x86_check_alignment(x, linear, alignment, &f))) {
        cpu_restore_pc(cpu);
        x86_explain_fault(x, MMU_READ, &f);
        x86_raise(x, &f);
    }
}
const IrHelper x86_helper_check_alignment = IR_HELPER2("x86_check_alignment", helper_check_alignment,
                                                       IRH_FAULT | IRH_READS | IRH_REPEAT, VOID, I64, I32);

static void helper_int(CPU *cpu, uint32_t vector, uint32_t kind, uint64_t next)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_software_interrupt(x, vector, kind, next, &f), &f);
}
const IrHelper x86_helper_int = IR_HELPER3("x86_int", helper_int, X86_HELPER_SYS, VOID, I32, I32, I64);

static void helper_iret(CPU *cpu, uint32_t bytes, uint64_t next)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_iret(x, bytes, next, &f), &f);
    if ((x->s.eflags & EFL_RF) && !(x->s.dr7 & DR7_ENABLES) && !x86_has_work(cpu)) {
        x->s.eflags &= ~EFL_RF; /* see helpers-debug.c */
    }
}
const IrHelper x86_helper_iret = IR_HELPER2("x86_iret", helper_iret, X86_HELPER_SYS, VOID, I32, I64);

/* what: bytes | call << 8 */
static void helper_far(CPU *cpu, uint32_t selector, uint64_t offset, uint32_t what, uint64_t next)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    bool ok = (what >> 8 ? x86_far_call : x86_far_jump)(x, selector, offset, what & 0xff, next, &f);
    x86_helper_done(x, ok, &f);
}
const IrHelper x86_helper_far = IR_HELPER4("x86_far", helper_far, X86_HELPER_SYS, VOID, I32, I64, I32, I64);

static void helper_lret(CPU *cpu, uint32_t bytes, uint32_t release)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_far_return(x, bytes, release, &f), &f);
}
const IrHelper x86_helper_lret = IR_HELPER2("x86_lret", helper_lret, X86_HELPER_SYS, VOID, I32, I32);

static void helper_cli(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_cli(x, &f), &f);
}
const IrHelper x86_helper_cli = IR_HELPER0("x86_cli", helper_cli, X86_HELPER_SYS, VOID);

static void helper_sti(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_sti(x, &f), &f);
}
const IrHelper x86_helper_sti = IR_HELPER0("x86_sti", helper_sti, X86_HELPER_SYS, VOID);

static uint64_t helper_pushf(CPU *cpu, uint32_t bytes)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    uint64_t image = 0;
    x86_helper_done(x, x86_pushf(x, bytes, &image, &f), &f);
    return image;
}
const IrHelper x86_helper_pushf =
    IR_HELPER1("x86_pushf", helper_pushf, IRH_FAULT | IRH_READS | IRH_REPEAT, I64, I32);

static void helper_popf(CPU *cpu, uint64_t image, uint32_t bytes)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_popf(x, bytes, image, &f), &f);
}
const IrHelper x86_helper_popf = IR_HELPER2("x86_popf", helper_popf, X86_HELPER_SYS, VOID, I64, I32);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, control and debug registers, MSRs, time, CPUID, caches and translations: what operating systems run.
 * Spec: SDM volume 2, each instruction's page.
 *
 * What may change the mode, or what devices may ask of the processor, ends the block behind the instruction.
 *
 * Not modelled: MONITOR and MWAIT, which no model has; performance counters (RDPMC finds none); SMM (RSM). */
#include "target/i386/families.h"
#include "target/i386/translate.h"

/* ---- ports ------------------------------------------------------------------- */

static IrRef port_of(Translator *t, unsigned n)
{
    bool dx = t->row->operands[n].where == X86_AT_DX;
    return dx ? x86_tr_reg(t, X86_RDX, 2) : x86_tr_const(t, (uint8_t)t->insn.imm);
}

/* Behind OUT the machine may want something of the processor: a reset, its end, another A20. */
void x86_tr_port(Translator *t)
{
    bool in = t->row->arg == X86_PORT_IN;
    IrRef bytes = x86_tr_const(t, x86_tr_bytes(t, !in));
    if (in) {
        IrRef args[2] = { port_of(t, 1), bytes };
        x86_tr_set(t, 0, x86_tr_call(t, &x86_helper_in, 2, args));
        return;
    }
    IrRef args[3] = { port_of(t, 0), x86_tr_get(t, 1), bytes };
    x86_tr_call(t, &x86_helper_out, 3, args);
    x86_tr_end_lookup(t);
}

/* ---- waiting ------------------------------------------------------------------- */

void x86_tr_hlt(Translator *t)
{
    x86_tr_call(t, &x86_helper_hlt, 0, NULL);
    x86_tr_end_lookup(t);
}

void x86_tr_rsm(Translator *t)
{
    x86_tr_call(t, &x86_helper_rsm, 0, NULL);
    x86_tr_exit_lookup(t, 0);
}

/* An armed monitor may be lost at any time, and a wait may end for no reason (SDM 2, MWAIT): here it ends at once, behind a hint to
 * let others run.  Nothing that a guest may rely on is different, and no store of others has to be watched. */
void x86_tr_monitor(Translator *t)
{
    bool waits = t->row->arg == X86_MONITOR_MWAIT;
    IrRef ecx = x86_tr_reg(t, X86_RCX, 4);
    /* MWAIT: bit 0, masked interrupts end it; MONITOR: no extension */
    ir_brcc(t->ir, IR_GTU, IR_I32, ecx, x86_tr_const(t, waits), x86_tr_cold_fault(t, X86_EXC_GP));
    if (waits) {
        x86_tr_call(t, &x86_helper_pause, 0, NULL);
    } else { /* faults as a load of a byte does */
        x86_tr_load(t, t->insn.seg, x86_tr_reg(t, X86_RAX, 8), 1, t->insn.asz);
    }
}

void x86_tr_pause(Translator *t)
{
    x86_tr_call(t, &x86_helper_pause, 0, NULL);
}

/* ---- control and debug registers -------------------------------------------------- */

static bool control_exists(const Translator *t, unsigned n)
{
    return n == 0 || (n >= 2 && n <= 4) || (n == 8 && t->code == 8);
}

static size_t control_at(unsigned n)
{
    static const size_t at[] = { [0] = offsetof(X86CPU, s.cr0),
                                 [2] = offsetof(X86CPU, s.cr2),
                                 [3] = offsetof(X86CPU, s.cr3),
                                 [4] = offsetof(X86CPU, s.cr4) };
    return at[n];
}

/* What there is no register for: #UD. */
static bool names_register(Translator *t)
{
    unsigned n = t->insn.reg;
    bool exists = t->row->arg == X86_MOV_FROM_CONTROL_CR ? control_exists(t, n) : n < 8;
    if (!exists) {
        x86_tr_fault(t, X86_EXC_UD);
    }
    return exists;
}
_Static_assert((int)X86_MOV_FROM_CONTROL_CR == (int)X86_MOV_TO_CONTROL_CR,
               "names_register() serves both ways");

void x86_tr_mov_from_control(Translator *t)
{
    unsigned n = t->insn.reg;
    if (!names_register(t)) {
        return;
    }
    IrRef number = x86_tr_const(t, n), value;
    if (t->row->arg == X86_MOV_FROM_CONTROL_DR) {
        value = x86_tr_call(t, &x86_helper_read_dr, 1, &number);
    } else if (n == 8) {
        value = x86_tr_call(t, &x86_helper_read_cr8, 0, NULL);
    } else {
        value = ir_load_env(t->ir, MEM_64, IR_NONE, control_at(n));
    }
    x86_tr_set(t, 0, value);
}

void x86_tr_mov_to_control(Translator *t)
{
    if (!names_register(t)) {
        return;
    }
    IrRef value = x86_tr_zero_extend(t, x86_tr_get(t, 1), x86_tr_bytes(t, 1));
    IrRef args[2] = { x86_tr_const(t, t->insn.reg), value };
    bool debug = t->row->arg == X86_MOV_TO_CONTROL_DR;
    x86_tr_call(t, debug ? &x86_helper_write_dr : &x86_helper_write_cr, 2, args);
    x86_tr_end_lookup(t);
}

void x86_tr_clts(Translator *t)
{
    x86_tr_call(t, &x86_helper_clts, 0, NULL);
    x86_tr_end_lookup(t);
}

void x86_tr_ac(Translator *t)
{
    IrRef on = x86_tr_const(t, t->row->arg == X86_AC_STAC);
    x86_tr_call(t, &x86_helper_set_ac, 1, &on);
    x86_tr_end_lookup(t);
}

void x86_tr_xcr(Translator *t)
{
    if (t->row->arg == X86_XCR_XGETBV) {
        x86_tr_call(t, &x86_helper_xgetbv, 0, NULL);
        return;
    }
    x86_tr_call(t, &x86_helper_xsetbv, 0, NULL);
    x86_tr_end_lookup(t);
}

void x86_tr_pkru(Translator *t)
{
    if (t->row->arg == X86_PKRU_RDPKRU) {
        x86_tr_call(t, &x86_helper_rdpkru, 0, NULL);
        return;
    }
    x86_tr_call(t, &x86_helper_wrpkru, 0, NULL);
    x86_tr_end_lookup(t);
}

void x86_tr_hypercall(Translator *t)
{
    x86_tr_call(t, &x86_helper_hypercall, 0, NULL);
}

void x86_tr_msr(Translator *t)
{
    if (t->row->arg == X86_MSR_RDMSR) {
        x86_tr_call(t, &x86_helper_rdmsr, 0, NULL);
        return;
    }
    x86_tr_call(t, &x86_helper_wrmsr, 0, NULL);
    x86_tr_end_lookup(t);
}

/* ---- what the processor tells -------------------------------------------------------- */

void x86_tr_cpuid(Translator *t)
{
    x86_tr_call(t, &x86_helper_cpuid, 0, NULL);
}

static void set_edx_eax(Translator *t, IrRef value)
{
    IrRef high = ir_op2(t->ir, IR_SHR, IR_I64, IR_NONE, value, x86_tr_const(t, 32));
    x86_tr_set_reg(t, X86_RAX, 4, value);
    x86_tr_set_reg(t, X86_RDX, 4, high);
}

void x86_tr_counter(Translator *t)
{
    unsigned which = t->row->arg;
    size_t aux = offsetof(X86CPU, s.msr.tsc_aux);
    if (which == X86_COUNTER_RDPMC) {
        x86_tr_fault(t, X86_EXC_GP);
        return;
    }
    if (which == X86_COUNTER_RDPID) {
        x86_tr_set(t, 0, ir_load_env(t->ir, MEM_64, IR_NONE, aux));
        return;
    }
    set_edx_eax(t, x86_tr_call(t, &x86_helper_rdtsc, 0, NULL));
    if (which == X86_COUNTER_RDTSCP) {
        x86_tr_set_reg(t, X86_RCX, 4, ir_load_env(t->ir, MEM_64, IR_NONE, aux));
    }
}

/* There is always a number: CF. */
void x86_tr_random(Translator *t)
{
    x86_tr_set(t, 0, x86_tr_call(t, &x86_helper_random, 0, NULL));
    x86_tr_set_packed(t, x86_tr_const(t, EFL_CF));
}

/* ---- translations and caches ------------------------------------------------------------ */

/* The segment's base, without its checks. */
static IrRef linear_unchecked(Translator *t)
{
    int32_t disp;
    IrRef at = x86_tr_effective(t, &disp);
    at = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, at, x86_tr_const(t, disp));
    X86SegId seg = t->insn.seg;
    if (t->code == 8 && seg != SEG_FS && seg != SEG_GS) {
        return at;
    }
    at = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, at, x86_tr_segment_base(t, seg));
    return t->code == 8 ? at : x86_tr_zero_extend(t, at, 4);
}

void x86_tr_invtlb(Translator *t)
{
    if (t->row->arg == X86_INVTLB_INVLPG) {
        IrRef at = linear_unchecked(t);
        x86_tr_call(t, &x86_helper_invlpg, 1, &at);
    } else {
        x86_tr_address(t, 1, false);
        IrRef pcid = ir_load(t->ir, MEM_64, IR_NONE, t->ea, t->ea_disp);
        IrRef at = ir_load(t->ir, MEM_64, IR_NONE, t->ea, t->ea_disp + 8);
        IrRef type = x86_tr_zero_extend(t, x86_tr_get(t, 0), x86_tr_bytes(t, 0));
        IrRef args[3] = { type, pcid, at };
        x86_tr_call(t, &x86_helper_invpcid, 3, args);
    }
    x86_tr_end_lookup(t);
}

/* Caches are coherent; the line must be there to be read. */
void x86_tr_clflush(Translator *t)
{
    x86_tr_address(t, 0, false);
    ir_load(t->ir, MEM_8, IR_NONE, t->ea, t->ea_disp);
}

/* ---- BOUND ---------------------------------------------------------------------------- */

void x86_tr_bound(Translator *t)
{
    unsigned bytes = t->insn.osz;
    x86_tr_address(t, 1, false);
    IrRef low = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp);
    IrRef high = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp + bytes);
    IrRef index = x86_tr_sign_extend(t, x86_tr_get(t, 0), bytes);
    IrRef args[3] = { index, x86_tr_sign_extend(t, low, bytes), x86_tr_sign_extend(t, high, bytes) };
    x86_tr_call(t, &x86_helper_bound, 3, args);
}

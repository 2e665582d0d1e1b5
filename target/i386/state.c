/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor's state as a table: reset, save and load.
 * Spec: SDM volume 3, "Processor Management and Initialization", table of states after power-up and reset. */
#include "target/i386/cpu.h"

#include "target/i386/apic.h"
#include "target/i386/seg.h"
#include "target/i386/smm.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"

static const Field cc_fields[] = {
    MEMBER_U64(X86Cc, a),
    MEMBER_U64(X86Cc, b),
    MEMBER_U64(X86Cc, kind),
    MEMBER_U64(X86Cc, turned, .since = 3),
    { 0 },
};

static const Field segment_fields[] = {
    MEMBER_U64(X86Segment, base),
    MEMBER_U32(X86Segment, limit, .reset = 0xffff),
    MEMBER_U32(X86Segment, attr, .max = ATTR_NULL | ATTR_DESCRIPTOR),
    MEMBER_U16(X86Segment, selector),
    { 0 },
};

static const Field table_fields[] = {
    MEMBER_U64(X86Table, base),
    MEMBER_U32(X86Table, limit, .reset = 0xffff, .max = 0xffff),
    { 0 },
};

static const Field fpr_fields[] = { MEMBER_U64(X86Fpr, mantissa), MEMBER_U16(X86Fpr, exponent), { 0 } };

static const Field x87_fields[] = {
    MEMBER_STRUCT(X87, st, X86Fpr, fpr_fields),
    MEMBER_U8(X87, top, .max = 7),
    MEMBER_U8(X87, tags, .reset = 0xff),
    MEMBER_U16(X87, fcw, .reset = 0x40),
    MEMBER_U16(X87, fsw),
    MEMBER_U16(X87, fop),
    MEMBER_U64(X87, fip),
    MEMBER_U64(X87, fdp),
    MEMBER_U16(X87, fcs),
    MEMBER_U16(X87, fds),
    { 0 },
};

static const Field event_fields[] = {
    MEMBER_BOOL(X86Events, pending),
    MEMBER_U8(X86Events, vector, .max = 31),
    MEMBER_BOOL(X86Events, has_error),
    MEMBER_U32(X86Events, error),
    MEMBER_U64(X86Events, payload),
    MEMBER_BOOL(X86Events, taken, .since = 1),
    MEMBER_U8(X86Events, taken_vector, .since = 1),
    MEMBER_U8(X86Events, shadow, .max = SHADOW_STI | SHADOW_MOV_SS),
    MEMBER_BOOL(X86Events, nmi_masked),
    MEMBER_BOOL(X86Events, nmi_pending, .shared = true),
    MEMBER_BOOL(X86Events, nmi_again, .shared = true, .since = 2),
    MEMBER_BOOL(X86Events, smi_pending, .shared = true),
    MEMBER_BOOL(X86Events, smm),
    MEMBER_U8(X86Events, sipi_vector),
    MEMBER_BOOL(X86Events, shutdown),
    MEMBER_U32(X86Events, mp_state, .max = MP_SIPI_RECEIVED),
    { 0 },
};

static uint64_t reset_apic_base(const void *owner)
{
    const X86CPU *x = owner;
    enum { APIC_BSP = 1 << 8, APIC_ENABLED = 1 << 11 };
    return 0xfee00000 | APIC_ENABLED | (x->cpu.index == 0 ? APIC_BSP : 0);
}

static const Field msr_fields[] = {
    MEMBER_U64(X86Msrs, star),
    MEMBER_U64(X86Msrs, lstar),
    MEMBER_U64(X86Msrs, cstar),
    MEMBER_U64(X86Msrs, fmask),
    MEMBER_U64(X86Msrs, kernel_gs_base),
    MEMBER_U64(X86Msrs, tsc_aux),
    MEMBER_U64(X86Msrs, sysenter_cs),
    MEMBER_U64(X86Msrs, sysenter_esp),
    MEMBER_U64(X86Msrs, sysenter_eip),
    MEMBER_U64(X86Msrs, tsc_offset),
    MEMBER_U64(X86Msrs, tsc_adjust),
    MEMBER_U64(X86Msrs, tsc_deadline, .shared = true),
    MEMBER_U64(X86Msrs, apic_base, .reset_to = reset_apic_base),
    MEMBER_U64(X86Msrs, pat, .reset = 0x0007040600070406),
    MEMBER_U64(X86Msrs, misc_enable, .reset = 1), /* fast strings */
    MEMBER_U64(X86Msrs, mtrr_def_type),
    MEMBER_U64(X86Msrs, mtrr_fixed),
    MEMBER_U64(X86Msrs, mtrr_base),
    MEMBER_U64(X86Msrs, mtrr_mask),
    MEMBER_U64(X86Msrs, mcg_status),
    MEMBER_U64(X86Msrs, debugctl),
    MEMBER_U64(X86Msrs, xss),
    MEMBER_U64(X86Msrs, spec_ctrl),
    { 0 },
};

static const Field lbr_fields[] = {
    MEMBER_U64(X86Lbr, from),     MEMBER_U64(X86Lbr, to),     MEMBER_U64(X86Lbr, top, .max = X86_LBR_MAX - 1),
    MEMBER_U64(X86Lbr, int_from), MEMBER_U64(X86Lbr, int_to), { 0 },
};

#define X X86CPU
const Field x86_state[] = {
    STATE_U64(X, gpr),
    STATE_U64(X, pc),
    STATE_STRUCT(X, cc, X86Cc, cc_fields),
    STATE_U32(X, eflags, .reset = EFL_FIXED),
    STATE_U8(X, cpl, .max = 3),
    STATE_STRUCT(X, seg, X86Segment, segment_fields),
    STATE_STRUCT(X, ldtr, X86Segment, segment_fields),
    STATE_STRUCT(X, tr, X86Segment, segment_fields),
    STATE_STRUCT(X, gdtr, X86Table, table_fields),
    STATE_STRUCT(X, idtr, X86Table, table_fields),
    STATE_U64(X, cr0, .reset = CR0_CD | CR0_NW | CR0_ET),
    STATE_U64(X, cr2),
    STATE_U64(X, cr3),
    STATE_U64(X, cr4),
    STATE_U64(X, cr8, .max = 15),
    STATE_U64(X, efer),
    STATE_U64(X, xcr0, .reset = 1),
    STATE_U64(X, pdpte),
    STATE_U64(X, dr),
    STATE_U64(X, dr6, .reset = 0xffff0ff0),
    STATE_U64(X, dr7, .reset = 0x400),
    STATE_U64(X, ymm),
    STATE_U32(X, mxcsr, .reset = 0x1f80, .max = 0xffff),
    STATE_U32(X, pkru),
    STATE_STRUCT(X, x87, X87, x87_fields),
    STATE_STRUCT(X, msr, X86Msrs, msr_fields),
    STATE_U64(X, pvclock_time, .since = 1),
    STATE_U64(X, pvclock_wall, .since = 1),
    STATE_STRUCT(X, lbr, X86Lbr, lbr_fields, .since = 2),
    STATE_U64(X, kvm_async_pf, .since = 1),
    STATE_U64(X, kvm_async_pf_int, .since = 1),
    STATE_U64(X, kvm_steal_time, .since = 1),
    STATE_U64(X, kvm_eoi, .since = 1),
    STATE_STRUCT(X, events, X86Events, event_fields),
    STATE_U32(X, smbase, .reset = 0x30000),
    STATE_BOOL(X, a20, .reset = true),
    STATE_BOOL(X, ignne, .shared = true),
    { 0 },
};

const Field x86_messages_state[] = { STATE_U32(X, messages, .shared = true, .max = MESSAGES), { 0 } };
#undef X

/* What rows of arrays cannot say: CS is apart from the others, and starts 16 bytes below 4 GiB. */
void x86_reset(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    enum { DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED };
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x->s.seg[i].attr = DATA;
    }
    x->s.seg[SEG_CS] =
        (X86Segment){ .base = 0xffff0000, .limit = 0xffff, .attr = DATA | ATTR_CODE, .selector = 0xf000 };
    x->s.ldtr.attr = ATTR_P | TYPE_LDT;
    x->s.tr.attr = ATTR_P | TYPE_TSS_BUSY;
    x->s.gpr[X86_RDX] = x->signature;
    x86_set_ip(x, 0xfff0);
    x->s.events.mp_state = cpu->index == 0 ? MP_RUNNABLE : MP_UNINITIALIZED;
    cpu->halted = cpu->index != 0;
}

/* ---- checks of what was loaded ------------------------------------------- */

static bool mode_is_legal(const X86CPU *x)
{
    const X86State *s = &x->s;
    bool paged = s->cr0 & CR0_PG, pae = s->cr4 & CR4_PAE, lma = s->efer & EFER_LMA;
    return (!paged || (s->cr0 & CR0_PE)) && lma == (paged && (s->efer & EFER_LME)) && (!lma || pae) &&
           (!lma || x86_has(x, X86_LM)) && (!(s->cr4 & CR4_PCIDE) || lma);
}

static bool privilege_is_legal(const X86CPU *x)
{
    const X86State *s = &x->s;
    bool protected = s->cr0 & CR0_PE, v86 = s->eflags & EFL_VM;
    return protected ? (!v86 || (s->cpl == 3 && !(s->efer & EFER_LMA))) : s->cpl == 0 && !v86;
}

static bool flags_are_legal(const X86CPU *x)
{
    return (x->s.eflags & EFL_FIXED) && !(x->s.eflags & (EFL_ARITH | ~(uint32_t)EFL_ALL)) &&
           (x->s.cc.kind & CC_OP) < CC_OPS;
}

static bool x87_is_legal(const X86CPU *x)
{
    const X87 *f = &x->s.x87;
    return !(f->fsw & FSW_TOP) && !(f->fcw & ~(FCW_WRITABLE | FCW_FIXED));
}

bool x86_loaded(CPU *cpu, GError **err)
{
    const X86CPU *x = x86_cpu(cpu);
    const char *wrong = !mode_is_legal(x)        ? "cr0"
                        : !privilege_is_legal(x) ? "cpl"
                        : !flags_are_legal(x)    ? "eflags"
                        : !x87_is_legal(x)       ? "x87"
                                                 : NULL;
    if (wrong) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "cannot load the state of CPU %u: %s cannot be so in this model; the saved machine differs or is "
            "damaged",
            cpu->index, wrong);
    }
    return !wrong;
}

void x86_vectors_changed(X86CPU *x)
{
    uint64_t upper = 0;
    for (unsigned n = 0; n < G_N_ELEMENTS(x->s.ymm); n++) {
        upper |= x->s.ymm[n][2] | x->s.ymm[n][3];
    }
    x->upper_halves = upper;
    cpu_mmu_changed(&x->cpu);
}

void x86_refresh(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    bool upper_halves = x->upper_halves;
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x86_bounds_update(x, i);
    }
    x86_smm_look(x);
    cpu_flush_all(cpu);
    x86_vectors_changed(x);
    x->upper_halves |= upper_halves; /* lockstep goes on in a block that was made for them */
    x86_apic_base_changed(x);
    x86_apic_deadline_loaded(x);
}

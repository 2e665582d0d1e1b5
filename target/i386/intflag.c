/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CLI, STI, PUSHF, POPF: IF itself where IOPL allows it, else VIF (VME in virtual-8086 mode, PVI at level 3), else #GP.
 * Spec: SDM volume 2, CLI, STI, PUSHF, POPF; volume 3, "Masking Exceptions and Interrupts When Switching Stacks",
 * "Protected-Mode Virtual Interrupts". */
#include "target/i386/intflag.h"

#include "target/vcpu.h"

typedef enum Which { WHICH_IF, WHICH_VIF, WHICH_NONE } Which;

/* Of CLI and STI. */
static Which flag_of(const X86CPU *x)
{
    if (x->s.cpl <= x86_iopl(x)) { /* real mode, too */
        return WHICH_IF;
    }
    bool is_virtual = x86_v86(x) ? x->s.cr4 & CR4_VME : x->s.cpl == 3 && (x->s.cr4 & CR4_PVI);
    return is_virtual ? WHICH_VIF : WHICH_NONE;
}

bool x86_cli(X86CPU *x, X86Fault *f)
{
    Which which = flag_of(x);
    if (which == WHICH_NONE) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    x->s.eflags &= which == WHICH_IF ? ~EFL_IF : ~EFL_VIF;
    return true;
}

bool x86_sti(X86CPU *x, X86Fault *f)
{
    Which which = flag_of(x);
    if (which == WHICH_NONE || (which == WHICH_VIF && (x->s.eflags & EFL_VIP))) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (which == WHICH_VIF) {
        x->s.eflags |= EFL_VIF;
        return true;
    }
    x->s.events.shadow = x->s.eflags & EFL_IF ? 0 : SHADOW_STI;
    x->s.eflags |= EFL_IF;
    cpu_mmu_changed(&x->cpu); /* the shadow is of the mode, wherever this block is left */
    return true;
}

void x86_shadow_mov_ss(X86CPU *x)
{
    cpu_mmu_changed(&x->cpu);
    x->s.events.shadow = x->s.events.shadow & SHADOW_MOV_SS ? 0 : SHADOW_MOV_SS;
}

/* ---- PUSHF, POPF ---------------------------------------------------------------- */

static bool v86_below_3(const X86CPU *x)
{
    return x86_v86(x) && x86_iopl(x) < 3;
}

static bool vme_takes(const X86CPU *x, unsigned bytes)
{
    return bytes == 2 && (x->s.cr4 & CR4_VME);
}

bool x86_pushf(X86CPU *x, unsigned bytes, uint64_t *image, X86Fault *f)
{
    uint32_t flags = x86_flags(x) & ~(EFL_VM | EFL_RF);
    if (v86_below_3(x)) {
        if (!vme_takes(x, bytes)) {
            return x86_fault(f, X86_EXC_GP, 0);
        }
        flags = (flags & ~EFL_IF) | EFL_IOPL | (flags & EFL_VIF ? EFL_IF : 0);
    }
    *image = flags;
    return true;
}

static bool popf_vme(X86CPU *x, uint64_t image, X86Fault *f)
{
    enum { MASK = EFL_ARITH | EFL_TF | EFL_DF | EFL_NT };
    if ((image & EFL_TF) || ((image & EFL_IF) && (x->s.eflags & EFL_VIP))) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    uint32_t flags = (x86_flags(x) & ~(MASK | EFL_VIF)) | (image & MASK);
    x86_set_flags(x, flags | (image & EFL_IF ? EFL_VIF : 0));
    return true;
}

bool x86_popf(X86CPU *x, unsigned bytes, uint64_t image, X86Fault *f)
{
    if (v86_below_3(x)) {
        return vme_takes(x, bytes) ? popf_vme(x, image, f) : x86_fault(f, X86_EXC_GP, 0);
    }
    uint32_t mask = x86_flags_writable(x, bytes), flags = (x86_flags(x) & ~mask) | (image & mask);
    x86_set_flags(x, bytes == 2 ? flags : flags & ~EFL_RF);
    cpu_mmu_changed(&x->cpu); /* TF, AC and IOPL are of the context */
    return true;
}

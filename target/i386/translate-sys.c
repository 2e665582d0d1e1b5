/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags one by one, hints, fences; and the table of all families. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* ---- flags ------------------------------------------------------------------ */

static void set_carry(Translator *t, IrRef carry)
{
    x86_tr_replace_flags(t, carry, IR_NONE);
}

static void set_direction(Translator *t, bool down)
{
    if (t->forward && !down) {
        return;
    }
    size_t at = offsetof(X86CPU, s.eflags);
    IrRef flags = ir_load_env(t->ir, MEM_32, IR_NONE, at);
    flags = down ? op2(t, IR_OR, flags, x86_tr_const(t, EFL_DF))
                 : op2(t, IR_AND, flags, x86_tr_const(t, ~EFL_DF));
    ir_store_env(t->ir, MEM_32, flags, at);
    t->forward = !down;
}

void x86_tr_flag(Translator *t)
{
    switch (t->row->arg) {
    case X86_FLAG_CMC: set_carry(t, op2(t, IR_XOR, x86_tr_carry(t), x86_tr_const(t, 1))); break;
    case X86_FLAG_CLC: set_carry(t, x86_tr_const(t, 0)); break;
    case X86_FLAG_STC: set_carry(t, x86_tr_const(t, 1)); break;
    case X86_FLAG_CLD: set_direction(t, false); break;
    case X86_FLAG_STD: set_direction(t, true); break;
    case X86_FLAG_CLI: x86_tr_call(t, &x86_helper_cli, 0, NULL); break;
    default: /* STI: interrupts are looked for behind the next instruction */
        x86_tr_call(t, &x86_helper_sti, 0, NULL);
        t->shadows = SHADOW_STI;
    }
}

enum { AH_FLAGS = EFL_SF | EFL_ZF | EFL_AF | EFL_PF | EFL_CF };

void x86_tr_ahf(Translator *t)
{
    IrRef flags = x86_tr_flags(t), rax = ir_global(G_GPR + X86_RAX);
    if (t->row->arg == X86_AHF_LAHF) {
        IrRef ah =
            op2(t, IR_OR, op2(t, IR_AND, flags, x86_tr_const(t, AH_FLAGS)), x86_tr_const(t, EFL_FIXED));
        IrRef kept = op2(t, IR_AND, rax, x86_tr_const(t, ~INT64_C(0xff00)));
        ir_op2(t->ir, IR_OR, IR_I64, rax, kept, op2(t, IR_SHL, ah, x86_tr_const(t, 8)));
        return;
    }
    IrRef ah = op2(t, IR_AND, op2(t, IR_SHR, rax, x86_tr_const(t, 8)), x86_tr_const(t, AH_FLAGS));
    x86_tr_set_packed(t, op2(t, IR_OR, ah, op2(t, IR_AND, flags, x86_tr_const(t, EFL_OF))));
}

void x86_tr_salc(Translator *t)
{
    x86_tr_set_reg(t, X86_RAX, 1, ir_op1(t->ir, IR_NEG, IR_I64, IR_NONE, x86_tr_carry(t)));
}

/* ---- hints ------------------------------------------------------------------- */

void x86_tr_nop(Translator *t)
{
}

void x86_tr_fence(Translator *t)
{
    if (t->row->arg == X86_FENCE_MFENCE) {
        ir_fence(t->ir, FENCE_FULL);
    }
}

/* ---- all ----------------------------------------------------------------------- */

static X86Translate not_built;
static void not_built(Translator *t)
{
    x86_tr_fault(t, X86_EXC_UD);
}

#define FAMILY(NAME, name) [X86_TR_##NAME] = x86_tr_##name
static X86Translate *const families[] = {
    FAMILY(ADX, adx),
    FAMILY(AHF, ahf),
    FAMILY(ALU, alu),
    FAMILY(BITCOUNT, bitcount),
    FAMILY(BITSCAN, bitscan),
    FAMILY(BITTEST, bittest),
    FAMILY(BSWAP, bswap),
    FAMILY(CBW, cbw),
    FAMILY(CMOVCC, cmovcc),
    FAMILY(CMPXCHG, cmpxchg),
    FAMILY(CRC32, crc32),
    FAMILY(CWD, cwd),
    FAMILY(DECIMAL, decimal),
    FAMILY(DIV, div),
    FAMILY(ENTER, enter),
    FAMILY(FAR, far),
    FAMILY(FENCE, fence),
    FAMILY(FLAG, flag),
    FAMILY(IMUL, imul),
    FAMILY(INCDEC, incdec),
    FAMILY(INT, int),
    FAMILY(IRET, iret),
    FAMILY(JCC, jcc),
    FAMILY(JCXZ, jcxz),
    FAMILY(LEA, lea),
    FAMILY(LEAVE, leave),
    FAMILY(LOOP, loop),
    FAMILY(LRET, lret),
    FAMILY(MONITOR, monitor),
    FAMILY(MOV, mov),
    FAMILY(MOVBE, movbe),
    FAMILY(MOVX, movx),
    FAMILY(MUL, mul),
    FAMILY(NEAR, near),
    FAMILY(NOP, nop),
    FAMILY(POP, pop),
    FAMILY(POPA, popa),
    FAMILY(POPF, popf),
    FAMILY(PREFETCH, nop),
    FAMILY(PUSH, push),
    FAMILY(PUSHA, pusha),
    FAMILY(PUSHF, pushf),
    FAMILY(RET, ret),
    FAMILY(RSM, rsm),
    FAMILY(SALC, salc),
    FAMILY(SETCC, setcc),
    FAMILY(SHIFT, shift),
    FAMILY(SHIFTD, shiftd),
    FAMILY(STRING, string),
    FAMILY(SYSCALL, syscall),
    FAMILY(TEST, test),
    FAMILY(UD, ud),
    FAMILY(UNARY, unary),
    FAMILY(XADD, xadd),
    FAMILY(XCHG, xchg),
    FAMILY(XLAT, xlat),
    FAMILY(ANDN, andn),
    FAMILY(BLS, bls),
    FAMILY(BMI, bmi),
    FAMILY(MULX, mulx),
    FAMILY(RORX, rorx),
    FAMILY(SHIFTX, shiftx),
    FAMILY(AC, ac),
    FAMILY(ARPL, arpl),
    FAMILY(BOUND, bound),
    FAMILY(CACHE, nop),
    FAMILY(CLFLUSH, clflush),
    FAMILY(CLTS, clts),
    FAMILY(CMPXCHG2, cmpxchg2),
    FAMILY(COUNTER, counter),
    FAMILY(CPUID, cpuid),
    FAMILY(DESCRIPTOR, descriptor),
    FAMILY(FSGSBASE, fsgsbase),
    FAMILY(HLT, hlt),
    FAMILY(HYPERCALL, hypercall),
    FAMILY(INVTLB, invtlb),
    FAMILY(LOAD_TABLE, load_table),
    FAMILY(LSEG, lseg),
    FAMILY(MOV_FROM_CONTROL, mov_from_control),
    FAMILY(MOV_FROM_SEG, mov_from_seg),
    FAMILY(MOV_TO_CONTROL, mov_to_control),
    FAMILY(MOV_TO_SEG, mov_to_seg),
    FAMILY(MSR, msr),
    FAMILY(PAUSE, pause),
    FAMILY(PKRU, pkru),
    FAMILY(POP_SEG, pop_seg),
    FAMILY(PORT, port),
    FAMILY(PUSH_SEG, push_seg),
    FAMILY(RANDOM, random),
    FAMILY(STORE_TABLE, store_table),
    FAMILY(SWAPGS, swapgs),
    FAMILY(XCR, xcr),
    FAMILY(EMMS, emms),
    FAMILY(FPU_ALU, fpu_alu),
    FAMILY(FPU_CMOV, fpu_cmov),
    FAMILY(FPU_COMPARE, fpu_compare),
    FAMILY(FPU_CONST, fpu_const),
    FAMILY(FPU_CONTROL, fpu_control),
    FAMILY(FPU_FUNCTION, fpu_function),
    FAMILY(FPU_LOAD, fpu_load),
    FAMILY(FPU_NOP, fpu_nop),
    FAMILY(FPU_STACK, fpu_stack),
    FAMILY(FPU_STORE, fpu_store),
    FAMILY(FWAIT, fwait),
    FAMILY(MXCSR, mxcsr),
    FAMILY(VBROADCAST, vbroadcast),
    FAMILY(VCOMIS, vcomis),
    FAMILY(VCOMPARE, vcompare),
    FAMILY(VCONVERT, vconvert),
    FAMILY(VEXTEND, vextend),
    FAMILY(VEXTRACT, vextract),
    FAMILY(VFMA, vfma),
    FAMILY(VGATHER, vgather),
    FAMILY(VINSERT, vinsert),
    FAMILY(VMASKMOV, vmaskmov),
    FAMILY(VMOV, vmov),
    FAMILY(VMOVMSK, vmovmsk),
    FAMILY(VOP, vop),
    FAMILY(VSHIFT, vshift),
    FAMILY(VSTRING, vstring),
    FAMILY(VTEST, vtest),
    FAMILY(VZERO, vzero),
    FAMILY(XSAVE, xsave),
};

X86Translate *x86_translate_of(unsigned translator)
{
    X86Translate *f = translator < G_N_ELEMENTS(families) ? families[translator] : NULL;
    return f ? f : not_built;
}

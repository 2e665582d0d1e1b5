/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 instructions: calls of helpers, which are told the operand, and the instruction, so that a host that has the same may execute
 * that instead (IRH_X87_REGISTER and its kin); and the pointers to the last one. */
#include "target/i386/families.h"
#include "target/i386/helpers-x87.h"
#include "target/i386/translate.h"
#include "target/i386/x87.h"

#include <string.h>

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* CR0.EM and TS.  True: the instruction has ended so. */
static bool is_absent(Translator *t)
{
    if (t->mode & X86_MODE_NO_FPU) {
        x86_tr_fault(t, X86_EXC_NM);
        return true;
    }
    return false;
}

/* ---- operands ------------------------------------------------------------------- */

static unsigned memory_operand(const Translator *t)
{
    return t->row->operands[0].where == X86_AT_M ? 0 : 1;
}

/* Integers are those that the mnemonic has an i for. */
static X87Format memory_format(const Translator *t)
{
    switch (t->row->operands[memory_operand(t)].size) {
    case X86_SIZE_FD: return X87_F32;
    case X86_SIZE_FQ: return X87_F64;
    case X86_SIZE_FT: return X87_F80;
    case X86_SIZE_FA: return X87_DECIMAL;
    case X86_SIZE_W: return X87_I16;
    case X86_SIZE_D: return X87_I32;
    default: return X87_I64;
    }
}

/* As FOP has it. */
static uint32_t instruction(const Translator *t)
{
    return (t->insn.opcode & 7u) << 8 | t->insn.modrm;
}

static uint32_t register_bits(const Translator *t)
{
    return (t->insn.rm & 7) << X87_REGISTER_SHIFT;
}

/* The operand that is not ST(0), or alone. */
static uint32_t operand_bits(const Translator *t)
{
    return t->insn.memory ? memory_format(t) : X87_STACK | register_bits(t);
}

/* Linear address of a memory operand of so many bytes; 0: there is none.  What is pending comes before #GP and #AC: where these
 * are not looked at here the helper of the instruction waits. */
static IrRef address(Translator *t, unsigned bytes, bool write)
{
    int32_t disp;
    if (!t->insn.memory) {
        return x86_tr_const(t, 0);
    }
    bool looks = !x86_tr_is_flat(t, t->insn.seg) || t->mode & X86_MODE_AC;
    if (looks && !(t->row->attrs & X86_ATTR_NOWAIT)) {
        x86_tr_call(t, &x87_helper_wait, 0, NULL);
    }
    IrRef at = x86_tr_effective(t, &disp);
    at = x86_tr_linear(t, t->insn.seg, at, disp, bytes, write, &disp);
    return disp ? op2(t, IR_ADD, at, x86_tr_const(t, disp)) : at;
}

static IrRef operand_address(Translator *t, bool write)
{
    return address(t, t->insn.memory ? x86_tr_bytes(t, memory_operand(t)) : 0, write);
}

static uint32_t with_instruction(const Translator *t, uint32_t how)
{
    return how | instruction(t) << X87_INSN_SHIFT;
}

static void call(Translator *t, const IrHelper *h, IrRef at, uint32_t how)
{
    IrRef args[2] = { at, x86_tr_const(t, with_instruction(t, how)) };
    x86_tr_call(t, h, 2, args);
}

static void call1(Translator *t, const IrHelper *h, uint32_t how)
{
    IrRef arg = x86_tr_const(t, with_instruction(t, how));
    x86_tr_call(t, h, 1, &arg);
}

/* ---- the last instruction: FIP, FOP, FDP ------------------------------------------- */

/* Ends every instruction but those of control. */
static void note_pointers(Translator *t)
{
    int32_t disp;
    ir_store_env(t->ir, MEM_64, x86_tr_const(t, x86_tr_ip(t, t->pc)), offsetof(X86CPU, s.x87.fip));
    ir_store_env(t->ir, MEM_16, x86_tr_const(t, instruction(t)), offsetof(X86CPU, s.x87.fop));
    IrRef cs = ir_load_env(t->ir, MEM_16, IR_NONE, offsetof(X86CPU, s.seg[SEG_CS].selector));
    ir_store_env(t->ir, MEM_16, cs, offsetof(X86CPU, s.x87.fcs));
    if (!t->insn.memory) {
        return;
    }
    IrRef at = x86_tr_effective(t, &disp);
    at = disp ? op2(t, IR_ADD, at, x86_tr_const(t, disp)) : at;
    ir_store_env(t->ir, MEM_64, at, offsetof(X86CPU, s.x87.fdp));
    size_t selector = offsetof(X86CPU, s.seg[0].selector) + t->insn.seg * sizeof(X86Segment);
    IrRef ds = ir_load_env(t->ir, MEM_16, IR_NONE, selector);
    ir_store_env(t->ir, MEM_16, ds, offsetof(X86CPU, s.x87.fds));
}

/* ---- families ----------------------------------------------------------------------- */

void x86_tr_fpu_load(Translator *t)
{
    if (!is_absent(t)) {
        uint32_t how = operand_bits(t);
        call(t, &x87_helper_load[how & X87_FORMAT], operand_address(t, false), how);
        note_pointers(t);
    }
}

void x86_tr_fpu_store(Translator *t)
{
    uint32_t how = operand_bits(t);
    if (is_absent(t)) {
        return;
    }
    switch (t->row->arg) {
    case X86_FPU_STORE_FST:
    case X86_FPU_STORE_FIST: break;
    case X86_FPU_STORE_FSTPNCE: how |= X87_NOCHECK | X87_POP; break;
    case X86_FPU_STORE_FISTTP: how |= X87_CUT | X87_POP; break;
    default: how |= X87_POP; break;
    }
    call(t, &x87_helper_store[how & X87_FORMAT], operand_address(t, true), how);
    note_pointers(t);
}

void x86_tr_fpu_const(Translator *t)
{
    if (!is_absent(t)) {
        call1(t, &x87_helper_constant, t->row->arg);
        note_pointers(t);
    }
}

void x86_tr_fpu_alu(Translator *t)
{
    static const struct {
        X87Operation op;
        bool reverse;
    } rows[] = {
        [X86_FPU_ALU_ADD] = { X87_ADD, false }, [X86_FPU_ALU_MUL] = { X87_MUL, false },
        [X86_FPU_ALU_SUB] = { X87_SUB, false }, [X86_FPU_ALU_SUBR] = { X87_SUB, true },
        [X86_FPU_ALU_DIV] = { X87_DIV, false }, [X86_FPU_ALU_DIVR] = { X87_DIV, true },
    };
    enum { POPPING = 0xde };
    if (is_absent(t)) {
        return;
    }
    uint32_t how = operand_bits(t) | (uint32_t)rows[t->row->arg].op << X87_OP_SHIFT;
    how |= rows[t->row->arg].reverse ? X87_REVERSE : 0;
    if (!t->insn.memory) {
        how |= t->row->operands[0].where == X86_AT_STI ? X87_TO_STI : 0;
        how |= t->insn.opcode == POPPING ? X87_POP : 0;
    }
    const IrHelper *helpers = t->insn.memory ? x87_helper_alu_memory : x87_helper_alu;
    call(t, &helpers[rows[t->row->arg].op], operand_address(t, false), how);
    note_pointers(t);
}

void x86_tr_fpu_compare(Translator *t)
{
    uint32_t how = operand_bits(t);
    bool flags = false;
    if (is_absent(t)) {
        return;
    }
    switch (t->row->arg) {
    case X86_FPU_COMPARE_FUCOMPP: how |= X87_QUIET | X87_POP_TWICE; break;
    case X86_FPU_COMPARE_FCOMPP: how |= X87_POP_TWICE; break;
    case X86_FPU_COMPARE_FUCOM: how |= X87_QUIET; break;
    case X86_FPU_COMPARE_FUCOMP: how |= X87_QUIET | X87_POP; break;
    case X86_FPU_COMPARE_FCOMP:
    case X86_FPU_COMPARE_FICOMP: how |= X87_POP; break;
    case X86_FPU_COMPARE_FCOMI: flags = true; break;
    case X86_FPU_COMPARE_FCOMIP: flags = true, how |= X87_POP; break;
    case X86_FPU_COMPARE_FUCOMI: flags = true, how |= X87_QUIET; break;
    case X86_FPU_COMPARE_FUCOMIP: flags = true, how |= X87_QUIET | X87_POP; break;
    default: break;
    }
    if (flags) {
        IrRef args[2] = { x86_tr_const(t, with_instruction(t, how | X87_FLAGS)), x86_tr_flags(t) };
        x86_tr_set_packed(t, x86_tr_call(t, &x87_helper_compare_flags, 2, args));
    } else {
        const IrHelper *helper = t->insn.memory ? &x87_helper_compare_memory : &x87_helper_compare;
        call(t, helper, operand_address(t, false), how);
    }
    note_pointers(t);
}

void x86_tr_fpu_cmov(Translator *t)
{
    enum {
        BELOW = 2,
        ZERO = 4,
        BELOW_OR_ZERO = 6,
        PARITY = 10
    }; /* conditions of Jcc; odd ones are their inverse */
    static const uint8_t conditions[] = {
        [X86_FPU_CMOV_B] = BELOW,
        [X86_FPU_CMOV_E] = ZERO,
        [X86_FPU_CMOV_BE] = BELOW_OR_ZERO,
        [X86_FPU_CMOV_U] = PARITY,
        [X86_FPU_CMOV_NB] = BELOW + 1,
        [X86_FPU_CMOV_NE] = ZERO + 1,
        [X86_FPU_CMOV_NBE] = BELOW_OR_ZERO + 1,
        [X86_FPU_CMOV_NU] = PARITY + 1,
    };
    if (is_absent(t)) {
        return;
    }
    X86TrTest c = x86_tr_condition(t, conditions[t->row->arg]);
    IrRef whether = ir_setcc(t->ir, c.cond, c.type, IR_NONE, c.a, c.b);
    IrRef args[2] = { x86_tr_const(t, with_instruction(t, t->insn.rm & 7)), whether };
    x86_tr_call(t, &x87_helper_move, 2, args);
    note_pointers(t);
}

void x86_tr_fpu_function(Translator *t)
{
    if (is_absent(t)) {
        return;
    }
    if (t->row->arg == X86_FPU_FUNCTION_CHS || t->row->arg == X86_FPU_FUNCTION_ABS) {
        uint32_t sign = t->row->arg == X86_FPU_FUNCTION_CHS ? 0x8000 : 0;
        IrRef args[2] = { x86_tr_const(t, sign), x86_tr_const(t, with_instruction(t, sign)) };
        x86_tr_call(t, &x87_helper_sign, 2, args);
    } else {
        call1(t, &x87_helper_function, t->row->arg);
    }
    note_pointers(t);
}

void x86_tr_fpu_stack(Translator *t)
{
    if (!is_absent(t)) {
        IrRef args[2] = { x86_tr_const(t, t->row->arg),
                          x86_tr_const(t, with_instruction(t, t->insn.rm & 7)) };
        x86_tr_call(t, &x87_helper_stack, 2, args);
        note_pointers(t);
    }
}

/* ---- control --------------------------------------------------------------------------- */

/* In a segment with limits the first field is accessed before the limit of the last one is looked at (seen on Zen 3). */
static IrRef environment_address(Translator *t, unsigned bytes, uint32_t how)
{
    bool write = how & X87_ENV_WRITE;
    if (!x86_tr_is_flat(t, t->insn.seg)) {
        call(t, &x87_helper_touch_env, address(t, how & X87_ENV_WIDE ? 4 : 2, write), how);
    }
    return address(t, bytes, write);
}

static void environment(Translator *t, bool store, bool registers)
{
    bool real = !(t->mode & X86_MODE_PE) || (t->mode & X86_MODE_VM);
    uint32_t how = (t->insn.osz == 2 ? 0 : X87_ENV_WIDE) | (real ? X87_ENV_REAL : 0);
    how |= (registers ? X87_ENV_REGISTERS : 0) | (store ? X87_ENV_WRITE : 0);
    unsigned bytes = (how & X87_ENV_WIDE ? 28 : 14) + (registers ? 80 : 0);
    call(t, store ? &x87_helper_store_env : &x87_helper_load_env, environment_address(t, bytes, how), how);
}

/* FLDCW: as x87_set_control_word(). */
static void load_control_word(Translator *t)
{
    x86_tr_call(t, &x87_helper_wait, 0, NULL);
    IrRef control = op2(t, IR_AND, x86_tr_get(t, 0), x86_tr_const(t, FCW_WRITABLE));
    control = op2(t, IR_OR, control, x86_tr_const(t, FCW_FIXED));
    x86_tr_call(t, &x87_helper_control, 1, &control);
}

void x86_tr_fpu_control(Translator *t)
{
    if (is_absent(t)) {
        return;
    }
    switch (t->row->arg) {
    case X86_FPU_CONTROL_FLDCW: load_control_word(t); break;
    case X86_FPU_CONTROL_FNSTCW:
        x86_tr_set(t, 0, ir_load_env(t->ir, MEM_16, IR_NONE, offsetof(X86CPU, s.x87.fcw)));
        break;
    case X86_FPU_CONTROL_FNSTSW: x86_tr_set(t, 0, x86_tr_call(t, &x87_helper_status, 0, NULL)); break;
    case X86_FPU_CONTROL_FNCLEX: x86_tr_call(t, &x87_helper_clear, 0, NULL); break;
    case X86_FPU_CONTROL_FNINIT: x86_tr_call(t, &x87_helper_init, 0, NULL); break;
    case X86_FPU_CONTROL_FLDENV: environment(t, false, false); break;
    case X86_FPU_CONTROL_FNSTENV: environment(t, true, false); break;
    case X86_FPU_CONTROL_FRSTOR: environment(t, false, true); break;
    default: environment(t, true, true); break; /* FNSAVE */
    }
}

/* FNOP waits and does nothing; FENI, FDISI and FSETPM, of the 8087 and 287, not even that. */
void x86_tr_fpu_nop(Translator *t)
{
    if (!is_absent(t) && !(t->row->attrs & X86_ATTR_NOWAIT)) {
        x86_tr_call(t, &x87_helper_wait, 0, NULL);
        note_pointers(t);
    }
}

void x86_tr_fwait(Translator *t)
{
    x86_tr_call(t, &x87_helper_fwait, 0, NULL);
}

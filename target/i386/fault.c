/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an access that faulted was to its instruction.  Three things of an exception are not in the access itself, and are
 * asked seldom enough to look at the instruction for them: a load of an operand that is then written faults as a write
 * (SDM volume 3, "Page-Fault Error Code": of ADD to memory, W is 1 though the page is absent), and an address that is not
 * canonical is #SS when it is of the stack (volume 1, "Canonical Addressing"), and an
 * operand that reaches over 4 GiB is outside of any segment, one of 64-bit code over the end of the lower half not canonical. */
#include "target/i386/decode.h"

#include <string.h>

#include "target/i386/translators.h"
#include "target/i386/trap.h"

static X86DecodeMode mode_of(const X86CPU *x)
{
    return (X86DecodeMode){ .size = x86_64bit(x)                      ? 8
                                    : x->s.seg[SEG_CS].attr & ATTR_DB ? 4
                                                                      : 2,
                            .real = !x86_protected(x),
                            .amd = x->vendor == VENDOR_AMD };
}

/* The instruction at the pc; false: its bytes cannot be had any more. */
static bool insn_at_pc(X86CPU *x, X86Insn *insn)
{
    uint8_t bytes[X86_INSN_MAX];
    uint64_t at = x86_64bit(x) ? x->s.pc : (uint32_t)(x->s.seg[SEG_CS].base + x86_ip(x));
    unsigned n = sizeof(bytes);
    const void *host = x86_host(x, at, n, MMU_READ, x86_rights(x->s.cpl)); /* mostly, it runs there */
    if (host) {
        memcpy(bytes, host, n);
    }
    while (!host && n && !cpu_debug_read(&x->cpu, at, bytes, n)) {
        n--;
    }
    return x86_decode(insn, mode_of(x), bytes, n) == X86_DECODE_OK;
}

/* Of BT and its like: a register names a bit anywhere, in an operand so many bytes away. */
static int64_t bit_offset(const X86CPU *x, const X86Insn *insn)
{
    const X86Row *row = &x86_rows[insn->row];
    if (row->translator != X86_TR_BITTEST || row->operands[1].where != X86_AT_G) {
        return 0;
    }
    unsigned up = 64 - 8 * insn->osz;
    int64_t bit = (int64_t)(x->s.gpr[insn->reg] << up) >> up;
    return (bit >> __builtin_ctz(8 * insn->osz)) * insn->osz;
}

/* Linear address of the operand that ModRM names; nothing has changed a register yet. */
static uint64_t operand_address(const X86CPU *x, const X86Insn *insn)
{
    const uint64_t *gpr = x->s.gpr;
    uint64_t at = insn->disp, base = x->s.seg[insn->seg].base;
    at += insn->base == X86_REG_RIP ? x->s.pc + insn->length : insn->base != X86_NO_REG ? gpr[insn->base] : 0;
    at += insn->index != X86_NO_REG ? gpr[insn->index] << insn->scale : 0;
    at += bit_offset(x, insn);
    at &= UINT64_MAX >> (64 - 8 * insn->asz);
    if (x86_64bit(x)) {
        return at + (insn->seg == X86_FS || insn->seg == X86_GS ? base : 0);
    }
    return (uint32_t)(at + base);
}

/* The load of what is written behind it: as a write, which the page before may have refused. */
static void explain_modify(X86CPU *x, const X86Insn *insn, X86Fault *f)
{
    enum { PAGE = 4096 };
    uint64_t first = operand_address(x, insn);
    X86Fault before = { 0 };
    MmuResult out;
    f->error |= PF_W;
    if (f->address % PAGE == 0 && f->address - first - 1 < 7 &&
        !x86_translate(x, first, MMU_WRITE, x86_rights(x->s.cpl), &out, &before)) {
        *f = before;
    }
}

static bool uses_stack(const X86Insn *insn)
{
    switch (x86_rows[insn->row].translator) {
    case X86_TR_ENTER:
    case X86_TR_LEAVE:
    case X86_TR_NEAR:
    case X86_TR_POP:
    case X86_TR_POPA:
    case X86_TR_POPF:
    case X86_TR_POP_SEG:
    case X86_TR_PUSH:
    case X86_TR_PUSHA:
    case X86_TR_PUSHF:
    case X86_TR_PUSH_SEG:
    case X86_TR_RET: return true;
    default: return false;
    }
}

enum { ACCESS_MAX = 32 };

static bool names_memory(X86Operand o)
{
    return o.where == X86_AT_E || o.where == X86_AT_M || o.where == X86_AT_W || o.where == X86_AT_Q;
}

/* Of the operand that ModRM names, or its part that is accessed first. */
static unsigned memory_bytes(const X86CPU *x, const X86Insn *insn)
{
    const X86Row *row = &x86_rows[insn->row];
    bool x87 = row->need & UINT64_C(1) << X86_ISA_FPU;
    if (row->translator == X86_TR_VMASKMOV) { /* each element by itself */
        return 0;
    }
    for (unsigned n = 0; n < X86_OPERANDS_MAX; n++) {
        if (names_memory(row->operands[n])) {
            unsigned bytes = x86_operand_bytes(insn, mode_of(x), row->operands[n]);
            return MIN(bytes, x87 ? 8 : ACCESS_MAX);
        }
    }
    return 0;
}

/* Of 4 GiB, or of the lower half of 64-bit addresses: the address is one of an access that may go over it. */
static bool is_near_end(const X86CPU *x, const X86Fault *f)
{
    if (x86_64bit(x)) {
        return !x86_canonical(x, f->address + ACCESS_MAX);
    }
    return (uint32_t)(f->address + ACCESS_MAX) < 2 * ACCESS_MAX;
}

/* What may have gone over that end. */
typedef struct Operand {
    X86SegId seg;
    uint64_t at;    /* without 64-bit code: up to UINT32_MAX */
    unsigned bytes; /* 0: nothing */
} Operand;

/* Of a string instruction, the one of its two elements in which the fault was. */
static Operand string_operand(const X86CPU *x, const X86Insn *insn, const X86Fault *f)
{
    const X86Operand *o = x86_rows[insn->row].operands;
    unsigned n = o[0].where == X86_AT_X || o[0].where == X86_AT_Y ? 0 : 1;
    unsigned bytes = x86_operand_bytes(insn, mode_of(x), o[n]), up = 64 - 8 * insn->asz;
    uint64_t from = x->s.gpr[X86_RSI] << up >> up, to = x->s.gpr[X86_RDI] << up >> up;
    uint64_t behind = f->address - to;
    bool destination = (x86_64bit(x) ? behind : (uint32_t)behind) < bytes;
    return (Operand){ destination ? SEG_ES : insn->seg, destination ? to : from, bytes };
}

static Operand suspect(const X86CPU *x, const X86Insn *insn, const X86Fault *f)
{
    if (insn->memory) {
        return (Operand){ insn->seg, operand_address(x, insn), memory_bytes(x, insn) };
    }
    if (x86_rows[insn->row].translator == X86_TR_STRING) {
        return string_operand(x, insn, f);
    }
    return (Operand){ SEG_SS, x86_64bit(x) ? f->address : (uint32_t)f->address,
                      uses_stack(insn) ? insn->osz : 0 };
}

static bool goes_over_end(const X86CPU *x, Operand o)
{
    if (x86_64bit(x)) {
        return o.bytes && !x86_canonical(x, o.at + o.bytes - 1);
    }
    return x->bounds[o.seg].rd_end > UINT32_MAX && !x->s.seg[o.seg].base &&
           o.at + o.bytes > UINT64_C(1) << 32;
}

/* In 64-bit code, and in a flat segment of 4 GiB, nothing is checked before the access: one that would go on beyond the hole
 * or at address 0 is outside, whatever its first page says (of 64-bit code seen on Zen 5). */
static bool leaves_addresses(const X86CPU *x, const X86Insn *insn, X86Fault *f)
{
    Operand o = is_near_end(x, f) ? suspect(x, insn, f) : (Operand){ 0 };
    if (!goes_over_end(x, o)) {
        return false;
    }
    *f = (X86Fault){ .vector = o.seg == SEG_SS ? X86_EXC_SS : X86_EXC_GP };
    return true;
}

/* A fetch that fails beyond the limit of CS, whatever is there. */
static bool leaves_code(const X86CPU *x, const X86Fault *f)
{
    const X86Segment *cs = &x->s.seg[SEG_CS];
    return !x86_64bit(x) && (uint32_t)(f->address - cs->base) > cs->limit;
}

void x86_explain_fault(X86CPU *x, MmuAccess access, X86Fault *f)
{
    X86Insn insn;
    bool page_fault = f->vector == X86_EXC_PF, is_general = f->vector == X86_EXC_GP;
    bool asks = is_general || (page_fault && (access == MMU_READ || is_near_end(x, f)));
    if (access == MMU_EXEC && page_fault && leaves_code(x, f)) {
        *f = (X86Fault){ .vector = X86_EXC_GP };
        return;
    }
    if (access == MMU_EXEC || !asks || !insn_at_pc(x, &insn)) {
        return;
    }
    bool stack = insn.memory ? insn.seg == X86_SS : uses_stack(&insn);
    if (page_fault && leaves_addresses(x, &insn, f)) {
        return;
    }
    if (page_fault && access == MMU_READ && x86_insn_modifies(&insn)) {
        explain_modify(x, &insn, f);
    } else if (is_general && stack) {
        f->vector = X86_EXC_SS; /* not canonical */
    }
}

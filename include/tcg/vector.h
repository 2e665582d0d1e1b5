/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors in the IR.
 *
 * Vectors live in globals (IrGlobal.type v256, or v64, as MMX registers are), of which the guest may have some of its own
 * for what is under way.  So a back end has nothing to allocate: a vector is in the host register that is its own, or
 * in the CPU struct.
 *
 * IR_V1, IR_V2 and IR_V3 compute what a row of tcg/vop.def says, of 64, 128 or 256 bits (the operation's type).  Bits of the
 * destination above these become 0, or stay with VOP_KEEP (of bits 255..128): the two classes of instructions of x86 are
 * just that, and the host's are used for the guest's.  Operations on the lowest element alone (VF_SCALAR) take the
 * other elements below bit 128 from operand a.
 *
 * Floating point obeys the word at IrGuest.mxcsr_offset, laid out as x86's MXCSR: rounding, DAZ, FTZ; flags are added to it.
 * Exceptions that it does not mask are nevertheless as if masked: who wants them raised looks at the flags.
 *
 * Not modelled: hosts whose byte order is not little endian. */
#pragma once
#include "tcg/ir.h"

/* clang-format off */
typedef enum IrVop {
#define VOP(NAME, ...) VOP_##NAME,
#include "tcg/vop.def"
    IR_VOPS,
} IrVop;
/* clang-format on */

/* IrInsn.aux of IR_V1 to IR_V3: the operation, VOP_KEEP, VOP_REFERENCE (by the row's reference: the one that obeys
 * MXCSR's mask of underflows), an immediate of 8 bits. */
enum { VOP_ID = 0x3ff, VOP_KEEP = 0x400, VOP_REFERENCE = 0x800, VOP_IMM_SHIFT = 16 };
static inline IrVop vop_of(uint32_t what)
{
    return (IrVop)(what & VOP_ID);
}
static inline uint8_t vop_imm(uint32_t what)
{
    return what >> VOP_IMM_SHIFT;
}

enum {
    VF_IMM = 1,      /* has an immediate */
    VF_SCALAR = 2,   /* of the lowest element */
    VF_MXCSR = 4,    /* floating point that obeys and sets it */
    VF_WHOLE = 8,    /* 256 bits are more than twice 128 */
    VF_64 = 16,      /* may be of type v64; the host's instruction of 128 bits computes it in its low half */
    VF_64CALL = 32,  /* may be of type v64; the host has no such instruction */
    VF_VEX = 64,     /* the host's instruction has a VEX form only: no VOP_KEEP */
    VF_LEGACY = 128, /* has none: VOP_KEEP only */
    VF_FLAGS = 256,  /* the result is x86's flags CF, PF and ZF in their places in EFLAGS */
    VF_128 = 512,    /* not of 256 bits */
    VF_256 = 1024,   /* of 256 bits only */
    VF_REG = 2048,   /* the host's instruction with its last operand in memory is another one */
};

typedef enum VopShape { VS_VV, VS_VVV, VS_VVVV, VS_VI, VS_VVI, VS_IV, VS_IVV } VopShape;
typedef enum VopNeed {
    VN_FLOAT,
    VN_INT,
    VN_AVX2,
    VN_FMA,
    VN_F16C,
    VN_AES,
    VN_PCLMUL,
    VN_SHA,
    VN_GFNI
} VopNeed;
typedef enum VopEncoding {
    VE_RVM, /* dst = ModRM.reg, a = VEX.vvvv (without VEX: dst), b = ModRM.rm; with three operands a is dst, b vvvv, c rm */
    VE_RM,  /* dst = reg, a = rm; of two operands without a vector as result, a = reg, b = rm */
    VE_MR,  /* dst = rm, a = reg */
    VE_VMI, /* dst = vvvv, a = rm, a digit in reg */
    VE_IS4, /* as VE_RVM; c in bits 7..4 of an immediate */
    VE_XMM0, /* a is dst, b rm, c the host's xmm0 */
} VopEncoding;

typedef union IrVec {
    uint8_t u8[32];
    int8_t i8[32];
    uint16_t u16[16];
    int16_t i16[16];
    uint32_t u32[8];
    int32_t i32[8];
    uint64_t u64[4];
    int64_t i64[4];
} IrVec;

/* An operation under way, in its reference: with VF_WHOLE all `bytes`, else 16 of them at a time (or 8). */
typedef struct VopInfo VopInfo;
typedef struct VopCall {
    const VopInfo *info;
    IrVec d, a, b, c; /* d: as a at first */
    uint64_t value;   /* integer operand; integer result */
    uint32_t *mxcsr;
    unsigned bytes;
    uint8_t imm, lane; /* lane: which 16 bytes these are */
} VopCall;
typedef void VopReference(VopCall *v);

struct VopInfo {
    const char *name;
    VopReference *reference;
    uint16_t flags;
    uint8_t shape, need, enc, map, pp, opcode, w;
};
extern const VopInfo vop_info[IR_VOPS];

static inline bool vop_gives_int(const VopInfo *v)
{
    return v->shape >= VS_IV;
}
static inline bool vop_takes_int(const VopInfo *v) /* its last operand */
{
    return v->shape == VS_VI || v->shape == VS_VVI;
}
static inline unsigned vop_operands(const VopInfo *v)
{
    return v->shape == VS_VVVV ? 3 : v->shape == VS_VVV || v->shape == VS_VVI || v->shape == VS_IVV ? 2 : 1;
}
/* An integer that it gives or takes. */
static inline IrType vop_int_type(const VopInfo *v)
{
    return v->w ? IR_I64 : IR_I32;
}

/* Computes an operation on the globals of cpu; refs: dst, a, b, c, 16 bits each, from the low ones.  value is the
 * operand that is no vector; returns the result that is none. */
uint64_t ir_vector_compute(CPU *cpu, const IrGuest *g, uint64_t refs, uint32_t what, uint32_t type,
                           uint64_t value);
static inline uint64_t ir_vector_refs(IrRef dst, IrRef a, IrRef b, IrRef c)
{
    return dst | (uint64_t)a << 16 | (uint64_t)b << 32 | (uint64_t)c << 48;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of tcg/vop.def, and its operations computed on the CPU struct by their references. */
#include "tcg/vector-refs.h"

#include <string.h>

/* clang-format off */
const VopInfo vop_info[IR_VOPS] = {
#define VOP(NAME, text, shape, flags, need, enc, map, pp, opcode, w, reference)                            \
    [VOP_##NAME] = { text, reference, flags, VS_##shape, VN_##need, VE_##enc, map, pp, opcode, w },
#include "tcg/vop.def"
};
/* clang-format on */
_Static_assert(IR_VOPS <= VOP_ID + 1, "the number of an operation fits IrInsn.aux");

static char *place(CPU *cpu, const IrGuest *g, IrRef r)
{
    return (char *)cpu + g->globals[r & IR_INDEX_MASK].offset;
}

static IrVec get(CPU *cpu, const IrGuest *g, IrRef r)
{
    IrVec v = { 0 };
    if (ir_is_vector(g, r)) {
        memcpy(&v, place(cpu, g, r), ir_vector_bytes(g->globals[r & IR_INDEX_MASK].type));
    }
    return v;
}

static void put(CPU *cpu, const IrGuest *g, IrRef r, const IrVec *v, unsigned bytes, bool keep)
{
    unsigned all = ir_vector_bytes(g->globals[r & IR_INDEX_MASK].type);
    char *to = place(cpu, g, r);
    memcpy(to, v, MIN(bytes, all));
    if (all > bytes && !keep) {
        memset(to + bytes, 0, all - bytes);
    }
}

/* One half of it after the other. */
static void compute_lanes(VopCall *v)
{
    VopCall half = *v;
    half.bytes = MIN(v->bytes, 16);
    for (half.lane = 0; half.lane < (v->bytes == 32 ? 2 : 1); half.lane++) {
        unsigned at = 16 * half.lane;
        memcpy(&half.a, v->a.u8 + at, 16);
        memcpy(&half.b, v->b.u8 + at, 16);
        memcpy(&half.c, v->c.u8 + at, 16);
        half.d = half.a;
        v->info->reference(&half);
        memcpy(v->d.u8 + at, &half.d, 16);
    }
    v->value = half.value;
}

uint64_t ir_vector_compute(CPU *cpu, const IrGuest *g, uint64_t refs, uint32_t what, uint32_t type,
                           uint64_t value)
{
    const VopInfo *info = &vop_info[vop_of(what)];
    VopCall v = { .info = info, .imm = vop_imm(what), .value = value, .bytes = ir_vector_bytes(type) };
    v.mxcsr = (uint32_t *)((char *)cpu + g->mxcsr_offset);
    v.a = get(cpu, g, refs >> 16);
    v.b = get(cpu, g, refs >> 32);
    v.c = get(cpu, g, refs >> 48);
    v.d = v.a;
    if (vop_gives_int(info)) {
        v.value = 0;
    }
    if (info->flags & VF_WHOLE) {
        info->reference(&v);
    } else {
        compute_lanes(&v);
    }
    if (vop_gives_int(info)) {
        return v.value;
    }
    put(cpu, g, refs, &v.d, v.bytes == 8 || v.bytes == 32 ? v.bytes : 16, what & VOP_KEEP);
    return 0;
}

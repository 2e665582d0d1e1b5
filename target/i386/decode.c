/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86 bytes to X86Insn: prefixes, REX and VEX, the walk to a row of the tables, ModRM, displacement, immediates.
 *
 * Spec: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2: 2.1 (formats), 2.2 (REX),
 * 2.3 (VEX).  Of several prefixes of one kind the last counts; REX counts directly before the opcode.
 *
 * Not modelled: EVEX, XOP, 3DNow!, test registers (mov from and to TR): illegal instructions. */
#include "target/i386/decode-nodes.h"
#include "target/i386/translators.h"

#include <string.h>

typedef struct Decoder {
    X86Insn *insn;
    X86DecodeMode mode;
    const uint8_t *start, *at, *end;
    X86Map map;
    uint8_t vvvv; /* as in the prefix, not inverted back: 15 where there is none */
    bool w, l;
} Decoder;

/* The byte at `at`, which goes one on. */
static bool take(Decoder *d, uint8_t *byte)
{
    if (d->at == d->end) {
        return false;
    }
    *byte = *d->at++;
    return true;
}

/* `bytes` (1, 2, 4 or 8) little-endian bytes, sign extended. */
static bool take_number(Decoder *d, unsigned bytes, int64_t *value)
{
    uint64_t v = 0;

    if ((size_t)(d->end - d->at) < bytes) {
        d->at = d->end;
        return false;
    }
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)d->at[i] << (8 * i);
    }
    d->at += bytes;
    unsigned shift = 64 - 8 * bytes;
    *value = (int64_t)(v << shift) >> shift;
    return true;
}

static void set_segment(Decoder *d, X86Seg seg)
{
    if (d->mode.size == 8 && seg < X86_FS) {
        return;
    }
    d->insn->seg = seg;
    d->insn->prefixes |= X86_PREFIX_SEGMENT;
}

/* Note a legacy prefix; false: it is none. */
static bool legacy_prefix(Decoder *d, uint8_t byte)
{
    X86Insn *insn = d->insn;

    switch (byte) {
    case 0x26: set_segment(d, X86_ES); return true;
    case 0x2e: set_segment(d, X86_CS); return true;
    case 0x36: set_segment(d, X86_SS); return true;
    case 0x3e: set_segment(d, X86_DS); return true;
    case 0x64: set_segment(d, X86_FS); return true;
    case 0x65: set_segment(d, X86_GS); return true;
    case 0x66: insn->prefixes |= X86_PREFIX_OPERAND; return true;
    case 0x67: insn->prefixes |= X86_PREFIX_ADDRESS; return true;
    case 0xf0: insn->prefixes |= X86_PREFIX_LOCK; return true;
    case 0xf2: insn->prefixes = (insn->prefixes & ~X86_PREFIX_REP) | X86_PREFIX_REPNE; return true;
    case 0xf3: insn->prefixes = (insn->prefixes & ~X86_PREFIX_REPNE) | X86_PREFIX_REP; return true;
    default: return false;
    }
}

/* Prefixes, and the first byte behind them. */
static bool take_prefixes(Decoder *d, uint8_t *byte)
{
    X86Insn *insn = d->insn;

    for (;;) {
        if (!take(d, byte)) {
            return false;
        }
        if (legacy_prefix(d, *byte)) {
            insn->rex = 0;
            insn->prefixes &= ~X86_PREFIX_REX;
        } else if (d->mode.size == 8 && (*byte & 0xf0) == 0x40) {
            insn->rex = *byte & 15;
            insn->prefixes |= X86_PREFIX_REX;
        } else {
            d->w = insn->rex & X86_REX_W;
            return true;
        }
    }
}

/* Is C4, C5 a VEX prefix?  Outside 64-bit code it is LES, LDS with a memory operand, which R and X (R and
 * vvvv[3]) as 1 are not. */
static bool begins_vex(const Decoder *d, uint8_t byte)
{
    return (byte == 0xc4 || byte == 0xc5) && d->at < d->end && (d->mode.size == 8 || *d->at >= 0xc0);
}

/* The second to last byte of a VEX prefix whose form is known.  Sets the map; X86_MAP_COUNT: there is no such. */
static bool take_vex(Decoder *d, bool three)
{
    static const uint8_t pp_prefix[4] = { 0, X86_PREFIX_OPERAND, X86_PREFIX_REP, X86_PREFIX_REPNE };
    const uint8_t before =
        X86_PREFIX_LOCK | X86_PREFIX_OPERAND | X86_PREFIX_REP | X86_PREFIX_REPNE | X86_PREFIX_REX;
    X86Insn *insn = d->insn;
    uint8_t a, b;

    if (!take(d, &a) || (b = a, three && !take(d, &b))) {
        return false;
    }
    unsigned map = three ? a & 0x1f : 1;
    bool valid = map >= 1 && map <= 3 && !(insn->prefixes & before) && !d->mode.real;
    d->map = valid ? X86_MAP_V1 + map - 1 : X86_MAP_COUNT;
    insn->rex = ((a & 0x80) ? 0 : X86_REX_R);
    if (three) {
        insn->rex |=
            ((a & 0x40) ? 0 : X86_REX_X) | ((a & 0x20) ? 0 : X86_REX_B) | ((b & 0x80) ? X86_REX_W : 0);
    }
    if (d->mode.size != 8) {
        insn->rex &= X86_REX_W;
    }
    d->w = insn->rex & X86_REX_W;
    d->l = b & 4;
    d->vvvv = b >> 3 & 15;
    insn->vvvv = (15 - d->vvvv) & (d->mode.size == 8 ? 15 : 7);
    insn->vector = d->l ? 32 : 16;
    insn->prefixes |= X86_PREFIX_VEX | pp_prefix[b & 3];
    return true;
}

/* Map and opcode, behind the prefixes. */
static bool take_opcode(Decoder *d, uint8_t byte)
{
    if (begins_vex(d, byte)) {
        return take_vex(d, byte == 0xc4) && (d->map == X86_MAP_COUNT || take(d, &d->insn->opcode));
    }
    if ((byte == 0xc4 || byte == 0xc5) && d->at == d->end) {
        return false;
    }
    d->map = X86_MAP_00;
    d->insn->opcode = byte;
    if (byte != 0x0f) {
        return true;
    }
    d->map = X86_MAP_0F;
    if (!take(d, &d->insn->opcode)) {
        return false;
    }
    if (d->insn->opcode == 0x38 || d->insn->opcode == 0x3a) {
        d->map = d->insn->opcode == 0x38 ? X86_MAP_38 : X86_MAP_3A;
        return take(d, &d->insn->opcode);
    }
    return true;
}

static unsigned prefix_value(uint8_t prefixes)
{
    return prefixes & X86_PREFIX_REPNE     ? 3
           : prefixes & X86_PREFIX_REP     ? 2
           : prefixes & X86_PREFIX_OPERAND ? 1
                                           : 0;
}

/* The value that a node chooses by; false: it is a field of a ModRM byte that is not there. */
static bool axis_value(const Decoder *d, X86Axis axis, unsigned *value)
{
    uint8_t modrm = 0;

    *value = 0;
    if (axis >= X86_AXIS_MOD && axis <= X86_AXIS_RM) {
        if (d->at == d->end) {
            return false;
        }
        modrm = *d->at;
    }
    switch (axis) {
    case X86_AXIS_PREFIX: *value = prefix_value(d->insn->prefixes); break;
    case X86_AXIS_MOD: *value = modrm >= 0xc0; break;
    case X86_AXIS_REG: *value = modrm >> 3 & 7; break;
    case X86_AXIS_RM: *value = modrm & 7; break;
    case X86_AXIS_MODE64: *value = d->mode.size == 8; break;
    case X86_AXIS_W: *value = d->w; break;
    case X86_AXIS_W64: *value = d->w && d->mode.size == 8; break;
    case X86_AXIS_L: *value = d->l; break;
    case X86_AXIS_B: *value = d->insn->rex & X86_REX_B; break;
    }
    return true;
}

/* Find the row of the opcode. */
static bool find_row(Decoder *d)
{
    unsigned child = d->map == X86_MAP_COUNT ? 0 : x86_maps[d->map][d->insn->opcode];

    while (child & X86_NODE) {
        const uint16_t *node = &x86_nodes[child - X86_NODE];
        unsigned value;
        if (!axis_value(d, node[0], &value)) {
            return false;
        }
        child = node[1 + value];
    }
    d->insn->row = child;
    return true;
}

/* Operand and address size (volume 1, 3.6). */
static void set_sizes(Decoder *d, uint32_t attrs)
{
    X86Insn *insn = d->insn;
    bool other = insn->prefixes & X86_PREFIX_OPERAND && !(insn->prefixes & X86_PREFIX_VEX);
    bool fixed = attrs & X86_ATTR_F64 || (attrs & X86_ATTR_B64 && !d->mode.amd);

    if (d->mode.size != 8) {
        insn->osz = (d->mode.size == 2) != other ? 2 : 4;
        insn->asz = (d->mode.size == 2) != !!(insn->prefixes & X86_PREFIX_ADDRESS) ? 2 : 4;
        return;
    }
    insn->asz = insn->prefixes & X86_PREFIX_ADDRESS ? 4 : 8;
    if (d->w || fixed) {
        insn->osz = 8;
    } else if (other) {
        insn->osz = 2;
    } else {
        insn->osz = attrs & (X86_ATTR_D64 | X86_ATTR_B64) ? 8 : 4;
    }
}

/* Memory by 16-bit addresses (volume 2, table 2-1). */
static bool take_address16(Decoder *d)
{
    static const uint8_t bases[8] = { 3, 3, 5, 5, 6, 7, 5, 3 }; /* BX BX BP BP SI DI BP BX */
    static const uint8_t indices[8] = { 6, 7, 6, 7, X86_NO_REG, X86_NO_REG, X86_NO_REG, X86_NO_REG };
    X86Insn *insn = d->insn;
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    insn->base = bases[rm];
    insn->index = indices[rm];
    if (mod == 0 && rm == 6) {
        insn->base = X86_NO_REG;
        return take_number(d, 2, &insn->disp);
    }
    return mod == 0 || take_number(d, mod, &insn->disp);
}

/* Memory by 32- and 64-bit addresses (tables 2-2, 2-3; 2.2.1.6: relative to RIP). */
static bool take_address(Decoder *d, bool vsib)
{
    X86Insn *insn = d->insn;
    unsigned mod = insn->modrm >> 6, base = insn->modrm & 7;

    if (base == 4) {
        uint8_t sib;
        if (!take(d, &sib)) {
            return false;
        }
        base = sib & 7;
        insn->scale = sib >> 6;
        insn->index = (sib >> 3 & 7) | (insn->rex & X86_REX_X ? 8 : 0);
        if (insn->index == 4 && !vsib) {
            insn->index = X86_NO_REG;
        }
    } else if (mod == 0 && base == 5 && d->mode.size == 8) {
        insn->base = X86_REG_RIP;
        return take_number(d, 4, &insn->disp);
    }
    if (mod == 0 && base == 5) {
        return take_number(d, 4, &insn->disp);
    }
    insn->base = base | (insn->rex & X86_REX_B ? 8 : 0);
    return mod == 0 || take_number(d, mod == 1 ? 1 : 4, &insn->disp);
}

/* ModRM and what it asks for. */
static bool take_modrm(Decoder *d, uint32_t attrs)
{
    X86Insn *insn = d->insn;

    if (!take(d, &insn->modrm)) {
        return false;
    }
    insn->reg = (insn->modrm >> 3 & 7) | (insn->rex & X86_REX_R ? 8 : 0);
    insn->memory = insn->modrm < 0xc0 && !(attrs & X86_ATTR_ANYMOD);
    if (!insn->memory) {
        insn->rm = (insn->modrm & 7) | (insn->rex & X86_REX_B ? 8 : 0);
        return true;
    }
    if (insn->asz == 2 ? !take_address16(d) : !take_address(d, attrs & X86_ATTR_VSIB)) {
        return false;
    }
    bool stack = insn->base == 5 || insn->base == 4; /* rBP, rSP; not r12 and r13 */
    if (stack && !(insn->prefixes & X86_PREFIX_SEGMENT)) {
        insn->seg = X86_SS;
    }
    return true;
}

static unsigned immediate_bytes(const X86Insn *insn, uint8_t size)
{
    switch (size) {
    case X86_SIZE_B:
    case X86_SIZE_BS: return 1;
    case X86_SIZE_W: return 2;
    case X86_SIZE_Z: return insn->osz == 2 ? 2 : 4;
    default: return insn->osz;
    }
}

static bool take_immediates(Decoder *d, const X86Row *row)
{
    X86Insn *insn = d->insn;
    int64_t second = 0;

    if (row->attrs & X86_ATTR_MOFFS && !take_number(d, insn->asz, &insn->disp)) {
        return false;
    }
    if (row->imm != X86_SIZE_NONE && !take_number(d, immediate_bytes(insn, row->imm), &insn->imm)) {
        return false;
    }
    if (row->imm == X86_SIZE_B || row->imm == X86_SIZE_W) {
        insn->imm &= row->imm == X86_SIZE_B ? 0xff : 0xffff;
    }
    if (row->imm2 != X86_SIZE_NONE && !take_number(d, immediate_bytes(insn, row->imm2), &second)) {
        return false;
    }
    insn->imm2 = row->imm2 == X86_SIZE_B ? (uint8_t)second : (uint16_t)second;
    return true;
}

/* Control and debug registers that exist, segment registers that can be named: else #UD. */
static bool registers_exist(const X86Insn *insn, const X86Row *row)
{
    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        switch (row->operands[i].where) {
        case X86_AT_S:
            if ((insn->reg & 7) > X86_GS || (i == 0 && (insn->reg & 7) == X86_CS)) {
                return false;
            }
            break;
        case X86_AT_C:
            if (!(1u << insn->reg & (1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8))) {
                return false;
            }
            break;
        case X86_AT_D:
            if (insn->reg > 7) {
                return false;
            }
            break;
        default: break;
        }
    }
    return true;
}

/* What makes an instruction illegal once all of it is known. */
static bool is_legal(const Decoder *d, const X86Row *row)
{
    const X86Insn *insn = d->insn;

    if (insn->prefixes & X86_PREFIX_LOCK && !(row->attrs & X86_ATTR_LOCK && insn->memory)) {
        return false;
    }
    if (d->mode.real && row->attrs & X86_ATTR_PROT) {
        return false;
    }
    if (d->mode.amd &&
        (row->attrs & X86_ATTR_INTEL || (row->attrs & X86_ATTR_AMDW0 && d->w && d->mode.size != 8))) {
        return false;
    }
    if (insn->prefixes & X86_PREFIX_VEX && !(row->attrs & X86_ATTR_VVVV) && d->vvvv != 15) {
        return false;
    }
    if (row->attrs & X86_ATTR_VSIB) { /* destination, mask and index differ; the address has a SIB byte */
        if (insn->asz == 2 || (insn->modrm & 7) != 4 || insn->reg == insn->vvvv || insn->reg == insn->index ||
            insn->vvvv == insn->index) {
            return false;
        }
    }
    return registers_exist(insn, row);
}

static X86DecodeResult decode(Decoder *d)
{
    X86Insn *insn = d->insn;
    uint8_t byte;

    if (!take_prefixes(d, &byte) || !take_opcode(d, byte) || !find_row(d)) {
        return X86_DECODE_SHORT;
    }
    const X86Row *row = &x86_rows[insn->row];
    set_sizes(d, row->attrs);
    if (insn->row == 0) {
        return X86_DECODE_INVALID;
    }
    if (row->attrs & X86_ATTR_MODRM) {
        if (!take_modrm(d, row->attrs)) {
            return X86_DECODE_SHORT;
        }
    } else {
        insn->rm = (insn->opcode & 7) | (insn->rex & X86_REX_B ? 8 : 0);
    }
    if (!take_immediates(d, row)) {
        return X86_DECODE_SHORT;
    }
    return is_legal(d, row) ? X86_DECODE_OK : X86_DECODE_INVALID;
}

X86DecodeResult x86_decode(X86Insn *insn, X86DecodeMode mode, const uint8_t *bytes, unsigned available)
{
    unsigned limit = MIN(available, X86_INSN_MAX);
    Decoder d = { .insn = insn,
                  .mode = mode,
                  .start = bytes,
                  .at = bytes,
                  .end = limit ? bytes + limit : bytes,
                  .vvvv = 15 };

    *insn = (X86Insn){ .seg = X86_DS, .base = X86_NO_REG, .index = X86_NO_REG, .vector = 16 };
    X86DecodeResult result = decode(&d);
    insn->length = d.at - d.start;
    if (result != X86_DECODE_OK) {
        insn->row = 0;
    }
    return result == X86_DECODE_SHORT && limit == X86_INSN_MAX ? X86_DECODE_TOO_LONG : result;
}

unsigned x86_row_for(const X86Insn *insn, uint64_t isa)
{
    const X86Row *row = &x86_rows[insn->row];
    uint64_t need = insn->vector == 32 ? row->need_256 : row->need;

    if ((need & ~isa) == 0) {
        return insn->row;
    }
    return row->otherwise && (x86_rows[row->otherwise].need & ~isa) == 0 ? row->otherwise : 0;
}

unsigned x86_operand_bytes(const X86Insn *insn, X86DecodeMode mode, X86Operand operand)
{
    switch (operand.size) {
    case X86_SIZE_B:
    case X86_SIZE_BS: return 1;
    case X86_SIZE_W: return 2;
    case X86_SIZE_D:
    case X86_SIZE_SS:
    case X86_SIZE_FD: return 4;
    case X86_SIZE_Q:
    case X86_SIZE_SD:
    case X86_SIZE_FQ: return 8;
    case X86_SIZE_FT:
    case X86_SIZE_FA: return 10;
    case X86_SIZE_DQ: return 16;
    case X86_SIZE_QQ: return 32;
    case X86_SIZE_V: return insn->osz;
    case X86_SIZE_Z: return MIN(insn->osz, 4);
    case X86_SIZE_Y: return insn->osz == 8 ? 8 : 4;
    case X86_SIZE_X:
    case X86_SIZE_PS:
    case X86_SIZE_PD: return insn->vector;
    case X86_SIZE_VX:
    case X86_SIZE_VH:
    case X86_SIZE_VY: return insn->rex & X86_REX_W ? 8 : 4;
    case X86_SIZE_P: return (mode.amd ? MIN(insn->osz, 4) : insn->osz) + 2;
    case X86_SIZE_A: return 2 * insn->osz;
    case X86_SIZE_S: return mode.size == 8 ? 10 : 6;
    case X86_SIZE_F: return mode.size == 8 ? 8 : 4;
    default: return 0;
    }
}

bool x86_insn_modifies(const X86Insn *insn)
{
    const X86Row *row = &x86_rows[insn->row];
    if (!insn->memory || row->operands[0].where != X86_AT_E) {
        return false;
    }
    switch (row->translator) {
    case X86_TR_ALU: return row->arg != X86_ALU_CMP;
    case X86_TR_BITTEST: return row->arg != X86_BITTEST_BT;
    case X86_TR_CMPXCHG:
    case X86_TR_INCDEC:
    case X86_TR_SHIFT:
    case X86_TR_SHIFTD:
    case X86_TR_UNARY:
    case X86_TR_XADD:
    case X86_TR_XCHG: return true;
    default: return false;
    }
}

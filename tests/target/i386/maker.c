/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts together prefixes, opcode and ModRM as a row's X86Encoding allows, random bytes behind them, and keeps
 * what the decoder takes for this row and the rules allow: so no size of an immediate is known here. */
#include "maker.h"

#include <string.h>

enum { ATTEMPTS = 64 };

uint64_t x86_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

typedef struct Making {
    const X86MakeRules *rules;
    const X86Row *row;
    uint64_t *random;
    bool memory; /* the form that is wanted: chosen once, lest the rules favour one */
    uint8_t *at;
} Making;

static unsigned below(Making *m, unsigned limit)
{
    return (x86_random(m->random) >> 32) % limit;
}

static bool chance(Making *m, uint8_t rate)
{
    return below(m, 256) < rate;
}

/* A random member of a set of small numbers. */
static unsigned member(Making *m, uint8_t set)
{
    unsigned value;

    do {
        value = below(m, 8);
    } while (!(set >> value & 1));
    return value;
}

static void put(Making *m, uint8_t byte)
{
    *m->at++ = byte;
}

/* Prefixes that rows without VEX may have, with their choice of none, 66, F3, F2. */
static void put_legacy_prefixes(Making *m)
{
    static const uint8_t segments[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    static const uint8_t mandatory[4] = { 0, 0x66, 0xf3, 0xf2 };
    const X86MakeRules *rules = m->rules;
    const X86Encoding *e = &m->row->encoding;
    bool any = e->prefix == 15;
    unsigned prefix = any ? below(m, 2) : member(m, e->prefix & 3 ? e->prefix & 3 : e->prefix);

    if (any && m->row->attrs & (X86_ATTR_REP | X86_ATTR_REPE) && chance(m, rules->repeat_rate)) {
        put(m, m->row->attrs & X86_ATTR_REPE && below(m, 2) ? 0xf2 : 0xf3);
    }
    if (mandatory[prefix] && (!any || m->row->attrs & X86_ATTR_MODRM || below(m, 2))) {
        put(m, mandatory[prefix]);
    }
    if (chance(m, rules->redundant_rate)) {
        put(m, segments[below(m, 6)]);
    }
    if (chance(m, rules->redundant_rate)) {
        put(m, 0x67);
    }
    if (m->row->attrs & X86_ATTR_LOCK && chance(m, rules->lock_rate)) {
        put(m, 0xf0);
    }
    if (rules->mode.size == 8 && (below(m, 2) || e->w == 2 || e->b == 2)) {
        put(m, 0x40 | below(m, 8) | (member(m, e->w) << 3));
        m->at[-1] = (m->at[-1] & ~1) | member(m, e->b);
    }
}

static void put_opcode(Making *m)
{
    const X86Encoding *e = &m->row->encoding;

    if (e->map != X86_MAP_00) {
        put(m, 0x0f);
    }
    if (e->map == X86_MAP_38 || e->map == X86_MAP_3A) {
        put(m, e->map == X86_MAP_38 ? 0x38 : 0x3a);
    }
    put(m, e->opcode + below(m, e->opcodes));
}

static void put_vex(Making *m)
{
    static const uint8_t segments[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    const X86Encoding *e = &m->row->encoding;
    unsigned w = member(m, e->w), l = member(m, e->l), prefix = member(m, e->prefix);
    unsigned vvvv = m->row->attrs & X86_ATTR_VVVV ? below(m, 16) : 0;
    unsigned rxb = m->rules->mode.size == 8 ? below(m, 8) : 0;

    if (m->rules->mode.size != 8) {
        vvvv &= 7;
    }
    if (chance(m, m->rules->redundant_rate)) {
        put(m, segments[below(m, 6)]);
    }
    if (chance(m, m->rules->redundant_rate) || (m->row->attrs & X86_ATTR_VSIB && m->rules->mode.size == 2)) {
        put(m, 0x67);
    }
    unsigned last = (15 - vvvv) << 3 | l << 2 | (prefix == 2 ? 2 : prefix == 3 ? 3 : prefix);
    if (e->map == X86_MAP_V1 && !w && !(rxb & 3) && below(m, 2)) {
        put(m, 0xc5);
        put(m, last | (rxb & 4 ? 0 : 0x80));
    } else {
        put(m, 0xc4);
        put(m, ((7 - rxb) << 5) | (e->map - X86_MAP_V1 + 1));
        put(m, last | w << 7);
    }
    put(m, e->opcode + below(m, e->opcodes));
}

static void put_modrm(Making *m)
{
    const X86Encoding *e = &m->row->encoding;
    unsigned reg = member(m, e->reg) << 3;

    if (!m->memory) {
        put(m, 0xc0 | reg | member(m, e->rm));
    } else if (m->rules->bound_memory && !(m->row->attrs & X86_ATTR_VSIB)) {
        put(m, 0x40 | reg | (m->rules->base & 7));
        if ((m->rules->base & 7) == 4) {
            put(m, 0x24);
        }
    } else {
        put(m, below(m, 3) << 6 | reg | (m->row->attrs & X86_ATTR_VSIB ? 4 : member(m, e->rm)));
    }
}

static bool may_name(const X86MakeRules *rules, unsigned reg)
{
    return rules->registers >> reg & 1;
}

/* Byte registers 4 to 7 are the second bytes of 0 to 3 where there is no REX. */
static unsigned general(const X86Insn *insn, uint8_t size, unsigned reg)
{
    bool high = size == X86_SIZE_B && !(insn->prefixes & (X86_PREFIX_REX | X86_PREFIX_VEX)) && reg >= 4;

    return high ? reg - 4 : reg;
}

static bool allowed_operand(const X86MakeRules *rules, const X86Insn *insn, X86Operand o)
{
    switch (o.where) {
    case X86_AT_E: return insn->memory || may_name(rules, general(insn, o.size, insn->rm));
    case X86_AT_R:
    case X86_AT_Z: return may_name(rules, general(insn, o.size, insn->rm));
    case X86_AT_G: return may_name(rules, general(insn, o.size, insn->reg));
    case X86_AT_B: return may_name(rules, insn->vvvv);
    case X86_AT_AX: return may_name(rules, 0);
    default: return true;
    }
}

static bool allowed(const X86MakeRules *rules, const X86Insn *insn)
{
    if (insn->memory) {
        if (rules->bound_memory && (insn->base != rules->base || insn->index != X86_NO_REG)) {
            return false;
        }
        if (!rules->bound_memory && ((insn->base < 16 && !may_name(rules, insn->base)) ||
                                     (insn->index < 16 && !may_name(rules, insn->index)))) {
            return false;
        }
    }
    for (unsigned i = 0; i < X86_OPERANDS_MAX; i++) {
        if (!allowed_operand(rules, insn, x86_rows[insn->row].operands[i])) {
            return false;
        }
    }
    return true;
}

unsigned x86_make(const X86MakeRules *rules, unsigned row, uint64_t *random, uint8_t bytes[16])
{
    Making m = { .rules = rules, .row = &x86_rows[row], .random = random };
    const X86Encoding *e = &m.row->encoding;
    X86Insn insn;

    if (!(e->mode64 >> (rules->mode.size == 8) & 1)) {
        return 0;
    }
    m.memory = member(&m, e->mod) == 0;
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint8_t buffer[32];
        m.at = buffer;
        if (e->map >= X86_MAP_V1) {
            put_vex(&m);
        } else {
            put_legacy_prefixes(&m);
            put_opcode(&m);
        }
        if (m.row->attrs & X86_ATTR_MODRM) {
            put_modrm(&m);
        }
        while (m.at < buffer + 16) {
            put(&m, x86_random(random) >> 56);
        }
        if (x86_decode(&insn, rules->mode, buffer, 16) != X86_DECODE_OK || insn.row != row ||
            !allowed(rules, &insn)) {
            continue;
        }
        if (chance(&m, rules->illegal_rate)) {
            buffer[below(&m, insn.length)] ^= 1u << below(&m, 8);
            x86_decode(&insn, rules->mode, buffer, 16);
        }
        memcpy(bytes, buffer, 16);
        return MAX(insn.length, 1);
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code of a block that is made once more for the same guest code at another address: a copy, in which some fields
 * change (JitMove).
 *
 * Requirements on whoever emits
 *   1. a field whose value depends on a guest address, or on where the code is relative to the cache's head, is noted
 *   2. the shape of the code does not depend on a guest address: else j->movable is false
 * Addresses that fit 32 bits have shorter instructions, so they do not move, and nothing moves to where they are; which
 * leaves those that position independent code gets.  As all addresses in a block lie within some 2 GiB, none wraps around
 * either, and their order (see needs_poll) stays. */
#include "tcg/x86_64/gen.h"

bool gen_is_wide(uint64_t pc)
{
    return pc != (uint32_t)pc && (int64_t)pc != (int32_t)pc;
}

void gen_note_move(Jit *j, JitMoveKind kind)
{
    if (j->move_count == MAX_MOVES) {
        j->movable = false;
        j->move_count = 0;
    }
    j->moves[j->move_count++] = (JitMove){ x_pos(&j->a) - (kind == JIT_MOVE_PC ? 8 : 4), kind };
}

void gen_load_pc(Jit *j, int reg, uint64_t pc, bool keep_flags)
{
    x_mov_imm(&j->a, reg, pc, keep_flags);
    if (gen_is_wide(pc)) {
        gen_note_move(j, JIT_MOVE_PC);
    } else {
        j->movable = false;
    }
}

void gen_jmp_head(Jit *j, const uint8_t *stub)
{
    x_jmp(&j->a, stub);
    gen_note_move(j, JIT_MOVE_HEAD);
}

void gen_call_head(Jit *j, const uint8_t *stub)
{
    x_call(&j->a, stub);
    gen_note_move(j, JIT_MOVE_HEAD);
}

/* Entries have 16 bytes, and the table begins at a multiple of them. */
static int32_t move_jump(const Jit *j, int32_t at, uint64_t by)
{
    uint32_t mask = (16u << j->c.jump_bits) - 1, offset = at - j->c.jumps;
    uint32_t moved = (uint32_t)(by >> j->c.guest->pc_shift << 4);
    return j->c.jumps + ((offset + moved) & mask);
}

static bool move_field(const Jit *j, uint8_t *field, JitMoveKind kind, uint64_t by, int64_t distance)
{
    if (kind == JIT_MOVE_PC) {
        uint64_t pc;
        memcpy(&pc, field, sizeof(pc));
        pc += by;
        memcpy(field, &pc, sizeof(pc));
        return gen_is_wide(pc);
    }
    int32_t value;
    memcpy(&value, field, sizeof(value));
    value = kind == JIT_MOVE_JUMP ? move_jump(j, value, by) : value - distance;
    memcpy(field, &value, sizeof(value));
    return true;
}

bool x86_64_copy(Jit *j, uint8_t *rw, const uint8_t *rx, const uint8_t *from, uint32_t size, uint32_t moves,
                 uint64_t by)
{
    unsigned count;
    JitMove m = { 0 };
    memcpy(rw, from, size);
    const uint8_t *p = jit_get_moves(from + moves, &count);
    for (; count; count--) {
        p = jit_next_move(p, &m);
        if (!move_field(j, rw + m.offset, m.kind, by, rx - from)) {
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which loads and stores of a block may share one look into the TLB.
 *
 * Stack frames and structures are touched through one register at small distances, so most accesses lie in the page of one
 * that came just before.  A share is a run of loads, or of stores, whose addresses are known to differ by constants:
 * the first is checked for the whole range, the others ask only whether that went well.
 *
 * What is known of a value is a root (whatever a register held at some point) and a distance from it; additions of
 * constants and copies keep the root, everything else makes a new one.
 *
 * Requirements on who uses it
 *   1. what the check found is forgotten whenever the back end leaves the block's fast path, since a slow access may
 *      change mappings, or what a page is (a flash chip's mode)
 *   2. loads ask for the right to read, stores for that to write, as they would alone: so the two never share, and a page
 *      that is read and may not be written costs nothing
 * A share ends at labels (the first access may not have run), at atomics and accesses of vectors, and at helpers that may touch memory. */
#include <string.h>

#include "tcg/private.h"

enum {
    WINDOW = 256,   /* bytes: a larger one crosses pages more often, and then all its accesses are slow */
    REACH = 1 << 20 /* displacements: far from where sums could wrap */
};

typedef struct Value {
    uint32_t root;
    uint64_t distance;
} Value;

typedef struct Open {
    unsigned share; /* 0: none */
    uint32_t root;
    uint64_t from;    /* distance of the first access's operand a */
    int64_t low, end; /* of all accesses, relative to `from` */
    bool store;
} Open;

typedef struct Finder {
    const IrBlock *b;
    IrShares *s;
    Value *values; /* of globals, then of temps */
    uint32_t roots;
    Open open[IR_SHARE_SLOTS];
    unsigned next; /* the slot to take when none is free */
} Finder;

/* Constants: distances from 0; those that move with the block (ir_const_pc), which are as far from the others as it is. */
enum { ROOT_ZERO = 1, ROOT_PC };

static Value *value_of_register(Finder *f, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    return &f->values[ir_is_global(r) ? index : f->b->guest->global_count + index];
}

static Value value_of(Finder *f, IrRef r)
{
    if (!ir_is_const(r)) {
        return *value_of_register(f, r);
    }
    return (Value){ ir_const_is_pc(f->b, r) ? ROOT_PC : ROOT_ZERO, ir_const_value(f->b, r) };
}

static void forget_globals(Finder *f)
{
    for (unsigned n = 0; n < f->b->guest->global_count; n++) {
        f->values[n] = (Value){ ++f->roots, 0 };
    }
}

static void close_all(Finder *f)
{
    memset(f->open, 0, sizeof(f->open));
}

static unsigned new_share(Finder *f, const Open *o, unsigned slot, uint32_t at)
{
    IrShares *s = f->s;
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->all = g_renew(IrShare, s->all, s->capacity);
    }
    s->all[s->count] = (IrShare){ .first = at, .last = at, .low = o->low, .end = o->end, .slot = slot };
    return s->count++;
}

/* The guest chooses distances: they may be half the address space apart. */
static bool joins(const Open *o, uint32_t root, uint64_t distance, unsigned bytes, bool store)
{
    int64_t at = distance - o->from, first = o->end - WINDOW, last = o->low + WINDOW - (int64_t)bytes;
    return o->share && o->root == root && o->store == store && at >= first && at <= last;
}

static void note_access(Finder *f, const IrInsn *in, uint32_t at)
{
    int32_t disp = in->aux;
    if (in->type & ~(MEM_SIZE | MEM_SIGN | MEM_BE) || disp < -REACH || disp > REACH) {
        return;
    }
    Value base = value_of(f, in->a);
    unsigned bytes = memop_bytes(in->type), slot = 0;
    bool store = in->op == IR_ST;
    while (slot < IR_SHARE_SLOTS && !joins(&f->open[slot], base.root, base.distance + disp, bytes, store)) {
        slot++;
    }
    if (slot == IR_SHARE_SLOTS) {
        slot = f->next++ % IR_SHARE_SLOTS;
        Open *o = &f->open[slot];
        *o = (Open){
            .root = base.root, .from = base.distance, .low = disp, .end = disp + (int)bytes, .store = store
        };
        o->share = new_share(f, o, slot, at);
    } else {
        Open *o = &f->open[slot];
        int64_t low = base.distance + disp - o->from;
        o->low = MIN(o->low, low);
        o->end = MAX(o->end, low + bytes);
        IrShare *share = &f->s->all[o->share];
        share->low = o->low;
        share->end = o->end;
        share->last = at;
    }
    f->s->of[at] = f->open[slot].share;
}

/* A helper that touches nothing but the CPU struct leaves the TLB alone. */
static bool keeps_mappings(const IrHelper *h)
{
    return h->flags & IRH_PURE || !(h->flags & (IRH_FAULT | IRH_READS | IRH_WRITES));
}

static void note_result(Finder *f, const IrInsn *in)
{
    Value v = { 0, 0 };
    if (in->op == IR_MOV && in->type == IR_I64) {
        v = value_of(f, in->a);
    } else if (in->op == IR_ADD && in->type == IR_I64 && ir_is_const(in->b)) {
        v = value_of(f, in->a);
        v.distance += ir_const_value(f->b, in->b);
    }
    *value_of_register(f, in->dst) = v.root ? v : (Value){ ++f->roots, 0 };
}

static void note(Finder *f, const IrInsn *in, uint32_t at)
{
    switch (in->op) {
    case IR_LD:
    case IR_ST: note_access(f, in, at); break;
    case IR_LABEL:
        close_all(f);
        forget_globals(f);
        break;
    case IR_RMW:
    case IR_CAS:
    case IR_LDV:
    case IR_STV: close_all(f); break;
    case IR_CALL:
        if (!keeps_mappings(f->b->helpers[in->aux])) {
            close_all(f);
        }
        if (f->b->helpers[in->aux]->flags & IRH_WRITES) {
            forget_globals(f);
        }
        break;
    default: break;
    }
    if (in->dst != IR_NONE) {
        note_result(f, in);
    }
}

void ir_find_shares(const IrBlock *b, IrShares *s)
{
    if (s->ops < b->count) {
        s->ops = b->count + 256;
        s->of = g_renew(uint16_t, s->of, s->ops);
    }
    memset(s->of, 0, b->count * sizeof(s->of[0]));
    s->count = 0;
    Finder f = { .b = b, .s = s, .roots = ROOT_PC };
    f.values = g_newa(Value, b->guest->global_count + b->temp_count + 1); /* at most 256 KiB */
    new_share(&f, &f.open[0], 0, 0);                                      /* 0 stands for none */
    forget_globals(&f);
    for (uint32_t at = 0; at < b->count; at++) {
        note(&f, &b->ops[at], at);
    }
    for (uint32_t at = 0; at < b->count; at++) { /* one alone shares with nobody */
        if (s->all[s->of[at]].first == s->all[s->of[at]].last) {
            s->of[at] = 0;
        }
    }
}

void ir_shares_clear(IrShares *s)
{
    g_free(s->all);
    g_free(s->of);
    *s = (IrShares){ 0 };
}

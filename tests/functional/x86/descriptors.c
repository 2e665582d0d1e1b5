/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors of every type, level and presence, by selectors of every RPL, at levels 0 and 3, against a model of their own: loads of
 * DS and SS, LAR, LSL, VERR, VERW, far jumps, LLDT, LTR.  Each is compared in whether it faults, its vector and error code, in
 * ZF and result, and in the accessed bit behind it.
 * Spec: SDM 3, "Protection"; SDM 2, MOV, LAR, LSL, VERR/VERW, JMP, LLDT, LTR.
 * expect: 15936 accesses, differences: 0
 * expect: done */
#include "lib.h"

enum { LOAD_DS, LOAD_SS, LAR, LSL, VERR, VERW, JUMP, LLDT, LTR, OPS };
enum {
    ACCESSED = 1,
    WRITABLE = 2,
    READABLE = 2,
    CONFORMING = 4,
    CODE = 8,
    S = 0x10,
    PRESENT = 0x80,
    BUSY = 2
};
enum {
    GP = 13,
    SS_FAULT = 12,
    NP = 11,
    LIMIT = 0xfffff,
    FLAGS = 0xc,
    SHOWN = 10,
    TYPE_LDT = 2,
    TYPE_TSS16 = 1,
    TYPE_TSS = 9
};

static const char *const names[OPS] = { "mov ds", "mov ss", "lar",  "lsl", "verr",
                                        "verw",   "jump",   "lldt", "ltr" };
typedef struct Outcome {
    uint32_t vector, error, zf, result, access; /* vector 0: none; access: the byte behind it */
} Outcome;

static unsigned op, cpl;
static uint32_t selector;
static volatile uint32_t zf, result;

/* ---- the model --------------------------------------------------------------------- */

static bool in(uint32_t set, unsigned type)
{
    return set >> type & 1;
}

static bool visible(uint32_t access, unsigned rpl)
{
    unsigned dpl = access >> 5 & 3;
    bool conforming = (access & (S | CODE | CONFORMING)) == (S | CODE | CONFORMING);
    return conforming || (cpl <= dpl && rpl <= dpl);
}

static Outcome fault(uint32_t access, uint32_t vector)
{
    return (Outcome){ .vector = vector, .error = selector & 0xfffc, .access = access };
}

/* In the order of the checks; what is loaded becomes accessed. */
static Outcome loaded(uint32_t access, bool legal, uint32_t absent)
{
    if (!legal) {
        return fault(access, GP);
    }
    return access & PRESENT ? (Outcome){ .access = access | ACCESSED } : fault(access, absent);
}

static Outcome told(uint32_t access, bool yes, uint32_t what)
{
    return (Outcome){ .zf = yes, .result = yes ? what : 0, .access = access };
}

static Outcome model(uint32_t access)
{
    enum { OF_LAR = 0x1a3e, OF_LSL = 0x0a0e }; /* system types, a bit each */
    unsigned rpl = selector & 3, dpl = access >> 5 & 3, type = access & 15;
    bool segment = access & S, code = segment && (access & CODE), data = segment && !(access & CODE);
    bool readable = data || (code && (access & READABLE)), writable = data && (access & WRITABLE);
    bool seen = visible(access, rpl), conforming = code && (access & CONFORMING);
    switch (op) {
    case LOAD_DS: return loaded(access, readable && seen, NP);
    case LOAD_SS: return loaded(access, writable && rpl == cpl && dpl == cpl, SS_FAULT);
    case LAR: return told(access, seen && (segment || in(OF_LAR, type)), access << 8 | FLAGS << 20);
    case LSL: return told(access, seen && (segment || in(OF_LSL, type)), 0xffffffff);
    case VERR: return told(access, seen && readable, 0);
    case VERW: return told(access, seen && writable, 0);
    case JUMP: return loaded(access, code && (conforming ? dpl <= cpl : rpl <= cpl && dpl == cpl), NP);
    default: break;
    }
    bool legal = !segment && (op == LLDT ? type == TYPE_LDT : type == TYPE_TSS || type == TYPE_TSS16);
    Outcome o = loaded(access, legal, NP);
    o.access = o.vector ? access : op == LTR ? access | BUSY : access;
    return o;
}

/* ---- the processor ------------------------------------------------------------------- */

static void act(void)
{
    struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } there = { 0, selector }, back = { 0, cpl ? SEL_CODE3 : SEL_CODE };
    uint32_t flags = 0, r = 0, s = selector;
    switch (op) {
    case LOAD_DS: asm volatile("push %%ds\n\tmov %w0, %%ds\n\tpop %%ds" : : "r"(s)); break;
    case LOAD_SS:
        asm volatile("mov %%ss, %%ecx\n\tmov %w0, %%ss\n\tmov %%ecx, %%ss" : : "r"(s) : "ecx");
        break;
    case LAR: asm volatile("lar %2, %1\n\tpushf\n\tpop %0" : "=r"(flags), "+r"(r) : "r"(s) : "cc"); break;
    case LSL: asm volatile("lsl %2, %1\n\tpushf\n\tpop %0" : "=r"(flags), "+r"(r) : "r"(s) : "cc"); break;
    case VERR: asm volatile("verr %w1\n\tpushf\n\tpop %0" : "=r"(flags) : "r"(s) : "cc"); break;
    case VERW: asm volatile("verw %w1\n\tpushf\n\tpop %0" : "=r"(flags) : "r"(s) : "cc"); break;
    case JUMP:
        asm volatile("movl $1f, %0\n\tmovl $2f, %1\n\tljmp *%0\n\t1: ljmp *%1\n\t2:"
                     : "+m"(there), "+m"(back));
        break;
    case LLDT: asm volatile("lldt %w0" : : "r"(s)); break;
    default: asm volatile("ltr %w0" : : "r"(s)); break;
    }
    zf = flags >> 6 & 1;
    result = zf ? r : 0;
}

static void act_of_user(void)
{
    enter_user(act);
}

static Outcome look(uint32_t access)
{
    uint64_t tss_before = gdt[SEL_TSS / 8];
    gdt[SEL_FREE / 8] = descriptor(0, LIMIT, access, FLAGS);
    zf = result = 0;
    int vector = attempt(cpl ? act_of_user : act);
    Outcome o = { .zf = zf, .result = result, .access = gdt[SEL_FREE / 8] >> 40 & 0xff };
    if (vector >= 0 && vector != USER_END) {
        o.vector = vector;
        o.error = last_trap.error;
    }
    if (op == LTR && !o.vector) { /* the payload's own again */
        gdt[SEL_TSS / 8] = tss_before & ~((uint64_t)BUSY << 40);
        asm volatile("ltr %w0" : : "r"(SEL_TSS));
    } else if (op == LLDT) {
        asm volatile("lldt %w0" : : "r"(0));
    }
    return o;
}

/* ---- both ------------------------------------------------------------------------------ */

/* Far jumps to gates and tasks go elsewhere; tables are loaded at level 0 (levels.c and tasks.c have the rest). */
static bool is_tried(uint32_t access)
{
    enum { GOES_ELSEWHERE = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12 };
    return op < JUMP || (op == JUMP ? (access & S) || !in(GOES_ELSEWHERE, access & 15) : cpl == 0);
}

static bool same(const Outcome *a, const Outcome *b)
{
    return a->vector == b->vector && a->error == b->error && a->zf == b->zf &&
           (a->result & ~0xf0000u) == (b->result & ~0xf0000u) && a->access == b->access;
}

void main(void)
{
    unsigned count = 0, different = 0;
    for (cpl = 0; cpl <= 3; cpl += 3) {
        for (op = 0; op < OPS; op++) {
            for (uint32_t n = 0; n < 1024; n++) {
                uint32_t access = n & 0xff;
                selector = SEL_FREE | n >> 8;
                if (!is_tried(access)) {
                    continue;
                }
                Outcome want = model(access), got = look(access);
                count++;
                if (!same(&want, &got) && different++ < SHOWN) {
                    print(
                        "%s, level %u, selector %x, access %x: wanted %u(%x) zf %u %x %x, got %u(%x) zf %u %x %x\n",
                        names[op], cpl, selector, access, want.vector, want.error, want.zf, want.result,
                        want.access, got.vector, got.error, got.zf, got.result, got.access);
                }
            }
        }
    }
    print("%u accesses, differences: %u\n", count, different);
    print("done\n");
}

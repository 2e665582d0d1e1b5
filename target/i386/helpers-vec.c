/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of vector instructions: MXCSR, comparisons of strings, accesses by masks and by indices. */
#include "target/i386/helpers-xsave.h"
#include "target/i386/translate-vec.h"

#include <string.h>

#include "target/i386/trap.h"
#include "target/vcpu.h"

enum { VEC = IRH_FAULT | IRH_READS | IRH_WRITES | IRH_REPEAT };

static IrVec *vector(X86CPU *x, unsigned n)
{
    return (IrVec *)(n < 16 ? x->s.ymm[n] : x->vector_temp[n - VEC_VT0]);
}

/* ---- MXCSR --------------------------------------------------------------------- */

static void helper_ldmxcsr(CPU *cpu, uint32_t value)
{
    X86CPU *x = x86_cpu(cpu);
    if (value & ~x86_mxcsr_mask(x)) {
        X86Fault f = { .vector = X86_EXC_GP };
        x86_raise(x, &f);
    }
    x->s.mxcsr = value;
    cpu_mmu_changed(cpu);
}
const IrHelper x86_helper_ldmxcsr =
    IR_HELPER1("x86_ldmxcsr", helper_ldmxcsr, IRH_FAULT | IRH_READS | IRH_WRITES, VOID, I32);

static uint32_t helper_stmxcsr(CPU *cpu)
{
    return x86_cpu(cpu)->s.mxcsr;
}
const IrHelper x86_helper_stmxcsr = IR_HELPER0("x86_stmxcsr", helper_stmxcsr, IRH_READS | IRH_REPEAT, I32);

static void helper_use_upper(CPU *cpu)
{
    x86_cpu(cpu)->upper_halves = true;
    cpu_mmu_changed(cpu);
}
const IrHelper x86_helper_use_upper =
    IR_HELPER0("x86_use_upper", helper_use_upper, IRH_READS | IRH_WRITES, VOID);

static uint32_t helper_watch(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    uint32_t old = x->s.mxcsr;
    x->s.mxcsr &= ~MXCSR_FLAGS;
    return old;
}
const IrHelper x86_helper_watch =
    IR_HELPER0("x86_watch", helper_watch, IRH_READS | IRH_WRITES | IRH_REPEAT, I32);

/* SDM volume 1, "Handling Unmasked Exceptions": with an exception that is known before there is a result, none is told of
 * results. */
static void helper_check(CPU *cpu, uint32_t old)
{
    X86CPU *x = x86_cpu(cpu);
    uint32_t raised = x->s.mxcsr & MXCSR_FLAGS, unmasked = raised & ~(x->s.mxcsr >> MXCSR_MASK_SHIFT);
    raised = unmasked & MXCSR_BEFORE ? raised & MXCSR_BEFORE : raised;
    x->s.mxcsr = old | raised;
    if (unmasked) {
        X86Fault f = { .vector = x->s.cr4 & CR4_OSXMMEXCPT ? X86_EXC_XM : X86_EXC_UD };
        x86_raise(x, &f);
    }
}
const IrHelper x86_helper_check = IR_HELPER1("x86_check", helper_check, VEC, VOID, I32);

/* ---- strings (SDM volume 2, "Imm8 Control Byte Operation for PCMPESTRI ...") -------- */

typedef struct Strings {
    const IrVec *a, *b;
    unsigned count, a_count, b_count; /* elements, and how many are valid */
    uint8_t control;
} Strings;

enum { CTL_WORDS = 1, CTL_SIGNED = 2, CTL_NEGATE = 0x10, CTL_VALID = 0x20, CTL_LAST = 0x40 };

static int element(const Strings *s, const IrVec *v, unsigned n)
{
    if (s->control & CTL_WORDS) {
        return s->control & CTL_SIGNED ? v->i16[n] : v->u16[n];
    }
    return s->control & CTL_SIGNED ? v->i8[n] : v->u8[n];
}

static unsigned implicit_count(const Strings *s, const IrVec *v)
{
    unsigned n = 0;
    while (n < s->count && element(s, v, n)) {
        n++;
    }
    return n;
}

static unsigned explicit_count(const Strings *s, uint64_t reg, bool wide)
{
    int64_t n = wide ? (int64_t)reg : (int32_t)reg;
    uint64_t length = n < 0 ? -(uint64_t)n : (uint64_t)n;
    return MIN(length, s->count);
}

static bool equal_any(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->a_count && j < s->b_count; i++) {
        if (element(s, s->a, i) == element(s, s->b, j)) {
            return true;
        }
    }
    return false;
}

static bool in_ranges(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i + 1 < s->a_count && j < s->b_count; i += 2) {
        int x = element(s, s->b, j);
        if (element(s, s->a, i) <= x && x <= element(s, s->a, i + 1)) {
            return true;
        }
    }
    return false;
}

static bool equal_each(const Strings *s, unsigned j)
{
    bool a = j < s->a_count, b = j < s->b_count;
    return a && b ? element(s, s->a, j) == element(s, s->b, j) : a == b;
}

static bool equal_ordered(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->a_count && i + j < s->count; i++) {
        if (i + j >= s->b_count || element(s, s->a, i) != element(s, s->b, i + j)) {
            return false;
        }
    }
    return true;
}

static unsigned compare_strings(const Strings *s)
{
    static bool (*const kinds[4])(const Strings *s, unsigned j) = { equal_any, in_ranges, equal_each,
                                                                    equal_ordered };
    unsigned bits = 0, all = (1u << s->count) - 1;
    for (unsigned j = 0; j < s->count; j++) {
        bits |= (unsigned)kinds[s->control >> 2 & 3](s, j) << j;
    }
    if (s->control & CTL_NEGATE) {
        bits ^= s->control & CTL_VALID ? (1u << s->b_count) - 1 : all;
    }
    return bits;
}

static void store_mask(X86CPU *x, const Strings *s, unsigned bits, bool clear)
{
    IrVec v = { .u64 = { bits } };
    for (unsigned n = 0; s->control & CTL_LAST && n < 16; n++) {
        unsigned element = s->control & CTL_WORDS ? n / 2 : n;
        v.u8[n] = bits >> element & 1 ? 0xff : 0;
    }
    memcpy(x->s.ymm[0], &v, clear ? 32 : 16);
}

static uint64_t helper_strings(CPU *cpu, uint32_t what, uint32_t regs)
{
    X86CPU *x = x86_cpu(cpu);
    Strings s = { .a = vector(x, regs & 0xff), .b = vector(x, regs >> 8), .control = what };
    s.count = what & CTL_WORDS ? 8 : 16;
    bool lengths = what & STR_LENGTHS, wide = what & STR_WIDE;
    s.a_count = lengths ? explicit_count(&s, x->s.gpr[X86_RAX], wide) : implicit_count(&s, s.a);
    s.b_count = lengths ? explicit_count(&s, x->s.gpr[X86_RDX], wide) : implicit_count(&s, s.b);
    unsigned bits = compare_strings(&s), index = s.count;
    uint64_t flags = (bits ? EFL_CF : 0) | (bits & 1 ? EFL_OF : 0) | (s.b_count < s.count ? EFL_ZF : 0) |
                     (s.a_count < s.count ? EFL_SF : 0);
    if (what & STR_MASK) {
        store_mask(x, &s, bits, what & STR_CLEAR);
    } else if (bits) {
        index = s.control & CTL_LAST ? 31 - __builtin_clz(bits) : __builtin_ctz(bits);
    }
    return index | flags << 32;
}
const IrHelper x86_helper_strings =
    IR_HELPER2("x86_strings", helper_strings, IRH_READS | IRH_WRITES | IRH_REPEAT, I64, I32, I32);

/* ---- memory --------------------------------------------------------------------- */

typedef struct Elements {
    IrVec *a, *b, *c;
    unsigned size, index, count, scale;
} Elements;

static Elements elements(X86CPU *x, uint32_t word)
{
    return (Elements){ .a = vector(x, word >> VEC_A_SHIFT & 31),
                       .b = vector(x, word >> VEC_B_SHIFT & 31),
                       .c = vector(x, word >> VEC_C_SHIFT & 31),
                       .size = word >> VEC_SIZE_SHIFT & 15,
                       .index = word >> VEC_INDEX_SHIFT & 15,
                       .count = word >> VEC_COUNT_SHIFT & 63,
                       .scale = word >> VEC_SCALE_SHIFT };
}

static bool is_wanted(const Elements *e, unsigned n)
{
    return e->b->i8[(n + 1) * e->size - 1] < 0;
}

static uint64_t get(const IrVec *v, unsigned n, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, v->u8 + n * bytes, bytes);
    return value;
}

/* Where the element `at` bytes behind an offset is, in a segment whose number stands with the bytes of an address in `how`.  In
 * 64-bit mode only the offset has so few: an operand that begins below 4 GiB goes on above (seen on Zen 5). */
static uint64_t linear(X86CPU *x, uint32_t how, uint64_t offset, unsigned at, unsigned bytes, bool write)
{
    X86SegId seg = how & 15;
    uint64_t mask = UINT64_MAX >> (64 - 8 * (how >> 4));
    if (x86_64bit(x)) {
        return (offset & mask) + at + (seg == SEG_FS || seg == SEG_GS ? x->s.seg[seg].base : 0);
    }
    return x86_segment_linear(x, seg, (offset + at) & mask, bytes, write);
}

/* Nothing is stored unless all can be. */
static void helper_mask_store(CPU *cpu, uint32_t word, uint64_t offset, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    Elements e = elements(x, word);
    for (unsigned n = 0; n < e.count; n++) {
        if (is_wanted(&e, n)) {
            cpu_probe(cpu, linear(x, how, offset, n * e.size, e.size, true), e.size, MMU_WRITE);
        }
    }
    for (unsigned n = 0; n < e.count; n++) {
        if (is_wanted(&e, n)) {
            uint64_t at = linear(x, how, offset, n * e.size, e.size, true);
            cpu_store(cpu, at, x86_tr_memop(e.size), get(e.a, n, e.size));
        }
    }
}
const IrHelper x86_helper_mask_store =
    IR_HELPER3("x86_mask_store", helper_mask_store, VEC, VOID, I32, I64, I32);

static void helper_mask_load(CPU *cpu, uint32_t word, uint64_t offset, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    Elements e = elements(x, word);
    IrVec v = { 0 };
    for (unsigned n = 0; n < e.count; n++) {
        if (is_wanted(&e, n)) {
            uint64_t at = linear(x, how, offset, n * e.size, e.size, false);
            uint64_t value = cpu_load(cpu, at, x86_tr_memop(e.size));
            memcpy(v.u8 + n * e.size, &value, e.size);
        }
    }
    *e.a = v;
}
const IrHelper x86_helper_mask_load = IR_HELPER3("x86_mask_load", helper_mask_load, VEC, VOID, I32, I64, I32);

/* What was loaded when one faults is done, and its mask cleared: the instruction goes on from there, behind a trap that waits
 * (gather_fault() in trap.c). */
static void helper_gather(CPU *cpu, uint32_t word, uint64_t base, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    Elements e = elements(x, word);
    for (unsigned n = 0; n < e.count; n++) {
        uint64_t index = get(e.c, n, e.index);
        index = e.index == 4 ? (uint64_t)(int32_t)index : index;
        if (is_wanted(&e, n)) {
            uint64_t at = linear(x, how, base + (index << e.scale), 0, e.size, false);
            uint64_t value = cpu_load(cpu, at, x86_tr_memop(e.size));
            memcpy(e.a->u8 + n * e.size, &value, e.size);
            x->gathered = true;
        }
        memset(e.b->u8 + n * e.size, 0, e.size);
    }
    x->gathered = false;
    unsigned done = e.count * e.size;
    memset(e.a->u8 + done, 0, sizeof(*e.a) - done);
    memset(e.b, 0, sizeof(*e.b));
}
const IrHelper x86_helper_gather = IR_HELPER3("x86_gather", helper_gather, VEC, VOID, I32, I64, I32);

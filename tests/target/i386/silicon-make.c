/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random pieces of code: up to eight instructions, registers full of numbers that matter, addresses that mostly lead to the
 * data page, sometimes to its edges.
 *
 * A flag that is undefined is never read: such a piece ends before the instruction that would. */
#include "silicon.h"

#include <string.h>

#include "maker.h"
#include "target/i386/translators.h"

/* ---- flags --------------------------------------------------------------------- */

/* Of a double shift by more places than the operand has, and of a piece of code up to an instruction. */
static uint32_t undefined_behind(const X86Insn *insn, uint32_t before)
{
    const X86Row *row = &x86_rows[insn->row];
    uint32_t undefined = (before & ~row->flags.written) | row->flags.undefined;
    bool words = row->translator == X86_TR_SHIFTD && insn->osz == 2;
    return words ? undefined | EFL_ARITH : undefined;
}

/* It may go over the next instruction. */
static bool is_jump(const X86Insn *insn)
{
    return x86_rows[insn->row].operands[0].where == X86_AT_J;
}

uint32_t silicon_undefined(const SiliconTrial *t, uint64_t before_ip)
{
    uint32_t undefined = 0, ever = 0;
    bool skipped = false, astray = before_ip > t->length + 1; /* a jump led away from somewhere */
    X86Insn insn;
    for (uint64_t at = 0; at < MIN(before_ip, t->length); at += insn.length) {
        if (x86_decode(&insn, silicon_mode(t->size), t->code + at, 16) != X86_DECODE_OK) {
            break;
        }
        undefined = undefined_behind(&insn, undefined) | (skipped ? undefined : 0);
        skipped = is_jump(&insn);
        ever |= undefined;
    }
    return astray ? ever : undefined;
}

/* ---- numbers and places ---------------------------------------------------------- */

uint64_t silicon_value(uint64_t *random)
{
    static const uint64_t special[] = {
        0,         1,      2,          0x7f,       0x80,       0xff,      0x7fff,
        0x8000,    0xffff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, UINT64_C(1) << 63,
        UINT64_MAX
    };
    uint64_t r = x86_random(random);
    return r & 3 ? x86_random(random) >> (r >> 8 & 63) : special[(r >> 8) % G_N_ELEMENTS(special)];
}

static unsigned below(uint64_t *random, unsigned limit)
{
    return (x86_random(random) >> 32) % limit;
}

/* In the data page; at times at its edges, or those of the segments. */
static uint32_t place(uint64_t *random)
{
    static const uint16_t edges[] = { 0, 0x400, 0x7ff, 0x1000, 0x2000 };
    uint32_t at = below(random, 8) ? 64 + below(random, SILICON_PAGE - 128)
                                   : edges[below(random, G_N_ELEMENTS(edges))] + below(random, 16) - 8;
    return SILICON_DATA + at;
}

typedef struct Making {
    SiliconTrial *t;
    uint64_t *random;
    uint16_t solved; /* registers whose value leads to the data */
    uint32_t undefined;
    bool vectors; /* an instruction may have taken registers of the x87, or vectors, into use */
    bool skipped; /* the next instruction may be jumped over */
    bool area;    /* addresses lead to places for XSAVE */
} Making;

static uint32_t base_of(const Making *m, unsigned seg)
{
    if (m->t->size == 8) {
        return seg == X86_GS ? SILICON_GS64 : 0;
    }
    return silicon_segments[m->t->seg[seg]].base;
}

/* Choose a register so that with what is added to it an address of a segment is in the data. */
static void solve(Making *m, unsigned reg, unsigned seg, uint64_t added, unsigned scale)
{
    uint64_t *value = &m->t->before.gpr[reg];
    if (reg >= 16 || m->solved >> reg & 1) {
        return;
    }
    uint32_t at = m->area ? silicon_area(m->random) : place(m->random);
    uint64_t offset = at - base_of(m, seg) - added;
    *value = m->t->size == 8 ? offset : (uint32_t)offset;
    *value >>= scale;
    m->solved |= 1 << reg;
}

static void solve_modrm(Making *m, const X86Insn *insn)
{
    const uint64_t *gpr = m->t->before.gpr;
    if (x86_rows[insn->row].attrs & X86_ATTR_VSIB) {
        silicon_make_indices(m->t->before.v.ymm[insn->index], m->random);
        solve(m, insn->base, insn->seg, insn->disp, 0);
        return;
    }
    if (insn->base < 16) {
        uint64_t index = insn->index < 16 ? gpr[insn->index] << insn->scale : 0;
        if (insn->index < 16 && !(m->solved >> insn->index & 1) && insn->index != insn->base) {
            m->t->before.gpr[insn->index] = below(m->random, 4096) - 2048;
            index = gpr[insn->index] << insn->scale;
            m->solved |= 1 << insn->index;
        }
        solve(m, insn->base, insn->seg, insn->disp + index, 0);
    } else if (insn->index < 16) {
        solve(m, insn->index, insn->seg, insn->disp, insn->scale);
    }
}

/* A register that says what is to be done. */
static void choose(Making *m, unsigned reg, uint64_t value)
{
    if (!(m->solved >> reg & 1)) {
        m->t->before.gpr[reg] = value;
        m->solved |= 1 << reg;
    }
}

/* Registers that an instruction uses as addresses, or in them. */
static void solve_addresses(Making *m, const X86Insn *insn)
{
    const X86Row *row = &x86_rows[insn->row];
    m->area = row->translator == X86_TR_XSAVE;
    if (insn->memory && row->translator != X86_TR_LEA && row->translator != X86_TR_NOP) {
        solve_modrm(m, insn);
    }
    if (row->translator == X86_TR_BITTEST && insn->memory && row->operands[1].where == X86_AT_G &&
        !(m->solved >> insn->reg & 1)) {
        m->t->before.gpr[insn->reg] = (int)below(m->random, 4096) - 2048;
    }
    if (row->translator == X86_TR_LEAVE || row->translator == X86_TR_ENTER) {
        solve(m, X86_RBP, X86_SS, 0, 0);
    }
    if (row->translator == X86_TR_VMASKMOV && !insn->memory) {
        solve(m, X86_RDI, insn->seg, 0, 0);
    }
    if (row->translator == X86_TR_STRING) {
        solve(m, X86_RSI, insn->seg, 0, 0);
        solve(m, X86_RDI, X86_ES, 0, 0);
        if (below(m->random, 8)) {
            choose(m, X86_RCX, below(m->random, 64));
        }
    }
    if (row->translator == X86_TR_XLAT) {
        solve(m, X86_RBX, insn->seg, 128, 0);
    }
    if (row->translator == X86_TR_XSAVE && below(m->random, 4)) {
        choose(m, X86_RAX, below(m->random, 8));
        choose(m, X86_RDX, 0);
    }
    if (row->translator == X86_TR_XCR) {
        choose(m, X86_RCX, below(m->random, 3));
    }
}

/* FS is the C library's; a null selector's base in GS is another on each of AMD's. */
static bool loads_fs_or_gs(const X86Insn *insn, unsigned size)
{
    X86Seg gs = size == 8 ? X86_GS : X86_FS;
    const X86Row *row = &x86_rows[insn->row];
    return (row->translator == X86_TR_MOV_TO_SEG && ((insn->reg & 7) == X86_FS || (insn->reg & 7) == gs)) ||
           (row->translator == X86_TR_POP_SEG &&
            (row->operands[0].where == X86_AT_FS || row->operands[0].where == X86_AT_ES + gs)) ||
           (row->translator == X86_TR_LSEG &&
            (row->arg == X86_LSEG_LFS || (gs == X86_GS && row->arg == X86_LSEG_LGS)));
}

/* Selectors that both worlds know, at times with another RPL. */
static uint16_t any_selector(uint64_t *random)
{
    uint16_t s = silicon_segments[below(random, SILICON_SEGS)].selector;
    return below(random, 4) ? s : s ^ (1 + below(random, 3));
}

/* The selector that an instruction takes: registers have one, memory anything. */
static void give_selector(Making *m, const X86Insn *insn)
{
    unsigned translator = x86_rows[insn->row].translator;
    bool takes =
        translator == X86_TR_MOV_TO_SEG || translator == X86_TR_DESCRIPTOR || translator == X86_TR_ARPL;
    if (takes && !insn->memory && !(m->solved >> insn->rm & 1)) {
        m->t->before.gpr[insn->rm] = any_selector(m->random);
    }
}

/* ---- code -------------------------------------------------------------------------- */

static bool leads_away(const X86Row *row)
{
    return row->translator == X86_TR_RET || row->translator == X86_TR_LRET ||
           row->translator == X86_TR_IRET || row->translator == X86_TR_FAR ||
           (row->translator == X86_TR_NEAR && row->operands[0].where != X86_AT_J);
}

static bool ends_piece(const X86Row *row)
{
    return row->translator == X86_TR_UD || leads_away(row);
}

static void put(SiliconTrial *t, const void *bytes, unsigned n)
{
    memcpy(t->code + t->length, bytes, n);
    t->length += n;
}

/* AND of the flags on the stack, lest POPF load AC or NT. */
static void put_flags_mask(SiliconTrial *t)
{
    static const uint8_t mask[] = { 0x66, 0x67, 0x81, 0x24, 0x24, 0xff, 0x3f, 0x20, 0x00 };
    unsigned skip = t->size == 2 ? 0 : 2;
    put(t, mask + skip, sizeof(mask) - skip);
}

/* INT 80h is a system call. */
static bool is_system_call(const X86Insn *insn)
{
    return x86_rows[insn->row].translator == X86_TR_INT && x86_rows[insn->row].arg == X86_INT_INT &&
           (uint8_t)insn->imm == 0x80;
}

/* An address that stands in the instruction, last. */
static void aim_offset(Making *m, const X86Insn *insn, uint8_t *bytes)
{
    const X86Operand *o = x86_rows[insn->row].operands;
    if (o[0].where == X86_AT_O || o[1].where == X86_AT_O) {
        uint64_t at = place(m->random) - base_of(m, insn->seg);
        memcpy(bytes + insn->length - insn->asz, &at, insn->asz);
    }
}

static bool uses_vectors(const X86Row *row)
{
    static const uint8_t isas[] = { X86_ISA_FPU,  X86_ISA_MMX,   X86_ISA_SSE,    X86_ISA_SSE2,
                                    X86_ISA_SSE3, X86_ISA_SSSE3, X86_ISA_SSE41,  X86_ISA_SSE42,
                                    X86_ISA_AES,  X86_ISA_AVX,   X86_ISA_PCLMUL, X86_ISA_FMA,
                                    X86_ISA_F16C, X86_ISA_AVX2,  X86_ISA_SHA,    X86_ISA_GFNI };
    uint64_t any = 0;
    for (unsigned n = 0; n < G_N_ELEMENTS(isas); n++) {
        any |= UINT64_C(1) << isas[n];
    }
    return row->need & any;
}

/* Whether a state that has its first values counts as in use is the processor's to decide: here it does not, on many chips
 * it does once something was written. */
static bool tells_what_is_in_use(const X86Row *row)
{
    return row->translator == X86_TR_XSAVE || row->translator == X86_TR_XCR;
}

/* The registers that an instruction uses, as far as none before it does. */
static void choose_for(Making *m, const X86Insn *insn)
{
    solve_addresses(m, insn);
    give_selector(m, insn);
    if (x86_rows[insn->row].translator == X86_TR_VGATHER && !silicon_host()->zen5) { /* when is it told? */
        m->t->before.flags &= ~EFL_TF;
    }
}

/* Append an instruction of a row; false: none came up that may follow. */
static bool append(Making *m, unsigned row)
{
    SiliconTrial *t = m->t;
    uint8_t bytes[16];
    bool free_form = below(m->random, 4) == 0;
    X86MakeRules rules = { .mode = silicon_mode(t->size),
                           .registers =
                               below(m->random, 8) ? 0xffff & ~(1 << X86_RSP | 1 << X86_RDI) : 0xffff,
                           .bound_memory = !free_form,
                           .base = t->size == 2 ? X86_RBX : X86_RDI,
                           .redundant_rate = 40,
                           .lock_rate = 60,
                           .repeat_rate = 128 };
    X86Insn insn;
    unsigned n = x86_make(&rules, row, m->random, bytes);
    if (!n || t->length + 2 * sizeof(bytes) > SILICON_BYTES ||
        x86_decode(&insn, rules.mode, bytes, 16) != X86_DECODE_OK || insn.seg == X86_FS ||
        loads_fs_or_gs(&insn, t->size) || is_system_call(&insn) || !x86_row_for(&insn, silicon_host()->isa) ||
        (x86_rows[row].flags.read & m->undefined) || (m->vectors && tells_what_is_in_use(&x86_rows[row])) ||
        (m->skipped && x86_rows[row].translator == X86_TR_POPF)) { /* that is two instructions */
        return false;
    }
    m->vectors |= uses_vectors(&x86_rows[row]);
    m->undefined = undefined_behind(&insn, m->undefined) | (m->skipped ? m->undefined : 0);
    m->skipped = is_jump(&insn);
    choose_for(m, &insn);
    aim_offset(m, &insn, bytes);
    t->starts[t->count++] = t->length;
    if (x86_rows[row].translator == X86_TR_POPF) {
        put_flags_mask(t);
    }
    put(t, bytes, n);
    t->starts[t->count] = t->length;
    return true;
}

/* ---- code that changes itself ------------------------------------------------------- */

/* One-byte instructions that may take each other's place: CMC CLC STC NOP CWDE CDQ, exchanges with rAX. */
static uint8_t small_insn(uint64_t *random)
{
    static const uint8_t insns[] = { 0xf5, 0xf8, 0xf9, 0x90, 0x98, 0x99, 0x92, 0x93 };
    return insns[below(random, G_N_ELEMENTS(insns))];
}

static void put_small_insns(Making *m, unsigned n)
{
    while (n--) {
        uint8_t byte = small_insn(m->random);
        put(m->t, &byte, 1);
    }
}

/* MOV of a byte to an offset in the code. */
static void put_store(Making *m, unsigned offset)
{
    static const uint8_t wide[] = { 0xc6, 0x04, 0x25 }, usual[] = { 0x67, 0xc6, 0x05 };
    SiliconTrial *t = m->t;
    uint32_t at = SILICON_CODE + offset;
    uint8_t byte = small_insn(m->random);
    put(t, t->size == 8 ? wide : usual + (t->size == 4), t->size == 4 ? 2 : 3);
    put(t, &at, 4);
    put(t, &byte, 1);
}

enum { STORE_BYTES = 8 }; /* at most, of put_store() */

static void choose_count(Making *m)
{
    m->t->loops = true;
    m->t->before.gpr[X86_RCX] = 1 + below(m->random, 6);
    m->solved |= 1 << X86_RCX;
}

/* An instruction changes one behind it, or, in a loop, one before it. */
static void put_changes(Making *m)
{
    SiliconTrial *t = m->t;
    unsigned n = 1 + below(m->random, 6);
    t->seg[SEG_DS] = SILICON_FLAT;
    if (below(m->random, 2)) {
        put_store(m, (t->size == 4 ? STORE_BYTES - 1 : STORE_BYTES) + below(m->random, n));
        put_small_insns(m, n);
        return;
    }
    choose_count(m);
    put_small_insns(m, n);
    put_store(m, below(m->random, n));
    const uint8_t loop[] = { 0xe2, -(t->length + 2) };
    put(t, loop, 2);
}

/* Jumps go over the next instruction: their displacement stands last. */
static void aim_jumps(Making *m)
{
    SiliconTrial *t = m->t;
    for (unsigned n = 0; n < t->count; n++) {
        X86Insn insn;
        x86_decode(&insn, silicon_mode(t->size), t->code + t->starts[n], 16);
        const X86Row *row = &x86_rows[insn.row];
        if (!is_jump(&insn)) {
            continue;
        }
        unsigned bytes = row->imm == X86_SIZE_B || row->imm == X86_SIZE_BS ? 1 : insn.osz == 2 ? 2 : 4;
        unsigned over = n + 1 < t->count ? t->starts[n + 2] - t->starts[n + 1] : 0;
        memset(t->code + t->starts[n + 1] - bytes, 0, bytes);
        t->code[t->starts[n + 1] - bytes] = over;
    }
}

static unsigned any_row(const Making *m)
{
    unsigned row;
    do {
        row = 1 + below(m->random, x86_row_count - 1);
    } while (!silicon_tests_in(m->t->world, row));
    return row;
}

/* ---- a trial -------------------------------------------------------------------------- */

static void choose_segments(SiliconTrial *t, uint64_t *random)
{
    static const uint8_t stacks16[] = { SILICON_LDT_DATA16, SILICON_LDT_DATA16, SILICON_LDT_DATA32,
                                        SILICON_LDT_DOWN16, SILICON_LDT_DOWN32 };
    static const uint8_t any[] = { SILICON_LDT_DATA16, SILICON_LDT_DATA32, SILICON_LDT_SMALL,
                                   SILICON_LDT_DOWN16, SILICON_LDT_DOWN32, SILICON_LDT_READ,
                                   SILICON_LDT_TEXT,   SILICON_NULL };
    unsigned usual = t->size == 2 ? SILICON_LDT_DATA16 : SILICON_FLAT;
    for (unsigned n = 0; n < X86_SEGS; n++) {
        t->seg[n] = t->size == 8 || below(random, 2) ? usual : any[below(random, G_N_ELEMENTS(any))];
    }
    bool own = below(random, 4) == 0;
    if (t->size == 8) {
        memset(t->seg, SILICON_FLAT, X86_SEGS);
        t->seg[SEG_CS] = SILICON_CODE64;
    } else if (t->size == 4) {
        t->seg[SEG_CS] = own ? SILICON_LDT_CODE32 : SILICON_CODE32;
        t->seg[SEG_SS] = below(random, 2) ? SILICON_FLAT : stacks16[below(random, G_N_ELEMENTS(stacks16))];
    } else {
        t->seg[SEG_CS] = SILICON_LDT_CODE16;
        t->seg[SEG_SS] = stacks16[below(random, G_N_ELEMENTS(stacks16))];
    }
    if (t->world != SILICON_LEVEL3) { /* which has this one in the place of all */
        memset(t->seg, SILICON_LDT_DATA16, X86_SEGS);
        t->seg[SEG_CS] = SILICON_LDT_CODE16;
    }
}

static void choose_registers(Making *m)
{
    SiliconTrial *t = m->t;
    for (unsigned n = 0; n < 16; n++) {
        uint64_t v = silicon_value(m->random);
        t->before.gpr[n] = t->size == 8 ? v : n < 8 ? (uint32_t)v : 0;
    }
    uint32_t some = EFL_ARITH | (below(m->random, 4) ? 0 : EFL_DF);
    /* Elsewhere an FSTP of 80 bits beyond a limit is told before #AC in a way that is not modelled. */
    bool aligned = t->size == 8 && silicon_host()->zen5 && below(m->random, 4) == 0;
    t->before.flags = EFL_IF | (x86_random(m->random) & some) | (below(m->random, 16) ? 0 : EFL_TF) |
                      (aligned ? EFL_AC : 0);
    uint32_t stack = below(m->random, 8) ? SILICON_DATA + 1024 + below(m->random, 256) * 8 : place(m->random);
    t->before.gpr[X86_RSP] = stack - base_of(m, X86_SS);
    m->solved = 1 << X86_RSP;
    silicon_make_vectors(&t->before.v, m->random);
}

/* What is behind the code. */
static void put_end(SiliconTrial *t)
{
    memset(t->code + t->length, 0xcc, SILICON_BYTES - t->length);
    if (t->size == 8) {
        int32_t far = SILICON_EXIT - (SILICON_CODE + t->length + 5);
        t->code[t->length] = 0xe9; /* JMP */
        memcpy(t->code + t->length + 1, &far, 4);
    }
}

bool silicon_make(SiliconTrial *t, unsigned row, unsigned size, uint64_t *random)
{
    Making m = { .t = t, .random = random };
    t->size = size;
    t->length = t->count = 0;
    t->strayed = t->hung = t->again = t->loops = false;
    choose_segments(t, random);
    choose_registers(&m);
    if (below(random, 16) == 0) {
        put_changes(&m);
    }
    if (!append(&m, row)) {
        return false;
    }
    unsigned more = below(random, 2) ? 0 : 1 + below(random, 7);
    while (more-- && !ends_piece(&x86_rows[row])) {
        unsigned next = any_row(&m);
        row = append(&m, next) ? next : row;
    }
    aim_jumps(&m);
    t->leads_away = leads_away(&x86_rows[row]);
    t->last = t->starts[t->count - 1];
    put_end(t);
    return true;
}

void silicon_make_again(SiliconTrial *t, const SiliconTrial *piece, uint64_t *random)
{
    Making m = { .t = t, .random = random };
    memcpy(t, piece, offsetof(SiliconTrial, before));
    t->strayed = t->hung = false;
    t->leads_away = piece->leads_away;
    t->last = piece->last;
    t->again = true;
    choose_registers(&m);
    if (t->loops) {
        choose_count(&m);
    }
    for (unsigned n = 0; n < t->count; n++) {
        X86Insn insn;
        x86_decode(&insn, silicon_mode(t->size), t->code + t->starts[n], 16);
        choose_for(&m, &insn);
    }
}

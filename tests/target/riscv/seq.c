/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See seq.h.
 *
 * Registers with a purpose: sp, gp, s0 point into the sequence's data, tp at its
 * record, s1 counts iterations.  Instructions that would write them are not generated;
 * memory accesses use only the three pointers; branches go forward by a few instructions,
 * or back to the sequence's start while s1 lasts. */
#include "seq.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SP = 2, GP = 3, TP = 4, S0 = 8, S1 = 9, DATA_MIDDLE = 256, MAX_LENGTH = 40 };
static const uint32_t reserved = 1u << SP | 1u << GP | 1u << TP | 1u << S0 | 1u << S1;

typedef struct Maker {
    SeqProgram *p;
    GRand *rand;
    uint64_t ext;
    unsigned *rows;          /* that may be used */
    unsigned row_count;
} Maker;

static uint32_t below(Maker *m, uint32_t n)
{
    return (uint32_t)g_rand_int_range(m->rand, 0, (gint32)n);
}

/* ---- emitting ------------------------------------------------------------ */

static uint64_t here(const Maker *m)
{
    return m->p->base + m->p->image->len;
}

static void put(Maker *m, uint32_t insn)
{
    g_byte_array_append(m->p->image, (const uint8_t *)&insn, riscv_insn_length(insn));
}

static uint32_t enc_i(uint32_t opcode, unsigned rd, unsigned funct3, unsigned rs1, int32_t imm)
{
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static uint32_t enc_s(uint32_t opcode, unsigned funct3, unsigned rs1, unsigned rs2, int32_t imm)
{
    return opcode | ((uint32_t)imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 |
           ((uint32_t)imm >> 5 & 127) << 25;
}

static uint32_t b_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 12 & 1) << 31 | (u >> 5 & 63) << 25 | (u >> 1 & 15) << 8 | (u >> 11 & 1) << 7;
}

static uint32_t j_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 20 & 1) << 31 | (u >> 1 & 1023) << 21 | (u >> 11 & 1) << 20 | (u >> 12 & 255) << 12;
}

static uint32_t cb_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 8 & 1) << 12 | (u >> 3 & 3) << 10 | (u >> 6 & 3) << 5 | (u >> 1 & 3) << 3 | (u >> 5 & 1) << 2;
}

static uint32_t cj_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 11 & 1) << 12 | (u >> 4 & 1) << 11 | (u >> 8 & 3) << 9 | (u >> 10 & 1) << 8 |
           (u >> 6 & 1) << 7 | (u >> 7 & 1) << 6 | (u >> 1 & 7) << 3 | (u >> 5 & 1) << 2;
}

static void put_address(Maker *m, unsigned reg, uint64_t address)
{
    put(m, 0x37 | reg << 7 | (uint32_t)((address + 0x800) & 0xfffff000));
    put(m, enc_i(0x13, reg, 0, reg, (int32_t)(address & 0xfff)));
    if (m->p->xlen == 64 && address >> 31) { /* lui has sign extended it */
        put(m, enc_i(0x13, reg, 1, reg, 32));
        put(m, enc_i(0x13, reg, 5, reg, 32));
    }
}

/* ---- one instruction ----------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *list)
{
    return g_strv_contains(list, name);
}

static bool is_memory(const RiscvRow *row)
{
    static const char *const names[] = { "load", "store", "fload", "fstore", "amo", "lr", "sc",
                                         "amocas", NULL };
    return is_one_of(row->translator, names);
}

/* Names in RISCV_FUZZ_SKIP, with commas between: what the other emulator has wrong.
 * "amocas-x0" is any amocas into x0 (QEMU 11.1 gives x0 a value). */
static bool is_skipped(const char *name)
{
    const char *skip = g_getenv("RISCV_FUZZ_SKIP");
    g_auto(GStrv) names = g_strsplit(skip ? skip : "", ",", -1);

    return g_strv_contains((const char *const *)names, name);
}

static bool is_usable(const Maker *m, const RiscvRow *row)
{
    static const char *const never[] = {
        "illegal", "ecall", "ebreak", "mret", "sret", "wfi", "sfence_vma", "sfence_inval", "cbo",
        "jalr", "csr_imm", "pause", "lr", "sc", NULL,
    };
    return (!row->xlen || row->xlen == m->p->xlen) && riscv_row_enabled(row, m->ext) && !is_one_of(row->translator, never) &&
           !is_skipped(row->name);
}

/* Point a memory instruction at the data; false: it cannot be. */
static bool aim(Maker *m, const RiscvRow *row, uint32_t *insn)
{
    RiscvArgs a;

    if (row->length == 4) {
        *insn = (*insn & ~(31u << 15)) | GP << 15;
        int32_t imm = (int32_t)below(m, 960) - DATA_MIDDLE;
        if (strstr(row->syntax, "{imm}")) {
            bool store = strstr(row->translator, "store") != NULL;
            uint32_t fields = store ? enc_s(0, 0, 0, 0, imm) : enc_i(0, 0, 0, 0, imm);
            *insn = (*insn & ~(store ? 0xfe000f80 : 0xfff00000)) | fields;
        }
        return true;
    }
    riscv_extract(riscv_decode(*insn, m->p->xlen), *insn, &a);
    if (a.rs1 != SP) {
        *insn &= ~(7u << 7); /* s0 */
    }
    return true;
}

static bool writes_reserved(const RiscvRow *row, const RiscvArgs *a)
{
    if (!strcmp(row->translator, "amocas") && (reserved >> a->rd & 3)) { /* maybe a pair */
        return true;
    }
    if (!strcmp(row->translator, "amocas") && a->rd == 0 && is_skipped("amocas-x0")) {
        return true;
    }
    bool integer = strstr(row->syntax, "{xd}") != NULL || strstr(row->name, "c.j") == row->name;
    return integer && (reserved >> a->rd & 1);
}

/* An access of a CSR that user mode has and all emulators agree on. */
static uint32_t make_csr(Maker *m)
{
    static const uint16_t numbers[] = { 1, 1, 2, 3 };
    unsigned csr = numbers[below(m, 4)], rd, rs1 = below(m, 32), funct3 = 1 + below(m, 3);

    do {
        rd = below(m, 32);
    } while (reserved >> rd & 1);
    if (csr == 2) { /* frm: a valid mode */
        return enc_i(0x73, rd, 5, below(m, 5), 2);
    }
    if (csr == 3) {
        return enc_i(0x73, rd, below(m, 2) ? 5 : 2, 0, 3); /* 0, or read */
    }
    return enc_i(0x73, rd, funct3, rs1, 1);
}

static bool try_insn(Maker *m, uint32_t *out)
{
    unsigned index = m->rows[below(m, m->row_count)];
    const RiscvRow *row = &riscv_rows[index];
    uint32_t insn = row->match | (g_rand_int(m->rand) & ~row->mask);
    RiscvArgs a;

    if (!strcmp(row->translator, "csr")) {
        *out = make_csr(m);
        return true;
    }
    if (is_memory(row)) {
        aim(m, row, &insn);
    }
    insn &= row->length == 2 ? 0xffff : UINT32_MAX;
    if (riscv_decode(insn, m->p->xlen) != index) {
        return false;
    }
    riscv_extract(index, insn, &a);
    if (writes_reserved(row, &a) || (strstr(row->syntax, "{rm}") && (a.rm == 5 || a.rm == 6))) {
        return false;
    }
    if (!strcmp(row->translator, "amocas") && ((a.rd | a.rs2) & 1) &&
        strstr(row->name, m->p->xlen == 64 ? ".q" : ".d")) {
        return false;
    }
    *out = insn;
    return true;
}

static bool is_jump(const Maker *m, uint32_t insn)
{
    static const char *const names[] = { "branch", "jal", NULL };
    return is_one_of(riscv_rows[riscv_decode(insn, m->p->xlen)].translator, names);
}

static uint32_t make_insn(Maker *m, bool jump)
{
    uint32_t insn;

    do {
        while (!try_insn(m, &insn)) {
        }
    } while (!jump && is_jump(m, insn));
    return insn;
}

/* ---- one sequence -------------------------------------------------------- */

static uint32_t with_offset(const Maker *m, uint32_t insn, int32_t offset)
{
    bool branch = !strcmp(riscv_rows[riscv_decode(insn, m->p->xlen)].translator, "branch");

    if (riscv_insn_length(insn) == 2) {
        return branch ? (insn & 0xe383) | cb_imm(offset) : (insn & 0xe003) | cj_imm(offset);
    }
    return branch ? (insn & 0x01fff07f) | b_imm(offset) : (insn & 0xfff) | j_imm(offset);
}

/* LR, a few instructions, SC of the same size (other sizes are up to the implementation). */
static void put_lr_sc(Maker *m)
{
    unsigned funct3 = m->p->xlen == 32 ? 2 : 2 + below(m, 2), between = below(m, 3);

    put(m, 0x1000002f | 5 << 7 | funct3 << 12 | GP << 15);
    for (unsigned i = 0; i < between; i++) {
        put(m, make_insn(m, false));
    }
    put(m, 0x1800002f | 6 << 7 | funct3 << 12 | GP << 15 | below(m, 32) << 20);
    m->p->insns += 2 + between;
}

/* ---- exceptions ---------------------------------------------------------- */

enum { CSR_SSTATUS = 0x100, CSR_SSCRATCH = 0x140, CSR_MSTATUS = 0x300, CSR_MTVEC = 0x305, CSR_MSCRATCH = 0x340,
       CSR_MEPC = 0x341, CSR_MCAUSE = 0x342, CSR_MTVAL = 0x343 };

static void put_count(Maker *m, uint32_t insn)
{
    put(m, insn);
    m->p->insns++;
}

static void put_illegal(Maker *m)
{
    uint32_t insn;

    do {
        insn = g_rand_int(m->rand) & (below(m, 2) ? UINT32_MAX : 0xfffc);
        insn = (insn & 3) == 3 ? insn : insn & 0xffff;
    } while (riscv_decode(insn, m->p->xlen) && riscv_rows[riscv_decode(insn, m->p->xlen)].translate != riscv_tr_illegal);
    put_count(m, insn);
}

/* An access through t0, which points where there is no RAM, or no page. */
static void put_bad_access(Maker *m)
{
    static const uint32_t forms[] = {
        0x03, 0x1003, 0x2003, 0x4003, 0x3007 /* fld */, 0x2007 /* flw */,
        0x23, 0x1023, 0x2023, 0x3027 /* fsd */, 0x202f /* amoadd.w */, 0x1000202f /* lr.w */, 0x0800202f,
    };
    uint32_t insn = forms[below(m, G_N_ELEMENTS(forms))], rd = below(m, 32);

    put_count(m, 0x37 | 5 << 7 | (0x20 + below(m, 8)) << 12);
    if (m->p->xlen == 64 && below(m, 2)) {
        put_count(m, enc_i(0x13, 5, 1, 5, 20)); /* beyond the page table */
    }
    rd = reserved >> rd & 1 ? 6 : rd;
    bool store = (insn & 0x77) == 0x23;
    put_count(m, insn | 5 << 15 | (store ? below(m, 32) << 20 : rd << 7));
}

static void put_misaligned_atomic(Maker *m)
{
    static const uint32_t forms[] = { 0x202f, 0x0800202f, 0x1000202f, 0x8000202f };
    uint32_t insn = forms[below(m, G_N_ELEMENTS(forms))];

    put_count(m, enc_i(0x13, 5, 0, GP, 1 + (int32_t)below(m, 3)));
    put_count(m, insn | 5 << 15 | 6 << 7);
}

static void put_system(Maker *m)
{
    static const uint32_t user[] = { 0x30200073, 0x10200073, 0x12000073, 0x10500073 };
    static const uint32_t any[] = { 0x73, 0x100073, 0x9002 };

    if (m->p->kind == SEQ_BARE_U && below(m, 2)) {
        put_count(m, user[below(m, G_N_ELEMENTS(user))]);
    } else if (m->p->kind == SEQ_BARE_S && below(m, 4) == 0) {
        put_count(m, below(m, 2) ? 0x30200073 : 0x12000073);
    } else {
        put_count(m, any[below(m, G_N_ELEMENTS(any))]);
    }
}

/* CSRs that are plain registers, those of M mode too; frm with reserved modes; FS off. */
static void put_privileged_csr(Maker *m)
{
    static const uint16_t plain[] = { CSR_SSCRATCH, 0x141, 0x142, 0x143, CSR_MSCRATCH, CSR_MEPC };
    unsigned rd = below(m, 32), csr = plain[below(m, G_N_ELEMENTS(plain))];

    if ((csr & 0xff) == 0x41 && is_skipped("epc")) { /* QEMU 7.2 keeps bit 0 of sepc and mepc */
        csr = CSR_SSCRATCH;
    }
    rd = reserved >> rd & 1 ? 6 : rd;
    switch (below(m, 4)) {
    case 0:
        put_count(m, enc_i(0x73, rd, 5, below(m, 8), 2));
        break;
    case 1:
        put_count(m, 0x37 | 5 << 7 | 6 << 12); /* t0 = FS */
        put_count(m, enc_i(0x73, 0, below(m, 3) ? 2 : 3, 5, CSR_SSTATUS));
        break;
    default:
        put_count(m, enc_i(0x73, rd, 1 + below(m, 3), below(m, 32), (int32_t)csr));
        break;
    }
}

static void put_exception(Maker *m)
{
    switch (below(m, 5)) {
    case 0: put_illegal(m); break;
    case 1: put_bad_access(m); break;
    case 2: put_misaligned_atomic(m); break;
    case 3: put_system(m); break;
    default: put_privileged_csr(m); break;
    }
}

enum { HANDLER_INSNS = 29 };

/* M mode: log the trap into the record at tp, and go on behind the instruction. */
static void put_handler(Maker *m)
{
    static const uint16_t logged[] = { CSR_MCAUSE, CSR_MTVAL, CSR_MEPC, CSR_MSTATUS };
    unsigned word = m->p->xlen == 32 ? 2 : 3;
    int32_t saved = SEQ_REGISTERS * 8, count = saved + 16;

    while (here(m) & 3) {
        put(m, 1);
    }
    m->p->handler = here(m);
    put(m, enc_s(0x23, word, TP, 5, saved));
    put(m, enc_s(0x23, word, TP, 6, saved + 8));
    put(m, enc_i(0x03, 5, word, TP, count));
    put(m, enc_i(0x13, 6, 0, 5, 1));
    put(m, enc_s(0x23, word, TP, 6, count));
    put(m, enc_i(0x13, 6, 3, 5, SEQ_TRAPS));        /* sltiu t1, t0, SEQ_TRAPS */
    put(m, 0x63 | 6 << 15 | b_imm(4 + 2 * 4 + 4 * 8)); /* beqz t1: log is full */
    put(m, enc_i(0x13, 5, 1, 5, 5));                /* t0 = tp + 32 * count */
    put(m, 0x33 | 5 << 7 | 5 << 15 | TP << 20);
    for (unsigned i = 0; i < 4; i++) {
        put(m, enc_i(0x73, 6, 2, 0, logged[i]));
        put(m, enc_s(0x23, word, 5, 6, SEQ_LOG + (int32_t)i * 8));
    }
    put(m, enc_i(0x73, 5, 2, 0, CSR_MEPC));
    put(m, enc_i(0x03, 6, 5, 5, 0));                /* lhu t1, 0(t0) */
    put(m, enc_i(0x13, 6, 7, 6, 3));
    put(m, enc_i(0x13, 6, 0, 6, -3));
    put(m, enc_i(0x13, 6, 3, 6, 1));                /* t1 = 32-bit instruction */
    put(m, enc_i(0x13, 6, 1, 6, 1));
    put(m, 0x33 | 5 << 7 | 5 << 15 | 6 << 20);
    put(m, enc_i(0x13, 5, 0, 5, 2));
    put(m, enc_i(0x73, 0, 1, 5, CSR_MEPC));
    put(m, enc_i(0x03, 5, word, TP, saved));
    put(m, enc_i(0x03, 6, word, TP, saved + 8));
    put(m, 0x30200073);
}

/* A far jump through a register whose value is known: to the next instruction. */
static void put_far_jump(Maker *m)
{
    put(m, enc_i(0x17, 5, 0, 0, 0));   /* auipc t0, 0 */
    put(m, enc_i(0x67, below(m, 2), 0, 5, 8)); /* jalr zero or ra, 8(t0) */
    m->p->insns += 2;
}

static void put_body(Maker *m, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        if (below(m, 40) == 0) {
            put_far_jump(m);
            continue;
        }
        if (below(m, 40) == 0) {
            put_lr_sc(m);
            continue;
        }
        if ((m->p->flags & SEQ_WITH_TRAPS) && below(m, 6) == 0) {
            put_exception(m);
            continue;
        }
        uint32_t insn = make_insn(m, true);
        m->p->insns++;
        if (!is_jump(m, insn)) {
            put(m, insn);
            continue;
        }
        uint32_t skipped[3];
        unsigned n = below(m, 4);
        int32_t offset = (int32_t)riscv_insn_length(insn);
        for (unsigned k = 0; k < n; k++) {
            skipped[k] = make_insn(m, false);
            offset += (int32_t)riscv_insn_length(skipped[k]);
        }
        put(m, with_offset(m, insn, offset));
        for (unsigned k = 0; k < n; k++) {
            put(m, skipped[k]);
        }
        m->p->insns += n;
    }
}

static void put_sequence(Maker *m, unsigned index)
{
    SeqProgram *p = m->p;
    unsigned length = 1 + below(m, MAX_LENGTH), word = p->xlen == 32 ? 2 : 3;

    put_address(m, 1, p->init + (uint64_t)index * SEQ_RECORD);
    put(m, enc_i(0x03, 5, word, 1, 64 * 8));
    put(m, enc_i(0x73, 0, 1, 5, 3)); /* csrrw zero, fcsr, t0 */
    for (unsigned i = 0; i < 32; i++) {
        put(m, enc_i(0x07, i, 3, 1, (int32_t)(32 + i) * 8));
    }
    for (unsigned i = 2; i < 32; i++) {
        put(m, enc_i(0x03, i, word, 1, (int32_t)i * 8));
    }
    put(m, enc_i(0x03, 1, word, 1, 8));
    p->starts[index] = here(m);
    put_body(m, length);
    if (below(m, 3) == 0) { /* loop */
        put(m, enc_i(0x13, S1, 0, S1, -1));
        put(m, 0x1063 | S1 << 15 | b_imm((int32_t)(p->starts[index] - here(m))));
    }
    p->ends[index] = here(m);
    if ((p->flags & SEQ_WITH_TRAPS) && p->kind != SEQ_BARE_U) { /* FS may be off */
        put(m, enc_s(0x23, word, TP, 5, 5 * 8));
        put(m, 0x37 | 5 << 7 | 6 << 12);
        put(m, enc_i(0x73, 0, 2, 5, CSR_SSTATUS));
        put(m, enc_i(0x03, 5, word, TP, 5 * 8));
    }
    for (unsigned i = 0; i < 32; i++) {
        put(m, enc_s(0x23, word, TP, i, (int32_t)i * 8));
        put(m, enc_s(0x27, 3, TP, i, (int32_t)(32 + i) * 8));
    }
    put(m, enc_i(0x73, 1, 2, 0, 3)); /* csrrs ra, fcsr, zero */
    put(m, enc_s(0x23, word, TP, 1, 64 * 8));
}

/* ---- values -------------------------------------------------------------- */

static uint64_t random64(Maker *m)
{
    return (uint64_t)g_rand_int(m->rand) << 32 | g_rand_int(m->rand);
}

static uint64_t integer_value(Maker *m)
{
    static const uint64_t corners[] = { 0, 1, 2, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, INT32_MAX,
                                        0x80000000, UINT32_MAX, 0xffffffff80000000, 0x7f, 0xff80 };
    switch (below(m, 4)) {
    case 0:
        return corners[below(m, G_N_ELEMENTS(corners))];
    case 1:
        return random64(m) >> below(m, 64);
    case 2:
        return (uint64_t)((int64_t)random64(m) >> below(m, 64));
    default:
        return random64(m);
    }
}

/* A float of `exponent` and `fraction` bits, often near a corner. */
static uint64_t float_value(Maker *m, unsigned exponent, unsigned fraction)
{
    uint64_t bias = (UINT64_C(1) << (exponent - 1)) - 1, max = (UINT64_C(1) << exponent) - 1, e, f;
    uint64_t fractions = (UINT64_C(1) << fraction) - 1;

    switch (below(m, 6)) {
    case 0:
        e = below(m, 2) ? max : 0;
        break;
    case 1:
        e = below(m, 2) ? max - 1 - below(m, 3) : 1 + below(m, 3);
        break;
    case 2:
        e = random64(m) & max;
        break;
    default:
        e = bias + below(m, 70) - 5;
        break;
    }
    f = below(m, 3) == 0 ? 0 : below(m, 3) == 0 ? fractions : random64(m) & fractions;
    if (below(m, 4) == 0) {
        f &= ~(fractions >> (1 + below(m, 6)));
    }
    uint64_t sign = below(m, 2);
    return sign << (exponent + fraction) | (e & max) << fraction | f;
}

static uint64_t fp_value(Maker *m)
{
    switch (below(m, 8)) {
    case 0:
        return box16((uint16_t)float_value(m, 5, 10));
    case 1: case 2: case 3:
        return box32((uint32_t)float_value(m, 8, 23));
    case 4:
        return random64(m);
    default:
        return float_value(m, 11, 52);
    }
}

static void put_values(Maker *m)
{
    SeqProgram *p = m->p;

    for (unsigned n = 0; n < p->count; n++) {
        uint64_t init[SEQ_REGISTERS];
        for (unsigned i = 0; i < 32; i++) {
            init[i] = integer_value(m);
            init[32 + i] = fp_value(m);
        }
        init[SP] = init[GP] = init[S0] = p->data + (uint64_t)n * SEQ_DATA + DATA_MIDDLE;
        init[TP] = p->records + (uint64_t)n * SEQ_RECORD;
        init[S1] = 1 + below(m, 6);
        init[64] = below(m, 32) | below(m, 5) << 5;
        memcpy(p->image->data + (p->init - p->base) + (size_t)n * SEQ_RECORD, init, sizeof(init));
    }
    for (uint64_t i = 0; i < (uint64_t)p->count * SEQ_DATA; i += 8) {
        uint64_t v = below(m, 2) ? fp_value(m) : integer_value(m);
        memcpy(p->image->data + (p->data - p->base) + i, &v, 8);
    }
}

/* ---- programs ------------------------------------------------------------ */

enum { CSR_SATP = 0x180, CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0,
       PTE_VRWXAD = 0xcf, PTE_U = 16 };

static void put_csrw(Maker *m, unsigned csr, unsigned reg)
{
    put(m, enc_i(0x73, 0, 1, reg, (int32_t)csr));
}

/* Identity by the largest pages of Sv39 (1 GiB) or Sv32 (4 MiB). */
static void put_page_table(Maker *m)
{
    SeqProgram *p = m->p;
    uint8_t *root = p->image->data + (p->page_table - p->base);
    unsigned size = p->xlen / 8, entries = 4096 / size, bits = p->xlen == 64 ? 30 : 22;
    uint64_t flags = PTE_VRWXAD | (p->kind == SEQ_BARE_U ? PTE_U : 0);

    for (unsigned i = 0; i < entries && (uint64_t)i << bits < UINT64_C(1) << 32; i++) {
        uint64_t pte = (uint64_t)i << bits >> 12 << 10 | flags;
        memcpy(root + i * size, &pte, size);
    }
}

/* From M mode with everything off to the mode of the program. */
static void put_start(Maker *m)
{
    SeqProgram *p = m->p;
    bool lower = p->kind != SEQ_BARE_M;

    if (p->kind == SEQ_LINUX) {
        return;
    }
    if (p->flags & SEQ_WITH_TRAPS) {
        put_address(m, 5, p->handler);
        put_csrw(m, CSR_MTVEC, 5);
    }
    put(m, enc_i(0x13, 5, 0, 0, -1));
    put_csrw(m, CSR_PMPADDR0, 5);
    put(m, enc_i(0x13, 5, 0, 0, 0x1f)); /* NAPOT, RWX */
    put_csrw(m, CSR_PMPCFG0, 5);
    if (lower) {
        put_address(m, 5, p->page_table >> 12);
        put(m, enc_i(0x13, 6, 0, 0, p->xlen == 64 ? 8 : 1));
        put(m, enc_i(0x13, 6, 1, 6, p->xlen == 64 ? 60 : 31));
        put(m, 0x33 | 5 << 7 | 6 << 12 | 5 << 15 | 6 << 20); /* or t0, t0, t1 */
        put_csrw(m, CSR_SATP, 5);
        put(m, 0x12000073); /* sfence.vma */
    }
    /* FS on, MPP the mode */
    put_address(m, 5, 0x6000 | (p->kind == SEQ_BARE_M ? 0x1800 : p->kind == SEQ_BARE_S ? 0x800 : 0));
    put_csrw(m, CSR_MSTATUS, 5);
    put(m, enc_i(0x17, 5, 0, 0, 0));   /* auipc t0, 0 */
    put(m, enc_i(0x13, 5, 0, 5, 16));
    put_csrw(m, CSR_MEPC, 5);
    put(m, 0x30200073);                /* mret, to the next instruction */
}

static void put_print(Maker *m)
{
    put_address(m, 5, m->p->records);
    put_address(m, 6, m->p->records + m->p->results_size);
    put_address(m, 7, SEQ_UART);
    put(m, enc_i(0x03, 10, 4, 5, 0));  /* lbu a0, 0(t0) */
    put(m, enc_s(0x23, 0, 7, 10, 0));
    put(m, enc_i(0x13, 5, 0, 5, 1));
    put(m, 0x1063 | 5 << 15 | 6 << 20 | b_imm(-12)); /* bne t0, t1 */
}

static void put_end(Maker *m)
{
    SeqProgram *p = m->p;

    if (p->kind != SEQ_LINUX) {
        if (p->flags & SEQ_PRINTS) {
            put_print(m);
        }
        put_address(m, 5, SEQ_FINISHER);
        put_address(m, 6, 0x5555);
        put(m, enc_s(0x23, 2, 5, 6, 0));
        put(m, 0x6f); /* j . */
        return;
    }
    put(m, enc_i(0x13, 10, 0, 0, 1));
    put_address(m, 11, p->records);
    put_address(m, 12, p->results_size);
    put(m, enc_i(0x13, 17, 0, 0, 64)); /* write */
    put(m, 0x73);
    put(m, enc_i(0x13, 10, 0, 0, 0));
    put(m, enc_i(0x13, 17, 0, 0, 93)); /* exit */
    put(m, 0x73);
}

/* The tables stand in front of the code, to have fixed addresses; a jump over them is the
 * entry.  Returns where the code begins. */
static uint64_t lay_out(SeqProgram *p)
{
    p->base = p->kind == SEQ_LINUX ? 0x100000 : 0x80000000;
    p->records = p->base + 32;
    p->data = (p->records + (uint64_t)p->count * SEQ_RECORD + 15) & ~UINT64_C(15);
    p->results_size = p->data + (uint64_t)p->count * SEQ_DATA - p->records;
    p->init = p->data + (uint64_t)p->count * SEQ_DATA;
    p->page_table = (p->init + (uint64_t)p->count * SEQ_RECORD + 4095) & ~UINT64_C(4095);
    return p->page_table + 4096;
}

static void choose_rows(Maker *m)
{
    m->rows = g_new(unsigned, riscv_row_count);
    for (unsigned i = 1; i < riscv_row_count; i++) {
        if (is_usable(m, &riscv_rows[i])) {
            m->rows[m->row_count++] = i;
        }
    }
}

SeqProgram *seq_program_new(SeqKind kind, unsigned flags, uint32_t seed, unsigned count, unsigned xlen, uint64_t ext)
{
    SeqProgram *p = g_new0(SeqProgram, 1);
    Maker m = { .p = p, .rand = g_rand_new_with_seed(seed), .ext = ext };

    p->kind = kind;
    p->flags = flags;
    p->xlen = xlen;
    p->count = count;
    p->image = g_byte_array_new();
    p->starts = g_new(uint64_t, count);
    p->ends = g_new(uint64_t, count);
    choose_rows(&m);
    uint64_t code = lay_out(p);
    put_address(&m, 5, code);
    put(&m, enc_i(0x67, 0, 0, 5, 0));
    guint head = p->image->len;
    g_byte_array_set_size(p->image, (guint)(code - p->base));
    memset(p->image->data + head, 0, p->image->len - head);
    put_values(&m);
    put_page_table(&m);
    if (flags & SEQ_WITH_TRAPS) {
        put(&m, 0x6f | j_imm(4 + 4 * HANDLER_INSNS)); /* over the handler */
        put_handler(&m);
        g_assert(here(&m) == m.p->handler + 4 * HANDLER_INSNS);
    }
    put_start(&m);
    for (unsigned i = 0; i < count; i++) {
        put_sequence(&m, i);
    }
    put_end(&m);
    g_free(m.rows);
    g_rand_free(m.rand);
    return p;
}

void seq_program_free(SeqProgram *p)
{
    g_byte_array_unref(p->image);
    g_free(p->starts);
    g_free(p->ends);
    g_free(p);
}

static void append_head64(const SeqProgram *p, GByteArray *elf)
{
    Elf64_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC, .e_machine = EM_RISCV, .e_version = EV_CURRENT, .e_entry = p->base,
        .e_phoff = sizeof(h), .e_flags = 5 /* RVC, double float ABI */, .e_ehsize = sizeof(h),
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
    };
    Elf64_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = 4096,
                      .p_vaddr = p->base, .p_paddr = p->base, .p_filesz = p->image->len,
                      .p_memsz = p->image->len, .p_align = 4096 };
    g_byte_array_append(elf, (const uint8_t *)&h, sizeof(h));
    g_byte_array_append(elf, (const uint8_t *)&ph, sizeof(ph));
}

static void append_head32(const SeqProgram *p, GByteArray *elf)
{
    Elf32_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC, .e_machine = EM_RISCV, .e_version = EV_CURRENT, .e_entry = p->base,
        .e_phoff = sizeof(h), .e_flags = 5, .e_ehsize = sizeof(h),
        .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1,
    };
    Elf32_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = 4096,
                      .p_vaddr = p->base, .p_paddr = p->base, .p_filesz = p->image->len,
                      .p_memsz = p->image->len, .p_align = 4096 };
    g_byte_array_append(elf, (const uint8_t *)&h, sizeof(h));
    g_byte_array_append(elf, (const uint8_t *)&ph, sizeof(ph));
}

GByteArray *seq_program_elf(const SeqProgram *p)
{
    GByteArray *elf = g_byte_array_new();

    if (p->xlen == 64) {
        append_head64(p, elf);
    } else {
        append_head32(p, elf);
    }
    guint head = elf->len;
    g_byte_array_set_size(elf, 4096);
    memset(elf->data + head, 0, 4096 - head);
    g_byte_array_append(elf, p->image->data, p->image->len);
    return elf;
}

/* ---- comparing ----------------------------------------------------------- */

static uint64_t word(const uint8_t *p, size_t index)
{
    uint64_t v;
    memcpy(&v, p + index * 8, 8);
    return v;
}

static void print_sequence(const SeqProgram *p, unsigned n)
{
    for (uint64_t pc = p->starts[n]; pc < p->ends[n];) {
        g_autoptr(GString) text = g_string_new(NULL);
        const uint8_t *bytes = p->image->data + (pc - p->base);
        uint32_t insn = 0;
        unsigned length = (p->xlen == 64 ? riscv64_disassemble : riscv32_disassemble)(pc, bytes, 4, text);
        memcpy(&insn, bytes, length);
        printf("    %" PRIx64 ": %08" PRIx32 "  %s\n", pc, insn, text->str);
        pc += length;
    }
}

static void print_difference(const SeqProgram *p, const uint8_t *a, const uint8_t *b, unsigned n)
{
    const uint8_t *init = p->image->data + (p->init - p->base) + (size_t)n * SEQ_RECORD;
    size_t record = (size_t)n * SEQ_RECORD, data = p->data - p->records + (size_t)n * SEQ_DATA;

    printf("sequence %u:\n", n);
    print_sequence(p, n);
    for (unsigned i = 0; i < SEQ_REGISTERS; i++) {
        uint64_t x = word(a + record, i), y = word(b + record, i);
        bool differs = x != y;
        printf("%s %c%-2u start %016" PRIx64 " a %016" PRIx64 " b %016" PRIx64 "\n", differs ? "!!" : "  ",
               i < 32 ? 'x' : i < 64 ? 'f' : 'c', i & 31, word(init, i), x, y);
    }
    for (unsigned i = SEQ_REGISTERS + 2; i < SEQ_RECORD / 8; i++) {
        uint64_t x = word(a + record, i), y = word(b + record, i);
        if (x != y) {
            printf("!! trap word %d a %016" PRIx64 " b %016" PRIx64 "\n", (int)i - SEQ_REGISTERS - 3, x, y);
        }
    }
    for (unsigned i = 0; i < SEQ_DATA / 8; i++) {
        uint64_t x = word(a + data, i), y = word(b + data, i);
        if (x != y) {
            printf("!! data%+d a %016" PRIx64 " b %016" PRIx64 "\n", (int)i * 8 - DATA_MIDDLE, x, y);
        }
    }
}

unsigned seq_program_compare(const SeqProgram *p, const uint8_t *a, const uint8_t *b, unsigned limit)
{
    unsigned different = 0;

    for (unsigned n = 0; n < p->count; n++) {
        size_t record = (size_t)n * SEQ_RECORD, data = p->data - p->records + (size_t)n * SEQ_DATA;
        if (!memcmp(a + record, b + record, SEQ_RECORD) && !memcmp(a + data, b + data, SEQ_DATA)) {
            continue;
        }
        if (different++ < limit) {
            print_difference(p, a, b, n);
        }
    }
    return different;
}

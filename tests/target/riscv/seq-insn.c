/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions of sequences, see seq.c for what they may do. */
#include <string.h>

#include "seq-maker.h"
#include "target/riscv/translators.h"

void seq_put_address(Maker *m, unsigned reg, uint64_t address)
{
    put(m, 0x37 | reg << 7 | (uint32_t)((address + 0x800) & 0xfffff000));
    put(m, enc_i(0x13, reg, 0, reg, (int32_t)(address & 0xfff)));
    if (m->p->xlen == 64 && address >> 31) { /* lui has sign extended it */
        put(m, enc_i(0x13, reg, 1, reg, 32));
        put(m, enc_i(0x13, reg, 5, reg, 32));
    }
}

void seq_keep_whole(Maker *m, uint64_t from)
{
    Range r = { from, here(m) };
    g_array_append_val(m->whole, r);
}

/* ---- one instruction ----------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *list)
{
    return g_strv_contains(list, name);
}

static bool is_memory(const RiscvRow *row)
{
    static const char *const names[] = {
        "load", "store", "fload", "fstore", "amo", "lr", "sc", "amocas", NULL
    };
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

bool seq_is_usable(const Maker *m, const RiscvRow *row)
{
    static const char *const never[] = {
        "illegal", "ecall", "ebreak",  "mret",  "sret", "wfi", "sfence_vma", "sfence_inval",
        "cbo",     "jalr",  "csr_imm", "pause", "lr",   "sc",  NULL,
    };
    return (!row->xlen || row->xlen == m->p->xlen) && riscv_row_enabled(row, m->ext) &&
           !is_one_of(row->translator, never) && !is_skipped(row->name);
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

/* LR, a few instructions, SC of the same size (other sizes are up to the implementation).  With exceptions,
 * nothing in between and no window: whether an SC without reservation faults is up to it too. */
static void put_lr_sc(Maker *m, unsigned index)
{
    const SeqProgram *p = m->p;
    bool traps = p->flags & SEQ_WITH_TRAPS;
    unsigned funct3 = p->xlen == 32 ? 2 : 2 + below(m, 2), between = traps ? 0 : below(m, 3), base = GP;
    uint64_t from = here(m);

    if (traps) {
        base = 7;
        seq_put_address(m, base, p->data + (uint64_t)index * SEQ_DATA + DATA_MIDDLE);
    }
    put(m, 0x1000002f | 5 << 7 | funct3 << 12 | base << 15);
    for (unsigned i = 0; i < between; i++) {
        put(m, make_insn(m, false));
    }
    put(m, 0x1800002f | 6 << 7 | funct3 << 12 | base << 15 | below(m, 32) << 20);
    m->p->insns += 2 + between;
    seq_keep_whole(m, from);
}

/* ---- exceptions ---------------------------------------------------------- */

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
    } while (riscv_decode(insn, m->p->xlen) &&
             riscv_rows[riscv_decode(insn, m->p->xlen)].translate != riscv_tr_illegal);
    put_count(m, insn);
}

/* An access through t0, which points where there is no RAM, or no page. */
static void put_bad_access(Maker *m)
{
    static const uint32_t forms[] = {
        0x03,       0x1003, 0x2003, 0x4003,           0x3007 /* fld */,      0x2007 /* flw */,
        0x23,       0x1023, 0x2023, 0x3027 /* fsd */, 0x202f /* amoadd.w */, 0x1000202f /* lr.w */,
        0x0800202f,
    };
    uint32_t insn = forms[below(m, G_N_ELEMENTS(forms))], rd = below(m, 32);
    uint64_t from = here(m);

    put_count(m, 0x37 | 5 << 7 | (0x20 + below(m, 8)) << 12);
    if (m->p->xlen == 64 && below(m, 2)) {
        put_count(m, enc_i(0x13, 5, 1, 5, 20)); /* beyond the page table */
    }
    rd = reserved >> rd & 1 ? 6 : rd;
    bool store = (insn & 0x77) == 0x23;
    put_count(m, insn | 5 << 15 | (store ? below(m, 32) << 20 : rd << 7));
    seq_keep_whole(m, from);
}

static void put_misaligned_atomic(Maker *m)
{
    static const uint32_t forms[] = { 0x202f, 0x0800202f, 0x1000202f, 0x8000202f };
    uint32_t insn = forms[below(m, G_N_ELEMENTS(forms))];
    uint64_t from = here(m);

    put_count(m, enc_i(0x13, 5, 0, GP, 1 + (int32_t)below(m, 3)));
    put_count(m, insn | 5 << 15 | 6 << 7);
    seq_keep_whole(m, from);
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
    case 0: put_count(m, enc_i(0x73, rd, 5, below(m, 8), 2)); break;
    case 1:
        put_count(m, 0x37 | 5 << 7 | 6 << 12); /* t0 = FS */
        put_count(m, enc_i(0x73, 0, below(m, 3) ? 2 : 3, 5, CSR_SSTATUS));
        break;
    default: put_count(m, enc_i(0x73, rd, 1 + below(m, 3), below(m, 32), (int32_t)csr)); break;
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

/* M mode: log the trap into the record at tp, and go on behind the instruction. */
void seq_put_handler(Maker *m)
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
    put(m, enc_i(0x13, 6, 3, 5, SEQ_TRAPS));           /* sltiu t1, t0, SEQ_TRAPS */
    put(m, 0x63 | 6 << 15 | b_imm(4 + 2 * 4 + 4 * 8)); /* beqz t1: log is full */
    put(m, enc_i(0x13, 5, 1, 5, 5));                   /* t0 = tp + 32 * count */
    put(m, 0x33 | 5 << 7 | 5 << 15 | TP << 20);
    for (unsigned i = 0; i < 4; i++) {
        put(m, enc_i(0x73, 6, 2, 0, logged[i]));
        put(m, enc_s(0x23, word, 5, 6, SEQ_LOG + (int32_t)i * 8));
    }
    put(m, enc_i(0x73, 5, 2, 0, CSR_MEPC));
    put(m, enc_i(0x03, 6, 5, 5, 0)); /* lhu t1, 0(t0) */
    put(m, enc_i(0x13, 6, 7, 6, 3));
    put(m, enc_i(0x13, 6, 0, 6, -3));
    put(m, enc_i(0x13, 6, 3, 6, 1)); /* t1 = 32-bit instruction */
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
    uint64_t from = here(m);

    put(m, enc_i(0x17, 5, 0, 0, 0));           /* auipc t0, 0 */
    put(m, enc_i(0x67, below(m, 2), 0, 5, 8)); /* jalr zero or ra, 8(t0) */
    seq_keep_whole(m, from);
    m->p->insns += 2;
}

/* A loop that is one block (from its second round on) and changes its own first instruction, which
 * then ends it: seen without fence.i, sooner or later. */
static void put_changing_loop(Maker *m)
{
    uint32_t changed = enc_i(0x13, 7, 0, 0, 1 + (int32_t)below(m, 2047)); /* li t2, not 0 */
    bool half = below(m, 2);
    uint64_t from = here(m);

    seq_put_address(m, 6, half ? changed >> 16 : changed);
    bool atomic = !half && !(here(m) & 3) && m->ext >> EXT_A & 1 && below(m, 2);
    put_count(m, enc_i(0x13, 28, 0, 0, 1 + (int32_t)below(m, 5)));
    put_count(m, enc_i(0x17, 5, 0, 0, 0)); /* auipc t0, 0 */
    put_count(m, enc_i(0x13, 5, 0, 5, 8));
    put_count(m, enc_i(0x13, 7, 0, 0, 0)); /* loop: li t2, 0 */
    put_count(m, enc_i(0x13, 28, 0, 28, -1));
    put_count(m, 0x1063 | 28 << 15 | b_imm(8)); /* bnez t3, over the store */
    put_count(m, half     ? enc_s(0x23, 1, 5, 6, 2)
                 : atomic ? 0x0800202f | 5 << 15 | 6 << 20 /* amoswap.w zero, t1, (t0) */
                          : enc_s(0x23, 2, 5, 6, 0));
    put_count(m, 0x63 | 7 << 15 | b_imm(-16)); /* beqz t2, loop */
    seq_keep_whole(m, from);
    put_count(m, enc_i(0x13, 28, 0, 0, 0));
}

void seq_put_body(Maker *m, unsigned index, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        if (below(m, 40) == 0) {
            put_far_jump(m);
            continue;
        }
        if (below(m, 40) == 0) {
            put_lr_sc(m, index);
            continue;
        }
        if (m->p->kind != SEQ_LINUX && below(m, 40) == 0) { /* there code cannot be written */
            put_changing_loop(m);
            continue;
        }
        if (m->p->kind == SEQ_BARE_S && below(m, 12) == 0) {
            seq_put_remap(m, index);
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

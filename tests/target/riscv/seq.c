/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See seq.h.
 *
 * Registers with a purpose: sp, gp, s0 point into the sequence's data, tp at its
 * record, s1 counts iterations.  Instructions that would write them are not generated;
 * memory accesses use only the three pointers; branches go forward by a few instructions,
 * or back to the sequence's start while s1 lasts. */
#include "seq-maker.h"

#include <elf.h>
#include <string.h>

/* ---- one sequence -------------------------------------------------------- */

static void put_sequence(Maker *m, unsigned index)
{
    SeqProgram *p = m->p;
    unsigned length = 1 + below(m, MAX_LENGTH), word = p->xlen == 32 ? 2 : 3;

    seq_put_address(m, 1, p->init + (uint64_t)index * SEQ_RECORD);
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
    seq_put_body(m, index, length);
    if (below(m, 3) == 0) { /* loop */
        uint64_t from = here(m);
        put(m, enc_i(0x13, S1, 0, S1, -1));
        put(m, 0x1063 | S1 << 15 | b_imm((int32_t)(p->starts[index] - here(m))));
        seq_keep_whole(m, from);
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
    static const uint64_t corners[] = {
        0,         1,          2,          UINT64_MAX,         INT64_MAX, UINT64_C(1) << 63,
        INT32_MAX, 0x80000000, UINT32_MAX, 0xffffffff80000000, 0x7f,      0xff80
    };
    switch (below(m, 4)) {
    case 0: return corners[below(m, G_N_ELEMENTS(corners))];
    case 1: return random64(m) >> below(m, 64);
    case 2: return (uint64_t)((int64_t)random64(m) >> below(m, 64));
    default: return random64(m);
    }
}

/* A float of `exponent` and `fraction` bits, often near a corner. */
static uint64_t float_value(Maker *m, unsigned exponent, unsigned fraction)
{
    uint64_t bias = (UINT64_C(1) << (exponent - 1)) - 1, max = (UINT64_C(1) << exponent) - 1, e, f;
    uint64_t fractions = (UINT64_C(1) << fraction) - 1;

    switch (below(m, 6)) {
    case 0: e = below(m, 2) ? max : 0; break;
    case 1: e = below(m, 2) ? max - 1 - below(m, 3) : 1 + below(m, 3); break;
    case 2: e = random64(m) & max; break;
    default: e = bias + below(m, 70) - 5; break;
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
    case 0: return box16((uint16_t)float_value(m, 5, 10));
    case 1:
    case 2:
    case 3: return box32((uint32_t)float_value(m, 8, 23));
    case 4: return random64(m);
    default: return float_value(m, 11, 52);
    }
}

/* Into the data of sequence n, as it is seen at its own address or in a window. */
static uint64_t data_pointer(Maker *m, unsigned n)
{
    const SeqProgram *p = m->p;
    unsigned window = below(m, seq_window_count(p) + 1);
    uint64_t at = p->data + (uint64_t)n * SEQ_DATA + DATA_MIDDLE;

    return window ? at - p->base + seq_window(p, window - 1) : at;
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
        init[SP] = data_pointer(m, n);
        init[GP] = data_pointer(m, n);
        init[S0] = data_pointer(m, n);
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

enum { CSR_SATP = 0x180, CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0 };

static void put_csrw(Maker *m, unsigned csr, unsigned reg)
{
    put(m, enc_i(0x73, 0, 1, reg, (int32_t)csr));
}

/* ---- PMP entries ---------------------------------------------------------- */

enum { PMP_ENTRIES = 16, PMP_R = 1, PMP_NA4 = 16, PMP_NAPOT = 24, PMP_LOCKED = 128, PMP_ALL = 0x1f };

static bool in_whole(const Maker *m, uint64_t word)
{
    for (guint i = 0; i < m->whole->len; i++) {
        const Range *r = &g_array_index(m->whole, Range, i);
        if (word < r->to && word + 4 > r->from) {
            return true;
        }
    }
    return false;
}

/* A word in data, or in the body of a sequence.  The program ends whatever is forbidden there: the
 * handler skips one instruction, and code that must not be skipped in part has no entry (one with all
 * rights would do harm too: an access with only a half in it fails). */
static uint64_t pmp_place(Maker *m)
{
    const SeqProgram *p = m->p;

    for (unsigned tries = 8; tries && below(m, 3); tries--) {
        unsigned n = below(m, p->count);
        uint64_t at = (p->starts[n] + below(m, (uint32_t)(p->ends[n] - p->starts[n]))) & ~UINT64_C(3);
        if (at >= p->starts[n] && at + 4 <= p->ends[n] && !in_whole(m, at)) {
            return at;
        }
    }
    return p->data + below(m, p->count * SEQ_DATA / 4) * 4;
}

/* Entries of 4 bytes in code or data, of 4 to 32 bytes in data, that allow reading and perhaps
 * more; the last one allows all. */
static void choose_pmp(Maker *m)
{
    SeqProgram *p = m->p;
    uint64_t addr[PMP_ENTRIES];
    uint8_t cfg[PMP_ENTRIES];

    for (unsigned i = 0; i < PMP_ENTRIES - 1; i++) {
        uint64_t at = pmp_place(m), ones = (UINT64_C(1) << below(m, 3)) - 1;
        bool wide = at < p->init && ones;
        addr[i] = wide ? ((at >> 2) & ~(2 * ones + 1)) | ones : at >> 2;
        cfg[i] = (uint8_t)(PMP_R | below(m, 4) << 1 | (wide ? PMP_NAPOT : PMP_NA4) |
                           (p->kind == SEQ_BARE_M ? PMP_LOCKED : 0));
    }
    addr[PMP_ENTRIES - 1] = UINT64_MAX;
    cfg[PMP_ENTRIES - 1] = PMP_ALL;
    memcpy(p->image->data + (p->pmp - p->base), addr, sizeof(addr));
    memcpy(p->image->data + (p->pmp - p->base) + sizeof(addr), cfg, sizeof(cfg));
}

static void put_pmp(Maker *m)
{
    unsigned word = m->p->xlen == 32 ? 2 : 3;

    seq_put_address(m, 6, m->p->pmp);
    for (unsigned i = 0; i < PMP_ENTRIES; i++) {
        put(m, enc_i(0x03, 5, word, 6, (int32_t)i * 8));
        put_csrw(m, CSR_PMPADDR0 + i, 5);
    }
    for (unsigned i = 0; i < PMP_ENTRIES / 4; i += m->p->xlen / 32) {
        put(m, enc_i(0x03, 5, word, 6, (int32_t)(PMP_ENTRIES * 8 + i * 4)));
        put_csrw(m, CSR_PMPCFG0 + i, 5);
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
        seq_put_address(m, 5, p->handler);
        put_csrw(m, CSR_MTVEC, 5);
    }
    if (p->flags & SEQ_WITH_PMP) {
        put_pmp(m);
    } else {
        put(m, enc_i(0x13, 5, 0, 0, -1));
        put_csrw(m, CSR_PMPADDR0, 5);
        put(m, enc_i(0x13, 5, 0, 0, PMP_ALL));
        put_csrw(m, CSR_PMPCFG0, 5);
    }
    if (lower) {
        seq_put_address(m, 5, p->page_table >> 12);
        put(m, enc_i(0x13, 6, 0, 0, p->xlen == 64 ? 8 : 1));
        put(m, enc_i(0x13, 6, 1, 6, p->xlen == 64 ? 60 : 31));
        put(m, 0x33 | 5 << 7 | 6 << 12 | 5 << 15 | 6 << 20); /* or t0, t0, t1 */
        put_csrw(m, CSR_SATP, 5);
        put(m, 0x12000073); /* sfence.vma */
    }
    /* FS on, MPP the mode */
    seq_put_address(m, 5, 0x6000 | (p->kind == SEQ_BARE_M ? 0x1800 : p->kind == SEQ_BARE_S ? 0x800 : 0));
    put_csrw(m, CSR_MSTATUS, 5);
    put(m, enc_i(0x17, 5, 0, 0, 0)); /* auipc t0, 0 */
    put(m, enc_i(0x13, 5, 0, 5, 16));
    put_csrw(m, CSR_MEPC, 5);
    put(m, 0x30200073); /* mret, to the next instruction */
}

static void put_print(Maker *m)
{
    while (here(m) & 4095) { /* QEMU is slow in a page with small PMP entries */
        put(m, 1);
    }
    seq_put_address(m, 5, m->p->records);
    seq_put_address(m, 6, m->p->records + m->p->results_size);
    seq_put_address(m, 7, SEQ_UART);
    put(m, enc_i(0x03, 10, 4, 5, 0)); /* lbu a0, 0(t0) */
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
        seq_put_address(m, 5, SEQ_FINISHER);
        seq_put_address(m, 6, 0x5555);
        put(m, enc_s(0x23, 2, 5, 6, 0));
        put(m, 0x6f); /* j . */
        return;
    }
    put(m, enc_i(0x13, 10, 0, 0, 1));
    seq_put_address(m, 11, p->records);
    seq_put_address(m, 12, p->results_size);
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
    /* Aligned: no PMP entry in data reaches the log of a record. */
    p->data = (p->records + (uint64_t)p->count * SEQ_RECORD + SEQ_DATA - 1) & -(uint64_t)SEQ_DATA;
    p->results_size = p->data + (uint64_t)p->count * SEQ_DATA - p->records;
    p->init = p->data + (uint64_t)p->count * SEQ_DATA;
    p->page_table = (p->init + (uint64_t)p->count * SEQ_RECORD + 4095) & ~UINT64_C(4095);
    p->pmp = p->page_table + 4 * 4096;
    return p->pmp + 4096;
}

static void choose_rows(Maker *m)
{
    m->rows = g_new(unsigned, riscv_row_count);
    for (unsigned i = 1; i < riscv_row_count; i++) {
        if (seq_is_usable(m, &riscv_rows[i])) {
            m->rows[m->row_count++] = i;
        }
    }
}

SeqProgram *seq_program_new(SeqKind kind, unsigned flags, uint32_t seed, unsigned count, unsigned xlen,
                            uint64_t ext)
{
    SeqProgram *p = g_new0(SeqProgram, 1);
    Maker m = { .p = p,
                .rand = g_rand_new_with_seed(seed),
                .ext = ext,
                .whole = g_array_new(FALSE, FALSE, sizeof(Range)) };

    p->kind = kind;
    p->flags = flags;
    p->xlen = xlen;
    p->count = count;
    p->image = g_byte_array_new();
    p->fences = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    p->starts = g_new(uint64_t, count);
    p->ends = g_new(uint64_t, count);
    choose_rows(&m);
    uint64_t code = lay_out(p);
    seq_put_address(&m, 5, code);
    put(&m, enc_i(0x67, 0, 0, 5, 0));
    guint head = p->image->len;
    g_byte_array_set_size(p->image, (guint)(code - p->base));
    memset(p->image->data + head, 0, p->image->len - head);
    put_values(&m);
    if (seq_window_count(p)) {
        seq_make_page_tables(&m);
    }
    if (flags & SEQ_WITH_TRAPS) {
        put(&m, 0x6f | j_imm(4 + 4 * HANDLER_INSNS)); /* over the handler */
        seq_put_handler(&m);
        g_assert(here(&m) == m.p->handler + 4 * HANDLER_INSNS);
    }
    put_start(&m);
    for (unsigned i = 0; i < count; i++) {
        put_sequence(&m, i);
    }
    put_end(&m);
    if (flags & SEQ_WITH_PMP) {
        choose_pmp(&m);
    }
    g_array_free(m.whole, TRUE);
    g_free(m.rows);
    g_rand_free(m.rand);
    return p;
}

void seq_program_free(SeqProgram *p)
{
    g_byte_array_unref(p->image);
    g_array_free(p->fences, TRUE);
    g_free(p->starts);
    g_free(p->ends);
    g_free(p);
}

static void append_head64(const SeqProgram *p, GByteArray *elf)
{
    Elf64_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = p->base,
        .e_phoff = sizeof(h),
        .e_flags = 5 /* RVC, double float ABI */,
        .e_ehsize = sizeof(h),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr ph = { .p_type = PT_LOAD,
                      .p_flags = PF_R | PF_W | PF_X,
                      .p_offset = 4096,
                      .p_vaddr = p->base,
                      .p_paddr = p->base,
                      .p_filesz = p->image->len,
                      .p_memsz = p->image->len,
                      .p_align = 4096 };
    g_byte_array_append(elf, (const uint8_t *)&h, sizeof(h));
    g_byte_array_append(elf, (const uint8_t *)&ph, sizeof(ph));
}

static void append_head32(const SeqProgram *p, GByteArray *elf)
{
    Elf32_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = p->base,
        .e_phoff = sizeof(h),
        .e_flags = 5,
        .e_ehsize = sizeof(h),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = 1,
    };
    Elf32_Phdr ph = { .p_type = PT_LOAD,
                      .p_flags = PF_R | PF_W | PF_X,
                      .p_offset = 4096,
                      .p_vaddr = p->base,
                      .p_paddr = p->base,
                      .p_filesz = p->image->len,
                      .p_memsz = p->image->len,
                      .p_align = 4096 };
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers: one table, a row each (csr.h says what a row may have).
 * Spec: privileged specification, csrs.adoc; unprivileged: zicsr.adoc.
 *
 * The row is all there is to say of a register: its field in RiscvState with reset and legal values (the
 * hart's state table takes them from here), what translated code may do with it, its name for
 * the debugger and the disassembler, its place in `info registers`.
 *
 * Not modelled: event counters (mhpmcounter3..31 read zero, which the
 * specification allows), debug triggers, Smepmp, AIA and hypervisor registers. */
#include "target/riscv/csr.h"

#include <string.h>

static uint64_t read_zero(RiscvCPU *r, const Csr *c)
{
    return 0;
}

static void write_ignored(RiscvCPU *r, const Csr *c, uint64_t value)
{
}

/* ---- the table ----------------------------------------------------------- */

#define NAME(text) .state = { .name = text }
#define FIELD(f, ...) .state = STATE_U64(RiscvCPU, f, ##__VA_ARGS__)
#define ELEMENT(text, f) .state = FIELD_(RiscvCPU, s.f, text, FIELD_U64, 8)
#define MODEL(f) .state = { .name = #f, .offset = offsetof(RiscvCPU, f) }
#define ALL UINT64_MAX

/* clang-format off */
const Csr riscv_csrs[] = {
    /* unprivileged */
    { NAME("fflags"), 0x001, .flags = CSR_LOCAL, .read = riscv_csr_read_fflags, .write = riscv_csr_write_fflags, .check = riscv_csr_check_fp, .ext = EXT_F },
    { NAME("frm"), 0x002, .flags = CSR_LOCAL, .read = riscv_csr_read_frm, .write = riscv_csr_write_frm, .check = riscv_csr_check_fp, .ext = EXT_F },
    { NAME("fcsr"), 0x003, .flags = CSR_LOCAL, .read = riscv_csr_read_fcsr, .write = riscv_csr_write_fcsr, .check = riscv_csr_check_fp, .ext = EXT_F },
    { NAME("cycle"), 0xc00, .read = riscv_csr_read_counter, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    { NAME("time"), 0xc01, .read = riscv_csr_read_time, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    { NAME("instret"), 0xc02, .read = riscv_csr_read_counter, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    { NAME("cycleh"), 0xc80, .flags = CSR_RV32, .read = riscv_csr_read_counterh, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    { NAME("timeh"), 0xc81, .flags = CSR_RV32, .read = riscv_csr_read_timeh, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    { NAME("instreth"), 0xc82, .flags = CSR_RV32, .read = riscv_csr_read_counterh, .check = riscv_csr_check_counter, .ext = EXT_ZICNTR },
    /* supervisor */
    { NAME("sstatus"), 0x100, .read = riscv_csr_read_sstatus, .write = riscv_csr_write_sstatus, .ext = EXT_S },
    { NAME("sie"), 0x104, .read = riscv_csr_read_sie, .write = riscv_csr_write_sie, .ext = EXT_S },
    { FIELD(stvec), 0x105, .shown = 8, .legal = riscv_csr_legal_tvec, .ext = EXT_S },
    { FIELD(scounteren), 0x106, .mask = UINT32_MAX, .ext = EXT_S },
    { FIELD(senvcfg), 0x10a, .legal = riscv_csr_legal_senvcfg, .check = riscv_csr_check_senvcfg, .ext = EXT_S },
    { NAME("sstateen0"), 0x10c, .read = read_zero, .write = write_ignored, .check = riscv_csr_check_sstateen, .ext = EXT_SMSTATEEN },
    { NAME("sstateen1"), 0x10d, .read = read_zero, .write = write_ignored, .check = riscv_csr_check_sstateen, .ext = EXT_SMSTATEEN },
    { NAME("sstateen2"), 0x10e, .read = read_zero, .write = write_ignored, .check = riscv_csr_check_sstateen, .ext = EXT_SMSTATEEN },
    { NAME("sstateen3"), 0x10f, .read = read_zero, .write = write_ignored, .check = riscv_csr_check_sstateen, .ext = EXT_SMSTATEEN },
    { FIELD(sscratch), 0x140, .flags = CSR_PLAIN | CSR_LOCAL, .shown = 16, .mask = ALL, .ext = EXT_S },
    { FIELD(sepc), 0x141, .flags = CSR_LOCAL, .shown = 10, .mask = ~1ull, .read = riscv_csr_read_epc, .ext = EXT_S },
    { FIELD(scause), 0x142, .flags = CSR_LOCAL, .shown = 12, .mask = ALL, .ext = EXT_S },
    { FIELD(stval), 0x143, .flags = CSR_LOCAL, .shown = 14, .mask = ALL, .ext = EXT_S },
    { NAME("sip"), 0x144, .read = riscv_csr_read_sip, .write = riscv_csr_write_sip, .ext = EXT_S },
    { FIELD(stimecmp, .reset = UINT64_MAX), 0x14d, .flags = CSR_WIDE, .mask = ALL, .changed = riscv_csr_changed_stimecmp, .check = riscv_csr_check_stimecmp, .ext = EXT_SSTC },
    { NAME("stimecmph"), 0x15d, .high_of = 0x14d },
    { FIELD(satp), 0x180, .shown = 17, .legal = riscv_csr_legal_satp, .changed = riscv_csr_changed_satp, .check = riscv_csr_check_satp, .ext = EXT_S },
    /* machine: information */
    { MODEL(mvendorid), 0xf11 },
    { MODEL(marchid), 0xf12 },
    { MODEL(mimpid), 0xf13 },
    { MODEL(mhartid), 0xf14, .shown = 1 },
    { NAME("mconfigptr"), 0xf15, .read = read_zero },
    /* machine: trap setup and handling */
    { FIELD(mstatus, .reset_to = riscv_reset_mstatus), 0x300, .shown = 2, .read = riscv_csr_read_mstatus, .legal = riscv_csr_legal_mstatus, .changed = riscv_csr_changed_mstatus },
    { NAME("misa"), 0x301, .read = riscv_csr_read_misa, .write = write_ignored },
    { FIELD(medeleg), 0x302, .shown = 6, .mask = 0xb3ff, .ext = EXT_S },
    { FIELD(mideleg), 0x303, .shown = 5, .mask = RISCV_SUPERVISOR_IRQS, .changed = riscv_csr_changed_irqs, .ext = EXT_S },
    { FIELD(mie), 0x304, .shown = 4, .legal = riscv_csr_legal_mie, .changed = riscv_csr_changed_irqs },
    { FIELD(mtvec), 0x305, .shown = 7, .legal = riscv_csr_legal_tvec },
    { FIELD(mcounteren), 0x306, .mask = UINT32_MAX, .ext = EXT_U },
    { FIELD(menvcfg, .reset_to = riscv_reset_menvcfg), 0x30a, .flags = CSR_WIDE, .legal = riscv_csr_legal_menvcfg, .changed = riscv_csr_changed_menvcfg, .ext = EXT_U },
    { ELEMENT("mstateen0", mstateen[0]), 0x30c, .flags = CSR_WIDE, .mask = 3ull << 62, .ext = EXT_SMSTATEEN },
    { ELEMENT("mstateen1", mstateen[1]), 0x30d, .flags = CSR_WIDE, .mask = 1ull << 63, .ext = EXT_SMSTATEEN },
    { ELEMENT("mstateen2", mstateen[2]), 0x30e, .flags = CSR_WIDE, .mask = 1ull << 63, .ext = EXT_SMSTATEEN },
    { ELEMENT("mstateen3", mstateen[3]), 0x30f, .flags = CSR_WIDE, .mask = 1ull << 63, .ext = EXT_SMSTATEEN },
    { NAME("mstatush"), 0x310, .flags = CSR_RV32, .read = read_zero, .write = write_ignored },
    { NAME("medelegh"), 0x312, .flags = CSR_RV32, .read = read_zero, .write = write_ignored, .ext = EXT_S },
    { NAME("menvcfgh"), 0x31a, .high_of = 0x30a },
    { NAME("mstateen0h"), 0x31c, .high_of = 0x30c },
    { NAME("mstateen1h"), 0x31d, .high_of = 0x30d },
    { NAME("mstateen2h"), 0x31e, .high_of = 0x30e },
    { NAME("mstateen3h"), 0x31f, .high_of = 0x30f },
    { FIELD(mcountinhibit), 0x320, .mask = 5, .write = riscv_csr_write_mcountinhibit },
    { FIELD(mscratch), 0x340, .flags = CSR_PLAIN | CSR_LOCAL, .shown = 15, .mask = ALL },
    { FIELD(mepc), 0x341, .flags = CSR_LOCAL, .shown = 9, .mask = ~1ull, .read = riscv_csr_read_epc },
    { FIELD(mcause), 0x342, .flags = CSR_LOCAL, .shown = 11, .mask = ALL },
    { FIELD(mtval), 0x343, .flags = CSR_LOCAL, .shown = 13, .mask = ALL },
    { NAME("mip"), 0x344, .shown = 3, .read = riscv_csr_read_mip, .write = riscv_csr_write_mip },
    /* machine: counters */
    { NAME("mcycle"), 0xb00, .read = riscv_csr_read_counter, .write = riscv_csr_write_counter },
    { NAME("minstret"), 0xb02, .read = riscv_csr_read_counter, .write = riscv_csr_write_counter },
    { NAME("mcycleh"), 0xb80, .flags = CSR_RV32, .read = riscv_csr_read_counterh, .write = riscv_csr_write_counterh },
    { NAME("minstreth"), 0xb82, .flags = CSR_RV32, .read = riscv_csr_read_counterh, .write = riscv_csr_write_counterh },
    { .state = { 0 } },
};

/* Runs of registers that differ by number alone. */
typedef struct CsrRun {
    uint16_t first, last;
    uint8_t index; /* of the first, in its name */
    const char *suffix;
    Csr row;
} CsrRun;
static const CsrRun csr_runs[] = {
    { 0x323, 0x33f, 3, "", { NAME("mhpmevent"), .read = read_zero, .write = write_ignored } },
    { 0x3a0, 0x3a3, 0, "", { NAME("pmpcfg"), .read = riscv_csr_read_pmpcfg, .write = riscv_csr_write_pmpcfg, .check = riscv_csr_check_pmpcfg, .ext = EXT_PMP } },
    { 0x3b0, 0x3bf, 0, "", { NAME("pmpaddr"), .read = riscv_csr_read_pmpaddr, .write = riscv_csr_write_pmpaddr, .ext = EXT_PMP } },
    { 0xb03, 0xb1f, 3, "", { NAME("mhpmcounter"), .read = read_zero, .write = write_ignored } },
    { 0xb83, 0xb9f, 3, "h", { NAME("mhpmcounter"), .flags = CSR_RV32, .read = read_zero, .write = write_ignored } },
    { 0xc03, 0xc1f, 3, "", { NAME("hpmcounter"), .read = read_zero, .check = riscv_csr_check_counter, .ext = EXT_ZIHPM } },
    { 0xc83, 0xc9f, 3, "h", { NAME("hpmcounter"), .flags = CSR_RV32, .read = read_zero, .check = riscv_csr_check_counter, .ext = EXT_ZIHPM } },
};
/* clang-format on */

/* ---- the index ----------------------------------------------------------- */

/* Row of each number; made once. */
static const Csr *csr_rows[4096];

static void index_run(const CsrRun *run)
{
    for (unsigned number = run->first; number <= run->last; number++) {
        Csr *c = g_memdup2(&run->row, sizeof(*c));
        c->number = (uint16_t)number;
        c->state.name =
            g_strdup_printf("%s%u%s", run->row.state.name, number - run->first + run->index, run->suffix);
        csr_rows[number] = c;
    }
}

static void index_high_half(const Csr *row)
{
    Csr *c = g_memdup2(csr_rows[row->high_of], sizeof(*c));
    c->state.name = row->state.name;
    c->state.count = 0;
    c->number = row->number;
    c->flags = CSR_HIGH | CSR_RV32;
    csr_rows[row->number] = c;
}

static void csr_index_make(void)
{
    for (const Csr *c = riscv_csrs; c->state.name; c++) {
        csr_rows[c->number] = c;
    }
    for (const Csr *c = riscv_csrs; c->state.name; c++) {
        if (c->high_of) {
            index_high_half(c);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(csr_runs); i++) {
        index_run(&csr_runs[i]);
    }
}

/* NULL: not modelled. */
static const Csr *csr_find(unsigned number)
{
    static gsize made;
    if (g_once_init_enter(&made)) {
        csr_index_make();
        g_once_init_leave(&made, 1);
    }
    return csr_rows[number & 0xfff];
}

static bool csr_exists(const RiscvCPU *r, const Csr *c)
{
    return riscv_has(r, c->ext) && (!(c->flags & CSR_RV32) || r->xlen == 32);
}

/* NULL: this model does not have it. */
static const Csr *csr_of_model(const RiscvCPU *r, unsigned number)
{
    const Csr *c = csr_find(number);
    return c && csr_exists(r, c) ? c : NULL;
}

/* ---- accesses ------------------------------------------------------------ */

static uint64_t csr_read_row(RiscvCPU *r, const Csr *c)
{
    uint64_t v = c->read ? c->read(r, c) : *csr_field(r, c) >> (c->flags & CSR_HIGH ? 32 : 0);
    return r->xlen == 32 ? (uint64_t)(int32_t)v : v;
}

static uint64_t csr_legal(const RiscvCPU *r, const Csr *c, uint64_t value, uint64_t old)
{
    return c->legal ? c->legal(r, value, old) : (old & ~c->mask) | (value & c->mask);
}

static void csr_write_row(RiscvCPU *r, const Csr *c, uint64_t value)
{
    if (r->xlen == 32) {
        value = (uint32_t)value;
    }
    if (c->write) {
        c->write(r, c, value);
        return;
    }
    uint64_t *field = csr_field(r, c), old = *field;
    if (c->flags & CSR_HIGH) {
        value = (uint32_t)old | value << 32;
    } else if (r->xlen == 32 && c->flags & CSR_WIDE) {
        value |= old & ~(uint64_t)UINT32_MAX;
    }
    *field = csr_legal(r, c, value, old);
    if (c->changed) {
        c->changed(r, old);
    }
}

bool riscv_csr_access(RiscvCPU *r, unsigned number, CsrOp op, bool read, bool write, uint64_t operand,
                      uint64_t *old)
{
    enum { READ_ONLY = 3 };
    const Csr *c = csr_of_model(r, number);
    if (!c || r->s.priv < (number >> 8 & 3) || (write && number >> 10 == READ_ONLY) ||
        (c->check && !c->check(r, c))) {
        return false;
    }
    uint64_t value = 0;
    if (read || op != CSR_WRITE) {
        value = csr_read_row(r, c);
    }
    *old = value;
    if (write) {
        if (c->write == riscv_csr_write_mip && op != CSR_WRITE) {
            value = riscv_csr_mip_to_modify(r);
        }
        value = op == CSR_WRITE ? operand : op == CSR_SET ? value | operand : value & ~operand;
        csr_write_row(r, c, value);
    }
    return true;
}

uint64_t riscv_csr_peek(RiscvCPU *r, unsigned number)
{
    const Csr *c = csr_of_model(r, number);
    uint64_t counter_pc = r->s.counter_pc;
    uint32_t counter_unread = r->s.counter_unread;
    uint64_t v = c ? csr_read_row(r, c) : 0;
    r->s.counter_pc = counter_pc; /* nothing was read */
    r->s.counter_unread = counter_unread;
    return v;
}

bool riscv_csr_poke(RiscvCPU *r, unsigned number, uint64_t value)
{
    enum { READ_ONLY = 3 };
    const Csr *c = csr_of_model(r, number);
    if (!c || number >> 10 == READ_ONLY) {
        return false;
    }
    csr_write_row(r, c, value);
    r->s.counter_pc = r->s.pc; /* there was no instruction: the next one is here */
    return true;
}

/* ---- what others ask of the table ---------------------------------------- */

bool riscv_csr_exists(const RiscvCPU *r, unsigned number)
{
    return csr_of_model(r, number) != NULL;
}

const char *riscv_csr_name(unsigned number)
{
    const Csr *c = csr_find(number);
    return c ? c->state.name : NULL;
}

unsigned riscv_csr_shown(unsigned place)
{
    for (const Csr *c = riscv_csrs; c->state.name; c++) {
        if (c->shown == place) {
            return c->number;
        }
    }
    return 0;
}

size_t riscv_csr_plain_offset(const RiscvCPU *r, unsigned number)
{
    const Csr *c = csr_of_model(r, number);
    return c && c->flags & CSR_PLAIN ? c->state.offset : 0;
}

bool riscv_csr_write_is_local(unsigned number)
{
    const Csr *c = csr_find(number);
    return c && c->flags & CSR_LOCAL;
}

/* A value is legal if a write of it over the reset value would leave it; a register that the model does not
 * have stays at its reset value. */
static bool row_is_legal(RiscvCPU *r, const Csr *c)
{
    const Field *f = &c->state;
    uint64_t value = *csr_field(r, c), reset = f->reset_to ? f->reset_to(r) : f->reset;
    if (!csr_exists(r, c)) {
        return value == reset;
    }
    bool fits = r->xlen == 64 || c->flags & CSR_WIDE || value <= UINT32_MAX;
    return fits && csr_legal(r, c, value, reset) == value;
}

const char *riscv_csr_illegal(RiscvCPU *r)
{
    for (const Csr *c = riscv_csrs; c->state.name; c++) {
        if (c->state.count && !row_is_legal(r, c)) {
            return c->state.name;
        }
    }
    return NULL;
}

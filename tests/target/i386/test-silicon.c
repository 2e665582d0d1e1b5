/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 64-bit instructions compute, against the host's own processor: random encodings of every integer row, with random
 * registers, flags and data, run natively in a child and by the interpreter of the IR.  Registers, flags (but those that
 * the table calls undefined), the data page, and whether a fault comes are equal.
 *
 *   test-silicon [COUNT [SEED]]   COUNT encodings a row */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "host-isa.h"
#include "maker.h"
#include "target/i386/disas.h"
#include "target/i386/translate.h"
#include "tcg/backend.h"
#include "util/bytes.h"

enum { DATA = 4096, CODE = 4096, BATCH = 512, BASE = X86_RDI };
#define DATA_AT UINT64_C(0x120000000000)
#define CODE_AT UINT64_C(0x300000000000)

typedef struct Machine {
    uint64_t gpr[16], flags;
    uint8_t data[DATA];
    bool faulted;
} Machine;

typedef struct Trial {
    uint8_t bytes[16];
    unsigned row;
    uint8_t length;
    Machine before, after;
    bool strayed;
} Trial;

static struct Shared {
    unsigned count, at;
    Trial trials[BATCH];
} *shared;
static uint8_t *code, *data;
static X86CPU *cpu;
static IrBlock *block;
static jmp_buf leave;

/* ---- natively: a trap goes in with the registers of a trial, the next one comes out with its results ---- */

static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
enum { FLAGS = EFL_ARITH | EFL_DF };

static void take(Trial *t, const greg_t *regs, int number)
{
    for (unsigned n = 0; n < 16; n++) {
        t->after.gpr[n] = regs[greg_of[n]];
    }
    t->after.flags = regs[REG_EFL] & FLAGS;
    uint64_t at = (uint64_t)regs[REG_RIP] - (uint64_t)code;
    t->after.faulted = number != SIGTRAP;
    t->strayed = number == SIGTRAP ? at != t->length + 1u : at != 0;
    memcpy(t->after.data, data, DATA);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    static bool under_way;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (under_way) {
        take(&shared->trials[shared->at++], regs, number);
    }
    if (shared->at == shared->count) {
        _exit(0);
    }
    under_way = true;
    Trial *t = &shared->trials[shared->at];
    for (unsigned n = 0; n < 16; n++) {
        regs[greg_of[n]] = t->before.gpr[n];
    }
    regs[REG_EFL] = (regs[REG_EFL] & ~(greg_t)FLAGS) | t->before.flags;
    memcpy(data, t->before.data, DATA);
    memset(code, 0xcc, 64);
    memcpy(code, t->bytes, t->length);
    regs[REG_RIP] = (greg_t)code;
}

static void run_child(void)
{
    stack_t stack = { .ss_sp = g_malloc(1 << 16), .ss_size = 1 << 16 };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    const int signals[] = { SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE };
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    alarm(60);
    raise(SIGTRAP);
}

static void run_native(void)
{
    shared->at = 0;
    while (shared->at < shared->count) {
        pid_t child = fork();
        if (child == 0) {
            run_child();
        }
        waitpid(child, NULL, 0);
        if (shared->at < shared->count) {
            shared->trials[shared->at++].strayed = true;
        }
    }
}

/* ---- here -------------------------------------------------------------------------------- */

void cpu_restore_pc(CPU *c)
{
}
void cpu_loop_exit(CPU *c)
{
    longjmp(leave, 1);
}
bool cpu_phys_load(CPU *c, uint64_t phys, MemOp mop, uint64_t *value)
{
    return false;
}
bool cpu_phys_cas(CPU *c, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped)
{
    return false;
}
unsigned translate_fetch(TranslateCtx *t, uint64_t vaddr, void *buf, unsigned n)
{
    return 0;
}
void translate_fetch_fault(TranslateCtx *t, uint64_t vaddr)
{
    g_error("nothing is fetched beyond the page");
}
void translate_breakpoint(TranslateCtx *t, uint64_t vaddr)
{
}
void cpu_give_way(CPU *c)
{
}

static uint8_t *host(uint64_t vaddr, MemOp mop)
{
    if (vaddr < DATA_AT || vaddr - DATA_AT > DATA - memop_bytes(mop)) {
        cpu->s.events.shutdown = true;
        longjmp(leave, 1);
    }
    return data + (vaddr - DATA_AT);
}
static uint64_t load(CPU *c, uint64_t vaddr, MemOp mop)
{
    return memop_extend(mop, load_le(host(vaddr, mop), memop_bytes(mop)));
}
static void store(CPU *c, uint64_t vaddr, MemOp mop, uint64_t value)
{
    store_le(host(vaddr, mop), memop_bytes(mop), value);
}
static uint64_t atomic(CPU *c, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    uint8_t *p = host(vaddr, mop), aligned[8];
    memcpy(aligned, p, memop_bytes(mop));
    uint64_t old = ir_atomic(aligned, mop & ~MEM_ALIGN, op, value, expected);
    memcpy(p, aligned, memop_bytes(mop));
    return old;
}

static void set_mode(void)
{
    memset(cpu->feature, 0xff, sizeof(cpu->feature));
    cpu->vendor = VENDOR_AMD;
    cpu->phys_bits = 40;
    cpu->s.efer = EFER_LME | EFER_LMA | EFER_SCE;
    cpu->s.cr0 = CR0_PE | CR0_PG;
    cpu->s.cr4 = CR4_PAE;
    cpu->s.cpl = 3;
    cpu->s.seg[SEG_CS].attr = ATTR_L | ATTR_P | ATTR_S | ATTR_CODE;
    cpu->s.events.shutdown = false;
}

static void interpret(const Trial *t, Machine *m)
{
    const IrRuntime run = { load, store, atomic, offsetof(CPU, exit_request) };
    TranslateCtx ctx = { .cpu = &cpu->cpu,
                         .ir = block,
                         .pc = CODE_AT,
                         .max_insns = 1,
                         .page = code,
                         .page_start = CODE_AT,
                         .page_bytes = CODE };
    ctx.key.mode = 2 | 3 << X86_MODE_CPL_SHIFT | X86_MODE_PE | X86_MODE_SS32;
    set_mode();
    memcpy(cpu->s.gpr, t->before.gpr, sizeof(cpu->s.gpr));
    x86_set_flags(cpu, t->before.flags);
    memcpy(data, t->before.data, DATA);
    memset(code, 0xcc, 64);
    memcpy(code, t->bytes, t->length);
    ir_block_reset(block, CODE_AT);
    x86_translate_block(&ctx);
    block->verify = true;
    ir_verify_pass(block, "translate");
    ir_optimize(block);
    m->faulted = true;
    if (!setjmp(leave)) {
        ir_interpret(block, &cpu->cpu, &run);
        m->faulted = cpu->s.events.shutdown;
    }
    memcpy(m->gpr, cpu->s.gpr, sizeof(m->gpr));
    m->flags = x86_flags(cpu) & FLAGS;
    memcpy(m->data, data, DATA);
}

/* ---- trials ------------------------------------------------------------------------------ */

/* Families that only compute. */
static bool is_tested(unsigned row)
{
    switch (x86_rows[row].translator) {
    case X86_TR_ADX:
    case X86_TR_AHF:
    case X86_TR_ALU:
    case X86_TR_BITCOUNT:
    case X86_TR_BITSCAN:
    case X86_TR_BITTEST:
    case X86_TR_BSWAP:
    case X86_TR_CBW:
    case X86_TR_CMOVCC:
    case X86_TR_CMPXCHG:
    case X86_TR_CRC32:
    case X86_TR_CWD:
    case X86_TR_DIV:
    case X86_TR_ENTER:
    case X86_TR_IMUL:
    case X86_TR_INCDEC:
    case X86_TR_LEA:
    case X86_TR_LEAVE:
    case X86_TR_MOV:
    case X86_TR_MOVBE:
    case X86_TR_MOVX:
    case X86_TR_MUL:
    case X86_TR_NOP:
    case X86_TR_POP:
    case X86_TR_PUSH:
    case X86_TR_SETCC:
    case X86_TR_SHIFT:
    case X86_TR_SHIFTD:
    case X86_TR_TEST:
    case X86_TR_UNARY:
    case X86_TR_XADD:
    case X86_TR_XCHG: return true;
    case X86_TR_FLAG: return x86_rows[row].arg <= X86_FLAG_STC || x86_rows[row].arg >= X86_FLAG_CLD;
    default: return false;
    }
}

/* Mostly small or special numbers: carries, signs, zeroes. */
static uint64_t value(uint64_t *random)
{
    static const uint64_t special[] = {
        0,         1,      2,          0x7f,       0x80,       0xff,      0x7fff,
        0x8000,    0xffff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, UINT64_C(1) << 63,
        UINT64_MAX
    };
    uint64_t r = x86_random(random);
    return r & 3 ? x86_random(random) >> (r >> 8 & 63) : special[(r >> 8) % G_N_ELEMENTS(special)];
}

static bool make_trial(Trial *t, unsigned row, uint64_t *random)
{
    const X86MakeRules rules = { .mode = { .size = 8, .amd = true },
                                 .registers = 0xffff & ~(1 << X86_RSP | 1 << BASE),
                                 .bound_memory = true,
                                 .base = BASE,
                                 .redundant_rate = 40,
                                 .lock_rate = 60 };
    t->row = row;
    t->length = x86_make(&rules, row, random, t->bytes);
    t->strayed = false;
    X86Insn insn;
    if (!t->length || x86_decode(&insn, rules.mode, t->bytes, 16) != X86_DECODE_OK || insn.seg >= X86_FS) {
        return false; /* FS is the C library's */
    }
    for (unsigned n = 0; n < 16; n++) {
        t->before.gpr[n] = value(random);
    }
    t->before.gpr[BASE] = DATA_AT + DATA / 2 + (x86_random(random) & 7);
    t->before.gpr[X86_RSP] = DATA_AT + DATA / 2 + (x86_random(random) & 56);
    if (x86_rows[row].translator == X86_TR_LEAVE || x86_rows[row].translator == X86_TR_ENTER) {
        t->before.gpr[X86_RBP] = DATA_AT + DATA / 2 + 1024;
    }
    t->before.flags = x86_random(random) & EFL_ARITH;
    for (unsigned n = 0; n < DATA; n += 8) {
        store_le(t->before.data + n, 8, n & 8 ? value(random) : x86_random(random));
    }
    return true;
}

static unsigned failures;

static void report(const Trial *t, const Machine *m, const char *what)
{
    g_autoptr(GString) text = g_string_new(NULL);
    X86Insn insn;
    x86_decode(&insn, (X86DecodeMode){ .size = 8, .amd = true }, t->bytes, 16);
    x86_disassemble_insn((X86DecodeMode){ .size = 8, .amd = true }, X86_SYNTAX_INTEL, CODE_AT, &insn, text);
    g_test_message("%s: %s differs, flags %lx", text->str, what, t->before.flags);
    for (unsigned n = 0; n < 16; n++) {
        if (t->after.gpr[n] != m->gpr[n]) {
            g_test_message("  r%u: %lx -> %lx, here %lx", n, t->before.gpr[n], t->after.gpr[n], m->gpr[n]);
        }
    }
    g_test_message("  rax %lx rcx %lx rdx %lx; flags %lx, here %lx; %s, here %s", t->before.gpr[0],
                   t->before.gpr[1], t->before.gpr[2], t->after.flags, m->flags,
                   t->after.faulted ? "faulted" : "ran", m->faulted ? "faulted" : "ran");
    failures++;
}

/* Flags that say nothing: by the table, and all of a double shift by more places than the operand has. */
static uint64_t undefined_flags(const Trial *t)
{
    X86Insn insn;
    x86_decode(&insn, (X86DecodeMode){ .size = 8, .amd = true }, t->bytes, 16);
    uint64_t n = x86_rows[t->row].operands[2].where == X86_AT_I ? (uint64_t)insn.imm : t->before.gpr[X86_RCX];
    bool too_far = x86_rows[t->row].translator == X86_TR_SHIFTD && insn.osz == 2 && (n & 31) > 16;
    return too_far ? EFL_ARITH : x86_rows[t->row].flags.undefined;
}

static void compare(const Trial *t)
{
    static Machine m;
    if (t->strayed) {
        return;
    }
    interpret(t, &m);
    uint64_t mask = FLAGS & ~undefined_flags(t);
    if (m.faulted != t->after.faulted) {
        report(t, &m, "fault");
    } else if (m.faulted) {
        return; /* registers may be the handler's */
    } else if (memcmp(m.gpr, t->after.gpr, sizeof(m.gpr))) {
        report(t, &m, "a register");
    } else if ((m.flags ^ t->after.flags) & mask) {
        report(t, &m, "a flag");
    } else if (memcmp(m.data, t->after.data, DATA)) {
        report(t, &m, "memory");
    }
}

static unsigned count = 200;
static uint64_t seed = 1;

static void test_rows(void)
{
    uint64_t isa = x86_host_isa(), random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    unsigned run = 0;
    for (unsigned row = 1; row < x86_row_count; row++) {
        unsigned before = failures;
        if (!is_tested(row) || (x86_rows[row].need & ~isa)) {
            continue;
        }
        for (unsigned left = count; left && failures - before < 3;) {
            shared->count = 0;
            for (; left && shared->count < BATCH; left--) {
                shared->count += make_trial(&shared->trials[shared->count], row, &random);
            }
            run_native();
            for (unsigned n = 0; n < shared->count && failures - before < 3; n++) {
                compare(&shared->trials[n]);
            }
            run += shared->count;
            if (!shared->count) {
                break;
            }
        }
    }
    g_test_message("%u instructions, seed %lu", run, seed);
    g_assert_cmpuint(run, >, 1000);
    g_assert_cmpuint(failures, ==, 0);
}

static void *map(void *at, size_t bytes, int prot)
{
    void *p = mmap(at, bytes, prot, MAP_SHARED | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    g_assert(p != MAP_FAILED);
    return p;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    shared = map(NULL, sizeof(*shared), PROT_READ | PROT_WRITE);
    data = map((void *)DATA_AT, DATA, PROT_READ | PROT_WRITE);
    code = map((void *)CODE_AT, CODE, PROT_READ | PROT_WRITE | PROT_EXEC);
    cpu = g_new0(X86CPU, 1);
    block = ir_block_new(&x86_ir_guest);
    g_test_add_func("/i386/silicon/rows", test_rows);
    return g_test_run();
}

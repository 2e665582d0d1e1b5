/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page accesses against a model of their own: entries of two levels with all their bits, CR0.WP, CR4.SMEP, SMAP and PKE, EFER.NXE,
 * EFLAGS.AC, PKRU, reads, writes and fetches of levels 0 and 3.  Each is compared in whether it faults, its error code and CR2, and in
 * the accessed and dirty bits behind it.  Spec: SDM 3, "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags",
 * "Protection Keys".  A number on the command line, in hexadecimal, is that of the accesses of each of the 32 modes.
 * expect: 32 modes, differences: 0
 * expect: done */
#include "lib64.h"

enum { CR0_WP = 1 << 16, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21, CR4_PKE = 1 << 22, EFER_NXE = 1 << 11 };
enum { AC = 1 << 18, EFER = 0xc0000080, PF = 14 };
enum { ERROR_P = 1, ERROR_W = 2, ERROR_U = 4, ERROR_RSVD = 8, ERROR_FETCH = 16, ERROR_PK = 32 };
enum { READ, WRITE, FETCH };
enum { MODES = 32, SHOWN = 10, OFTEN = 1500, WORDS = 512, KEY = 5 };
#define RESERVED (1ull << 51)       /* beyond this model's physical addresses */
#define RESERVED_LARGE (1ull << 13) /* of entries of 2 MiB */
#define TARGET 0x2000000ull         /* the memory that all of it leads to; "int $49" begins it */
#define PLACE 0x40000000ull         /* where it is seen */
#define USER_VIEW 0x80000000ull     /* physical memory from 0 on for level 3 */

static uint64_t pde_table[WORDS] __attribute__((aligned(4096))), pt[WORDS] __attribute__((aligned(4096))),
    view[WORDS] __attribute__((aligned(4096)));

typedef struct Access {
    uint64_t pde, pte;
    bool wp, smep, smap, pke, nxe, ac, user;
    unsigned kind;
    uint32_t pkru; /* the two bits of the key */
} Access;
typedef struct Outcome {
    bool fault;
    uint32_t error;
    uint64_t cr2, pde, pte;
} Outcome;

/* ---- the model ------------------------------------------------------------------- */

static bool has_reserved(const Access *a, uint64_t entry, bool large)
{
    return (entry & RESERVED) || (large && (entry & RESERVED_LARGE)) || (!a->nxe && (entry & NX));
}

static Outcome fault_of(const Access *a, Outcome o, uint32_t error)
{
    o.fault = true;
    o.cr2 = PLACE + (a->kind == FETCH ? 0 : 64);
    o.error = error | (a->kind == WRITE ? ERROR_W : 0) | (a->user ? ERROR_U : 0) |
              (a->kind == FETCH && (a->nxe || a->smep) ? ERROR_FETCH : 0);
    return o;
}

static Outcome model(const Access *a)
{
    bool large = a->pde & LARGE, write = a->kind == WRITE, fetch = a->kind == FETCH;
    Outcome o = { .pde = a->pde, .pte = a->pte };
    if (!(a->pde & P)) {
        return fault_of(a, o, 0);
    }
    if (has_reserved(a, a->pde, large)) {
        return fault_of(a, o, ERROR_P | ERROR_RSVD);
    }
    if (!large) {
        o.pde |= A;
        if (!(a->pte & P)) {
            return fault_of(a, o, 0);
        }
        if (has_reserved(a, a->pte, false)) {
            return fault_of(a, o, ERROR_P | ERROR_RSVD);
        }
    }
    uint64_t both = a->pde & (large ? a->pde : a->pte), any = a->pde | (large ? 0 : a->pte);
    bool w = both & W, u = both & U, nx = a->nxe && (any & NX), bad = false, key = false;
    if (fetch) {
        bad = nx || (a->user ? !u : a->smep && u);
    } else {
        key = a->pke && u && ((a->pkru & 1) || ((a->pkru & 2) && write && (a->user || a->wp)));
        bad = (a->user && !u) || (!a->user && u && a->smap && !a->ac) || (write && !w && (a->user || a->wp));
    }
    if (bad || key) {
        return fault_of(a, o, ERROR_P | (key ? ERROR_PK : 0));
    }
    *(large ? &o.pde : &o.pte) |= A | (write ? D : 0);
    return o;
}

/* ---- the processor ----------------------------------------------------------------- */

static volatile Outcome seen;
static volatile uint64_t kernel_rsp, go_on;

/* Whatever ends an access leads back into look(), at level 0. */
static bool over(Frame *f)
{
    if (f->vector != PF && f->vector != USER_END) {
        return false;
    }
    if (f->vector == PF) {
        uint64_t cr2;
        asm volatile("mov %%cr2, %0" : "=r"(cr2));
        seen.fault = true;
        seen.error = f->error;
        seen.cr2 = cr2;
    }
    f->cs = SEL_CODE;
    f->ss = SEL_DATA;
    f->rsp = kernel_rsp;
    f->rip = go_on;
    f->rflags = 2;
    return true;
}

extern const char stub_read[], stub_write[], stub_fetch[];
asm(".pushsection .text\n"
    "stub_read: mov 64(%rdi), %al\n\tint $49\n"
    "stub_write: mov %al, 64(%rdi)\n\tint $49\n"
    "stub_fetch: jmp *%rdi\n"
    ".popsection");

static Outcome look(const Access *a)
{
    static const char *const stubs[] = { stub_read, stub_write, stub_fetch };
    seen.fault = false;
    seen.error = 0;
    seen.cr2 = 0;
    pde_table[0] = a->pde;
    pt[0] = a->pte;
    asm volatile("invlpg (%0)" : : "r"(PLACE) : "memory");
    if (a->pke) {
        asm volatile("wrpkru" : : "a"(a->pkru << 2 * KEY), "c"(0), "d"(0));
    }
    uint64_t code = (uint64_t)stubs[a->kind] + (a->user ? USER_VIEW : 0);
    asm volatile(
        "push %%rbp\n\tpush %%rbx\n\tlea 1f(%%rip), %%rax\n\tmov %%rax, %[on]\n\tmov %%rsp, %[sp]\n\t"
        "mov %%rsp, %[rsp0]\n\tsubq $128, %[rsp0]\n\t"
        "mov %%rsp, %%rax\n\tpush %[ss]\n\tpush %%rax\n\tpush %[flags]\n\tpush %[cs]\n\tpush %[code]\n\t"
        "iretq\n1:\tpop %%rbx\n\tpop %%rbp"
        : [on] "=m"(go_on), [sp] "=m"(kernel_rsp), [rsp0] "=m"(tss.rsp[0])
        : "D"(PLACE), [ss] "r"(a->user ? SEL_DATA3 : SEL_DATA + 0ul),
          [cs] "r"(a->user ? SEL_CODE3 : SEL_CODE + 0ul), [flags] "r"(2ul | (a->ac ? AC : 0)),
          [code] "r"(code)
        : "rax", "rcx", "rdx", "rsi", "memory", "cc");
    Outcome o = { seen.fault, seen.error, seen.cr2, pde_table[0], pt[0] };
    return o;
}

/* ---- both ---------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252ull;
static uint64_t random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Of what makes a fault by itself one in eight has it, lest all others be seldom looked at. */
static uint64_t seldom(uint64_t bits)
{
    return random() & random() & random() & bits;
}

static uint64_t random_entry(void)
{
    return (random() & (W | U | A | D)) | (P & ~seldom(P)) | (random() & random() & NX) | seldom(RESERVED) |
           (uint64_t)KEY << 59;
}

static Access random_access(unsigned mode)
{
    uint64_t r = random() >> 20;
    Access a = { .pde = random_entry(), .pte = random_entry() | TARGET };
    a.wp = mode & 1;
    a.smep = mode & 2;
    a.smap = mode & 4;
    a.pke = mode & 8;
    a.nxe = mode & 16;
    a.ac = r & 1;
    a.user = r & 2;
    a.pkru = r >> 2 & 3 & (r >> 4 & 3);
    a.kind = (r >> 8) % 3;
    a.pde |= r & 1 << 20 ? TARGET | LARGE | seldom(RESERVED_LARGE) : (uint64_t)pt;
    return a;
}

static bool same(const Outcome *a, const Outcome *b)
{
    return a->fault == b->fault && a->error == b->error && a->cr2 == b->cr2 && a->pde == b->pde &&
           a->pte == b->pte;
}

static void set_mode(unsigned mode)
{
    uint64_t cr0, cr4, efer = rdmsr(EFER);
    asm volatile("mov %%cr0, %0\n\tmov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
    cr0 = (cr0 & ~(uint64_t)CR0_WP) | (mode & 1 ? CR0_WP : 0);
    cr4 = (cr4 & ~(uint64_t)(CR4_SMEP | CR4_SMAP | CR4_PKE)) | (mode & 2 ? CR4_SMEP : 0) |
          (mode & 4 ? CR4_SMAP : 0) | (mode & 8 ? CR4_PKE : 0);
    asm volatile("mov %0, %%cr0\n\tmov %1, %%cr4" : : "r"(cr0), "r"(cr4) : "memory");
    wrmsr(EFER, (efer & ~(uint64_t)EFER_NXE) | (mode & 16 ? EFER_NXE : 0));
}

static unsigned sweep(unsigned mode, uint64_t times, unsigned shown)
{
    unsigned different = 0;
    set_mode(mode);
    for (uint64_t i = 0; i < times; i++) {
        Access a = random_access(mode);
        Outcome want = model(&a), got = look(&a);
        if (same(&want, &got)) {
            continue;
        }
        if (shown + different++ < SHOWN) {
            print("mode %x, level %u, kind %u, AC %u, PKRU %x, entries %X %X\n", mode, a.user ? 3 : 0, a.kind,
                  a.ac, a.pkru, a.pde, a.pte);
            print(" wanted: %u error %x at %X, entries %X %X\n", want.fault, want.error, want.cr2, want.pde,
                  want.pte);
            print(" got:    %u error %x at %X, entries %X %X\n", got.fault, got.error, got.cr2, got.pde,
                  got.pte);
        }
    }
    return different;
}

/* The number on the command line (PVH: hvm_start_info's cmdline_paddr at 24). */
static uint64_t how_often(void)
{
    const char *s = start_info ? (const char *)((const uint64_t *)start_info)[3] : 0;
    uint64_t n = 0;
    for (; s && *s; s++) {
        n = n * 16 + (*s <= '9' ? *s - '0' : *s - 'a' + 10);
    }
    return n ? n : OFTEN;
}

void main(void)
{
    unsigned different = 0;
    lib64_start();
    uint64_t times = how_often();
    *(volatile uint16_t *)TARGET = 0x31cd; /* int $49 */
    for (unsigned i = 0; i < WORDS; i++) {
        view[i] = i * 0x200000ull | P | W | U | A | D | LARGE;
    }
    tables[0] |= U;
    tables[ENTRIES + 1] = (uint64_t)pde_table | P | W | U;
    tables[ENTRIES + 2] = (uint64_t)view | P | W | U;
    asm volatile("mov %0, %%cr3" : : "r"(tables) : "memory");
    on_trap = over;
    for (unsigned mode = 0; mode < MODES; mode++) {
        different += sweep(mode, times, different);
    }
    set_mode(1);
    print("%u modes, differences: %u\n", MODES, different);
    print("done\n");
}

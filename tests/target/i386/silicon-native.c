/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child runs the trials of a batch, one after the other.  64-bit code is entered and left as silicon-direct.h says, and
 * where it faults by a signal, whose handler notes what the registers were.  Of other sizes each begins and ends with a
 * signal: the handler returns into the next one, with the registers, and the code and stack segments, of its own making.
 *
 * 32-bit code runs in the kernel's segment for it or one of the LDT, 16-bit code in one of the LDT (modify_ldt(2)).  Where
 * an address leads elsewhere it can hit no more than the child and the list of trials.
 *
 * Needs a host with AVX. */
#include "silicon.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "silicon-children.h"
#include "silicon-direct.h"
#include "target/i386/x87.h"
#include "util/bytes.h"

/* A jump to anywhere may make a loop: a piece that is still there at the second tick of the child's time has gone astray. */
enum { TICK_US = 10000, STACK = 1 << 16 };

static SiliconBatch *batch;
static SiliconDirect *direct;
static uint8_t *const code = (uint8_t *)(uintptr_t)SILICON_CODE;
static uint8_t *const data = (uint8_t *)(uintptr_t)SILICON_DATA;

static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

/* ---- in the child ---------------------------------------------------------------- */

static uint32_t code_base(const SiliconTrial *t)
{
    return silicon_segments[t->seg[SEG_CS]].base;
}

/* The state as XSAVE64 has it (SDM volume 1, "XSAVE Area"), which the kernel makes for a handler and loads behind it. */
enum {
    XSAVE_CONTROL = 0,
    XSAVE_STATUS = 2,
    XSAVE_TAGS = 4,
    XSAVE_OPCODE = 6,
    XSAVE_FIP = 8,
    XSAVE_FDP = 16,
    XSAVE_MXCSR = 24,
    XSAVE_ST = 32,
    XSAVE_XMM = 160,
    XSAVE_STATES = 512,
    XSAVE_UPPER = 576
};
enum { STATE_X87 = 1, STATE_SSE = 2, STATE_AVX = 4 };

static void take_x87(X87 *f, const uint8_t *area)
{
    memset(f, 0, sizeof(*f));
    f->fcw = load_le(area + XSAVE_CONTROL, 2);
    x87_set_status_word(f, load_le(area + XSAVE_STATUS, 2));
    f->tags = area[XSAVE_TAGS];
    f->fop = load_le(area + XSAVE_OPCODE, 2);
    f->fip = load_le(area + XSAVE_FIP, 8);
    f->fdp = load_le(area + XSAVE_FDP, 8);
    for (unsigned n = 0; n < 8; n++) {
        const uint8_t *r = area + XSAVE_ST + 16 * n;
        *x87_st(f, n) = (Fp80){ load_le(r, 8), load_le(r + 8, 2) };
    }
}

static void take_vectors(SiliconVectors *v, const uint8_t *area)
{
    bool upper = area[XSAVE_STATES] & STATE_AVX, lower = area[XSAVE_STATES] & STATE_SSE;
    memset(v, 0, sizeof(*v));
    memcpy(&v->mxcsr, area + XSAVE_MXCSR, 4);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(v->ymm[n], area + XSAVE_XMM + 16 * n, lower ? 16 : 0);
        memcpy(v->ymm[n] + 2, area + XSAVE_UPPER + 16 * n, upper ? 16 : 0);
    }
    v->x87.fcw = FCW_INIT;
    if (area[XSAVE_STATES] & STATE_X87) {
        take_x87(&v->x87, area);
    }
}

static void give_x87(const X87 *state, uint8_t *area)
{
    X87 f = *state;
    store_le(area + XSAVE_CONTROL, 2, f.fcw);
    store_le(area + XSAVE_STATUS, 2, x87_status_word(&f));
    store_le(area + XSAVE_TAGS, 2, f.tags);
    store_le(area + XSAVE_OPCODE, 2, f.fop);
    store_le(area + XSAVE_FIP, 8, f.fip);
    store_le(area + XSAVE_FDP, 8, f.fdp);
    for (unsigned n = 0; n < 8; n++) {
        store_le(area + XSAVE_ST + 16 * n, 8, x87_st(&f, n)->mantissa);
        store_le(area + XSAVE_ST + 16 * n + 8, 8, x87_st(&f, n)->exponent);
    }
}

static void give_vectors(const SiliconVectors *v, uint8_t *area)
{
    uint64_t upper = 0;
    give_x87(&v->x87, area);
    memcpy(area + XSAVE_MXCSR, &v->mxcsr, 4);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(area + XSAVE_XMM + 16 * n, v->ymm[n], 16);
        memcpy(area + XSAVE_UPPER + 16 * n, v->ymm[n] + 2, 16);
        upper |= v->ymm[n][2] | v->ymm[n][3];
    }
    area[XSAVE_STATES] &= ~STATE_AVX;
    area[XSAVE_STATES] |= STATE_X87 | STATE_SSE | (upper ? STATE_AVX : 0);
}

static void take(SiliconTrial *t, const mcontext_t *context)
{
    const greg_t *regs = context->gregs;
    SiliconResult *r = &t->after;
    take_vectors(&r->s.v, (const uint8_t *)context->fpregs);
    for (unsigned n = 0; n < 16; n++) {
        r->s.gpr[n] = regs[greg_of[n]];
    }
    r->s.flags = regs[REG_EFL];
    __asm__("mov %%ds, %0" : "=m"(r->s.selectors[SEG_DS]));
    __asm__("mov %%es, %0" : "=m"(r->s.selectors[SEG_ES]));
    __asm__("mov %%gs, %0" : "=m"(r->s.selectors[SEG_GS]));
    r->s.selectors[SEG_CS] = regs[REG_CSGSFS];
    r->s.selectors[SEG_SS] = regs[REG_CSGSFS] >> 48;
    r->vector = regs[REG_TRAPNO];
    r->error = regs[REG_ERR];
    r->address = r->vector == X86_EXC_PF ? (uint64_t)regs[REG_CR2] : 0;
    r->ip = (uint64_t)regs[REG_RIP] + code_base(t) - SILICON_CODE;
    memcpy(r->data, data, SILICON_PAGE);
    bool inside = r->ip < SILICON_PAGE; /* into other instructions, of any kind */
    t->strayed = t->leads_away && inside && r->ip != t->last;
}

/* The same of one that came to SILICON_EXIT. */
static void take_direct(SiliconTrial *t)
{
    SiliconResult *r = &t->after;
    take_vectors(&r->s.v, direct->area);
    memcpy(r->s.gpr, direct->gpr, sizeof(r->s.gpr));
    r->s.flags = direct->flags;
    r->s.selectors[SEG_DS] = direct->ds;
    r->s.selectors[SEG_ES] = direct->es;
    r->s.selectors[SEG_GS] = direct->gs;
    r->s.selectors[SEG_SS] = direct->ss;
    r->s.selectors[SEG_CS] = silicon_segments[t->seg[SEG_CS]].selector; /* no far jump leads there */
    r->vector = X86_EXC_BP;
    r->error = 0;
    r->address = 0;
    r->ip = t->length + 1;
    memcpy(r->data, data, SILICON_PAGE);
    t->strayed = t->leads_away;
}

/* A piece changes it by WRGSBASE, or by a selector. */
static void set_gs_base(bool now)
{
    static bool is_set;
    if (silicon_host()->fsgsbase) {
        __asm__ volatile("wrgsbase %0" : : "r"((uint64_t)SILICON_GS64));
    } else if (now || !is_set) {
        syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)SILICON_GS64);
        is_set = true;
    }
}

static void load_segments(const SiliconTrial *t)
{
    uint16_t ds = silicon_segments[t->seg[SEG_DS]].selector, es = silicon_segments[t->seg[SEG_ES]].selector;
    __asm__ volatile("mov %w0, %%ds\n\tmov %w1, %%es" : : "r"(ds), "r"(es));
    uint16_t gs = t->size == 8 ? 0 : silicon_segments[t->seg[SEG_GS]].selector, old;
    __asm__ volatile("mov %%gs, %w0" : "=r"(old));
    if (t->size != 8 || old) {
        __asm__ volatile("mov %w0, %%gs" : : "r"(gs));
    }
    if (t->size == 8) {
        set_gs_base(old);
    }
}

/* Code that is there already stays untouched: a processor that sees it written begins anew. */
static void place_memory(const SiliconTrial *t)
{
    if (memcmp(code, t->code, SILICON_BYTES)) {
        memcpy(code, t->code, SILICON_BYTES); /* what data it is, too */
    }
    memcpy(data, batch->data, SILICON_PAGE);
}

static void give(const SiliconTrial *t, mcontext_t *context)
{
    enum { FS_GS = 0xffff0000 };
    greg_t *regs = context->gregs;
    give_vectors(&t->before.v, (uint8_t *)context->fpregs);
    for (unsigned n = 0; n < 16; n++) {
        regs[greg_of[n]] = t->before.gpr[n];
    }
    regs[REG_EFL] = (regs[REG_EFL] & ~(greg_t)(SILICON_FLAGS | EFL_TF)) | t->before.flags;
    regs[REG_RIP] = SILICON_CODE - code_base(t);
    regs[REG_CSGSFS] = (regs[REG_CSGSFS] & (greg_t)FS_GS) | silicon_segments[t->seg[SEG_CS]].selector |
                       (greg_t)silicon_segments[t->seg[SEG_SS]].selector << 48;
    place_memory(t);
    load_segments(t);
}

static void give_direct(const SiliconTrial *t)
{
    give_vectors(&t->before.v, direct->area);
    memcpy(direct->gpr, t->before.gpr, sizeof(direct->gpr));
    const uint64_t frame[] = { SILICON_CODE, silicon_segments[t->seg[SEG_CS]].selector,
                               t->before.flags | EFL_FIXED, t->before.gpr[X86_RSP],
                               silicon_segments[t->seg[SEG_SS]].selector };
    memcpy(direct->frame, frame, sizeof(frame));
    place_memory(t);
    load_segments(t);
}

/* Back to the loop of the child. */
static void resume(mcontext_t *context)
{
    greg_t *regs = context->gregs;
    regs[REG_EFL] &= ~(greg_t)(SILICON_FLAGS | EFL_TF);
    regs[REG_RIP] = (greg_t)(uintptr_t)silicon_direct_resume;
    regs[REG_RSP] = direct->own_rsp; /* some hypervisors do not return to one that is not canonical */
    regs[REG_CSGSFS] = (regs[REG_CSGSFS] & (greg_t)0xffff0000) | silicon_segments[SILICON_CODE64].selector |
                       (greg_t)silicon_segments[SILICON_FLAT].selector << 48;
}

static bool is_direct(const SiliconTrial *t)
{
    return t->size == 8;
}

static void note_hung(void)
{
    SiliconTrial *t = &batch->trials[batch->at++];
    t->strayed = t->hung = true;
}

/* The next one that is worth running; NULL: that was all. */
static SiliconTrial *next_trial(void)
{
    while (batch->at < batch->count) {
        SiliconTrial *t = &batch->trials[batch->at];
        if (!t->again || !batch->at || !t[-1].hung) {
            return t;
        }
        note_hung();
    }
    return NULL;
}

static unsigned seen = SILICON_BATCH; /* at the tick before */

static bool is_astray(void)
{
    bool again = seen == batch->at;
    seen = batch->at;
    return again;
}

/* The kernel leaves AC to the handler, which is not made for it. */
static inline void clear_ac(void)
{
    __asm__ volatile("pushfq\n\tandl %0, (%%rsp)\n\tpopfq" : : "i"(~EFL_AC) : "memory", "cc");
}

static bool under_way; /* a trial is */

static void on_signal(int number, siginfo_t *info, void *context)
{
    clear_ac();
    mcontext_t *regs = &((ucontext_t *)context)->uc_mcontext;
    if (number == SIGVTALRM) {
        if (!under_way || !is_astray()) {
            return;
        }
        note_hung();
    } else if (under_way) {
        take(&batch->trials[batch->at++], regs);
    } else if (number != SIGTRAP) { /* a fault of this program */
        _exit(SILICON_CHILD_DIED);
    }
    const SiliconTrial *next = next_trial();
    under_way = next && !is_direct(next);
    if (under_way) {
        give(next, regs);
    } else {
        resume(regs);
    }
}

static void run_trials(void)
{
    SiliconTrial *t;
    while ((t = next_trial())) {
        if (!is_direct(t)) {
            silicon_direct_signal();
            continue;
        }
        give_direct(t);
        under_way = true;
        if (silicon_direct_enter()) {
            under_way = false;
            take_direct(t);
            batch->at++;
        }
    }
}

static bool make_segments(void)
{
    for (unsigned n = SILICON_LDT; n < SILICON_SEGS; n++) {
        const SiliconSegment *s = &silicon_segments[n];
        struct user_desc d = { .entry_number = n - SILICON_LDT,
                               .base_addr = s->base,
                               .limit = s->limit,
                               .seg_32bit = !!(s->attr & ATTR_DB),
                               .limit_in_pages = !!(s->attr & ATTR_G),
                               .read_exec_only = !(s->attr & ATTR_WRITABLE),
                               .contents = s->attr & ATTR_CODE   ? MODIFY_LDT_CONTENTS_CODE
                                           : s->attr & ATTR_DOWN ? MODIFY_LDT_CONTENTS_STACK
                                                                 : MODIFY_LDT_CONTENTS_DATA };
        if (syscall(SYS_modify_ldt, 1, &d, sizeof(d))) {
            return false;
        }
    }
    return true;
}

static void begin_child(void)
{
    stack_t stack = { .ss_sp = g_malloc(STACK), .ss_size = STACK };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    const int signals[] = { SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGVTALRM };
    const struct itimerval ticks = { { 0, TICK_US }, { 0, TICK_US } };
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    (void)*(volatile uint8_t *)(data + SILICON_PAGE); /* is present from now on, to be read */
    setitimer(ITIMER_VIRTUAL, &ticks, NULL);
}

static void run_in_child(void)
{
    run_trials();
    seen = SILICON_BATCH;
}

static const SiliconChild child = { begin_child, run_in_child };

/* ---- here -------------------------------------------------------------------------- */

static void *map(void *at, size_t bytes, int prot, int kind)
{
    void *p = mmap(at, bytes, prot, kind | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (p == MAP_FAILED) {
        g_error("no memory for the trials");
    }
    return p;
}

SiliconBatch *silicon_native_open(void)
{
    batch = map(NULL, sizeof(*batch), PROT_READ | PROT_WRITE, MAP_SHARED);
    map(code, SILICON_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
    map(data, SILICON_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    map(data + SILICON_PAGE, SILICON_PAGE, PROT_READ, MAP_PRIVATE);
    direct = silicon_direct_open();
    return batch;
}

static void run_from(SiliconBatch *b, unsigned at, bool alone)
{
    b->at = at;
    while (b->at < b->count) {
        if (!silicon_child_runs(&child, alone)) {
            note_hung();
        }
    }
}

/* Some hypervisors run processes of 64-bit code alone: a jump elsewhere is a #GP that names the segment. */
static bool runs(unsigned size)
{
    static const SiliconSeg code_of[] = {
        [2] = SILICON_LDT_CODE16, [4] = SILICON_CODE32, [8] = SILICON_CODE64
    };
    SiliconTrial *t = &batch->trials[0];
    memset(t, 0, sizeof(*t));
    memset(t->code, 0xcc, SILICON_BYTES); /* INT3 */
    memset(t->seg, SILICON_FLAT, X86_SEGS);
    t->size = size;
    t->seg[SEG_CS] = code_of[size];
    t->before.flags = EFL_IF;
    t->before.gpr[X86_RSP] = SILICON_DATA + SILICON_PAGE / 2;
    t->before.v.mxcsr = 0x1f80;
    x87_init(&t->before.v.x87);
    batch->count = 1;
    run_from(batch, 0, false);
    batch->count = 0;
    return !t->strayed && t->after.vector == X86_EXC_BP;
}

unsigned silicon_native_sizes(void)
{
    static unsigned sizes;
    if (!sizes) {
        g_assert_cmpuint(batch->count, ==, 0);
        bool segments = make_segments();
        sizes = runs(8) ? 8 : 0;
        sizes |= segments ? (runs(2) ? 2 : 0) | (runs(4) ? 4 : 0) : 0;
        g_assert_cmpuint(sizes & 8, !=, 0);
        if (!(sizes & 4)) {
            silicon_host_set_own_descriptors();
        }
    }
    return sizes;
}

void silicon_native_run(SiliconBatch *b)
{
    run_from(b, 0, false);
}

void silicon_native_rerun(SiliconBatch *b, unsigned n)
{
    unsigned count = b->count;
    b->count = n + 1;
    run_from(b, n, true);
    b->count = count;
}

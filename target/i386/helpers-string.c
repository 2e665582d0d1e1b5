/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repeated string instructions, a run of elements at a time: as many as lie in one page of the source and of the
 * destination, and within their segments.  RAM is worked on where it is in the host; devices, pages with code and watched
 * ones element by element.
 *
 * Registers say after each run what is done, so that a fault finds the elements before it done and rCX with those that
 * are left, and the instruction goes on from there; so do interrupts, which are looked for between runs.
 * Spec: SDM volume 2, REP/REPE/REPZ/REPNE/REPNZ; volume 1, "Fast-String Operation". */
#include "target/i386/helpers-priv.h"

#include <string.h>

#include "target/i386/tss.h"
#include "util/bytes.h"

enum { PAGE = 4096, MOST = 4096 /* elements of a run whose operands lie in no page */ };

typedef struct Rep {
    X86CPU *x;
    unsigned op, bytes, asz;
    X86SegId source; /* its segment */
    bool until_equal, down, plain;
    uint64_t mask; /* of addresses */
} Rep;

/* A run: where its first elements are, linear and in the host (NULL: not to be had). */
typedef struct Run {
    uint64_t count, source, destination;
    uint8_t *from, *to;
} Run;

static bool reads_source(const Rep *r)
{
    return r->op == REP_MOVS || r->op == REP_LODS || r->op == REP_CMPS || r->op == REP_OUTS;
}

static bool has_destination(const Rep *r)
{
    return r->op != REP_LODS && r->op != REP_OUTS;
}

static bool writes(const Rep *r)
{
    return r->op == REP_MOVS || r->op == REP_STOS || r->op == REP_INS;
}

static bool is_io(const Rep *r)
{
    return r->op == REP_INS || r->op == REP_OUTS;
}

static bool compares(const Rep *r)
{
    return r->op == REP_SCAS || r->op == REP_CMPS;
}

/* ---- how far a run may go ------------------------------------------------------------ */

/* Elements from an offset on that lie before an end, or down to a start. */
static uint64_t elements_in(const Rep *r, uint64_t offset, uint64_t low, uint64_t end)
{
    return r->down ? (offset - low) / r->bytes + 1 : (end - offset) / r->bytes;
}

/* Of one page. */
static uint64_t elements_in_page(const Rep *r, uint64_t linear)
{
    uint64_t page = linear & -(uint64_t)PAGE;
    return linear + r->bytes > page + PAGE ? 1 : elements_in(r, linear, page, page + PAGE);
}

/* Where the operand in a register is; count: of elements that may follow it there. */
static uint64_t locate(const Rep *r, X86SegId seg, unsigned reg, bool write, uint64_t *count)
{
    X86CPU *x = r->x;
    uint64_t offset = x->s.gpr[reg] & r->mask, linear = offset;
    if (x86_64bit(x)) {
        linear += seg == SEG_FS || seg == SEG_GS ? x->s.seg[seg].base : 0;
    } else {
        const X86Bounds *b = &x->bounds[seg];
        linear = x86_segment_linear(x, seg, offset, r->bytes, write);
        *count = MIN(*count, elements_in(r, offset, b->low, write ? b->wr_end : b->rd_end));
    }
    if (r->asz != 8) { /* and before the address wraps */
        uint64_t end = offset + r->bytes > r->mask + 1 ? offset + r->bytes : r->mask + 1;
        *count = MIN(*count, elements_in(r, offset, 0, end));
    }
    *count = MIN(*count, elements_in_page(r, linear));
    X86Fault f = { 0 };
    x86_helper_done(x, x86_check_alignment(x, linear, r->bytes, &f), &f);
    return linear;
}

/* The host address of the run's lowest element. */
static uint8_t *direct(const Rep *r, uint64_t linear, uint64_t count, MmuAccess access)
{
    uint64_t low = r->down ? linear - (count - 1) * r->bytes : linear;
    unsigned bytes = count * r->bytes;
    if ((low & (PAGE - 1)) + bytes > PAGE) {
        return NULL;
    }
    uint8_t *p = cpu_direct_host(&r->x->cpu, low, bytes, access);
    return p && r->down ? p + (count - 1) * r->bytes : p;
}

static void begin_source(const Rep *r, Run *run)
{
    if (reads_source(r)) {
        run->source = locate(r, r->source, X86_RSI, false, &run->count);
        cpu_probe(&r->x->cpu, run->source, r->bytes, MMU_READ);
    }
}

static void begin_destination(const Rep *r, Run *run)
{
    if (has_destination(r)) {
        run->destination = locate(r, SEG_ES, X86_RDI, writes(r), &run->count);
        cpu_probe(&r->x->cpu, run->destination, r->bytes, writes(r) ? MMU_WRITE : MMU_READ);
    }
}

/* Faults of its first element leave, in the order that the processor has (CMPS, on Zen 3: the destination's first). */
static Run next_run(const Rep *r, uint64_t left)
{
    Run run = { .count = is_io(r) ? 1 : MIN(left, MOST) };
    if (r->op == REP_CMPS) {
        begin_destination(r, &run);
        begin_source(r, &run);
    } else {
        begin_source(r, &run);
        begin_destination(r, &run);
    }
    if (is_io(r)) { /* an element at a time, wherever it is */
        return run;
    }
    if (reads_source(r)) {
        run.from = direct(r, run.source, run.count, MMU_READ);
    }
    if (has_destination(r)) {
        run.to = direct(r, run.destination, run.count, writes(r) ? MMU_WRITE : MMU_READ);
    }
    bool all = (run.from || !reads_source(r)) && (run.to || !has_destination(r));
    if (!all) {
        run.from = run.to = NULL;
        run.count = 1;
    }
    return run;
}

/* ---- runs in the host's memory ---------------------------------------------------------- */

static int64_t step(const Rep *r)
{
    return r->down ? -(int64_t)r->bytes : r->bytes;
}

/* Where an element overlaps one that was written before it is read, in their order. */
static void copy_in_order(const Rep *r, uint8_t *to, const uint8_t *from, uint64_t count)
{
    for (; count; count--, to += step(r), from += step(r)) {
        store_le(to, r->bytes, load_le(from, r->bytes));
    }
}

static void copy(const Rep *r, const Run *run)
{
    uint64_t bytes = run->count * r->bytes;
    uint8_t *to = run->to;
    const uint8_t *from = run->from;
    if (r->down) {
        to -= bytes - r->bytes;
        from -= bytes - r->bytes;
    }
    uint64_t ahead = r->down ? from - to : to - from; /* of what is read, writes are so far */
    if (ahead - 1 >= bytes) {
        memmove(to, from, bytes);
    } else {
        copy_in_order(r, run->to, run->from, run->count);
    }
}

static void fill(const Rep *r, const Run *run)
{
    enum { BLOCK = 64 };
    uint8_t *to = r->down ? run->to - (run->count - 1) * r->bytes : run->to, block[BLOCK];
    uint64_t value = r->x->s.gpr[X86_RAX], bytes = run->count * r->bytes;
    if (r->bytes == 1) {
        memset(to, value, bytes);
        return;
    }
    for (unsigned n = 0; n < BLOCK; n += r->bytes) {
        store_le(block + n, r->bytes, value);
    }
    for (; bytes >= BLOCK; bytes -= BLOCK, to += BLOCK) {
        memcpy(to, block, BLOCK);
    }
    memcpy(to, block, bytes);
}

/* ---- comparisons in the host's memory --------------------------------------------------- */

/* Of two pieces of memory: how many bytes are the same before the first that differ. */
static uint64_t same_bytes(const uint8_t *a, const uint8_t *b, uint64_t bytes)
{
    uint64_t n = 0;
    for (; n + 8 <= bytes; n += 8) {
        uint64_t differ = load_le(a + n, 8) ^ load_le(b + n, 8);
        if (differ) {
            return n + __builtin_ctzll(differ) / 8;
        }
    }
    while (n < bytes && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* How many elements stand before the first one that is (or is not) the value. */
static uint64_t elements_before(const Rep *r, const Run *run, uint64_t value)
{
    uint64_t n = 0;
    if (r->bytes == 1 && r->until_equal) {
        const uint8_t *found = memchr(run->to, value, run->count);
        return found ? (uint64_t)(found - run->to) : run->count;
    }
    while (n < run->count && (load_le(run->to + n * r->bytes, r->bytes) == value) != r->until_equal) {
        n++;
    }
    return n;
}

/* Elements at the start of a run that do not end the comparison; there may be more. */
static uint64_t undecided(const Rep *r, const Run *run, uint64_t value)
{
    if (!run->to || r->down) {
        return 0;
    }
    if (r->op == REP_SCAS) {
        return elements_before(r, run, value);
    }
    return r->until_equal ? 0 : same_bytes(run->from, run->to, run->count * r->bytes) / r->bytes;
}

/* ---- elements, wherever they are ---------------------------------------------------------- */

static uint64_t element(const Rep *r, const uint8_t *host, uint64_t linear)
{
    return host ? load_le(host, r->bytes) : cpu_load(&r->x->cpu, linear, __builtin_ctz(r->bytes));
}

static uint64_t low_bytes(const Rep *r, uint64_t value)
{
    return value & UINT64_MAX >> (64 - 8 * r->bytes);
}

/* Compare until it is decided; how many elements were looked at.  *a and *b: the last two. */
static uint64_t compare(const Rep *r, const Run *run, uint64_t *a, uint64_t *b)
{
    *a = low_bytes(r, r->x->s.gpr[X86_RAX]);
    uint64_t n = MIN(undecided(r, run, *a), run->count - 1);
    do {
        int64_t by = step(r) * (int64_t)n;
        if (r->op == REP_CMPS) {
            *a = element(r, run->from ? run->from + by : NULL, run->source + by);
        }
        *b = element(r, run->to ? run->to + by : NULL, run->destination + by);
        n++;
    } while (n < run->count && (*a == *b) != r->until_equal);
    return n;
}

static void load_last(const Rep *r, const Run *run)
{
    int64_t by = step(r) * (int64_t)(run->count - 1);
    uint64_t value = element(r, run->from ? run->from + by : NULL, run->source + by);
    uint64_t *rax = &r->x->s.gpr[X86_RAX];
    *rax = r->bytes >= 4 ? value : (*rax & ~low_bytes(r, UINT64_MAX)) | value;
}

static void move_one(const Rep *r, const Run *run)
{
    CPU *cpu = &r->x->cpu;
    MemOp mop = __builtin_ctz(r->bytes);
    uint64_t value = r->op == REP_STOS ? r->x->s.gpr[X86_RAX] : cpu_load(cpu, run->source, mop);
    cpu_store(cpu, run->destination, mop, value);
}

static void move_port(const Rep *r, const Run *run)
{
    CPU *cpu = &r->x->cpu;
    uint16_t port = r->x->s.gpr[X86_RDX];
    MemOp mop = __builtin_ctz(r->bytes);
    if (r->op == REP_INS) {
        cpu_store(cpu, run->destination, mop, x86_port_read(cpu, port, r->bytes));
    } else {
        x86_port_write(cpu, port, r->bytes, cpu_load(cpu, run->source, mop));
    }
}

/* ---- registers ------------------------------------------------------------------------------ */

static void add(const Rep *r, unsigned reg, int64_t by)
{
    uint64_t *g = &r->x->s.gpr[reg], sum = *g + by;
    *g = r->asz == 2 ? (*g & ~r->mask) | (sum & r->mask) : sum & r->mask;
}

static void advance(const Rep *r, uint64_t done)
{
    if (reads_source(r)) {
        add(r, X86_RSI, step(r) * (int64_t)done);
    }
    if (has_destination(r)) {
        add(r, X86_RDI, step(r) * (int64_t)done);
    }
    if (!r->plain) {
        add(r, X86_RCX, -(int64_t)done);
    }
}

/* One run; false: a comparison has ended the instruction. */
static bool do_run(const Rep *r, const Run *run)
{
    uint64_t a, b, done = run->count;
    bool goes_on = true;
    if (compares(r)) {
        done = compare(r, run, &a, &b);
        goes_on = (a == b) != r->until_equal;
        r->x->s.cc = (X86Cc){ a, b, CC_SUB | (uint64_t)__builtin_ctz(r->bytes) << CC_SIZE_SHIFT };
    } else if (is_io(r)) {
        move_port(r, run);
    } else if (r->op == REP_LODS) {
        load_last(r, run);
    } else if (!run->to) {
        move_one(r, run);
    } else if (r->op == REP_MOVS) {
        copy(r, run);
    } else {
        fill(r, run);
    }
    advance(r, done);
    return goes_on;
}

/* An interrupt that comes shows RF, lest the instruction meets its own breakpoint when it goes on. */
static void leave_if_asked(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    if (__atomic_load_n(&cpu->exit_request, __ATOMIC_RELAXED)) {
        x->s.eflags |= x->s.dr7 & DR7_ENABLES ? EFL_RF : 0;
        cpu_restore_pc(cpu);
        cpu_loop_exit(cpu);
    }
}

static Rep rep_of(X86CPU *x, uint32_t what)
{
    unsigned asz = what >> REP_ASZ_SHIFT & 15;
    return (Rep){ .x = x,
                  .op = what & REP_OP,
                  .bytes = 1u << (what >> REP_SIZE_SHIFT & 3),
                  .asz = asz,
                  .mask = UINT64_MAX >> (64 - 8 * asz),
                  .source = what >> REP_SEG_SHIFT & 7,
                  .until_equal = what & REP_UNTIL_EQUAL,
                  .down = x->s.eflags & EFL_DF,
                  .plain = what & REP_PLAIN };
}

static uint64_t helper_repeat(CPU *cpu, uint32_t what)
{
    X86CPU *x = x86_cpu(cpu);
    Rep r = rep_of(x, what);
    uint64_t left;
    while ((left = r.plain ? 1 : x->s.gpr[X86_RCX] & r.mask)) {
        Run run = next_run(&r, what & REP_ONE ? 1 : left);
        bool more = do_run(&r, &run) && !r.plain && (x->s.gpr[X86_RCX] & r.mask);
        if (!more || what & REP_ONE) {
            return more;
        }
        leave_if_asked(cpu);
    }
    return 0;
}
const IrHelper x86_helper_repeat =
    IR_HELPER1("x86_repeat", helper_repeat, IRH_FAULT | IRH_READS | IRH_WRITES | IRH_REPEAT, I64, I32);

/* Of no elements the port is asked for, too. */
static uint64_t helper_repeat_io(CPU *cpu, uint32_t what)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_io_check(x, x->s.gpr[X86_RDX], 1u << (what >> REP_SIZE_SHIFT & 3), &f), &f);
    return helper_repeat(cpu, what);
}
const IrHelper x86_helper_repeat_io = IR_HELPER1("x86_repeat_io", helper_repeat_io, X86_HELPER_SYS, I64, I32);

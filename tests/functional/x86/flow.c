/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Five levels of pages, IRETQ in its forms, steps over what changes TF, calls of the hypervisor, strings over the end of a page.
 * expect: five levels: 0 failed
 * expect: IRET: 0 failed
 * expect: steps: 0 failed
 * expect: VMCALL of level 3: fine
 * expect: calls of the hypervisor: 0 failed
 * expect: strings: 0 failed
 * expect: done */
#include "checks.h"

/* ---- five levels: there and back by compatibility mode without paging ------------------------------ */

static uint64_t level5[ENTRIES] __attribute__((aligned(4096))),
    level4[ENTRIES] __attribute__((aligned(4096))), level3[ENTRIES] __attribute__((aligned(4096)));
extern const char toggle_la57[], back_in_64[];
asm(".pushsection .text\n"
    ".globl toggle_la57\n"
    "toggle_la57:\n\t" /* rdi: the tables; at level 0 */
    "mov %rdi, %rsi\n\tmov %rsp, %rdi\n\tpush $0x18\n\tlea 1f(%rip), %rax\n\tpush %rax\n\tlretq\n\t"
    ".code32\n1:\tmov $0x10, %eax\n\tmov %eax, %ss\n\tmov %cr0, %eax\n\tbtr $31, %eax\n\tmov %eax, %cr0\n\t"
    "mov %cr4, %eax\n\txor $0x1000, %eax\n\tmov %eax, %cr4\n\tmov %esi, %cr3\n\t"
    "mov %cr0, %eax\n\tbts $31, %eax\n\tmov %eax, %cr0\n\tljmp $8, $back_in_64\n\t"
    ".code64\nback_in_64:\n\tmov %rdi, %rsp\n\tret\n"
    ".popsection");
void toggle(uint64_t *root);
asm(".pushsection .text\n\ttoggle:\n\tpush %rbx\n\tpush %rbp\n\tcall toggle_la57\n\tpop %rbp\n\tpop %rbx\n\tret\n.popsection");
RUNS(read_place, "mov (%0), %%rax", "D"(where))
RUNS(read_low, "mov (%0), %%al", "D"(where))

static void of_five_levels(void)
{
    enum { FAR_INDEX = 0x55 };
    const uint64_t far = (uint64_t)FAR_INDEX << 48;
    if (!(cpuid(7, 0).c >> 16 & 1)) {
        CHECK("the model has five levels", false);
        over("five levels");
        return;
    }
    level5[0] = (uint64_t)tables | P | W;
    level5[FAR_INDEX] = (uint64_t)level4 | P | W;
    level4[0] = (uint64_t)level3 | P | W;
    level3[0] = (uint64_t)tables + 0; /* replaced below */
    level3[0] = tables[ENTRIES];
    toggle(level5);
    CHECK("CR4 has LA57", read_cr4() & CR4_LA57);
    value = 0x1122334455667788;
    where = far + (uint64_t)&value;
    CHECK("a read through five levels", *(volatile uint64_t *)where == 0x1122334455667788);
    CHECK("accessed bits of all levels", (level5[FAR_INDEX] & A) && (level4[0] & A) && (level3[0] & A));
    where = 0x0100000000000000; /* bit 56 without bit 63 */
    CHECK("beyond 57 bits", FAULTS(read_place, GP, 0));
    where = 0x00ffffffffffffff;
    CHECK("the last byte of the lower half", FAULTS(read_low, PF, 0) && last_cr2 == where);
    where = NOT_CANONICAL;
    CHECK("what four levels do not have", FAULTS(read_place, PF, 0) && last_cr2 == where);
    CHECK("LSTAR of 57 bits", msr_keeps(LSTAR, 0xff00000000000000) && msr_keeps(LSTAR, NOT_CANONICAL));
    CHECK("LSTAR beyond them", msr_refuses(LSTAR, 0x0100000000000000));
    level5[FAR_INDEX] |= LARGE;
    where = far;
    asm volatile("invlpg (%0)" : : "r"(where));
    CHECK("PS at level 5 is reserved", FAULTS(read_place, PF, 9));
    level5[FAR_INDEX] = 0;
    asm volatile("invlpg (%0)" : : "r"(where));
    CHECK("nothing at level 5", FAULTS(read_place, PF, 0));
    CHECK("LA57 off in long mode", refuses(write_cr4, read_cr4() & ~(uint64_t)CR4_LA57));
    toggle(tables);
    CHECK("CR4 is without it", !(read_cr4() & CR4_LA57));
    where = NOT_CANONICAL;
    CHECK("not canonical again", FAULTS(read_place, GP, 0));
}

/* ---- IRET ------------------------------------------------------------------------------------- */

/* A frame that an IRETQ takes, with room for that of its exception below; if it is taken the function returns. */
static uint64_t room[256] __attribute__((aligned(16)));
#define FRAME (room + 200)
uint64_t rsp_before_iret;
extern const char the_iret[], behind_iret[];
void take_frame(void);
asm(".pushsection .text\n"
    "take_frame:\n\tmov %rsp, rsp_before_iret\n\tlea room + 1600(%rip), %rsp\n"
    "the_iret:\tiretq\n"
    "behind_iret:\n\tmov rsp_before_iret, %rsp\n\tret\n"
    ".popsection");

static void set_frame(uint64_t rip, uint64_t cs, uint64_t rsp, uint64_t ss)
{
    const uint64_t all[5] = { rip, cs, 2, rsp, ss };
    for (unsigned i = 0; i < 5; i++) {
        ((volatile uint64_t *)FRAME)[i] = all[i];
    }
}

/* The fault is the instruction's, with the stack as it was. */
static bool iret_refuses(long vector, uint64_t error)
{
    return attempt(take_frame) == vector && last_trap.error == error && last_trap.rip == (uint64_t)the_iret &&
           last_trap.rsp == (uint64_t)FRAME && last_trap.cs == SEL_CODE && last_trap.ss == SEL_DATA;
}
static bool iret_is_refused(uint64_t rip, uint64_t cs, uint64_t rsp, uint64_t ss, long vector, uint64_t error)
{
    set_frame(rip, cs, rsp, ss);
    return iret_refuses(vector, error);
}

RUNS(with_nt, "pushf\n\torl %0, (%%rsp)\n\tpopf\n\tcall take_frame", "i"(NT))

/* NMIs to itself.  One that is sent in their handler waits until the next IRET, though it faults. */
static volatile unsigned nmis, nmis_before_iret, nmis_behind_iret;
static void send_nmi(void)
{
    ((volatile uint32_t *)0xfee00310)[0] = 0;
    ((volatile uint32_t *)0xfee00300)[0] = 0x4400 | 1 << 18;
    for (volatile unsigned i = 0; i < 1000; i++) {
    }
}
static bool count_nmi(Frame *f)
{
    if (f->vector != NMI) {
        return false;
    }
    if (nmis++ == 0) {
        send_nmi();
        nmis_before_iret = nmis;
        set_frame((uint64_t)behind_iret, 0, 0, SEL_DATA);
        attempt(take_frame);
        nmis_behind_iret = nmis;
    }
    return true;
}

static void of_iret(void)
{
    const uint64_t there = (uint64_t)behind_iret, stack = (uint64_t)(room + 240);
    set_frame(there, SEL_CODE, stack, SEL_DATA);
    CHECK("it is taken", attempt(take_frame) < 0);
    set_frame(there, SEL_CODE, stack, 0);
    CHECK("a null SS at level 0", attempt(take_frame) < 0);
    uint64_t data = SEL_DATA;
    asm volatile("mov %w0, %%ss" : : "r"(data));
    CHECK("a null CS", iret_is_refused(there, 0, stack, SEL_DATA, GP, 0));
    CHECK("a null SS with another RPL", iret_is_refused(there, SEL_CODE, stack, 3, GP, 0));
    CHECK("data as CS", iret_is_refused(there, SEL_DATA, stack, SEL_DATA, GP, SEL_DATA));
    CHECK("CS beyond the limit", iret_is_refused(there, 0x7ff8, stack, SEL_DATA, GP, 0x7ff8));
    CHECK("CS of RPL 3 and DPL 0", iret_is_refused(there, SEL_CODE | 3, stack, SEL_DATA3, GP, SEL_CODE));
    CHECK("CS of DPL 3 and RPL 0",
          iret_is_refused(there, SEL_CODE3 & ~3, stack, SEL_DATA, GP, SEL_CODE3 & ~3));
    CHECK("SS of level 3", iret_is_refused(there, SEL_CODE, stack, SEL_DATA3, GP, SEL_DATA3 & ~3));
    CHECK("a null SS at level 3", iret_is_refused(there, SEL_CODE3, stack, 3, GP, 0));
    CHECK("code as SS", iret_is_refused(there, SEL_CODE, stack, SEL_CODE, GP, SEL_CODE));
    CHECK("RIP of no address", iret_is_refused(NOT_CANONICAL, SEL_CODE, stack, SEL_DATA, GP, 0));
    CHECK("EIP beyond the code's limit", iret_is_refused(1ull << 32, SEL_CODE32, stack, SEL_DATA, GP, 0));
    gdt[SEL_FREE / 8] = 0x00af1b000000ffff; /* 64-bit code, not present */
    CHECK("CS that is not present", iret_is_refused(there, SEL_FREE, stack, SEL_DATA, NP, SEL_FREE));
    gdt[SEL_FREE / 8] = 0x00ef9b000000ffff; /* L and D */
    CHECK("CS with L and D", iret_is_refused(there, SEL_FREE, stack, SEL_DATA, GP, SEL_FREE));
    gdt[SEL_FREE / 8] = 0x00cf13000000ffff; /* data, not present */
    CHECK("SS that is not present", iret_is_refused(there, SEL_CODE, stack, SEL_FREE, SS_FAULT, SEL_FREE));
    set_frame(there, SEL_CODE, stack, SEL_DATA);
    CHECK("NT in long mode", FAULTS(with_nt, GP, 0) && last_trap.rip == (uint64_t)the_iret);
    on_trap = count_nmi;
    send_nmi();
    CHECK("an NMI", nmis > 0);
    CHECK("another waits in its handler", nmis_before_iret == 1);
    CHECK("an IRET lets it through, though it faults", nmis_behind_iret == 2 && nmis == 2);
    on_trap = NULL;
}

/* ---- steps ---------------------------------------------------------------------------------------- */

enum { STEPS = 16 };
static uint64_t steps[STEPS];
static unsigned step_count;
static bool note_step(Frame *f)
{
    if (f->vector != DB) {
        return false;
    }
    if (step_count < STEPS) {
        steps[step_count++] = f->rip;
    }
    uint64_t dr6 = 0xffff0ff0;
    asm volatile("mov %0, %%dr6" : : "r"(dr6));
    return true;
}
#define TF_ON "pushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t"
#define TF_OFF "pushf\n\tandl $~0x100, (%%rsp)\n\tpopf\n\t"

extern const char s_popf[], s_popf_behind[], s_call[], s_syscall_to[];

static void of_steps(void)
{
    on_trap = note_step;
    /* IRETQ whose frame sets TF: the step is behind the instruction that it leads to */
    asm volatile(
        "mov %%rsp, %%rcx\n\tmov %%ss, %%eax\n\tpush %%rax\n\tpush %%rcx\n\tpushf\n\torl $0x100, (%%rsp)\n\t"
        "push $8\n\tlea s_iret_to(%%rip), %%rax\n\tpush %%rax\n\ts_iret: iretq\n\tud2\n\t"
        ".globl s_iret_to\n\ts_iret_to: nop\n\ts_popf: " TF_OFF "s_popf_behind: nop"
        :
        :
        : "rax", "rcx", "memory", "cc");
    CHECK("IRET that sets TF", step_count && steps[0] == (uint64_t)s_popf);
    CHECK("POPF that clears it steps once more", step_count == 4 && steps[3] == (uint64_t)s_popf_behind);
    step_count = 0;
    /* IRETQ under TF that keeps it: a step at its target */
    asm volatile(
        "mov %%rsp, %%rcx\n\tmov %%ss, %%eax\n\tpush %%rax\n\tpush %%rcx\n\tpushf\n\torl $0x100, (%%rsp)\n\t"
        "push $8\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\t" TF_ON "iretq\n\tud2\n\t"
        "1: nop\n\t.globl s_call\n\ts_call: " TF_OFF
        :
        :
        : "rax", "rcx", "memory", "cc");
    CHECK("IRET under TF",
          step_count == 5 && steps[0] == (uint64_t)s_call - 1 && steps[1] == (uint64_t)s_call);
    step_count = 0;
    /* SYSCALL under TF: cleared by FMASK no step, else one at its target; SYSRET that loads TF steps there */
    uint64_t efer = rdmsr(EFER);
    wrmsr(EFER, efer | 1);
    wrmsr(STAR, (uint64_t)SEL_CODE << 32);
    wrmsr(LSTAR, (uint64_t)s_syscall_to);
    for (unsigned masked = 0; masked < 2; masked++) {
        wrmsr(FMASK, masked ? TF : 0);
        asm volatile(TF_ON "syscall\n\tud2\n\t.globl s_syscall_to\n\ts_syscall_to: nop\n\t" TF_OFF
                     :
                     :
                     : "rax", "rcx", "r11", "memory", "cc");
        if (masked) {
            CHECK("SYSCALL that masks TF makes no step", step_count == 0);
        } else {
            CHECK("SYSCALL under TF", step_count == 5 && steps[0] == (uint64_t)s_syscall_to);
        }
        step_count = 0;
    }
    wrmsr(EFER, efer);
    on_trap = NULL;
}

/* ---- others ------------------------------------------------------------------------------------------ */

static uint64_t call(uint64_t n, bool amd)
{
    uint64_t r = n;
    if (amd) {
        asm volatile("vmmcall" : "+a"(r) : "b"(0ul), "c"(0ul), "d"(0ul), "S"(0ul) : "memory");
    } else {
        asm volatile("vmcall" : "+a"(r) : "b"(0ul), "c"(0ul), "d"(0ul), "S"(0ul) : "memory");
    }
    return r;
}
RUNS(call_of_level_3, "vmcall\n\tcmp $-1, %%rax\n\tje 1f\n\tud2\n\t1:", "i"(0))

static void of_calls(void)
{
    Cpuid kvm = cpuid(0x40000000, 0);
    CHECK("KVM's name", kvm.b == 0x4b4d564b && kvm.c == 0x564b4d56 && kvm.d == 0x4d);
    CHECK("VMCALL that is not there", call(99, false) == (uint64_t)-1000);
    CHECK("VMMCALL that is not there", call(9, true) == (uint64_t)-1000);
    CHECK("VMCALL, interrupts", call(1, false) == 0);
    open_to_user();
    tell_user("VMCALL of level 3", call_of_level_3);
}

RUNS(stos, "mov $64, %%ecx\n\trep stosb", "D"(where))
RUNS(ins, "mov $64, %%ecx\n\tmov $0x80, %%edx\n\trep insb", "D"(where))
RUNS(store, "mov %%rax, (%0)", "D"(where))

static void of_strings(void)
{
    static uint8_t from[64], to[64];
    uint64_t rcx, rsi, rdi, rax;
    for (unsigned i = 0; i < 64; i++) {
        from[i] = i;
    }
    /* the second page is not there: so far and no further, with registers that go on */
    const uint64_t edge = 31ul << 21;
    uint64_t *entry = &tables[2 * ENTRIES + 31], old = *entry;
    *entry = 0;
    asm volatile("invlpg (%0)" : : "r"(edge));
    where = edge - 16;
    CHECK("REP STOS into a page that is not there",
          FAULTS(stos, PF, 2) && last_cr2 == edge && last_trap.rcx == 48 && last_trap.rdi == edge);
    CHECK("REP INS into it",
          FAULTS(ins, PF, 2) && last_cr2 == edge && last_trap.rcx == 48 && last_trap.rdi == edge);
    where = edge - 4;
    CHECK("a store over both",
          FAULTS(store, PF, 2) && last_cr2 == edge && *(volatile uint32_t *)where == 0xffffffff);
    *entry = old;
    asm volatile("invlpg (%0)" : : "r"(edge));
    rcx = 1ull << 32;
    rsi = (uint64_t)from;
    rdi = (uint64_t)to;
    asm volatile("addr32 rep movsb" : "+c"(rcx), "+S"(rsi), "+D"(rdi) : : "memory");
    CHECK("ECX of 0 is none", rsi == (uint64_t)from && rdi == (uint64_t)to);
    rcx = 10;
    rsi = (uint64_t)from;
    rdi = (uint64_t)from + 1;
    asm volatile("repe cmpsb" : "+c"(rcx), "+S"(rsi), "+D"(rdi) : : "memory", "cc");
    CHECK("REPE CMPSB ends behind the first that differs", rcx == 9 && rsi == (uint64_t)from + 1);
    rcx = 64;
    rdi = (uint64_t)from;
    rax = 7;
    asm volatile("repne scasb" : "+c"(rcx), "+D"(rdi) : "a"(rax) : "cc");
    CHECK("REPNE SCASB", rcx == 56 && rdi == (uint64_t)from + 8);
    rdi = (uint64_t)to;
    rcx = 3;
    asm volatile("rep insb" : "+c"(rcx), "+D"(rdi) : "d"(0x80) : "memory");
    CHECK("REP INSB of nothing is ones",
          rcx == 0 && rdi == (uint64_t)to + 3 && ((volatile uint8_t *)to)[2] == 0xff);
}

void main(void)
{
    lib64_start();
    map_apic();
    value = read_cr4() | 0x600;
    write_cr4(); /* SSE */
    of_five_levels();
    over("five levels");
    of_iret();
    over("IRET");
    of_steps();
    over("steps");
    of_calls();
    over("calls of the hypervisor");
    of_strings();
    over("strings");
    print("done\n");
}

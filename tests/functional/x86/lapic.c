/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC as a kernel sees it: registers, IA32_APIC_BASE, x2APIC, priorities, its timer in all modes, messages to itself.
 * Spec: SDM 3, "Advanced Programmable Interrupt Controller (APIC)".
 * expect: registers: 0 failed
 * expect: its address: 0 failed
 * expect: priorities: 0 failed
 * expect: errors: 0 failed
 * expect: timer: 0 failed
 * expect: deadline: 0 failed
 * expect: x2APIC: 0 failed
 * expect: done */
#include "checks.h"

enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LVT_ERROR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0
};
enum {
    LOW = 0x21,
    MIDDLE = 0x25,
    HIGH = 0x2a,
    ERROR = 0x2c,
    MASKED = 1 << 16,
    PERIODIC = 1 << 17,
    BY_DEADLINE = 2 << 17
};
enum { SELF = 0x40000, APIC_BASE = 0x1b, TSC = 0x10, DEADLINE = 0x6e0, X2_FIRST = 0x800 };
#define REGISTERS 0xfee00000ull

static volatile unsigned taken[64], order[8], order_count;
static volatile bool keeps_in_service;

static uint32_t get(unsigned at)
{
    return *(volatile uint32_t *)(REGISTERS + at);
}
static void set(unsigned at, uint32_t v)
{
    *(volatile uint32_t *)(REGISTERS + at) = v;
}
static bool keeps(unsigned at, uint32_t wrote, uint32_t reads)
{
    uint32_t before = get(at);
    set(at, wrote);
    bool same = get(at) == reads;
    set(at, before);
    return same;
}
static bool bit_of(unsigned at, unsigned vector)
{
    return get(at + vector / 32 * 16) >> vector % 32 & 1;
}

/* The stubs have their vectors on the stack as those of exceptions; 32 on are interrupts. */
static bool take(Frame *f)
{
    if (f->vector < 32 || f->vector == USER_END) {
        return false;
    }
    taken[f->vector]++;
    if (order_count < 8) {
        order[order_count++] = f->vector;
    }
    if (!keeps_in_service) {
        set(EOI, 0);
    }
    return true;
}

/* Interrupts come in while they are open. */
static void open(void)
{
    asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}
static void self(unsigned vector)
{
    set(ICR, SELF | vector);
}
static void forget(void)
{
    for (unsigned i = 0; i < 64; i++) {
        taken[i] = 0;
    }
    order_count = 0;
}
/* Until it is taken; the end of patience is far beyond any load. */
static bool waits_for(unsigned vector)
{
    for (uint64_t i = 0; i < 200000000 && !taken[vector]; i++) {
        open();
    }
    return taken[vector];
}

static void of_registers(void)
{
    CHECK("version",
          (get(VERSION) & 0xff) >= 0x10 && (get(VERSION) & 0xff) <= 0x15 && (get(VERSION) >> 16 & 0xff) >= 3);
    CHECK("this is the bootstrap processor", rdmsr(APIC_BASE) >> 8 & 1);
    CHECK("its ID is CPUID's", get(ID) >> 24 == cpuid(1, 0).b >> 24);
    CHECK("TPR", keeps(TPR, 0xffffffff, 0xff));
    CHECK("LDR has its upper byte", keeps(LDR, 0xffffffff, 0xff000000));
    CHECK("DFR has its upper bits", keeps(DFR, 0, 0x0fffffff));
    CHECK("ICR's upper half", keeps(ICR_HIGH, 0xffffffff, 0xff000000));
    CHECK("version cannot be written", keeps(VERSION, 0, get(VERSION)));
    CHECK("the divider", keeps(DIVIDE, 0xffffffff, 0xb));
    CHECK("current count cannot be written", keeps(CURRENT, 1234, 0));
    CHECK("LVT of the timer", keeps(LVT_TIMER, MASKED | PERIODIC | 0x40, MASKED | PERIODIC | 0x40));
    CHECK("LVT of errors", keeps(LVT_ERROR, MASKED | 0x41, MASKED | 0x41));
    set(LVT_TIMER, 0x40);
    set(SVR, 0xff);
    CHECK("software's switch masks the LVT", get(LVT_TIMER) & MASKED);
    set(LVT_TIMER, 0x40);
    CHECK("and it stays so", get(LVT_TIMER) & MASKED);
    set(SVR, 0x1ff);
    CHECK("until it is unmasked", (get(LVT_TIMER) & MASKED) && keeps(LVT_TIMER, 0x40, 0x40));
}

static void of_address(void)
{
    uint64_t base = rdmsr(APIC_BASE);
    CHECK("it is where it is said to be", (base & 0xfffff000) == REGISTERS && (base >> 11 & 1));
    CHECK("low bits are reserved", msr_refuses(APIC_BASE, base | 1) && msr_refuses(APIC_BASE, base | 1 << 7));
    CHECK("bit 9 is reserved", msr_refuses(APIC_BASE, base | 1 << 9));
    CHECK("addresses have an end", msr_refuses(APIC_BASE, base | 1ull << (cpuid(0x80000008, 0).a & 0xff)));
    uint32_t version = get(VERSION);
    wrmsr(APIC_BASE, base & ~(1ull << 11));
    CHECK("switched off it does not answer", get(VERSION) == 0xffffffff);
    CHECK("from off there is no way to x2APIC", msr_refuses(APIC_BASE, base | 1 << 10));
    CHECK("x2APIC without being on", msr_refuses(APIC_BASE, (base & ~(1ull << 11)) | 1 << 10));
    wrmsr(APIC_BASE, base);
    CHECK("it is back", get(VERSION) == version);
    CHECK("off and on is a reset", get(SVR) == 0xff && get(LVT_TIMER) == MASKED);
    set(SVR, 0x1ff);
    wrmsr(APIC_BASE, (base & 0xfff) | 0x30000000);
    CHECK("it moves", *(volatile uint32_t *)(0x30000000ull + VERSION) == version);
    wrmsr(APIC_BASE, base);
}

static void of_priorities(void)
{
    set(TPR, 0x20);
    CHECK("PPR is TPR", get(PPR) == 0x20);
    self(LOW);
    open();
    CHECK("TPR holds its own class off", !taken[LOW] && bit_of(IRR, LOW));
    set(TPR, 0x1f);
    open();
    CHECK("and lets the next through", taken[LOW] == 1 && !bit_of(IRR, LOW) && !bit_of(ISR, LOW));
    value = 2;
    write_cr8();
    CHECK("CR8 is TPR", get(TPR) == 0x20);
    set(TPR, 0x50);
    CHECK("TPR is CR8", read_cr8() == 5);
    set(TPR, 0);
    forget();
    self(LOW);
    self(HIGH);
    self(MIDDLE);
    self(LOW);
    CHECK("they wait", bit_of(IRR, LOW) && bit_of(IRR, MIDDLE) && bit_of(IRR, HIGH));
    asm volatile("sti\n\tnop\n\tnop\n\tnop\n\tnop\n\tcli" : : : "memory");
    CHECK("the highest first, each once",
          order_count == 3 && order[0] == HIGH && order[1] == MIDDLE && order[2] == LOW);
    forget();
    keeps_in_service = true;
    self(HIGH);
    open();
    keeps_in_service = false;
    CHECK("in service", bit_of(ISR, HIGH) && get(PPR) == (HIGH & 0xf0));
    self(LOW);
    open();
    CHECK("holds its class off", !taken[LOW]);
    set(EOI, 0);
    open();
    CHECK("until its end", taken[LOW] == 1 && get(PPR) == 0);
    forget();
    set(ICR, 0x80000 | 0x22); /* all with itself */
    open();
    CHECK("to all", taken[0x22] == 1);
    set(ICR_HIGH, 0xff000000);
    set(ICR, 0x23);
    open();
    CHECK("to all by the broadcast ID", taken[0x23] == 1);
    set(LDR, 0x04000000);
    set(DFR, 0xffffffff);
    set(ICR_HIGH, 0x06000000);
    set(ICR, 1 << 11 | 0x24);
    open();
    CHECK("to a set of them", taken[0x24] == 1);
    set(ICR_HIGH, 0x03000000);
    set(ICR, 1 << 11 | 0x24);
    open();
    CHECK("not to another set", taken[0x24] == 1);
    set(DFR, 0x0fffffff);
    set(LDR, 0x21000000);
    set(ICR_HIGH, 0x23000000);
    set(ICR, 1 << 11 | 0x24);
    open();
    CHECK("to one of a cluster", taken[0x24] == 2);
    set(ICR_HIGH, 0x13000000);
    set(ICR, 1 << 11 | 0x24);
    open();
    CHECK("not to another cluster", taken[0x24] == 2);
    set(DFR, 0xffffffff);
    CHECK("ICR is never busy", !(get(ICR) >> 12 & 1));
}

static void of_errors(void)
{
    set(ESR, 0);
    set(ESR, 0);
    CHECK("none", get(ESR) == 0);
    set(LVT_ERROR, ERROR);
    forget();
    self(5);
    set(ESR, 0);
    CHECK("a vector below 16 is an error of who sends", get(ESR) & 1 << 5);
    CHECK("its interrupt", waits_for(ERROR));
    set(ESR, 0);
    CHECK("it is read once", get(ESR) == 0);
    set(LVT_TIMER, 3);
    set(LVT_ERROR, MASKED);
    set(LVT_TIMER, MASKED);
    set(ESR, 0);
}

static void of_timer(void)
{
    forget();
    set(DIVIDE, 0xb); /* by 1 */
    set(LVT_TIMER, LOW);
    set(INITIAL, 100000);
    CHECK("it counts", get(CURRENT) <= 100000);
    CHECK("one shot", waits_for(LOW));
    CHECK("is over", get(CURRENT) == 0 && get(INITIAL) == 100000);
    forget();
    set(LVT_TIMER, PERIODIC | LOW);
    set(INITIAL, 10000);
    for (unsigned i = 0; i < 3; i++) {
        taken[LOW] = 0;
        CHECK("periodic", waits_for(LOW));
    }
    set(INITIAL, 0);
    open();
    forget();
    CHECK("a count of 0 stops it", get(CURRENT) == 0);
    set(LVT_TIMER, MASKED | LOW);
    set(INITIAL, 1000);
    for (unsigned i = 0; i < 1000000 && get(CURRENT); i++) {
    }
    open();
    CHECK("masked it counts and is not heard", get(CURRENT) == 0 && !taken[LOW]);
    set(LVT_TIMER, LOW);
    open();
    CHECK("what was masked is over", !taken[LOW]);
    set(LVT_TIMER, MASKED | LOW);
    set(INITIAL, 0xffffffff);
    uint32_t first = get(CURRENT);
    set(LVT_TIMER, MASKED | PERIODIC | LOW);
    uint32_t second = get(CURRENT);
    CHECK("another mode leaves the count", second && second <= first);
    set(INITIAL, 0);
}

static void of_deadline(void)
{
    forget();
    CHECK("CPUID has it", cpuid(1, 0).c >> 24 & 1);
    set(LVT_TIMER, LOW);
    wrmsr(DEADLINE, 1);
    CHECK("in another mode it is not kept", rdmsr(DEADLINE) == 0);
    set(LVT_TIMER, BY_DEADLINE | LOW);
    set(INITIAL, 1000);
    CHECK("a count has no effect", get(CURRENT) == 0);
    wrmsr(DEADLINE, rdmsr(TSC) + 100000);
    CHECK("one that comes", waits_for(LOW) && rdmsr(DEADLINE) == 0);
    forget();
    wrmsr(DEADLINE, 1);
    CHECK("one that has passed", waits_for(LOW) && rdmsr(DEADLINE) == 0);
    forget();
    uint64_t far = rdmsr(TSC) + (1ull << 50);
    wrmsr(DEADLINE, far);
    CHECK("one far away is kept", rdmsr(DEADLINE) == far);
    wrmsr(DEADLINE, 0);
    open();
    CHECK("0 takes it away", !taken[LOW] && rdmsr(DEADLINE) == 0);
    wrmsr(DEADLINE, far);
    set(LVT_TIMER, LOW);
    CHECK("another mode takes it away", rdmsr(DEADLINE) == 0);
    set(LVT_TIMER, MASKED);
}

static void of_x2apic(void)
{
    uint64_t base = rdmsr(APIC_BASE);
    uint32_t id = get(ID) >> 24;
    CHECK("CPUID has it", cpuid(1, 0).c >> 21 & 1);
    set(LVT_TIMER, MASKED | LOW);
    wrmsr(APIC_BASE, base | 1 << 10);
    CHECK("memory does not answer", get(VERSION) == 0xffffffff);
    CHECK("its ID", rdmsr(X2_FIRST + 2) == id && cpuid(11, 0).d == id);
    CHECK("LVT is as before", rdmsr(X2_FIRST + 0x32) == (MASKED | LOW));
    CHECK("LDR follows from the ID", rdmsr(X2_FIRST + 0xd) == ((id >> 4) << 16 | 1u << (id & 15)));
    CHECK("LDR cannot be written", msr_refuses(X2_FIRST + 0xd, 1));
    CHECK("ID cannot be written", msr_refuses(X2_FIRST + 2, 1));
    number = X2_FIRST + 0xe;
    CHECK("no DFR", FAULTS(read_msr, GP, 0));
    number = X2_FIRST + 0x31;
    CHECK("no upper half of ICR", FAULTS(read_msr, GP, 0) && msr_refuses(X2_FIRST + 0x31, 0));
    number = X2_FIRST + 0xb;
    CHECK("EOI cannot be read", FAULTS(read_msr, GP, 0));
    CHECK("EOI takes 0 alone", msr_refuses(X2_FIRST + 0xb, 1));
    CHECK("ESR takes 0 alone", msr_refuses(X2_FIRST + 0x28, 1));
    number = X2_FIRST + 0x3f;
    CHECK("SELF IPI cannot be read", FAULTS(read_msr, GP, 0));
    CHECK("upper halves are reserved",
          msr_refuses(X2_FIRST + 8, 1ull << 32) && msr_refuses(X2_FIRST + 0x32, 1ull << 32));
    CHECK("TPR's reserved bits", msr_refuses(X2_FIRST + 8, 0x100));
    CHECK("ISR cannot be written", msr_refuses(X2_FIRST + 0x10, 0));
    number = X2_FIRST + 4;
    CHECK("what is not there", FAULTS(read_msr, GP, 0) && msr_refuses(X2_FIRST + 4, 0));
    CHECK("back to xAPIC there is no way", msr_refuses(APIC_BASE, base));
    forget();
    on_trap = NULL;
    wrmsr(X2_FIRST + 0x3f, MIDDLE);
    CHECK("SELF IPI", rdmsr(X2_FIRST + 0x21) >> (MIDDLE & 31) & 1);
    wrmsr(X2_FIRST + 0x30, (uint64_t)id << 32 | HIGH);
    CHECK("by its ID", rdmsr(X2_FIRST + 0x21) >> (HIGH & 31) & 1);
    CHECK("ICR is one register", rdmsr(X2_FIRST + 0x30) == ((uint64_t)id << 32 | HIGH));
    wrmsr(APIC_BASE, base & ~(1ull << 11));
    wrmsr(APIC_BASE, base);
    CHECK("by off it is xAPIC again", get(ID) >> 24 == id && !(get(IRR + 0x10)));
}

void main(void)
{
    lib64_start();
    map_apic();
    on_trap = take;
    set(SVR, 0x1ff);
    of_registers();
    over("registers");
    of_address();
    over("its address");
    of_priorities();
    over("priorities");
    of_errors();
    over("errors");
    of_timer();
    over("timer");
    of_deadline();
    over("deadline");
    of_x2apic();
    over("x2APIC");
    print("done\n");
}

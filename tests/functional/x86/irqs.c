/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts on the board microvm,pcie=on, in 64-bit mode, wherever its controllers are: with two processors and a virtio-rng-pci.
 * expect: pit by the pic: 3 ticks
 * expect: pit by the i/o apic: 3 ticks
 * expect: rtc by the i/o apic: 3 ticks
 * expect: masked: no tick
 * expect: level: asked again until its reason was gone, then silent
 * expect: apic timer: once
 * expect: to itself: 2
 * expect: started by INIT and SIPI: 1, again: 2
 * expect: msi-x: masked 0, pending 1, then 1
 * expect: msi-x: 10 requests, 10 messages
 * expect: from level 3: 3 ticks, cs 33
 * expect: done */
#include "print.h"
#include "virtq.h"

enum { PIC_BASE = 0x20, TICK = 0x30, RTC, SERIAL, TIMER, SELF, MESSAGE, VECTORS = 0x40 };
enum {
    ID = 0x20,
    EOI = 0xb0,
    SVR = 0xf0,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    INITIAL = 0x380,
    DIVIDE = 0x3e0
};
enum { MASKED = 1 << 16, LEVEL = 1 << 15 };
enum { COM1 = 0x3f8, IER = 1, THRE_INTERRUPT = 2 };

extern uint64_t gdt[], recover, tables[];
extern const char stub_table[], irq_stubs[];
long attempt(void (*fn)(void));

typedef struct Frame {
    uint64_t saved[9], vector, rip, cs, rflags, rsp, ss;
} Frame;

static uint64_t idt[VECTORS][2] __attribute__((aligned(16))),
    top_directory[512] __attribute__((aligned(4096)));
static volatile uint32_t taken[VECTORS], seen_cs;

static uint32_t get(uint64_t at)
{
    return *(volatile uint32_t *)at;
}
static void set(uint64_t at, uint32_t v)
{
    *(volatile uint32_t *)at = v;
}
static void apic(unsigned reg, uint32_t v)
{
    set(0xfee00000 + reg, v);
}
static void ioapic(unsigned index, uint32_t v)
{
    set(0xfec00000, index);
    set(0xfec00010, v);
}
static void route(unsigned pin, uint32_t low)
{
    ioapic(0x10 + 2 * pin + 1, 0); /* to processor 0 */
    ioapic(0x10 + 2 * pin, low);
}

/* ---- interrupts come --------------------------------------------------------------------- */

asm(".balign 16\n"
    "irq_common:\n\t"
    "push %rax\n\tpush %rcx\n\tpush %rdx\n\tpush %rsi\n\tpush %rdi\n\tpush %r8\n\tpush %r9\n\tpush %r10\n\tpush %r11\n\t"
    "mov %rsp, %rdi\n\tcld\n\tcall interrupt\n\t"
    "pop %r11\n\tpop %r10\n\tpop %r9\n\tpop %r8\n\tpop %rdi\n\tpop %rsi\n\tpop %rdx\n\tpop %rcx\n\tpop %rax\n\t"
    "add $8, %rsp\n\tiretq\n"
    ".balign 16\nirq_stubs:\n"
    ".set v, 0x20\n.rept 0x20\n.balign 16\n\tpush $v\n\tjmp irq_common\n.set v, v + 1\n.endr");

void interrupt(Frame *f);
void interrupt(Frame *f)
{
    taken[f->vector]++;
    seen_cs = f->cs & 3 ? f->cs : seen_cs;
    if (f->vector == PIC_BASE) {
        outb(0x20, 0x20);
        return;
    }
    if (f->vector == RTC) {
        outb(0x70, 0x0c);
        inb(0x71);
    } else if (f->vector == SERIAL && taken[SERIAL] == 3) {
        outb(COM1 + IER, 0);
    }
    apic(EOI, 0);
}

long trap_taken(const uint64_t *frame);
long trap_taken(const uint64_t *frame)
{
    if (!recover) {
        print("unexpected: vector %u at %X\n", (uint32_t)frame[1], frame[3]);
        halt();
    }
    return frame[1];
}

static void set_gate(unsigned vector, uint64_t at)
{
    idt[vector][0] = (at & 0xffff) | 8 << 16 | (uint64_t)0x8e << 40 | (at >> 16 & 0xffff) << 48;
    idt[vector][1] = at >> 32;
}

static void set_up(void)
{
    for (unsigned i = 0; i < 0x20; i++) {
        set_gate(i, (uint64_t)stub_table + 16 * i);
        set_gate(0x20 + i, (uint64_t)irq_stubs + 16 * i);
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = { sizeof(idt) - 1, (uint64_t)idt };
    asm volatile("lidt %0" : : "m"(idtr));
    for (unsigned i = 0; i < 512; i++) {
        top_directory[i] = (UINT64_C(3) << 30 | (uint64_t)i << 21) | 0x93; /* not cached */
    }
    tables[512 + 3] = (uint64_t)top_directory | 3;
    static const uint8_t words[] = { 0x11, PIC_BASE, 4, 1 };
    for (unsigned i = 0; i < sizeof(words); i++) {
        outb(i ? 0x21 : 0x20, words[i]);
        outb(i ? 0xa1 : 0xa0, i == 1 ? PIC_BASE + 8 : i == 2 ? 2 : words[i]);
    }
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

static void wait_for(unsigned vector, uint32_t count)
{
    while (taken[vector] < count) {
        asm volatile("cli");
        if (taken[vector] < count) {
            asm volatile("sti\n\thlt");
        }
    }
    asm volatile("cli");
}

/* What is on its way comes.  A KVM that interprets level 0 looks for interrupts now and then only. */
static void let_in(void)
{
    asm volatile("sti");
    for (unsigned i = 0; i < 1000; i++) {
        asm volatile("pause");
    }
    asm volatile("cli");
}

static void mask(unsigned pin, uint32_t low)
{
    route(pin, low | MASKED);
    let_in();
}

/* ---- timers ---------------------------------------------------------------------------------- */

static void start_pit(void)
{
    outb(0x43, 0x34);
    outb(0x40, 0xa9); /* 1193: every millisecond */
    outb(0x40, 0x04);
}

static void timers(void)
{
    start_pit();
    outb(0x21, 0xfe);
    wait_for(PIC_BASE, 3);
    outb(0x21, 0xff);
    print("pit by the pic: 3 ticks\n");

    apic(SVR, 0x1ff);
    route(2, TICK);
    wait_for(TICK, 3);
    print("pit by the i/o apic: 3 ticks\n");
    mask(2, TICK);

    outb(0x70, 0x0a);
    outb(0x71, 0x26); /* every 976 us */
    outb(0x70, 0x0b);
    outb(0x71, 0x42);
    route(8, RTC); /* before register C lets the line fall: an edge at a masked pin may be lost */
    outb(0x70, 0x0c);
    inb(0x71);
    taken[TICK] = 0;
    wait_for(RTC, 3);
    mask(8, RTC);
    print("rtc by the i/o apic: 3 ticks\n");
    print("masked: %s\n", taken[TICK] ? "a tick" : "no tick");
}

/* The line stays high until its interrupt is off: each end of interrupt asks again.  It does not halt: a KVM that interprets level 0
 * tells an I/O APIC in another place of the end when the processor runs again, and its own has been seen to send one more. */
static void levels(void)
{
    route(4, SERIAL | LEVEL);
    outb(COM1 + IER, THRE_INTERRUPT);
    while (taken[SERIAL] < 3) {
        let_in();
    }
    mask(4, SERIAL | LEVEL);
    uint32_t asked = taken[SERIAL];
    let_in();
    print("level: asked %s, then %s\n",
          asked == 3 || asked == 4 ? "again until its reason was gone" : "wrongly",
          taken[SERIAL] == asked ? "silent" : "again");
}

static void local(void)
{
    apic(DIVIDE, 0xb);
    apic(LVT_TIMER, TIMER);
    apic(INITIAL, 100000);
    wait_for(TIMER, 1);
    print("apic timer: once\n");
    for (unsigned i = 1; i <= 2; i++) {
        apic(ICR, 1 << 18 | SELF);
        wait_for(SELF, i);
    }
    print("to itself: %u\n", taken[SELF]);
}

/* ---- the other processor ------------------------------------------------------------------------ */

enum { TRAMPOLINE = 0x8000, STARTS = 0x9000 };
asm(".code16\nap: xor %ax, %ax\n\tmov %ax, %ds\n\tlock incl 0x9000\n\tcli\n1:\thlt\n\tjmp 1b\nap_end:\n.code64");
extern const uint8_t ap[], ap_end[];

static void start_other(uint32_t starts)
{
    apic(ICR_HIGH, 1 << 24);
    apic(ICR, 0x4500);
    apic(ICR_HIGH, 1 << 24);
    apic(ICR, 0x4600 | TRAMPOLINE >> 12);
    while (get(STARTS) < starts) {
        asm volatile("pause");
    }
}

static void processors(void)
{
    for (unsigned i = 0; i < ap_end - ap; i++) {
        ((volatile uint8_t *)TRAMPOLINE)[i] = ap[i];
    }
    set(STARTS, 0);
    start_other(1);
    print("started by INIT and SIPI: %u", get(STARTS));
    start_other(2);
    print(", again: %u\n", get(STARTS));
}

/* ---- messages of a device -------------------------------------------------------------------------- */

enum { ECAM = 0xe0008000, BAR4 = 0xc0000000, BAR1 = 0xc0100000, NOTIFY = BAR4 + 0x3000 };
static VirtQueueRings ring;
static uint8_t bytes[64];

static void set16(uint64_t at, uint16_t v)
{
    *(volatile uint16_t *)at = v;
}
static void set8(uint64_t at, uint8_t v)
{
    *(volatile uint8_t *)at = v;
}

static unsigned find_msix(void)
{
    unsigned at = get(ECAM + 0x34) & 0xff;
    while (at && (get(ECAM + at) & 0xff) != 0x11) {
        at = get(ECAM + at) >> 8 & 0xff;
    }
    return at;
}

static void set_up_device(void)
{
    set(ECAM + 0x14, BAR1);
    set(ECAM + 0x20, BAR4);
    set(ECAM + 0x24, 0);
    set16(ECAM + 4, 6);
    set(ECAM + find_msix(), 0x80000000 | 0x11);
    set(BAR1 + 0x10, 0xfee00000);
    set(BAR1 + 0x14, 0);
    set(BAR1 + 0x18, MESSAGE);
    static const uint8_t steps[] = { 0, 1, 3 };
    for (unsigned i = 0; i < sizeof(steps); i++) {
        set8(BAR4 + 0x14, steps[i]);
    }
    set(BAR4 + 8, 1);
    set(BAR4 + 12, 1); /* VERSION_1 */
    set8(BAR4 + 0x14, 11);
    set16(BAR4 + 0x16, 0);
    set16(BAR4 + 0x18, QUEUE);
    set16(BAR4 + 0x1a, 1);
    const uint64_t parts[] = { (uint64_t)ring.desc, (uint64_t)&ring.avail_flags, (uint64_t)&ring.used_index };
    for (unsigned i = 0; i < 3; i++) {
        set(BAR4 + 0x20 + 8 * i, parts[i]);
        set(BAR4 + 0x24 + 8 * i, 0);
    }
    set16(BAR4 + 0x1c, 1);
    set8(BAR4 + 0x14, 15);
}

static void request(void)
{
    ring.desc[0].addr = (uint64_t)bytes;
    ring.desc[0].bytes = sizeof(bytes);
    ring.desc[0].flags = VIRTQ_WRITE;
    ring.avail[ring.avail_index % QUEUE] = 0;
    asm volatile("" : : : "memory");
    ring.avail_index++;
    asm volatile("" : : : "memory");
    set16(NOTIFY, 0);
}

static void wait_used(uint16_t index)
{
    while (((volatile uint32_t *)&ring.used_index)[0] >> 16 != index) {
        asm volatile("pause");
    }
}

static void messages(void)
{
    set_up_device();
    set(BAR1 + 0x1c, 1);
    request();
    wait_used(1);
    while (!get(BAR1 + 0x800)) { /* behind the ring's index */
    }
    let_in();
    print("msi-x: masked %u, pending %u, ", taken[MESSAGE], get(BAR1 + 0x800) >> 1);
    set(BAR1 + 0x1c, 0);
    wait_for(MESSAGE, 1);
    print("then %u\n", taken[MESSAGE]);
    taken[MESSAGE] = 0;
    for (unsigned i = 1; i <= 10; i++) {
        request();
        wait_for(MESSAGE, i);
    }
    print("msi-x: 10 requests, %u messages\n", taken[MESSAGE]);
}

/* ---- from level 3 ------------------------------------------------------------------------------------ */

enum { SEL_TSS = 0x38, U = 4 };
static struct __attribute__((packed)) {
    uint32_t reserved;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, iomap;
} tss;
static uint8_t user_stack[4096] __attribute__((aligned(16))), kernel_stack[4096] __attribute__((aligned(16)));
asm("user_code:\n1:\tcmpl $3, (%rdi)\n\tjb 1b\n\tud2");
extern const char user_code[];

static void to_user(void)
{
    asm volatile("push $0x2b\n\tpush %0\n\tpush $0x202\n\tpush $0x33\n\tpush %1\n\tiretq"
                 :
                 : "r"(user_stack + sizeof(user_stack)), "r"(user_code), "D"(&taken[TICK])
                 : "memory");
}

static void from_user(void)
{
    uint64_t at = (uint64_t)&tss;
    for (unsigned i = 0; i < 8; i++) {
        tables[1024 + i] |= U;
    }
    tables[0] |= U;
    tables[512] |= U;
    asm volatile("mov %0, %%cr3" : : "r"(tables));
    gdt[SEL_TSS / 8] =
        (sizeof(tss) - 1) | (at & 0xffffff) << 16 | (uint64_t)0x89 << 40 | (at >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = at >> 32;
    tss.rsp[0] = (uint64_t)kernel_stack + sizeof(kernel_stack);
    asm volatile("ltr %w0" : : "r"(SEL_TSS));
    taken[TICK] = 0;
    route(2, TICK);
    attempt(to_user);
    mask(2, TICK);
    print("from level 3: %u ticks, cs %x\n", taken[TICK] < 3 ? taken[TICK] : 3, seen_cs);
}

void main(void)
{
    set_up();
    timers();
    levels();
    local();
    processors();
    messages();
    from_user();
    print("done\n");
}

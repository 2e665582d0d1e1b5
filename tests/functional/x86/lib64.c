/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib64.h"

uint64_t idt[64][2] __attribute__((aligned(16)));
Tss64 tss;
Frame last_trap;
uint64_t last_frame_at;
bool (*on_trap)(Frame *f);
extern uint64_t recover, trapped;
extern const char lib64_stubs[];

long trap_met(Frame *f);
long trap_met(Frame *f)
{
    if (on_trap && on_trap(f)) {
        return 0;
    }
    asm volatile("mov %%cr2, %0" : "=r"(last_cr2));
    for (unsigned i = 0; i < sizeof(*f); i++) { /* not with a string instruction */
        ((volatile uint8_t *)&last_trap)[i] = ((const uint8_t *)f)[i];
    }
    last_frame_at = (uint64_t)f;
    trapped = f->vector;
    if (!recover) {
        print("unexpected: vector %u error %x at %X\n", (uint32_t)f->vector, (uint32_t)f->error, f->rip);
        halt();
    }
    return 1;
}

static void tell_of(const char *name, long vector)
{
    if (vector < 0 || vector == USER_END) {
        print("%s: fine\n", name);
        return;
    }
    print("%s: vector %u error %x", name, (uint32_t)vector, (uint32_t)last_trap.error);
    if (vector == 14) {
        print(" at %X", last_cr2);
    }
    print("\n");
}

void tell(const char *name, void (*fn)(void))
{
    tell_of(name, attempt(fn));
}

static void (*user_fn)(void);
static void call_user(void)
{
    enter_user(user_fn);
}

void tell_user(const char *name, void (*fn)(void))
{
    user_fn = fn;
    tell_of(name, attempt(call_user));
}

void set_gate(unsigned vector, uint64_t to, unsigned dpl, unsigned ist)
{
    idt[vector][0] = (to & 0xffff) | SEL_CODE << 16 | (uint64_t)ist << 32 |
                     (uint64_t)(0x8e | dpl << 5) << 40 | (to >> 16 & 0xffff) << 48;
    idt[vector][1] = to >> 32;
}

void open_to_user(void)
{
    tables[0] |= U;
    tables[ENTRIES] |= U;
    for (unsigned i = 0; i < ENTRIES; i++) {
        tables[2 * ENTRIES + i] |= U;
    }
    asm volatile("mov %0, %%cr3" : : "r"(tables) : "memory");
}

void lib64_start(void)
{
    for (unsigned i = 0; i < 64; i++) {
        set_gate(i, (uint64_t)lib64_stubs + 16 * i, i == USER_END ? 3 : 0, 0);
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = { sizeof(idt) - 1, (uint64_t)idt };
    uint64_t at = (uint64_t)&tss;
    gdt[SEL_TSS / 8] =
        (sizeof(tss) - 1) | (at & 0xffffff) << 16 | (uint64_t)0x89 << 40 | (at >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = at >> 32;
    tss.iomap = sizeof(tss);
    outb(0x21, 0xff); /* the PIC's */
    asm volatile("lidt %0\n\tltr %w1" : : "m"(idtr), "r"(SEL_TSS));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib.h"

/* ---- descriptors ---- */

uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
uint64_t idt[64] __attribute__((aligned(16)));
Tss tss;

uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    uint32_t low = (limit & 0xffff) | base << 16;
    uint32_t high =
        (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | (uint32_t)flags << 20 | (base & 0xff000000);
    return (uint64_t)high << 32 | low;
}

uint64_t gate(uint16_t selector, uint32_t offset, uint8_t access)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)access << 40 |
           (uint64_t)(offset >> 16) << 48;
}

/* ---- exceptions ---- */

Frame last_trap;
uint32_t last_cr2;
bool (*on_trap)(Frame *f);
extern uint32_t recover, trapped;
extern const char stub_table[];

int trap_taken(Frame *f);
int trap_taken(Frame *f)
{
    if (on_trap && on_trap(f)) {
        return 0;
    }
    asm volatile("mov %%cr2, %0" : "=r"(last_cr2));
    for (unsigned i = 0; i < sizeof(*f); i++) { /* not with a string instruction */
        ((volatile uint8_t *)&last_trap)[i] = ((const uint8_t *)f)[i];
    }
    trapped = f->vector;
    if (!recover) {
        print("unexpected: vector %u error %x at %x\n", f->vector, f->error, f->eip);
        halt();
    }
    return 1;
}

static void tell_of(const char *name, int vector)
{
    if (vector < 0 || vector == USER_END) {
        print("%s: fine\n", name);
    } else if (vector == 14) {
        print("%s: vector 14 error %x at %x\n", name, last_trap.error, last_cr2);
    } else {
        print("%s: vector %u error %x\n", name, vector, last_trap.error);
    }
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

void lib_start(void);
void lib_start(void)
{
    enum { FLAT = 0xfffff, BIG = 0xc };
    gdt[SEL_CODE / 8] = descriptor(0, FLAT, 0x9b, BIG);
    gdt[SEL_DATA / 8] = descriptor(0, FLAT, 0x93, BIG);
    gdt[SEL_CODE3 / 8] = descriptor(0, FLAT, 0xfb, BIG);
    gdt[SEL_DATA3 / 8] = descriptor(0, FLAT, 0xf3, BIG);
    gdt[SEL_TSS / 8] = descriptor((uint32_t)&tss, sizeof(tss) - 1, 0x89, 0);
    tss.ss0 = SEL_DATA;
    tss.iomap = sizeof(tss) << 16;
    for (unsigned i = 0; i < 64; i++) {
        idt[i] = gate(SEL_CODE, (uint32_t)stub_table + 16 * i, i == USER_END ? 0xee : 0x8e);
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint32_t base;
    } gdtr = { sizeof(gdt) - 1, (uint32_t)gdt }, idtr = { sizeof(idt) - 1, (uint32_t)idt };
    asm volatile("lgdt %0\n\tlidt %1\n\tljmp %2, $1f\n1:\n\t"
                 "mov %3, %%ds\n\tmov %3, %%es\n\tmov %3, %%ss\n\tmov %3, %%fs\n\tmov %3, %%gs\n\tltr %w4"
                 :
                 : "m"(gdtr), "m"(idtr), "i"(SEL_CODE), "r"(SEL_DATA), "r"(SEL_TSS)
                 : "memory");
}

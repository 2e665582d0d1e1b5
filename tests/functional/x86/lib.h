/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What payloads share: local APICs, descriptors, exceptions that end a function. */
#pragma once
#include "print.h"

static inline uint32_t apic_read(uint32_t reg)
{
    return *(volatile uint32_t *)(0xfee00000 + reg);
}
static inline void apic_write(uint32_t reg, uint32_t v)
{
    *(volatile uint32_t *)(0xfee00000 + reg) = v;
}

/* ---- descriptors ---- */

enum {
    SEL_CODE = 0x08,
    SEL_DATA = 0x10,
    SEL_CODE3 = 0x1b,
    SEL_DATA3 = 0x23,
    SEL_TSS = 0x28,
    SEL_FREE = 0x30
};
enum { GDT_ENTRIES = 32 };
extern uint64_t gdt[GDT_ENTRIES], idt[64];
uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);
uint64_t gate(uint16_t selector, uint32_t offset, uint8_t access);
typedef struct Tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt, iomap;
} Tss;
extern Tss tss;

/* ---- exceptions ---- */

typedef struct Frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, user_esp, user_ss;
} Frame;
extern Frame last_trap;
extern uint32_t last_cr2;
/* The function runs; its exception's vector, or -1. */
int attempt(void (*fn)(void));
/* Called for vectors first, true: it was for it, and the program goes on. */
extern bool (*on_trap)(Frame *f);
/* Tell what became of it: "name: vector 13 error 10". */
void tell(const char *name, void (*fn)(void));
/* The same at level 3, where it ends with vector 49 if with no exception. */
void enter_user(void (*fn)(void));
void tell_user(const char *name, void (*fn)(void));
enum { USER_END = 49 };

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 64-bit payloads share: descriptors, page tables, exceptions that end a function or are looked at. */
#pragma once
#include "print.h"

enum {
    SEL_CODE = 0x08,
    SEL_DATA = 0x10,
    SEL_CODE32 = 0x18,
    SEL_CODE32_3 = 0x23,
    SEL_DATA3 = 0x2b,
    SEL_CODE3 = 0x33,
    SEL_TSS = 0x38,
    SEL_FREE = 0x48 /* six words */
};
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, LARGE = 0x80 };
#define NX (1ull << 63)
enum { USER_END = 49, ENTRIES = 512 };

extern uint64_t gdt[], start_info;
extern uint64_t tables[]; /* of three levels: the first GiB, in pages of 2 MiB, is itself */
extern uint64_t idt[64][2];
typedef struct __attribute__((packed)) Tss64 {
    uint32_t reserved;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, iomap;
} Tss64;
extern Tss64 tss;

/* What an exception found, and what is gone on with. */
typedef struct Frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
} Frame;
extern Frame last_trap;
extern uint64_t last_cr2, last_frame_at;

/* Handlers of all vectors, the stack of inner levels, the PIC's interrupts masked. */
void lib64_start(void);
void set_gate(unsigned vector, uint64_t to, unsigned dpl, unsigned ist);
/* Programs may use the first GiB, too. */
void open_to_user(void);
/* The function runs; its exception's vector, or -1. */
long attempt(void (*fn)(void));
/* Called for vectors first; true: it was for it, and the program goes on. */
extern bool (*on_trap)(Frame *f);
/* Tell what became of it: "name: vector 13 error 10". */
void tell(const char *name, void (*fn)(void));
/* The same at level 3. */
void enter_user(void (*fn)(void));
void tell_user(const char *name, void (*fn)(void));

static inline uint64_t rdmsr(uint32_t n)
{
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(n));
    return (uint64_t)high << 32 | low;
}
static inline void wrmsr(uint32_t n, uint64_t v)
{
    asm volatile("wrmsr" : : "c"(n), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

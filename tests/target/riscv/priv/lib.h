/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the privileged tests share: checks, traps, page tables. */
#pragma once
#include <stdint.h>

typedef struct Trap {
    uint64_t cause, tval, epc, count, scratch;
} Trap;
extern volatile Trap trap;

uint64_t run_in(unsigned mode, void *fn, uint64_t arg, uint64_t offset);
enum { MODE_U = 0, MODE_S = 1, MODE_M = 3 };

uint64_t do_load(uint64_t), do_store(uint64_t), do_fetch(uint64_t), do_amo(uint64_t);
uint64_t do_lr(uint64_t), do_load_misaligned(uint64_t), do_zero(uint64_t), do_clean(uint64_t);
void do_wfi(void), do_sret(void), do_sfence(void);
uint64_t do_satp(void), do_time(void);
void landing(void);

#define csr_read(csr)                                                                                        \
    ({                                                                                                       \
        uint64_t v_;                                                                                         \
        __asm__ volatile("csrr %0, " #csr : "=r"(v_));                                                       \
        v_;                                                                                                  \
    })
#define csr_write(csr, v) ({ __asm__ volatile("csrw " #csr ", %0" ::"r"((uint64_t)(v)) : "memory"); })
#define csr_set(csr, v) ({ __asm__ volatile("csrs " #csr ", %0" ::"r"((uint64_t)(v)) : "memory"); })
#define csr_clear(csr, v) ({ __asm__ volatile("csrc " #csr ", %0" ::"r"((uint64_t)(v)) : "memory"); })

/* What was stored is code: fence.i, whose name only some assemblers know without Zifencei. */
static inline void fence_code(void)
{
    __asm__ volatile(".word 0x0000100f" ::: "memory");
}

enum { CAUSE_NONE = 99 };
/* Forget the last trap; then what() tells the cause of the one since, or CAUSE_NONE. */
void trap_clear(void);
uint64_t what(void);

void check_(const char *what, uint64_t got, uint64_t expected);
#define check(name, got, expected) check_(name, (uint64_t)(got), (uint64_t)(expected))
extern unsigned failures;
void print(const char *s);

void test_csrs(void);
void test_modes(void);
void test_paging(void);
void test_pmp(void);
void test_interrupts(void);

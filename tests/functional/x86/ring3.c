/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loop at level 3, 64-bit, in general registers, vectors and x87, until a byte comes on the serial line; then what it counted, from which
 * whoever looks can tell what everything else must be (test_handover.py). */
#include "print.h"

extern uint64_t tables[];
static uint8_t stack[16384] __attribute__((aligned(16)));

/* Of boot64.S, whose vectors are not used. */
long trap_taken(const void *frame);
long trap_taken(const void *frame)
{
    return 0;
}

static void user(void)
{
    uint64_t state = 1, count = 0, sums[2] __attribute__((aligned(16))), x87 = 0;
    static const uint64_t steps[2] __attribute__((aligned(16))) = { 1, 3 };
    asm volatile("pxor %%xmm0, %%xmm0\n\tfninit\n\tfldz\n\tmovdqa %5, %%xmm1\n"
                 "1:\tmov $0x100000, %%ecx\n"
                 "2:\timul %6, %0\n\tadd %7, %0\n\tpaddq %%xmm1, %%xmm0\n\tinc %1\n\tdec %%ecx\n\tjnz 2b\n\t"
                 "fld1\n\tfaddp\n\t" /* once in 2^20 rounds */
                 "mov $0x3fd, %%edx\n\tin %%dx, %%al\n\ttest $1, %%al\n\tjz 1b\n\t"
                 "movdqa %%xmm0, %2\n\tfistpll %3"
                 : "+r"(state), "+r"(count), "=m"(sums), "=m"(x87)
                 : "r"(0), "m"(steps), "r"(6364136223846793005ull), "r"(1442695040888963407ull)
                 : "rax", "rcx", "rdx", "cc");
    inb(0x3f8);
    print("state %X count %X sums %X %X x87 %X\n", state, count, sums[0], sums[1], x87);
    halt();
}

void main(void)
{
    tables[0] |= 4;
    tables[512] |= 4;
    for (unsigned i = 0; i < 512; i++) {
        tables[1024 + i] |= 4;
    }
    asm volatile(
        "mov %%cr0, %%rax\n\tand $~0xc, %%rax\n\tor $2, %%rax\n\tmov %%rax, %%cr0\n\t"
        "mov %%cr4, %%rax\n\tor $0x600, %%rax\n\tmov %%rax, %%cr4\n\tmov %%cr3, %%rax\n\tmov %%rax, %%cr3"
        :
        :
        : "rax", "memory");
    print("ready\n");
    asm volatile("push $0x2b\n\tpush %0\n\tpush $0x3002\n\tpush $0x33\n\tpush %1\n\tiretq" /* IOPL 3 */
                 :
                 : "r"(stack + sizeof(stack) - 8), "r"((uint64_t)user));
}

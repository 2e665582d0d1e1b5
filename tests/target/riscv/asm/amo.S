/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each AMO: what stood there, what stands there then, with and without a register for the result; compare and swap.
 * expect: a0 = 0
 * expect: a1 = 78 */
#include "common.inc"

/* Memory holds `mem`, the register `val`: rd gets `old`, memory `new`.  a0: the first check that failed. */
    .macro CHECK op, mem, val, old, new
    li t0, \mem
    sd t0, 0(s0)
    li t1, \val
    li t3, \old
    li t4, \new
    \op t2, t1, (s0)
    call compare
    li t0, \mem
    sd t0, 0(s0)
    mv t2, t3
    \op zero, t1, (s0)
    call compare
    .endm

/* The same in place: the result in the register of the value, and of the address. */
    .macro SAME op, mem, val, old, new
    li t0, \mem
    sd t0, 0(s0)
    li t2, \val
    li t3, \old
    li t4, \new
    \op t2, t2, (s0)
    call compare
    sd t0, 0(s0)
    li t1, \val
    mv t2, s0
    \op t2, t1, (t2)
    call compare
    .endm

/* amocas, which the assembler may not know: 2 is .w, 3 is .d; order: aq is 2, rl is 1. */
    .macro CAS size, order, mem, expected, val, old, new
    li t0, \mem
    sd t0, 0(s0)
    li t2, \expected
    li t1, \val
    li t3, \old
    li t4, \new
    .insn r 0x2f, \size, 0x14 + \order, t2, s0, t1
    call compare
    .endm

    START
    li a0, 0
    li a1, 0
    lla s0, word
    CHECK amoswap.w, 0x1111111180000001, 0x2222222233333333, -0x7fffffff, 0x1111111133333333
    CHECK amoswap.d, 0x1111111180000001, -2, 0x1111111180000001, -2
    CHECK amoadd.w, 0x11111111ffffffff, 0x500000001, -1, 0x1111111100000000
    CHECK amoadd.d, 0x11111111ffffffff, 1, 0x11111111ffffffff, 0x1111111200000000
    CHECK amoxor.w, 0x111111110f0f0f0f, -1, 0x0f0f0f0f, 0x11111111f0f0f0f0
    CHECK amoxor.d, 0x111111110f0f0f0f, -1, 0x111111110f0f0f0f, 0xeeeeeeeef0f0f0f0
    CHECK amoand.w, 0x11111111ff00ff00, 0x0ff00ff0, -0xff0100, 0x111111110f000f00
    CHECK amoand.d, 0x11111111ff00ff00, 0x01ff00ff0ff00ff0, 0x11111111ff00ff00, 0x011100110f000f00
    CHECK amoor.w, 0x11111111ff00ff00, 0x00ff0000, -0xff0100, 0x11111111ffffff00
    CHECK amoor.d, 0x11111111ff00ff00, 0x6600000000000000, 0x11111111ff00ff00, 0x77111111ff00ff00
    CHECK amomin.w, 0x1111111100000001, 0x7ffffffff, 1, 0x11111111ffffffff
    CHECK amomin.w, 0x1111111180000000, 0x7fffffff, -0x80000000, 0x1111111180000000
    CHECK amomin.d, 1, -1, 1, -1
    CHECK amomin.d, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000000
    CHECK amomax.w, 0x11111111ffffffff, 0xf00000001, -1, 0x1111111100000001
    CHECK amomax.w, 0x111111117fffffff, -0x80000000, 0x7fffffff, 0x111111117fffffff
    CHECK amomax.d, -1, 1, -1, 1
    CHECK amomax.d, 5, 5, 5, 5
    CHECK amominu.w, 0x11111111ffffffff, 0xf00000001, -1, 0x1111111100000001
    CHECK amominu.w, 0x1111111100000001, 0xf80000000, 1, 0x1111111100000001
    CHECK amominu.d, -1, 1, -1, 1
    CHECK amomaxu.w, 0x1111111100000001, -1, 1, 0x11111111ffffffff
    CHECK amomaxu.w, 0x1111111180000000, 0xf00000001, -0x80000000, 0x1111111180000000
    CHECK amomaxu.d, 1, -1, 1, -1
    CHECK amomaxu.d, -1, 1, -1, -1
    CHECK amoadd.w.aq, 1, 2, 1, 3
    CHECK amoadd.d.rl, 1, 2, 1, 3
    CHECK amoswap.w.aqrl, 1, 2, 1, 2
    CHECK amomaxu.d.aqrl, 1, 2, 1, 2
    SAME amoadd.w, 0x11111111ffffffff, 0x500000001, -1, 0x1111111100000000
    SAME amoadd.d, 5, 7, 5, 12
    SAME amoswap.w, 5, 7, 5, 7
    SAME amoxor.d, 5, 7, 5, 2
    SAME amomax.w, 5, 7, 5, 7
    SAME amominu.d, 5, 7, 5, 5
    CAS 2, 0, 0x1111111180000001, 0x580000001, 7, -0x7fffffff, 0x1111111100000007
    CAS 2, 0, 0x1111111180000001, -0x7fffffff, 7, -0x7fffffff, 0x1111111100000007
    CAS 2, 0, 0x1111111180000001, 0x80000000, 7, -0x7fffffff, 0x1111111180000001
    CAS 3, 0, 0x1111111180000001, 0x1111111180000001, 7, 0x1111111180000001, 7
    CAS 3, 0, 0x1111111180000001, 0x0111111180000001, 7, 0x1111111180000001, 0x1111111180000001
    CAS 3, 3, 0, 0, 0, 0, 0
    CAS 2, 2, 0, 1, 0, 0, 0
    CAS 2, 1, -1, -1, -1, -1, -1
    FINISH

compare:
    addi a1, a1, 1
    ld t5, 0(s0)
    xor t6, t5, t4
    xor t5, t2, t3
    or t5, t5, t6
    beqz t5, 1f
    bnez a0, 1f
    mv a0, a1
1:  ret
    .balign 4, 0
trap:
    li a0, -1
    FINISH
    .align 3
word:
    .dword 0

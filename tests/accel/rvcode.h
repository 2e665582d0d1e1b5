/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few RISC-V instructions, as the tests of the run time write them into RAM. */
#pragma once
#include <stdint.h>
#include <string.h>

#include "bare.h"

enum { ZERO, RA, SP, GP, TP, T0, T1, T2, S0, S1, A0, A1, A2, A3, A4, A5 };
enum { FINISHER = 0x100000, PASS = 0x5555 };

typedef struct Code {
    uint8_t *ram;
    uint64_t at; /* offset in RAM */
} Code;

static inline void put(Code *c, uint32_t insn)
{
    memcpy(c->ram + c->at, &insn, 4);
    c->at += 4;
}
static inline uint32_t addi(int rd, int rs, int imm)
{
    return (uint32_t)imm << 20 | rs << 15 | rd << 7 | 0x13;
}
static inline uint32_t add(int rd, int a, int b)
{
    return b << 20 | a << 15 | rd << 7 | 0x33;
}
static inline uint32_t lui(int rd, uint32_t imm)
{
    return (imm & 0xfffff000) | rd << 7 | 0x37;
}
static inline uint32_t sw(int base, int rs, int imm)
{
    return (uint32_t)(imm >> 5) << 25 | rs << 20 | base << 15 | 2 << 12 | (imm & 31) << 7 | 0x23;
}
static inline uint32_t ld(int rd, int base, int imm)
{
    return (uint32_t)imm << 20 | base << 15 | 3 << 12 | rd << 7 | 0x03;
}
static inline uint32_t sd(int base, int rs, int imm)
{
    return sw(base, rs, imm) | 1 << 12;
}
static inline uint32_t slli(int rd, int rs, int shift)
{
    return (uint32_t)shift << 20 | rs << 15 | 1 << 12 | rd << 7 | 0x13;
}
static inline uint32_t srli(int rd, int rs, int shift)
{
    return (uint32_t)shift << 20 | rs << 15 | 5 << 12 | rd << 7 | 0x13;
}
static inline uint32_t jalr(int rd, int rs, int imm)
{
    return (uint32_t)imm << 20 | rs << 15 | rd << 7 | 0x67;
}
static inline uint32_t bne(int a, int b, int offset)
{
    uint32_t o = offset;
    return (o >> 12 & 1) << 31 | (o >> 5 & 63) << 25 | b << 20 | a << 15 | 1 << 12 | (o >> 1 & 15) << 8 |
           (o >> 11 & 1) << 7 | 0x63;
}
static inline uint32_t jal(int rd, int offset)
{
    uint32_t o = offset;
    return (o >> 20 & 1) << 31 | (o >> 1 & 1023) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 255) << 12 |
           rd << 7 | 0x6f;
}
enum { FENCE_I = 0x100f };

static inline void li(Code *c, int rd, uint32_t value)
{
    put(c, lui(rd, value + 0x800));
    put(c, addi(rd, rd, (int32_t)(value << 20) >> 20));
}

static inline void finish(Code *c)
{
    li(c, T0, FINISHER);
    li(c, T1, PASS);
    put(c, sw(T0, T1, 0));
    put(c, jal(ZERO, 0));
}

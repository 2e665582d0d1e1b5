/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When x87 instructions are there, when their exceptions come, and what the environment says in protected mode.
 * expect: fld with EM: vector 7 error 0
 * expect: fnstsw with EM: vector 7 error 0
 * expect: fwait with EM: fine
 * expect: fld with TS: vector 7 error 0
 * expect: fwait with TS: fine
 * expect: fwait with TS and MP: vector 7 error 0
 * expect: division by zero, masked: fine
 * expect: division by zero: fine
 * expect: fld behind it: vector 16 error 0
 * expect: status 8084
 * expect: fwait behind it: vector 16 error 0
 * expect: fnop behind it: vector 16 error 0
 * expect: fnstsw behind it: fine
 * expect: fnstenv behind it: fine
 * expect: masked by fnstenv: fine
 * expect: fnclex behind it: fine
 * expect: fld behind fnclex: fine
 * expect: fnstenv: control ffff027f tags ffff3fff selectors 8 ffff0010 opcode 505
 * expect: eip is the instruction: 1, its operand: 1
 * expect: fnstenv of 16 bits: control 27f tags 3fff selectors 8 10
 * expect: fnsave, frstor: 1
 * expect: fxsave: control 27f status 3800 tags 80 mxcsr 1f80
 * expect: fxsave at an odd address: vector 13 error 0
 * expect: pi 4000 c90fdaa22168c235
 * expect: done */
#include "lib.h"

enum { CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_NE = 32 };
static double one = 1, zero;
static uint32_t env[27], env2[27];
static uint16_t env16[7], status, control;
static uint8_t area[528] __attribute__((aligned(16)));

static void set_cr0(uint32_t set)
{
    uint32_t v;
    asm volatile("mov %%cr0, %0" : "=r"(v));
    v = (v & ~(CR0_MP | CR0_EM | CR0_TS)) | CR0_NE | set;
    asm volatile("mov %0, %%cr0" : : "r"(v));
}
static void set_control(uint16_t word)
{
    control = word;
    asm volatile("fninit\n\tfldcw %0" : : "m"(control));
}

static void fld(void)
{
    asm volatile("fldl %0" : : "m"(one));
}
static void fwait(void)
{
    asm volatile("fwait");
}
static void fnop(void)
{
    asm volatile("fnop");
}
static void fnstsw(void)
{
    asm volatile("fnstsw %0" : "=m"(status));
}
static void fnstenv(void)
{
    asm volatile("fnstenv %0" : "=m"(env));
}
static void fnclex(void)
{
    asm volatile("fnclex");
}
static void divide(void)
{
    asm volatile("fldl %0\n\tfdivl %1" : : "m"(one), "m"(zero));
}
static void odd_fxsave(void)
{
    asm volatile("fxsave %0" : "=m"(area[1]));
}

static void absent(void)
{
    set_cr0(CR0_EM);
    tell("fld with EM", fld);
    tell("fnstsw with EM", fnstsw);
    tell("fwait with EM", fwait);
    set_cr0(CR0_TS);
    tell("fld with TS", fld);
    tell("fwait with TS", fwait);
    set_cr0(CR0_TS | CR0_MP);
    tell("fwait with TS and MP", fwait);
    set_cr0(0);
}

static void pending(void)
{
    enum { ALL_BUT_ZE = 0x37b };
    set_control(0x37f);
    tell("division by zero, masked", divide);
    set_control(ALL_BUT_ZE);
    tell("division by zero", divide);
    tell("fld behind it", fld);
    fnstsw();
    print("status %x\n", status & 0xc7ff);
    tell("fwait behind it", fwait);
    tell("fnop behind it", fnop);
    tell("fnstsw behind it", fnstsw);
    tell("fnstenv behind it", fnstenv);
    tell("masked by fnstenv", fld);
    set_control(ALL_BUT_ZE);
    divide();
    tell("fnclex behind it", fnclex);
    tell("fld behind fnclex", fld);
}

static void environment(void)
{
    uint32_t at;
    set_control(0x27f);
    asm volatile("mov $1f, %0\n1:\tfldl %2\n\tfnstenv %1" : "=&r"(at), "=m"(env) : "m"(one));
    print("fnstenv: control %x tags %x selectors %x %x opcode %x\n", env[0], env[2], env[4] & 0xffff, env[6],
          env[4] >> 16);
    print("eip is the instruction: %u, its operand: %u\n", env[3] == at, env[5] == (uint32_t)&one);
    asm volatile("data16 fnstenv %0" : "=m"(env16));
    print("fnstenv of 16 bits: control %x tags %x selectors %x %x\n", env16[0], env16[2], env16[4], env16[6]);
    asm volatile("fldpi\n\tfnsave %0\n\tfldz\n\tfrstor %0\n\tfnsave %1\n\tfrstor %0" : "+m"(env), "=m"(env2));
    bool same = true;
    for (unsigned i = 0; i < 27; i++) {
        same &= env[i] == env2[i];
    }
    print("fnsave, frstor: %u\n", same);
}

static void save(void)
{
    uint64_t mantissa;
    set_control(0x27f);
    fill(area, 0, sizeof(area));
    asm volatile("mov %%cr4, %%eax\n\tor $0x200, %%eax\n\tmov %%eax, %%cr4\n\tfldpi\n\tfxsave %0"
                 : "=m"(area)
                 :
                 : "eax");
    print("fxsave: control %x status %x tags %x mxcsr %x\n", *(uint16_t *)area, *(uint16_t *)(area + 2),
          area[4], *(uint32_t *)(area + 24));
    tell("fxsave at an odd address", odd_fxsave);
    mantissa = *(uint64_t *)(area + 32);
    print("pi %x %X\n", *(uint16_t *)(area + 40), mantissa);
}

void main(void)
{
    absent();
    pending();
    environment();
    save();
    print("done\n");
}

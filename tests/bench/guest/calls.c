/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls and returns: recursion, and indirect jumps through tables. */
#include "bench.h"

static uint64_t __attribute__((noinline)) fib(uint64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t fibonacci(void)
{
    return fib(35);
}

static uint64_t __attribute__((noinline)) ack(uint64_t m, uint64_t n)
{
    if (m == 0) {
        return n + 1;
    }
    return n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1));
}

static uint64_t ackermann(void)
{
    return ack(2, 1800) + ack(3, 9);
}

/* Three functions that call each other: calls to many places from many places. */
static uint64_t hop_b(uint64_t n);
static uint64_t hop_c(uint64_t n);

static uint64_t __attribute__((noinline)) hop_a(uint64_t n)
{
    return n == 0 ? 1 : hop_b(n - 1) + (n & 1 ? hop_c(n >> 1) : 3);
}

static uint64_t __attribute__((noinline)) hop_b(uint64_t n)
{
    return n == 0 ? 2 : hop_c(n - 1) ^ n;
}

static uint64_t __attribute__((noinline)) hop_c(uint64_t n)
{
    return n == 0 ? 3 : hop_a(n - 1) * 5;
}

static uint64_t hops(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 60; i++) {
        sum += hop_a(400 + (i & 63));
    }
    return sum;
}

const Program call_programs[] = {
    { "calls", "fibonacci", fibonacci },
    { "calls", "ackermann", ackermann },
    { "calls", "hops", hops },
    { NULL, NULL, NULL },
};

/* A little stack machine, three ways to dispatch. */
enum { OP_PUSH, OP_ADD, OP_MUL, OP_XOR, OP_DUP, OP_SWAP, OP_DEC, OP_JNZ, OP_HALT };

static const uint8_t machine_code[] = {
    OP_DUP, OP_PUSH, 3,       OP_MUL, OP_PUSH, 7,       OP_ADD, OP_SWAP, OP_DEC, OP_DUP, OP_PUSH, 5,
    OP_XOR, OP_SWAP, OP_PUSH, 1,      OP_ADD,  OP_PUSH, 1,      OP_XOR,  OP_DEC, OP_JNZ, OP_HALT,
};

static uint64_t machine_switch(void)
{
    uint64_t a = 1, b = 2, count = 1300000;
    for (const uint8_t *pc = machine_code;;) {
        switch (*pc++) {
        case OP_PUSH: b = a + *pc++; break;
        case OP_ADD: a += b; break;
        case OP_MUL: a *= b; break;
        case OP_XOR: a ^= b; break;
        case OP_DUP: b = a; break;
        case OP_SWAP: {
            uint64_t t = a;
            a = b;
            b = t;
            break;
        }
        case OP_DEC: a--; break;
        case OP_JNZ:
            if (--count) {
                pc = machine_code;
            }
            break;
        default: return a + b;
        }
    }
}

static uint64_t machine_goto(void)
{
    static const void *const labels[] = { &&push, &&add, &&mul, &&xor, &&dup, &&swap, &&dec, &&jnz, &&halt };
    uint64_t a = 1, b = 2, count = 1500000;
    const uint8_t *pc = machine_code;
    goto *labels[*pc++];
push:
    b = a + *pc++;
    goto *labels[*pc++];
add:
    a += b;
    goto *labels[*pc++];
mul:
    a *= b;
    goto *labels[*pc++];
    xor : a ^= b;
    goto *labels[*pc++];
dup:
    b = a;
    goto *labels[*pc++];
swap : {
    uint64_t t = a;
    a = b;
    b = t;
}
    goto *labels[*pc++];
dec:
    a--;
    goto *labels[*pc++];
jnz:
    if (--count) {
        pc = machine_code;
    }
    goto *labels[*pc++];
halt:
    return a + b;
}

/* Objects with a table of functions each, called in an order that changes. */
typedef struct Shape Shape;
struct Shape {
    uint64_t (*area)(const Shape *s);
    uint64_t size;
};

static uint64_t __attribute__((noinline)) area_square(const Shape *s)
{
    return s->size * s->size;
}

static uint64_t __attribute__((noinline)) area_line(const Shape *s)
{
    return s->size;
}

static uint64_t __attribute__((noinline)) area_double(const Shape *s)
{
    return s->size << 1;
}

static uint64_t __attribute__((noinline)) area_cube(const Shape *s)
{
    return s->size * s->size * 6;
}

static uint64_t methods(void)
{
    static uint64_t (*const kinds[])(const Shape *) = { area_square, area_line, area_double, area_cube };
    static Shape shapes[1024];
    uint64_t state = 42, sum = 0;
    for (int i = 0; i < 1024; i++) {
        uint64_t r = next_random(&state);
        shapes[i] = (Shape){ kinds[r & 3], r >> 50 };
    }
    for (int round = 0; round < 12000; round++) {
        for (int i = 0; i < 1024; i++) {
            sum += shapes[i].area(&shapes[i]);
        }
    }
    return sum;
}

const Program dispatch_programs[] = {
    { "dispatch", "switch", machine_switch },
    { "dispatch", "goto", machine_goto },
    { "dispatch", "methods", methods },
    { NULL, NULL, NULL },
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words on the first serial line, and ports. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void outb(uint16_t port, uint8_t v)
{
    asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

/* %s, %c, %u, %x, and %X for what has 64 bits. */
void print(const char *format, ...);
void halt(void) __attribute__((noreturn));
void fill(void *at, uint8_t byte, uint32_t bytes);

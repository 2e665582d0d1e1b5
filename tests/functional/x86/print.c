/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

enum { COM1 = 0x3f8, LSR = 5, LSR_THRE = 0x20 };

static void put(char c)
{
    while (!(inb(COM1 + LSR) & LSR_THRE)) {
    }
    outb(COM1, c);
}

static void put_number(uint64_t v, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[base == 16 ? v & 15 : (uint32_t)v % 10];
        v = base == 16 ? v >> 4 : (uint32_t)v / 10;
    } while (v);
    while (n) {
        put(digits[--n]);
    }
}

void print(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            put(*p);
            continue;
        }
        switch (*++p) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++) {
                put(*s);
            }
            break;
        case 'c': put(va_arg(ap, int)); break;
        case 'u': put_number(va_arg(ap, uint32_t), 10); break;
        case 'X': put_number(va_arg(ap, uint64_t), 16); break;
        default: put_number(va_arg(ap, uint32_t), 16); break;
        }
    }
    va_end(ap);
}

void fill(void *at, uint8_t byte, uint32_t bytes)
{
    volatile uint8_t *p = at;
    while (bytes--) {
        *p++ = byte;
    }
}

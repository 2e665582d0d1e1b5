/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, words and areas in memory for the x87 and the XSAVE family. */
#include <string.h>

#include "maker.h"
#include "silicon.h"
#include "target/i386/x87.h"
#include "util/bytes.h"

static unsigned below(uint64_t *random, unsigned limit)
{
    return (x86_random(random) >> 32) % limit;
}

/* Numbers of every kind; many near to one another. */
static Fp80 number(uint64_t *random)
{
    static const uint16_t exponents[] = { 0,      1,      2,      63,     64,     65,     0x3fbf, 0x3c00,
                                          0x3bcd, 0x3f68, 0x3f81, 0x3fe7, 0x3ffd, 0x3ffe, 0x3fff, 0x4000,
                                          0x4001, 0x401e, 0x403a, 0x403d, 0x403e, 0x403f, 0x407e, 0x43fe,
                                          0x400d, 0x400e, 0x7ffd, 0x7ffe, 0x7fff };
    uint64_t r = x86_random(random), bits = x86_random(random);
    Fp80 a = { bits, exponents[r % G_N_ELEMENTS(exponents)] };
    if (!(r >> 8 & 3)) {
        a.exponent += (r >> 12 & 15) - 7;
    }
    a.mantissa = r >> 16 & 1 ? bits & -(UINT64_C(1) << (r >> 20 & 63)) : bits;
    a.mantissa |= r >> 26 & 7 ? UINT64_C(1) << 63 : 0;
    if (!(r >> 30 & 15)) {
        a = (Fp80){ 0, 0 };
    }
    a.exponent = (a.exponent & 0x7fff) | (r >> 63 ? 0x8000 : 0);
    return a;
}

static void fill_numbers(uint8_t *to, unsigned bytes, uint64_t *random)
{
    for (unsigned n = 0; n + 16 <= bytes; n += 16) {
        Fp80Status s = { .precision = 64 };
        Fp80 a = number(random);
        uint64_t r = x86_random(random);
        store_le(to + n, 8, r & 1 ? a.mantissa : fp80_to(FP_F64, a, &s));
        store_le(to + n + 8, 8, r & 2 ? a.exponent : r & 4 ? fp80_to(FP_F32, a, &s) : r >> (r & 63));
    }
}

/* ---- areas (SDM volume 1, "XSAVE Area") ---------------------------------------------------------------- */

enum {
    AT_CONTROL = 0,
    AT_STATUS = 2,
    AT_FIP = 8,
    AT_FDP = 16,
    AT_MXCSR = 24,
    AT_XSTATE = 512,
    AT_XCOMP = 520
};
enum { HEADER_END = 576, STATES = 7 };

/* ... that can be restored. */
static void make_area(uint8_t *area, uint64_t *random)
{
    uint64_t r = x86_random(random);
    store_le(area + AT_CONTROL, 2, r & 1 ? FCW_INIT : x86_random(random));
    store_le(area + AT_STATUS, 2, r & 2 ? 0 : x86_random(random));
    store_le(area + AT_FIP, 8, x86_random(random) & INT64_MAX >> 16);
    store_le(area + AT_FDP, 8, x86_random(random) & INT64_MAX >> 16);
    store_le(area + AT_MXCSR, 4, r & 4 ? 0x1f80 : x86_random(random) & 0xffff);
    memset(area + AT_XSTATE, 0, HEADER_END - AT_XSTATE);
    store_le(area + AT_XSTATE, 8, r & 8 ? STATES : r >> 4 & STATES);
}

/* ... and now and then cannot. */
static void spoil_area(uint8_t *area, uint64_t *random)
{
    uint64_t r = x86_random(random);
    if (r & 1) {
        uint64_t form = (r >> 8 & STATES) | (uint64_t)(r >> 11 & 1) << 63;
        store_le(area + AT_XCOMP, 8, form);
        store_le(area + AT_XSTATE, 8, r >> 16 & form & STATES);
    }
    if (!(r >> 20 & 7)) {
        area[AT_XSTATE + (r >> 24 & 63)] ^= 1 << (r >> 30 & 7);
    }
    if (!(r >> 36 & 7)) {
        area[AT_MXCSR + 2] ^= 1 << (r >> 40 & 7);
    }
}

uint32_t silicon_area(uint64_t *random)
{
    uint32_t at = SILICON_DATA + below(random, SILICON_PAGE / SILICON_AREA) * SILICON_AREA;
    return below(random, 32) ? at : at + below(random, 64);
}

void silicon_make_data(uint8_t data[SILICON_PAGE], uint64_t *random)
{
    for (unsigned n = 0; n < SILICON_PAGE; n += 8) {
        store_le(data + n, 8, n & 8 ? silicon_value(random) : x86_random(random));
    }
    for (unsigned n = 0; n < SILICON_PAGE; n += SILICON_AREA) {
        if (below(random, 2)) {
            fill_numbers(data + n, SILICON_AREA, random);
        }
        if (below(random, 2)) {
            make_area(data + n, random);
            spoil_area(data + n, random);
        }
    }
}

/* ---- registers -------------------------------------------------------------------------- */

/* As where MMX is used, all masked, or anything, exceptions pending among it. */
void silicon_make_x87(X87 *f, const uint64_t mm[8], uint64_t *random)
{
    bool plain = below(random, 2), masked = below(random, 4);
    uint16_t control = x86_random(random), status = x86_random(random), empty = x86_random(random);
    memset(f, 0, sizeof(*f));
    f->fcw = FCW_INIT;
    f->tags = below(random, 2) ? 0xff : empty;
    for (unsigned n = 0; n < 8; n++) {
        f->st[n] = plain ? (Fp80){ mm[n], UINT16_MAX } : number(random);
        if (n && !plain && !below(random, 8)) { /* near to the first */
            f->st[n] = f->st[0];
            f->st[n].mantissa ^= x86_random(random) & 0x81;
        }
    }
    if (!plain) {
        control |= masked ? FSW_EXCEPTIONS : 0;
        x87_set_control_word(f, control);
        x87_set_status_word(f, masked && below(random, 4) ? status & (control | ~FSW_EXCEPTIONS) : status);
        f->fop = x86_random(random) & FOP_BITS;
        f->fip = x86_random(random) & INT64_MAX >> 16;
        f->fdp = x86_random(random) & INT64_MAX >> 16;
    }
}

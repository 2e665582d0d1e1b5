/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x2APIC mode: the same registers by number, with an identity of 32 bits and an ICR of 64.
 * Spec: SDM volume 3, "Extended XAPIC (x2APIC)": table of MSRs, reserved bits, "Deriving Logical x2APIC ID". */
#include "hw/intc/lapic_x2.h"

#include "hw/intc/lapic_regs.h"

enum { MSR_FIRST = 0x800 };
enum { X2_ID = 0x02, X2_EOI = 0x0b, X2_LDR = 0x0d, X2_ESR = 0x28, X2_ICR = 0x30, X2_SELF = 0x3f };
enum { READ = 1, WRITE = 2, ICR_SELF = 1 << 18 };
#define ICR_BITS UINT64_C(0xffffffff000ccfff)

/* clang-format off */
static const struct X2Reg {
    uint8_t first, last; /* number - MSR_FIRST, which is its place in xAPIC mode, in 16 bytes */
    uint8_t use;
    uint64_t bits; /* that a write may set: others are #GP */
} x2_regs[] = {
    { X2_ID,   X2_ID,   READ,         0 },
    { 0x03,    0x03,    READ,         0 }, /* version */
    { 0x08,    0x08,    READ | WRITE, 0xff }, /* TPR */
    { 0x0a,    0x0a,    READ,         0 }, /* PPR */
    { X2_EOI,  X2_EOI,  WRITE,        0 },
    { X2_LDR,  X2_LDR,  READ,         0 },
    { 0x0f,    0x0f,    READ | WRITE, SVR_BITS },
    { 0x10,    0x27,    READ,         0 }, /* ISR, TMR, IRR */
    { X2_ESR,  X2_ESR,  READ | WRITE, 0 },
    { X2_ICR,  X2_ICR,  READ | WRITE, ICR_BITS },
    { 0x32,    0x32,    READ | WRITE, 0x700ff }, /* LVT: timer */
    { 0x33,    0x34,    READ | WRITE, 0x107ff },
    { 0x35,    0x36,    READ | WRITE, 0x1a7ff },
    { 0x37,    0x37,    READ | WRITE, 0x100ff },
    { 0x38,    0x38,    READ | WRITE, UINT32_MAX }, /* initial count */
    { 0x39,    0x39,    READ,         0 },
    { 0x3e,    0x3e,    READ | WRITE, 0x0b },
    { X2_SELF, X2_SELF, WRITE,        0xff },
};
/* clang-format on */

static const struct X2Reg *find(uint32_t number, unsigned use)
{
    unsigned place = number - MSR_FIRST;
    for (unsigned i = 0; i < G_N_ELEMENTS(x2_regs); i++) {
        if (place >= x2_regs[i].first && place <= x2_regs[i].last) {
            return x2_regs[i].use & use ? &x2_regs[i] : NULL;
        }
    }
    return NULL;
}

static hwaddr offset_of(uint32_t number)
{
    return (hwaddr)(number - MSR_FIRST) << 4;
}

bool lapic_x2_read(Lapic *l, uint32_t number, uint64_t *value)
{
    const struct X2Reg *r = find(number, READ);
    if (!r) {
        return false;
    }
    switch (r->first) {
    case X2_ID: *value = l->s.id; return true;
    case X2_LDR: *value = l->s.id >> 4 << 16 | 1u << (l->s.id & 15); return true;
    case X2_ICR: *value = (uint64_t)l->s.icr_high << 32 | l->s.icr_low; return true;
    }
    return reg_file_read(&l->regs, offset_of(number), 4, value) == BUS_OK;
}

bool lapic_x2_write(Lapic *l, uint32_t number, uint64_t value)
{
    const struct X2Reg *r = find(number, WRITE);
    if (!r || value & ~r->bits) {
        return false;
    }
    if (r->first == X2_ICR) {
        l->s.icr_high = value >> 32;
    } else if (r->first == X2_SELF) { /* a command that ICR does not show */
        uint32_t low = l->s.icr_low;
        bool ok = reg_file_write(&l->regs, X2_ICR << 4, 4, ICR_SELF | value) == BUS_OK;
        l->s.icr_low = low;
        return ok;
    }
    return reg_file_write(&l->regs, offset_of(number), 4, (uint32_t)value) == BUS_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of integer instructions that translated code calls rarely, or that have much to decide.
 * Spec: SDM volume 2. */
#include "target/i386/helpers.h"

#include "target/i386/cpu.h"
#include "target/i386/trap.h"
#include "target/vcpu.h"

static uint64_t helper_flags(CPU *cpu, uint64_t a, uint64_t b, uint64_t kind, uint64_t turned)
{
    return x86_arith_flags(&(X86Cc){ a, b, kind, turned });
}
const IrHelper x86_helper_flags =
    IR_HELPER4("x86_flags", helper_flags, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I64);

static uint64_t helper_carry(CPU *cpu, uint64_t a, uint64_t b, uint64_t kind, uint64_t turned)
{
    return x86_carry_flag(&(X86Cc){ a, b, kind, turned });
}
const IrHelper x86_helper_carry =
    IR_HELPER4("x86_carry", helper_carry, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I64);

/* ---- rotates ---------------------------------------------------------------- */

typedef struct Rotation {
    uint64_t value;
    uint32_t flags;
} Rotation;

static uint64_t mask_of(unsigned bytes)
{
    return UINT64_MAX >> (64 - 8 * bytes);
}

/* Through CF; what: bytes | right << 4.  One place at a time. */
static Rotation rotate(uint64_t value, unsigned count, uint32_t flags, uint32_t what)
{
    unsigned bytes = what & 15, bits = 8 * bytes;
    bool right = what >> 4 & 1, cf = flags & EFL_CF;
    uint64_t top = UINT64_C(1) << (bits - 1), v = value & mask_of(bytes);
    for (unsigned n = 0; n < count; n++) {
        bool out = right ? v & 1 : (v & top) != 0;
        v = right ? v >> 1 | (cf ? top : 0) : ((v << 1) & mask_of(bytes)) | cf;
        cf = out;
    }
    bool high = v & top, next = v & top >> 1;
    bool of = right ? high != next : high != cf;
    if (count) {
        flags = (flags & ~(EFL_CF | EFL_OF)) | (cf ? EFL_CF : 0) | (of ? EFL_OF : 0);
    }
    return (Rotation){ v, flags };
}

static uint64_t helper_rotate(CPU *cpu, uint64_t value, uint64_t count, uint64_t flags, uint32_t what)
{
    return rotate(value, count, flags, what).value;
}
const IrHelper x86_helper_rotate =
    IR_HELPER4("x86_rotate", helper_rotate, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I32);

static uint64_t helper_rotate_flags(CPU *cpu, uint64_t value, uint64_t count, uint64_t flags, uint32_t what)
{
    return rotate(value, count, flags, what).flags;
}
const IrHelper x86_helper_rotate_flags =
    IR_HELPER4("x86_rotate_flags", helper_rotate_flags, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I32);

/* what: bytes | right << 4.  Of words a count above 16 is undefined: processors go on with the operands in turn. */
static Rotation shift_double(uint64_t a, uint64_t b, unsigned count, uint32_t what)
{
    unsigned bytes = what & 15, bits = 8 * bytes;
    bool right = what >> 4 & 1;
    uint64_t mask = mask_of(bytes), top = UINT64_C(1) << (bits - 1);
    a &= mask;
    b &= mask;
    uint64_t before = a, v = a;
    bool cf = false;
    for (unsigned n = 0; n < count; n++) {
        unsigned bit = right ? n % bits : bits - 1 - n % bits;
        bool in = b >> bit & 1;
        cf = right ? v & 1 : (v & top) != 0;
        v = right ? v >> 1 | (in ? top : 0) : ((v << 1) & mask) | in;
    }
    X86Cc logic = { .a = v, .kind = CC_LOGIC | (uint64_t)__builtin_ctz(bytes) << CC_SIZE_SHIFT };
    uint32_t flags = x86_arith_flags(&logic) | (cf ? EFL_CF : 0) | ((v ^ before) & top ? EFL_OF : 0);
    return (Rotation){ v, flags };
}

static uint64_t helper_shiftd(CPU *cpu, uint64_t a, uint64_t b, uint64_t count, uint32_t what)
{
    return shift_double(a, b, count, what).value;
}
const IrHelper x86_helper_shiftd =
    IR_HELPER4("x86_shiftd", helper_shiftd, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I32);

static uint64_t helper_shiftd_flags(CPU *cpu, uint64_t a, uint64_t b, uint64_t count, uint32_t what)
{
    return shift_double(a, b, count, what).flags;
}
const IrHelper x86_helper_shiftd_flags =
    IR_HELPER4("x86_shiftd_flags", helper_shiftd_flags, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I64, I32);

/* ---- PDEP and PEXT: a bit of the value for each bit of the mask ---------------------- */

static uint64_t helper_spread(CPU *cpu, uint64_t value, uint64_t mask, uint32_t deposit)
{
    uint64_t result = 0;
    for (unsigned n = 0; mask; n++, mask &= mask - 1) {
        uint64_t bit = mask & -mask;
        bool set = deposit ? value >> n & 1 : value & bit;
        result |= set ? (deposit ? bit : UINT64_C(1) << n) : 0;
    }
    return result;
}
const IrHelper x86_helper_spread =
    IR_HELPER3("x86_spread", helper_spread, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I32);

/* ---- CRC32 (polynomial 11EDC6F41h, bits reflected) ------------------------------- */

static uint64_t helper_crc32(CPU *cpu, uint64_t crc, uint64_t value, uint32_t bytes)
{
    uint32_t c = crc;
    for (unsigned n = 0; n < bytes; n++) {
        c ^= value >> 8 * n & 0xff;
        for (unsigned bit = 0; bit < 8; bit++) {
            c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
        }
    }
    return c;
}
const IrHelper x86_helper_crc32 =
    IR_HELPER3("x86_crc32", helper_crc32, IRH_PURE | IRH_NO_VECTORS, I64, I64, I64, I32);

/* ---- decimal adjustment: only AX and the flags -------------------------------------- */

G_NORETURN static void raise_vector(CPU *cpu, uint8_t vector)
{
    X86Fault f = { .vector = vector };
    x86_raise(x86_cpu(cpu), &f);
}

/* One or two bytes of a register; the others stay. */
static void put(X86CPU *x, unsigned reg, unsigned bytes, uint64_t value)
{
    x->s.gpr[reg] = (x->s.gpr[reg] & ~mask_of(bytes)) | (value & mask_of(bytes));
}

static uint32_t szp(uint8_t value)
{
    X86Cc logic = { .a = value, .kind = CC_LOGIC };
    return x86_arith_flags(&logic);
}

/* DAA (by 1) and DAS (by -1). */
static uint64_t adjust_packed(X86CPU *x, uint32_t flags, int by)
{
    uint8_t al = x->s.gpr[X86_RAX], old = al;
    bool cf = flags & EFL_CF, af = (al & 15) > 9 || (flags & EFL_AF), carry = false;
    if (af) {
        carry = cf || (by > 0 ? al > 0xff - 6 : al < 6);
        al += by * 6;
    }
    if (old > 0x99 || cf) {
        al += by * 0x60;
        carry = true;
    }
    put(x, X86_RAX, 1, al);
    return szp(al) | (af ? EFL_AF : 0) | (carry ? EFL_CF : 0);
}

/* AAA and AAS. */
static uint64_t adjust_unpacked(X86CPU *x, uint32_t flags, int by)
{
    uint16_t ax = x->s.gpr[X86_RAX];
    bool adjust = (ax & 15) > 9 || (flags & EFL_AF);
    if (adjust) {
        ax += by * 0x106;
    }
    ax &= 0xff0f;
    put(x, X86_RAX, 2, ax);
    return szp(ax) | (adjust ? EFL_AF | EFL_CF : 0);
}

static uint64_t adjust_multiply(CPU *cpu, uint8_t base)
{
    X86CPU *x = x86_cpu(cpu);
    uint8_t al = x->s.gpr[X86_RAX];
    if (!base) {
        raise_vector(cpu, X86_EXC_DE);
    }
    put(x, X86_RAX, 2, al / base << 8 | al % base);
    return szp(al % base);
}

static uint64_t adjust_divide(X86CPU *x, uint8_t base)
{
    uint16_t ax = x->s.gpr[X86_RAX];
    uint8_t al = ax + (ax >> 8) * base;
    put(x, X86_RAX, 2, al);
    return szp(al);
}

static uint64_t helper_decimal(CPU *cpu, uint32_t which, uint32_t base, uint64_t flags)
{
    X86CPU *x = x86_cpu(cpu);
    switch ((X86Decimal)which) {
    case DECIMAL_DAA: return adjust_packed(x, flags, 1);
    case DECIMAL_DAS: return adjust_packed(x, flags, -1);
    case DECIMAL_AAA: return adjust_unpacked(x, flags, 1);
    case DECIMAL_AAS: return adjust_unpacked(x, flags, -1);
    case DECIMAL_AAM: return adjust_multiply(cpu, base);
    case DECIMAL_AAD: return adjust_divide(x, base);
    }
    g_assert_not_reached();
}
const IrHelper x86_helper_decimal = IR_HELPER3(
    "x86_decimal", helper_decimal, IRH_FAULT | IRH_READS | IRH_WRITES | IRH_REPEAT, I64, I32, I32, I64);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of helpers that run with the guest's vectors in registers, as the most of the x87's do: waits, operands in memory, and what
 * these are as numbers.  Compiled for general registers only; what may do more comes with the vectors away. */
#include "target/i386/x87-memory.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/bytes.h"

static const uint8_t operand_bytes[] = {
    [X87_F32] = 4, [X87_F64] = 8, [X87_F80] = 10,     [X87_I16] = 2,
    [X87_I32] = 4, [X87_I64] = 8, [X87_DECIMAL] = 10,
};

void x87_raise_pending_quick(X86CPU *x)
{
    cpu_vectors_away(&x->cpu);
    x87_raise_pending(x);
    cpu_vectors_back(&x->cpu);
}

X87Operand x87_read_quick(CPU *cpu, uint64_t at, X87Format format)
{
    const uint8_t *host = cpu_quick_host(cpu, at, operand_bytes[format], MMU_READ);
    X87Operand o = { .format = format };
    if (!host) {
        cpu_vectors_away(cpu);
        o = x87_read(cpu, at, format);
        cpu_vectors_back(cpu);
        return o;
    }
    switch (format) {
    case X87_I16: o.low = (int16_t)load_le(host, 2); break;
    case X87_I32: o.low = (int32_t)load_le(host, 4); break;
    case X87_F32: o.low = load_le(host, 4); break;
    case X87_F80:
    case X87_DECIMAL: o.high = load_le(host + 8, 2); /* fall through */
    default: o.low = load_le(host, 8); break;
    }
    return o;
}

void x87_probe_write_quick(CPU *cpu, uint64_t at, X87Format format)
{
    cpu_vectors_away(cpu);
    x87_probe_write(cpu, at, format);
    cpu_vectors_back(cpu);
}

void x87_write_quick(CPU *cpu, uint64_t at, X87Format format, const X87Operand *o)
{
    unsigned bytes = operand_bytes[format];
    uint8_t *host = cpu_quick_host(cpu, at, bytes, MMU_WRITE);
    if (!host) {
        cpu_vectors_away(cpu);
        x87_write(cpu, at, format, o);
        cpu_vectors_back(cpu);
    } else if (bytes == 10) {
        store_le(host, 8, o->low);
        store_le(host + 8, 2, o->high);
    } else {
        store_le(host, bytes, o->low);
    }
}

/* ---- as numbers ---- */

Fp80 x87_widen(const X87Operand *o, Fp80Status *s)
{
    switch (o->format) {
    case X87_F32: return fp80_from(FP_F32, o->low, s);
    case X87_F64: return fp80_from(FP_F64, o->low, s);
    case X87_I16:
    case X87_I32:
    case X87_I64: return fp80_from_i64(o->low);
    case X87_DECIMAL: return fp80_from_decimal((Fp80Decimal){ o->low, o->high });
    default: return (Fp80){ o->low, o->high };
    }
}

Fp80 x87_operand(const X87Operand *o, Fp80Status *s)
{
    bool narrow = o->format == X87_F32 || o->format == X87_F64;
    return narrow ? fp80_operand(o->format == X87_F32 ? FP_F32 : FP_F64, o->low, s) : x87_widen(o, s);
}

X87Operand x87_narrow(Fp80 a, X87Format format, Fp80Status *s)
{
    X87Operand o = { .format = format, .low = a.mantissa, .high = a.exponent };
    switch (format) {
    case X87_F32: o.low = fp80_to(FP_F32, a, s); break;
    case X87_F64: o.low = fp80_to(FP_F64, a, s); break;
    case X87_I16: o.low = fp80_to_int(a, 16, s); break;
    case X87_I32: o.low = fp80_to_int(a, 32, s); break;
    case X87_I64: o.low = fp80_to_int(a, 64, s); break;
    case X87_DECIMAL: {
        Fp80Decimal d = fp80_to_decimal(a, s);
        o.low = d.low;
        o.high = d.high;
        break;
    }
    default: break;
    }
    return o;
}

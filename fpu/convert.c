/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversions between the formats.  Spec: IEEE 754-2019, clauses 5.4.2 and 6.2.3. */
#include "fpu/core.h"
#include "fpu/host.h"

static uint64_t convert(const FpFormat *from, uint64_t bits, const FpFormat *to, FpStatus *s)
{
    return fp_pack(to, fp_convert(fp_unpack(from, bits), s), s);
}

uint16_t f16_to_bf16(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F16], a, &fp_formats[FP_BF16], s);
}

uint32_t f16_to_f32(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F16], a, &fp_formats[FP_F32], s);
}

uint64_t f16_to_f64(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F16], a, &fp_formats[FP_F64], s);
}

uint16_t bf16_to_f16(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_BF16], a, &fp_formats[FP_F16], s);
}

uint32_t bf16_to_f32(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_BF16], a, &fp_formats[FP_F32], s);
}

uint64_t bf16_to_f64(uint16_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_BF16], a, &fp_formats[FP_F64], s);
}

uint16_t f32_to_f16(uint32_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F32], a, &fp_formats[FP_F16], s);
}

uint16_t f32_to_bf16(uint32_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F32], a, &fp_formats[FP_BF16], s);
}

/* A number is widened without any exception. */
uint64_t f32_to_f64(uint32_t a, FpStatus *s)
{
    uint64_t r;
    if (FP_HOST_PRECISE && f64_host_result(f32_host(a), &r)) {
        return r;
    }
    return convert(&fp_formats[FP_F32], a, &fp_formats[FP_F64], s);
}

uint16_t f64_to_f16(uint64_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F64], a, &fp_formats[FP_F16], s);
}

uint16_t f64_to_bf16(uint64_t a, FpStatus *s)
{
    return convert(&fp_formats[FP_F64], a, &fp_formats[FP_BF16], s);
}

uint32_t f64_to_f32(uint64_t a, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(f64_host(a), &r)) {
        return r;
    }
    return convert(&fp_formats[FP_F64], a, &fp_formats[FP_F32], s);
}

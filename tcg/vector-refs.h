/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The references that tcg/vop.def names: what its rows compute, in C, one file a subject (vector-move.c, vector-int.c,
 * vector-float.c, vector-cipher.c). */
#pragma once
#include "tcg/vector.h"

VopReference ref_abs16, ref_abs32, ref_abs8, ref_add16, ref_add32, ref_add64, ref_add8, ref_adds_i16,
    ref_adds_i8, ref_adds_u16, ref_adds_u8, ref_aes_dec, ref_aes_dec_last, ref_aes_enc, ref_aes_enc_last,
    ref_aes_imc, ref_aes_key, ref_align, ref_and, ref_andn, ref_avg_u16, ref_avg_u8, ref_blend16, ref_blend32,
    ref_blend32w, ref_blend64, ref_blendv32, ref_blendv64, ref_blendv8, ref_clmul, ref_eq16, ref_eq32,
    ref_eq64, ref_eq8, ref_even32, ref_even64, ref_extract128, ref_extract16, ref_extract32, ref_extract64,
    ref_extract8, ref_f16_f32, ref_f32_f16, ref_f32_f64, ref_f32_f64_low, ref_f32_i32, ref_f32_i32_cut,
    ref_f64_f32, ref_f64_f32_low, ref_f64_i32, ref_f64_i32_cut, ref_fadd, ref_faddsub, ref_fcmp, ref_fdiv,
    ref_fdot, ref_fhadd, ref_fhsub, ref_fma, ref_fmax, ref_fmin, ref_fmul, ref_fp_to_int, ref_from_i32,
    ref_from_i64, ref_fround, ref_fsqrt, ref_fsub, ref_gf_affine, ref_gf_inverse, ref_gf_mul, ref_gt16,
    ref_gt32, ref_gt64, ref_gt8, ref_hadd16, ref_hadd32, ref_hadds16, ref_high_to_low, ref_hsub16, ref_hsub32,
    ref_hsubs16, ref_i32_f32, ref_i32_f64, ref_insert128, ref_insert16, ref_insert32, ref_insert64,
    ref_insert8, ref_insert_f32, ref_int_to_fp, ref_mask32, ref_mask64, ref_mask8, ref_max_i16, ref_max_i32,
    ref_max_i8, ref_max_u16, ref_max_u32, ref_max_u8, ref_min_i16, ref_min_i32, ref_min_i8, ref_min_u16,
    ref_min_u32, ref_min_u8, ref_minpos, ref_mov, ref_mov_f32, ref_mov_f64, ref_mov_low64, ref_mpsadbw,
    ref_mul16, ref_mul32, ref_mul_add_i16, ref_mul_add_u8, ref_mul_even_i32, ref_mul_even_u32,
    ref_mul_round_i16, ref_mulh_i16, ref_mulh_u16, ref_odd32, ref_or, ref_order, ref_pack_i16, ref_pack_i32,
    ref_pack_u16, ref_pack_u32, ref_perm128, ref_perm32, ref_perm64, ref_permil32, ref_permil64,
    ref_permili64, ref_rcp, ref_rsqrt, ref_sad, ref_sar16, ref_sar32, ref_sari16, ref_sari32, ref_sarv32,
    ref_sext_16_32, ref_sext_16_64, ref_sext_32_64, ref_sext_8_16, ref_sext_8_32, ref_sext_8_64,
    ref_sha1_msg1, ref_sha1_msg2, ref_sha1_nexte, ref_sha1_rnds4, ref_sha256_msg1, ref_sha256_msg2,
    ref_sha256_rnds2, ref_shl128, ref_shl16, ref_shl32, ref_shl64, ref_shli16, ref_shli32, ref_shli64,
    ref_shlv32, ref_shlv64, ref_shr128, ref_shr16, ref_shr32, ref_shr64, ref_shri16, ref_shri32, ref_shri64,
    ref_shrv32, ref_shrv64, ref_shuffle32, ref_shuffle8, ref_shuffle_f32, ref_shuffle_f64, ref_shuffleh16,
    ref_shufflel16, ref_sign16, ref_sign32, ref_sign8, ref_spread16, ref_spread32, ref_spread64, ref_spread8,
    ref_sub16, ref_sub32, ref_sub64, ref_sub8, ref_subs_i16, ref_subs_i8, ref_subs_u16, ref_subs_u8, ref_test,
    ref_test32, ref_test64, ref_to_i32, ref_to_i64, ref_unpackh16, ref_unpackh32, ref_unpackh64, ref_unpackh8,
    ref_unpackl16, ref_unpackl32, ref_unpackl64, ref_unpackl8, ref_xor, ref_zext_16_32, ref_zext_16_64,
    ref_zext_32_64, ref_zext_8_16, ref_zext_8_32, ref_zext_8_64;

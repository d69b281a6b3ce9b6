// Vectors of floats as wide as the instruction set has them, and the few operations the kernels are written in.
//
// Everything is compiled without contraction (-ffp-contract=off): a product and a sum are one rounding only where `fused` says so.
// Each result is one chain of these operations in an order that does not know WIDTH, so all instruction sets and compilers give
// the same bytes.
#pragma once
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define WIDTH 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define WIDTH 8
#elif defined(__aarch64__)
#include <arm_neon.h>
#define WIDTH 4
#else
#error "The kernels are written for AVX-512, AVX2 with FMA, and NEON."
#endif

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

typedef float Vector __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));  // -1 where true, 0 where false

INLINE Vector every(float value) { return Vector{} + value; }  // adding to zeros: -0 becomes +0, which no constant here is

INLINE Vector load(const float *from) { return *(const Vector *)from; }
INLINE void store(float *to, Vector value) { *(Vector *)to = value; }

// a · b + c, rounded once.
INLINE Vector fused(Vector a, Vector b, Vector c) {
#if WIDTH == 16
    return (Vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif WIDTH == 8
    return (Vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return (Vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}

// One number in all lanes, as it is.
INLINE Vector spread(const float *from) {
#if WIDTH == 16
    return (Vector)_mm512_set1_ps(*from);
#elif WIDTH == 8
    return (Vector)_mm256_set1_ps(*from);
#else
    return (Vector)vdupq_n_f32(*from);
#endif
}

INLINE Vector square_root(Vector a) {
#if WIDTH == 16
    return (Vector)_mm512_sqrt_ps((__m512)a);
#elif WIDTH == 8
    return (Vector)_mm256_sqrt_ps((__m256)a);
#else
    return (Vector)vsqrtq_f32((float32x4_t)a);
#endif
}

// The first `count` floats, zeros behind them; `count` from 1 to WIDTH. Nothing behind them is read.
INLINE Vector load_first(const float *from, long count) {
    if (count >= WIDTH) return load(from);
#if WIDTH == 16
    return (Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif WIDTH == 8
    static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return (Vector)_mm256_maskload_ps(from, _mm256_loadu_si256((const __m256i *)(edge + 8 - count)));
#else
    Vector value = {};
    for (long i = 0; i < count; i++) value[i] = from[i];
    return value;
#endif
}

// The first `count` lanes to memory; nothing behind them is written.
INLINE void store_first(float *to, Vector value, long count) {
    if (count >= WIDTH) { store(to, value); return; }
#if WIDTH == 16
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
#elif WIDTH == 8
    static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    _mm256_maskstore_ps(to, _mm256_loadu_si256((const __m256i *)(edge + 8 - count)), (__m256)value);
#else
    for (long i = 0; i < count; i++) to[i] = value[i];
#endif
}

INLINE Vector choose(Mask where, Vector yes, Vector no) { return (Vector)(((Mask)yes & where) | ((Mask)no & ~where)); }

// `value` where the mask is true, else 0.
INLINE Vector keep(Mask where, Vector value) { return (Vector)((Mask)value & where); }

// max(x, 0); what is no number stays none, so that a network that diverges shows it.
INLINE Vector rectify(Vector x) { return keep(~(Mask)(x <= Vector{}), x); }

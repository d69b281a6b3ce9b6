// Vectors of doubles, half as many as of floats, and the functions that are worked out in them: for numbers that are doubles, and
// for floats where the last bit of a double rounds away what single precision would lose.
//
// Products and sums are rounded one by one, as everywhere; errors stay below 4 units in the last place of a double, of powers below
// 1e-13 of the result, so that a float is nearly always the one next to the exact value.
#pragma once
#include "vectors.h"

enum { LANES = WIDTH / 2 };

typedef double Doubles __attribute__((vector_size(WIDTH * 4), aligned(8), may_alias));
typedef int64_t LongMask __attribute__((vector_size(WIDTH * 4), aligned(8), may_alias));  // -1 where true, 0 where false
typedef float HalfVector __attribute__((vector_size(WIDTH * 2), aligned(4), may_alias));

INLINE Doubles every_double(double value) { return Doubles{} + value; }
INLINE Doubles choose(LongMask where, Doubles yes, Doubles no) { return (Doubles)(((LongMask)yes & where) | ((LongMask)no & ~where)); }
INLINE Doubles size_of(Doubles x) { return (Doubles)((LongMask)x & 0x7FFFFFFFFFFFFFFF); }

// To the nearest whole number, halves to even, for |x| < 2⁵¹.
INLINE Doubles nearest(Doubles x) {
    const Doubles shift = every_double(6755399441055744.0);  // 1.5 · 2⁵²
    return (x + shift) - shift;
}

// The whole number n, |n| < 2⁵¹, as an integer: the last bits of n + 1.5 · 2⁵².
INLINE LongMask whole(Doubles n) { return (LongMask)(n + every_double(6755399441055744.0)) - 0x4338000000000000; }

INLINE Doubles power_of_two(Doubles n) { return (Doubles)((whole(n) + 1023) << 52); }

// As `exponential` of floats: exp(x) = 2ⁿ · exp(r), and exp(r) as its Taylor polynomial of degree 14, whose rest is below 1e-19.
INLINE Doubles exponential(Doubles x) {
    const Doubles low = every_double(-746.0), high = every_double(711.0);
    const LongMask number = (LongMask)(x == x);
    Doubles bounded = choose((LongMask)(x < low), low, x);
    bounded = choose(number, choose((LongMask)(bounded > high), high, bounded), Doubles{});
    const Doubles n = nearest(bounded * every_double(1.4426950408889634));
    // The first part of ln 2 has 20 trailing zero bits, so that its product with n is exact.
    Doubles r = bounded - n * every_double(6.93147180369123816490e-01);
    r = r - n * every_double(1.90821492927058770002e-10);
    const double factors[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                              1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0};
    Doubles sum = every_double(1.0 / 87178291200);
    UNROLL for (int k = 0; k < 14; k++) sum = sum * r + every_double(factors[k]);
    const Doubles half = nearest(n * every_double(0.5));
    const Doubles result = sum * power_of_two(half) * power_of_two(n - half);
    return choose(number, result, x);
}

// As `logarithm` of floats, with the series of artanh up to s²³.
INLINE Doubles logarithm(Doubles x) {
    const LongMask tiny = (LongMask)(x < every_double(2.2250738585072014e-308));
    const Doubles scaled = choose(tiny, x * every_double(18014398509481984.0), x);  // subnormal numbers, times 2⁵⁴
    const LongMask bits = (LongMask)scaled;
    LongMask exponent = ((bits >> 52) & 2047) - 1022;
    Doubles m = (Doubles)((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000);  // from ½ to 1
    const LongMask lower = (LongMask)(m < every_double(0.70710678118654752));
    m = choose(lower, m + m, m);
    exponent += lower;
    exponent -= tiny & 54;
    const Doubles e = (Doubles)(exponent + 0x4338000000000000) - every_double(6755399441055744.0);
    const Doubles s = (m - every_double(1.0)) / (m + every_double(1.0)), square = s * s;
    Doubles sum = every_double(2.0 / 23);
    UNROLL for (int k = 21; k > 1; k -= 2) sum = sum * square + every_double(2.0 / k);
    sum = sum * square * s + (s + s);
    Doubles result = e * every_double(6.93147180369123816490e-01) + (e * every_double(1.90821492927058770002e-10) + sum);
    const Doubles infinite = every_double(__builtin_inf());
    result = choose((LongMask)(x == infinite), infinite, result);
    result = choose((LongMask)(x == Doubles{}), -infinite, result);
    result = choose((LongMask)(x < Doubles{}), every_double(__builtin_nan("")), result);
    return choose((LongMask)(x == x), result, x);
}

// log(1 + x) = log(u) · x / (u - 1) with u = 1 + x as it is rounded (Kahan): what u lost, both factors lost.
INLINE Doubles logarithm_of_one_more(Doubles x) {
    const Doubles one = every_double(1.0), u = one + x, less = u - one;
    const LongMask same = (LongMask)(less == Doubles{}) | (LongMask)(u == every_double(__builtin_inf()));
    return choose(same, choose((LongMask)(less == Doubles{}), x, u), logarithm(u) * (x / choose(same, one, less)));
}

// exp(x) - 1 = (u - 1) · x / log(u) with u = exp(x) as it is rounded (Kahan).
INLINE Doubles exponential_less_one(Doubles x) {
    const Doubles one = every_double(1.0), u = exponential(x), less = u - one;
    const LongMask near = (LongMask)(less != Doubles{}) & (LongMask)(size_of(x) < one), same = (LongMask)(less == Doubles{});
    const Doubles log = logarithm(choose(near, u, every_double(2.0)));
    return choose(same, x, choose(near, less * (x / log), less));
}

// (exp(2·|x|) - 1) / (exp(2·|x|) + 1), with the sign of x; 1 from 20 on.
INLINE Doubles hyperbolic_tangent(Doubles x) {
    const Doubles size = size_of(x), bounded = choose((LongMask)(size > every_double(20.0)), every_double(20.0), size);
    const Doubles power = exponential_less_one(bounded + bounded), result = power / (power + every_double(2.0));
    return (Doubles)((LongMask)result | ((LongMask)x & ~0x7FFFFFFFFFFFFFFF));
}

// |x|ᵖ = exp(p · log |x|). Of a negative x only a whole p has a power, with the sign of x where p is odd.
INLINE Doubles power(Doubles x, double exponent) {
    const bool is_whole = exponent == __builtin_floor(exponent);
    const bool is_odd = is_whole && exponent != 2 * __builtin_floor(exponent / 2);
    if (exponent == 0) return every_double(1.0);
    const Doubles result = exponential(every_double(exponent) * logarithm(size_of(x)));
    const LongMask negative = (LongMask)(x < Doubles{});
    return choose(negative, is_whole ? (is_odd ? -result : result) : every_double(__builtin_nan("")), result);
}

// cos(x) for |x| < 10⁵: x = n · π/2 + r (π/2 in three parts, after Cody and Waite), and cos or sin of r as Taylor polynomials of
// degree 16 and 17, whose rests are below 3e-18.
INLINE Doubles cosine(Doubles x) {
    const Doubles n = nearest(x * every_double(0.63661977236758134));
    Doubles r = x - n * every_double(1.57079632673412561417);
    r = r - n * every_double(6.07710050630396597660e-11);
    r = r - n * every_double(2.02226624879595063154e-21);
    const Doubles square = r * r;
    Doubles even = every_double(1.0 / 20922789888000.0), odd = every_double(1.0 / 355687428096000.0);
    const double even_factors[] = {-1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0};
    const double odd_factors[] = {-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120,
                                  -1.0 / 6, 1.0};
    UNROLL for (int k = 0; k < 8; k++) even = even * square + every_double(even_factors[k]), odd = odd * square + every_double(odd_factors[k]);
    odd = odd * r;
    const LongMask quarter = whole(n);
    const Doubles found = choose(-(quarter & 1), odd, even);
    return choose(-(((quarter + 1) >> 1) & 1), -found, found);
}

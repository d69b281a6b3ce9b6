// Exponential, logarithm and what is made of them: element by element, in steps that are rounded the same way everywhere.
//
// Errors against the exact values, tried on every float of the range: below 3 units in the last place, of exp and log below 1.
#pragma once
#include "vectors.h"

// To the nearest whole number, halves to even, for |x| < 2²²: adding 1.5 · 2²³ leaves no places behind the point.
INLINE Vector nearest(Vector x) {
    const Vector shift = every(12582912.0f);
    return (x + shift) - shift;
}

// 2ⁿ for whole n from -126 to 127, made of its bits.
INLINE Vector power_of_two(Vector n) {
    const Mask bits = (__builtin_convertvector(n, Mask) + 127) << 23;
    return (Vector)bits;
}

// exp(x) = 2ⁿ · exp(r) with n = round(x / ln 2), r = x - n · ln 2 (ln 2 in two parts, after Cody and Waite, 1980), |r| < 0.35, and
// exp(r) as its Taylor polynomial of degree 7, whose rest is below 6e-9.
INLINE Vector exponential(Vector x) {
    // Beyond these bounds all results are 0 or infinite; what is no number passes both comparisons and stays none.
    const Vector low = every(-104.0f), high = every(89.0f);
    const Mask number = (Mask)(x == x);
    Vector bounded = choose((Mask)(x < low), low, x);
    bounded = keep(number, choose((Mask)(bounded > high), high, bounded));
    const Vector n = nearest(bounded * every(1.44269504f));
    Vector r = fused(n, every(-0.693359375f), bounded);
    r = fused(n, every(2.12194440e-4f), r);
    Vector sum = every(1.0f / 5040);
    sum = fused(sum, r, every(1.0f / 720));
    sum = fused(sum, r, every(1.0f / 120));
    sum = fused(sum, r, every(1.0f / 24));
    sum = fused(sum, r, every(1.0f / 6));
    sum = fused(sum, r, every(0.5f));
    sum = fused(sum, r, every(1.0f));
    sum = fused(sum, r, every(1.0f));
    // In two steps, as 2ⁿ itself may be too large or too small to be written.
    const Vector half = nearest(n * every(0.5f));
    const Vector result = sum * power_of_two(half) * power_of_two(n - half);
    return choose(number, result, x);
}

// log(x) = e · ln 2 + log(m) with x = m · 2ᵉ, √½ ≤ m < √2, and log(m) = 2 · artanh(s), s = (m - 1) / (m + 1), |s| < 0.172, as the
// series of artanh up to s⁹, whose rest is below 1e-9.
INLINE Vector logarithm(Vector x) {
    const Mask tiny = (Mask)(x < every(1.17549435e-38f));
    const Vector scaled = choose(tiny, x * every(8388608.0f), x);  // subnormal numbers, times 2²³
    const Mask bits = (Mask)scaled;
    Mask exponent = ((bits >> 23) & 255) - 126;
    Vector m = (Vector)((bits & 0x007FFFFF) | 0x3F000000);  // from ½ to 1
    const Mask lower = (Mask)(m < every(0.707106781f));
    m = choose(lower, m + m, m);
    exponent += lower;  // -1 where the mantissa was doubled
    exponent -= tiny & 23;
    const Vector e = __builtin_convertvector(exponent, Vector);
    const Vector s = (m - every(1.0f)) / (m + every(1.0f)), square = s * s;
    Vector sum = every(2.0f / 9);
    sum = fused(sum, square, every(2.0f / 7));
    sum = fused(sum, square, every(2.0f / 5));
    sum = fused(sum, square, every(2.0f / 3));
    sum = fused(sum * square, s, s + s);
    Vector result = fused(e, every(0.693359375f), fused(e, every(-2.12194440e-4f), sum));
    const Vector infinite = every(__builtin_inff());
    result = choose((Mask)(x == infinite), infinite, result);
    result = choose((Mask)(x == Vector{}), -infinite, result);
    result = choose((Mask)(x < Vector{}), every(__builtin_nanf("")), result);
    return choose((Mask)(x == x), result, x);
}

// 1 / (1 + exp(-x)), so written that no power is above 1
INLINE Vector logistic(Vector x) {
    const Mask negative = (Mask)(x < Vector{});
    const Vector power = exponential(choose(negative, x, -x)), one = every(1.0f);
    return choose(negative, power, one) / (one + power);
}

// For |x| < 0.6 Lambert's continued fraction cut at x⁴ over x⁴, within 1e-9; else 1 - 2 / (exp(2·|x|) + 1), with the sign of x.
INLINE Vector hyperbolic_tangent(Vector x) {
    const Mask negative = (Mask)(x < Vector{});
    const Vector size = choose(negative, -x, x), square = x * x, one = every(1.0f);
    const Vector over = fused(fused(square, one, every(105.0f)), square, every(945.0f));
    const Vector under = fused(fused(square, every(15.0f), every(420.0f)), square, every(945.0f));
    const Vector near = x * (over / under);
    const Vector bounded = choose((Mask)(size > every(10.0f)), every(10.0f), size);  // 1 from there on; also keeps powers finite
    const Vector far = one - every(2.0f) / (exponential(bounded + bounded) + one);
    return choose((Mask)(size < every(0.6f)), near, choose(negative, -far, far));
}

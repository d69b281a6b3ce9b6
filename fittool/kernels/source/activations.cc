// Activations of each element that are made of powers, and their slopes. Inputs and outputs may be the same memory.
#include "functions.h"
#include "task.h"

namespace {

enum Activation { GELU, GELU_BY_TANH, SILU, MISH, SOFTPLUS, ELU };

// log(1 + e) for e from 0 to 1: 2 · artanh(s) with s = e / (2 + e) ≤ 1/3, as its series up to s¹⁵, whose rest is below 1e-9.
INLINE Vector logarithm_of_one_more(Vector e) {
    const Vector s = e / (e + every(2.0f)), square = s * s;
    Vector sum = every(2.0f / 15);
    sum = fused(sum, square, every(2.0f / 13));
    sum = fused(sum, square, every(2.0f / 11));
    sum = fused(sum, square, every(2.0f / 9));
    sum = fused(sum, square, every(2.0f / 7));
    sum = fused(sum, square, every(2.0f / 5));
    sum = fused(sum, square, every(2.0f / 3));
    return fused(sum * square, s, s + s);
}

// exp(x) - 1 for x ≤ 0: above -0.4 as its Taylor polynomial of degree 9, whose rest is below 1e-10.
INLINE Vector exponential_less_one(Vector x) {
    Vector sum = every(1.0f / 362880);
    sum = fused(sum, x, every(1.0f / 40320));
    sum = fused(sum, x, every(1.0f / 5040));
    sum = fused(sum, x, every(1.0f / 720));
    sum = fused(sum, x, every(1.0f / 120));
    sum = fused(sum, x, every(1.0f / 24));
    sum = fused(sum, x, every(1.0f / 6));
    sum = fused(sum, x, every(0.5f));
    const Vector near = fused(sum * x, x, x), far = exponential(x) - every(1.0f);
    return choose((Mask)(x > every(-0.4f)), near, far);
}

INLINE Vector magnitude(Vector x) { return (Vector)((Mask)x & 0x7FFFFFFF); }

// The standard normal distribution function. With z = |x| / √2 and t = 2 / (2 + z), erfc(z) is t · exp(P(2t - 1) - z²), P being the
// Chebyshev series of `fittool/engines/numpy_engine/activations.py`, cut where it is within 3e-8, summed by Clenshaw's recurrence.
INLINE Vector normal_distribution(Vector x) {
    const float series[] = {-0.6513268598908547f, 0.64196979235649021f, 0.019476473204185836f, -0.0095615147868086323f,
                            -0.00094659534448203692f, 0.00036683949785276145f, 4.2523324806907769e-05f, -2.0278578112534242e-05f,
                            -1.6242900046470256e-06f, 1.3036558355805232e-06f};
    const Vector z = magnitude(x) * every(0.70710678f), t = every(2.0f) / (every(2.0f) + z), twice = every(4.0f) * t - every(2.0f);
    Vector last = {}, before = {};
    UNROLL for (int k = 9; k > 0; k--) {
        const Vector next = fused(twice, last, every(series[k]) - before);
        before = last, last = next;
    }
    const Vector power = fused(twice * every(0.5f), last, every(series[0]) - before) - z * z;
    const Vector tail = t * exponential(power) * every(0.5f);
    return choose((Mask)(x > Vector{}), every(1.0f) - tail, tail);
}

INLINE Vector normal_density(Vector x) { return exponential(x * x * every(-0.5f)) * every(0.39894228f); }

// Hendrycks and Gimpel's approximation (2016): the tanh in it.
INLINE Vector bent(Vector x) { return hyperbolic_tangent((x * x * x * every(0.044715f) + x) * every(0.79788456f)); }

// tanh(log(1 + exp(x))), with u = exp(-|x|) as a ratio that cannot overflow.
INLINE Vector mish_tangent(Vector x) {
    const Vector one = every(1.0f), u = exponential(-magnitude(x)), twice = u + u, small = u * (u + every(2.0f));
    const Vector more = one + twice;
    return choose((Mask)(x < Vector{}), small / (small + every(2.0f)), more / (more + twice * u));
}

template <int KIND>
struct Function {
    Vector alpha, scale;

    inline __attribute__((always_inline)) Vector value(Vector x) const {
        const Vector one = every(1.0f);
        switch (KIND) {
            case GELU: return x * normal_distribution(x);
            case GELU_BY_TANH: return every(0.5f) * x * (one + bent(x));
            case SILU: return x * logistic(x);
            case MISH: return x * mish_tangent(x);
            case SOFTPLUS: return rectify(x) + logarithm_of_one_more(exponential(-magnitude(x)));
            default: return choose((Mask)(x > Vector{}), x * scale, exponential_less_one(choose((Mask)(x > Vector{}), Vector{}, x)) * alpha);
        }
    }

    // By what the forward half was given, or for softplus and ELU by what it gave.
    inline __attribute__((always_inline)) Vector slope(Vector seen) const {
        const Vector one = every(1.0f);
        switch (KIND) {
            case GELU: return normal_distribution(seen) + seen * normal_density(seen);
            case GELU_BY_TANH: {
                const Vector t = bent(seen), inner = every(0.79788456f) * (one + every(3 * 0.044715f) * seen * seen);
                return every(0.5f) * (one + t) + every(0.5f) * seen * (one - t * t) * inner;
            }
            case SILU: {
                const Vector s = logistic(seen);
                return s * (one + seen * (one - s));
            }
            case MISH: {
                const Vector t = mish_tangent(seen);
                return t + seen * (one - t * t) * logistic(seen);
            }
            case SOFTPLUS: return -exponential_less_one(-seen);
            default: return choose((Mask)(seen > Vector{}), scale, seen + alpha);
        }
    }
};

template <class Apply>
void each(long count, Apply apply) {
    for (long i = 0; i < count; i += WIDTH) apply(i, count - i);
}

// Calls `run` with the function that a task asks for, so that the choice is not made for each element.
template <class Run>
void with_function(Reader &read, Run run) {
    const long kind = read.size();
    const Vector alpha = every((float)read.number()), scale = every((float)read.number());
    switch (kind) {
        case GELU: return run(Function<GELU>{alpha, scale});
        case GELU_BY_TANH: return run(Function<GELU_BY_TANH>{alpha, scale});
        case SILU: return run(Function<SILU>{alpha, scale});
        case MISH: return run(Function<MISH>{alpha, scale});
        case SOFTPLUS: return run(Function<SOFTPLUS>{alpha, scale});
        case ELU: return run(Function<ELU>{alpha, scale});
    }
}

}  // namespace

// y = function(x); an ELU is scale · x above 0, alpha · (exp(x) - 1) below
void activate(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    with_function(read, [=](const auto &function) {
        each(count, [=](long i, long left) { store_first(y + i, function.value(load_first(x + i, left)), left); });
    });
}

// dx = dy · slope(seen)
void activate_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *seen = read.array(), *dy = read.array();
    float *dx = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    with_function(read, [=](const auto &function) {
        each(count, [=](long i, long left) { store_first(dx + i, load_first(dy + i, left) * function.slope(load_first(seen + i, left)), left); });
    });
}

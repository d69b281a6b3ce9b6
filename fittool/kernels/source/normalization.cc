// Batch normalization of rows (R, C), one row for each position of each sample.
//
// Channels lie side by side in a vector, and each sum over rows is four chains, of every fourth row, added as (0 + 1) + (2 + 3):
// four, so that the processor need not wait for one addition before it begins the next. Mean and squared deviations are taken in
// two passes over a slice of the batch, which is in the cache, so that a mean far from zero costs no digits; those of the slices
// are merged by Chan, Golub and LeVeque's formula (1979), slice after slice.
#include "task.h"
#include "vectors.h"

namespace {

// The sum over rows of `term(row)` for one vector of channels.
template <class Term>
INLINE Vector sum_rows(long rows, Term term) {
    Vector sums[4] = {};
    long r = 0;
    for (; r + 4 <= rows; r += 4)
        UNROLL for (int i = 0; i < 4; i++) sums[i] = term(r + i, sums[i]);
    for (; r < rows; r++) sums[r % 4] = term(r, sums[r % 4]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Calls `work(channel, count)` for each vector of channels; `count` is a constant to the compiler where the vector is full.
template <class Work>
INLINE void each_vector(long channels, Work work) {
    long c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) work(c, (long)WIDTH);
    if (c < channels) work(c, channels - c);
}

}  // namespace

// mean = Σ x / R, squares = Σ (x - mean)²
void moments(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *mean = read.array(), *squares = read.array();
    const long rows = read.size(), channels = read.size();
    if (needed) { *needed = 0; return; }
    each_vector(channels, [&](long c, long count) {
        const float *from = x + c;
        const Vector sum = sum_rows(rows, [&](long r, Vector s) { return s + load_first(from + r * channels, count); });
        const Vector middle = sum / every((float)rows);
        store_first(mean + c, middle, count);
        store_first(squares + c, sum_rows(rows, [&](long r, Vector s) {
            const Vector distance = load_first(from + r * channels, count) - middle;
            return fused(distance, distance, s);
        }), count);
    });
}

// The moments of P slices, each with a share of the batch, as mean and biased variance of `total` rows; and the moving ones.
void merge_moments(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *means = read.array(), *squares = read.array(), *shares = read.array();
    float *mean = read.array(), *variance = read.array(), *moving_mean = read.array(), *moving_variance = read.array();
    const long parts = read.size(), channels = read.size();
    const float total = (float)read.size(), rate = (float)read.number();
    if (needed) { *needed = 0; return; }
    each_vector(channels, [&](long c, long count) {
        Vector middle = {}, inside = {}, between = {};
        for (long p = 0; p < parts; p++) middle = fused(load_first(means + p * channels + c, count), every(shares[p]), middle);
        for (long p = 0; p < parts; p++) {
            const Vector distance = load_first(means + p * channels + c, count) - middle;
            inside += load_first(squares + p * channels + c, count);
            between = fused(distance * distance, every(shares[p]), between);
        }
        const Vector spread = inside / every(total) + between;
        store_first(mean + c, middle, count);
        store_first(variance + c, spread, count);
        const Vector old_mean = load_first(moving_mean + c, count), old_variance = load_first(moving_variance + c, count);
        store_first(moving_mean + c, old_mean + (middle - old_mean) * every(rate), count);
        store_first(moving_variance + c, old_variance + (spread - old_variance) * every(rate), count);
    });
}

// inverse = 1 / √(variance + epsilon), factor = gamma · inverse, offset = beta - mean · factor
void normalization_factors(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *mean = read.array(), *variance = read.array(), *gamma = read.array(), *beta = read.array();
    float *inverse = read.array(), *factor = read.array(), *offset = read.array();
    const long channels = read.size();
    const float epsilon = (float)read.number();
    if (needed) { *needed = 0; return; }
    for (long c = 0; c < channels; c++) {
        inverse[c] = 1.0f / __builtin_sqrtf(variance[c] + epsilon);
        factor[c] = (gamma ? gamma[c] : 1.0f) * inverse[c];
        offset[c] = (beta ? beta[c] : 0.0f) - mean[c] * factor[c];
    }
}

// y = x · factor + offset [+ other], then max(y, 0) where wanted; y may be `other`
void normalize(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *factor = read.array(), *offset = read.array(), *other = read.array();
    float *y = read.array();
    const long rows = read.size(), channels = read.size();
    const bool rectified = read.flag();
    if (needed) { *needed = 0; return; }
    each_vector(channels, [&](long c, long count) {
        const Vector a = load_first(factor + c, count), b = load_first(offset + c, count);
        for (long r = 0, at = c; r < rows; r++, at += channels) {
            Vector value = fused(load_first(x + at, count), a, b);
            if (other) value += load_first(other + at, count);
            store_first(y + at, rectified ? rectify(value) : value, count);
        }
    });
}

// masked = dy, 0 where a y that is given is not positive; sums = Σ masked, products = Σ masked · (x - mean)
void normalization_sums(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *y = read.array(), *dy = read.array(), *mean = read.array();
    float *masked = read.array(), *sums = read.array(), *products = read.array();
    const long rows = read.size(), channels = read.size();
    if (needed) { *needed = 0; return; }
    each_vector(channels, [&](long c, long count) {
        const Vector middle = load_first(mean + c, count);
        Vector ones[4] = {}, twos[4] = {};
        for (long r = 0; r < rows; r += 4)
            UNROLL for (int i = 0; i < 4; i++) {
                if (r + i >= rows) break;
                const long at = (r + i) * channels + c;
                Vector g = load_first(dy + at, count);
                if (y) g = keep((Mask)(load_first(y + at, count) > Vector{}), g);
                if (masked) store_first(masked + at, g, count);
                ones[i] += g;
                twos[i] = fused(g, load_first(x + at, count) - middle, twos[i]);
            }
        store_first(sums + c, (ones[0] + ones[1]) + (ones[2] + ones[3]), count);
        store_first(products + c, (twos[0] + twos[1]) + (twos[2] + twos[3]), count);
    });
}

// dgamma, dbeta, and a, b, c of dx = dy · a + x · b + c; b and c are 0 where the statistics do not depend on x
void normalization_gradients(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *sums = read.array(), *products = read.array(), *mean = read.array(), *inverse = read.array();
    const float *gamma = read.array();
    float *dgamma = read.array(), *dbeta = read.array(), *factors = read.array();
    const long parts = read.size(), channels = read.size();
    const float total = (float)read.size();
    const bool fixed = read.flag();
    if (needed) { *needed = 0; return; }
    for (long c = 0; c < channels; c++) {
        float sum = 0, product = 0;
        for (long p = 0; p < parts; p++) sum += sums[p * channels + c], product += products[p * channels + c];
        const float slope = product * inverse[c], a = (gamma ? gamma[c] : 1.0f) * inverse[c];
        if (dgamma) dgamma[c] = slope;
        if (dbeta) dbeta[c] = sum;
        const float b = fixed ? 0.0f : -a * inverse[c] * slope / total;
        factors[c] = a;
        factors[channels + c] = b;
        factors[2 * channels + c] = fixed ? 0.0f : -a * sum / total - b * mean[c];
    }
}

// dx = dy · a + (x · b + c)
void normalization_input_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *dy = read.array(), *factors = read.array();
    float *dx = read.array();
    const long rows = read.size(), channels = read.size();
    if (needed) { *needed = 0; return; }
    each_vector(channels, [&](long c, long count) {
        const Vector a = load_first(factors + c, count), b = load_first(factors + channels + c, count);
        const Vector d = load_first(factors + 2 * channels + c, count);
        for (long r = 0, at = c; r < rows; r++, at += channels)
            store_first(dx + at, fused(load_first(dy + at, count), a, fused(load_first(x + at, count), b, d)), count);
    });
}

// Losses whose rows (R, K) are sums of a value of each element, of a target y and an output x; and the slopes.
//
//     squared           (x - y)²                          2 · (x - y)
//     absolute          |x - y|                           sign(x - y)
//     binary            -y log p - (1 - y) log(1 - p)     (p - y) / (p · (1 - p)), 0 where p is kept from 0 and 1
//     binary logits     max(x, 0) - x · y + log(1 + exp(-|x|))                     p - y
//     categorical       -y log p                          p · Σ y - y
//
// p is x itself kept 1e-7 from 0 and 1 (binary), or what the network has made of the logits x; where that is too small to have a
// logarithm the logits are asked: log p = x - max x + log(max p). The values of a row are summed in four chains, as elsewhere, and
// divided by K, but for the categorical, in double precision; those of rows, times their weights, are added one after the other.
#include "doubles.h"
#include "task.h"

namespace {

enum Loss { SQUARED, ABSOLUTE, BINARY, BINARY_LOGITS, CATEGORICAL };

struct Element {
    Doubles value, slope;
};

INLINE Element squared(Doubles x, Doubles y, Doubles) {
    const Doubles difference = x - y;
    return {difference * difference, difference + difference};
}

INLINE Element absolute(Doubles x, Doubles y, Doubles) {
    const Doubles difference = x - y, one = every_double(1.0);
    const Doubles sign = choose((LongMask)(difference > Doubles{}), one, choose((LongMask)(difference < Doubles{}), -one, difference));
    return {size_of(difference), sign};
}

INLINE Element binary(Doubles x, Doubles y, Doubles) {
    const Doubles one = every_double(1.0), low = every_double(1e-7f), high = every_double(1.0f - 1e-7f);
    const Doubles p = choose((LongMask)(x < low), low, choose((LongMask)(x > high), high, x)), rest = one - p;
    const Doubles value = -(y * logarithm(p) + (one - y) * logarithm(rest));
    return {value, choose((LongMask)(p == x), (p - y) / (p * rest), choose((LongMask)(x == x), Doubles{}, x))};
}

INLINE Element binary_logits(Doubles x, Doubles y, Doubles p) {
    const Doubles above = choose((LongMask)(x < Doubles{}), Doubles{}, x);
    return {above - x * y + logarithm_of_one_more(exponential(-size_of(x))), p - y};
}

INLINE Element categorical(Doubles x, Doubles y, Doubles p) {
    // A target of 0 adds nothing, whatever the probability; the sum of the targets is multiplied into the slope by the caller.
    const LongMask none = (LongMask)(y == Doubles{}), tiny = (LongMask)(p < every_double(1e-30f));
    const Doubles safe = choose(tiny, x, logarithm(choose(tiny, every_double(1.0), p)));
    return {choose(none, choose((LongMask)(safe == safe), Doubles{}, safe), -y * safe), p};
}

INLINE Doubles lanes(const float *from, long count) {
    if (count >= LANES) return __builtin_convertvector(*(const HalfVector *)from, Doubles);
    double rest[LANES];
    for (int k = 0; k < LANES; k++) rest[k] = k < count ? (double)from[k] : 0.5;
    return *(const Doubles *)rest;
}

struct Job {
    const float *outputs, *targets, *squashed, *weights;
    double *total;
    float *gradient;
    long rows, columns;
    double divisor;
    double *values, *slopes;  // of one row each
};

INLINE double row_sum(const double *row, long columns) {
    double sums[4] = {};
    for (long c = 0; c < columns; c++) sums[c % 4] += row[c];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// For logits without a probability that can be told: what is added to them so that they are logarithms.
INLINE void shift_tiny(const Job &job, long row, double *shifted) {
    const float *x = job.outputs + row * job.columns, *p = job.squashed + row * job.columns;
    float most = x[0], likeliest = p[0];
    for (long c = 1; c < job.columns; c++) most = x[c] > most ? x[c] : most, likeliest = p[c] > likeliest ? p[c] : likeliest;
    const Doubles log = logarithm(every_double((double)likeliest));
    for (long c = 0; c < job.columns; c++) shifted[c] = (double)x[c] - (double)most + log[0];
}

template <class Function>
void all_rows(const Job &job, bool sums_only, Function function) {
    // Rows of few columns are taken together, so that vectors are full; the values are cut into rows again.
    const long together = sums_only || job.columns >= LANES ? 1 : LANES;
    *job.total = 0;
    for (long first = 0; first < job.rows; first += together) {
        const long rows = job.rows - first < together ? job.rows - first : together, count = rows * job.columns, at = first * job.columns;
        if (sums_only) shift_tiny(job, first, job.slopes);
        for (long i = 0; i < count; i += LANES) {
            const long left = count - i;
            Doubles x = lanes(job.outputs + at + i, left);
            if (sums_only) {
                double rest[LANES];
                for (int k = 0; k < LANES; k++) rest[k] = k < left ? job.slopes[i + k] : 0.0;
                x = *(const Doubles *)rest;
            }
            const Doubles p = job.squashed ? lanes(job.squashed + at + i, left) : x;
            const Element element = function(x, lanes(job.targets + at + i, left), p);
            for (int k = 0; k < LANES && k < left; k++) job.values[i + k] = element.value[k], job.slopes[i + k] = element.slope[k];
        }
        for (long r = 0; r < rows; r++) {
            const long row = first + r;
            const float weight = job.weights ? job.weights[row] : 1.0f;
            const double shares = sums_only ? 1.0 : (double)job.columns;
            // A value too large for a float is infinite, as it is for NumPy, so that a network that diverges shows it.
            const float value = (float)(row_sum(job.values + r * job.columns, job.columns) / shares);
            *job.total += (double)(value * weight);
            if (!job.gradient) continue;
            const float *y = job.targets + row * job.columns;
            double most = 0;
            if (sums_only) for (long c = 0; c < job.columns; c++) most += (double)y[c];
            for (long c = 0; c < job.columns; c++) {
                const double slope = job.slopes[r * job.columns + c];
                job.gradient[row * job.columns + c] = (float)((sums_only ? slope * most - (double)y[c] : slope) * weight / (shares * job.divisor));
            }
        }
    }
}

}  // namespace

void element_loss(const Task &task, int64_t *needed) {
    Reader read(task);
    Job job;
    job.outputs = read.array(), job.targets = read.array(), job.squashed = read.array(), job.weights = read.array();
    job.total = read.array<double>(), job.gradient = read.array();
    job.rows = read.size(), job.columns = read.size();
    const long loss = read.size();
    job.divisor = read.number();
    const long longest = job.columns * LANES;
    if (needed) { *needed = 4 * longest + 2; return; }
    job.values = (double *)(((uintptr_t)task.scratch + 7) & ~(uintptr_t)7), job.slopes = job.values + longest;
    if (loss >= BINARY_LOGITS && !job.squashed) { *job.total = __builtin_nan(""); return; }
    switch (loss) {
        case SQUARED: return all_rows(job, false, squared);
        case ABSOLUTE: return all_rows(job, false, absolute);
        case BINARY: return all_rows(job, false, binary);
        case BINARY_LOGITS: return all_rows(job, false, binary_logits);
        case CATEGORICAL: return all_rows(job, true, categorical);
    }
}

// Softmax and its crossentropy with class numbers, on rows (R, C).
//
// The largest of a row does not depend on an order. The sum of the powers is four chains, of every fourth column, added as
// (0 + 1) + (2 + 3), as elsewhere.
#include <math.h>
#include "functions.h"
#include "task.h"

namespace {

INLINE float row_sum(const float *row, long columns) {
    float sums[4] = {0, 0, 0, 0};
    for (long c = 0; c < columns; c++) sums[c % 4] += row[c];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

INLINE float row_largest(const float *row, long columns) {
    float most = row[0];
    for (long c = 1; c < columns; c++) most = row[c] > most ? row[c] : most;
    return most;
}

INLINE float logarithm_of(float x) {
    const Vector all = logarithm(spread(&x));
    return all[0];
}

}  // namespace

// y = exp(x - max) / Σ exp(x - max)
void softmax(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const long rows = read.size(), columns = read.size();
    if (needed) { *needed = 0; return; }
    for (long r = 0; r < rows; r++, x += columns, y += columns) {
        const float most = row_largest(x, columns);
        for (long c = 0; c < columns; c += WIDTH)
            store_first(y + c, exponential(load_first(x + c, columns - c) - spread(&most)), columns - c);
        const float sum = row_sum(y, columns);
        for (long c = 0; c < columns; c += WIDTH) store_first(y + c, load_first(y + c, columns - c) / spread(&sum), columns - c);
    }
}

// dx = (dy - Σ dy · y) · y
void softmax_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *y = read.array(), *dy = read.array();
    float *dx = read.array();
    const long rows = read.size(), columns = read.size();
    if (needed) { *needed = 0; return; }
    for (long r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
        float sums[4] = {0, 0, 0, 0};
        for (long c = 0; c < columns; c++) sums[c % 4] += dy[c] * y[c];
        const float mean = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        for (long c = 0; c < columns; c++) dx[c] = (dy[c] - mean) * y[c];
    }
}

// total = Σ -log p of the true class, times the row's weight, in double precision, row after row; gradient = (p - 1 at the true
// class) · weight / divisor. Where p is too small to have a logarithm, the logits are asked: -log p = max x - x - log(max p).
// `numbers` are checked by the caller.
void sparse_crossentropy(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *logits = read.array(), *probabilities = read.array();
    const int64_t *numbers = read.array<const int64_t>();
    const float *weights = read.array();
    double *total = read.array<double>();
    float *gradient = read.array();
    const long rows = read.size(), columns = read.size();
    const float divisor = (float)read.number(), smallest = 1e-30f;
    if (needed) { *needed = 0; return; }
    *total = 0;
    for (long r = 0; r < rows; r++) {
        const float *p = probabilities + r * columns, *x = logits + r * columns;
        const int64_t number = numbers[r];
        if (number < 0 || number >= columns) { *total = __builtin_nan(""); continue; }
        const float chosen = p[number];
        const float value = chosen < smallest
            ? row_largest(x, columns) - x[number] - logarithm_of(row_largest(p, columns))
            : -logarithm_of(chosen);
        const float weight = weights ? weights[r] : 1.0f;
        *total += (double)(value * weight);
        if (gradient) {
            float *slope = gradient + r * columns;
            for (long c = 0; c < columns; c++) slope[c] = (c == number ? p[c] - 1.0f : p[c]) * weight / divisor;
        }
    }
}

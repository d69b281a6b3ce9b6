// Attention of heads: query (N, T, heads, K), key (N, S, heads, K), value (N, S, heads, V) to y (N, T, heads, V).
//
//     weights = softmax(scale · query · keyᵀ), y = (weights · mask) · value
//
// Each product is one chain over K, S or T; the sums of softmax are those of `rows.h`. Of causal attention, keys behind the query's
// own place weigh nothing.
#include "functions.h"
#include "products.h"
#include "rows.h"
#include "task.h"

namespace {

struct Shape {
    long samples, queries, heads, width, keys, values;
};

const Tap WHOLE = {0, 0};

// Rows (count, length), `step` apart, as columns (length, count).
INLINE void turn(const float *rows, long count, long length, long step, float *columns) {
    for (long from = 0; from < length; from += 8)
        for (long r = 0; r < count; r++)
            for (long i = from; i < length && i < from + 8; i++) columns[i * count + r] = rows[r * step + i];
}

// out (rows, columns) = left (rows, length) · right (length, columns), each with its distance from row to row.
INLINE void multiply(const float *left, long left_step, long rows, long length, const float *right, long right_step, long columns,
                     float *out, long out_step) {
    const Gather job = {&WHOLE, 1, length, left_step, out_step, right, nullptr, right_step, columns, false};
    for (long channel = 0; channel < columns;) channel = gather_row(job, left, out, rows, channel);
}

// out (columns of left, columns) = leftᵀ · right, the products of (length, …) rows.
INLINE void multiply_columns(const float *left, long left_step, long length, long rows, const float *right, long right_step,
                             long columns, float *out, long out_step) {
    add_products({left, right, 1, length, 0, left_step, 0, right_step, out, out_step, 0, columns, true}, 0, rows);
}

INLINE void soften(float *row, long seen, long keys, float scale) {
    each_along(seen, [=](long c, long count) { store_first(row + c, load_first(row + c, count) * spread(&scale), count); });
    const float most = largest_along(row, seen);
    each_along(seen, [=](long c, long count) { store_first(row + c, exponential(load_first(row + c, count) - spread(&most)), count); });
    const float sum = sum_along(seen, [=](long c, long count) { return load_first(row + c, count); });
    each_along(seen, [=](long c, long count) { store_first(row + c, load_first(row + c, count) / spread(&sum), count); });
    for (long c = seen; c < keys; c++) row[c] = 0;
}

INLINE void multiply_rows(const float *a, const float *b, float *out, long count) {
    each_along(count, [=](long c, long left) { store_first(out + c, load_first(a + c, left) * load_first(b + c, left), left); });
}

}  // namespace

void attention(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *query = read.array(), *key = read.array(), *value = read.array(), *mask = read.array();
    float *weights = read.array(), *y = read.array();
    Shape s;
    s.samples = read.size(), s.queries = read.size(), s.heads = read.size(), s.width = read.size(), s.keys = read.size();
    s.values = read.size();
    const bool causal = read.flag();
    const float scale = (float)read.number();
    if (needed) { *needed = s.width * s.keys + s.queries * s.keys; return; }
    float *turned = task.scratch, *kept = turned + s.width * s.keys;
    const long across = s.heads * s.width, out = s.heads * s.values, block = s.queries * s.keys;
    if (!s.keys) { memset(y, 0, sizeof(float) * s.samples * s.queries * out); return; }
    for (long n = 0; n < s.samples; n++)
        for (long h = 0; h < s.heads; h++, weights += block) {
            turn(key + n * s.keys * across + h * s.width, s.keys, s.width, across, turned);
            multiply(query + n * s.queries * across + h * s.width, across, s.queries, s.width, turned, s.keys, s.keys, weights, s.keys);
            for (long t = 0; t < s.queries; t++)
                soften(weights + t * s.keys, causal && t + 1 < s.keys ? t + 1 : s.keys, s.keys, scale);
            const float *used = weights;
            if (mask) multiply_rows(weights, mask + (n * s.heads + h) * block, kept, block), used = kept;
            multiply(used, s.keys, s.queries, s.keys, value + n * s.keys * out + h * s.values, out, s.values,
                     y + n * s.queries * out + h * s.values, out);
        }
}

void attention_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *query = read.array(), *key = read.array(), *value = read.array(), *mask = read.array(), *weights = read.array();
    const float *dy = read.array();
    float *dquery = read.array(), *dkey = read.array(), *dvalue = read.array();
    Shape s;
    s.samples = read.size(), s.queries = read.size(), s.heads = read.size(), s.width = read.size(), s.keys = read.size();
    s.values = read.size();
    const float scale = (float)read.number();
    if (needed) { *needed = s.values * s.keys + s.queries * s.keys; return; }
    float *turned = task.scratch, *slopes = turned + s.values * s.keys;
    const long across = s.heads * s.width, out = s.heads * s.values, block = s.queries * s.keys;
    for (long n = 0; n < s.samples; n++)
        for (long h = 0; h < s.heads; h++, weights += block) {
            const long q = n * s.queries * across + h * s.width, k = n * s.keys * across + h * s.width, v = n * s.keys * out + h * s.values;
            const float *slope = dy + n * s.queries * out + h * s.values, *drawn = mask ? mask + (n * s.heads + h) * block : nullptr;
            if (dvalue) {
                if (drawn) multiply_rows(weights, drawn, slopes, block);
                multiply_columns(drawn ? slopes : weights, s.keys, s.queries, s.keys, slope, out, s.values, dvalue + v, out);
            }
            if (!dquery && !dkey) continue;
            turn(value + v, s.keys, s.values, out, turned);
            multiply(slope, out, s.queries, s.values, turned, s.keys, s.keys, slopes, s.keys);
            if (drawn) multiply_rows(slopes, drawn, slopes, block);
            for (long t = 0; t < s.queries; t++) {
                float *row = slopes + t * s.keys;
                const float *share = weights + t * s.keys;
                const float mean = sum_along(s.keys, [=](long c, long count) { return load_first(row + c, count) * load_first(share + c, count); });
                each_along(s.keys, [=](long c, long count) {
                    store_first(row + c, (load_first(row + c, count) - spread(&mean)) * load_first(share + c, count) * spread(&scale), count);
                });
            }
            if (dquery) multiply(slopes, s.keys, s.queries, s.keys, key + k, across, s.width, dquery + q, across);
            if (dkey) multiply_columns(slopes, s.keys, s.queries, s.keys, query + q, across, s.width, dkey + k, across);
        }
}

// Functions of each element. Inputs and outputs may be the same memory.
#include "functions.h"
#include "task.h"

// y = function(x)
template <class Function>
static void each(Reader &read, int64_t *needed, Function function) {
    const float *x = read.array();
    float *y = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) store_first(y + i, function(load_first(x + i, count - i)), count - i);
}

// y = function(a, b)
template <class Function>
static void each_pair(Reader &read, int64_t *needed, Function function) {
    const float *a = read.array(), *b = read.array();
    float *y = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH)
        store_first(y + i, function(load_first(a + i, count - i), load_first(b + i, count - i)), count - i);
}

// y = max(x, 0)
void rectify(const Task &task, int64_t *needed) {
    Reader read(task);
    each(read, needed, [](Vector x) { return rectify(x); });
}

// dx = dy where y > 0, else 0; y is what `rectify` gave
void rectify_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    each_pair(read, needed, [](Vector y, Vector dy) { return keep((Mask)(y > Vector{}), dy); });
}

// y = x · factor + offset, each rounded
void scale(const Task &task, int64_t *needed) {
    Reader read(task);
    const Vector factor = every((float)read.number()), offset = every((float)read.number());
    each(read, needed, [=](Vector x) { return x * factor + offset; });
}

// y = a + b
void add(const Task &task, int64_t *needed) {
    Reader read(task);
    each_pair(read, needed, [](Vector a, Vector b) { return a + b; });
}

// y = a · b
void multiply(const Task &task, int64_t *needed) {
    Reader read(task);
    each_pair(read, needed, [](Vector a, Vector b) { return a * b; });
}

// mask = 0 for the elements that are dropped, `scale` for the others; y = x · mask. One 32-bit hash of its number in the batch
// decides a pair of neighbours: the bits are those of `fittool.rng.keep_bits`, so a mask is the same on every engine.
void dropout(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array(), *mask = read.array();
    const uint32_t *key = read.array<const uint32_t>();
    const long samples = read.size(), elements = read.size();
    const long first = read.size();
    const uint32_t limit = (uint32_t)read.size();
    const float kept = (float)read.number();
    if (needed) { *needed = 0; return; }
    enum { BLOCK = 256 };
    const long pairs = (elements + 1) / 2;
    for (long n = 0; n < samples; n++)
        for (long from = 0; from < pairs; from += BLOCK) {
            uint32_t bits[BLOCK];
            for (long i = 0; i < BLOCK; i++) {
                uint32_t u = (uint32_t)((first + n) * pairs + from + i) + key[0];
                u ^= u >> 16; u *= 0x7FEB352Du; u ^= u >> 15; u += key[1]; u *= 0x846CA68Bu;
                u ^= u >> 16; u *= 0x7FEB352Du; u ^= u >> 15; u *= 0x846CA68Bu;
                bits[i] = u ^ (u >> 16);
            }
            const long at = n * elements + 2 * from, left = elements - 2 * from, count = left < 2 * BLOCK ? left : 2 * BLOCK;
            for (long i = 0; i < count; i++) {
                const uint32_t half = i & 1 ? bits[i / 2] >> 16 : bits[i / 2] & 0xFFFF;
                mask[at + i] = half >= limit ? kept : 0.0f;
            }
            for (long i = 0; i < count; i++) y[at + i] = x[at + i] * mask[at + i];
        }
}

// y = 1 / (1 + exp(-x))
void sigmoid(const Task &task, int64_t *needed) {
    Reader read(task);
    each(read, needed, [](Vector x) { return logistic(x); });
}

// dx = dy · (y · (1 - y))
void sigmoid_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    each_pair(read, needed, [](Vector y, Vector dy) { return dy * (y * (every(1.0f) - y)); });
}

// y = tanh(x)
void tanh_forward(const Task &task, int64_t *needed) {
    Reader read(task);
    each(read, needed, [](Vector x) { return hyperbolic_tangent(x); });
}

// dx = dy · (1 - y²)
void tanh_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    each_pair(read, needed, [](Vector y, Vector dy) { return dy * (every(1.0f) - y * y); });
}

// y = exp(x)
void exponentiate(const Task &task, int64_t *needed) {
    Reader read(task);
    each(read, needed, [](Vector x) { return exponential(x); });
}

// y = log(x)
void take_logarithm(const Task &task, int64_t *needed) {
    Reader read(task);
    each(read, needed, [](Vector x) { return logarithm(x); });
}

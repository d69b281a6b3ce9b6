// Products of rows (M, K) with a matrix (K, F): y = x · kernel + bias, and the gradients.
//
// Each element of y is one chain over K from the bias on, of the kernel's gradient one over the rows, of the input's gradient one
// over F; so a sample's outputs are the same in any company, and so are all results whichever columns one call computes.
#include "products.h"
#include "task.h"

// The columns [first, stop) of y.
void dense(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *kernel = read.array(), *bias = read.array();
    float *y = read.array();
    const long rows = read.size(), inputs = read.size(), units = read.size();
    const long first = read.size(), stop = read.size();
    const bool rectified = read.flag();
    if (needed) { *needed = 0; return; }
    const Tap whole = {0, 0};
    const Gather job = {&whole, 1, inputs, inputs, units, kernel, bias, units, stop < units ? stop : units, rectified};
    for (long channel = first; channel < job.channels;) channel = gather_row(job, x, y, rows, channel);
}

// The rows [first, stop) of the kernel's gradient; and the bias's.
void dense_kernel_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *dy = read.array();
    float *dkernel = read.array(), *dbias = read.array();
    const long rows = read.size(), inputs = read.size(), units = read.size();
    const long first = read.size(), asked = read.size(), stop = asked < inputs ? asked : inputs;
    if (needed) { *needed = 0; return; }
    add_products({x, dy, 1, rows, 0, inputs, 0, units, dkernel, units, 0, units, true}, first, stop);
    if (dbias)
        for (long f = 0; f < units; f += WIDTH) {
            Vector sum = {};
            for (long r = 0; r < rows; r++) sum += load_first(dy + r * units + f, units - f);
            store_first(dbias + f, sum, units - f);
        }
}

enum { PANEL = 32 };

// The columns [first, stop) of the input's gradient. So many rows of the kernel at a time are turned into columns, which stay in
// the cache while all rows of dy walk over them.
void dense_input_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    float *dx = read.array();
    const float *kernel = read.array(), *dy = read.array();
    const long rows = read.size(), inputs = read.size(), units = read.size();
    const long first = read.size(), asked = read.size(), stop = asked < inputs ? asked : inputs;
    if (needed) { *needed = units * PANEL; return; }
    float *panel = task.scratch;
    const Tap whole = {0, 0};
    for (long k = first; k < stop; k += PANEL) {
        const long count = stop - k < PANEL ? stop - k : (long)PANEL;
        for (long f = 0; f < units; f += 8)
            for (long i = 0; i < count; i++) {
                const float *from = kernel + (k + i) * units;
                for (long g = f; g < units && g < f + 8; g++) panel[g * PANEL + i] = from[g];
            }
        const Gather job = {&whole, 1, units, units, inputs, panel, nullptr, PANEL, count, false};
        for (long channel = 0; channel < count;) channel = gather_row(job, dy, dx + k, rows, channel);
    }
}

// out = left · right for B pairs of matrices, (M, K) · (K, N), each element one chain over K.
void product(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *left = read.array(), *right = read.array();
    float *out = read.array();
    const long pairs = read.size(), rows = read.size(), length = read.size(), columns = read.size();
    if (needed) { *needed = 0; return; }
    const Tap whole = {0, 0};
    for (long b = 0; b < pairs; b++, left += rows * length, right += length * columns, out += rows * columns) {
        const Gather job = {&whole, 1, length, length, columns, right, nullptr, columns, columns, false};
        for (long channel = 0; channel < columns;) channel = gather_row(job, left, out, rows, channel);
    }
}

// The same with the left matrices given by columns, (K, M).
void product_by_columns(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *left = read.array(), *right = read.array();
    float *out = read.array();
    const long pairs = read.size(), length = read.size(), rows = read.size(), columns = read.size();
    if (needed) { *needed = 0; return; }
    for (long b = 0; b < pairs; b++, left += rows * length, right += length * columns, out += rows * columns)
        add_products({left, right, 1, length, 0, rows, 0, columns, out, columns, 0, columns, true}, 0, rows);
}

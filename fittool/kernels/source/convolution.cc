// Convolutions of images (N, H, W, C) without patches: forward, and the gradients of the kernel, of the bias and of the input.
//
//     y[n, i, j, f] = bias[f] + Σ_(k, l, c) x[n, i·sy + k·dy - top, j·sx + l·dx - left, c] · kernel[k, l, c, f]
//
// Channels and filters may be in groups, (N, H, W, G, D) and (N, I, J, G, O), of which each convolves its own; the kernel is then
// (K, L, D, G, O). One group is the common case.
// Each sum is one chain of fused multiply-adds from the bias on, in the order of k, l, c. A gradient of the kernel is one chain
// over the samples, rows and columns; a gradient of an input over k from last to first, l from last to first, and f. What lies
// outside of the image is a zero in a padded copy of one image, which stays in the cache while all filters walk over it.
#include "images.h"

namespace {

// A kernel of one pixel that leaves none out walks over all pixels of all images as over one row.
bool is_product(const Shape &s) {
    return s.down == 1 && s.across == 1 && s.stride_down == 1 && s.stride_across == 1 && !s.top && !s.left && s.rows == s.height &&
           s.columns == s.width;
}

void as_one_row(Shape &s) {
    s.columns = s.width = s.samples * s.rows * s.columns;
    s.samples = s.rows = s.height = 1;
}

void forward(const Shape &s, const float *x, const float *kernel, const float *bias, float *y, bool rectified, float *scratch) {
    if (!s.rows || !s.columns) return;
    const Border border = border_of_input(s);
    Tap *taps = (Tap *)(scratch + border.floats());
    // Elements of a row of the kernel then meet neighbours in memory: one longer run.
    const bool whole_rows = s.step_across == 1 && s.groups == 1;
    const long across = whole_rows ? 1 : s.across;
    for (long k = 0; k < s.down; k++)
        for (long l = 0; l < across; l++)
            taps[k * across + l] = {(k * s.step_down * border.padded_width + l * s.step_across) * s.channels,
                                    (k * s.across + l) * s.inside * s.filters};
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(x + n * s.height * s.width * s.channels, scratch);
        for (long g = 0; g < s.groups; g++) {
            const Gather job = {taps, s.down * across, (whole_rows ? s.across : 1) * s.inside, s.stride_across * s.channels, s.filters,
                                kernel, bias, s.filters, (g + 1) * s.outside, rectified};
            for (long channel = g * s.outside, next = channel; channel < job.channels; channel = next)
                for (long i = 0; i < s.rows; i++)
                    next = gather_row(job, image + i * s.stride_down * border.padded_width * s.channels + g * s.inside,
                                      y + (n * s.rows + i) * s.columns * s.filters, s.columns, channel);
        }
    }
}

// The pixels of one phase of an image, of one group.
INLINE void gather_phase(const Shape &s, const Border &border, const Gather &job, const float *image, float *dx, long down, long across) {
    const long pixels = (s.width - across + s.stride_across - 1) / s.stride_across;
    for (long channel = 0, next = 0; channel < job.channels; channel = next)
        for (long h = down; h < s.height; h += s.stride_down)
            next = gather_row(job, image + (h - down) / s.stride_down * border.padded_width * s.filters,
                              dx + (h * s.width + across) * s.channels, pixels, channel);
}

// `turned` is the kernel (down, across, filters, inside) from its last element to its first, as `turn_kernel` makes it.
void input_gradient(const Shape &s, const float *dy, const float *turned, const float *bias, float *dx, float *scratch) {
    const Border border = border_of_gradient(s);
    Tap *taps = (Tap *)(scratch + border.floats());
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(dy + n * s.rows * s.columns * s.filters, scratch);
        // Pixels of one phase meet the same elements of the kernel, and neighbours of the output's gradient.
        for (long down = 0; down < s.stride_down && down < s.height; down++)
            for (long across = 0; across < s.stride_across && across < s.width; across++) {
                const long count = taps_of_phase(s, border, down, across, s.filters * s.inside, taps);
                for (long g = 0; g < s.groups; g++)
                    gather_phase(s, border, {taps, count, s.outside, s.filters, s.stride_across * s.channels,
                                             turned + g * s.outside * s.inside, bias ? bias + g * s.inside : nullptr, s.inside,
                                             s.inside, false},
                                 image + g * s.outside, dx + n * s.height * s.width * s.channels + g * s.inside, down, across);
            }
    }
}

void kernel_gradient(const Shape &s, const float *x, const float *dy, float *dkernel, float *dbias, bool fresh, float *scratch) {
    const Border border = border_of_input(s);
    // So many rows of the output at a time that they and what they touch of the input stay in the first cache.
    const long together = s.rows == 1 ? 1 : s.columns > 16 ? 4 : 8;
    const bool whole_rows = s.step_across == 1 && s.groups == 1;
    const long across = whole_rows ? 1 : s.across, run = (whole_rows ? s.across : 1) * s.inside;
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(x + n * s.height * s.width * s.channels, scratch);
        for (long i = 0; i < s.rows; i += together) {
            const long rows = s.rows - i < together ? s.rows - i : together;
            const float *g = dy + (n * s.rows + i) * s.columns * s.filters;
            if (dbias)
                for (long f = 0; f < s.filters; f += WIDTH) {
                    Vector sum = load_first(dbias + f, s.filters - f);
                    for (long p = 0; p < rows * s.columns; p++) sum += load_first(g + p * s.filters + f, s.filters - f);
                    store_first(dbias + f, sum, s.filters - f);
                }
            for (long k = 0; k < s.down; k++)
                for (long l = 0; l < across; l++) {
                    const float *from = image + ((i * s.stride_down + k * s.step_down) * border.padded_width + l * s.step_across) * s.channels;
                    for (long q = 0; q < s.groups; q++)
                        add_products({from + q * s.inside, g, rows, s.columns, s.stride_down * border.padded_width * s.channels,
                                      s.stride_across * s.channels, s.columns * s.filters, s.filters,
                                      dkernel + (k * s.across + l) * s.inside * s.filters, s.filters, q * s.outside,
                                      (q + 1) * s.outside, fresh && n == 0 && i == 0}, 0, run);
                }
        }
    }
}

}  // namespace

void convolution(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *kernel = read.array();
    const float *bias = read.array();
    float *y = read.array();
    Shape s = shape_of(read);
    const bool rectified = read.flag();
    if (is_product(s)) as_one_row(s);
    if (needed) { *needed = border_of_input(s).floats() + floats_for_taps(s); return; }
    forward(s, x, kernel, bias, y, rectified, task.scratch);
}

void convolution_input_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    float *dx = read.array();
    const float *turned = read.array(), *bias = read.array(), *dy = read.array();
    Shape s = shape_of(read);
    if (is_product(s)) as_one_row(s);
    if (needed) { *needed = border_of_gradient(s).floats() + floats_for_taps(s); return; }
    input_gradient(s, dy, turned, bias, dx, task.scratch);
}

void convolution_kernel_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *dkernel = read.array(), *dbias = read.array();
    const float *dy = read.array();
    Shape s = shape_of(read);
    const bool fresh = read.flag();
    if (is_product(s)) as_one_row(s);
    if (needed) { *needed = border_of_input(s).floats(); return; }
    if (fresh && dbias) memset(dbias, 0, sizeof(float) * s.filters);
    kernel_gradient(s, x, dy, dkernel, dbias, fresh, task.scratch);
}

// sums = Σ of the rows (R, C), one chain each; added to what is there unless `fresh`
void column_sums(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *sums = read.array();
    const long rows = read.size(), channels = read.size();
    const bool fresh = read.flag();
    if (needed) { *needed = 0; return; }
    for (long c = 0; c < channels; c += WIDTH) {
        Vector sum = fresh ? Vector{} : load_first(sums + c, channels - c);
        for (long r = 0; r < rows; r++) sum += load_first(x + r * channels + c, channels - c);
        store_first(sums + c, sum, channels - c);
    }
}

// (elements, channels, filters) to (elements, filters, channels), the elements from last to first.
void turn_kernel(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *kernel = read.array();
    float *turned = read.array();
    const long elements = read.size(), channels = read.size(), filters = read.size();
    if (needed) { *needed = 0; return; }
    for (long e = 0; e < elements; e++) {
        const float *from = kernel + e * channels * filters;
        float *to = turned + (elements - 1 - e) * channels * filters;
        for (long f = 0; f < filters; f += 8)
            for (long c = 0; c < channels; c++)
                for (long i = f; i < filters && i < f + 8; i++) to[i * channels + c] = from[c * filters + i];
    }
}

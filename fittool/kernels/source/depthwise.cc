// Depthwise convolutions of images (N, H, W, C): each channel with a kernel of its own, (K, L, C).
//
//     y[n, i, j, c] = bias[c] + Σ_(k, l) x[n, i·sy + k·dy - top, j·sx + l·dx - left, c] · kernel[k, l, c]
//
// Channels lie side by side in a vector; a tile of neighbouring positions shares each loaded element of the kernel. Sums are
// chains as in `convolution.cc`: over k, l; a gradient of the kernel over samples, rows and columns.
#include "images.h"

namespace {

#if WIDTH == 8
enum { TILE = 8, ELEMENTS = 9 };
#else
enum { TILE = 12, ELEMENTS = 12 };
#endif

struct Walk {
    const Tap *taps;
    long count, input_step, output_step;
    const float *weights, *bias;
    bool rectified;
};

template <int P>
INLINE void walk_tile(const Walk &job, const float *input, float *output, long c, long lanes) {
    Vector sums[P];
    const Vector start = job.bias ? load_first(job.bias + c, lanes) : Vector{};
    UNROLL for (int p = 0; p < P; p++) sums[p] = start;
    for (long tap = 0; tap < job.count; tap++) {
        const Vector weight = load_first(job.weights + job.taps[tap].weights + c, lanes);
        const float *x = input + job.taps[tap].input + c;
        UNROLL for (int p = 0; p < P; p++) sums[p] = fused(load_first(x + p * job.input_step, lanes), weight, sums[p]);
    }
    UNROLL for (int p = 0; p < P; p++)
        store_first(output + p * job.output_step + c, job.rectified ? rectify(sums[p]) : sums[p], lanes);
}

INLINE void walk_row(const Walk &job, const float *input, float *output, long positions, long channels) {
    for (long c = 0; c < channels; c += WIDTH) {
        const long lanes = channels - c;
        long p = 0;
        for (; p + TILE <= positions; p += TILE)
            if (lanes >= WIDTH) walk_tile<TILE>(job, input + p * job.input_step, output + p * job.output_step, c, WIDTH);
            else walk_tile<TILE>(job, input + p * job.input_step, output + p * job.output_step, c, lanes);
        for (; p + 4 <= positions; p += 4) walk_tile<4>(job, input + p * job.input_step, output + p * job.output_step, c, lanes);
        for (; p < positions; p++) walk_tile<1>(job, input + p * job.input_step, output + p * job.output_step, c, lanes);
    }
}

// Adds to E elements of the kernel's gradient, whose inputs lie at `taps`, what an image's rows give.
template <int E>
void add_elements(const Shape &s, const Tap *taps, const float *image, const float *dy, float *dkernel, long row, long step) {
    for (long c = 0; c < s.channels; c += WIDTH) {
        const long lanes = s.channels - c;
        Vector sums[E];
        UNROLL for (int e = 0; e < E; e++) sums[e] = load_first(dkernel + taps[e].weights + c, lanes);
        for (long i = 0; i < s.rows; i++)
            for (long j = 0; j < s.columns; j++) {
                const Vector g = load_first(dy + (i * s.columns + j) * s.channels + c, lanes);
                const float *x = image + i * row + j * step + c;
                UNROLL for (int e = 0; e < E; e++) sums[e] = fused(load_first(x + taps[e].input, lanes), g, sums[e]);
            }
        UNROLL for (int e = 0; e < E; e++) store_first(dkernel + taps[e].weights + c, sums[e], lanes);
    }
}

template <int E>
INLINE void add_some(long count, const Shape &s, const Tap *taps, const float *image, const float *dy, float *to, long row, long step) {
    if constexpr (E > 1) {
        if (count >= E) add_elements<E>(s, taps, image, dy, to, row, step);
        else add_some<E - 1>(count, s, taps, image, dy, to, row, step);
    } else add_elements<1>(s, taps, image, dy, to, row, step);
}

Shape depthwise_shape(Reader &read) {
    Shape s;
    s.samples = read.size(), s.height = read.size(), s.width = read.size(), s.channels = s.filters = read.size();
    s.down = read.size(), s.across = read.size(), s.rows = read.size(), s.columns = read.size();
    s.top = read.size(), s.left = read.size(), s.stride_down = read.size(), s.stride_across = read.size();
    s.step_down = read.size(), s.step_across = read.size();
    s.groups = s.channels, s.inside = s.outside = 1;
    return s;
}

void taps_of_kernel(const Shape &s, const Border &border, Tap *taps) {
    for (long k = 0; k < s.down; k++)
        for (long l = 0; l < s.across; l++)
            taps[k * s.across + l] = {(k * s.step_down * border.padded_width + l * s.step_across) * s.channels,
                                      (k * s.across + l) * s.channels};
}

}  // namespace

void depthwise(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *kernel = read.array(), *bias = read.array();
    float *y = read.array();
    const Shape s = depthwise_shape(read);
    const bool rectified = read.flag();
    const Border border = border_of_input(s);
    if (needed) { *needed = border.floats() + floats_for_taps(s); return; }
    Tap *taps = (Tap *)(task.scratch + border.floats());
    taps_of_kernel(s, border, taps);
    const Walk job = {taps, s.down * s.across, s.stride_across * s.channels, s.channels, kernel, bias, rectified};
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(x + n * s.height * s.width * s.channels, task.scratch);
        for (long i = 0; i < s.rows; i++)
            walk_row(job, image + i * s.stride_down * border.padded_width * s.channels,
                     y + (n * s.rows + i) * s.columns * s.channels, s.columns, s.channels);
    }
}

void depthwise_input_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    float *dx = read.array();
    const float *kernel = read.array(), *dy = read.array();
    const Shape s = depthwise_shape(read);
    const Border border = border_of_gradient(s);
    if (needed) { *needed = border.floats() + floats_for_taps(s); return; }
    Tap *taps = (Tap *)(task.scratch + border.floats());
    const long last = (s.down * s.across - 1) * s.channels;
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(dy + n * s.rows * s.columns * s.channels, task.scratch);
        for (long down = 0; down < s.stride_down && down < s.height; down++)
            for (long across = 0; across < s.stride_across && across < s.width; across++) {
                const long count = taps_of_phase(s, border, down, across, s.channels, taps);
                for (long tap = 0; tap < count; tap++) taps[tap].weights = last - taps[tap].weights;  // the kernel is not turned
                const Walk job = {taps, count, s.channels, s.stride_across * s.channels, kernel, nullptr, false};
                const long pixels = (s.width - across + s.stride_across - 1) / s.stride_across;
                for (long h = down; h < s.height; h += s.stride_down)
                    walk_row(job, image + (h - down) / s.stride_down * border.padded_width * s.channels,
                             dx + ((n * s.height + h) * s.width + across) * s.channels, pixels, s.channels);
            }
    }
}

void depthwise_kernel_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *dkernel = read.array(), *dbias = read.array();
    const float *dy = read.array();
    const Shape s = depthwise_shape(read);
    const bool fresh = read.flag();
    const Border border = border_of_input(s);
    if (needed) { *needed = border.floats() + floats_for_taps(s); return; }
    Tap *taps = (Tap *)(task.scratch + border.floats());
    taps_of_kernel(s, border, taps);
    const long elements = s.down * s.across, positions = s.rows * s.columns;
    if (fresh) {
        memset(dkernel, 0, sizeof(float) * elements * s.channels);
        if (dbias) memset(dbias, 0, sizeof(float) * s.channels);
    }
    for (long n = 0; n < s.samples; n++) {
        const float *image = border.around(x + n * s.height * s.width * s.channels, task.scratch);
        const float *g = dy + n * positions * s.channels;
        for (long e = 0; e < elements; e += ELEMENTS)
            add_some<ELEMENTS>(elements - e, s, taps + e, image, g, dkernel, s.stride_down * border.padded_width * s.channels,
                               s.stride_across * s.channels);
        if (dbias)
            for (long c = 0; c < s.channels; c += WIDTH) {
                Vector sum = load_first(dbias + c, s.channels - c);
                for (long p = 0; p < positions; p++) sum += load_first(g + p * s.channels + c, s.channels - c);
                store_first(dbias + c, sum, s.channels - c);
            }
    }
}

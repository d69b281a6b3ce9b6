// Pooling of images (N, H, W, C) with windows of any size, strides and padding; places outside of the image do not count.
#include "task.h"
#include "vectors.h"

namespace {

struct Pooling {
    long samples, height, width, channels, rows, columns, down, across, top, left, stride_down, stride_across;

    explicit Pooling(Reader &read) {
        samples = read.size(), height = read.size(), width = read.size(), channels = read.size();
        rows = read.size(), columns = read.size(), down = read.size(), across = read.size();
        top = read.size(), left = read.size(), stride_down = read.size(), stride_across = read.size();
    }

    bool overlaps() const { return stride_down < down || stride_across < across; }

    // Calls `work(output, first, stop_down, stop_across)` for each window: where its result lies, and the part of the image in it.
    template <class Work>
    static inline __attribute__((always_inline)) void each_window(const Pooling &p, Work work) {
        for (long n = 0; n < p.samples; n++)
            for (long i = 0; i < p.rows; i++)
                for (long j = 0; j < p.columns; j++) {
                    const long low = i * p.stride_down - p.top, start = j * p.stride_across - p.left;
                    const long from = low < 0 ? 0 : low, to = low + p.down > p.height ? p.height : low + p.down;
                    const long begin = start < 0 ? 0 : start, end = start + p.across > p.width ? p.width : start + p.across;
                    work(((n * p.rows + i) * p.columns + j) * p.channels, n * p.height, from, to, begin, end);
                }
    }
};

}  // namespace

// y = the largest of each window; what is no number wins, so that it is seen
void max_pooling(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const Pooling p(read);
    if (needed) { *needed = 0; return; }
    Pooling::each_window(p, [&](long output, long image, long from, long to, long begin, long end) {
        for (long c = 0; c < p.channels; c += WIDTH) {
            const long count = p.channels - c;
            Vector most = every(-__builtin_inff());
            for (long h = from; h < to; h++)
                for (long w = begin; w < end; w++) {
                    const Vector value = load_first(x + ((image + h) * p.width + w) * p.channels + c, count);
                    most = choose((Mask)(value > most) | (Mask)(value != value), value, most);
                }
            store_first(y + output + c, most, count);
        }
    });
}

// dx = dy at the first place of each window that holds the largest, by rows
void max_pooling_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *y = read.array(), *dy = read.array();
    float *dx = read.array();
    const Pooling p(read);
    if (needed) { *needed = 0; return; }
    memset(dx, 0, sizeof(float) * p.samples * p.height * p.width * p.channels);
    const bool adds = p.overlaps();
    Pooling::each_window(p, [&](long output, long image, long from, long to, long begin, long end) {
        for (long c = 0; c < p.channels; c += WIDTH) {
            const long count = p.channels - c;
            const Vector most = load_first(y + output + c, count);
            Vector rest = load_first(dy + output + c, count);
            for (long h = from; h < to; h++)
                for (long w = begin; w < end; w++) {
                    const long at = ((image + h) * p.width + w) * p.channels + c;
                    const Mask here = (Mask)(load_first(x + at, count) == most);
                    const Vector share = keep(here, rest);
                    rest = keep(~here, rest);
                    store_first(dx + at, adds ? load_first(dx + at, count) + share : share, count);
                }
        }
    });
}

// y = (Σ of the window, by rows) · (1 / the number of places)
void average_pooling(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const Pooling p(read);
    if (needed) { *needed = 0; return; }
    Pooling::each_window(p, [&](long output, long image, long from, long to, long begin, long end) {
        const Vector share = every((float)(1.0 / (double)((to - from) * (end - begin))));
        for (long c = 0; c < p.channels; c += WIDTH) {
            const long count = p.channels - c;
            Vector sum = {};
            for (long h = from; h < to; h++)
                for (long w = begin; w < end; w++) sum += load_first(x + ((image + h) * p.width + w) * p.channels + c, count);
            store_first(y + output + c, sum * share, count);
        }
    });
}

void average_pooling_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    float *dx = read.array();
    const float *dy = read.array();
    const Pooling p(read);
    if (needed) { *needed = 0; return; }
    memset(dx, 0, sizeof(float) * p.samples * p.height * p.width * p.channels);
    Pooling::each_window(p, [&](long output, long image, long from, long to, long begin, long end) {
        const Vector share = every((float)(1.0 / (double)((to - from) * (end - begin))));
        for (long c = 0; c < p.channels; c += WIDTH) {
            const long count = p.channels - c;
            const Vector part = load_first(dy + output + c, count) * share;
            for (long h = from; h < to; h++)
                for (long w = begin; w < end; w++) {
                    float *at = dx + ((image + h) * p.width + w) * p.channels + c;
                    store_first(at, load_first(at, count) + part, count);
                }
        }
    });
}

// y = (Σ over the positions of each image, four chains as in `moments`) · (1 / positions)
void global_average(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const long samples = read.size(), positions = read.size(), channels = read.size();
    if (needed) { *needed = 0; return; }
    const Vector share = every((float)(1.0 / (double)positions));
    for (long n = 0; n < samples; n++)
        for (long c = 0; c < channels; c += WIDTH) {
            const float *from = x + n * positions * channels + c;
            Vector sums[4] = {};
            for (long p = 0; p < positions; p++) sums[p % 4] += load_first(from + p * channels, channels - c);
            store_first(y + n * channels + c, ((sums[0] + sums[1]) + (sums[2] + sums[3])) * share, channels - c);
        }
}

void global_average_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *dy = read.array();
    float *dx = read.array();
    const long samples = read.size(), channels = read.size(), positions = read.size();
    if (needed) { *needed = 0; return; }
    const Vector share = every((float)(1.0 / (double)positions));
    for (long n = 0; n < samples; n++)
        for (long p = 0; p < positions; p++)
            for (long c = 0; c < channels; c += WIDTH)
                store_first(dx + (n * positions + p) * channels + c, load_first(dy + n * channels + c, channels - c) * share, channels - c);
}

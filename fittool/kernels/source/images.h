// Windows over images: the border of zeros around an image, and which elements of a kernel meet which pixels.
#pragma once
#include <string.h>
#include "products.h"
#include "task.h"

namespace {

INLINE long largest(long a, long b) { return a > b ? a : b; }
INLINE long floor_divide(long a, long b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

struct Shape {
    long samples, height, width, channels, down, across, filters, rows, columns;  // kernel: down · across
    long top, left, stride_down, stride_across, step_down, step_across;           // step: dilation
    long groups, inside, outside;  // channels = groups · inside, filters = groups · outside
};

// An image (height, width, channels) with a border of zeros.
struct Border {
    long height, width, channels, top, left, padded_height, padded_width;

    bool needed() const { return top || left || padded_height != height || padded_width != width; }
    // A multiple of 16, so that what lies behind it in scratch is aligned.
    long floats() const { return needed() ? (padded_height * padded_width * channels + 15) / 16 * 16 : 0; }

    const float *around(const float *image, float *scratch) const {
        if (!needed()) return image;
        const long row = padded_width * channels, inside = width * channels, before = left * channels;
        memset(scratch, 0, sizeof(float) * top * row);
        for (long h = 0; h < height; h++) {
            float *to = scratch + (top + h) * row;
            memset(to, 0, sizeof(float) * before);
            memcpy(to + before, image + h * inside, sizeof(float) * inside);
            memset(to + before + inside, 0, sizeof(float) * (row - before - inside));
        }
        memset(scratch + (top + height) * row, 0, sizeof(float) * (padded_height - top - height) * row);
        return scratch;
    }
};

// The border that makes every place that the kernel touches one of memory, wherever strides and padding send it.
INLINE Border border_of_input(const Shape &s) {
    const long bottom = (s.rows - 1) * s.stride_down + (s.down - 1) * s.step_down - s.top;
    const long right = (s.columns - 1) * s.stride_across + (s.across - 1) * s.step_across - s.left;
    return {s.height, s.width, s.channels, s.top, s.left,
            s.top + largest(s.height, bottom + 1), s.left + largest(s.width, right + 1)};
}

// Likewise for the gradient of the output, which the gradient of the input gathers.
INLINE Border border_of_gradient(const Shape &s) {
    const long first_row = floor_divide(s.top - (s.down - 1) * s.step_down, s.stride_down);
    const long first_column = floor_divide(s.left - (s.across - 1) * s.step_across, s.stride_across);
    const long last_row = (s.height - 1 + s.top) / s.stride_down, last_column = (s.width - 1 + s.left) / s.stride_across;
    const long top = largest(0, -first_row), left = largest(0, -first_column);
    return {s.rows, s.columns, s.filters, top, left, top + largest(s.rows, last_row + 1), left + largest(s.columns, last_column + 1)};
}

// The elements of the kernel that meet the pixels (down + a · stride_down, across + b · stride_across) of an image,
// from the last to the first, for weights in the order `turn_kernel` gives them; `matrix` is the floats of one element.
INLINE long taps_of_phase(const Shape &s, const Border &border, long down, long across, long matrix, Tap *taps) {
    long count = 0;
    for (long k = s.down - 1; k >= 0; k--) {
        const long row = down + s.top - k * s.step_down;
        if (row - floor_divide(row, s.stride_down) * s.stride_down) continue;
        for (long l = s.across - 1; l >= 0; l--) {
            const long column = across + s.left - l * s.step_across;
            if (column - floor_divide(column, s.stride_across) * s.stride_across) continue;
            const long at = (floor_divide(row, s.stride_down) + border.top) * border.padded_width +
                            floor_divide(column, s.stride_across) + border.left;
            taps[count++] = {at * border.channels, ((s.down - 1 - k) * s.across + s.across - 1 - l) * matrix};
        }
    }
    return count;
}

INLINE Shape shape_of(Reader &read) {
    Shape s;
    s.samples = read.size(), s.height = read.size(), s.width = read.size(), s.groups = read.size(), s.inside = read.size();
    s.down = read.size(), s.across = read.size(), s.outside = read.size(), s.rows = read.size(), s.columns = read.size();
    s.top = read.size(), s.left = read.size(), s.stride_down = read.size(), s.stride_across = read.size();
    s.step_down = read.size(), s.step_across = read.size();
    s.channels = s.groups * s.inside, s.filters = s.groups * s.outside;
    return s;
}

INLINE long floats_for_taps(const Shape &s) { return s.down * s.across * (long)(sizeof(Tap) / sizeof(float)); }

}  // namespace

// The warp of augmentation: images (N, H, W, C) whose pixels are read where fixed-point coordinates say.
//
// A coordinate has 16 fraction bits. Pixel (row, column) of image n comes from x = columns[n, 0, column] + rows[n, 0, row] and
// y = columns[n, 1, column] + rows[n, 1, row], folded into the image as the fill mode says. All of it is arithmetic on whole
// numbers, and on floats the operations of the NumPy path one by one, so both give the same bytes.
//
// Each image is laid out anew with one more row and column that repeat the first, so that every pixel has a right and a lower
// neighbour, and a tail of fill values, to which pixels from outside point. Work goes by runs of a row that stay in the nearest
// cache: where to read, then reading, then mixing, each a plain loop without branches that compilers turn into vectors.
#include <string.h>
#include "task.h"
#include "vectors.h"

namespace {

enum { BITS = 16, ONE = 1 << BITS, HALF = ONE / 2, BLOCK = 128, LARGEST_SIDE = 8191 };  // twice the side must fit into 32 bits
enum FillMode { NEAREST, CONSTANT, WRAP, REFLECT };

struct Warp {
    long images, height, width, channels;
    const int32_t *columns, *rows;  // (N, 2, W) and (N, 2, H): x, y
    FillMode mode;
    bool nearest;  // takes the nearest pixel instead of mixing four

    long area() const { return (height + 1) * (width + 1); }
    long cells() const { return area() + width + 3; }
};

// Where a run of pixels is read.
struct Places {
    int32_t x[BLOCK], y[BLOCK];
    int32_t cell[BLOCK];  // of the upper left source pixel
};

// c modulo period, from 0 on; the quotient is one off at most, as c / period is below 2^15.
INLINE int32_t modulo(int32_t c, int32_t period, float inverse) {
    int32_t rest = (int32_t)((uint32_t)c - (uint32_t)(int32_t)((float)c * inverse) * (uint32_t)period);
    rest += rest < 0 ? period : 0;
    return rest - (rest >= period ? period : 0);
}

INLINE int32_t clip(int32_t c, int32_t most) { return c < 0 ? 0 : c > most ? most : c; }

template <FillMode MODE>
INLINE int32_t fold(int32_t c, int32_t period, float inverse) {
    if (MODE == WRAP) return modulo(c, period, inverse);
    if (MODE == REFLECT) {
        c = modulo((int32_t)((uint32_t)c + HALF), 2 * period, inverse);
        c = (c < 2 * period - c ? c : 2 * period - c) - HALF;
    }
    return clip(c, period - ONE);
}

// The places of `count` pixels of a row; `add_x` and `add_y` are what brings them to the cell that is read.
template <FillMode MODE>
static void find_places(const Warp &warp, const int32_t *columns, int32_t row_x, int32_t row_y, long count, int32_t add_x,
                        int32_t add_y, Places &to) {
    const int32_t across = (int32_t)warp.width * ONE, down = (int32_t)warp.height * ONE, stride = (int32_t)warp.width + 1;
    const float by_across = 1.0f / (MODE == REFLECT ? 2 * across : across), by_down = 1.0f / (MODE == REFLECT ? 2 * down : down);
    const int32_t tail = (int32_t)warp.area();
    const int32_t *columns_y = columns + warp.width;
    for (long i = 0; i < count; i++) {
        const int32_t x = (int32_t)((uint32_t)columns[i] + (uint32_t)row_x), y = (int32_t)((uint32_t)columns_y[i] + (uint32_t)row_y);
        const int32_t to_x = fold<MODE>(x, across, by_across) + add_x, to_y = fold<MODE>(y, down, by_down) + add_y;
        const bool outside = MODE == CONSTANT && ((uint32_t)x > (uint32_t)(across - ONE) || (uint32_t)y > (uint32_t)(down - ONE));
        to.x[i] = to_x, to.y[i] = to_y;
        to.cell[i] = outside ? tail : (to_y >> BITS) * stride + (to_x >> BITS);
    }
}

typedef void FindPlaces(const Warp &, const int32_t *, int32_t, int32_t, long, int32_t, int32_t, Places &);
static FindPlaces *const FIND_PLACES[] = {find_places<NEAREST>, find_places<CONSTANT>, find_places<WRAP>, find_places<REFLECT>};

template <class Element>
static void lay_out(const Warp &warp, const Element *image, Element fill, Element *cells) {
    const long row = warp.width * warp.channels, stride = row + warp.channels;
    for (long h = 0; h <= warp.height; h++) {
        const Element *from = image + (h < warp.height ? h : 0) * row;
        memcpy(cells + h * stride, from, sizeof(Element) * row);
        memcpy(cells + h * stride + row, from, sizeof(Element) * warp.channels);
    }
    for (long i = warp.area() * warp.channels; i < warp.cells() * warp.channels + 4; i++) cells[i] = fill;  // 4: reading is by 4
}

// What is the same for all pixels of a sampler: C channels are held in LANES numbers each.
template <class Element, int C>
struct Sampler {
    enum { LANES = C == 3 ? 4 : C };
};

// Upper and lower bytes are mixed with weights of 8 bits, the results with weights of 16; only the last is rounded.
template <int C>
static void mix(const uint8_t *cells, long stride, long count, const Places &at, uint8_t *to) {
    enum { LANES = Sampler<uint8_t, C>::LANES };
    uint8_t pixels[4][BLOCK * LANES];  // upper left, upper right, lower left, lower right
    uint16_t lower[BLOCK * LANES];
    uint32_t right[BLOCK * LANES];
    for (long i = 0; i < count; i++) {
        const uint8_t *from = cells + (long)at.cell[i] * C;
        memcpy(pixels[0] + i * LANES, from, LANES);
        memcpy(pixels[1] + i * LANES, from + C, LANES);
        memcpy(pixels[2] + i * LANES, from + stride, LANES);
        memcpy(pixels[3] + i * LANES, from + stride + C, LANES);
    }
    for (long i = 0; i < count; i++)
        UNROLL for (int c = 0; c < LANES; c++) {
            lower[i * LANES + c] = (uint16_t)(at.y[i] >> (BITS - 8) & 0xFF);
            right[i * LANES + c] = (uint32_t)(at.x[i] & (ONE - 1));
        }
    uint8_t mixed[BLOCK * LANES];
    for (long i = 0; i < count * LANES; i++) {
        const uint16_t down = lower[i], up = (uint16_t)(256 - down);
        const uint16_t left_side = (uint16_t)(pixels[0][i] * up + pixels[2][i] * down);
        const uint16_t right_side = (uint16_t)(pixels[1][i] * up + pixels[3][i] * down);
        const uint32_t both = ((uint32_t)left_side << 16) + ((uint32_t)right_side - (uint32_t)left_side) * right[i];
        mixed[i] = (uint8_t)((both + (1u << 23)) >> 24);
    }
    if (LANES == C) {
        memcpy(to, mixed, count * C);
        return;
    }
    for (long i = 0; i < count - 1; i++) memcpy(to + i * C, mixed + i * LANES, LANES);  // the next one covers what is too much
    memcpy(to + (count - 1) * C, mixed + (count - 1) * LANES, C);
}

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

INLINE Four between(Four first, Four second, Four weight) { return first + (second - first) * weight; }

// Floats are mixed along the row, then down.
template <int C>
static void mix(const float *cells, long stride, long count, const Places &at, float *to) {
    for (long i = 0; i < count; i++) {
        const float *from = cells + (long)at.cell[i] * C;
        const float right = (float)(at.x[i] & (ONE - 1)) * (1.0f / ONE), lower = (float)(at.y[i] & (ONE - 1)) * (1.0f / ONE);
        const Four across = {right, right, right, right}, down = {lower, lower, lower, lower};
        Four corners[4];
        memcpy(&corners[0], from, 16);
        memcpy(&corners[1], from + C, 16);
        memcpy(&corners[2], from + stride, 16);
        memcpy(&corners[3], from + stride + C, 16);
        const Four value = between(between(corners[0], corners[1], across), between(corners[2], corners[3], across), down);
        memcpy(to + i * C, &value, sizeof(float) * (i < count - 1 ? (C == 3 ? 4 : C) : C));
    }
}

// Any number of channels.
static void mix_many(const uint8_t *cells, long stride, long channels, long count, const Places &at, uint8_t *to) {
    for (long i = 0; i < count; i++) {
        const uint8_t *from = cells + at.cell[i] * channels, *right_from = from + channels;
        const uint32_t down = (uint32_t)(at.y[i] >> (BITS - 8) & 0xFF), up = 256 - down, right = (uint32_t)(at.x[i] & (ONE - 1));
        for (long c = 0; c < channels; c++) {
            const uint32_t left_side = from[c] * up + from[stride + c] * down;
            const uint32_t right_side = right_from[c] * up + right_from[stride + c] * down;
            to[i * channels + c] = (uint8_t)(((left_side << 16) + (right_side - left_side) * right + (1u << 23)) >> 24);
        }
    }
}

static void mix_many(const float *cells, long stride, long channels, long count, const Places &at, float *to) {
    for (long i = 0; i < count; i++) {
        const float *above = cells + at.cell[i] * channels, *below = above + stride;
        const float right = (float)(at.x[i] & (ONE - 1)) * (1.0f / ONE), lower = (float)(at.y[i] & (ONE - 1)) * (1.0f / ONE);
        for (long c = 0; c < channels; c++) {
            const float upper = above[c] + (above[c + channels] - above[c]) * right;
            const float under = below[c] + (below[c + channels] - below[c]) * right;
            to[i * channels + c] = upper + (under - upper) * lower;
        }
    }
}

template <class Element, int C>
static void copy(const Element *cells, long count, const Places &at, Element *to) {
    for (long i = 0; i < count; i++) memcpy(to + i * C, cells + (long)at.cell[i] * C, sizeof(Element) * C);
}

template <class Element, int C>
INLINE void sample(const Warp &warp, const Element *cells, long count, const Places &at, Element *to) {
    if (warp.nearest) copy<Element, C>(cells, count, at, to);
    else mix<C>(cells, (warp.width + 1) * C, count, at, to);
}

template <class Element>
static void sample_any(const Warp &warp, const Element *cells, long count, const Places &at, Element *to) {
    switch (warp.channels) {
        case 1: return sample<Element, 1>(warp, cells, count, at, to);
        case 2: return sample<Element, 2>(warp, cells, count, at, to);
        case 3: return sample<Element, 3>(warp, cells, count, at, to);
        case 4: return sample<Element, 4>(warp, cells, count, at, to);
    }
    if (!warp.nearest) return mix_many(cells, (warp.width + 1) * warp.channels, warp.channels, count, at, to);
    for (long i = 0; i < count; i++)
        memcpy(to + i * warp.channels, cells + at.cell[i] * warp.channels, sizeof(Element) * warp.channels);
}

template <class Element>
static void warp_images(const Warp &warp, const Element *images, Element fill, Element *cells, int32_t add_y, Element *to) {
    const long floats = warp.height * warp.width * warp.channels;
    const int32_t add_x = warp.nearest ? HALF : 0;
    for (long n = 0; n < warp.images; n++) {
        lay_out(warp, images + n * floats, fill, cells);
        const int32_t *rows = warp.rows + n * 2 * warp.height, *columns = warp.columns + n * 2 * warp.width;
        for (long row = 0; row < warp.height; row++)
            for (long first = 0; first < warp.width; first += BLOCK) {
                const long count = warp.width - first < BLOCK ? warp.width - first : (long)BLOCK;
                Places at;
                FIND_PLACES[warp.mode](warp, columns + first, rows[row], rows[warp.height + row], count, add_x, add_y, at);
                sample_any(warp, cells, count, at, to + n * floats + (row * warp.width + first) * warp.channels);
            }
    }
}

template <class Element>
INLINE void run(const Task &task, int64_t *needed, bool rounds) {
    Reader read(task);
    const Element *images = read.array<const Element>();
    Warp warp;
    warp.columns = read.array<const int32_t>(), warp.rows = read.array<const int32_t>();
    Element *to = read.array<Element>();
    warp.images = read.size(), warp.height = read.size(), warp.width = read.size(), warp.channels = read.size();
    warp.mode = (FillMode)(read.size() & 3), warp.nearest = read.flag();
    const Element fill = (Element)read.number();
    const bool empty = !warp.height || !warp.width || !warp.channels;
    if (empty || warp.height > LARGEST_SIDE || warp.width > LARGEST_SIDE) warp.images = 0;
    if (needed) {
        *needed = warp.images ? (int64_t)((sizeof(Element) * (warp.cells() * warp.channels + 4) + 3) / sizeof(float)) : 0;
        return;
    }
    // Half of the last bit of a weight, so that cutting y to 8 fraction bits rounds it.
    const int32_t add_y = warp.nearest ? HALF : rounds ? 1 << (BITS - 9) : 0;
    warp_images(warp, images, fill, (Element *)(void *)task.scratch, add_y, to);
}

}  // namespace

void warp_bytes(const Task &task, int64_t *needed) { run<uint8_t>(task, needed, true); }

void warp_floats(const Task &task, int64_t *needed) { run<float>(task, needed, false); }

// y[n, i] = table[n, x[n, i]]: any function of single bytes
void look_up(const Task &task, int64_t *needed) {
    Reader read(task);
    const uint8_t *x = read.array<const uint8_t>(), *table = read.array<const uint8_t>();
    uint8_t *y = read.array<uint8_t>();
    const long images = read.size(), values = read.size();
    if (needed) { *needed = 0; return; }
    for (long n = 0; n < images; n++)
        for (long i = 0; i < values; i++) y[n * values + i] = table[n * 256 + x[n * values + i]];
}

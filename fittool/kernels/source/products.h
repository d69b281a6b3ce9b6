// The two loops that nearly all of the arithmetic is spent in: sums of products, held in registers while they grow.
//
// `gather` makes outputs: a tile of P positions times Q vectors of channels, each one chain of fused multiply-adds over all taps
// and their channels. `spread_products` makes gradients of weights: a tile of B rows of weights times Q vectors, each one chain
// over all positions. P, B and Q are as large as the registers allow, as each loaded number is then used most often.
#pragma once
#include "vectors.h"

#if WIDTH == 16
enum { MOST = 14 };  // rows of a tile of two vectors: 28 of 32 registers are sums
#elif WIDTH == 8
enum { MOST = 6 };  // 12 of 16
#else
enum { MOST = 10 };  // 20 of 32
#endif
enum { MOST_NARROW = 2 * MOST > 16 ? 16 : 2 * MOST, PAIR = 2 * WIDTH };

// A run of neighbouring numbers of the input that meets neighbouring rows of the weights.
struct Tap {
    long input;    // floats from the position's first
    long weights;  // floats from the weights' first
};

struct Gather {
    const Tap *taps;
    long count;          // of taps
    long run;            // numbers of each
    long input_step;     // floats from one position's input to the next one's
    long output_step;
    const float *weights;  // rows of `channels`
    const float *bias;     // (channels), or null: what the chains start from
    long row;              // floats from one row of the weights to the next
    long channels;
    bool rectified;
};

template <int P, int Q>
INLINE void gather_tile(const Gather &job, const float *input, float *output, long channel) {
    Vector sums[P][Q];
    const long left = job.channels - channel, last = left - (Q - 1) * WIDTH;
    UNROLL for (int j = 0; j < Q; j++) {
        Vector start = {};
        if (job.bias) start = j == Q - 1 ? load_first(job.bias + channel + j * WIDTH, last) : load(job.bias + channel + j * WIDTH);
        UNROLL for (int p = 0; p < P; p++) sums[p][j] = start;
    }
    for (long tap = 0; tap < job.count; tap++) {
        const float *x = input + job.taps[tap].input, *w = job.weights + job.taps[tap].weights + channel;
        if (last >= WIDTH)
            for (long c = 0; c < job.run; c++, w += job.row) {
                Vector b[Q];
                UNROLL for (int j = 0; j < Q; j++) b[j] = load(w + j * WIDTH);
                UNROLL for (int p = 0; p < P; p++) {
                    const Vector a = spread(x + p * job.input_step + c);
                    UNROLL for (int j = 0; j < Q; j++) sums[p][j] = fused(b[j], a, sums[p][j]);
                }
            }
        else
            for (long c = 0; c < job.run; c++, w += job.row) {
                Vector b[Q];
                UNROLL for (int j = 0; j < Q; j++) b[j] = j == Q - 1 ? load_first(w + j * WIDTH, last) : load(w + j * WIDTH);
                UNROLL for (int p = 0; p < P; p++) {
                    const Vector a = spread(x + p * job.input_step + c);
                    UNROLL for (int j = 0; j < Q; j++) sums[p][j] = fused(b[j], a, sums[p][j]);
                }
            }
    }
    UNROLL for (int p = 0; p < P; p++) {
        UNROLL for (int j = 0; j < Q; j++) {
            const Vector result = job.rectified ? rectify(sums[p][j]) : sums[p][j];
            store_first(output + p * job.output_step + channel + j * WIDTH, result, j == Q - 1 ? last : WIDTH);
        }
    }
}

template <int P, int Q>
void gather_once(const Gather &job, const float *input, float *output, long channel) {
    gather_tile<P, Q>(job, input, output, channel);
}

typedef void GatherTile(const Gather &, const float *, float *, long);

template <int Q, int P>
GatherTile *choose_gather(long size) {
    if constexpr (P > 1) return size >= P ? gather_once<P, Q> : choose_gather<Q, P - 1>(size);
    else return gather_once<1, Q>;
}

// A row of positions for channels from `channel` on, a block of them; gives the next block's first channel.
INLINE long gather_row(const Gather &job, const float *input, float *output, long positions, long channel) {
    const bool wide = job.channels - channel > WIDTH;
    const long most = wide ? (long)MOST : (long)MOST_NARROW;
    for (long at = 0; at < positions;) {
        // Tiles of even sizes: a row of 16 is 8 and 8 rather than 14 and 2, of which the second would starve.
        const long left = positions - at, tiles = (left + most - 1) / most, size = (left + tiles - 1) / tiles;
        GatherTile *tile = wide ? choose_gather<2, MOST>(size) : choose_gather<1, MOST_NARROW>(size);
        tile(job, input + at * job.input_step, output + at * job.output_step, channel);
        at += size;
    }
    return channel + (wide ? (long)PAIR : (long)WIDTH);
}

struct Outer {
    const float *input;     // positions in rows
    const float *gradient;  // of the output, likewise
    long rows, columns;     // positions
    long input_row, input_step;
    long gradient_row, gradient_step;
    float *sums;            // rows of `row` floats
    long row;
    long start, channels;   // of which these columns, from `start` to before `channels`
    bool fresh;             // whether the sums begin with 0 instead of what is there
};

template <int B, int Q>
INLINE void outer_tile(const Outer &job, long row, long channel) {
    Vector sums[B][Q];
    const long last = job.channels - channel - (Q - 1) * WIDTH;
    float *target = job.sums + row * job.row + channel;
    UNROLL for (int b = 0; b < B; b++)
        UNROLL for (int j = 0; j < Q; j++)
            sums[b][j] = job.fresh ? Vector{} : load_first(target + b * job.row + j * WIDTH, j == Q - 1 ? last : WIDTH);
    for (long r = 0; r < job.rows; r++) {
        const float *x = job.input + r * job.input_row + row, *dy = job.gradient + r * job.gradient_row + channel;
        if (last >= WIDTH)
            for (long i = 0; i < job.columns; i++, x += job.input_step, dy += job.gradient_step) {
                Vector g[Q];
                UNROLL for (int j = 0; j < Q; j++) g[j] = load(dy + j * WIDTH);
                UNROLL for (int b = 0; b < B; b++) {
                    const Vector a = spread(x + b);
                    UNROLL for (int j = 0; j < Q; j++) sums[b][j] = fused(g[j], a, sums[b][j]);
                }
            }
        else
            for (long i = 0; i < job.columns; i++, x += job.input_step, dy += job.gradient_step) {
                Vector g[Q];
                UNROLL for (int j = 0; j < Q; j++) g[j] = j == Q - 1 ? load_first(dy + j * WIDTH, last) : load(dy + j * WIDTH);
                UNROLL for (int b = 0; b < B; b++) {
                    const Vector a = spread(x + b);
                    UNROLL for (int j = 0; j < Q; j++) sums[b][j] = fused(g[j], a, sums[b][j]);
                }
            }
    }
    UNROLL for (int b = 0; b < B; b++)
        UNROLL for (int j = 0; j < Q; j++)
            store_first(target + b * job.row + j * WIDTH, sums[b][j], j == Q - 1 ? last : WIDTH);
}

template <int B, int Q>
void outer_once(const Outer &job, long row, long channel) { outer_tile<B, Q>(job, row, channel); }

typedef void OuterTile(const Outer &, long, long);

template <int Q, int B>
OuterTile *choose_outer(long size) {
    if constexpr (B > 1) return size >= B ? outer_once<B, Q> : choose_outer<Q, B - 1>(size);
    else return outer_once<1, Q>;
}

// Adds to the rows [first, stop) of `sums` the products of the inputs with the gradients.
INLINE void add_products(const Outer &job, long first, long stop) {
    for (long channel = job.start; channel < job.channels;) {
        const bool wide = job.channels - channel > WIDTH;
        const long most = wide ? (long)(MOST > 11 ? 11 : MOST) : (long)MOST_NARROW;
        for (long row = first; row < stop;) {
            const long left = stop - row, tiles = (left + most - 1) / most, size = (left + tiles - 1) / tiles;
            (wide ? choose_outer<2, MOST>(size) : choose_outer<1, MOST_NARROW>(size))(job, row, channel);
            row += size;
        }
        channel += wide ? (long)PAIR : (long)WIDTH;
    }
}

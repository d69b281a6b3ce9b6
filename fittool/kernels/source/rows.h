// Sums along a row: sixteen chains, of every sixteenth element, added in pairs, (0 + 1), (2 + 3), …, then those in pairs, and so on.
// Sixteen, so that the widest vectors hold one chain in each lane; narrower ones keep several vectors.
#pragma once
#include "vectors.h"

enum { CHAINS = 16, VECTORS = CHAINS / WIDTH };

// The sum of `term(column, count)` over the vectors of a row, of which the last has fewer lanes and zeros behind them.
template <class Term>
INLINE float sum_along(long columns, Term term) {
    Vector sums[VECTORS] = {};
    long c = 0;
    for (; c + CHAINS <= columns; c += CHAINS)
        UNROLL for (int v = 0; v < VECTORS; v++) sums[v] += term(c + v * WIDTH, (long)WIDTH);
    for (int v = 0; c < columns; c += WIDTH, v++) sums[v] += term(c, columns - c);
    float chains[CHAINS];
    UNROLL for (int v = 0; v < VECTORS; v++) store(chains + v * WIDTH, sums[v]);
    UNROLL for (int apart = 1; apart < CHAINS; apart *= 2)
        UNROLL for (int i = 0; i < CHAINS; i += 2 * apart) chains[i] += chains[i + apart];
    return chains[0];
}

// The largest of a row, which does not depend on an order; no number where one is none.
INLINE float largest_along(const float *row, long columns) {
    float most = row[0];
    if (columns >= WIDTH) {
        Vector all = load(row);
        for (long c = WIDTH; c < columns; c += WIDTH) {
            const Vector next = load(row + (c + WIDTH <= columns ? c : columns - WIDTH));
            all = choose((Mask)(next > all) | (Mask)(next != next), next, all);
        }
        float lanes[WIDTH];
        store(lanes, all);
        most = lanes[0];
        for (int i = 1; i < WIDTH; i++) most = lanes[i] > most || lanes[i] != lanes[i] ? lanes[i] : most;
        return most;
    }
    for (long c = 1; c < columns; c++) most = row[c] > most || row[c] != row[c] ? row[c] : most;
    return most;
}

// Calls `work(column, count)` for each vector of a row.
template <class Work>
INLINE void each_along(long columns, Work work) {
    long c = 0;
    for (; c + WIDTH <= columns; c += WIDTH) work(c, (long)WIDTH);
    if (c < columns) work(c, columns - c);
}

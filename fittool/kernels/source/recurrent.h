// What the recurrent cells share: the way along the sequences, weights packed for products, and the products of a step.
//
// Arrays that are kept lie step by step in the order of the walk, (T, N, …), so that the samples' rows of a step are neighbours.
// A gate's sum is (bias + Σ input · kernel), one chain over the inputs, plus Σ state · recurrent kernel, one chain over the units.
// A state's gradient is one chain over the gates; a weight's gradient one chain over the steps of the walk and in each over the
// samples. So a sample's numbers are the same in any company.
#pragma once
#include <string.h>
#include "functions.h"
#include "task.h"

enum { PANEL_COLUMNS = 2 * WIDTH };

struct Rows {
    const float *first;
    long step;  // floats from one sample's row to the next one's
};

// y = x · matrix + bias for the rows of all samples; `packed` has `rows` rows and is what `pack` gives, `step` leads from one row of y
// to the next. In a file of its own, as the tiles of products take long to compile.
void multiply_rows(Rows x, long samples, long rows, const float *packed, const float *bias, long columns, float *y, long step);

namespace {

struct Walk {
    long samples, steps, inputs, units, outputs;  // outputs: as many as steps, or only the last
    bool backwards, turned;                       // starts at the last step; the output's steps are in the reverse order

    long input(long t) const { return backwards ? steps - 1 - t : t; }
    // The output's place that the state after a step goes to, or -1.
    long output(long t) const { return outputs == steps ? (turned ? steps - 1 - t : t) : t == steps - 1 && outputs ? 0 : -1; }
};

INLINE long panels(long columns) { return (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS; }
INLINE long packed_floats(long rows, long columns) { return rows * panels(columns) * PANEL_COLUMNS; }

// A matrix whose element (row, column) lies at row · down + column · across, as panels of PANEL_COLUMNS columns: a panel is one run of
// memory that stays in the nearest cache while all samples pass it. The last is filled up with zeros.
INLINE const float *pack(const float *matrix, long rows, long columns, long down, long across, float *to) {
    for (long first = 0; first < columns; first += PANEL_COLUMNS)
        for (long row = 0; row < rows; row++) {
            const long count = columns - first < PANEL_COLUMNS ? columns - first : (long)PANEL_COLUMNS;
            float *target = to + first * rows + row * PANEL_COLUMNS;
            for (long c = 0; c < count; c++) target[c] = matrix[row * down + (first + c) * across];
            for (long c = count; c < PANEL_COLUMNS; c++) target[c] = 0;
        }
    return to;
}

// Calls `each(offset, lanes)` for vectors of a row of `count` numbers.
template <class Each>
INLINE void along(long count, Each each) {
    for (long u = 0; u < count; u += WIDTH) each(u, count - u < WIDTH ? count - u : (long)WIDTH);
}

INLINE void multiply_all(const float *a, const float *b, float *y, long count) {
    along(count, [&](long i, long lanes) { store_first(y + i, load_first(a + i, lanes) * load_first(b + i, lanes), lanes); });
}

INLINE void add_all(const float *a, const float *b, float *y, long count) {
    along(count, [&](long i, long lanes) { store_first(y + i, load_first(a + i, lanes) + load_first(b + i, lanes), lanes); });
}

// The slope of a sigmoid with the value y, and of a tanh.
INLINE Vector logistic_slope(Vector y) { return y - y * y; }
INLINE Vector tangent_slope(Vector y) { return every(1.0f) - y * y; }

// A walk forth: what every cell has. G is the gates of all units; the last `apart` of them have a recurrent product of their own.
struct Forth {
    Walk walk;
    long gates, apart;
    const float *x, *kernel, *recurrent, *bias, *mask;  // (N, T, I), (I, G), (U, G), (G), (N, U)
    float *sums, *previous, *seen, *y;                  // (T, N, G), (T, N, U), (T, N, U) or null, (N, outputs, U)
    const float *packed_kernel, *packed_recurrent, *packed_apart;
    float *wide, *last;  // (N, G), (N, U)

    long states() const { return walk.samples * walk.units; }
    long floats() const {
        return packed_floats(walk.inputs, gates) + packed_floats(walk.units, gates - apart) + packed_floats(walk.units, apart) +
               walk.samples * gates + states();
    }

    void read(Reader &from, long count, long count_apart = 0) {
        x = from.array(), kernel = from.array(), recurrent = from.array(), bias = from.array(), mask = from.array();
        sums = from.array(), previous = from.array(), seen = from.array(), y = from.array();
        walk.samples = from.size(), walk.steps = from.size(), walk.inputs = from.size(), walk.units = from.size();
        walk.outputs = from.size(), walk.backwards = from.flag(), walk.turned = from.flag();
        gates = count * walk.units, apart = count_apart * walk.units;
    }
    void begin(float *scratch) {
        packed_kernel = pack(kernel, walk.inputs, gates, gates, 1, scratch);
        scratch += packed_floats(walk.inputs, gates);
        packed_recurrent = pack(recurrent, walk.units, gates - apart, gates, 1, scratch);
        scratch += packed_floats(walk.units, gates - apart);
        packed_apart = pack(recurrent + gates - apart, walk.units, apart, gates, 1, scratch);
        scratch += packed_floats(walk.units, apart);
        wide = scratch, last = scratch + walk.samples * gates;
        if (walk.steps) memset(previous, 0, sizeof(float) * states());
    }
    // The part of the gates' sums that a step's inputs bring.
    void project(long t) {
        const Rows rows = {x + walk.input(t) * walk.inputs, walk.steps * walk.inputs};
        multiply_rows(rows, walk.samples, walk.inputs, packed_kernel, bias, gates, sums + t * walk.samples * gates, gates);
    }
    // The recurrent products of rows (N, U), where they stand among the gates; those apart are of other rows.
    void multiply(const float *rows, const float *second_bias = nullptr) {
        multiply_rows({rows, walk.units}, walk.samples, walk.units, packed_recurrent, second_bias, gates - apart, wide, gates);
    }
    void multiply_apart(const float *rows) {
        float *to = wide + gates - apart;
        multiply_rows({rows, walk.units}, walk.samples, walk.units, packed_apart, nullptr, apart, to, gates);
    }
    // The state before a step as the recurrent product sees it.
    const float *see(long t) {
        const float *state = previous + t * states();
        if (!mask) return state;
        multiply_all(state, mask, seen + t * states(), states());
        return seen + t * states();
    }
    float *state_after(long t) const { return t + 1 < walk.steps ? previous + (t + 1) * states() : last; }
    void give(long t) const {
        const long place = walk.output(t);
        const float *state = state_after(t);
        for (long n = 0; n < walk.samples && place >= 0; n++)
            memcpy(y + (n * walk.outputs + place) * walk.units, state + n * walk.units, sizeof(float) * walk.units);
    }
};

// A walk back.
struct Back {
    Walk walk;
    long gates, apart;
    const float *kernel, *recurrent, *mask, *values, *dy;  // (I, G), (U, G), (N, U), (T, N, G), (N, outputs, U)
    float *gradient, *dx;                                  // of the gates' sums (T, N, G); (N, T, I) or null
    const float *turned_kernel, *turned_recurrent, *turned_apart;
    float *state;  // its gradient, (N, U)

    long states() const { return walk.samples * walk.units; }
    long floats() const {
        return packed_floats(gates, walk.units) + (dx ? packed_floats(gates, walk.inputs) : 0) + states();
    }

    void read(Reader &from, long count, long count_apart = 0) {
        kernel = from.array(), recurrent = from.array(), mask = from.array(), values = from.array(), dy = from.array();
        gradient = from.array(), dx = from.array();
        walk.inputs = from.size(), walk.units = from.size(), walk.samples = from.size(), walk.steps = from.size();
        walk.outputs = from.size();
        walk.backwards = from.flag(), walk.turned = from.flag();
        gates = count * walk.units, apart = count_apart * walk.units;
    }
    // Gives the scratch behind its own.
    float *begin(float *scratch) {
        turned_recurrent = pack(recurrent, gates - apart, walk.units, 1, gates, scratch);
        turned_apart = pack(recurrent + gates - apart, apart, walk.units, 1, gates, scratch + packed_floats(gates - apart, walk.units));
        scratch += packed_floats(gates, walk.units);
        if (dx) {
            turned_kernel = pack(kernel, gates, walk.inputs, 1, gates, scratch);
            scratch += packed_floats(gates, walk.inputs);
        }
        state = scratch;
        memset(state, 0, sizeof(float) * states());
        return scratch + states();
    }
    void add_output_gradient(long t) {
        const long place = walk.output(t);
        for (long n = 0; n < walk.samples && place >= 0; n++)
            add_all(state + n * walk.units, dy + (n * walk.outputs + place) * walk.units, state + n * walk.units, walk.units);
    }
    // The gradient of the state before a step, of what comes through the recurrent product: slopes (N, G).
    void give_state_gradient(const float *slopes, float *to) {
        multiply_rows({slopes, gates}, walk.samples, gates - apart, turned_recurrent, nullptr, walk.units, to, walk.units);
        if (mask && !apart) multiply_all(to, mask, to, states());
    }
    void give_apart_gradient(const float *slopes, float *to) {
        multiply_rows({slopes + gates - apart, gates}, walk.samples, apart, turned_apart, nullptr, walk.units, to, walk.units);
    }
    void give_input_gradient(long t) {
        if (!dx) return;
        const Rows rows = {gradient + t * walk.samples * gates, gates};
        float *to = dx + walk.input(t) * walk.inputs;
        multiply_rows(rows, walk.samples, gates, turned_kernel, nullptr, walk.inputs, to, walk.steps * walk.inputs);
    }
};

}  // namespace

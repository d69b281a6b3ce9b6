// The gated recurrent unit (Cho et al. 2014) in its two forms. The gates z, r, c: state = c + z · (state - c), of which z · (…) + is
// rounded once. They differ in what the reset gate is multiplied with.
#include "recurrent.h"

namespace {

// The new state of a unit, and the gradients of z, of the sum of c, and of the state before as it comes straight from the one after.
INLINE Vector mix_state(Vector update, Vector fresh, Vector before) { return fused(update, before - fresh, fresh); }

struct Mixed { Vector update, fresh, before; };

INLINE Mixed mix_gradient(Vector update, Vector fresh, Vector before, Vector state) {
    const Vector straight = state * update;
    return {(before - fresh) * state * logistic_slope(update), (state - straight) * tangent_slope(fresh), straight};
}

}  // namespace

// c = tanh(inputs + r · (state · recurrent kernel + second bias)), r · (…) + rounded once; `kept` is what r is multiplied with
void reset_after_cell(const Task &task, int64_t *needed) {
    Reader read(task);
    Forth the;
    the.read(read, 3);
    float *kept = read.array();
    if (needed) { *needed = the.floats(); return; }
    the.begin(task.scratch);
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = 0; t < the.walk.steps; t++) {
        the.project(t);
        the.multiply(the.see(t), the.bias ? the.bias + the.gates : nullptr);
        float *next = the.state_after(t);
        for (long n = 0; n < samples; n++) {
            const long row = (t * samples + n) * units;
            float *gates = the.sums + 3 * row;
            const float *wide = the.wide + n * the.gates, *before = the.previous + row;
            along(units, [&](long u, long lanes) {
                const Vector update = logistic(load_first(gates + u, lanes) + load_first(wide + u, lanes));
                const Vector reset = logistic(load_first(gates + units + u, lanes) + load_first(wide + units + u, lanes));
                const Vector product = load_first(wide + 2 * units + u, lanes);
                const Vector fresh = hyperbolic_tangent(fused(reset, product, load_first(gates + 2 * units + u, lanes)));
                store_first(gates + u, update, lanes);
                store_first(gates + units + u, reset, lanes);
                store_first(gates + 2 * units + u, fresh, lanes);
                store_first(kept + row + u, product, lanes);
                store_first(next + n * units + u, mix_state(update, fresh, load_first(before + u, lanes)), lanes);
            });
        }
        the.give(t);
    }
}

// `slopes` become the gradients of the recurrent products.
void reset_after_cell_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    Back the;
    the.read(read, 3);
    const float *previous = read.array(), *kept = read.array();
    float *slopes = read.array();
    if (needed) { *needed = the.floats() + the.states(); return; }
    float *through = the.begin(task.scratch);
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = the.walk.steps - 1; t >= 0; t--) {
        the.add_output_gradient(t);
        for (long n = 0; n < samples; n++) {
            const long row = (t * samples + n) * units;
            const float *gates = the.values + 3 * row;
            float *of_sums = the.gradient + 3 * row, *of_products = slopes + 3 * row, *state = the.state + n * units;
            along(units, [&](long u, long lanes) {
                const Vector reset = load_first(gates + units + u, lanes);
                const Mixed mixed = mix_gradient(load_first(gates + u, lanes), load_first(gates + 2 * units + u, lanes),
                                                 load_first(previous + row + u, lanes), load_first(state + u, lanes));
                const Vector of_reset = mixed.fresh * load_first(kept + row + u, lanes) * logistic_slope(reset);
                store_first(of_sums + u, mixed.update, lanes);
                store_first(of_products + u, mixed.update, lanes);
                store_first(of_sums + units + u, of_reset, lanes);
                store_first(of_products + units + u, of_reset, lanes);
                store_first(of_sums + 2 * units + u, mixed.fresh, lanes);
                store_first(of_products + 2 * units + u, mixed.fresh * reset, lanes);
                store_first(state + u, mixed.before, lanes);
            });
        }
        the.give_input_gradient(t);
        the.give_state_gradient(slopes + 3 * t * the.states(), through);
        add_all(the.state, through, the.state, the.states());
    }
}

// c = tanh(inputs + (r · state) · recurrent kernel); `kept` is r · state
void reset_before_cell(const Task &task, int64_t *needed) {
    Reader read(task);
    Forth the;
    the.read(read, 3, 1);
    float *kept = read.array();
    if (needed) { *needed = the.floats(); return; }
    the.begin(task.scratch);
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = 0; t < the.walk.steps; t++) {
        the.project(t);
        const float *seen = the.see(t);
        the.multiply(seen);
        float *next = the.state_after(t), *products = kept + t * the.states();
        for (long n = 0; n < samples; n++) {
            float *gates = the.sums + (t * samples + n) * the.gates;
            const float *wide = the.wide + n * the.gates;
            along(units, [&](long u, long lanes) {
                const Vector reset = logistic(load_first(gates + units + u, lanes) + load_first(wide + units + u, lanes));
                store_first(gates + u, logistic(load_first(gates + u, lanes) + load_first(wide + u, lanes)), lanes);
                store_first(gates + units + u, reset, lanes);
                store_first(products + n * units + u, reset * load_first(seen + n * units + u, lanes), lanes);
            });
        }
        the.multiply_apart(products);
        for (long n = 0; n < samples; n++) {
            float *gates = the.sums + (t * samples + n) * the.gates;
            const float *wide = the.wide + n * the.gates + 2 * units, *before = the.previous + (t * samples + n) * units;
            along(units, [&](long u, long lanes) {
                const Vector fresh = hyperbolic_tangent(load_first(gates + 2 * units + u, lanes) + load_first(wide + u, lanes));
                store_first(gates + 2 * units + u, fresh, lanes);
                store_first(next + n * units + u, mix_state(load_first(gates + u, lanes), fresh, load_first(before + u, lanes)), lanes);
            });
        }
        the.give(t);
    }
}

void reset_before_cell_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    Back the;
    the.read(read, 3, 1);
    const float *previous = read.array(), *seen = read.array();
    if (needed) { *needed = the.floats() + 2 * the.states(); return; }
    float *through = the.begin(task.scratch), *of_seen = through + the.states();
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = the.walk.steps - 1; t >= 0; t--) {
        the.add_output_gradient(t);
        float *slopes = the.gradient + 3 * t * the.states();
        const float *values = the.values + 3 * t * the.states();
        for (long n = 0; n < samples; n++) {
            const float *gates = values + n * the.gates, *before = previous + (t * samples + n) * units;
            float *to = slopes + n * the.gates, *state = the.state + n * units;
            along(units, [&](long u, long lanes) {
                const Mixed mixed = mix_gradient(load_first(gates + u, lanes), load_first(gates + 2 * units + u, lanes),
                                                 load_first(before + u, lanes), load_first(state + u, lanes));
                store_first(to + u, mixed.update, lanes);
                store_first(to + 2 * units + u, mixed.fresh, lanes);
                store_first(state + u, mixed.before, lanes);
            });
        }
        the.give_apart_gradient(slopes, through);
        for (long n = 0; n < samples; n++) {
            const float *reset = values + n * the.gates + units, *sees = seen + (t * samples + n) * units;
            float *to = slopes + n * the.gates + units, *of_product = through + n * units;
            along(units, [&](long u, long lanes) {
                const Vector value = load_first(reset + u, lanes), product = load_first(of_product + u, lanes);
                store_first(to + u, product * load_first(sees + u, lanes) * logistic_slope(value), lanes);
                store_first(of_product + u, product * value, lanes);
            });
        }
        the.give_input_gradient(t);
        the.give_state_gradient(slopes, of_seen);
        add_all(of_seen, through, of_seen, the.states());
        if (the.mask) multiply_all(of_seen, the.mask, of_seen, the.states());
        add_all(the.state, of_seen, the.state, the.states());
    }
}

// Recurrent cells along whole sequences: a call takes some samples through all steps, forth or back.
#include "recurrent.h"

// state = tanh(sum)
void simple_cell(const Task &task, int64_t *needed) {
    Reader read(task);
    Forth the;
    the.read(read, 1);
    if (needed) { *needed = the.floats(); return; }
    the.begin(task.scratch);
    for (long t = 0; t < the.walk.steps; t++) {
        the.project(t);
        the.multiply(the.see(t));
        float *values = the.sums + t * the.states(), *state = the.state_after(t);
        along(the.states(), [&](long i, long lanes) {
            const Vector value = hyperbolic_tangent(load_first(values + i, lanes) + load_first(the.wide + i, lanes));
            store_first(values + i, value, lanes);
            store_first(state + i, value, lanes);
        });
        the.give(t);
    }
}

void simple_cell_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    Back the;
    the.read(read, 1);
    if (needed) { *needed = the.floats(); return; }
    the.begin(task.scratch);
    for (long t = the.walk.steps - 1; t >= 0; t--) {
        the.add_output_gradient(t);
        const float *values = the.values + t * the.states();
        float *slopes = the.gradient + t * the.states();
        along(the.states(), [&](long i, long lanes) {
            store_first(slopes + i, load_first(the.state + i, lanes) * tangent_slope(load_first(values + i, lanes)), lanes);
        });
        the.give_input_gradient(t);
        the.give_state_gradient(slopes, the.state);
    }
}

// Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000). The gates i, f, c, o: carry = f · carry + i · c, of
// which f · carry + is rounded once; state = o · tanh(carry)
void long_short_term_cell(const Task &task, int64_t *needed) {
    Reader read(task);
    Forth the;
    the.read(read, 4);
    float *carries = read.array(), *squashed = read.array();
    if (needed) { *needed = the.floats(); return; }
    the.begin(task.scratch);
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = 0; t < the.walk.steps; t++) {
        the.project(t);
        the.multiply(the.see(t));
        float *next = the.state_after(t);
        for (long n = 0; n < samples; n++) {
            float *gates = the.sums + (t * samples + n) * the.gates, *carry = carries + (t * samples + n) * units;
            const float *wide = the.wide + n * the.gates, *before = carry - the.states();
            along(units, [&](long u, long lanes) {
                Vector sums[4];
                UNROLL for (int g = 0; g < 4; g++)
                    sums[g] = load_first(gates + g * units + u, lanes) + load_first(wide + g * units + u, lanes);
                const Vector let_in = logistic(sums[0]), kept = logistic(sums[1]), let_out = logistic(sums[3]);
                const Vector fresh = hyperbolic_tangent(sums[2]);
                Vector held = let_in * fresh;
                if (t) held = fused(kept, load_first(before + u, lanes), held);
                const Vector squash = hyperbolic_tangent(held);
                store_first(gates + u, let_in, lanes);
                store_first(gates + units + u, kept, lanes);
                store_first(gates + 2 * units + u, fresh, lanes);
                store_first(gates + 3 * units + u, let_out, lanes);
                store_first(carry + u, held, lanes);
                store_first(squashed + (t * samples + n) * units + u, squash, lanes);
                store_first(next + n * units + u, let_out * squash, lanes);
            });
        }
        the.give(t);
    }
}

void long_short_term_cell_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    Back the;
    the.read(read, 4);
    const float *carries = read.array(), *squashed = read.array();
    if (needed) { *needed = the.floats() + the.states(); return; }
    float *carry_gradient = the.begin(task.scratch);
    memset(carry_gradient, 0, sizeof(float) * the.states());
    const long units = the.walk.units, samples = the.walk.samples;
    for (long t = the.walk.steps - 1; t >= 0; t--) {
        the.add_output_gradient(t);
        for (long n = 0; n < samples; n++) {
            const long row = (t * samples + n) * units;
            const float *gates = the.values + 4 * row, *before = carries + row - the.states();
            float *slopes = the.gradient + 4 * row, *of_carry = carry_gradient + n * units;
            along(units, [&](long u, long lanes) {
                const Vector let_in = load_first(gates + u, lanes), kept = load_first(gates + units + u, lanes);
                const Vector fresh = load_first(gates + 2 * units + u, lanes), let_out = load_first(gates + 3 * units + u, lanes);
                const Vector squash = load_first(squashed + row + u, lanes), state = load_first(the.state + n * units + u, lanes);
                const Vector carry = load_first(of_carry + u, lanes) + state * let_out * tangent_slope(squash);
                const Vector held = t ? load_first(before + u, lanes) : Vector{};
                store_first(slopes + u, carry * fresh * logistic_slope(let_in), lanes);
                store_first(slopes + units + u, carry * held * logistic_slope(kept), lanes);
                store_first(slopes + 2 * units + u, carry * let_in * tangent_slope(fresh), lanes);
                store_first(slopes + 3 * units + u, state * squash * logistic_slope(let_out), lanes);
                store_first(of_carry + u, carry * kept, lanes);
            });
        }
        the.give_input_gradient(t);
        the.give_state_gradient(the.gradient + t * samples * the.gates, the.state);
    }
}

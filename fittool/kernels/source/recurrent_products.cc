// The products of a step, and the gradients of the weights, (I, G), (U, G) and (G), as sums over all steps and samples of a walk.
#include "products.h"
#include "recurrent.h"

void multiply_rows(Rows x, long samples, long rows, const float *packed, const float *bias, long columns, float *y, long step) {
    const Tap whole = {0, 0};
    for (long first = 0; first < columns; first += PAIR) {
        const long count = columns - first < PAIR ? columns - first : (long)PAIR;
        const Gather job = {&whole, 1, rows, x.step, step, packed + first * rows, bias ? bias + first : nullptr, PAIR, count, false};
        for (long channel = 0; channel < count;) channel = gather_row(job, x.first, y + first, samples, channel);
    }
}

namespace {

struct Sums {
    const float *rows;      // what was multiplied
    long step_row, row;     // floats from one step of the walk to the next one, and from one sample to the next
    const float *gradient;  // (T, N, G)
    float *target;          // (…, G)
    long start, stop;       // of the columns
};

// The rows [first, stop) of a weight's gradient. Steps are taken a few at a time, so that their rows stay in the cache while all of
// the tiles pass them: the chain of each sum goes on where it was.
INLINE void add_steps(const Walk &walk, long gates, const Sums &the, long first, long stop, bool fresh) {
    const long together = 128 / walk.samples > 1 ? 128 / walk.samples : 1;
    for (long t = 0; t < walk.steps && first < stop; t += together) {
        const long steps = walk.steps - t < together ? walk.steps - t : together;
        const float *dy = the.gradient + t * walk.samples * gates;
        add_products({the.rows + t * the.step_row, dy, steps, walk.samples, the.step_row, the.row, walk.samples * gates, gates,
                      the.target, gates, the.start, the.stop, fresh && !t}, first, stop);
    }
}

INLINE void add_rows(const float *rows, long count, long columns, bool fresh, float *sums) {
    along(columns, [&](long c, long lanes) {
        Vector sum = fresh ? Vector{} : load_first(sums + c, lanes);
        for (long r = 0; r < count; r++) sum += load_first(rows + r * columns + c, lanes);
        store_first(sums + c, sum, lanes);
    });
}

}  // namespace

// Of the kernel above the recurrent kernel the rows [first, stop), and with the first the biases. `slopes` are the gradients of the
// recurrent products where they are not those of the sums; `reset` is what the last `candidates` columns were multiplied by where
// it is not the state.
void recurrent_gradients(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *seen = read.array(), *reset = read.array(), *gradient = read.array(), *slopes = read.array();
    float *dkernel = read.array(), *drecurrent = read.array(), *dbias = read.array(), *dsecond = read.array();
    Walk walk = {};
    walk.samples = read.size(), walk.steps = read.size(), walk.inputs = read.size(), walk.units = read.size();
    const long gates = read.size();
    walk.backwards = read.flag();
    const long first = read.size(), stop = read.size(), candidates = reset ? walk.units : 0;
    const bool fresh = read.flag();
    if (needed) { *needed = 0; return; }
    if (!walk.samples || gates < candidates) return;
    const long all = walk.inputs + walk.units, end = stop < all ? stop : all, state = walk.samples * walk.units;
    const Sums of_inputs = {x + walk.input(0) * walk.inputs, walk.backwards ? -walk.inputs : walk.inputs, walk.steps * walk.inputs,
                            gradient, dkernel, 0, gates};
    add_steps(walk, gates, of_inputs, first, end < walk.inputs ? end : walk.inputs, fresh);
    const float *of_products = slopes ? slopes : gradient;
    const long from = first > walk.inputs ? first - walk.inputs : 0, to = end - walk.inputs, rest = gates - candidates;
    add_steps(walk, gates, {seen, state, walk.units, of_products, drecurrent, 0, rest}, from, to, fresh);
    if (reset) add_steps(walk, gates, {reset, state, walk.units, of_products, drecurrent, rest, gates}, from, to, fresh);
    if (first || !dbias) return;
    add_rows(gradient, walk.steps * walk.samples, gates, fresh, dbias);
    if (dsecond) add_rows(of_products, walk.steps * walk.samples, gates, fresh, dsecond);
}

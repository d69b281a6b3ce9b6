// Functions of each element. Inputs and outputs may be the same memory.
#include "task.h"
#include "vectors.h"

// y = max(x, 0)
void rectify(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array();
    float *y = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) store_first(y + i, rectify(load_first(x + i, count - i)), count - i);
}

// dx = dy where y > 0, else 0; y is what `rectify` gave
void rectify_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *y = read.array(), *dy = read.array();
    float *dx = read.array();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) {
        const Mask positive = (Mask)(load_first(y + i, count - i) > Vector{});
        store_first(dx + i, keep(positive, load_first(dy + i, count - i)), count - i);
    }
}

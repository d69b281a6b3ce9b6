// Updates of weights (n), element by element, operation by operation as NumPy does them: the same bytes, in one walk over memory.
#include "task.h"
#include "vectors.h"

// weights -= rate · gradients, through `momentum` where there is one: momentum · factor - rate · gradients
void descend(const Task &task, int64_t *needed) {
    Reader read(task);
    float *weights = read.array();
    const float *gradients = read.array();
    float *momentum = read.array();
    const long count = read.size();
    const bool nesterov = read.flag();
    const Vector rate = every((float)read.number()), factor = every((float)read.number());
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) {
        const Vector step = load_first(gradients + i, count - i) * rate;
        Vector weight = load_first(weights + i, count - i);
        if (!momentum) {
            store_first(weights + i, weight - step, count - i);
            continue;
        }
        const Vector velocity = load_first(momentum + i, count - i) * factor - step;
        store_first(momentum + i, velocity, count - i);
        weight = nesterov ? (weight - step) + velocity * factor : weight + velocity;
        store_first(weights + i, weight, count - i);
    }
}

// Adam (Kingma and Ba, 2015) with both corrections of bias in `rate`: epsilon is added to the root that is not corrected yet
void adapt_moments(const Task &task, int64_t *needed) {
    Reader read(task);
    float *weights = read.array();
    const float *gradients = read.array();
    float *momentum = read.array(), *velocity = read.array(), *largest = read.array();
    const long count = read.size();
    const Vector first = every((float)read.number()), second = every((float)read.number());  // 1 - beta_1, 1 - beta_2
    const Vector epsilon = every((float)read.number()), rate = every((float)read.number());
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) {
        const long lanes = count - i;
        const Vector gradient = load_first(gradients + i, lanes);
        Vector mean = load_first(momentum + i, lanes), square = load_first(velocity + i, lanes);
        mean = mean + (gradient - mean) * first;
        square = square + (gradient * gradient - square) * second;
        store_first(momentum + i, mean, lanes);
        store_first(velocity + i, square, lanes);
        if (largest) {
            const Vector before = load_first(largest + i, lanes);
            square = choose((Mask)(square > before) | (Mask)(square != square), square, before);
            store_first(largest + i, square, lanes);
        }
        store_first(weights + i, load_first(weights + i, lanes) - mean / (square_root(square) + epsilon) * rate, lanes);
    }
}

// RMSprop without momentum or centring: velocity = velocity · rho + gradient² · (1 - rho)
void scale_by_root(const Task &task, int64_t *needed) {
    Reader read(task);
    float *weights = read.array();
    const float *gradients = read.array();
    float *velocity = read.array();
    const long count = read.size();
    const Vector rho = every((float)read.number()), rest = every((float)read.number());
    const Vector epsilon = every((float)read.number()), rate = every((float)read.number());
    if (needed) { *needed = 0; return; }
    for (long i = 0; i < count; i += WIDTH) {
        const long lanes = count - i;
        const Vector gradient = load_first(gradients + i, lanes);
        const Vector square = load_first(velocity + i, lanes) * rho + gradient * gradient * rest;
        store_first(velocity + i, square, lanes);
        store_first(weights + i, load_first(weights + i, lanes) - gradient / square_root(square + epsilon) * rate, lanes);
    }
}

// Layer normalization of rows (R, C): n = (x - mean) / √(variance + epsilon), y = n · gamma + beta, each step rounded.
#include <math.h>
#include "rows.h"
#include "task.h"

void layer_normalization(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *gamma = read.array(), *beta = read.array();
    float *normal = read.array(), *inverse = read.array(), *y = read.array();
    const long rows = read.size(), columns = read.size();
    const float epsilon = (float)read.number();
    if (needed) { *needed = 0; return; }
    for (long r = 0; r < rows; r++, x += columns, normal += columns, y += columns) {
        const float mean = sum_along(columns, [=](long c, long count) { return load_first(x + c, count); }) / (float)columns;
        each_along(columns, [=](long c, long count) { store_first(normal + c, load_first(x + c, count) - spread(&mean), count); });
        const float squares = sum_along(columns, [=](long c, long count) {
            const Vector distance = load_first(normal + c, count);
            return distance * distance;
        });
        const float factor = 1.0f / sqrtf(squares / (float)columns + epsilon);
        inverse[r] = factor;
        each_along(columns, [=](long c, long count) {
            const Vector value = load_first(normal + c, count) * spread(&factor);
            store_first(normal + c, value, count);
            const Vector scaled = gamma ? value * load_first(gamma + c, count) : value;
            store_first(y + c, beta ? scaled + load_first(beta + c, count) : scaled, count);
        });
    }
}

// dx = (g - mean(g) - n · mean(g · n)) / √(variance + epsilon) with g = dy · gamma; dgamma = Σ dy · n and dbeta = Σ dy are one chain
// over the rows each, and added to what is there unless `fresh`.
void layer_normalization_gradient(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *dy = read.array(), *normal = read.array(), *inverse = read.array(), *gamma = read.array();
    float *dx = read.array(), *dgamma = read.array(), *dbeta = read.array();
    const long rows = read.size(), columns = read.size();
    const bool fresh = read.flag();
    if (needed) { *needed = 0; return; }
    if (fresh && dgamma) memset(dgamma, 0, sizeof(float) * columns);
    if (fresh && dbeta) memset(dbeta, 0, sizeof(float) * columns);
    for (long r = 0; r < rows; r++, dy += columns, normal += columns) {
        each_along(columns, [=](long c, long count) {
            const Vector slope = load_first(dy + c, count);
            if (dgamma) store_first(dgamma + c, fused(slope, load_first(normal + c, count), load_first(dgamma + c, count)), count);
            if (dbeta) store_first(dbeta + c, load_first(dbeta + c, count) + slope, count);
        });
        if (!dx) continue;
        const auto scaled = [=](long c, long count) {
            return gamma ? load_first(dy + c, count) * load_first(gamma + c, count) : load_first(dy + c, count);
        };
        const float mean = sum_along(columns, scaled) / (float)columns;
        const float along = sum_along(columns, [=](long c, long count) { return scaled(c, count) * load_first(normal + c, count); }) / (float)columns;
        float *to = dx + r * columns;
        const float factor = inverse[r];
        each_along(columns, [=](long c, long count) {
            const Vector rest = scaled(c, count) - load_first(normal + c, count) * spread(&along) - spread(&mean);
            store_first(to + c, rest * spread(&factor), count);
        });
    }
}

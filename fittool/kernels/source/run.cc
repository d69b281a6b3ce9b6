// The face of the library: the table of kernels, and the call that runs tasks one after the other.
#include <fenv.h>
#include "task.h"

#define KERNELS(EACH)                   \
    EACH(convolution)                   \
    EACH(convolution_input_gradient)    \
    EACH(convolution_kernel_gradient)   \
    EACH(column_sums)                  \
    EACH(turn_kernel)                   \
    EACH(depthwise)                     \
    EACH(depthwise_input_gradient)      \
    EACH(depthwise_kernel_gradient)     \
    EACH(dense)                         \
    EACH(dense_kernel_gradient)         \
    EACH(dense_input_gradient)          \
    EACH(product)                       \
    EACH(product_by_columns)            \
    EACH(add_up)                        \
    EACH(add_up_doubles)                \
    EACH(dot)                           \
    EACH(evaluate)                      \
    EACH(evaluate_doubles)              \
    EACH(moments)                       \
    EACH(merge_moments)                 \
    EACH(normalization_factors)         \
    EACH(normalize)                     \
    EACH(normalization_sums)            \
    EACH(normalization_gradients)       \
    EACH(normalization_input_gradient)  \
    EACH(layer_normalization)           \
    EACH(layer_normalization_gradient)  \
    EACH(attention)                     \
    EACH(attention_gradient)            \
    EACH(activate)                      \
    EACH(activate_gradient)             \
    EACH(max_pooling)                   \
    EACH(max_pooling_gradient)          \
    EACH(average_pooling)               \
    EACH(average_pooling_gradient)      \
    EACH(global_average)                \
    EACH(global_average_gradient)       \
    EACH(rectify)                       \
    EACH(rectify_gradient)              \
    EACH(scale)                         \
    EACH(add)                           \
    EACH(multiply)                      \
    EACH(sigmoid)                      \
    EACH(sigmoid_gradient)             \
    EACH(tanh_forward)                 \
    EACH(tanh_gradient)                \
    EACH(exponentiate)                 \
    EACH(take_logarithm)               \
    EACH(softmax)                      \
    EACH(softmax_gradient)             \
    EACH(sparse_crossentropy)          \
    EACH(element_loss)                 \
    EACH(dropout)                       \
    EACH(descend)                       \
    EACH(adapt_moments)                 \
    EACH(scale_by_root)                 \
    EACH(simple_cell)                   \
    EACH(simple_cell_gradient)          \
    EACH(long_short_term_cell)          \
    EACH(long_short_term_cell_gradient) \
    EACH(reset_after_cell)              \
    EACH(reset_after_cell_gradient)     \
    EACH(reset_before_cell)             \
    EACH(reset_before_cell_gradient)    \
    EACH(recurrent_gradients)           \
    EACH(add_rows_by_number)            \
    EACH(by_channel)                    \
    EACH(warp_bytes)                    \
    EACH(warp_floats)                   \
    EACH(look_up)

#define DECLARE(name) Kernel name;
KERNELS(DECLARE)

static const struct { const char *name; Kernel *run; } TABLE[] = {
#define ROW(name) {#name, name},
    KERNELS(ROW)
};
enum { COUNT = sizeof(TABLE) / sizeof(TABLE[0]) };

#ifndef SOURCES
#define SOURCES "unknown"
#endif

#pragma GCC visibility push(default)
extern "C" {

// The digest of the sources that this library was made of.
const char *fittool_sources() { return SOURCES; }

int64_t fittool_task_bytes() { return sizeof(Task); }

// The name of the kernel at a place of the table; null behind the last.
const char *fittool_kernel(int64_t place) { return place >= 0 && place < COUNT ? TABLE[place].name : nullptr; }

// The floats of scratch that a task needs.
int64_t fittool_scratch(const Task *task) {
    int64_t needed = 0;
    TABLE[task->kernel].run(*task, &needed);
    return needed;
}

// Runs tasks in order; gives the faults of the arithmetic: 1 overflow, 2 division by zero, 4 invalid.
int64_t fittool_run(const Task *const *tasks, int64_t count) {
    feclearexcept(FE_ALL_EXCEPT);
    for (int64_t i = 0; i < count; i++) TABLE[tasks[i]->kernel].run(*tasks[i], nullptr);
    const int faults = fetestexcept(FE_OVERFLOW | FE_DIVBYZERO | FE_INVALID);
    return (faults & FE_OVERFLOW ? 1 : 0) | (faults & FE_DIVBYZERO ? 2 : 0) | (faults & FE_INVALID ? 4 : 0);
}
}
#pragma GCC visibility pop

// One call of a kernel, as Python lays it out in `fittool/kernels/tasks.py`, and a reader that takes it apart in order.
#pragma once
#include <stdint.h>

enum { ARRAYS = 12, SIZES = 32, NUMBERS = 8 };

struct Task {
    int64_t kernel;             // its place in the table of `run.cc`
    void *arrays[ARRAYS];       // in the order of the kernel's signature; null where an optional one is left out
    int64_t sizes[SIZES];       // the axes of the arrays in the order in which the signature names them first, then the integers
    double numbers[NUMBERS];
    float *scratch;             // as many floats as the kernel asks for, and nothing in them
};

// A kernel runs a task, or, where `needed` is not null, only says how many floats of scratch it takes.
typedef void Kernel(const Task &task, int64_t *needed);

class Reader {
    const Task &task;
    int array_at = 0, size_at = 0, number_at = 0;

public:
    explicit Reader(const Task &one) : task(one) {}
    template <class Element = float> Element *array() { return static_cast<Element *>(task.arrays[array_at++]); }
    long size() { return (long)task.sizes[size_at++]; }
    bool flag() { return size() != 0; }
    double number() { return task.numbers[number_at++]; }
};

// Functions of each element that are rounded from double precision, of floats and of doubles. Inputs and outputs may be the same
// memory.
#include "doubles.h"
#include "task.h"

namespace {

enum Function { EXPONENTIAL, LOGARITHM, LOGARITHM_OF_ONE_MORE, EXPONENTIAL_LESS_ONE, HYPERBOLIC_TANGENT, COSINE, POWER };

INLINE Doubles read_lanes(const double *from) { return *(const Doubles *)from; }
INLINE Doubles read_lanes(const float *from) { return __builtin_convertvector(*(const HalfVector *)from, Doubles); }
INLINE void write_lanes(double *to, Doubles value) { *(Doubles *)to = value; }
INLINE void write_lanes(float *to, Doubles value) { *(HalfVector *)to = __builtin_convertvector(value, HalfVector); }

template <class Element, class Apply>
void each(const Element *x, Element *y, long count, Apply apply) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) write_lanes(y + i, apply(read_lanes(x + i)));
    if (i == count) return;
    // The last ones in company of ones, of which every function here has a value.
    Element rest[LANES];
    for (int k = 0; k < LANES; k++) rest[k] = i + k < count ? x[i + k] : (Element)1;
    write_lanes(rest, apply(read_lanes(rest)));
    for (int k = 0; i + k < count; k++) y[i + k] = rest[k];
}

template <class Element>
void evaluate_all(const Task &task, int64_t *needed) {
    Reader read(task);
    const Element *x = read.array<const Element>();
    Element *y = read.array<Element>();
    const long count = read.size(), function = read.size();
    const double exponent = read.number();
    if (needed) { *needed = 0; return; }
    switch (function) {
        case EXPONENTIAL: return each(x, y, count, [](Doubles one) { return exponential(one); });
        case LOGARITHM: return each(x, y, count, [](Doubles one) { return logarithm(one); });
        case LOGARITHM_OF_ONE_MORE: return each(x, y, count, [](Doubles one) { return logarithm_of_one_more(one); });
        case EXPONENTIAL_LESS_ONE: return each(x, y, count, [](Doubles one) { return exponential_less_one(one); });
        case HYPERBOLIC_TANGENT: return each(x, y, count, [](Doubles one) { return hyperbolic_tangent(one); });
        case COSINE: return each(x, y, count, [](Doubles one) { return cosine(one); });
        case POWER: return each(x, y, count, [=](Doubles one) { return power(one, exponent); });
    }
}

}  // namespace

// y = function(x), of floats; `function` counts the names above, `exponent` is that of a power.
void evaluate(const Task &task, int64_t *needed) { evaluate_all<float>(task, needed); }

void evaluate_doubles(const Task &task, int64_t *needed) { evaluate_all<double>(task, needed); }

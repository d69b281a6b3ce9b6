// Sums along the middle axis of arrays (O, R, I), in double precision: four chains, of every fourth element, added as
// (0 + 1) + (2 + 3), as elsewhere. Results that lie side by side are summed side by side.
#include "task.h"
#include "vectors.h"

namespace {

enum { BLOCK = 64 };

template <class Element>
void add_up_all(const Task &task, int64_t *needed) {
    Reader read(task);
    const Element *x = read.array<const Element>();
    double *sums = read.array<double>();
    const long outer = read.size(), length = read.size(), inner = read.size();
    if (needed) { *needed = 0; return; }
    for (long o = 0; o < outer; o++, x += length * inner, sums += inner)
        for (long first = 0; first < inner; first += BLOCK) {
            const long count = inner - first < BLOCK ? inner - first : (long)BLOCK;
            double chains[4][BLOCK] = {};
            if (count == 1) {
                for (long r = 0; r < length; r++) chains[r % 4][0] += (double)x[r * inner + first];
            } else {
                for (long r = 0; r < length; r++) {
                    double *chain = chains[r % 4];
                    const Element *from = x + r * inner + first;
                    for (long i = 0; i < count; i++) chain[i] += (double)from[i];
                }
            }
            for (long i = 0; i < count; i++) sums[first + i] = (chains[0][i] + chains[1][i]) + (chains[2][i] + chains[3][i]);
        }
}

}  // namespace

void add_up(const Task &task, int64_t *needed) { add_up_all<float>(task, needed); }

// total = Σ a · b, the products of floats being exact in double precision
void dot(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *a = read.array(), *b = read.array();
    double *total = read.array<double>();
    const long count = read.size();
    if (needed) { *needed = 0; return; }
    double chains[4] = {};
    for (long i = 0; i < count; i++) chains[i % 4] += (double)a[i] * (double)b[i];
    *total = (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

void add_up_doubles(const Task &task, int64_t *needed) { add_up_all<double>(task, needed); }

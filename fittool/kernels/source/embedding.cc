// The gradient of a table (V, L) of which rows were picked: each row is one chain over its places in the batch, in their order.
#include <string.h>
#include "task.h"
#include "vectors.h"

// dtable[index[n]] += dy[n], from zeros on; numbers that are no row of the table are passed over
void add_rows_by_number(const Task &task, int64_t *needed) {
    Reader read(task);
    const int64_t *index = read.array<const int64_t>();
    const float *dy = read.array();
    float *dtable = read.array();
    const long places = read.size(), length = read.size(), rows = read.size();
    if (needed) { *needed = 0; return; }
    if (rows && length) memset(dtable, 0, sizeof(float) * rows * length);
    for (long n = 0; n < places; n++) {
        if (index[n] < 0 || index[n] >= rows) continue;
        float *to = dtable + index[n] * length;
        const float *from = dy + n * length;
        for (long i = 0; i < length; i += WIDTH) store_first(to + i, load_first(to + i, length - i) + load_first(from + i, length - i), length - i);
    }
}

// Numbers of each channel on rows (R, C): y = (x - center) / divisor · factor + offset, each step rounded, any of them left out.
//
// The channels' numbers are repeated until they fill whole vectors, C · WIDTH of them, as there are often but three.
#include "task.h"
#include "vectors.h"

void by_channel(const Task &task, int64_t *needed) {
    Reader read(task);
    const float *x = read.array(), *given[4];
    for (int i = 0; i < 4; i++) given[i] = read.array();
    float *y = read.array();
    const long rows = read.size(), channels = read.size(), period = channels * WIDTH, count = rows * channels;
    if (needed) { *needed = 4 * period; return; }
    for (int i = 0; i < 4; i++)
        for (long at = 0; at < period && given[i]; at += channels) memcpy(task.scratch + i * period + at, given[i], sizeof(float) * channels);
    const float *center = task.scratch, *divisor = center + period, *factor = divisor + period, *offset = factor + period;
    for (long first = 0; first < count; first += period)
        for (long at = 0; at < period && first + at < count; at += WIDTH) {
            const long left = count - first - at;
            Vector value = load_first(x + first + at, left);
            if (given[0]) value = value - load(center + at);
            if (given[1]) value = value / load(divisor + at);
            if (given[2]) value = value * load(factor + at);
            if (given[3]) value = value + load(offset + at);
            store_first(y + first + at, value, left);
        }
}

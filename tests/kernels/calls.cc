// Runs a list of kernels' calls on numbers made up here, and prints what each left in its arrays as a digest: compiled for two
// processors, it must print the same twice. Each line of the list: kernel, its number of arrays with elements, form and buffer, of
// sizes and of numbers. Forms: f float from -1 to 1, p from 0.1 to 1.1, u words, i fixed-point coordinates, b bytes, k whole numbers
// below the last size, d doubles from -1 to 1, z doubles that are 0.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "task.h"

extern "C" {
const char *fittool_kernel(int64_t place);
int64_t fittool_scratch(const Task *task);
int64_t fittool_run(const Task *const *tasks, int64_t count);
}

static uint32_t mixed(uint32_t u) {
    u ^= u >> 16; u *= 0x7FEB352Du; u ^= u >> 15; u *= 0x846CA68Bu;
    return u ^ (u >> 16);
}

static int64_t place_of(const char *name) {
    for (int64_t i = 0;; i++) {
        const char *known = fittool_kernel(i);
        if (!known) { fprintf(stderr, "no kernel %s\n", name); exit(1); }
        if (!strcmp(known, name)) return i;
    }
}

int main(int, char **argv) {
    FILE *list = fopen(argv[1], "r");
    char name[64];
    int arrays, sizes, numbers;
    for (uint32_t line = 0; fscanf(list, "%63s %d %d %d", name, &arrays, &sizes, &numbers) == 4; line++) {
        Task task;
        memset(&task, 0, sizeof task);
        task.kernel = place_of(name);
        void *buffers[ARRAYS] = {};
        long bytes[ARRAYS] = {}, classes = 0;
        char forms[ARRAYS] = {};
        for (int a = 0; a < arrays; a++) {
            int buffer;
            long count, top;
            char form;
            if (fscanf(list, "%ld %c %d %ld", &count, &form, &buffer, &top) != 4) return 1;
            if (form == 'n') continue;
            const long width = form == 'b' ? 1 : form == 'k' || form == 'd' || form == 'z' ? 8 : 4;
            if (!buffers[buffer]) {
                buffers[buffer] = malloc(count * width + 1);
                bytes[buffer] = count * width, forms[buffer] = form, classes = top;
                for (long i = 0; i < count; i++) {
                    const uint32_t u = mixed((uint32_t)i + 7919 * (line + 31 * a));
                    const float unit = (float)(u >> 8) / 16777216.0f;
                    if (form == 'u') ((uint32_t *)buffers[buffer])[i] = u;
                    else if (form == 'k') ((int64_t *)buffers[buffer])[i] = (int64_t)(u % (uint32_t)(classes ? classes : 1));
                    else if (form == 'z') ((double *)buffers[buffer])[i] = 0;
                    else if (form == 'd') ((double *)buffers[buffer])[i] = 2.0 * (u / 4294967296.0) - 1.0;
                    else if (form == 'i') ((int32_t *)buffers[buffer])[i] = (int32_t)(u & 0xFFFFFF) - 0x800000;
                    else if (form == 'b') ((uint8_t *)buffers[buffer])[i] = (uint8_t)u;
                    else ((float *)buffers[buffer])[i] = form == 'p' ? unit + 0.1f : 2.0f * unit - 1.0f;
                }
            }
            task.arrays[a] = buffers[buffer];
        }
        for (int i = 0; i < sizes; i++) if (fscanf(list, "%ld", (long *)&task.sizes[i]) != 1) return 1;
        for (int i = 0; i < numbers; i++) if (fscanf(list, "%lf", &task.numbers[i]) != 1) return 1;
        const int64_t needed = fittool_scratch(&task);
        task.scratch = (float *)malloc(needed * 4 + 64);
        const Task *one = &task;
        fittool_run(&one, 1);
        uint64_t digest = 14695981039346656037ull;  // Fowler, Noll and Vo's hash of the bytes
        for (int b = 0; b < ARRAYS; b++) {
            for (long i = 0; i < bytes[b]; i++) digest = (digest ^ ((uint8_t *)buffers[b])[i]) * 1099511628211ull;
            free(buffers[b]);
        }
        free(task.scratch);
        printf("%s %016llx\n", name, (unsigned long long)digest);
    }
    return 0;
}

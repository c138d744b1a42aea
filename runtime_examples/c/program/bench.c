#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BENCH_ROWS = 1000, BENCH_CALLS = 10000 };

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/* Calls for half a second, the first tenth of them to warm up, and prints the median. x: rows of data, and room. */
static bool print_median(const flow_model *model, const char *graph, size_t rows, const flow_array *context, void *x,
                         double *times, flow_error *error) {
    const flow_info *info = flow_describe(model);
    const flow_array data = {x, info->dtype, 2, {rows, info->width}};
    double log_prob[BENCH_ROWS]; /* room for either type */
    const double begun = microseconds();
    size_t calls = 0;
    for (double before = begun; calls < BENCH_CALLS && before - begun < 5e5; calls++) {
        if (!(strcmp(graph, "log_prob") == 0 ? flow_log_prob(model, &data, context, log_prob, error)
                                             : flow_sample(model, 0, 0, rows, 1, context, x, error)))
            return false;
        const double after = microseconds();
        times[calls] = after - before;
        before = after;
    }
    const size_t kept = calls - calls / 10;
    qsort(times + calls / 10, kept, sizeof *times, ascending);
    printf("%s,%zu,%.1f\n", graph, rows, times[calls / 10 + kept / 2]);
    return true;
}

bool bench(const flow_model *model, flow_error *error) {
    const flow_info *info = flow_describe(model);
    void *values = flow_allocate(info->context_size, flow_size(info->dtype), error);
    void *x = flow_allocate(BENCH_ROWS * info->width, flow_size(info->dtype), error);
    double *times = flow_allocate(BENCH_CALLS, sizeof *times, error);
    bool done = values && x && times;
    if (done) {
        const flow_array zeros = {values, info->dtype, 1, {info->context_size}},
                         *context = info->context_size ? &zeros : NULL;
        puts("graph,rows,microseconds");
        done = flow_sample(model, 0, 0, BENCH_ROWS, 1, context, x, error) &&
               print_median(model, "log_prob", 1, context, x, times, error) &&
               print_median(model, "log_prob", BENCH_ROWS, context, x, times, error) &&
               print_median(model, "sample", 1, context, x, times, error) &&
               print_median(model, "sample", BENCH_ROWS, context, x, times, error);
    }
    free(values);
    free(x);
    free(times);
    return done;
}

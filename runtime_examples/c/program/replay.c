#include "replay.h"

#include "cases.h"
#include "inside.h"
#include "npy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a reader allows at most; a bundle can ask for less. */
static const double MOST_ATOL = 1e-4, MOST_RTOL = 1e-5;
/* Nats, and relative: the rounding of a float32 sample is magnified by the gradient of the density. */
static const double DIRECTION_ATOL = 1e-2, DIRECTION_RTOL = 1e-3;
/* Logarithm and cosine of two languages may differ in the last place. */
static const double NOISE_ATOL = 9.5e-7;

/* An array of the bundle, and the bytes that it looks at. */
typedef struct {
    unsigned char *data;
    flow_array array;
} golden_array;

/* The arrays of a case. */
typedef struct {
    golden_array rows, context, expected;
} golden_arrays;

static void free_arrays(golden_arrays *arrays) {
    free(arrays->rows.data);
    free(arrays->context.data);
    free(arrays->expected.data);
    memset(arrays, 0, sizeof *arrays);
}

static const flow_array *context_of(const golden_arrays *arrays) {
    return arrays->context.data ? &arrays->context.array : NULL;
}

/* Reads a listed .npy file; of its rows, those of the case's range. */
static bool read_array(const flow_model *model, const char *name, const golden_case *range, golden_array *golden,
                       flow_error *error) {
    flow_array *array = &golden->array;
    size_t size;
    char where[PATH_MAX + 300];
    snprintf(where, sizeof where, "%s/%s", model->folder, name);
    if (!flow_read_listed(model, name, &golden->data, &size, error) ||
        !read_npy(golden->data, size, where, array, error))
        return false;
    if (!range || !range->ranged)
        return true;
    if (array->rank == 0 || range->stop > array->shape[0]) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: golden.cases: %s: rows %zu to %zu, which %s has not",
                         model->folder, range->name, range->start, range->stop, name);
    }
    size_t stride = array->dtype == FLOW_FLOAT32 ? sizeof(float) : sizeof(double);
    for (size_t axis = 1; axis < array->rank; axis++)
        stride *= array->shape[axis];
    array->data = (const char *)array->data + range->start * stride;
    array->shape[0] = range->stop - range->start;
    return true;
}

static size_t count_numbers(const flow_array *array) {
    size_t count = 1;
    for (size_t axis = 0; axis < array->rank; axis++)
        count *= array->shape[axis];
    return count;
}

static double number_at(const flow_array *array, size_t index) {
    return array->dtype == FLOW_FLOAT32 ? (double)((const float *)array->data)[index]
                                        : ((const double *)array->data)[index];
}

/* |found − expected| ≤ atol + rtol · |expected|, in units of scale, feature by feature, where there is one. Written so
 * that NaN fails. The check takes the figures of the number that comes nearest to its bound, or farthest over it. */
static void compare(const float *found, const flow_array *expected, double atol, double rtol, const double *scale,
                    size_t width, golden_check *check) {
    const size_t count = count_numbers(expected);
    double worst = -1;
    check->passed = count > 0;
    for (size_t i = 0; i < count; i++) {
        const double wanted = number_at(expected, i), unit = scale ? scale[i % width] : 1;
        /* Equal infinities, outside the support, differ by nothing. */
        const double difference = (double)found[i] == wanted ? 0 : fabs((double)found[i] - wanted) / unit;
        const double bound = atol + rtol * (isfinite(wanted) ? fabs(wanted) / unit : 0);
        const double ratio = difference == 0 ? 0 : isnan(difference) ? INFINITY : difference / bound;
        if (!(difference <= bound))
            check->passed = false;
        if (ratio > worst) {
            worst = ratio;
            check->difference = difference;
            check->bound = bound;
        }
    }
}

/* Makes a refusal of the inputs the result of a check. Any other failure is one of the whole golden check. */
static bool note_refusal(const flow_error *error, golden_check *check) {
    check->refusal = true;
    check->got = error->code;
    check->passed = check->got == check->expected;
    return error->code < FLOW_BAD_BUNDLE;
}

/* The arrays of a case: rows, context and expected output, where it has them. */
static bool read_arrays(const flow_model *model, const golden_case *golden, golden_arrays *arrays, flow_error *error) {
    return read_array(model, golden->rows, golden, &arrays->rows, error) &&
           (!golden->context || read_array(model, golden->context, golden, &arrays->context, error)) &&
           (!golden->expected || read_array(model, golden->expected, golden, &arrays->expected, error));
}

static bool run_case(const flow_model *model, const golden_cases *all, const golden_case *golden, golden_check *check,
                     flow_error *error) {
    const size_t width = golden->graph == FLOW_LOG_PROB ? 1 : flow_describe(model)->width;
    golden_arrays arrays = {0};
    float *found = NULL;
    bool done = read_arrays(model, golden, &arrays, error) &&
                (found = flow_allocate(arrays.rows.array.shape[0] * width, sizeof(float), error));
    if (done) {
        const flow_array *rows = &arrays.rows.array, *context = context_of(&arrays);
        const bool accepted = golden->graph == FLOW_LOG_PROB ? flow_log_prob(model, rows, context, found, error)
                                                             : flow_sample_from(model, rows, context, found, error);
        if (!accepted) {
            done = note_refusal(error, check);
        } else if (!golden->expected) {
            check->refusal = true;
        } else if (count_numbers(&arrays.expected.array) != rows->shape[0] * width) {
            done = flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: is not the output of %zu rows", model->folder,
                             golden->expected, rows->shape[0]);
        } else {
            compare(found, &arrays.expected.array, fmin(all->atol[golden->graph], MOST_ATOL),
                    fmin(all->rtol[golden->graph], MOST_RTOL), golden->graph == FLOW_SAMPLE ? all->scale : NULL, width,
                    check);
        }
    }
    free(found);
    free_arrays(&arrays);
    return done;
}

/* Reads the arrays of the first sample case of so many rows. */
static bool find_samples(const flow_model *model, const golden_cases *all, size_t rows, golden_arrays *arrays,
                         flow_error *error) {
    for (size_t i = 0; i < all->case_count; i++) {
        const golden_case *golden = &all->cases[i];
        if (golden->graph == FLOW_SAMPLE && golden->expected) {
            if (!read_arrays(model, golden, arrays, error))
                return false;
            if (arrays->rows.array.shape[0] == rows)
                return true;
            free_arrays(arrays);
        }
    }
    return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: golden.log_prob_of_sample: no sample case has its %zu rows",
                     model->folder, rows);
}

/* log_prob of what sample gives, against the trained model's: that the two graphs are inverse to each other. */
static bool run_direction(const flow_model *model, const golden_cases *all, golden_check *check, flow_error *error) {
    const size_t width = flow_describe(model)->width;
    golden_array expected = {0};
    golden_arrays arrays = {0};
    float *x = NULL, *log_prob = NULL;
    bool done = read_array(model, all->log_prob_of_sample, NULL, &expected, error);
    const size_t rows = count_numbers(&expected.array);
    done = done && find_samples(model, all, rows, &arrays, error) &&
           (x = flow_allocate(rows * width, sizeof(float), error)) &&
           (log_prob = flow_allocate(rows, sizeof(float), error));
    if (done) {
        const flow_array samples = flow_rows(x, rows, width);
        if (flow_sample_from(model, &arrays.rows.array, context_of(&arrays), x, error) &&
            flow_log_prob(model, &samples, context_of(&arrays), log_prob, error))
            compare(log_prob, &expected.array, DIRECTION_ATOL, DIRECTION_RTOL, NULL, 1, check);
        else
            done = note_refusal(error, check);
    }
    free(x);
    free(log_prob);
    free_arrays(&arrays);
    free(expected.data);
    return done;
}

static bool run_noise(const flow_model *model, const golden_noise *noise, golden_check *check, flow_error *error) {
    golden_array expected = {0};
    float *found = NULL;
    const bool done = read_array(model, noise->file, NULL, &expected, error) &&
                      (found = flow_allocate(count_numbers(&expected.array), sizeof(float), error));
    if (done) {
        flow_normals(noise->seed, noise->start, count_numbers(&expected.array), found);
        compare(found, &expected.array, NOISE_ATOL, 0, NULL, 1, check);
    }
    free(found);
    free(expected.data);
    return done;
}

static bool run_all(const flow_model *model, const golden_cases *all,
                    void (*report)(const golden_check *check, void *user), void *user, flow_error *error) {
    for (size_t i = 0; i < all->case_count; i++) {
        golden_check check = {.name = all->cases[i].name, .expected = all->cases[i].error};
        if (!run_case(model, all, &all->cases[i], &check, error))
            return false;
        report(&check, user);
    }
    golden_check direction = {.name = "log_prob_of_sample"};
    if (!run_direction(model, all, &direction, error))
        return false;
    report(&direction, user);
    for (size_t i = 0; i < all->noise_count; i++) {
        char name[40];
        snprintf(name, sizeof name, "noise %" PRIu64, all->noise[i].seed);
        golden_check check = {.name = name};
        if (!run_noise(model, &all->noise[i], &check, error))
            return false;
        report(&check, user);
    }
    return true;
}

bool replay_golden(const flow_model *model, void (*report)(const golden_check *check, void *user), void *user,
                   flow_error *error) {
    char where[PATH_MAX + 10];
    snprintf(where, sizeof where, "%s/flow.json", model->folder);
    golden_cases all;
    const bool done = read_golden(&model->manifest, where, &all, error) && run_all(model, &all, report, user, error);
    free_golden(&all);
    return done;
}

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
/* How often its own float32 rounding a number may differ by, and up to which share of it and of its unit. */
static const double MULTIPLE = 4, SHARE = 1e-3;
/* Logarithm and cosine of two languages may differ in the last place. */
static const double NOISE_ATOL = 9.5e-7;

/* An array of the bundle, and the bytes that it looks at. */
typedef struct {
    unsigned char *data;
    flow_array array;
} golden_array;

/* The arrays of a case. */
typedef struct {
    golden_array rows, context, expected, rounding;
} golden_arrays;

static void free_arrays(golden_arrays *arrays) {
    free(arrays->rows.data);
    free(arrays->context.data);
    free(arrays->expected.data);
    free(arrays->rounding.data);
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
    size_t stride = flow_size(array->dtype);
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

/* How near an output must come. */
typedef struct {
    double atol, rtol, share;   /* share: the most that rounding adds, of the number and of its unit */
    const flow_array *rounding; /* what float32 alone costs each number; NULL without */
    const double *scale;        /* a unit for each of the numbers of a row, or NULL */
    size_t width;
} tolerance;

/* |found − expected| ≤ atol + rtol · |expected| + what rounding may cost, in units of scale, feature by feature, where
 * there is one. Written so that NaN fails. The check takes the figures of the number that comes nearest to its bound,
 * or farthest over it. */
static void compare(flow_dtype dtype, const void *found, const flow_array *expected, const tolerance *near,
                    golden_check *check) {
    const size_t count = count_numbers(expected);
    double worst = -1;
    check->passed = count > 0;
    for (size_t i = 0; i < count; i++) {
        const double wanted = flow_number(expected->dtype, expected->data, i),
                     unit = near->scale ? near->scale[i % near->width] : 1;
        const double got = flow_number(dtype, found, i);
        /* Equal infinities, outside the support, differ by nothing. */
        const double difference = got == wanted ? 0 : fabs(got - wanted) / unit;
        const double size = isfinite(wanted) ? fabs(wanted) / unit : 0;
        const flow_array *own = isfinite(wanted) ? near->rounding : NULL;
        const double rounding = own ? MULTIPLE * flow_number(own->dtype, own->data, i) / unit : 0;
        const double bound = near->atol + near->rtol * size + fmin(rounding, near->share * (1 + size));
        const double ratio = difference == 0 ? 0 : !(difference < INFINITY) ? INFINITY : difference / bound;
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
           (!golden->expected || read_array(model, golden->expected, golden, &arrays->expected, error)) &&
           (!golden->rounding || read_array(model, golden->rounding, golden, &arrays->rounding, error));
}

static bool run_case(const flow_model *model, const golden_cases *all, const golden_case *golden, golden_check *check,
                     flow_error *error) {
    const flow_dtype dtype = flow_describe(model)->dtype;
    const size_t width = golden->graph == FLOW_LOG_PROB ? 1 : flow_describe(model)->width;
    golden_arrays arrays = {0};
    void *found = NULL;
    bool done = read_arrays(model, golden, &arrays, error) &&
                (found = flow_allocate(arrays.rows.array.shape[0] * width, flow_size(dtype), error));
    if (done) {
        const flow_array *rows = &arrays.rows.array, *context = context_of(&arrays);
        const bool accepted = golden->graph == FLOW_LOG_PROB ? flow_log_prob(model, rows, context, found, error)
                                                             : flow_sample_from(model, rows, context, found, error);
        if (!accepted) {
            done = note_refusal(error, check);
        } else if (!golden->expected) {
            check->refusal = true;
        } else if (golden->rounding && count_numbers(&arrays.rounding.array) != count_numbers(&arrays.expected.array)) {
            done = flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: is not the rounding of %s", model->folder,
                             golden->rounding, golden->expected);
        } else if (count_numbers(&arrays.expected.array) != rows->shape[0] * width) {
            done = flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: is not the output of %zu rows", model->folder,
                             golden->expected, rows->shape[0]);
        } else {
            const tolerance near = {fmin(all->atol[golden->graph], MOST_ATOL),
                                    fmin(all->rtol[golden->graph], MOST_RTOL),
                                    SHARE,
                                    golden->rounding ? &arrays.rounding.array : NULL,
                                    golden->graph == FLOW_SAMPLE ? all->scale : NULL,
                                    width};
            compare(dtype, found, &arrays.expected.array, &near, check);
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
    const flow_dtype dtype = flow_describe(model)->dtype;
    const size_t width = flow_describe(model)->width;
    golden_array expected = {0}, rounding = {0};
    golden_arrays arrays = {0};
    void *x = NULL, *log_prob = NULL;
    const char *own = all->log_prob_of_sample_rounding;
    bool done = read_array(model, all->log_prob_of_sample, NULL, &expected, error) &&
                (!own || read_array(model, own, NULL, &rounding, error));
    if (done && own && count_numbers(&rounding.array) != count_numbers(&expected.array))
        done = flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: is not the rounding of %s", model->folder, own,
                         all->log_prob_of_sample);
    const tolerance near = {DIRECTION_ATOL, DIRECTION_RTOL, INFINITY, own ? &rounding.array : NULL, NULL, 1};
    const size_t rows = count_numbers(&expected.array);
    done = done && find_samples(model, all, rows, &arrays, error) &&
           (x = flow_allocate(rows * width, flow_size(dtype), error)) &&
           (log_prob = flow_allocate(rows, flow_size(dtype), error));
    if (done) {
        const flow_array samples = {x, dtype, 2, {rows, width}};
        if (flow_sample_from(model, &arrays.rows.array, context_of(&arrays), x, error) &&
            flow_log_prob(model, &samples, context_of(&arrays), log_prob, error))
            compare(dtype, log_prob, &expected.array, &near, check);
        else
            done = note_refusal(error, check);
    }
    free(x);
    free(log_prob);
    free_arrays(&arrays);
    free(expected.data);
    free(rounding.data);
    return done;
}

static bool run_noise(const flow_model *model, const golden_noise *noise, golden_check *check, flow_error *error) {
    golden_array expected = {0};
    float *found = NULL;
    const bool done = read_array(model, noise->file, NULL, &expected, error) &&
                      (found = flow_allocate(count_numbers(&expected.array), sizeof(float), error));
    if (done) {
        flow_normals(noise->seed, noise->start, count_numbers(&expected.array), found);
        compare(FLOW_FLOAT32, found, &expected.array, &(const tolerance){.atol = NOISE_ATOL}, check);
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

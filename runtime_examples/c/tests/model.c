#include "tests.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3000 }; /* several blocks, the last of them short */

static const float CONTEXT[2] = {1, -0.5f};

/* −|x − context|² / 2 − ln 2π */
static double exact(const float *x, const float *context) {
    const double d0 = (double)x[0] - context[0], d1 = (double)x[1] - context[1];
    return -(d0 * d0 + d1 * d1) / 2 - 1.8378770664093453;
}

static void describes_itself(void **state) {
    const flow_info *info = flow_describe(*state);
    assert_string_equal(info->name, "gaussian");
    assert_int_equal(info->width, 2);
    assert_int_equal(info->latent_size, 2);
    assert_int_equal(info->context_size, 2);
}

static void log_prob_is_the_closed_form(void **state) {
    const flow_model *model = *state;
    float *x = malloc(ROWS * 2 * sizeof *x), *contexts = malloc(ROWS * 2 * sizeof *x),
          *found = malloc(ROWS * sizeof *x);
    flow_normals(1, 0, ROWS * 2, x);
    for (size_t row = 0; row < ROWS; row++) {
        contexts[2 * row] = (float)(row % 3);
        contexts[2 * row + 1] = (float)row / ROWS;
    }
    const flow_array rows = flow_rows(x, ROWS, 2), each = flow_rows(contexts, ROWS, 2), all = flow_vector(CONTEXT, 2);
    flow_error error;
    assert_true(flow_log_prob(model, &rows, &each, found, &error));
    for (size_t row = 0; row < ROWS; row++)
        assert_true(fabs(found[row] - exact(x + 2 * row, contexts + 2 * row)) <= 1e-5);
    assert_true(flow_log_prob(model, &rows, &all, found, &error));
    for (size_t row = 0; row < ROWS; row++)
        assert_true(fabs(found[row] - exact(x + 2 * row, CONTEXT)) <= 1e-5);
    free(x);
    free(contexts);
    free(found);
}

static void percentiles_lie_between_the_quantiles(void **state) {
    /* The quantiles are −10, −9.9, … 0. */
    static const float scores[] = {-INFINITY, -11, -10, -9.95f, -5, -0.025f, 0, 1};
    static const double expected[] = {0, 0, 0, 0.5, 50, 99.75, 100, 100};
    double found[8];
    flow_error error;
    assert_true(flow_percentile(*state, scores, 8, found, &error));
    for (size_t i = 0; i < 8; i++)
        assert_true(fabs(found[i] - expected[i]) <= 1e-5);
    assert_true(flow_percentile(*state, &(const float){NAN}, 1, found, &error));
    assert_true(isnan(found[0]));
}

static void outside_the_support_is_minus_infinity(void **state) {
    const flow_array x = flow_rows((const float[]){-10, 0}, 1, 2), context = flow_vector(CONTEXT, 2);
    float found;
    flow_error error;
    assert_true(flow_log_prob(*state, &x, &context, &found, &error));
    assert_true(isinf(found) && found < 0);
}

static void sample_is_the_map_of_the_noise(void **state) {
    float *z = malloc(ROWS * 2 * sizeof *z), *x = malloc(ROWS * 2 * sizeof *x), *mapped = malloc(ROWS * 2 * sizeof *x);
    const uint64_t seed = (UINT64_C(1) << 63) + 5;
    flow_normals(seed, 0, ROWS * 2, z);
    const flow_array latents = flow_rows(z, ROWS, 2), context = flow_vector(CONTEXT, 2);
    flow_error error;
    assert_true(flow_sample(*state, ROWS, seed, 0, 1, &context, x, &error));
    assert_true(flow_sample_from(*state, &latents, &context, mapped, &error));
    assert_memory_equal(x, mapped, ROWS * 2 * sizeof *x);
    for (size_t i = 0; i < ROWS * 2; i++)
        assert_true(x[i] == z[i] + CONTEXT[i % 2]);
    free(z);
    free(x);
    free(mapped);
}

static void a_part_of_a_sample_is_the_sample(void **state) {
    float *whole = malloc(ROWS * 2 * sizeof *whole), part[2 * 7];
    const flow_array context = flow_vector(CONTEXT, 2);
    flow_error error;
    assert_true(flow_sample(*state, ROWS, 3, 0, 0.7, &context, whole, &error));
    for (size_t first = 0; first + 7 <= ROWS; first += 331) {
        assert_true(flow_sample(*state, 7, 3, first, 0.7, &context, part, &error));
        assert_memory_equal(part, whole + 2 * first, sizeof part);
    }
    free(whole);
}

static void temperature_leaves_the_selector_alone(void **state) {
    float z[4], x[4];
    flow_normals(0, 0, 4, z);
    const flow_array context = flow_vector(CONTEXT, 2);
    flow_error error;
    assert_true(flow_sample(*state, 2, 0, 0, 0.7, &context, x, &error));
    for (size_t row = 0; row < 2; row++) {
        assert_true(x[2 * row] == z[2 * row] * 0.7f + CONTEXT[0]);
        assert_true(x[2 * row + 1] == z[2 * row + 1] + CONTEXT[1]);
    }
}

static void no_rows_are_no_error(void **state) {
    const flow_array x = flow_rows(NULL, 0, 2), context = flow_vector(CONTEXT, 2), none = flow_rows(NULL, 0, 2);
    flow_error error;
    assert_true(flow_log_prob(*state, &x, &context, NULL, &error));
    assert_true(flow_log_prob(*state, &x, &none, NULL, &error));
    assert_true(flow_sample_from(*state, &x, &context, NULL, &error));
    assert_true(flow_sample(*state, 0, 0, 0, 1, &context, NULL, &error));
    assert_true(flow_percentile(*state, NULL, 0, NULL, &error));
}

static void refuses_what_does_not_fit(void **state) {
    static const float numbers[8] = {0};
    const flow_array x = flow_rows(numbers, 2, 2), wide = flow_rows(numbers, 2, 3), flat = flow_vector(numbers, 2);
    const flow_array one = flow_vector(numbers, 2), each = flow_rows(numbers, 2, 2), more = flow_rows(numbers, 3, 2);
    const flow_array longer = flow_vector(numbers, 3), doubles = {numbers, FLOW_FLOAT64, 2, {2, 2, 0, 0}};
    const struct {
        const flow_array *x, *context;
        flow_code code;
        const char *reason;
    } wrong[] = {
        {&wide, &one, FLOW_WRONG_SHAPE, "x: expected rows of 2 numbers, got 2 axes, the last of 3"},
        {&flat, &one, FLOW_WRONG_SHAPE, "x: expected rows of 2 numbers, got 1 axes"},
        {&doubles, &one, FLOW_WRONG_DTYPE, "x: expected float32"},
        {&x, NULL, FLOW_MISSING_CONTEXT, "context: this model needs 2 context features"},
        {&x, &longer, FLOW_WRONG_SHAPE, "context: expected rows of 2 numbers, got 2 axes, the last of 3"},
        {&x, &more, FLOW_WRONG_SHAPE, "context: expected 1 row or 2, got 3"},
        {&x, &wide, FLOW_WRONG_SHAPE, "context: expected rows of 2 numbers, got 2 axes, the last of 3"},
        {&x, &doubles, FLOW_WRONG_DTYPE, "context: expected float32"},
    };
    float out[8];
    flow_error error;
    assert_true(flow_log_prob(*state, &x, &each, out, &error));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(flow_log_prob(*state, wrong[i].x, wrong[i].context, out, &error));
        assert_error(&error, wrong[i].code, wrong[i].reason);
    }
    assert_false(flow_sample_from(*state, &wide, &one, out, &error));
    assert_error(&error, FLOW_WRONG_SHAPE, "z: expected rows of 2 numbers");
}

static void refuses_an_unknown_code(void **state) {
    static const float codes[] = {3, -1, 0.5f, NAN, INFINITY};
    float out[4];
    flow_error error;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const float contexts[] = {2, 0, codes[i], 0};
        const flow_array x = flow_rows(contexts, 2, 2), each = flow_rows(contexts, 2, 2),
                         all = flow_vector(contexts + 2, 2);
        assert_false(flow_log_prob(*state, &x, &each, out, &error));
        assert_error(&error, FLOW_UNKNOWN_CATEGORY, "context: row 2: cut: ");
        assert_error(&error, FLOW_UNKNOWN_CATEGORY, "is no code (0 to 2)");
        assert_false(flow_sample(*state, 2, 0, 0, 1, &all, out, &error));
        assert_error(&error, FLOW_UNKNOWN_CATEGORY, "context: row 1: cut: ");
    }
}

static void refuses_a_sample_that_cannot_be(void **state) {
    const flow_array context = flow_vector(CONTEXT, 2);
    static const double temperatures[] = {-0.1, NAN, INFINITY, 1e39};
    float out[2];
    flow_error error;
    for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++) {
        assert_false(flow_sample(*state, 1, 0, 0, temperatures[i], &context, out, &error));
        assert_error(&error, FLOW_WRONG_VALUE, "temperature: expected a number from 0");
    }
    assert_false(flow_sample(*state, 1, 0, UINT64_MAX / 2, 1, &context, out, &error));
    assert_error(&error, FLOW_WRONG_VALUE, "rows: the noise of a seed ends before");
}

/* Rows of an image may come in its shape, or flat. */
static void an_image_is_a_row_of_its_numbers(void **state) {
    (void)state;
    flow_error error;
    flow_model *image = flow_open("tests/image", NULL, &error);
    assert_non_null(image);
    const float numbers[8] = {1, 2, 3, 4, 0, 0.5f, -1, 0};
    const flow_array shaped = {numbers, FLOW_FLOAT32, 4, {2, 1, 2, 2}}, flat = flow_rows(numbers, 2, 4);
    float found[2], again[2], x[8];
    assert_true(flow_log_prob(image, &shaped, NULL, found, &error));
    assert_true(fabs(found[0] - (-15 - 2 * 1.8378770664)) <= 1e-5 &&
                fabs(found[1] - (-0.625 - 2 * 1.8378770664)) <= 1e-5);
    assert_true(flow_log_prob(image, &flat, NULL, again, &error));
    assert_memory_equal(found, again, sizeof found);
    assert_true(flow_sample_from(image, &flat, NULL, x, &error));
    assert_memory_equal(x, numbers, sizeof x);
    const flow_array turned = {numbers, FLOW_FLOAT32, 4, {2, 2, 2, 1}}, half = {numbers, FLOW_FLOAT32, 3, {2, 2, 2, 0}};
    assert_false(flow_log_prob(image, &turned, NULL, found, &error));
    assert_error(&error, FLOW_WRONG_SHAPE, "x: expected rows of 4 numbers");
    assert_false(flow_log_prob(image, &half, NULL, found, &error));
    assert_error(&error, FLOW_WRONG_SHAPE, "x: expected rows of 4 numbers");
    flow_close(image);
}

static void a_category_has_its_code(void **state) {
    float code = -1;
    flow_error error;
    assert_true(flow_category(*state, "cut", " ideal ", &code, &error) && code == 2);
    assert_false(flow_category(*state, "cut", "best", &code, &error));
    assert_error(&error, FLOW_UNKNOWN_CATEGORY, "context: cut: \"best\" is no category");
    assert_false(flow_category(*state, "cut", "2", &code, &error));
    assert_error(&error, FLOW_UNKNOWN_CATEGORY, "context: cut: \"2\" is no category");
    assert_false(flow_category(*state, "angle", "2", &code, &error));
    assert_error(&error, FLOW_WRONG_VALUE, "context: no column \"angle\" has categories");
}

static void *sample_alone(void *model) {
    float *x = malloc(ROWS * 2 * sizeof *x);
    const flow_array context = flow_vector(CONTEXT, 2);
    flow_error error;
    for (int i = 0; x && i < 20; i++) {
        if (!flow_sample(model, ROWS, 9, 0, 1, &context, x, &error)) {
            free(x);
            x = NULL;
        }
    }
    return x;
}

static void several_threads_share_a_model(void **state) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    float *expected = sample_alone(*state);
    assert_non_null(expected);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sample_alone, *state), 0);
    for (int i = 0; i < THREADS; i++) {
        void *found;
        assert_int_equal(pthread_join(threads[i], &found), 0);
        assert_non_null(found);
        assert_memory_equal(found, expected, ROWS * 2 * sizeof *expected);
        free(found);
    }
    free(expected);
}

static int open_model(void **state) {
    flow_error error;
    *state = flow_open(GAUSSIAN, NULL, &error);
    if (!*state)
        print_error("%s\n", error.message);
    return *state ? 0 : -1;
}

static int close_model(void **state) {
    flow_close(*state);
    return 0;
}

int test_model(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_itself),
        cmocka_unit_test(log_prob_is_the_closed_form),
        cmocka_unit_test(percentiles_lie_between_the_quantiles),
        cmocka_unit_test(outside_the_support_is_minus_infinity),
        cmocka_unit_test(sample_is_the_map_of_the_noise),
        cmocka_unit_test(a_part_of_a_sample_is_the_sample),
        cmocka_unit_test(temperature_leaves_the_selector_alone),
        cmocka_unit_test(no_rows_are_no_error),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_an_unknown_code),
        cmocka_unit_test(refuses_a_sample_that_cannot_be),
        cmocka_unit_test(an_image_is_a_row_of_its_numbers),
        cmocka_unit_test(a_category_has_its_code),
        cmocka_unit_test(several_threads_share_a_model),
    };
    return cmocka_run_group_tests_name("model", tests, open_model, close_model);
}

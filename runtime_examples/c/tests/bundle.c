#include "tests.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char copy[] = "build/copy.XXXXXX";

/* A copy of the bundle, for a test to break. */
static int make_copy(void **state) {
    (void)state;
    snprintf(copy, sizeof copy, "build/copy.XXXXXX");
    assert_non_null(mkdtemp(copy));
    char command[100];
    snprintf(command, sizeof command, "cp -r " GAUSSIAN "/. %s", copy);
    return system(command);
}

static int remove_copy(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", copy);
    return system(command);
}

static const char *in_copy(const char *name) {
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", copy, name);
    return path;
}

static void assert_refused(const char *reason) {
    flow_error error = {FLOW_OK, ""};
    assert_null(flow_open(copy, NULL, &error));
    assert_error(&error, FLOW_BAD_BUNDLE, reason);
}

/* Changes flow.json, which has no hash. */
static void edit_manifest(const char *part, const char *by) {
    size_t size;
    char *text = slurp(in_copy("flow.json"), &size), *edited = replaced(text, part, by);
    FILE *stream = fopen(in_copy("flow.json"), "wb");
    fputs(edited, stream);
    fclose(stream);
    free(text);
    free(edited);
}

static void opens_a_copy(void **state) {
    (void)state;
    flow_error error;
    flow_model *model = flow_open(copy, NULL, &error);
    assert_non_null(model);
    flow_close(model);
}

/* Each direction alone: what is there works, and what is not is told. */
static void does_what_it_holds(void **state) {
    (void)state;
    static const char *const names[] = {"log_prob", "sample"};
    static const float numbers[2] = {0};
    const flow_array rows = flow_rows(numbers, 1, 2), context = flow_vector(numbers, 2);
    for (size_t held = 0; held < 2; held++) {
        char key[30], other[30], line[100];
        snprintf(key, sizeof key, "\"%s\": {\n      \"file\"", names[1 - held]);
        snprintf(other, sizeof other, "\"later\": {\n      \"file\"");
        snprintf(line, sizeof line, "graphs: the bundle holds %s alone, and no %s, so it cannot ", names[held],
                 names[1 - held]);
        edit_manifest(key, other);
        flow_error error;
        flow_model *model = flow_open(copy, NULL, &error);
        assert_non_null(model);
        float out[2];
        const bool scored = flow_log_prob(model, &rows, &context, out, &error);
        if (!scored)
            assert_error(&error, FLOW_BAD_BUNDLE, line);
        const bool mapped = flow_sample_from(model, &rows, &context, out, &error);
        const bool drawn = flow_sample(model, 0, 0, 0, 1, &context, out, &error);
        if (!drawn)
            assert_error(&error, FLOW_BAD_BUNDLE, line);
        assert_true(scored == (held == 0) && mapped == (held == 1) && drawn == mapped);
        flow_close(model);
        edit_manifest(other, key);
    }
}

static void refuses_a_file_that_is_not_there(void **state) {
    (void)state;
    unlink(in_copy("golden/x.npy"));
    assert_refused("golden/x.npy: cannot be read: No such file or directory");
    unlink(in_copy("flow.json"));
    assert_refused("flow.json: cannot be read: No such file");
    flow_error error;
    assert_null(flow_open("build/nowhere", NULL, &error));
    assert_error(&error, FLOW_BAD_BUNDLE, "build/nowhere/flow.json: cannot be read: No such file");
}

static void refuses_a_flipped_byte(void **state) {
    (void)state;
    FILE *stream = fopen(in_copy("sample.onnx"), "r+b");
    fseek(stream, 40, SEEK_SET);
    const int byte = getc(stream);
    fseek(stream, 40, SEEK_SET);
    putc(byte ^ 1, stream);
    fclose(stream);
    assert_refused("sample.onnx: files: hash differs");
}

static void refuses_a_text_that_is_no_hash(void **state) {
    (void)state;
    edit_manifest("\"sample.onnx\": \"", "\"sample.onnx\": \"0");
    assert_refused("sample.onnx: files: hash differs (expected 0");
}

static void refuses_a_link_that_leads_outside(void **state) {
    (void)state;
    unlink(in_copy("sample.onnx"));
    assert_int_equal(symlink("../../" GAUSSIAN "/sample.onnx", in_copy("sample.onnx")), 0);
    assert_refused("sample.onnx: cannot be read: a link leads out of the folder");
}

static void takes_a_link_that_stays_inside(void **state) {
    (void)state;
    assert_int_equal(rename(in_copy("sample.onnx"), "build/moved"), 0);
    assert_int_equal(rename("build/moved", in_copy("moved.onnx")), 0);
    assert_int_equal(symlink("moved.onnx", in_copy("sample.onnx")), 0);
    opens_a_copy(state);
}

static void refuses_what_is_not_a_file(void **state) {
    (void)state;
    unlink(in_copy("sample.onnx"));
    assert_int_equal(mkfifo(in_copy("sample.onnx"), 0600), 0);
    assert_refused("sample.onnx: cannot be read: it is not a file");
    unlink(in_copy("sample.onnx"));
    assert_int_equal(mkdir(in_copy("sample.onnx"), 0700), 0);
    assert_refused("sample.onnx: cannot be read: it is not a file");
}

static void refuses_a_manifest_of_another_size(void **state) {
    (void)state;
    assert_int_equal(truncate(in_copy("flow.json"), (4 << 20) + 1), 0);
    assert_refused("flow.json: cannot be read: it is too large");
    assert_int_equal(truncate(in_copy("flow.json"), 0), 0);
    assert_refused("flow.json: is no JSON object");
}

static void refuses_a_graph_with_other_tensors(void **state) {
    (void)state;
    edit_manifest("\"file\": \"log_prob.onnx\"", "\"file\": \"sample.onnx\"");
    assert_refused("sample.onnx: ");
}

static void a_tie_of_quantiles_has_a_percentile(void **state) {
    (void)state;
    edit_manifest("-0.4,", "-0.5,");
    flow_error error;
    flow_model *model = flow_open(copy, NULL, &error);
    assert_non_null(model);
    static const float scores[] = {-0.5f, -1};
    double found[2];
    assert_true(flow_percentile(model, scores, 2, found, &error));
    assert_true(found[0] == 96 && found[1] == 90);
    flow_close(model);
}

static void has_no_percentiles_without_a_reference(void **state) {
    (void)state;
    edit_manifest("\"reference\": {", "\"reference\": null, \"old\": {");
    flow_error error;
    flow_model *model = flow_open(copy, NULL, &error);
    assert_non_null(model);
    assert_false(flow_describe(model)->has_reference);
    double found;
    assert_false(flow_percentile(model, &(const float){0}, 1, &found, &error));
    assert_error(&error, FLOW_BAD_BUNDLE, "/flow.json: reference: is null");
    flow_close(model);
}

static void says_that_there_is_no_runtime(void **state) {
    (void)state;
    flow_error error;
    assert_null(flow_open(copy, &(flow_options){.library = "/nowhere/libonnxruntime.so"}, &error));
    assert_error(&error, FLOW_NO_RUNTIME, "/nowhere/libonnxruntime.so: cannot open shared object file");
    assert_null(flow_open(copy, &(flow_options){.library = "libm.so.6"}, &error));
    assert_error(&error, FLOW_NO_RUNTIME, "libm.so.6: undefined symbol: OrtGetApiBase");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_copy, remove_copy)

int test_bundle(void) {
    const struct CMUnitTest tests[] = {
        TEST(opens_a_copy),
        TEST(does_what_it_holds),
        TEST(refuses_a_file_that_is_not_there),
        TEST(refuses_a_flipped_byte),
        TEST(refuses_a_text_that_is_no_hash),
        TEST(refuses_a_link_that_leads_outside),
        TEST(takes_a_link_that_stays_inside),
        TEST(refuses_what_is_not_a_file),
        TEST(refuses_a_manifest_of_another_size),
        TEST(refuses_a_graph_with_other_tensors),
        TEST(a_tie_of_quantiles_has_a_percentile),
        TEST(has_no_percentiles_without_a_reference),
        TEST(says_that_there_is_no_runtime),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}

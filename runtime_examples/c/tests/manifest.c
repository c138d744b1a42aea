#include "tests.h"

#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a text as flow.json; the caller frees it. */
static bool read_text(const char *text, flow_manifest *manifest, flow_error *error) {
    return flow_read_manifest(text, strlen(text), "flow.json", manifest, error);
}

static void reads_what_the_model_is(void **state) {
    const char *text = *state;
    flow_manifest manifest;
    flow_error error;
    assert_true(read_text(text, &manifest, &error));
    const flow_info *info = &manifest.info;
    assert_string_equal(info->name, "gaussian");
    assert_int_equal(info->event_rank, 1);
    assert_int_equal(info->width, 2);
    assert_null(info->features);
    assert_string_equal(info->context[0].name, "cut");
    assert_int_equal(info->context[0].category_count, 3);
    assert_string_equal(info->context[0].categories[2], "ideal");
    assert_null(info->context[1].categories);
    assert_true(info->has_reference);
    assert_true(manifest.selector);
    flow_free_manifest(&manifest);
}

static void reads_what_may_be_left_out(void **state) {
    static const char *const changes[][2] = {
        {"\"selector\": true", "\"selector\": false, \"levels\": 17, \"news\": [1]"},
        {"\"provenance\": {},\n  \"selector\": true", "\"provenance\": {}"},
        {"\"architecture\": {}", "\"architecture\": {\"flow\": \"MAF\"}, \"verified\": []"},
        {"\"features\": null", "\"features\": [\"a\", \"b\"]"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *text = replaced(*state, changes[i][0], changes[i][1]);
        flow_manifest manifest;
        flow_error error;
        assert_true(read_text(text, &manifest, &error));
        flow_free_manifest(&manifest);
        free(text);
    }
}

static void names_what_has_no_names(void **state) {
    static const char named[] = "[\n    {\n      \"name\": \"cut\",\n      \"categories\": [\n        \"fair\",\n"
                                "        \"good\",\n        \"ideal\"\n      ]\n    },\n    {\n"
                                "      \"name\": \"angle\"\n    }\n  ]";
    char *text = replaced(*state, named, "null");
    flow_manifest manifest;
    flow_error error;
    assert_true(read_text(text, &manifest, &error));
    assert_null(manifest.info.features);
    assert_null(manifest.info.context[1].name);
    flow_free_manifest(&manifest);
    free(text);
}

static void refuses_by_the_key(void **state) {
    static const struct {
        const char *part, *by, *reason;
    } wrong[] = {
        {"\"flowexport/1\"", "\"flowexport/2\"", "flow.json: format: expected flowexport/1, got \"flowexport/2\""},
        {"\"format\": \"flowexport/1\",", "", "flow.json: format: expected flowexport/1, got nothing"},
        {"\"dtype\": \"float32\",\n  \"event", "\"dtype\": \"float16\",\n  \"event",
         "flow.json: dtype: expected float32 or float64, got \"float16\""},
        {"\"name\": \"gaussian\"", "\"name\": 7", "flow.json: name: expected text, got 7"},
        {"\"description\": \"x = z + context\",", "", "flow.json: description: expected text, got nothing"},
        {"\"event_shape\": [", "\"event_shape\": [1, 1, 1,",
         "event_shape: expected a list of 1 to 3 sizes, got [1,1,1,2]"},
        {"\"event_shape\": [\n    2", "\"event_shape\": [2147483647, 2147483647",
         "event_shape: expected sizes from 1, of at most 2147483647 numbers, got 2147483647"},
        {"\"event_shape\": [\n    2", "\"event_shape\": [2000000000",
         "scale: expected as many numbers as a row has, got [1,1]"},
        {"\"latent_size\": 2", "\"latent_size\": 2.5", "latent_size: expected a whole number from 1, got 2.5"},
        {"\"context_size\": 2", "\"context_size\": \"2\"", "context_size: expected a whole number"},
        {"\"context_size\": 2", "\"context_size\": 1",
         "context_features: expected as many objects as context_size, got [{"},
        {"\"features\": null", "\"features\": [\"a\"]",
         "features: expected as many texts as a row has numbers, got [\"a\"]"},
        {"\"features\": null", "\"features\": [\"a\", null]",
         "features: expected as many texts as a row has numbers, got [\"a\",null]"},
        {"\"name\": \"cut\",", "", "context_features[].name: expected text, got nothing"},
        {"\"fair\"", "1", "context_features[].categories: expected a list of texts, got [1,\"good\""},
        {"\"graphs\": {", "\"graphs\": {}, \"others\": {", "graphs: expected log_prob or sample, got {}"},
        {"\"file\": \"log_prob.onnx\"", "\"file\": \"other.onnx\"",
         "graphs.log_prob.file: expected a file that is listed in files, got \"other.onnx\""},
        {"\"log_prob.onnx\": \"", "\"../log_prob.onnx\": \"",
         "files: expected hashes of files that stay in the folder, got \"../log_prob.onnx\""},
        {"\"log_prob.onnx\": \"", "\"/log_prob.onnx\": \"", "that stay in the folder, got \"/log_prob.onnx\""},
        {"\"log_prob.onnx\": \"", "\"a\\\\b\": \"", "that stay in the folder, got \"a\\\\b\""},
        {"\"log_prob.onnx\": \"", "\"c:b\": \"", "that stay in the folder"},
        {"\"log_prob.onnx\": \"", "\"a//b\": \"", "that stay in the folder"},
        {"\"log_prob.onnx\": \"", "\"a/./b\": \"", "that stay in the folder"},
        {"\"log_prob.onnx\": \"", "\"a/..\": \"", "that stay in the folder"},
        {"\"log_prob.onnx\": \"", "\"log_prob.onnx\": 0, \"other\": \"", "stay in the folder, got \"log_prob.onnx\""},
        {"-0.1,", "-0.3,", "reference.log_prob_quantiles: expected finite numbers that ascend, got -0.3"},
        {"-0.1,", "", "reference.log_prob_quantiles: expected 101 numbers"},
        {"-0.1,", "1e999,", "log_prob_quantiles: "},
        {"\"selector\": true", "\"selector\": 1", "selector: expected true or false"},
        {"\"selector\": true", "\"selector\": NaN", "flow.json: is no JSON object (at byte"},
        {"\"selector\": true\n}", "\"selector\": true\n} x", "flow.json: is no JSON object (at byte"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = replaced(*state, wrong[i].part, wrong[i].by);
        flow_manifest manifest;
        flow_error error = {FLOW_OK, ""};
        assert_false(read_text(text, &manifest, &error));
        assert_error(&error, FLOW_BAD_BUNDLE, wrong[i].reason);
        flow_free_manifest(&manifest);
        free(text);
    }
}

static void refuses_what_is_no_object(void **state) {
    (void)state;
    static const char *const texts[] = {"", "7", "[]", "null", "{", "\"flowexport/1\"", "{\"format\": null}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        flow_manifest manifest;
        flow_error error = {FLOW_OK, ""};
        assert_false(read_text(texts[i], &manifest, &error));
        assert_error(&error, FLOW_BAD_BUNDLE, "flow.json: ");
        flow_free_manifest(&manifest);
    }
    char deep[5000];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    flow_manifest manifest;
    flow_error error;
    assert_false(read_text(deep, &manifest, &error));
    assert_error(&error, FLOW_BAD_BUNDLE, "is no JSON object");
    flow_free_manifest(&manifest);
}

static void a_message_is_one_line(void **state) {
    char *text = replaced(*state, "\"log_prob.onnx\": \"", "\"/\\n\\u001b[2J\": \"");
    flow_manifest manifest;
    flow_error error;
    assert_false(read_text(text, &manifest, &error));
    assert_error(&error, FLOW_BAD_BUNDLE, "a key holds a control character");
    flow_free_manifest(&manifest);
    free(text);
}

/* Bytes changed, cut out and doubled at random: refused or read, with no fault that a sanitizer would see. */
static void survives_broken_texts(void **state) {
    const char *whole = *state;
    const size_t size = strlen(whole);
    uint32_t random = 1;
    for (int round = 0; round < 4000; round++) {
        char *text = malloc(2 * size + 1);
        memcpy(text, whole, size + 1);
        for (int change = 0; change <= round % 4; change++) {
            random = random * 1664525u + 1013904223u;
            const size_t length = strlen(text), at = random % length, span = (random >> 20) % (length - at);
            if (random & 0x10000)
                text[at] = "0\"[{},:-\\"[(random >> 18) % 9];
            else if (round % 2 == 0)
                memmove(text + at, text + at + span, length + 1 - at - span);
            else if (length + span <= 2 * size)
                memmove(text + at + span, text + at, length + 1 - at);
        }
        flow_manifest manifest;
        flow_error error = {FLOW_OK, ""};
        if (!read_text(text, &manifest, &error))
            assert_error(&error, FLOW_BAD_BUNDLE, "flow.json: ");
        flow_free_manifest(&manifest);
        free(text);
    }
}

static int load(void **state) {
    size_t size;
    *state = slurp(GAUSSIAN "/flow.json", &size);
    return 0;
}

static int unload(void **state) {
    free(*state);
    return 0;
}

int test_manifest(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_model_is),   cmocka_unit_test(reads_what_may_be_left_out),
        cmocka_unit_test(names_what_has_no_names),   cmocka_unit_test(refuses_by_the_key),
        cmocka_unit_test(refuses_what_is_no_object), cmocka_unit_test(a_message_is_one_line),
        cmocka_unit_test(survives_broken_texts),
    };
    return cmocka_run_group_tests_name("manifest", tests, load, unload);
}

#include "tests.h"

#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of an .npy file with a header, padded as NumPy does, and a body of zeros; the caller frees them. */
static unsigned char *make(const char *header, size_t body, size_t *size) {
    enum { HEADER = 118 };
    *size = 10 + HEADER + body;
    unsigned char *data = calloc(*size, 1);
    memcpy(data, "\x93NUMPY\x01\x00", 8);
    data[8] = HEADER;
    memset(data + 10, ' ', HEADER - 1);
    memcpy(data + 10, header, strlen(header));
    data[10 + HEADER - 1] = '\n';
    return data;
}

static void reads_shapes_and_types(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t body;
        flow_array expected;
    } known[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, {NULL, FLOW_FLOAT32, 2, {2, 3, 0, 0}}},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 24, {NULL, FLOW_FLOAT64, 1, {3, 0, 0, 0}}},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8, {NULL, FLOW_FLOAT64, 0, {0, 0, 0, 0}}},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", 0, {NULL, FLOW_FLOAT32, 2, {0, 2, 0, 0}}},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3, 4), }",
         96,
         {NULL, FLOW_FLOAT32, 4, {1, 2, 3, 4}}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t size;
        unsigned char *data = make(known[i].header, known[i].body, &size);
        flow_array array;
        flow_error error = {FLOW_OK, ""};
        assert_true(read_npy(data, size, "x.npy", &array, &error));
        assert_int_equal(array.dtype, known[i].expected.dtype);
        assert_int_equal(array.rank, known[i].expected.rank);
        assert_memory_equal(array.shape, known[i].expected.shape, array.rank * sizeof *array.shape);
        free(data);
    }
}

static void reads_the_numbers(void **state) {
    (void)state;
    size_t size;
    unsigned char *data = (unsigned char *)slurp(GAUSSIAN "/golden/x.npy", &size);
    flow_array array;
    flow_error error;
    assert_true(read_npy(data, size, "x.npy", &array, &error));
    assert_memory_equal(array.data, ((const float[]){0.5f, 1.5f, 1, 0, -10, 0, 2, -3}), 8 * sizeof(float));
    free(data);
}

static void refuses_any_other_header(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t body;
        const char *reason;
    } wrong[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 2), }", 8, "at most 4 axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, "8 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8, "8 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }", 8, "larger than the file"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999), }", 0, "larger than the file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t size;
        unsigned char *data = make(wrong[i].header, wrong[i].body, &size);
        flow_array array;
        flow_error error = {FLOW_OK, ""};
        assert_false(read_npy(data, size, "x.npy", &array, &error));
        assert_error(&error, FLOW_BAD_BUNDLE, wrong[i].reason);
        assert_error(&error, FLOW_BAD_BUNDLE, "x.npy: ");
        free(data);
    }
}

/* Every file cut short, and every byte of the header changed: refused, or read as what it then says. */
static void survives_broken_files(void **state) {
    (void)state;
    size_t size;
    char *whole = slurp(GAUSSIAN "/golden/x.npy", &size);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *data = malloc(cut + 1);
        memcpy(data, whole, cut);
        flow_array array;
        flow_error error;
        assert_false(read_npy(data, cut, "x.npy", &array, &error));
        free(data);
    }
    for (size_t at = 0; at < 128; at++) {
        for (int bit = 0; bit < 8; bit++) {
            unsigned char *data = malloc(size);
            memcpy(data, whole, size);
            data[at] ^= (unsigned char)(1 << bit);
            flow_array array;
            flow_error error;
            if (read_npy(data, size, "x.npy", &array, &error))
                assert_int_equal(array.shape[0] * array.shape[1] * sizeof(float), 4 * 2 * sizeof(float));
            free(data);
        }
    }
    free(whole);
}

int test_npy(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_shapes_and_types),
        cmocka_unit_test(reads_the_numbers),
        cmocka_unit_test(refuses_any_other_header),
        cmocka_unit_test(survives_broken_files),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}

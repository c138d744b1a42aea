#include "tests.h"

#include "inside.h"

#include <math.h>

static void philox_gives_the_words_of_its_authors(void **state) {
    (void)state;
    uint32_t zeros[4] = {0};
    flow_philox(zeros, 0, 0);
    assert_memory_equal(zeros, ((const uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), sizeof zeros);
    uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    flow_philox(pi, 0xa4093822, 0x299f31d0);
    assert_memory_equal(pi, ((const uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}), sizeof pi);
}

static void seeds_give_the_normals_of_the_format(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        float normals[4];
    } known[] = {{0, {0.9911377f, -0.9246626f, -0.61760896f, -0.4820686f}},
                 {(UINT64_C(1) << 63) + 5, {0.24326237f, 0.01694727f, -1.5504903f, 0.27301276f}}};
    for (size_t i = 0; i < 2; i++) {
        float found[4];
        flow_normals(known[i].seed, 0, 4, found);
        for (size_t j = 0; j < 4; j++)
            assert_true(fabsf(found[j] - known[i].normals[j]) <= 9.5e-7f);
    }
}

static void any_part_of_the_stream_can_be_drawn_alone(void **state) {
    (void)state;
    enum { COUNT = 40 };
    /* Across the place where the number of a block takes more than 32 bits. */
    const uint64_t starts[] = {0, 4 * (UINT64_C(1) << 32) - 20};
    for (size_t i = 0; i < 2; i++) {
        float whole[COUNT], part[COUNT];
        flow_normals(7, starts[i], COUNT, whole);
        for (size_t start = 0; start < COUNT; start++) {
            flow_normals(7, starts[i] + start, COUNT - start, part);
            assert_memory_equal(part, whole + start, (COUNT - start) * sizeof *part);
        }
    }
}

static void the_upper_half_of_the_block_number_counts(void **state) {
    (void)state;
    float low[4], high[4];
    flow_normals(7, 0, 4, low);
    flow_normals(7, UINT64_C(1) << 34, 4, high);
    assert_memory_not_equal(low, high, sizeof low);
}

static void the_smallest_and_the_largest_word_have_normals(void **state) {
    (void)state;
    float found[2];
    /* u = 0, the longest radius: √(64 ln 2). */
    flow_normals(0, UINT64_C(12922966362), 2, found);
    assert_true(fabsf(found[0] - 6.6200557f) <= 9.5e-7f && fabsf(found[1] + 0.7323111f) <= 9.5e-7f);
    /* u + 1 = 2³², the shortest: 0. */
    flow_normals(0, UINT64_C(8098165446), 2, found);
    assert_true(found[0] == 0 && found[1] == 0);
}

int test_noise(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_words_of_its_authors),
        cmocka_unit_test(seeds_give_the_normals_of_the_format),
        cmocka_unit_test(any_part_of_the_stream_can_be_drawn_alone),
        cmocka_unit_test(the_smallest_and_the_largest_word_have_normals),
        cmocka_unit_test(the_upper_half_of_the_block_number_counts),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}

#include "tests.h"

#include "csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static FILE *stream_of(const char *text, size_t size) {
    FILE *stream = tmpfile();
    assert_non_null(stream);
    fwrite(text, 1, size, stream);
    rewind(stream);
    return stream;
}

static void reads_records(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\"a\",\"b,\"\"c\"\"\"\r\n\r\n1,\n\"two\nlines\",\" \"\n3,4";
    static const char *const expected[][2] = {{"a", "b,\"c\""}, {"1", ""}, {"two\nlines", " "}, {"3", "4"}};
    csv_reader reader = {.stream = stream_of(text, strlen(text))};
    flow_error error;
    bool more;
    for (size_t row = 0; row < 4; row++) {
        assert_true(csv_next(&reader, &more, &error) && more);
        assert_int_equal(reader.row, row);
        assert_int_equal(reader.count, 2);
        assert_string_equal(reader.cells[0], expected[row][0]);
        assert_string_equal(reader.cells[1], expected[row][1]);
    }
    assert_true(csv_next(&reader, &more, &error) && !more);
    fclose(reader.stream);
    csv_free(&reader);
}

static void refuses_what_is_no_csv(void **state) {
    (void)state;
    const size_t size = (4u << 20) + 10;
    char *endless = malloc(size);
    memset(endless, 'x', size);
    const struct {
        const char *text;
        size_t size;
        const char *reason;
    } wrong[] = {{"a,\"b\n", 5, "header: a quote is not closed"},
                 {"a\0b\n", 4, "holds a NUL"},
                 {endless, size, "row 0: is longer than 4194304 bytes"}};
    for (size_t i = 0; i < 3; i++) {
        csv_reader reader = {.stream = stream_of(wrong[i].text, wrong[i].size)};
        flow_error error;
        bool more;
        assert_false(csv_next(&reader, &more, &error));
        assert_error(&error, FLOW_WRONG_VALUE, wrong[i].reason);
        fclose(reader.stream);
        csv_free(&reader);
    }
    free(endless);
}

static void reads_numbers_and_nothing_else(void **state) {
    (void)state;
    double number;
    assert_true(parse_number("-1.5e-3", FLOW_FLOAT32, &number) && number == -1.5e-3);
    assert_true(parse_number(" +.5 ", FLOW_FLOAT32, &number) && number == 0.5);
    static const char *const wrong[] = {"",      " ",   "nan",  "inf", "-inf", "1e39",
                                        "0x1p3", "1,5", "1.5x", "1 2", "--1",  "e5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(parse_number(wrong[i], FLOW_FLOAT32, &number));
    uint64_t whole;
    assert_true(parse_whole("18446744073709551615", &whole) && whole == UINT64_MAX);
    static const char *const not_whole[] = {"", "-1", "+1", " 1", "1.0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof not_whole / sizeof *not_whole; i++)
        assert_false(parse_whole(not_whole[i], &whole));
}

static void writes_the_shortest_number(void **state) {
    (void)state;
    static const struct {
        double number;
        const char *text, *wide;
    } known[] = {
        {0, "0", "0"},
        {0.1f, "0.1", "0.10000000149011612"},
        {1.0f / 3, "0.33333334", "0.3333333432674408"},
        {16777216, "16777216", "16777216"},
        {-1e-45f, "-1e-45", "-1.401298464324817e-45"},
        {-INFINITY, "-inf", "-inf"},
        {-NAN, "nan", "nan"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        FILE *stream = tmpfile();
        write_number(stream, FLOW_FLOAT32, known[i].number);
        putc(' ', stream);
        write_number(stream, FLOW_FLOAT64, known[i].number);
        rewind(stream);
        char text[64], wide[64];
        assert_int_equal(fscanf(stream, "%63s %63s", text, wide), 2);
        assert_string_equal(text, known[i].text);
        assert_string_equal(wide, known[i].wide);
        fclose(stream);
    }
}

int test_csv(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_records),
        cmocka_unit_test(refuses_what_is_no_csv),
        cmocka_unit_test(reads_numbers_and_nothing_else),
        cmocka_unit_test(writes_the_shortest_number),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}

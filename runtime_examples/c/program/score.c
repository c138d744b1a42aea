#include "csv.h"
#include "program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The places of the model's columns, features then context, in the header. */
static bool match_columns(const flow_info *info, const csv_reader *header, size_t *places, flow_error *error) {
    for (size_t i = 0; i < header->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(header->cells[i], header->cells[j]) == 0)
                return flow_fail(error, FLOW_WRONG_VALUE, "standard input: header: column \"%s\" is there twice",
                                 header->cells[i]);
    for (size_t i = 0; i < info->width + info->context_size; i++) {
        char room[24];
        const char *name = column_name(info, i, room);
        size_t found = 0;
        for (size_t cell = 0; cell < header->count; cell++) {
            if (strcmp(header->cells[cell], name) == 0) {
                places[i] = cell;
                found++;
            }
        }
        if (found == 0)
            return flow_fail(error, FLOW_WRONG_VALUE, "standard input: header: no column \"%s\"", name);
    }
    return true;
}

/* The numbers of one row, features to x and the others to context, behind those of so many rows. */
static bool parse_row(const flow_info *info, const csv_reader *row, size_t columns, const size_t *places, size_t rows,
                      void *x, void *context, flow_error *error) {
    char where[60];
    double number;
    snprintf(where, sizeof where, "standard input: row %" PRIu64, row->row);
    if (row->count != columns)
        return flow_fail(error, FLOW_WRONG_VALUE, "%s: expected %zu cells, got %zu", where, columns, row->count);
    for (size_t i = 0; i < info->width; i++) {
        const char *cell = row->cells[places[i]];
        if (!parse_number(cell, info->dtype, &number)) {
            char room[24];
            return flow_fail(error, FLOW_WRONG_VALUE, "%s: %s: \"%s\" is not a finite number", where,
                             column_name(info, i, room), cell);
        }
        flow_put(info->dtype, x, rows * info->width + i, number);
    }
    for (size_t i = 0; i < info->context_size; i++) {
        if (!parse_context(info, i, row->cells[places[info->width + i]], false, where, &number, error))
            return false;
        flow_put(info->dtype, context, rows * info->context_size + i, number);
    }
    return true;
}

static bool print_scores(const flow_model *model, const void *x, const void *context, size_t rows, flow_error *error) {
    const flow_info *info = flow_describe(model);
    const flow_array data = {x, info->dtype, 2, {rows, info->width}},
                     given = {context, info->dtype, 2, {rows, info->context_size}};
    double log_prob[BLOCK_ROWS]; /* room for either type */
    double percentile[BLOCK_ROWS];
    if (!flow_log_prob(model, &data, info->context_size ? &given : NULL, log_prob, error) ||
        (info->has_reference && !flow_percentile(model, log_prob, rows, percentile, error)))
        return false;
    for (size_t row = 0; row < rows; row++) {
        write_number(stdout, info->dtype, flow_number(info->dtype, log_prob, row));
        if (info->has_reference) {
            putchar(',');
            write_number(stdout, FLOW_FLOAT64, percentile[row]);
        }
        putchar('\n');
    }
    return true;
}

static bool read_header(const flow_info *info, csv_reader *reader, size_t *places, flow_error *error) {
    bool more;
    return csv_next(reader, &more, error) && match_columns(info, reader, places, error);
}

static bool score_rows(const flow_model *model, csv_reader *reader, const size_t *places, void *x, void *context,
                       flow_error *error) {
    const flow_info *info = flow_describe(model);
    const size_t columns = reader->count;
    puts(info->has_reference ? "log_prob,percentile" : "log_prob");
    size_t filled = 0;
    for (bool more = true; more && !ferror(stdout);) {
        if (!csv_next(reader, &more, error) ||
            (more && !parse_row(info, reader, columns, places, filled, x, context, error)))
            return false;
        filled += more;
        if (filled == BLOCK_ROWS || !more) {
            if (!print_scores(model, x, context, filled, error))
                return false;
            filled = 0;
        }
    }
    if (!info->has_reference)
        fputs("flow: the bundle has no reference rows, so there are no percentiles\n", stderr);
    return true;
}

bool score(const flow_model *model, flow_error *error) {
    const flow_info *info = flow_describe(model);
    csv_reader reader = {.stream = stdin};
    size_t *places = flow_allocate(info->width + info->context_size, sizeof *places, error);
    void *x = flow_allocate(BLOCK_ROWS * info->width, flow_size(info->dtype), error);
    void *context = flow_allocate(BLOCK_ROWS * info->context_size, flow_size(info->dtype), error);
    const bool done = places && x && context && read_header(info, &reader, places, error) &&
                      score_rows(model, &reader, places, x, context, error);
    free(places);
    free(x);
    free(context);
    csv_free(&reader);
    return done;
}

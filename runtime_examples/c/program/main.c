/* An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line of names, then
 * lines of numbers, and of labels where a column of the context has categories, with commas between. */
#include "flow.h"
#include "run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 1024, MOST_COLUMNS = 4096 };

static bool fail(flow_error *error, const char *what, const char *which) {
    error->code = FLOW_WRONG_VALUE;
    snprintf(error->message, sizeof error->message, "%s%.200s", what, which);
    return false;
}

/* The name of a column, features then context; room is for those that have none. */
static const char *name_of(const flow_info *info, size_t column, char room[24]) {
    const bool feature = column < info->width;
    const size_t place = feature ? column : column - info->width;
    const char *name = !feature ? info->context[place].name : info->features ? info->features[place] : NULL;
    snprintf(room, 24, feature ? "x%zu" : "c%zu", place);
    return name ? name : room;
}

/* Cuts the next line of standard input at its commas; no cells at the end of it. */
static bool read_cells(char **line, char *cells[MOST_COLUMNS], size_t *count, flow_error *error) {
    size_t room = 0;
    free(*line);
    *line = NULL;
    *count = 0;
    if (getline(line, &room, stdin) < 0)
        return true;
    (*line)[strcspn(*line, "\r\n")] = '\0';
    if (strchr(*line, '"'))
        return fail(error, "standard input: quotes need Python; see README.md: ", *line);
    for (char *cell = *line; cell && *count < MOST_COLUMNS;) {
        cells[(*count)++] = cell;
        cell = strchr(cell, ',');
        if (cell)
            *cell++ = '\0';
    }
    return true;
}

static bool read_number(const flow_model *model, size_t column, const char *cell, float *number, flow_error *error) {
    const flow_info *info = flow_describe(model);
    if (column >= info->width && info->context[column - info->width].categories)
        return flow_category(model, info->context[column - info->width].name, cell, number, error);
    char *end;
    *number = strtof(cell, &end);
    return (*cell && *end == '\0') || fail(error, "standard input: is no number: ", cell);
}

static double score_of(const flow_info *info, const void *scores, size_t row) {
    return info->dtype == FLOW_FLOAT64 ? ((const double *)scores)[row] : (double)((const float *)scores)[row];
}

static bool print_scores(const flow_model *model, const float *x, const float *context, size_t rows,
                         flow_error *error) {
    const flow_info *info = flow_describe(model);
    const flow_array data = flow_rows(x, rows, info->width), given = flow_rows(context, rows, info->context_size);
    double scores[BLOCK_ROWS], percentiles[BLOCK_ROWS]; /* room for scores of either type */
    if (!flow_log_prob(model, &data, info->context_size ? &given : NULL, scores, error) ||
        (info->has_reference && !flow_percentile(model, scores, rows, percentiles, error)))
        return false;
    for (size_t row = 0; row < rows; row++) {
        printf("%.9g", score_of(info, scores, row));
        info->has_reference ? printf(",%.17g\n", percentiles[row]) : printf("\n");
    }
    return true;
}

static bool score_lines(const flow_model *model, float *x, float *context, char **line, flow_error *error) {
    const flow_info *info = flow_describe(model);
    const size_t width = info->width, columns = width + info->context_size;
    char *cells[MOST_COLUMNS], room[24];
    size_t places[MOST_COLUMNS], header, count, filled = 0;
    if (!read_cells(line, cells, &header, error))
        return false;
    for (size_t i = 0; i < columns; i++) {
        const char *name = name_of(info, i, room);
        for (places[i] = 0; places[i] < header && strcmp(cells[places[i]], name) != 0;)
            places[i]++;
        if (places[i] == header)
            return fail(error, "standard input: no column ", name);
    }
    puts(info->has_reference ? "log_prob,percentile" : "log_prob");
    for (;;) {
        if (!read_cells(line, cells, &count, error))
            return false;
        if (count == 0)
            return print_scores(model, x, context, filled, error);
        if (count != header)
            return fail(error, "standard input: another number of cells than names: ", cells[0]);
        for (size_t i = 0; i < columns; i++) {
            float *number = i < width ? x + filled * width + i : context + filled * (columns - width) + i - width;
            if (!read_number(model, i, cells[places[i]], number, error))
                return false;
        }
        if (++filled == BLOCK_ROWS) {
            if (!print_scores(model, x, context, filled, error))
                return false;
            filled = 0;
        }
    }
}

static bool score(const flow_model *model, flow_error *error) {
    const flow_info *info = flow_describe(model);
    if (info->width + info->context_size > MOST_COLUMNS)
        return fail(error, "too many columns for this example: ", info->name);
    float *x = calloc(BLOCK_ROWS * info->width, sizeof *x);
    float *context = calloc(BLOCK_ROWS * info->context_size + 1, sizeof *context);
    char *line = NULL;
    const bool done = x && context ? score_lines(model, x, context, &line, error) : fail(error, "out of memory", "");
    free(line);
    free(context);
    free(x);
    return done;
}

static bool sample(const flow_model *model, uint64_t rows, uint64_t seed, flow_error *error) {
    const flow_info *info = flow_describe(model);
    void *x = calloc(BLOCK_ROWS * info->width, sizeof(double)); /* room for either type */
    bool done = x ? true : fail(error, "out of memory", "");
    char room[24];
    for (size_t i = 0; done && i < info->width; i++)
        printf("%s%c", name_of(info, i, room), i + 1 < info->width ? ',' : '\n');
    for (uint64_t first = 0; done && first < rows; first += BLOCK_ROWS) {
        const size_t count = rows - first < BLOCK_ROWS ? (size_t)(rows - first) : BLOCK_ROWS;
        done = flow_sample(model, count, seed, first, 1, NULL, x, error);
        for (size_t i = 0; done && i < count * info->width; i++)
            printf("%.9g%c", score_of(info, x, i), (i + 1) % info->width > 0 ? ',' : '\n');
    }
    free(x);
    return done;
}

int main(int count, char **arguments) {
    const char *verb = count > 2 ? arguments[1] : "";
    const bool scores = strcmp(verb, "score") == 0 && count == 3, samples = strcmp(verb, "sample") == 0 && count == 5;
    flow_error error;
    if (strcmp(verb, "run") == 0) /* what ../../drive.sh asks for */
        return run(arguments[2], count > 3 ? arguments[3] : NULL);
    if (!scores && !samples) {
        fputs("flow: usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need Python "
              "3.11 or later\n",
              stderr);
        return 2;
    }
    flow_model *model = flow_open(arguments[2], NULL, &error);
    bool done =
        model && (scores ? score(model, &error)
                         : sample(model, strtoull(arguments[3], NULL, 10), strtoull(arguments[4], NULL, 10), &error));
    flow_close(model);
    if (done && (fflush(stdout) != 0 || ferror(stdout)))
        done = fail(&error, "standard output: cannot be written", "");
    if (!done)
        fprintf(stderr, "flow: %s\n", error.message);
    return done ? 0 : 2;
}

#include "csv.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

/* V1,V2,… as one context; cuts the text at its commas. */
static bool parse_contexts(const flow_info *info, char *text, void *values, flow_error *error) {
    size_t count = 0;
    for (char *value = text, *next; value; value = next) {
        char *end = value + strcspn(value, ",");
        next = *end ? end + 1 : NULL;
        *end = '\0';
        double number;
        if (count < info->context_size) {
            if (!parse_context(info, count, value, true, "--context", &number, error))
                return false;
            flow_put(info->dtype, values, count, number);
        }
        count++;
    }
    return count == info->context_size ||
           flow_fail(error, FLOW_WRONG_SHAPE, "--context: expected %zu values, got %zu", info->context_size, count);
}

static bool print_samples(const flow_model *model, const sample_request *request, const flow_array *context, void *x,
                          flow_error *error) {
    const flow_info *info = flow_describe(model);
    /* No rows from the last on: what cannot be is refused before anything is printed. */
    if (!flow_sample(model, request->seed, request->rows, 0, request->temperature, context, x, error))
        return false;
    for (size_t i = 0; i < info->width; i++) {
        char room[24];
        csv_write(stdout, column_name(info, i, room));
        putchar(i + 1 == info->width ? '\n' : ',');
    }
    for (uint64_t first = 0; first < request->rows && !ferror(stdout); first += BLOCK_ROWS) {
        const uint64_t left = request->rows - first;
        const size_t rows = left < BLOCK_ROWS ? (size_t)left : BLOCK_ROWS;
        if (!flow_sample(model, request->seed, first, rows, request->temperature, context, x, error))
            return false;
        for (size_t i = 0; i < rows * info->width; i++) {
            write_number(stdout, info->dtype, flow_number(info->dtype, x, i));
            putchar((i + 1) % info->width == 0 ? '\n' : ',');
        }
    }
    return true;
}

bool sample(const flow_model *model, const sample_request *request, flow_error *error) {
    const flow_info *info = flow_describe(model);
    void *values = flow_allocate(info->context_size, flow_size(info->dtype), error);
    void *x = flow_allocate(BLOCK_ROWS * info->width, flow_size(info->dtype), error);
    bool done = values && x && (!request->context || parse_contexts(info, request->context, values, error));
    if (done) {
        const flow_array context = {values, info->dtype, 1, {info->context_size}};
        done = print_samples(model, request, request->context ? &context : NULL, x, error);
    }
    free(values);
    free(x);
    return done;
}

#include "manifest.h"

#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CASES = 1000, MOST_NOISE = 100 };

/* Beyond it, a number of JSON need not be the one that was written. */
static const size_t LARGEST_START = (size_t)1 << 53;

static bool read_case(const flow_document *document, const cJSON *entry, flow_case *golden) {
    static const char *const errors[] = {"wrong_shape", "missing_context", "wrong_dtype", NULL};
    static const flow_code codes[] = {FLOW_WRONG_SHAPE, FLOW_MISSING_CONTEXT, FLOW_WRONG_DTYPE};
    size_t place;
    if (!flow_take_text(document, flow_key(document, entry, "name"), &golden->name) ||
        !flow_take_word(document, flow_key(document, entry, "graph"), flow_graph_names, &place)) {
        return false;
    }
    golden->graph = (flow_graph)place;
    const cJSON *inputs = flow_key(document, entry, "inputs"), *input;
    const char *name = golden->graph == FLOW_LOG_PROB ? "x" : "z",
               *output = golden->graph == FLOW_LOG_PROB ? "log_prob" : "x";
    if (!flow_take_file(document, flow_key(document, inputs, name), &golden->rows)) {
        return false;
    }
    cJSON_ArrayForEach(input, inputs) {
        const char *file;
        if (!flow_take_file(document, input, &file)) {
            return false;
        }
        if (strcmp(input->string, "context") == 0) {
            golden->context = file;
        }
    }
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(entry, "expected");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(entry, "error");
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(entry, "rows");
    if (!expected == !error) {
        return flow_refuse(document, entry, "needs either expected or error");
    }
    if (expected && !flow_take_file(document, flow_key(document, expected, output), &golden->expected)) {
        return false;
    }
    if (error) {
        if (!flow_take_word(document, error, errors, &place)) {
            return false;
        }
        golden->error = codes[place];
    }
    golden->ranged = rows != NULL;
    return !rows || (flow_take_list(document, rows, 2, 2, &place) &&
                     flow_take_size(document, rows->child, 0, FLOW_LARGEST_SIZE, &golden->start) &&
                     flow_take_size(document, rows->child->next, golden->start, FLOW_LARGEST_SIZE, &golden->stop));
}

static bool read_noise(const flow_document *document, const cJSON *entry, flow_noise *noise) {
    const cJSON *seed = flow_key(document, entry, "seed");
    const char *text;
    if (!flow_take_text(document, seed, &text)) {
        return false;
    }
    char *end;
    errno = 0;
    noise->seed = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || strlen(text) > 20) {
        return flow_refuse(document, seed, "expected a whole number below 2^64, in decimal digits");
    }
    size_t start;
    if (!flow_take_size(document, flow_key(document, entry, "start"), 0, LARGEST_START, &start) ||
        !flow_take_file(document, flow_key(document, entry, "file"), &noise->file)) {
        return false;
    }
    noise->start = start;
    return true;
}

bool flow_read_golden(const flow_document *document, const cJSON *golden, flow_manifest *manifest) {
    const cJSON *cases = flow_key(document, golden, "cases"), *noise, *entry;
    if (!flow_take_list(document, cases, 0, MOST_CASES, &manifest->case_count) ||
        !(noise = flow_key(document, golden, "noise")) ||
        !flow_take_list(document, noise, 0, MOST_NOISE, &manifest->noise_count) ||
        !flow_take_file(document, flow_key(document, golden, "log_prob_of_sample"), &manifest->log_prob_of_sample) ||
        !(manifest->cases = flow_allocate(document, manifest->case_count, sizeof *manifest->cases)) ||
        !(manifest->noise = flow_allocate(document, manifest->noise_count, sizeof *manifest->noise))) {
        return false;
    }
    flow_case *next_case = manifest->cases;
    cJSON_ArrayForEach(entry, cases) {
        if (!read_case(document, entry, next_case++)) {
            return false;
        }
    }
    flow_noise *next_noise = manifest->noise;
    cJSON_ArrayForEach(entry, noise) {
        if (!read_noise(document, entry, next_noise++)) {
            return false;
        }
    }
    return true;
}

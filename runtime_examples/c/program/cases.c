#include "cases.h"

#include "csv.h"
#include "rules.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond it, a number of JSON need not be the one that was written. */
#define LARGEST_START 9007199254740992.0

static const json_rule RULES[] = {
    {"architecture", JSON_OBJECT},
    {"provenance", JSON_OBJECT},
    {"provenance.*", JSON_TEXT},
    {"levels?", JSON_WHOLE, 1, LARGEST},
    {"reference~", JSON_OBJECT},
    {"reference.rows", JSON_WHOLE, 1, LARGEST},
    {"graphs.*.opset", JSON_WHOLE, 1, LARGEST},
    {"graphs.*.inputs", JSON_LIST, 1, 2},
    {"graphs.*.inputs[].name", JSON_TEXT},
    {"graphs.*.inputs[].dtype", JSON_TEXT},
    {"graphs.*.inputs[].shape", JSON_LIST, 1, FLOW_MAX_RANK},
    {"graphs.*.outputs", JSON_LIST, 1, 1},
    {"graphs.*.outputs[].name", JSON_TEXT},
    {"graphs.*.outputs[].dtype", JSON_TEXT},
    {"graphs.*.outputs[].shape", JSON_LIST, 1, FLOW_MAX_RANK},
    {"scale[]", JSON_NUMBER, DBL_MIN, DBL_MAX},
    {"tolerance", JSON_OBJECT},
    {"tolerance.log_prob", JSON_OBJECT},
    {"tolerance.sample", JSON_OBJECT},
    {"tolerance.*.atol", JSON_NUMBER, 0, DBL_MAX},
    {"tolerance.*.rtol", JSON_NUMBER, 0, DBL_MAX},
    {"golden", JSON_OBJECT},
    {"golden.cases", JSON_LIST, 0, 1000},
    {"golden.cases[]", JSON_OBJECT},
    {"golden.cases[].name", JSON_TEXT},
    {"golden.cases[].graph", JSON_TEXT},
    {"golden.cases[].inputs", JSON_OBJECT},
    {"golden.cases[].inputs.*", JSON_FILE},
    {"golden.cases[].expected?", JSON_OBJECT},
    {"golden.cases[].expected.*", JSON_FILE},
    {"golden.cases[].rounding?", JSON_OBJECT},
    {"golden.cases[].rounding.*", JSON_FILE},
    {"golden.cases[].error?", JSON_TEXT},
    {"golden.cases[].rows?", JSON_LIST, 2, 2},
    {"golden.cases[].rows[]", JSON_WHOLE, 0, LARGEST},
    {"golden.log_prob_of_sample", JSON_FILE},
    {"golden.log_prob_of_sample_rounding?", JSON_FILE},
    {"golden.noise", JSON_LIST, 0, 100},
    {"golden.noise[]", JSON_OBJECT},
    {"golden.noise[].seed", JSON_TEXT},
    {"golden.noise[].start", JSON_WHOLE, 0, LARGEST_START},
    {"golden.noise[].file", JSON_FILE},
};

/* A case; or what is wrong with it. */
static const char *read_case(const cJSON *entry, golden_case *golden) {
    const cJSON *expected = flow_key(entry, "expected"), *code = flow_key(entry, "error"),
                *rows = flow_key(entry, "rows");
    golden->name = flow_key(entry, "name")->valuestring;
    const bool scores = strcmp(flow_key(entry, "graph")->valuestring, "log_prob") == 0,
               samples = strcmp(flow_key(entry, "graph")->valuestring, "sample") == 0;
    golden->graph = samples ? FLOW_SAMPLE : FLOW_LOG_PROB;
    golden->rows = cJSON_GetStringValue(flow_key(flow_key(entry, "inputs"), scores ? "x" : "z"));
    golden->context = cJSON_GetStringValue(flow_key(flow_key(entry, "inputs"), "context"));
    golden->expected = cJSON_GetStringValue(flow_key(expected, scores ? "log_prob" : "x"));
    golden->rounding = cJSON_GetStringValue(flow_key(flow_key(entry, "rounding"), scores ? "log_prob" : "x"));
    while (code && golden->error < FLOW_UNKNOWN_CATEGORY &&
           strcmp(flow_code_name(golden->error), code->valuestring) != 0)
        golden->error++;
    golden->ranged = rows != NULL;
    golden->start = rows ? (size_t)rows->child->valuedouble : 0;
    golden->stop = rows ? (size_t)rows->child->next->valuedouble : 0;
    return golden->error == FLOW_UNKNOWN_CATEGORY
               ? "error: expected \"wrong_shape\", \"missing_context\" or \"wrong_dtype\""
           : !scores && !samples          ? "graph: expected \"log_prob\" or \"sample\""
           : !expected == !code           ? "needs either expected or error"
           : !golden->rows                ? "its input is missing"
           : !golden->expected && !code   ? "its output is missing"
           : golden->start > golden->stop ? "rows: they end before they start"
                                          : NULL;
}

static bool read_noise(const cJSON *entry, golden_noise *noise) {
    const char *seed = flow_key(entry, "seed")->valuestring;
    noise->start = (uint64_t)flow_key(entry, "start")->valuedouble;
    noise->file = flow_key(entry, "file")->valuestring;
    return parse_whole(seed, &noise->seed) && strlen(seed) <= 20;
}

/* How near the output must come. */
static bool read_tolerance(const cJSON *root, golden_cases *golden) {
    static const char *const graphs[] = {"log_prob", "sample"};
    for (flow_graph graph = FLOW_LOG_PROB; graph <= FLOW_SAMPLE; graph++) {
        const cJSON *tolerance = flow_key(flow_key(root, "tolerance"), graphs[graph]);
        golden->atol[graph] = flow_key(tolerance, "atol")->valuedouble;
        golden->rtol[graph] = flow_key(tolerance, "rtol")->valuedouble;
    }
    const cJSON *scale = flow_key(root, "scale"), *entry;
    double *next = golden->scale = calloc((size_t)cJSON_GetArraySize(scale) + 1, sizeof *next);
    for (entry = next ? scale->child : NULL; entry; entry = entry->next)
        *next++ = entry->valuedouble;
    return golden->scale;
}

/* Whether a tensor of a type is among those that flow.json lists, in any order. */
static bool is_listed(const cJSON *list, const flow_tensor *tensor, const char *dtype) {
    char shape[80] = "[\"batch\"";
    for (size_t axis = 0; axis < tensor->rank; axis++) {
        const size_t used = strlen(shape);
        snprintf(shape + used, sizeof shape - used, ",%d", (int)tensor->shape[axis]);
    }
    strcat(shape, "]");
    bool found = false;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        char *listed = cJSON_PrintUnformatted(flow_key(entry, "shape"));
        found |= listed && strcmp(listed, shape) == 0 &&
                 strcmp(flow_key(entry, "name")->valuestring, tensor->name) == 0 &&
                 strcmp(flow_key(entry, "dtype")->valuestring, dtype) == 0;
        cJSON_free(listed);
    }
    return found;
}

/* Holds what flow.json says of the graphs' tensors to its sizes. */
static bool check_tensors(const flow_manifest *manifest, const char *where, flow_error *error) {
    const cJSON *graph = flow_key(manifest->root, "graphs")->child;
    const char *dtype = flow_key(manifest->root, "dtype")->valuestring;
    for (; graph; graph = graph->next) {
        const bool samples = strcmp(graph->string, "sample") == 0;
        if (!samples && strcmp(graph->string, "log_prob") != 0)
            continue;
        const flow_signature *signature = &manifest->graphs[samples ? FLOW_SAMPLE : FLOW_LOG_PROB];
        const cJSON *inputs = flow_key(graph, "inputs");
        const size_t input_count = manifest->info.context_size ? 2 : 1;
        bool listed = (size_t)cJSON_GetArraySize(inputs) == input_count;
        for (size_t i = 0; i < input_count; i++)
            listed = listed && is_listed(inputs, &signature->inputs[i], dtype);
        const bool given = is_listed(flow_key(graph, "outputs"), &signature->output, dtype);
        if (!listed || !given)
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: graphs.%s.%s: are not the tensors of a model of these sizes",
                             where, graph->string, listed ? "outputs" : "inputs");
    }
    return true;
}

bool read_golden(const flow_manifest *manifest, const char *where, golden_cases *golden, flow_error *error) {
    const cJSON *root = manifest->root;
    *golden = (golden_cases){0};
    if (!check_rules(root, where, RULES, sizeof RULES / sizeof *RULES, error) || !check_tensors(manifest, where, error))
        return false;
    const cJSON *cases = flow_key(flow_key(root, "golden"), "cases"),
                *noise = flow_key(flow_key(root, "golden"), "noise"), *entry;
    golden->log_prob_of_sample = flow_key(flow_key(root, "golden"), "log_prob_of_sample")->valuestring;
    golden->log_prob_of_sample_rounding =
        cJSON_GetStringValue(flow_key(flow_key(root, "golden"), "log_prob_of_sample_rounding"));
    golden->cases = calloc((size_t)cJSON_GetArraySize(cases) + 1, sizeof *golden->cases);
    golden->noise = calloc((size_t)cJSON_GetArraySize(noise) + 1, sizeof *golden->noise);
    if (!golden->cases || !golden->noise || !read_tolerance(root, golden))
        return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    cJSON_ArrayForEach(entry, cases) {
        const char *reason = read_case(entry, &golden->cases[golden->case_count]);
        if (reason)
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: golden.cases[%zu]: %s", where, golden->case_count, reason);
        golden->case_count++;
    }
    cJSON_ArrayForEach(entry, noise) {
        if (!read_noise(entry, &golden->noise[golden->noise_count])) {
            return flow_fail(error, FLOW_BAD_BUNDLE,
                             "%s: golden.noise[%zu].seed: expected a whole number below 2^64, in decimal digits", where,
                             golden->noise_count);
        }
        golden->noise_count++;
    }
    return true;
}

void free_golden(golden_cases *golden) {
    free(golden->cases);
    free(golden->noise);
    free(golden->scale);
}

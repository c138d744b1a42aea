#include "inside.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without names, a few characters of JSON could ask for immense arrays. No table has so many columns. */
#define WIDEST_CONTEXT 65536

static const flow_rule RULES[] = {
    {"format", FLOW_TEXT, .word = "flowexport/1"},
    {"dtype", FLOW_TEXT, .word = "float32"},
    {"name", FLOW_TEXT},
    {"description", FLOW_TEXT},
    {"event_shape", FLOW_LIST, 1, FLOW_MAX_RANK - 1},
    {"event_shape[]", FLOW_WHOLE, 1, FLOW_LARGEST},
    {"latent_size", FLOW_WHOLE, 1, FLOW_LARGEST},
    {"context_size", FLOW_WHOLE, 0, WIDEST_CONTEXT},
    {"scale", FLOW_LIST, 1, FLOW_LARGEST},
    {"features~", FLOW_LIST, 1, FLOW_LARGEST},
    {"features[]", FLOW_TEXT},
    {"context_features~", FLOW_LIST, 0, WIDEST_CONTEXT},
    {"context_features[].name", FLOW_TEXT},
    {"context_features[].categories?", FLOW_LIST, 1, FLOW_LARGEST},
    {"context_features[].categories[]", FLOW_TEXT},
    {"files", FLOW_OBJECT},
    {"files.*", FLOW_TEXT},
    {"graphs", FLOW_OBJECT},
    {"graphs.log_prob", FLOW_OBJECT},
    {"graphs.sample", FLOW_OBJECT},
    {"reference~", FLOW_OBJECT},
    {"reference.log_prob_quantiles", FLOW_LIST, FLOW_QUANTILES, FLOW_QUANTILES},
    {"reference.log_prob_quantiles[]", FLOW_NUMBER, -DBL_MAX, DBL_MAX},
    {"selector?", FLOW_TRUTH},
};

static const flow_rule GRAPH_FILES = {"graphs.*.file", FLOW_FILE};

const cJSON *flow_key(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

/* Whether a name goes nowhere but down from the bundle's folder. */
static bool is_plain(const char *name) {
    for (const char *part = name;; part++) {
        const size_t length = strcspn(part, "/");
        if (length == 0 || (length <= 2 && strncmp(part, "..", length) == 0))
            return false;
        part += length;
        if (!*part)
            return !strpbrk(name, "\\:");
    }
}

static bool check_files(const cJSON *files, const char *where, flow_error *error) {
    const cJSON *entry;
    cJSON_ArrayForEach(entry, files) {
        if (!is_plain(entry->string))
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: files: \"%s\" leaves the folder", where, entry->string);
        if (strlen(entry->valuestring) != 64 || strspn(entry->valuestring, "0123456789abcdef") != 64) {
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: files.%s: expected a SHA-256 in lower-case hex", where,
                             entry->string);
        }
    }
    return true;
}

/* Whether a list, unless it is null, has so many entries. */
static bool has_length(const cJSON *root, const char *key, size_t expected, const char *where, flow_error *error) {
    const size_t found = (size_t)cJSON_GetArraySize(flow_key(root, key));
    return cJSON_IsNull(flow_key(root, key)) || found == expected ||
           flow_fail(error, FLOW_BAD_BUNDLE, "%s: %s: expected %zu entries, got %zu", where, key, expected, found);
}

static bool read_sizes(const cJSON *root, flow_info *info, const char *where, flow_error *error) {
    const cJSON *size;
    info->width = 1;
    cJSON_ArrayForEach(size, flow_key(root, "event_shape")) {
        info->event_shape[info->event_rank++] = (size_t)size->valuedouble;
        info->width *= (size_t)size->valuedouble;
        if (info->width > FLOW_LARGEST)
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: event_shape: more than %d numbers", where, FLOW_LARGEST);
    }
    info->latent_size = (size_t)flow_key(root, "latent_size")->valuedouble;
    info->context_size = (size_t)flow_key(root, "context_size")->valuedouble;
    /* The scale before the names: its length bounds the width, which a few characters could make immense. */
    return has_length(root, "scale", info->width, where, error) &&
           has_length(root, "features", info->width, where, error) &&
           has_length(root, "context_features", info->context_size, where, error);
}

/* Names the columns: where flow.json has null, x0, x1, … and c0, c1, … */
static bool describe_columns(flow_manifest *manifest) {
    flow_info *info = &manifest->info;
    const cJSON *feature = flow_key(manifest->root, "features")->child,
                *column = flow_key(manifest->root, "context_features")->child;
    const char **features = calloc(info->width, sizeof *features);
    flow_context_feature *context = calloc(info->context_size + 1, sizeof *context);
    info->features = features;
    info->context = context;
    manifest->names = calloc(info->width + info->context_size, sizeof *manifest->names);
    if (!features || !context || !manifest->names)
        return false;
    for (size_t i = 0; i < info->width; i++, feature = feature ? feature->next : NULL) {
        snprintf(manifest->names[i], sizeof *manifest->names, "x%zu", i);
        features[i] = feature ? feature->valuestring : manifest->names[i];
    }
    for (size_t i = 0; i < info->context_size; i++, column = column ? column->next : NULL) {
        char *name = manifest->names[info->width + i];
        snprintf(name, sizeof *manifest->names, "c%zu", i);
        context[i].name = column ? flow_key(column, "name")->valuestring : name;
        const cJSON *categories = flow_key(column, "categories"), *category;
        const char **texts = categories ? calloc((size_t)cJSON_GetArraySize(categories), sizeof *texts) : NULL;
        if (categories && !(context[i].categories = texts))
            return false;
        cJSON_ArrayForEach(category, categories) { texts[context[i].category_count++] = category->valuestring; }
    }
    return true;
}

static void describe_tensor(flow_tensor *tensor, const char *name, const size_t *shape, size_t rank) {
    *tensor = (flow_tensor){.name = name, .rank = rank + 1, .width = 1};
    for (size_t axis = 0; axis < rank; axis++) {
        tensor->shape[axis + 1] = (int64_t)shape[axis];
        tensor->width *= shape[axis];
    }
}

static void describe_graphs(flow_manifest *manifest) {
    const flow_info *info = &manifest->info;
    const cJSON *graphs = flow_key(manifest->root, "graphs");
    flow_signature *log_prob = &manifest->graphs[FLOW_LOG_PROB], *sample = &manifest->graphs[FLOW_SAMPLE];
    log_prob->file = flow_key(flow_key(graphs, "log_prob"), "file")->valuestring;
    sample->file = flow_key(flow_key(graphs, "sample"), "file")->valuestring;
    log_prob->input_count = sample->input_count = info->context_size ? 2 : 1;
    describe_tensor(&log_prob->inputs[0], "x", info->event_shape, info->event_rank);
    describe_tensor(&log_prob->output, "log_prob", NULL, 0);
    describe_tensor(&sample->inputs[0], "z", &info->latent_size, 1);
    describe_tensor(&sample->output, "x", info->event_shape, info->event_rank);
    describe_tensor(&log_prob->inputs[1], "context", &info->context_size, 1);
    sample->inputs[1] = log_prob->inputs[1];
}

static bool read_reference(flow_manifest *manifest, const char *where, flow_error *error) {
    const cJSON *entry, *list = flow_key(flow_key(manifest->root, "reference"), "log_prob_quantiles");
    double *quantile = manifest->quantiles;
    manifest->info.has_reference = list != NULL;
    cJSON_ArrayForEach(entry, list) {
        *quantile = entry->valuedouble;
        if (quantile > manifest->quantiles && *quantile < quantile[-1])
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: reference.log_prob_quantiles: must ascend", where);
        quantile++;
    }
    return true;
}

bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error) {
    memset(manifest, 0, sizeof *manifest);
    const char *end;
    cJSON *root = manifest->root = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!cJSON_IsObject(root) || strspn(end, " \t\r\n") < (size_t)(text + size - end))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is no JSON object (at byte %td)", where, end - text);
    if (!flow_check_rules(root, where, RULES, sizeof RULES / sizeof *RULES, error) ||
        !read_sizes(root, &manifest->info, where, error) || !check_files(flow_key(root, "files"), where, error) ||
        !flow_check_rules(root, where, &GRAPH_FILES, 1, error) || !read_reference(manifest, where, error))
        return false;
    manifest->info.name = flow_key(root, "name")->valuestring;
    manifest->info.description = flow_key(root, "description")->valuestring;
    manifest->selector = cJSON_IsTrue(flow_key(root, "selector"));
    describe_graphs(manifest);
    return describe_columns(manifest) || flow_fail(error, FLOW_NO_MEMORY, "out of memory");
}

void flow_free_manifest(flow_manifest *manifest) {
    const flow_info *info = &manifest->info;
    for (size_t i = 0; info->context && i < info->context_size; i++)
        free((void *)info->context[i].categories);
    free((void *)info->context);
    free((void *)info->features);
    free(manifest->names);
    cJSON_Delete(manifest->root);
}

#include "manifest.h"

#include "error.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Without names, a few characters of JSON could ask for immense arrays. No table has so many columns. */
    WIDEST_CONTEXT = 65536,
};

const char *const flow_graph_names[] = {"log_prob", "sample", NULL};

/* Whether a name goes nowhere but down from the bundle's folder. */
static bool is_plain(const char *name) {
    if (!*name || strpbrk(name, "\\:")) {
        return false;
    }
    for (const char *part = name;; part++) {
        const size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && *part == '.') || (length == 2 && memcmp(part, "..", 2) == 0)) {
            return false;
        }
        part += length;
        if (!*part) {
            return true;
        }
    }
}

static bool read_files(const flow_document *document, const cJSON *files) {
    if (!flow_take_object(document, files)) {
        return false;
    }
    const cJSON *entry;
    cJSON_ArrayForEach(entry, files) {
        const char *digest;
        if (!is_plain(entry->string)) {
            return flow_refuse(document, files, "\"%s\" leaves the folder", entry->string);
        }
        if (!flow_take_text(document, entry, &digest)) {
            return false;
        }
        if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64) {
            return flow_refuse(document, entry, "expected a SHA-256 in lower-case hex");
        }
    }
    return true;
}

/* Puts entries 0 … count − 1, each a JSON text with its number in the middle, where the bundle has null: so all names
 * are in the document, and checked and freed with it. A key that is not there is refused where it is read. */
static bool name_columns(const flow_document *document, cJSON *root, const char *key, size_t count, const char *before,
                         const char *after) {
    if (!cJSON_IsNull(flow_key(document, root, key))) {
        return true;
    }
    cJSON *names = cJSON_CreateArray();
    bool made = names != NULL;
    for (size_t i = 0; made && i < count; i++) {
        char entry[48];
        snprintf(entry, sizeof entry, "%s%zu%s", before, i, after);
        made = cJSON_AddItemToArray(names, cJSON_Parse(entry));
    }
    if (!made || !cJSON_ReplaceItemInObjectCaseSensitive(root, key, names)) {
        cJSON_Delete(names);
        return flow_fail(document->error, FLOW_NO_MEMORY, "%s: out of memory", document->where);
    }
    return true;
}

/* A list of texts; in *texts an array of them, which the caller frees. */
static bool read_texts(const flow_document *document, const cJSON *list, size_t least, size_t most,
                       const char *const **texts, size_t *count) {
    const char **array;
    if (!flow_take_list(document, list, least, most, count) ||
        !(array = flow_allocate(document, *count, sizeof *array))) {
        return false;
    }
    *texts = array;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        if (!flow_take_text(document, entry, array++)) {
            return false;
        }
    }
    return true;
}

static bool read_context(const flow_document *document, const cJSON *list, flow_info *info) {
    size_t count;
    flow_context_feature *feature;
    if (!flow_take_list(document, list, info->context_size, info->context_size, &count) ||
        !(feature = flow_allocate(document, count, sizeof *feature))) {
        return false;
    }
    info->context = feature;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        if (!flow_take_text(document, flow_key(document, entry, "name"), &feature->name)) {
            return false;
        }
        const cJSON *categories = cJSON_GetObjectItemCaseSensitive(entry, "categories");
        if (categories &&
            !read_texts(document, categories, 1, FLOW_LARGEST_SIZE, &feature->categories, &feature->category_count)) {
            return false;
        }
        feature++;
    }
    return true;
}

static bool read_sizes(const flow_document *document, const cJSON *root, flow_info *info) {
    const cJSON *shape = flow_key(document, root, "event_shape"), *entry;
    if (!flow_take_list(document, shape, 1, FLOW_MAX_RANK - 1, &info->event_rank)) {
        return false;
    }
    size_t axis = 0;
    info->width = 1;
    cJSON_ArrayForEach(entry, shape) {
        size_t *size = &info->event_shape[axis++];
        if (!flow_take_size(document, entry, 1, FLOW_LARGEST_SIZE / info->width, size)) {
            return false;
        }
        info->width *= *size;
    }
    return flow_take_size(document, flow_key(document, root, "latent_size"), 1, FLOW_LARGEST_SIZE,
                          &info->latent_size) &&
           flow_take_size(document, flow_key(document, root, "context_size"), 0, WIDEST_CONTEXT, &info->context_size);
}

static bool read_scale(const flow_document *document, const cJSON *list, flow_manifest *manifest) {
    size_t count;
    if (!flow_take_list(document, list, manifest->info.width, manifest->info.width, &count) ||
        !(manifest->scale = flow_allocate(document, count, sizeof *manifest->scale))) {
        return false;
    }
    double *scale = manifest->scale;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        if (!flow_take_number(document, entry, 0, scale)) {
            return false;
        }
        if (*scale++ == 0) {
            return flow_refuse(document, entry, "must be positive");
        }
    }
    return true;
}

/* A tensor of a graph, among those that flow.json lists in any order: its type, and its shape behind the batch. */
static bool check_tensor(const flow_document *document, const cJSON *tensors, const char *name, const size_t *shape,
                         size_t rank) {
    static const char *const float32[] = {"float32", NULL}, *const batch[] = {"batch", NULL};
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, tensors) {
        const char *found;
        if (!flow_take_text(document, flow_key(document, tensor, "name"), &found)) {
            return false;
        }
        if (strcmp(found, name) == 0) {
            break;
        }
    }
    if (!tensor) {
        return flow_refuse(document, tensors, "has no tensor \"%s\"", name);
    }
    const cJSON *sizes = flow_key(document, tensor, "shape");
    size_t count;
    if (!flow_take_word(document, flow_key(document, tensor, "dtype"), float32, &count) ||
        !flow_take_list(document, sizes, rank + 1, rank + 1, &count) ||
        !flow_take_word(document, sizes->child, batch, &count)) {
        return false;
    }
    const cJSON *size = sizes->child;
    for (size_t axis = 0; axis < rank; axis++) {
        size = size->next;
        if (!flow_take_size(document, size, shape[axis], shape[axis], &count)) {
            return false;
        }
    }
    return true;
}

static bool read_graph(const flow_document *document, flow_manifest *manifest, flow_graph kind) {
    const flow_info *info = &manifest->info;
    const cJSON *graph = flow_key(document, flow_key(document, document->root, "graphs"), flow_graph_names[kind]);
    const cJSON *inputs = flow_key(document, graph, "inputs"),
                *outputs = inputs ? flow_key(document, graph, "outputs") : NULL;
    const size_t wanted = info->context_size ? 2 : 1;
    size_t count;
    if (!outputs || !flow_take_file(document, flow_key(document, graph, "file"), &manifest->graph_files[kind]) ||
        !flow_take_size(document, flow_key(document, graph, "opset"), 1, FLOW_LARGEST_SIZE, &count) ||
        !flow_take_list(document, inputs, wanted, wanted, &count) || !flow_take_list(document, outputs, 1, 1, &count) ||
        (info->context_size && !check_tensor(document, inputs, "context", &info->context_size, 1))) {
        return false;
    }
    return kind == FLOW_LOG_PROB ? check_tensor(document, inputs, "x", info->event_shape, info->event_rank) &&
                                       check_tensor(document, outputs, "log_prob", NULL, 0)
                                 : check_tensor(document, inputs, "z", &info->latent_size, 1) &&
                                       check_tensor(document, outputs, "x", info->event_shape, info->event_rank);
}

static bool read_tolerance(const flow_document *document, flow_manifest *manifest, flow_graph kind) {
    const cJSON *tolerance =
        flow_key(document, flow_key(document, document->root, "tolerance"), flow_graph_names[kind]);
    return flow_take_number(document, flow_key(document, tolerance, "atol"), 0, &manifest->atol[kind]) &&
           flow_take_number(document, flow_key(document, tolerance, "rtol"), 0, &manifest->rtol[kind]);
}

static bool read_reference(const flow_document *document, const cJSON *reference, flow_manifest *manifest) {
    if (!reference || cJSON_IsNull(reference)) {
        return reference != NULL;
    }
    const cJSON *list, *entry;
    size_t count;
    if (!flow_take_size(document, flow_key(document, reference, "rows"), 1, FLOW_LARGEST_SIZE, &count) ||
        !(list = flow_key(document, reference, "log_prob_quantiles")) ||
        !flow_take_list(document, list, FLOW_QUANTILES, FLOW_QUANTILES, &count)) {
        return false;
    }
    double *quantile = manifest->quantiles, last = -INFINITY;
    cJSON_ArrayForEach(entry, list) {
        if (!flow_take_number(document, entry, -INFINITY, quantile)) {
            return false;
        }
        if (*quantile < last) {
            return flow_refuse(document, list, "must ascend");
        }
        last = *quantile++;
    }
    manifest->info.has_reference = true;
    return true;
}

/* Keys that nothing here needs are still part of the contract. */
static bool check_unused(const flow_document *document, const cJSON *root) {
    const cJSON *provenance = flow_key(document, root, "provenance"), *levels, *entry;
    if (!flow_take_object(document, provenance) ||
        !flow_take_object(document, flow_key(document, root, "architecture"))) {
        return false;
    }
    cJSON_ArrayForEach(entry, provenance) {
        const char *text;
        if (!flow_take_text(document, entry, &text)) {
            return false;
        }
    }
    size_t count;
    return !(levels = cJSON_GetObjectItemCaseSensitive(root, "levels")) ||
           flow_take_size(document, levels, 1, FLOW_LARGEST_SIZE, &count);
}

static bool read_selector(const flow_document *document, const cJSON *root, flow_manifest *manifest) {
    const cJSON *selector = cJSON_GetObjectItemCaseSensitive(root, "selector");
    manifest->selector = cJSON_IsTrue(selector);
    return !selector || cJSON_IsBool(selector) || flow_refuse(document, selector, "expected true or false");
}

bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error) {
    static const char *const formats[] = {"flowexport/1", NULL}, *const dtypes[] = {"float32", NULL};
    memset(manifest, 0, sizeof *manifest);
    const char *end;
    cJSON *root = manifest->root = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!root || strspn(end, " \t\r\n") < (size_t)(text + size - end)) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is not JSON (at byte %td)", where, end - text);
    }
    const flow_document document = {where, root, error};
    const flow_document *d = &document;
    flow_info *info = &manifest->info;
    size_t count;
    /* The scale before the names: its length bounds the width, which a few characters could make immense. */
    return flow_take_word(d, flow_key(d, root, "format"), formats, &count) &&
           flow_take_word(d, flow_key(d, root, "dtype"), dtypes, &count) &&
           flow_take_text(d, flow_key(d, root, "name"), &info->name) &&
           flow_take_text(d, flow_key(d, root, "description"), &info->description) && read_sizes(d, root, info) &&
           read_scale(d, flow_key(d, root, "scale"), manifest) &&
           name_columns(d, root, "features", info->width, "\"x", "\"") &&
           name_columns(d, root, "context_features", info->context_size, "{\"name\":\"c", "\"}") &&
           read_texts(d, flow_key(d, root, "features"), info->width, info->width, &info->features, &count) &&
           read_context(d, flow_key(d, root, "context_features"), info) &&
           (manifest->files = flow_key(d, root, "files")) && read_files(d, manifest->files) &&
           read_graph(d, manifest, FLOW_LOG_PROB) && read_graph(d, manifest, FLOW_SAMPLE) &&
           read_tolerance(d, manifest, FLOW_LOG_PROB) && read_tolerance(d, manifest, FLOW_SAMPLE) &&
           read_reference(d, flow_key(d, root, "reference"), manifest) &&
           flow_read_golden(d, flow_key(d, root, "golden"), manifest) && read_selector(d, root, manifest) &&
           check_unused(d, root);
}

void flow_free_manifest(flow_manifest *manifest) {
    flow_info *info = &manifest->info;
    for (size_t i = 0; info->context && i < info->context_size; i++) {
        free((void *)info->context[i].categories);
    }
    free((void *)info->context);
    free((void *)info->features);
    free(manifest->scale);
    free(manifest->cases);
    free(manifest->noise);
    cJSON_Delete(manifest->root);
}

#include "inside.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A few characters of JSON could ask for an immense context. No table has so many columns. */
enum { WIDEST = INT32_MAX, WIDEST_CONTEXT = 65536 };

/* Takes values of a document by their keys. The first that is not what it should be is told; such a value is taken as
 * nothing, so that failed need be looked at only where nothing will not do. */
typedef struct {
    const char *where, *parent; /* the document's path; that of the object in it that is read, with a dot behind it */
    flow_error *error;
    bool failed;
} reader;

const cJSON *flow_key(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

static const cJSON *refuse(reader *r, const char *key, const char *expected, const cJSON *got) {
    static const cJSON nothing;
    char *text = got ? cJSON_PrintUnformatted(got) : NULL;
    if (!r->failed)
        r->failed = !flow_fail(r->error, FLOW_BAD_BUNDLE, "%s: %s%s: expected %s, got %.60s", r->where, r->parent, key,
                               expected, text ? text : "nothing");
    cJSON_free(text);
    return &nothing;
}

/* A text, or where word is not NULL that one only. */
static const char *take_text(reader *r, const cJSON *object, const char *key, const char *word) {
    const cJSON *value = flow_key(object, key);
    const bool fits = cJSON_IsString(value) && (!word || strcmp(value->valuestring, word) == 0);
    return (fits ? value : refuse(r, key, word ? word : "text", value))->valuestring;
}

/* A whole number from least to most, which a text expects in words. */
static size_t take_size(reader *r, const char *key, const cJSON *value, size_t least, size_t most,
                        const char *expected) {
    const double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
    if (number >= (double)least && number <= (double)most && number == floor(number))
        return (size_t)number;
    refuse(r, key, expected, value);
    return least;
}

/* The first entry of a list that has from least to most, all of one of cJSON's types. */
static const cJSON *take_list(reader *r, const cJSON *object, const char *key, size_t least, size_t most, int type,
                              const char *expected) {
    const cJSON *list = flow_key(object, key), *entry;
    const size_t count = (size_t)cJSON_GetArraySize(list);
    bool fits = cJSON_IsArray(list) && count >= least && count <= most;
    cJSON_ArrayForEach(entry, list) fits = fits && entry->type == type;
    return fits ? list->child : refuse(r, key, expected, list)->child;
}

/* A list of texts, which the caller frees. */
static const char **take_texts(reader *r, const cJSON *object, const char *key, size_t least, size_t most,
                               const char *expected) {
    const cJSON *text = take_list(r, object, key, least, most, cJSON_String, expected);
    const char **texts = flow_allocate((size_t)cJSON_GetArraySize(flow_key(object, key)), sizeof *texts, r->error);
    r->failed = r->failed || !texts;
    for (size_t i = 0; texts && text; text = text->next)
        texts[i++] = text->valuestring;
    return texts;
}

static void read_sizes(reader *r, const cJSON *root, flow_info *info) {
    const cJSON *size = take_list(r, root, "event_shape", 1, FLOW_MAX_RANK - 1, cJSON_Number, "a list of 1 to 3 sizes");
    for (info->width = 1; size; size = size->next) {
        size_t *axis = &info->event_shape[info->event_rank++];
        info->width *= *axis =
            take_size(r, "event_shape", size, 1, WIDEST / info->width, "sizes from 1, of at most 2147483647 numbers");
    }
    info->latent_size = take_size(r, "latent_size", flow_key(root, "latent_size"), 1, WIDEST, "a whole number from 1");
    info->context_size = take_size(r, "context_size", flow_key(root, "context_size"), 0, WIDEST_CONTEXT,
                                   "a whole number from 0 to 65536");
    /* The scale's length bounds the width, which a few characters could make immense. */
    take_list(r, root, "scale", info->width, info->width, cJSON_Number, "as many numbers as a row has");
}

static void read_columns(reader *r, const cJSON *root, flow_info *info) {
    const size_t size = info->context_size;
    flow_context_feature *feature = flow_allocate(size, sizeof *feature, r->error);
    info->context = feature;
    r->failed = r->failed || !feature;
    if (!cJSON_IsNull(flow_key(root, "features")))
        info->features =
            take_texts(r, root, "features", info->width, info->width, "as many texts as a row has numbers");
    if (r->failed || cJSON_IsNull(flow_key(root, "context_features")))
        return;
    const cJSON *column =
        take_list(r, root, "context_features", size, size, cJSON_Object, "as many objects as context_size");
    r->parent = "context_features[].";
    for (; column; column = column->next, feature++) {
        feature->name = take_text(r, column, "name", NULL);
        feature->category_count = (size_t)cJSON_GetArraySize(flow_key(column, "categories"));
        if (flow_key(column, "categories"))
            feature->categories = take_texts(r, column, "categories", 1, WIDEST, "a list of texts");
    }
    r->parent = "";
}

/* Whether a name is of plain letters, in parts that one slash divides, with dots inside of them alone. */
static bool is_plain(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (strlen(name) > 255)
        return false;
    for (size_t length; (length = strspn(name, letters)) > 0; name++) {
        name += length;
        if (*name == '\0')
            return true;
        if (*name != '.' && *name != '/')
            return false;
    }
    return false;
}

static void check_files(reader *r, const cJSON *files) {
    const cJSON *file;
    if (!cJSON_IsObject(files))
        files = refuse(r, "files", "an object", files);
    cJSON_ArrayForEach(file, files) {
        const cJSON name = {.type = cJSON_String, .valuestring = file->string};
        if (!cJSON_IsString(file) || !is_plain(file->string))
            refuse(r, "files", "hashes of files that stay in the folder", &name);
        for (const cJSON *other = files->child; other != file; other = other->next)
            if (strcasecmp(other->string, file->string) == 0)
                refuse(r, "files", "names that differ in more than their capitals", &name);
    }
}

/* parent: the graph's own path, with a dot behind it. NULL for a graph that is not there. */
static const char *take_graph(reader *r, const cJSON *root, const char *graph, const char *parent) {
    const cJSON *object = flow_key(flow_key(root, "graphs"), graph);
    if (!object)
        return NULL;
    r->parent = parent;
    const char *file = take_text(r, object, "file", NULL);
    if (file && !flow_key(flow_key(root, "files"), file))
        refuse(r, "file", "a file that is listed in files", flow_key(object, "file"));
    r->parent = "";
    return file;
}

static void read_reference(reader *r, const cJSON *reference, flow_manifest *manifest) {
    double last = -DBL_MAX, *quantile = manifest->quantiles;
    if (!(manifest->info.has_reference = !cJSON_IsNull(reference)))
        return;
    r->parent = "reference.";
    const cJSON *entry =
        take_list(r, reference, "log_prob_quantiles", FLOW_QUANTILES, FLOW_QUANTILES, cJSON_Number, "101 numbers");
    for (; entry; entry = entry->next, last = *quantile++)
        if (!((*quantile = entry->valuedouble) >= last && *quantile <= DBL_MAX))
            refuse(r, "log_prob_quantiles", "finite numbers that ascend", entry);
    r->parent = "";
}

bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error) {
    static const char lfs[] = "version https://git-lfs.github.com/spec/";
    *manifest = (flow_manifest){0};
    if (size >= sizeof lfs - 1 && memcmp(text, lfs, sizeof lfs - 1) == 0)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is a pointer of Git LFS, and not the file itself", where);
    const char *end;
    cJSON *root = cJSON_ParseWithLengthOpts(text, size, &end, false);
    *manifest = (flow_manifest){.root = root};
    if (!cJSON_IsObject(root) || strspn(end, " \t\r\n") < (size_t)(text + size - end))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is no JSON object (at byte %td)", where, end - text);
    if (!flow_one_reading(root, text, size, where, error))
        return false;
    reader r = {where, "", error, false};
    flow_info *info = &manifest->info;
    take_text(&r, root, "format", "flowexport/1");
    const char *dtype = take_text(&r, root, "dtype", NULL);
    info->dtype = dtype && strcmp(dtype, "float64") == 0 ? FLOW_FLOAT64 : FLOW_FLOAT32;
    if (dtype && info->dtype == FLOW_FLOAT32 && strcmp(dtype, "float32") != 0)
        refuse(&r, "dtype", "float32 or float64", flow_key(root, "dtype"));
    info->name = take_text(&r, root, "name", NULL);
    info->description = take_text(&r, root, "description", NULL);
    read_sizes(&r, root, info);
    read_columns(&r, root, info);
    check_files(&r, flow_key(root, "files"));
    read_reference(&r, flow_key(root, "reference"), manifest);
    const cJSON *selector = flow_key(root, "selector");
    if (selector && !cJSON_IsBool(selector))
        refuse(&r, "selector", "true or false", selector);
    manifest->selector = cJSON_IsTrue(selector);
    const flow_tensor x = {"x", info->event_rank, info->event_shape, info->width},
                      z = {"z", 1, &info->latent_size, info->latent_size}, log_prob = {"log_prob", 0, NULL, 1},
                      context = {"context", 1, &info->context_size, info->context_size};
    const cJSON *graphs = flow_key(root, "graphs");
    if (!flow_key(graphs, "log_prob") && !flow_key(graphs, "sample"))
        refuse(&r, "graphs", "log_prob or sample", graphs);
    manifest->graphs[FLOW_LOG_PROB] =
        (flow_signature){take_graph(&r, root, "log_prob", "graphs.log_prob."), {x, context}, log_prob};
    manifest->graphs[FLOW_SAMPLE] = (flow_signature){take_graph(&r, root, "sample", "graphs.sample."), {z, context}, x};
    return !r.failed;
}

void flow_free_manifest(flow_manifest *manifest) {
    for (size_t i = 0; manifest->info.context && i < manifest->info.context_size; i++)
        free((void *)manifest->info.context[i].categories);
    free((void *)manifest->info.context);
    free((void *)manifest->info.features);
    cJSON_Delete(manifest->root);
}

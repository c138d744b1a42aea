#include "model.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows. */
enum { BLOCK_ROWS = 1024 };

static size_t next_block(size_t rows_left) { return rows_left < BLOCK_ROWS ? rows_left : BLOCK_ROWS; }

static bool out_of_memory(flow_error *error) { return flow_fail(error, FLOW_NO_MEMORY, "out of memory"); }

static void describe_tensor(flow_tensor *tensor, const char *name, const size_t *shape, size_t rank) {
    tensor->name = name;
    tensor->rank = rank + 1;
    for (size_t axis = 0; axis < rank; axis++) {
        tensor->shape[axis + 1] = (int64_t)shape[axis];
    }
}

static void describe_graph(const flow_info *info, flow_graph graph, flow_signature *signature) {
    if (graph == FLOW_LOG_PROB) {
        describe_tensor(&signature->inputs[0], "x", info->event_shape, info->event_rank);
        describe_tensor(&signature->output, "log_prob", NULL, 0);
    } else {
        describe_tensor(&signature->inputs[0], "z", &info->latent_size, 1);
        describe_tensor(&signature->output, "x", info->event_shape, info->event_rank);
    }
    describe_tensor(&signature->inputs[1], "context", &info->context_size, 1);
    signature->input_count = info->context_size ? 2 : 1;
}

static bool open_graph(flow_model *model, flow_graph graph, int threads, flow_error *error) {
    const flow_manifest *manifest = &model->bundle.manifest;
    flow_file file;
    if (flow_read_listed(&model->bundle, manifest->graph_files[graph], &file, error)) {
        describe_graph(&manifest->info, graph, &model->signatures[graph]);
        model->sessions[graph] = flow_open_session(&model->runtime, file.data, file.size, threads,
                                                   &model->signatures[graph], file.path, error);
        model->paths[graph] = file.path;
        file.path = NULL;
    }
    flow_free_file(&file);
    return model->sessions[graph];
}

/* Holds the files that no session reads to their hashes. */
static bool check_files(const flow_model *model, flow_error *error) {
    const flow_manifest *manifest = &model->bundle.manifest;
    bool right = true;
    for (const cJSON *entry = manifest->files->child; right && entry; entry = entry->next) {
        if (strcmp(entry->string, manifest->graph_files[FLOW_LOG_PROB]) != 0 &&
            strcmp(entry->string, manifest->graph_files[FLOW_SAMPLE]) != 0) {
            flow_file file;
            right = flow_read_listed(&model->bundle, entry->string, &file, error);
            flow_free_file(&file);
        }
    }
    return right;
}

flow_model *flow_open(const char *folder, const flow_options *options, flow_error *error) {
    flow_model *model = calloc(1, sizeof *model);
    if (!model) {
        out_of_memory(error);
        return NULL;
    }
    const int threads = options && options->threads > 0 ? options->threads : 1;
    if (flow_open_bundle(folder, &model->bundle, error) && check_files(model, error) &&
        flow_open_runtime(options ? options->library : NULL, &model->runtime, error) &&
        open_graph(model, FLOW_LOG_PROB, threads, error) && open_graph(model, FLOW_SAMPLE, threads, error)) {
        return model;
    }
    flow_close(model);
    return NULL;
}

void flow_close(flow_model *model) {
    if (!model) {
        return;
    }
    for (flow_graph graph = FLOW_LOG_PROB; graph <= FLOW_SAMPLE; graph++) {
        if (model->sessions[graph]) {
            model->runtime.api->ReleaseSession(model->sessions[graph]);
        }
        free(model->paths[graph]);
    }
    flow_close_runtime(&model->runtime);
    flow_close_bundle(&model->bundle);
    free(model);
}

const flow_info *flow_describe(const flow_model *model) { return &model->bundle.manifest.info; }

/* An array must be float32, and [rows, *shape] or [rows, width], width the product of shape. */
static bool check_rows(const char *name, const flow_array *array, const size_t *shape, size_t rank, size_t width,
                       flow_error *error) {
    if (array->dtype != FLOW_FLOAT32) {
        return flow_fail(error, FLOW_WRONG_DTYPE, "%s: expected float32, got float64", name);
    }
    if ((array->rank == rank + 1 && memcmp(array->shape + 1, shape, rank * sizeof *shape) == 0) ||
        (array->rank == 2 && array->shape[1] == width)) {
        return true;
    }
    return flow_fail(error, FLOW_WRONG_SHAPE, "%s: expected rows of %zu numbers, got %zu axes, the last of %zu", name,
                     width, array->rank, array->rank ? array->shape[array->rank - 1] : 1);
}

/* The context of rows, as graphs take it: a row for each. */
typedef struct {
    const float *data;
    size_t size;
    float *repeated; /* a block of the one context that all rows have, or NULL */
} context_rows;

static const float *context_at(const context_rows *context, size_t row) {
    return context->repeated ? context->repeated : context->data ? context->data + row * context->size : NULL;
}

/* Every category's code must be one of its feature's. */
static bool check_categories(const flow_info *info, const float *data, size_t rows, flow_error *error) {
    for (size_t column = 0; column < info->context_size; column++) {
        const flow_context_feature *feature = &info->context[column];
        for (size_t row = 0; feature->categories && row < rows; row++) {
            const float code = data[row * info->context_size + column];
            if (!(code >= 0 && code < (float)feature->category_count && code == floorf(code))) {
                return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "context: row %zu: %s: %g is no code (0 to %zu)",
                                 row + 1, feature->name, (double)code, feature->category_count - 1);
            }
        }
    }
    return true;
}

/* Checks a context for a number of rows. What it allocates, context->repeated, the caller frees. */
static bool take_context(const flow_info *info, const flow_array *given, size_t rows, context_rows *context,
                         flow_error *error) {
    const size_t size = info->context_size;
    *context = (context_rows){NULL, size, NULL};
    if (!given) {
        return size == 0 ||
               flow_fail(error, FLOW_MISSING_CONTEXT, "context: this model needs %zu context features", size);
    }
    if (size == 0) {
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: this model takes none");
    }
    if (given->dtype != FLOW_FLOAT32) {
        return flow_fail(error, FLOW_WRONG_DTYPE, "context: expected float32, got float64");
    }
    const bool one = given->rank == 1 && given->shape[0] == size;
    if (!one && (given->rank != 2 || given->shape[0] != rows || given->shape[1] != size)) {
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: expected shape [%zu] or [%zu, %zu]", size, rows, size);
    }
    context->data = given->data;
    if (!check_categories(info, context->data, one ? 1 : rows, error)) {
        return false;
    }
    if (one) {
        const size_t block = next_block(rows);
        if (!(context->repeated = malloc((block * size + 1) * sizeof *context->repeated))) {
            return out_of_memory(error);
        }
        for (size_t row = 0; row < block; row++) {
            memcpy(context->repeated + row * size, context->data, size * sizeof *context->repeated);
        }
    }
    return true;
}

/* Runs a graph on rows, block by block. */
static bool run_rows(const flow_model *model, flow_graph graph, const float *data, size_t width, size_t rows,
                     const context_rows *context, float *output, size_t output_width, flow_error *error) {
    bool done = true;
    for (size_t start = 0; done && start < rows; start += BLOCK_ROWS) {
        const size_t count = next_block(rows - start);
        const float *const inputs[2] = {data + start * width, context_at(context, start)};
        done = flow_run_session(&model->runtime, model->sessions[graph], &model->signatures[graph], count, inputs,
                                output + start * output_width, model->paths[graph], error);
    }
    return done;
}

bool flow_log_prob(const flow_model *model, const flow_array *x, const flow_array *context, float *log_prob,
                   flow_error *error) {
    const flow_info *info = flow_describe(model);
    if (!check_rows("x", x, info->event_shape, info->event_rank, info->width, error)) {
        return false;
    }
    context_rows contexts;
    const bool done = take_context(info, context, x->shape[0], &contexts, error) &&
                      run_rows(model, FLOW_LOG_PROB, x->data, info->width, x->shape[0], &contexts, log_prob, 1, error);
    free(contexts.repeated);
    return done;
}

bool flow_sample_from(const flow_model *model, const flow_array *z, const flow_array *context, float *x,
                      flow_error *error) {
    const flow_info *info = flow_describe(model);
    if (!check_rows("z", z, &info->latent_size, 1, info->latent_size, error)) {
        return false;
    }
    context_rows contexts;
    const bool done =
        take_context(info, context, z->shape[0], &contexts, error) &&
        run_rows(model, FLOW_SAMPLE, z->data, info->latent_size, z->shape[0], &contexts, x, info->width, error);
    free(contexts.repeated);
    return done;
}

/* The noise of count rows from row number first, with its temperature. */
static void draw_latents(const flow_manifest *manifest, uint64_t seed, uint64_t first, size_t count, float temperature,
                         float *z) {
    const size_t width = manifest->info.latent_size, warmed = width - (manifest->selector ? 1 : 0);
    flow_normals(seed, first * width, count * width, z);
    for (size_t row = 0; temperature != 1 && row < count; row++) {
        for (size_t column = 0; column < warmed; column++) {
            z[row * width + column] *= temperature;
        }
    }
}

bool flow_sample(const flow_model *model, uint64_t seed, uint64_t first, size_t rows, double temperature,
                 const flow_array *context, float *x, flow_error *error) {
    const flow_info *info = flow_describe(model);
    const size_t width = info->latent_size;
    if (!(temperature >= 0 && isfinite((float)temperature))) {
        return flow_fail(error, FLOW_WRONG_VALUE, "temperature: expected a number from 0, got %g", temperature);
    }
    if (rows > UINT64_MAX / width || first > UINT64_MAX / width - rows) {
        return flow_fail(error, FLOW_WRONG_VALUE, "rows: the noise of a seed ends before");
    }
    context_rows contexts;
    float *z = NULL;
    bool done = take_context(info, context, rows, &contexts, error) &&
                ((z = malloc((next_block(rows) * width + 1) * sizeof *z)) || out_of_memory(error));
    for (size_t start = 0; done && start < rows; start += BLOCK_ROWS) {
        const size_t count = next_block(rows - start);
        draw_latents(&model->bundle.manifest, seed, first + start, count, (float)temperature, z);
        const float *const inputs[2] = {z, context_at(&contexts, start)};
        done = flow_run_session(&model->runtime, model->sessions[FLOW_SAMPLE], &model->signatures[FLOW_SAMPLE], count,
                                inputs, x + start * info->width, model->paths[FLOW_SAMPLE], error);
    }
    free(z);
    free(contexts.repeated);
    return done;
}

bool flow_percentile(const flow_model *model, const float *log_prob, size_t rows, double *percentile,
                     flow_error *error) {
    const flow_manifest *manifest = &model->bundle.manifest;
    const double *quantiles = manifest->quantiles;
    if (!manifest->info.has_reference) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: reference: is null, so there are no percentiles",
                         model->bundle.folder);
    }
    for (size_t row = 0; row < rows; row++) {
        const double score = log_prob[row];
        size_t below = 0; /* the last quantile that is not above the score */
        while (below + 1 < FLOW_QUANTILES && quantiles[below + 1] <= score) {
            below++;
        }
        if (score < quantiles[0]) {
            percentile[row] = 0;
        } else if (below + 1 == FLOW_QUANTILES) {
            percentile[row] = 100;
        } else {
            percentile[row] = (double)below + (score - quantiles[below]) / (quantiles[below + 1] - quantiles[below]);
        }
    }
    return true;
}

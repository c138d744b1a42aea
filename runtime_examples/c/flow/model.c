#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows. */
enum { BLOCK_ROWS = 1024 };

static size_t next_block(size_t rows_left) { return rows_left < BLOCK_ROWS ? rows_left : BLOCK_ROWS; }

/* Reads a listed file, and opens the sessions that want it. */
static bool open_file(flow_model *model, const char *name, int threads, flow_error *error) {
    unsigned char *data;
    size_t size;
    bool done = flow_read_listed(model, name, &data, &size, error);
    for (flow_graph graph = FLOW_LOG_PROB; done && graph <= FLOW_SAMPLE; graph++) {
        done = strcmp(name, model->manifest.graphs[graph].file) != 0 ||
               flow_open_session(model, graph, data, size, threads, error);
    }
    free(data);
    return done;
}

flow_model *flow_open(const char *folder, const flow_options *options, flow_error *error) {
    const int threads = options && options->threads > 0 ? options->threads : 1;
    flow_model *model = calloc(1, sizeof *model);
    if (!model) {
        flow_fail(error, FLOW_NO_MEMORY, "out of memory");
        return NULL;
    }
    bool done =
        flow_open_folder(folder, model, error) && flow_open_runtime(options ? options->library : NULL, model, error);
    const cJSON *file;
    cJSON_ArrayForEach(file, flow_key(model->manifest.root, "files")) {
        done = done && open_file(model, file->string, threads, error);
    }
    if (done)
        return model;
    flow_close(model);
    return NULL;
}

void flow_close(flow_model *model) {
    if (model) {
        flow_close_runtime(model);
        flow_free_manifest(&model->manifest);
        free(model);
    }
}

const flow_info *flow_describe(const flow_model *model) { return &model->manifest.info; }

/* An array must be float32, and [rows, *shape] or [rows, width]. */
static bool check_rows(const flow_tensor *tensor, const flow_array *array, flow_error *error) {
    if (array->dtype != FLOW_FLOAT32)
        return flow_fail(error, FLOW_WRONG_DTYPE, "%s: expected float32, got float64", tensor->name);
    const bool shaped = array->rank == tensor->rank &&
                        memcmp(array->shape + 1, tensor->shape + 1, (tensor->rank - 1) * sizeof *array->shape) == 0;
    return shaped || (array->rank == 2 && array->shape[1] == tensor->width) ||
           flow_fail(error, FLOW_WRONG_SHAPE, "%s: expected rows of %zu numbers, got %zu axes, the last of %zu",
                     tensor->name, tensor->width, array->rank, array->rank ? array->shape[array->rank - 1] : 1);
}

/* Every category's code must be one of its feature's. */
static bool check_categories(const flow_info *info, const float *data, size_t rows, flow_error *error) {
    for (size_t i = 0; i < rows * info->context_size; i++) {
        const flow_context_feature *feature = &info->context[i % info->context_size];
        if (feature->categories &&
            !(data[i] >= 0 && data[i] < (float)feature->category_count && data[i] == floorf(data[i]))) {
            return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "context: row %zu: %s: %g is no code (0 to %zu)",
                             i / info->context_size + 1, feature->name, (double)data[i], feature->category_count - 1);
        }
    }
    return true;
}

/* A context must be float32, and [context] or [rows, context]. *one: whether it is one for all rows. */
static bool check_context(const flow_info *info, const flow_array *context, size_t rows, bool *one, flow_error *error) {
    const size_t size = info->context_size;
    *one = context && context->rank == 1;
    if (!context || size == 0) {
        return (!context && size == 0) ||
               (context
                    ? flow_fail(error, FLOW_WRONG_SHAPE, "context: this model takes none")
                    : flow_fail(error, FLOW_MISSING_CONTEXT, "context: this model needs %zu context features", size));
    }
    if (context->dtype != FLOW_FLOAT32)
        return flow_fail(error, FLOW_WRONG_DTYPE, "context: expected float32, got float64");
    const size_t *shape = context->shape;
    if (*one ? shape[0] != size : context->rank != 2 || shape[0] != rows || shape[1] != size)
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: expected shape [%zu] or [%zu, %zu]", size, rows, size);
    return check_categories(info, context->data, *one ? 1 : rows, error);
}

/* The noise that rows are drawn from: first is the number of the first row. */
typedef struct {
    uint64_t seed, first;
    float temperature;
} latents;

static void draw_latents(const flow_manifest *manifest, const latents *noise, size_t start, size_t rows, float *z) {
    const size_t width = manifest->info.latent_size;
    flow_normals(noise->seed, (noise->first + start) * width, rows * width, z);
    for (size_t i = 0; noise->temperature != 1 && i < rows * width; i++)
        z[i] *= manifest->selector && (i + 1) % width == 0 ? 1 : noise->temperature;
}

/* Runs a graph on rows, or where they are NULL on noise, block by block. */
static bool run(const flow_model *model, flow_graph graph, const float *data, const latents *noise, size_t rows,
                const flow_array *context, float *output, flow_error *error) {
    const flow_manifest *manifest = &model->manifest;
    const flow_signature *signature = &manifest->graphs[graph];
    const size_t width = signature->inputs[0].width, context_size = manifest->info.context_size;
    bool one;
    if (!check_context(&manifest->info, context, rows, &one, error))
        return false;
    /* Room for a block of noise, and for the one context on every row of a block. */
    const size_t block = next_block(rows), noises = noise ? block * width : 0, repeats = one ? block * context_size : 0;
    float *z = malloc((noises + repeats + 1) * sizeof *z), *contexts = z + noises;
    if (!z)
        return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < repeats; i++)
        contexts[i] = ((const float *)context->data)[i % context_size];
    bool done = true;
    for (size_t start = 0; done && start < rows; start += BLOCK_ROWS) {
        const size_t count = next_block(rows - start);
        const float *inputs[2] = {noise ? z : data + start * width, contexts};
        if (noise)
            draw_latents(manifest, noise, start, count, z);
        if (context && !one)
            inputs[1] = (const float *)context->data + start * context_size;
        done = flow_run_session(model, graph, count, inputs, output + start * signature->output.width, error);
    }
    free(z);
    return done;
}

bool flow_log_prob(const flow_model *model, const flow_array *x, const flow_array *context, float *log_prob,
                   flow_error *error) {
    return check_rows(&model->manifest.graphs[FLOW_LOG_PROB].inputs[0], x, error) &&
           run(model, FLOW_LOG_PROB, x->data, NULL, x->shape[0], context, log_prob, error);
}

bool flow_sample_from(const flow_model *model, const flow_array *z, const flow_array *context, float *x,
                      flow_error *error) {
    return check_rows(&model->manifest.graphs[FLOW_SAMPLE].inputs[0], z, error) &&
           run(model, FLOW_SAMPLE, z->data, NULL, z->shape[0], context, x, error);
}

bool flow_sample(const flow_model *model, uint64_t seed, uint64_t first, size_t rows, double temperature,
                 const flow_array *context, float *x, flow_error *error) {
    const uint64_t most = UINT64_MAX / flow_describe(model)->latent_size;
    const latents noise = {seed, first, (float)temperature};
    if (!(temperature >= 0 && isfinite(noise.temperature)))
        return flow_fail(error, FLOW_WRONG_VALUE, "temperature: expected a number from 0, got %g", temperature);
    if (rows > most || first > most - rows)
        return flow_fail(error, FLOW_WRONG_VALUE, "rows: the noise of a seed ends before");
    return run(model, FLOW_SAMPLE, NULL, &noise, rows, context, x, error);
}

bool flow_percentile(const flow_model *model, const float *log_prob, size_t rows, double *percentile,
                     flow_error *error) {
    const double *quantiles = model->manifest.quantiles;
    if (!model->manifest.info.has_reference) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: reference: is null, so there are no percentiles",
                         model->folder);
    }
    for (size_t row = 0; row < rows; row++) {
        const double score = log_prob[row];
        size_t below = 0; /* the last quantile that is not above the score */
        while (below < FLOW_QUANTILES - 1 && quantiles[below + 1] <= score)
            below++;
        percentile[row] = (double)below;
        if (!(score < quantiles[0]) && below < FLOW_QUANTILES - 1)
            percentile[row] += (score - quantiles[below]) / (quantiles[below + 1] - quantiles[below]);
    }
    return true;
}

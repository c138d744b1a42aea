#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows. */
enum { BLOCK_ROWS = 1024 };

/* Reads a listed file, and opens the sessions that want it. */
static bool open_file(flow_model *model, const char *name, int threads, flow_error *error) {
    unsigned char *data;
    size_t size;
    bool done = flow_read_listed(model, name, &data, &size, error);
    for (flow_graph graph = FLOW_LOG_PROB; done && graph <= FLOW_SAMPLE; graph++)
        if (strcmp(name, model->manifest.graphs[graph].file) == 0)
            done = flow_open_session(model, graph, data, size, threads, error);
    free(data);
    return done;
}

flow_model *flow_open(const char *folder, const flow_options *options, flow_error *error) {
    const int threads = options && options->threads > 0 ? options->threads : 1;
    flow_model *model = flow_allocate(1, sizeof *model, error);
    if (model && flow_open_folder(folder, model, error) &&
        flow_open_runtime(options ? options->library : NULL, model, error)) {
        const cJSON *file = flow_key(model->manifest.root, "files")->child;
        while (file && open_file(model, file->string, threads, error))
            file = file->next;
        if (!file)
            return model;
    }
    flow_close(model);
    return NULL;
}

void flow_close(flow_model *model) {
    if (!model)
        return;
    if (model->api) {
        for (flow_graph graph = FLOW_LOG_PROB; graph <= FLOW_SAMPLE; graph++)
            model->api->ReleaseSession(model->sessions[graph]);
        model->api->ReleaseMemoryInfo(model->memory);
        model->api->ReleaseEnv(model->environment);
    }
    flow_free_manifest(&model->manifest);
    free(model);
}

const flow_info *flow_describe(const flow_model *model) { return &model->manifest.info; }

/* An array must be float32, and [rows, *shape] or [rows, width]. */
static bool check_rows(const flow_tensor *tensor, const flow_array *array, flow_error *error) {
    if (array->dtype != FLOW_FLOAT32)
        return flow_fail(error, FLOW_WRONG_DTYPE, "%s: expected float32, got float64", tensor->name);
    const bool shaped = array->rank == tensor->rank + 1 &&
                        memcmp(array->shape + 1, tensor->shape, tensor->rank * sizeof *array->shape) == 0;
    return shaped || (array->rank == 2 && array->shape[1] == tensor->width) ||
           flow_fail(error, FLOW_WRONG_SHAPE, "%s: expected rows of %zu numbers, got %zu axes, the last of %zu",
                     tensor->name, tensor->width, array->rank, array->rank ? array->shape[array->rank - 1] : 1);
}

/* A context must be there where there are features of one, be [context] or [rows, context], and hold no code that its
 * feature has not. */
static bool check_context(const flow_manifest *manifest, const flow_array *context, size_t rows, flow_error *error) {
    const size_t size = manifest->info.context_size;
    if (!context)
        return size == 0 ||
               flow_fail(error, FLOW_MISSING_CONTEXT, "context: this model needs %zu context features", size);
    if (size == 0)
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: this model takes none");
    flow_array each = *context;
    if (context->rank == 1)
        each = (flow_array){context->data, context->dtype, 2, {1, context->shape[0]}};
    if (!check_rows(&manifest->graphs[FLOW_LOG_PROB].inputs[1], &each, error))
        return false;
    if (context->rank != 1 && each.shape[0] != rows)
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: expected 1 row or %zu, got %zu", rows, each.shape[0]);
    const float *data = context->data;
    for (size_t i = 0; i < each.shape[0] * size; i++) {
        const flow_context_feature *feature = &manifest->info.context[i % size];
        const float limit = (float)feature->category_count;
        if (feature->categories && !(data[i] >= 0 && data[i] < limit && data[i] == floorf(data[i])))
            return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "context: row %zu: %s: %g is no code (0 to %zu)",
                             i / size + 1, feature->name, (double)data[i], feature->category_count - 1);
    }
    return true;
}

/* The noise that rows are drawn from: first is the number of the first row. */
typedef struct {
    uint64_t seed, first;
    float temperature;
} latents;

static void draw_latents(const flow_manifest *manifest, const latents *noise, size_t start, size_t rows, float *z) {
    const size_t width = manifest->info.latent_size;
    flow_normals(noise->seed, (noise->first + start) * width, rows * width, z);
    for (size_t i = 0; i < rows * width; i++)
        if (!manifest->selector || (i + 1) % width != 0)
            z[i] *= noise->temperature;
}

/* Runs a graph on rows, or where they are NULL on noise, block by block. */
static bool run(const flow_model *model, flow_graph graph, const float *data, const latents *noise, size_t rows,
                const flow_array *context, float *output, flow_error *error) {
    const flow_manifest *manifest = &model->manifest;
    const flow_signature *signature = &manifest->graphs[graph];
    const size_t width = signature->inputs[0].width, size = manifest->info.context_size;
    const size_t most = rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
    if (!check_context(manifest, context, rows, error))
        return false;
    /* Room for a block of noise, and of the context, of which one row comes round again and again. */
    const size_t noises = noise ? most * width : 0;
    float *z = flow_allocate(noises + most * size, sizeof *z, error), *contexts = z + noises;
    bool done = z != NULL;
    for (size_t start = 0; done && start < rows; start += BLOCK_ROWS) {
        const size_t count = rows - start < BLOCK_ROWS ? rows - start : BLOCK_ROWS;
        if (noise)
            draw_latents(manifest, noise, start, count, z);
        for (size_t i = 0; i < count * size; i++)
            contexts[i] = ((const float *)context->data)[context->rank == 1 ? i % size : start * size + i];
        done = flow_run_session(model, graph, count, noise ? z : data + start * width, contexts,
                                output + start * signature->output.width, error);
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
    if (!model->manifest.info.has_reference)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: reference: is null, so there are no percentiles",
                         model->folder);
    for (size_t row = 0; row < rows; row++) {
        const double score = log_prob[row];
        size_t above = 1; /* the first quantile that is above the score, within the ends */
        while (above < FLOW_QUANTILES - 1 && quantiles[above] <= score)
            above++;
        const double part = (score - quantiles[above - 1]) / (quantiles[above] - quantiles[above - 1]);
        percentile[row] = score >= quantiles[FLOW_QUANTILES - 1] ? 100 : (double)(above - 1) + (part < 0 ? 0 : part);
    }
    return true;
}

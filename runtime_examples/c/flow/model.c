#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows. */
enum { BLOCK_ROWS = 1024 };

/* A little above it, neighbouring float32 latents are a standard deviation apart. */
enum { HOTTEST = 1000000 };

/* Reads a listed file, and opens the sessions that want it. */
static bool open_file(flow_model *model, const char *name, int threads, flow_error *error) {
    unsigned char *data;
    size_t size;
    bool done = flow_read_listed(model, name, &data, &size, error);
    for (flow_graph graph = FLOW_LOG_PROB; done && graph <= FLOW_SAMPLE; graph++)
        if (model->manifest.graphs[graph].file && strcmp(name, model->manifest.graphs[graph].file) == 0)
            done = flow_check_graph(model, name, data, size, error) &&
                   flow_open_session(model, graph, data, size, threads, error);
    free(data);
    return done;
}

flow_model *flow_open(const char *folder, const flow_options *options, flow_error *error) {
    const int threads = options && options->threads > 0 ? options->threads : 1;
    flow_model *model = flow_allocate(1, sizeof *model, error);
    if (model && flow_open_folder(folder, options ? options->digest : NULL, model, error) &&
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

double flow_number(flow_dtype dtype, const void *data, size_t index) {
    return dtype == FLOW_FLOAT64 ? ((const double *)data)[index] : (double)((const float *)data)[index];
}

void flow_put(flow_dtype dtype, void *data, size_t index, double number) {
    if (dtype == FLOW_FLOAT64)
        ((double *)data)[index] = number;
    else
        ((float *)data)[index] = (float)number;
}

/* An array must be no wider than the model's numbers, and [rows, *shape] or [rows, width]. */
static bool check_rows(const flow_info *info, const flow_tensor *tensor, const flow_array *array, flow_error *error) {
    if (array->dtype > info->dtype)
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
    if (!check_rows(&manifest->info, &manifest->graphs[FLOW_LOG_PROB].inputs[1], &each, error))
        return false;
    if (context->rank != 1 && each.shape[0] != rows)
        return flow_fail(error, FLOW_WRONG_SHAPE, "context: expected 1 row or %zu, got %zu", rows, each.shape[0]);
    for (size_t i = 0; i < each.shape[0] * size; i++) {
        const flow_context_feature *feature = &manifest->info.context[i % size];
        const double code = flow_number(each.dtype, each.data, i);
        if (feature->categories && !(code >= 0 && code < (double)feature->category_count && code == floor(code)))
            return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "context: row %zu: %s: %g is no code (0 to %zu)",
                             i / size + 1, feature->name, code, feature->category_count - 1);
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

static bool has_nan(flow_dtype dtype, const void *data, size_t width, size_t row) {
    for (size_t i = 0; i < width; i++)
        if (isnan(flow_number(dtype, data, row * width + i)))
            return true;
    return false;
}

/* Puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that hold
 * a NaN themselves, in x or in the context, keep theirs. */
static void floor_scores(const flow_info *info, const void *x, const void *contexts, size_t rows, void *scores) {
    for (size_t row = 0; row < rows; row++)
        if (!(flow_number(info->dtype, scores, row) < INFINITY) && !has_nan(info->dtype, x, info->width, row) &&
            !has_nan(info->dtype, contexts, info->context_size, row))
            flow_put(info->dtype, scores, row, -INFINITY);
}

/* Runs a graph on an array, or where that is NULL on noise, block by block. */
static bool run(const flow_model *model, flow_graph graph, const flow_array *array, const latents *noise, size_t rows,
                const flow_array *context, void *output, flow_error *error) {
    const flow_manifest *manifest = &model->manifest;
    const flow_signature *signature = &manifest->graphs[graph];
    const flow_dtype dtype = manifest->info.dtype, given = array ? array->dtype : FLOW_FLOAT32;
    const size_t width = signature->inputs[0].width, size = manifest->info.context_size, item = flow_size(dtype);
    const size_t most = rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
    if (!check_context(manifest, context, rows, error))
        return false;
    /* Room for a block of noise, for one that is widened, and for the context, one row of which comes round again. */
    float *z = flow_allocate(noise ? most * width : 0, sizeof *z, error);
    const size_t widened = given == dtype ? 0 : most * width;
    char *wide = flow_allocate(widened + most * size, item, error), *contexts = wide ? wide + widened * item : NULL;
    bool done = z && wide;
    for (size_t start = 0; done && start < rows; start += BLOCK_ROWS) {
        const size_t count = rows - start < BLOCK_ROWS ? rows - start : BLOCK_ROWS;
        const void *data = array ? (const char *)array->data + start * width * flow_size(given) : (const char *)z;
        if (noise)
            draw_latents(manifest, noise, start, count, z);
        for (size_t i = 0; widened && i < count * width; i++)
            flow_put(dtype, wide, i, flow_number(given, data, i));
        for (size_t i = 0; i < count * size; i++)
            flow_put(dtype, contexts, i,
                     flow_number(context->dtype, context->data, context->rank == 1 ? i % size : start * size + i));
        void *results = (char *)output + start * signature->output.width * item;
        const void *inputs = widened ? wide : data;
        done = flow_run_session(model, graph, count, inputs, contexts, results, error);
        if (done && graph == FLOW_LOG_PROB)
            floor_scores(&manifest->info, inputs, contexts, count, results);
    }
    free(z);
    free(wide);
    return done;
}

/* Says what a bundle of the other direction alone cannot do. */
static bool require(const flow_model *model, flow_graph graph, flow_error *error) {
    static const char *const absent[] = {"sample alone, and no log_prob, so it cannot evaluate densities",
                                         "log_prob alone, and no sample, so it cannot draw samples"};
    return model->sessions[graph] ||
           flow_fail(error, FLOW_BAD_BUNDLE,
                     "%s/flow.json: graphs: the bundle holds %s; flowexport export --graphs log_prob,sample makes one "
                     "that can",
                     model->folder, absent[graph]);
}

bool flow_log_prob(const flow_model *model, const flow_array *x, const flow_array *context, void *log_prob,
                   flow_error *error) {
    return require(model, FLOW_LOG_PROB, error) &&
           check_rows(&model->manifest.info, &model->manifest.graphs[FLOW_LOG_PROB].inputs[0], x, error) &&
           run(model, FLOW_LOG_PROB, x, NULL, x->shape[0], context, log_prob, error);
}

bool flow_sample_from(const flow_model *model, const flow_array *z, const flow_array *context, void *x,
                      flow_error *error) {
    return require(model, FLOW_SAMPLE, error) &&
           check_rows(&model->manifest.info, &model->manifest.graphs[FLOW_SAMPLE].inputs[0], z, error) &&
           run(model, FLOW_SAMPLE, z, NULL, z->shape[0], context, x, error);
}

bool flow_sample(const flow_model *model, size_t rows, uint64_t seed, uint64_t first, double temperature,
                 const flow_array *context, void *x, flow_error *error) {
    const uint64_t most = UINT64_MAX / flow_describe(model)->latent_size;
    const latents noise = {seed, first, (float)temperature};
    if (!require(model, FLOW_SAMPLE, error))
        return false;
    if (!(temperature >= 0 && temperature <= HOTTEST))
        return flow_fail(error, FLOW_WRONG_VALUE, "temperature: expected a number from 0 to 1000000, got %.10g",
                         temperature);
    if (rows > most || first > most - rows)
        return flow_fail(error, FLOW_WRONG_VALUE, "rows: the noise of a seed ends before");
    return run(model, FLOW_SAMPLE, NULL, &noise, rows, context, x, error);
}

bool flow_percentile(const flow_model *model, const void *log_prob, size_t rows, double *percentile,
                     flow_error *error) {
    const double *quantiles = model->manifest.quantiles;
    if (!model->manifest.info.has_reference)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/flow.json: reference: is null, so there are no percentiles",
                         model->folder);
    for (size_t row = 0; row < rows; row++) {
        const double score = flow_number(model->manifest.info.dtype, log_prob, row);
        size_t above = 1; /* the first quantile that is above the score, within the ends */
        while (above < FLOW_QUANTILES - 1 && quantiles[above] <= score)
            above++;
        const double part = (score - quantiles[above - 1]) / (quantiles[above] - quantiles[above - 1]);
        percentile[row] = score >= quantiles[FLOW_QUANTILES - 1] ? 100 : (double)(above - 1) + (part < 0 ? 0 : part);
    }
    return true;
}

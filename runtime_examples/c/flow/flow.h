/* Opens a flowexport/1 bundle and runs its graphs on ONNX Runtime: log_prob, percentile, sample.
 *
 * A bundle may hold one direction alone: what needs the other fails with FLOW_BAD_BUNDLE, and says so.
 *
 * Every function that can fail returns false (flow_open: NULL) and then has filled *error; on success *error is
 * left alone. A model does not change once it is open: any number of threads may use one model at the same time,
 * each with buffers and a flow_error of its own. flow_close is for when the last of them is done.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct flow_model flow_model;

typedef enum {
    FLOW_OK,
    FLOW_WRONG_SHAPE,      /* an array of another shape than the model takes */
    FLOW_MISSING_CONTEXT,  /* the model has a context and none was given */
    FLOW_WRONG_DTYPE,      /* an array of float64 for a model of float32 */
    FLOW_UNKNOWN_CATEGORY, /* a context holds a code or a name that its feature does not have */
    FLOW_WRONG_VALUE,      /* an argument that cannot be, such as a negative temperature */
    FLOW_BAD_BUNDLE,       /* the bundle breaks its contract, or its graph cannot be run */
    FLOW_NO_RUNTIME,       /* ONNX Runtime cannot be opened, or is too old */
    FLOW_NO_MEMORY
} flow_code;

/* A code's name, as golden cases spell it: "wrong_shape"; "none" for FLOW_OK. */
const char *flow_code_name(flow_code code);

/* What went wrong: for a program, and in one line for a person ("PATH: KEY: what is wrong"). */
typedef struct {
    flow_code code;
    char message[1024];
} flow_error;

typedef enum { FLOW_FLOAT32, FLOW_FLOAT64 } flow_dtype;

/* Bytes of a number. */
static inline size_t flow_size(flow_dtype dtype) { return dtype == FLOW_FLOAT64 ? sizeof(double) : sizeof(float); }

enum { FLOW_MAX_RANK = 4 };

/* An array in C order that somebody else owns. */
typedef struct {
    const void *data;
    flow_dtype dtype;
    size_t rank;
    size_t shape[FLOW_MAX_RANK];
} flow_array;

/* [rows, width] */
static inline flow_array flow_rows(const float *data, size_t rows, size_t width) {
    return (flow_array){data, FLOW_FLOAT32, 2, {rows, width}};
}

/* [size] */
static inline flow_array flow_vector(const float *data, size_t size) {
    return (flow_array){data, FLOW_FLOAT32, 1, {size}};
}

/* A column of the context: a number, or, where there are categories, the place of one of them: 0, 1, … */
typedef struct {
    const char *name; /* NULL where the bundle has none */
    size_t category_count;
    const char *const *categories;
} flow_context_feature;

/* What the model is. The texts live as long as the model. */
typedef struct {
    const char *name;
    const char *description;
    flow_dtype dtype; /* of what goes in and comes out; float32 may go into a model of float64, too */
    size_t event_rank;
    size_t event_shape[FLOW_MAX_RANK - 1];
    size_t width;                        /* numbers in a row of x: the product of event_shape */
    size_t latent_size;                  /* numbers in a row of z */
    size_t context_size;                 /* numbers in a row of the context, 0 without one */
    const char *const *features;         /* width names, or NULL where the bundle has none */
    const flow_context_feature *context; /* context_size of them */
    bool has_reference;                  /* whether there are percentiles */
} flow_info;

/* library: ONNX Runtime's shared library; NULL: ORT_DYLIB_PATH, else the loader's libonnxruntime.so.1.
 * threads: of one call; 0 is 1. digest: the SHA-256 of flow.json in lower-case hex, where a bundle that has another is
 * to be refused; NULL: any. */
typedef struct {
    const char *library;
    int threads;
    const char *digest;
} flow_options;

/* Opens the bundle in a folder, and holds every file to its hash. options may be NULL.
 * Fails with FLOW_BAD_BUNDLE, FLOW_NO_RUNTIME or FLOW_NO_MEMORY. */
flow_model *flow_open(const char *folder, const flow_options *options, flow_error *error);

/* Frees a model; NULL is none. */
void flow_close(flow_model *model);

const flow_info *flow_describe(const flow_model *model);

/* The log-density of rows, in nats, in the data's own units.
 *
 * x: [rows, *event] or [rows, width]; context: [rows, context], or [context] for all rows, or NULL where the model
 * has none. log_prob: room for rows numbers of the model's dtype; −inf outside the support.
 * Fails with FLOW_WRONG_SHAPE, FLOW_MISSING_CONTEXT, FLOW_WRONG_DTYPE or FLOW_UNKNOWN_CATEGORY before anything is run,
 * with FLOW_BAD_BUNDLE where ONNX Runtime cannot run the graph. */
bool flow_log_prob(const flow_model *model, const flow_array *x, const flow_array *context, void *log_prob,
                   flow_error *error);

/* Where scores, of the model's dtype, stand among those of the bundle's reference rows, 0 to 100.
 * Fails with FLOW_BAD_BUNDLE where it has none. */
bool flow_percentile(const flow_model *model, const void *log_prob, size_t rows, double *percentile, flow_error *error);

/* The deterministic map from latents z [rows, latent] to x, room for rows · width numbers of the model's dtype.
 * context and failures as for flow_log_prob. */
bool flow_sample_from(const flow_model *model, const flow_array *z, const flow_array *context, void *x,
                      flow_error *error);

/* So many rows, from number first on, of the endless sample that belongs to a seed: the same in every language, and the
 * same in parts as in one call. temperature, from 0 to 1,000,000, multiplies the noise; 1 is the model itself.
 * context and x as for flow_sample_from. Fails besides with FLOW_WRONG_VALUE. */
bool flow_sample(const flow_model *model, size_t rows, uint64_t seed, uint64_t first, double temperature,
                 const flow_array *context, void *x, flow_error *error);

/* The code of a category: what a context holds in place of its label. Labels that are numbers are compared as numbers,
 * others without the spaces around them. Fails with FLOW_UNKNOWN_CATEGORY, with FLOW_WRONG_VALUE where no column of
 * the context has that name and categories. */
bool flow_category(const flow_model *model, const char *column, const char *label, float *code, flow_error *error);

/* Standard normals number start … start + count − 1 of a seed, as docs/bundle.md has them. */
void flow_normals(uint64_t seed, uint64_t start, size_t count, float *normals);

#endif

/* The parts of a model, for those who read more of its bundle. */
#ifndef FLOW_INSIDE_H
#define FLOW_INSIDE_H

#include "flow.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <onnxruntime_c_api.h>

typedef enum { FLOW_LOG_PROB, FLOW_SAMPLE } flow_graph;

/* A tensor of a graph: [batch, *shape]. */
typedef struct {
    const char *name;
    size_t rank;
    const size_t *shape;
    size_t width; /* the product of shape */
} flow_tensor;

typedef struct {
    const char *file;              /* NULL where the bundle does not hold the graph */
    flow_tensor inputs[2], output; /* the second input is the context, of width 0 where there is none */
} flow_signature;

enum { FLOW_QUANTILES = 101 };

/* flow.json: what the model is, and what it promises. It looks into itself, so it is not to be copied. */
typedef struct {
    cJSON *root; /* the whole document, in which the texts live */
    flow_info info;
    flow_signature graphs[2]; /* indexed by flow_graph */
    double quantiles[FLOW_QUANTILES];
    bool selector; /* the last column of z chooses a component and takes no temperature */
} flow_manifest;

struct flow_model {
    char folder[PATH_MAX]; /* as it was given */
    flow_manifest manifest;
    const OrtApi *api;
    OrtEnv *environment;
    OrtMemoryInfo *memory;
    OrtSession *sessions[2]; /* indexed by flow_graph; NULL where the bundle does not hold it */
};

/* Fills *error with a message of one line, and returns false. */
__attribute__((format(printf, 3, 4))) bool flow_fail(flow_error *error, flow_code code, const char *format, ...);

/* An array of zeros, at least one, which the caller frees; NULL where memory ends. */
void *flow_allocate(size_t count, size_t size, flow_error *error);

/* A number of an array of either type: read, and written, rounded where it must be. */
double flow_number(flow_dtype dtype, const void *data, size_t index);
void flow_put(flow_dtype dtype, void *data, size_t index, double number);

/* The value of an object's key, or NULL. */
const cJSON *flow_key(const cJSON *object, const char *key);

/* Reads the text of flow.json into *manifest, as far as the library goes on to use it. where: the file's path, for
 * messages, which name the key at fault. Afterwards, failed or not, flow_free_manifest is due. */
bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error);
void flow_free_manifest(flow_manifest *manifest);

/* Reads the flow.json of a folder, which must have the digest, if any. Nothing else is read yet. */
bool flow_open_folder(const char *folder, const char *digest, flow_model *model, flow_error *error);

/* Whether bytes are UTF-8: no stray, missing or needless byte, no half of a surrogate pair, nothing beyond U+10FFFF. */
bool flow_is_utf8(const void *bytes, size_t size);

/* Refuses JSON that two readers could read differently: a key twice in one object, a text that hides what it says, a
 * number beyond float64. where: for messages. */
bool flow_one_reading(const cJSON *root, const char *text, size_t size, const char *where, flow_error *error);

/* Reads a listed file, and holds the bytes to their hash. Afterwards, failed or not, the caller frees *data. */
bool flow_read_listed(const flow_model *model, const char *name, unsigned char **data, size_t *size, flow_error *error);

/* Refuses an ONNX file with anything that is not on the list of operators and fields: see docs/bundle.md. */
bool flow_check_graph(const flow_model *model, const char *name, const unsigned char *data, size_t size,
                      flow_error *error);

/* Opens ONNX Runtime's library: see flow_options. */
bool flow_open_runtime(const char *path, flow_model *model, flow_error *error);

/* Opens a graph's session on the bytes of its file, and tries it. */
bool flow_open_session(flow_model *model, flow_graph graph, const void *data, size_t size, int threads,
                       flow_error *error);

/* Runs a batch of rows: each input and the output with their rows, of the model's dtype. May be called from several
 * threads at once. */
bool flow_run_session(const flow_model *model, flow_graph graph, size_t rows, const void *input, const void *context,
                      void *output, flow_error *error);

/* Philox4x32-10: makes of a counter, by a key, four words. */
void flow_philox(uint32_t words[4], uint32_t key0, uint32_t key1);

#endif

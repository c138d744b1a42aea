/* The parts of a model, for those who read more of its bundle. */
#ifndef FLOW_INSIDE_H
#define FLOW_INSIDE_H

#include "flow.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <onnxruntime_c_api.h>

typedef enum { FLOW_LOG_PROB, FLOW_SAMPLE } flow_graph;

/* A float32 tensor of a graph. */
typedef struct {
    const char *name;
    size_t rank, width;           /* width: numbers in a row */
    int64_t shape[FLOW_MAX_RANK]; /* the first axis is the batch, here 0 */
} flow_tensor;

typedef struct {
    const char *file;
    size_t input_count; /* 1, or 2 with a context */
    flow_tensor inputs[2], output;
} flow_signature;

enum { FLOW_QUANTILES = 101 };

/* flow.json: what the model is, and what it promises. */
typedef struct {
    cJSON *root;       /* the whole document, in which the texts live */
    char (*names)[24]; /* those that flow.json has not */
    flow_info info;
    flow_signature graphs[2]; /* indexed by flow_graph */
    double quantiles[FLOW_QUANTILES];
    bool selector; /* the last column of z chooses a component and takes no temperature */
} flow_manifest;

struct flow_model {
    char folder[PATH_MAX], real_folder[PATH_MAX]; /* as it was given, and without links */
    flow_manifest manifest;
    const OrtApi *api;
    OrtEnv *environment;
    OrtMemoryInfo *memory;
    OrtSession *sessions[2]; /* indexed by flow_graph */
};

/* Fills *error with a message of one line, and returns false. */
__attribute__((format(printf, 3, 4))) bool flow_fail(flow_error *error, flow_code code, const char *format, ...);

/* The value of an object's key, or NULL. */
const cJSON *flow_key(const cJSON *object, const char *key);

enum { FLOW_LARGEST = INT32_MAX };

typedef enum {
    FLOW_OBJECT,
    FLOW_LIST, /* of least to most entries */
    FLOW_TEXT,
    FLOW_FILE, /* text that is a key of the document's "files" */
    FLOW_TRUTH,
    FLOW_NUMBER, /* least to most, which are finite */
    FLOW_WHOLE   /* and a whole one */
} flow_kind;

/* What the keys of a JSON document must hold: a rule for every value at a path such as "golden.cases[].name" or
 * "files.*". Rules of parents come before. */
typedef struct {
    const char *path; /* ends with ? where the key may be missing, with ~ where it may be null */
    flow_kind kind;
    double least, most;
    const char *word; /* the only text that it may be, or NULL */
} flow_rule;

/* Holds a document to rules. where: its path, for messages. Fails with FLOW_BAD_BUNDLE. */
bool flow_check_rules(const cJSON *root, const char *where, const flow_rule *rules, size_t count, flow_error *error);

/* Reads the text of flow.json into *manifest, as far as the library goes on to use it. where: the file's path, for
 * messages, which name the key at fault. Afterwards, failed or not, flow_free_manifest is due. */
bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error);
void flow_free_manifest(flow_manifest *manifest);

/* Reads the flow.json of a folder. Nothing else is read yet. */
bool flow_open_folder(const char *folder, flow_model *model, flow_error *error);

/* Reads a listed file, and holds the bytes to their hash. Afterwards, failed or not, the caller frees *data. */
bool flow_read_listed(const flow_model *model, const char *name, unsigned char **data, size_t *size, flow_error *error);

/* Opens ONNX Runtime's library: see flow_options. */
bool flow_open_runtime(const char *path, flow_model *model, flow_error *error);
void flow_close_runtime(flow_model *model);

/* Opens a graph's session on the bytes of its file, and tries it. */
bool flow_open_session(flow_model *model, flow_graph graph, const void *data, size_t size, int threads,
                       flow_error *error);

/* Runs a batch of rows: each input and the output with their rows. May be called from several threads at once. */
bool flow_run_session(const flow_model *model, flow_graph graph, size_t rows, const float *const inputs[2],
                      float *output, flow_error *error);

/* Philox4x32-10: four words of a counter and a key. */
void flow_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]);

#endif

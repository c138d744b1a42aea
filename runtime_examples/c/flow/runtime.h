/* ONNX Runtime by its C API, opened while the program runs and never linked. */
#ifndef FLOW_RUNTIME_H
#define FLOW_RUNTIME_H

#include "flow.h"

#include <onnxruntime_c_api.h>

/* One library, environment and kind of memory, for the sessions of a model. */
typedef struct {
    const OrtApi *api;
    OrtEnv *environment;
    OrtMemoryInfo *memory;
} flow_runtime;

/* A float32 tensor of a graph; the first axis is the batch, 0 where any is meant. */
typedef struct {
    const char *name;
    size_t rank;
    int64_t shape[FLOW_MAX_RANK];
} flow_tensor;

/* A graph's inputs, one or two, and its output. */
typedef struct {
    size_t input_count;
    flow_tensor inputs[2], output;
} flow_signature;

/* Opens the library at a path, or where ORT_DYLIB_PATH says, or where the loader finds it. Fails with
 * FLOW_NO_RUNTIME. Afterwards, failed or not, flow_close_runtime is due. */
bool flow_open_runtime(const char *path, flow_runtime *runtime, flow_error *error);

void flow_close_runtime(flow_runtime *runtime);

/* A session on the bytes of an ONNX file, which must have the signature; or NULL. where: the file's path.
 * Fails with FLOW_BAD_BUNDLE. */
OrtSession *flow_open_session(const flow_runtime *runtime, const void *data, size_t size, int threads,
                              const flow_signature *signature, const char *where, flow_error *error);

/* Runs a batch of rows, at least one: inputs in the order of the signature, each with its rows, into output.
 * May be called from several threads at once. Fails with FLOW_BAD_BUNDLE. */
bool flow_run_session(const flow_runtime *runtime, OrtSession *session, const flow_signature *signature, size_t rows,
                      const float *const inputs[2], float *output, const char *where, flow_error *error);

#endif

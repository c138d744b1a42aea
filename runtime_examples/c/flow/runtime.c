#include "inside.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ONNX Runtime 1.18 is the first that reads IR 10, the version of a bundle's graphs. Asking for its API and not for
 * that of the headers lets the program run on any library from there on. */
enum { API_VERSION = 18 };

/* More than one, so that the batch is free. */
enum { TRIAL_ROWS = 2 };

#if ORT_API_VERSION < 18
#error "the headers are older than ONNX Runtime 1.18"
#endif

/* Turns a status into an error, with the first line of its message, and frees it. file: of the folder, or NULL. */
static bool check(const flow_model *model, OrtStatus *status, const char *folder, const char *file, flow_error *error) {
    if (!status)
        return true;
    const char *reason = model->api->GetErrorMessage(status);
    flow_fail(error, file ? FLOW_BAD_BUNDLE : FLOW_NO_RUNTIME, "%s%s%s: %.*s", folder, file ? "/" : "",
              file ? file : "", (int)strcspn(reason, "\n"), reason);
    model->api->ReleaseStatus(status);
    return false;
}

bool flow_open_runtime(const char *path, flow_model *model, flow_error *error) {
    const char *named = getenv("ORT_DYLIB_PATH");
    if (!path)
        path = named && *named ? named : "libonnxruntime.so.1";
    /* It stays loaded: ONNX Runtime is not made to be unloaded, and sessions of other models may use it. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        return flow_fail(error, FLOW_NO_RUNTIME, "ONNX Runtime cannot be opened: %s (ORT_DYLIB_PATH names its library)",
                         dlerror());
    }
    const OrtApiBase *(*get_base)(void) = NULL;
    /* ISO C has no cast from an object's address to a function's; POSIX promises that the bytes are the same. */
    void *symbol = dlsym(library, "OrtGetApiBase");
    memcpy(&get_base, &symbol, sizeof get_base);
    dlclose(library);
    if (!get_base)
        return flow_fail(error, FLOW_NO_RUNTIME, "%s: is not ONNX Runtime (it has no OrtGetApiBase)", path);
    const OrtApiBase *base = get_base();
    const char *version = base->GetVersionString();
    /* Version 1.N has API N. Asked for a newer one, GetApi would write to standard error. */
    int minor;
    if (sscanf(version, "1.%d", &minor) != 1 || minor < API_VERSION || !(model->api = base->GetApi(API_VERSION))) {
        return flow_fail(error, FLOW_NO_RUNTIME, "%s: is ONNX Runtime %s; a bundle needs 1.%d or newer", path, version,
                         API_VERSION);
    }
    /* What goes wrong comes as a status; the log would say it once more. */
    OrtStatus *status = model->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "flow", &model->environment);
    if (!status)
        status = model->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &model->memory);
    return check(model, status, path, NULL, error);
}

void flow_close_runtime(flow_model *model) {
    if (!model->api)
        return;
    for (flow_graph graph = FLOW_LOG_PROB; graph <= FLOW_SAMPLE; graph++)
        model->api->ReleaseSession(model->sessions[graph]);
    model->api->ReleaseMemoryInfo(model->memory);
    model->api->ReleaseEnv(model->environment);
}

bool flow_open_session(flow_model *model, flow_graph graph, const void *data, size_t size, int threads,
                       flow_error *error) {
    const OrtApi *api = model->api;
    OrtSessionOptions *options = NULL;
    OrtStatus *status = api->CreateSessionOptions(&options);
    if (!status)
        status = api->SetIntraOpNumThreads(options, threads);
    if (!status)
        status = api->CreateSessionFromArray(model->environment, data, size, options, &model->sessions[graph]);
    api->ReleaseSessionOptions(options);
    const flow_signature *signature = &model->manifest.graphs[graph];
    if (!check(model, status, model->folder, signature->file, error))
        return false;
    /* Tried on rows of zeros, a graph with other names, types or shapes than flow.json says is refused. */
    const size_t width = signature->inputs[0].width, context_size = signature->inputs[1].width;
    float *zeros = calloc(TRIAL_ROWS * (width + context_size + signature->output.width), sizeof *zeros);
    const float *const inputs[2] = {zeros, zeros + TRIAL_ROWS * width};
    const bool fits =
        zeros ? flow_run_session(model, graph, TRIAL_ROWS, inputs, zeros + TRIAL_ROWS * (width + context_size), error)
              : flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    free(zeros);
    return fits;
}

/* A value that looks at rows of the caller's. Inputs are not written to: the C API has one function for both. */
static OrtStatus *wrap(const flow_model *model, const flow_tensor *tensor, size_t rows, const float *data,
                       OrtValue **value) {
    int64_t shape[FLOW_MAX_RANK];
    memcpy(shape, tensor->shape, sizeof shape);
    shape[0] = (int64_t)rows;
    return model->api->CreateTensorWithDataAsOrtValue(model->memory, (void *)data, rows * tensor->width * sizeof *data,
                                                      shape, tensor->rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, value);
}

bool flow_run_session(const flow_model *model, flow_graph graph, size_t rows, const float *const inputs[2],
                      float *output, flow_error *error) {
    const OrtApi *api = model->api;
    const flow_signature *signature = &model->manifest.graphs[graph];
    const char *const names[] = {signature->inputs[0].name, signature->inputs[1].name};
    OrtValue *values[2] = {NULL, NULL}, *result = NULL;
    OrtStatus *status = wrap(model, &signature->output, rows, output, &result);
    for (size_t i = 0; !status && i < signature->input_count; i++)
        status = wrap(model, &signature->inputs[i], rows, inputs[i], &values[i]);
    if (!status) {
        status = api->Run(model->sessions[graph], NULL, names, (const OrtValue *const *)values, signature->input_count,
                          &signature->output.name, 1, &result);
    }
    api->ReleaseValue(values[0]);
    api->ReleaseValue(values[1]);
    api->ReleaseValue(result);
    return check(model, status, model->folder, signature->file, error);
}

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

/* Turns a status into an error, with the first line of its message, and frees it. file: what is at fault. */
static bool check(const OrtApi *api, OrtStatus *status, flow_code code, const char *folder, const char *file,
                  flow_error *error) {
    if (!status)
        return true;
    const char *reason = api->GetErrorMessage(status);
    flow_fail(error, code, "%s/%s: %.*s", folder, file, (int)strcspn(reason, "\n"), reason);
    api->ReleaseStatus(status);
    return false;
}

bool flow_open_runtime(const char *path, flow_model *model, flow_error *error) {
    const char *named = getenv("ORT_DYLIB_PATH");
    if (!path)
        path = named && *named ? named : "libonnxruntime.so.1";
    /* Before it is loaded: it would write a device's id into the user's cache folder. A user's own word stands. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    /* It stays loaded: ONNX Runtime is not made to be unloaded, and sessions of other models may use it. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = library ? dlsym(library, "OrtGetApiBase") : NULL;
    if (!symbol)
        return flow_fail(error, FLOW_NO_RUNTIME, "ONNX Runtime cannot be opened: %s (ORT_DYLIB_PATH names its library)",
                         dlerror());
    /* ISO C has no cast from an object's address to a function's; POSIX promises that the bytes are the same. */
    const OrtApiBase *(*get_base)(void) = NULL;
    memcpy(&get_base, &symbol, sizeof get_base);
    const char *version = get_base()->GetVersionString();
    /* Version 1.N has API N. Asked for a newer one, GetApi would write to standard error. */
    int minor;
    if (sscanf(version, "1.%d", &minor) != 1 || minor < API_VERSION || !(model->api = get_base()->GetApi(API_VERSION)))
        return flow_fail(error, FLOW_NO_RUNTIME, "%s: is ONNX Runtime %s; a bundle needs 1.%d or newer", path, version,
                         API_VERSION);
    /* What goes wrong comes as a status; the log would say it once more. */
    OrtStatus *status = model->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "flow", &model->environment);
    if (!status)
        status = model->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &model->memory);
    return check(model->api, status, FLOW_NO_RUNTIME, path, "environment", error);
}

bool flow_open_session(flow_model *model, flow_graph graph, const void *data, size_t size, int threads,
                       flow_error *error) {
    const flow_signature *signature = &model->manifest.graphs[graph];
    const OrtApi *api = model->api;
    OrtSessionOptions *options = NULL;
    OrtStatus *status = api->CreateSessionOptions(&options);
    if (!status)
        status = api->SetIntraOpNumThreads(options, threads);
    if (!status)
        status = api->CreateSessionFromArray(model->environment, data, size, options, &model->sessions[graph]);
    api->ReleaseSessionOptions(options);
    if (!check(api, status, FLOW_BAD_BUNDLE, model->folder, signature->file, error))
        return false;
    /* Tried on rows of zeros, a graph with other names, types or shapes than flow.json says is refused. */
    const size_t width = signature->inputs[0].width + signature->inputs[1].width + signature->output.width;
    const size_t item = flow_size(model->manifest.info.dtype);
    char *zeros = flow_allocate(TRIAL_ROWS * width, item, error);
    const bool fits = zeros && flow_run_session(model, graph, TRIAL_ROWS, zeros, zeros,
                                                zeros + TRIAL_ROWS * (width - signature->output.width) * item, error);
    free(zeros);
    return fits;
}

bool flow_run_session(const flow_model *model, flow_graph graph, size_t rows, const void *input, const void *context,
                      void *output, flow_error *error) {
    const flow_signature *signature = &model->manifest.graphs[graph];
    const OrtApi *api = model->api;
    const flow_tensor *tensors[] = {&signature->inputs[0], &signature->inputs[1], &signature->output};
    const flow_dtype dtype = model->manifest.info.dtype;
    const void *const data[] = {input, context, output};
    const char *const names[] = {signature->inputs[0].name, signature->inputs[1].name};
    OrtValue *values[3] = {NULL};
    OrtStatus *status = NULL;
    for (size_t i = 0; !status && i < 3; i++) {
        if (tensors[i]->width == 0) /* no context */
            continue;
        int64_t shape[FLOW_MAX_RANK] = {(int64_t)rows};
        for (size_t axis = 0; axis < tensors[i]->rank; axis++)
            shape[axis + 1] = (int64_t)tensors[i]->shape[axis];
        /* Inputs are not written to: the C API has one function for both. */
        status = api->CreateTensorWithDataAsOrtValue(
            model->memory, (void *)data[i], rows * tensors[i]->width * flow_size(dtype), shape, tensors[i]->rank + 1,
            dtype == FLOW_FLOAT64 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
            &values[i]);
    }
    if (!status)
        status = api->Run(model->sessions[graph], NULL, names, (const OrtValue *const *)values,
                          signature->inputs[1].width ? 2 : 1, &signature->output.name, 1, &values[2]);
    for (size_t i = 0; i < 3; i++)
        api->ReleaseValue(values[i]);
    return check(api, status, FLOW_BAD_BUNDLE, model->folder, signature->file, error);
}

#include "runtime.h"

#include "error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ONNX Runtime 1.18 is the first that reads IR 10, the version of a bundle's graphs. Asking for its API and not for
 * that of the headers lets the program run on any library from there on. */
enum { API_VERSION = 18 };

#if ORT_API_VERSION < 18
#error "the headers are older than ONNX Runtime 1.18"
#endif

/* Turns a status into an error, with the first line of its message, and frees it. */
static bool check(const flow_runtime *runtime, OrtStatus *status, flow_code code, const char *where,
                  flow_error *error) {
    if (!status) {
        return true;
    }
    const char *reason = runtime->api->GetErrorMessage(status);
    flow_fail(error, code, "%s: %.*s", where, (int)strcspn(reason, "\n"), reason);
    runtime->api->ReleaseStatus(status);
    return false;
}

bool flow_open_runtime(const char *path, flow_runtime *runtime, flow_error *error) {
    memset(runtime, 0, sizeof *runtime);
    const char *named = getenv("ORT_DYLIB_PATH");
    if (!path) {
        path = named && *named ? named : "libonnxruntime.so.1";
    }
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
    if (!get_base) {
        return flow_fail(error, FLOW_NO_RUNTIME, "%s: is not ONNX Runtime (it has no OrtGetApiBase)", path);
    }
    const OrtApiBase *base = get_base();
    const char *version = base->GetVersionString();
    /* Version 1.N has API N. Asked for a newer one, GetApi would write to standard error. */
    int minor;
    if (sscanf(version, "1.%d", &minor) != 1 || minor < API_VERSION || !(runtime->api = base->GetApi(API_VERSION))) {
        return flow_fail(error, FLOW_NO_RUNTIME, "%s: is ONNX Runtime %s; a bundle needs 1.%d or newer", path, version,
                         API_VERSION);
    }
    const OrtApi *api = runtime->api;
    /* What goes wrong comes as a status; the log would say it once more. */
    return check(runtime, api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "flow", &runtime->environment), FLOW_NO_RUNTIME, path,
                 error) &&
           check(runtime, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &runtime->memory),
                 FLOW_NO_RUNTIME, path, error);
}

void flow_close_runtime(flow_runtime *runtime) {
    if (runtime->api) {
        runtime->api->ReleaseMemoryInfo(runtime->memory);
        runtime->api->ReleaseEnv(runtime->environment);
    }
}

/* Whether a call went well; its status, which nobody will read, is freed. */
static bool is_fine(const OrtApi *api, OrtStatus *status) {
    api->ReleaseStatus(status);
    return !status;
}

/* Whether a session's tensor is the float32 one that was declared, with any number of rows. */
static bool is_declared(const OrtApi *api, const OrtTypeInfo *type, const flow_tensor *tensor) {
    const OrtTensorTypeAndShapeInfo *info;
    enum ONNXTensorElementDataType element;
    size_t rank;
    int64_t shape[FLOW_MAX_RANK];
    return is_fine(api, api->CastTypeInfoToTensorInfo(type, &info)) && info &&
           is_fine(api, api->GetTensorElementType(info, &element)) && element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT &&
           is_fine(api, api->GetDimensionsCount(info, &rank)) && rank == tensor->rank &&
           is_fine(api, api->GetDimensions(info, shape, rank)) && shape[0] < 0 &&
           memcmp(shape + 1, tensor->shape + 1, (rank - 1) * sizeof *shape) == 0;
}

/* Whether a session has the declared inputs, or outputs, in any order, and no others. */
static bool has_tensors(const OrtApi *api, const OrtSession *session, bool outputs, const flow_tensor *tensors,
                        size_t count) {
    OrtAllocator *allocator;
    size_t found;
    if (!is_fine(api, api->GetAllocatorWithDefaultOptions(&allocator)) ||
        !is_fine(api, (outputs ? api->SessionGetOutputCount : api->SessionGetInputCount)(session, &found)) ||
        found != count) {
        return false;
    }
    size_t matched = 0;
    for (size_t i = 0; i < count; i++) {
        char *name;
        OrtTypeInfo *type;
        if (!is_fine(api,
                     (outputs ? api->SessionGetOutputName : api->SessionGetInputName)(session, i, allocator, &name))) {
            return false;
        }
        if (is_fine(api, (outputs ? api->SessionGetOutputTypeInfo : api->SessionGetInputTypeInfo)(session, i, &type))) {
            for (size_t j = 0; j < count; j++) {
                matched += strcmp(name, tensors[j].name) == 0 && is_declared(api, type, &tensors[j]);
            }
            api->ReleaseTypeInfo(type);
        }
        is_fine(api, api->AllocatorFree(allocator, name));
    }
    return matched == count;
}

OrtSession *flow_open_session(const flow_runtime *runtime, const void *data, size_t size, int threads,
                              const flow_signature *signature, const char *where, flow_error *error) {
    const OrtApi *api = runtime->api;
    OrtSessionOptions *options;
    if (!check(runtime, api->CreateSessionOptions(&options), FLOW_NO_RUNTIME, where, error)) {
        return NULL;
    }
    OrtSession *session = NULL;
    const bool opened = check(runtime, api->SetIntraOpNumThreads(options, threads), FLOW_NO_RUNTIME, where, error) &&
                        check(runtime, api->CreateSessionFromArray(runtime->environment, data, size, options, &session),
                              FLOW_BAD_BUNDLE, where, error);
    api->ReleaseSessionOptions(options);
    if (!opened) {
        return NULL;
    }
    if (!has_tensors(api, session, false, signature->inputs, signature->input_count) ||
        !has_tensors(api, session, true, &signature->output, 1)) {
        flow_fail(error, FLOW_BAD_BUNDLE, "%s: has other inputs or outputs than flow.json says", where);
        api->ReleaseSession(session);
        return NULL;
    }
    return session;
}

/* A value that looks at numbers of the caller's. */
static OrtStatus *wrap(const flow_runtime *runtime, const flow_tensor *tensor, size_t rows, const float *data,
                       OrtValue **value) {
    int64_t shape[FLOW_MAX_RANK];
    memcpy(shape, tensor->shape, sizeof shape);
    shape[0] = (int64_t)rows;
    size_t size = sizeof *data;
    for (size_t axis = 0; axis < tensor->rank; axis++) {
        size *= (size_t)shape[axis];
    }
    /* Inputs are not written to: the C API has one function for both. */
    return runtime->api->CreateTensorWithDataAsOrtValue(runtime->memory, (void *)data, size, shape, tensor->rank,
                                                        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, value);
}

bool flow_run_session(const flow_runtime *runtime, OrtSession *session, const flow_signature *signature, size_t rows,
                      const float *const inputs[2], float *output, const char *where, flow_error *error) {
    const OrtApi *api = runtime->api;
    const char *const names[] = {signature->inputs[0].name, signature->inputs[1].name};
    OrtValue *values[2] = {NULL, NULL}, *result = NULL;
    OrtStatus *status = wrap(runtime, &signature->output, rows, output, &result);
    for (size_t i = 0; !status && i < signature->input_count; i++) {
        status = wrap(runtime, &signature->inputs[i], rows, inputs[i], &values[i]);
    }
    if (!status) {
        status = api->Run(session, NULL, names, (const OrtValue *const *)values, signature->input_count,
                          &signature->output.name, 1, &result);
    }
    api->ReleaseValue(values[0]);
    api->ReleaseValue(values[1]);
    api->ReleaseValue(result);
    return check(runtime, status, FLOW_BAD_BUNDLE, where, error);
}

#include "runtime.hpp"

#include "onnx.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace flow {

namespace {

/// ONNX Runtime 1.18 is the first that reads IR 10, the version of a bundle's graphs. Asking for its API and not for
/// that of the headers lets the program run on any library from there on: nothing below calls what came later.
constexpr int api_version = 18;

const OrtApi *find_api(const std::string &library) {
    // Before it is loaded: it would write a device's id into the user's cache folder. A user's own word stands.
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    // It stays loaded: ONNX Runtime is not made to be unloaded.
    void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle == nullptr ? nullptr : dlsym(handle, "OrtGetApiBase");
    if (symbol == nullptr)
        throw Error(Code::no_runtime,
                    std::string("ONNX Runtime cannot be opened: ") + dlerror() + " (ORT_DYLIB_PATH names its library)");
    const auto get_base = reinterpret_cast<decltype(&OrtGetApiBase)>(symbol);
    const std::string version = get_base()->GetVersionString();
    // Version 1.N has API N. Asked for a newer one, GetApi would write to standard error.
    int minor = 0;
    const bool known = std::sscanf(version.c_str(), "1.%d", &minor) == 1 && minor >= api_version;
    const OrtApi *api = known ? get_base()->GetApi(api_version) : nullptr;
    if (api == nullptr)
        throw Error(Code::no_runtime, library + ": is ONNX Runtime " + version + "; a bundle needs 1." +
                                          std::to_string(api_version) + " or newer");
    return api;
}

/// A call of ONNX Runtime, whose exceptions become ours with the first line of their message.
template <class Call> void guarded(const std::string &path, Call call) {
    try {
        call();
    } catch (const Ort::Exception &error) {
        const std::string reason = error.what();
        throw Error(Code::bad_bundle, path + ": " + reason.substr(0, reason.find('\n')));
    }
}

} // namespace

void open_runtime(const std::string &library) {
    static std::mutex mutex;
    static const OrtApi *opened = nullptr;
    const char *named = std::getenv("ORT_DYLIB_PATH");
    const std::string path = !library.empty()                     ? library
                             : named != nullptr && *named != '\0' ? named
                                                                  : "libonnxruntime.so.1";
    const std::lock_guard<std::mutex> lock(mutex);
    const OrtApi *api = find_api(path);
    if (opened == nullptr)
        Ort::InitApi(opened = api);
    else if (opened != api)
        throw Error(Code::no_runtime, path + ": another ONNX Runtime is open in this process");
}

Session::Session(const Bundle &bundle, const GraphSpec &spec, int threads)
    : path_(bundle.path(spec.file)), spec_(spec) {
    const std::string bytes = bundle.read(spec.file);
    check_graph(bytes, path_);
    guarded(path_, [&] {
        // What goes wrong comes as an exception; the log would say it once more.
        environment_ = Ort::Env(ORT_LOGGING_LEVEL_FATAL, "flow");
        memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
        Ort::SessionOptions options;
        options.SetIntraOpNumThreads(threads);
        session_ = Ort::Session(environment_, bytes.data(), bytes.size(), options);
    });
    // Tried on rows of zeros, a graph with other names, types or shapes than flow.json says is refused. Of calloc,
    // since what a bundle only says that it needs must not be touched.
    constexpr std::size_t rows = 2; // more than one, so that the batch is free
    std::size_t numbers = 0;
    for (const Tensor &input : spec.inputs)
        numbers += rows * count(input.shape);
    const std::size_t size = spec.dtype == Dtype::float64 ? sizeof(double) : sizeof(float);
    const std::unique_ptr<char[], decltype(&std::free)> zeros(
        static_cast<char *>(std::calloc(numbers + rows * count(spec.output.shape), size)), std::free);
    if (zeros == nullptr)
        throw std::bad_alloc();
    run(rows, zeros.get(), zeros.get(), zeros.get() + numbers * size);
}

void Session::run(std::size_t rows, const void *input, const void *context, void *output) const {
    const bool wide = spec_.dtype == Dtype::float64;
    // A value that looks at numbers of the caller's. Inputs are not written to: there is one kind for both.
    const auto wrap = [&](const Tensor &tensor, const void *data) {
        std::vector<std::int64_t> shape(tensor.shape.begin(), tensor.shape.end());
        shape.insert(shape.begin(), static_cast<std::int64_t>(rows));
        const std::size_t bytes = rows * count(tensor.shape) * (wide ? sizeof(double) : sizeof(float));
        return Ort::Value::CreateTensor(memory_, const_cast<void *>(data), bytes, shape.data(), shape.size(),
                                        wide ? ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE
                                             : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    };
    guarded(path_, [&] {
        std::vector<Ort::Value> values;
        std::vector<const char *> names;
        for (const Tensor &tensor : spec_.inputs) {
            values.push_back(wrap(tensor, values.empty() ? input : context));
            names.push_back(tensor.name.c_str());
        }
        Ort::Value result = wrap(spec_.output, output);
        const char *output_name = spec_.output.name.c_str();
        session_.Run(Ort::RunOptions(nullptr), names.data(), values.data(), values.size(), &output_name, &result, 1);
    });
}

} // namespace flow

#include "runtime.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace flow {

namespace {

/// ONNX Runtime 1.18 is the first that reads IR 10, the version of a bundle's graphs. Asking for its API and not for
/// that of the headers lets the program run on any library from there on: nothing below calls what came later.
constexpr int api_version = 18;
static_assert(ORT_API_VERSION >= api_version, "the headers are older than ONNX Runtime 1.18");

const OrtApi *find_api(const std::string &library) {
    // It stays loaded: ONNX Runtime is not made to be unloaded.
    void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        throw Error(Code::no_runtime,
                    std::string("ONNX Runtime cannot be opened: ") + dlerror() + " (ORT_DYLIB_PATH names its library)");
    }
    const auto get_base = reinterpret_cast<decltype(&OrtGetApiBase)>(dlsym(handle, "OrtGetApiBase"));
    dlclose(handle);
    if (get_base == nullptr)
        throw Error(Code::no_runtime, library + ": is not ONNX Runtime (it has no OrtGetApiBase)");
    const std::string version = get_base()->GetVersionString();
    // Version 1.N has API N. Asked for a newer one, GetApi would write to standard error.
    int minor = 0;
    const bool known = std::sscanf(version.c_str(), "1.%d", &minor) == 1 && minor >= api_version;
    const OrtApi *api = known ? get_base()->GetApi(api_version) : nullptr;
    if (api == nullptr) {
        throw Error(Code::no_runtime, library + ": is ONNX Runtime " + version + "; a bundle needs 1." +
                                          std::to_string(api_version) + " or newer");
    }
    return api;
}

/// A call of ONNX Runtime, whose exceptions become ours with the first line of their message.
template <class Call> auto guarded(const std::string &path, Call call) {
    try {
        return call();
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
    : path_(bundle.path(spec.file)), spec_(spec),
      // What goes wrong comes as an exception; the log would say it once more.
      environment_(guarded(path_, [] { return Ort::Env(ORT_LOGGING_LEVEL_FATAL, "flow"); })),
      memory_(guarded(path_, [] { return Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault); })),
      session_(guarded(path_, [&] {
          const std::string bytes = bundle.read(spec.file);
          Ort::SessionOptions options;
          options.SetIntraOpNumThreads(threads);
          return Ort::Session(environment_, bytes.data(), bytes.size(), options);
      })) {
    // Tried on rows of zeros, a graph with other names, types or shapes than flow.json says is refused. Of calloc,
    // since what a bundle only says that it needs must not be touched.
    constexpr std::size_t rows = 2; // more than one, so that the batch is free
    const std::size_t width = count(spec.inputs[0].shape),
                      context = spec.inputs.size() < 2 ? 0 : spec.inputs[1].shape[0];
    const std::unique_ptr<float[], decltype(&std::free)> zeros(
        static_cast<float *>(std::calloc(rows * (width + context + output_width()), sizeof(float))), std::free);
    if (zeros == nullptr)
        throw std::bad_alloc();
    run(rows, {zeros.get(), zeros.get() + rows * width}, zeros.get() + rows * (width + context));
}

/// A value that looks at numbers of the caller's.
Ort::Value Session::wrap(std::size_t rows, const Tensor &tensor, float *data) const {
    std::vector<std::int64_t> shape(tensor.shape.begin(), tensor.shape.end());
    shape.insert(shape.begin(), static_cast<std::int64_t>(rows));
    return Ort::Value::CreateTensor<float>(memory_, data, rows * count(tensor.shape), shape.data(), shape.size());
}

void Session::run(std::size_t rows, const std::array<const float *, 2> &inputs, float *output) const {
    std::array<Ort::Value, 2> values{Ort::Value(nullptr), Ort::Value(nullptr)};
    std::array<const char *, 2> names{};
    guarded(path_, [&] {
        for (std::size_t i = 0; i < spec_.inputs.size(); ++i) {
            // Inputs are not written to: ONNX Runtime has one kind of value for both.
            values[i] = wrap(rows, spec_.inputs[i], const_cast<float *>(inputs[i]));
            names[i] = spec_.inputs[i].name.c_str();
        }
        Ort::Value result = wrap(rows, spec_.output, output);
        const char *output_name = spec_.output.name.c_str();
        session_.Run(Ort::RunOptions(nullptr), names.data(), values.data(), spec_.inputs.size(), &output_name, &result,
                     1);
    });
}

} // namespace flow

#include "runtime.hpp"

#include <dlfcn.h>

#include <algorithm>
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
    if (get_base == nullptr) {
        throw Error(Code::no_runtime, library + ": is not ONNX Runtime (it has no OrtGetApiBase)");
    }
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
    if (opened == nullptr) {
        Ort::InitApi(opened = api);
    } else if (opened != api) {
        throw Error(Code::no_runtime, path + ": another ONNX Runtime is open in this process");
    }
}

Session::Session(const std::string &bytes, const GraphSpec &spec, int threads, std::string path)
    : path_(std::move(path)), inputs_(spec.inputs), output_(spec.output),
      // What goes wrong comes as an exception; the log would say it once more.
      environment_(guarded(path_, [] { return Ort::Env(ORT_LOGGING_LEVEL_FATAL, "flow"); })),
      memory_(guarded(path_, [] { return Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault); })),
      session_(guarded(path_, [&] {
          Ort::SessionOptions options;
          options.SetIntraOpNumThreads(threads);
          return Ort::Session(environment_, bytes.data(), bytes.size(), options);
      })) {
    if (!guarded(path_, [&] { return has_tensors(inputs_, false) && has_tensors({output_}, true); })) {
        throw Error(Code::bad_bundle, path_ + ": has other inputs or outputs than flow.json says");
    }
}

/// Whether the graph has the expected inputs, or outputs, in any order, float32 with any number of rows, and no others.
bool Session::has_tensors(const std::vector<Tensor> &expected, bool outputs) const {
    const std::size_t count = outputs ? session_.GetOutputCount() : session_.GetInputCount();
    const Ort::AllocatorWithDefaultOptions allocator;
    const auto is_declared = [&](std::size_t index) {
        const auto name = outputs ? session_.GetOutputNameAllocated(index, allocator)
                                  : session_.GetInputNameAllocated(index, allocator);
        const Ort::TypeInfo type = outputs ? session_.GetOutputTypeInfo(index) : session_.GetInputTypeInfo(index);
        if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
            return false;
        }
        const auto tensor = type.GetTensorTypeAndShapeInfo();
        const std::vector<std::int64_t> shape = tensor.GetShape();
        return std::any_of(expected.begin(), expected.end(), [&](const Tensor &wanted) {
            return wanted.name == name.get() && tensor.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT &&
                   !shape.empty() && shape[0] < 0 &&
                   std::equal(
                       shape.begin() + 1, shape.end(), wanted.shape.begin(), wanted.shape.end(),
                       [](std::int64_t found, std::size_t size) { return found == static_cast<std::int64_t>(size); });
        });
    };
    std::size_t declared = 0;
    for (std::size_t index = 0; index < count; ++index) {
        declared += is_declared(index) ? 1 : 0;
    }
    return count == expected.size() && declared == count;
}

/// A value that looks at numbers of the caller's.
Ort::Value Session::wrap(std::size_t rows, const Tensor &tensor, float *data) const {
    std::array<std::int64_t, Shape::max_rank> shape{static_cast<std::int64_t>(rows)};
    std::copy(tensor.shape.begin(), tensor.shape.end(), shape.begin() + 1);
    return Ort::Value::CreateTensor<float>(memory_, data, rows * tensor.shape.count(), shape.data(),
                                           tensor.shape.rank() + 1);
}

void Session::run(std::size_t rows, const std::array<const float *, 2> &inputs, float *output) const {
    std::array<Ort::Value, 2> values{Ort::Value(nullptr), Ort::Value(nullptr)};
    std::array<const char *, 2> names{};
    guarded(path_, [&] {
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            // Inputs are not written to: ONNX Runtime has one kind of value for both.
            values[i] = wrap(rows, inputs_[i], const_cast<float *>(inputs[i]));
            names[i] = inputs_[i].name.c_str();
        }
        Ort::Value result = wrap(rows, output_, output);
        const char *output_name = output_.name.c_str();
        session_.Run(Ort::RunOptions(nullptr), names.data(), values.data(), inputs_.size(), &output_name, &result, 1);
    });
}

} // namespace flow

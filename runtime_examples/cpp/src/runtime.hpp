// ONNX Runtime by its C++ API, opened while the program runs and never linked.
#pragma once

#include "bundle.hpp"

// The API is not that of a linked library: runtime.cpp fetches it from the opened one.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

namespace flow {

/// Opens the library at a path, or where ORT_DYLIB_PATH says, or where the loader finds it, for the whole process:
/// the C++ API knows one. Throws Error: no_runtime.
void open_runtime(const std::string &library);

/// A graph, ready to run. Needs open_runtime before.
class Session {
  public:
    /// The graph of a bundle, which must have the tensors of the spec. Throws Error: bad_bundle.
    Session(const Bundle &bundle, const GraphSpec &spec, int threads);

    const GraphSpec &spec() const { return spec_; }

    /// Runs a batch of rows, at least one, of the spec's type. May be called from several threads at once. Throws
    /// Error: bad_bundle.
    void run(std::size_t rows, const void *input, const void *context, void *output) const;

  private:
    std::string path_;
    GraphSpec spec_;
    Ort::Env environment_{nullptr}; // one of the process, counted
    Ort::MemoryInfo memory_{nullptr};
    mutable Ort::Session session_{nullptr}; // run changes nothing, and is not const
};

} // namespace flow

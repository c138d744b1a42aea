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

    /// Numbers in a row of the output.
    std::size_t output_width() const { return count(spec_.output.shape); }

    /// Runs a batch of rows, at least one: inputs in the order of the spec. May be called from several threads at
    /// once. Throws Error: bad_bundle.
    void run(std::size_t rows, const std::array<const float *, 2> &inputs, float *output) const;

  private:
    Ort::Value wrap(std::size_t rows, const Tensor &tensor, float *data) const;

    std::string path_;
    GraphSpec spec_;
    Ort::Env environment_; // one of the process, counted
    Ort::MemoryInfo memory_;
    mutable Ort::Session session_; // run changes nothing, and is not const
};

} // namespace flow

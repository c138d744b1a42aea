// What can go wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace flow {

enum class Code {
    none,
    wrong_shape,      // an array of another shape than the model takes
    missing_context,  // the model has a context and none was given
    wrong_dtype,      // an array of float64 for a model of float32
    unknown_category, // a context holds a code that its feature does not have
    wrong_value,      // an argument that cannot be, such as a negative temperature
    bad_bundle,       // the bundle breaks its contract, or its graph cannot be run
    no_runtime        // ONNX Runtime cannot be opened, or is too old
};

/// A code's name, as golden cases spell it: "wrong_shape".
const char *name(Code code) noexcept;

/// A code for the program, and one line for a person: "PATH: KEY: what is wrong".
class Error : public std::runtime_error {
  public:
    Error(Code code, const std::string &message);

    Code code() const noexcept { return code_; }

  private:
    Code code_;
};

} // namespace flow

// Arrays of a bundle: .npy version 1.0, little-endian float32 or float64, C order.
#pragma once

#include "flow/array.hpp"

#include <string>
#include <vector>

namespace flow {

/// The numbers of an .npy file.
class Numbers {
  public:
    /// Reads a file's bytes. file: its path, for messages. Throws Error: bad_bundle.
    Numbers(const std::string &bytes, const std::string &file);

    const Shape &shape() const { return shape_; }

    /// As float64, whatever they are.
    double operator[](std::size_t index) const;

    /// A view of all of them.
    Array view() const;

    /// Keeps rows start … stop − 1, which must be there.
    void keep(std::size_t start, std::size_t stop);

  private:
    std::variant<std::vector<float>, std::vector<double>> values_;
    Shape shape_;
};

} // namespace flow

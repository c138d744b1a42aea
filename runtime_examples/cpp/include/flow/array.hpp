// Views of numbers that somebody else owns; what they look at must outlive them.
#pragma once

#include "flow/error.hpp"

#include <cstddef>
#include <functional>
#include <iterator>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flow {

/// Consecutive elements; C++17 has no std::span yet.
template <class T> class Span {
  public:
    Span() = default;
    Span(T *data, std::size_t size) : data_(data), size_(size) {}

    /// Of a vector, an array, or anything else with its elements in one piece.
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::data(std::declval<Container &>()))> (*)[], T (*)[]>>>
    Span(Container &&container) : data_(std::data(container)), size_(std::size(container)) {}

    T *data() const { return data_; }
    std::size_t size() const { return size_; }
    T &operator[](std::size_t index) const { return data_[index]; }
    T *begin() const { return data_; }
    T *end() const { return data_ + size_; }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/// The sizes of an array's axes.
using Shape = std::vector<std::size_t>;

/// How many numbers an array of a shape holds.
inline std::size_t count(const Shape &shape) {
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

/// An array in C order: `Array(x, {rows, 2})`. A model of float64 takes either type, one of float32 its own alone.
class Array {
  public:
    /// Throws Error (wrong_shape) where the numbers do not fill the shape.
    Array(Span<const float> numbers, const Shape &shape) : Array(Numbers(numbers), shape, numbers.size()) {}
    Array(Span<const double> numbers, const Shape &shape) : Array(Numbers(numbers), shape, numbers.size()) {}

    const Shape &shape() const { return shape_; }

    using Numbers = std::variant<Span<const float>, Span<const double>>;

    /// The numbers, of the type that they have.
    const Numbers &numbers() const { return numbers_; }

    /// A number, whatever its type.
    double operator[](std::size_t index) const {
        return std::visit([index](const auto &numbers) { return static_cast<double>(numbers[index]); }, numbers_);
    }

  private:
    Array(Numbers numbers, const Shape &shape, std::size_t size) : numbers_(numbers), shape_(shape) {
        if (size != count(shape)) {
            throw Error(Code::wrong_shape, "an array of " + std::to_string(size) + " numbers, whose shape takes " +
                                               std::to_string(count(shape)));
        }
    }

    Numbers numbers_;
    Shape shape_;
};

} // namespace flow

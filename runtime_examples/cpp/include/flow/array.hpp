// Views of numbers that somebody else owns; what they look at must outlive them.
#pragma once

#include "flow/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

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
    Span subspan(std::size_t start, std::size_t size) const { return {data_ + start, size}; }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/// Sizes of up to four axes.
class Shape {
  public:
    static constexpr std::size_t max_rank = 4;

    Shape() = default;
    Shape(std::initializer_list<std::size_t> sizes) {
        for (const std::size_t size : sizes) {
            push_back(size);
        }
    }

    /// Throws Error (wrong_shape) for a fifth axis.
    void push_back(std::size_t size) {
        if (rank_ == max_rank) {
            throw Error(Code::wrong_shape, "an array of more than 4 axes");
        }
        sizes_[rank_++] = size;
    }

    std::size_t rank() const { return rank_; }
    std::size_t operator[](std::size_t axis) const { return sizes_[axis]; }
    const std::size_t *begin() const { return sizes_.data(); }
    const std::size_t *end() const { return sizes_.data() + rank_; }

    /// How many numbers an array of this shape holds.
    std::size_t count() const {
        std::size_t product = 1;
        for (const std::size_t size : *this) {
            product *= size;
        }
        return product;
    }

    friend bool operator==(const Shape &one, const Shape &other) {
        return std::equal(one.begin(), one.end(), other.begin(), other.end());
    }
    friend bool operator!=(const Shape &one, const Shape &other) { return !(one == other); }

  private:
    std::array<std::size_t, max_rank> sizes_{};
    std::size_t rank_ = 0;
};

/// An array in C order: `Array(x, {rows, 2})`. float64 can be said, so that it can be refused by name.
class Array {
  public:
    /// Throws Error (wrong_shape) where the numbers do not fill the shape.
    Array(Span<const float> numbers, const Shape &shape) : Array(Numbers(numbers), shape, numbers.size()) {}
    Array(Span<const double> numbers, const Shape &shape) : Array(Numbers(numbers), shape, numbers.size()) {}

    const Shape &shape() const { return shape_; }

    /// The numbers, or nullptr where they are no float32.
    const Span<const float> *floats() const { return std::get_if<Span<const float>>(&numbers_); }

  private:
    using Numbers = std::variant<Span<const float>, Span<const double>>;

    Array(Numbers numbers, const Shape &shape, std::size_t size) : numbers_(numbers), shape_(shape) {
        if (size != shape.count()) {
            throw Error(Code::wrong_shape, "an array of " + std::to_string(size) + " numbers, whose shape takes " +
                                               std::to_string(shape.count()));
        }
    }

    Numbers numbers_;
    Shape shape_;
};

} // namespace flow

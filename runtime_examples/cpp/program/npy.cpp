#include "npy.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the numbers of a bundle are little endian, and are used as they are"
#endif

namespace flow {

namespace {

constexpr std::string_view magic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t max_rank = 4;
constexpr std::size_t preamble = 10; // the magic, the version, and the header's length in 16 bits

/// What is left of the header, taken from the front.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool accept(std::string_view part) {
        const bool found = text_.substr(0, part.size()) == part;
        text_.remove_prefix(found ? part.size() : 0);
        return found;
    }

    /// A size of at most ten digits, more than any file holds and less than a size_t can.
    bool accept_size(std::size_t &size) {
        std::size_t digits = 0;
        for (size = 0; digits < std::min<std::size_t>(text_.size(), 10) && text_[digits] >= '0' && text_[digits] <= '9';
             ++digits)
            size = size * 10 + static_cast<std::size_t>(text_[digits] - '0');
        text_.remove_prefix(digits);
        return digits > 0;
    }

    /// Spaces, and one line end behind them.
    bool accept_end() {
        text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
        return text_ == "\n";
    }

  private:
    std::string_view text_;
};

/// The shape, as NumPy writes it: (), (3,), (3, 2).
bool accept_shape(Cursor &cursor, Shape &shape) {
    if (cursor.accept("()"))
        return true;
    if (!cursor.accept("("))
        return false;
    do {
        std::size_t size = 0;
        if (shape.size() == max_rank || !cursor.accept_size(size))
            return false;
        shape.push_back(size);
    } while (cursor.accept(", "));
    return cursor.accept(shape.size() == 1 ? ",)" : ")");
}

/// The numbers of a body, which must fill the shape.
template <class T> std::vector<T> read_values(std::string_view body, const Shape &shape, const std::string &file) {
    const std::size_t numbers = body.size() / sizeof(T);
    std::size_t product = 1;
    bool fits = body.size() % sizeof(T) == 0;
    for (const std::size_t size : shape) {
        // Divided, since a product of what a header says can be larger than any number.
        fits = fits && (size == 0 || product <= numbers / size);
        product *= size;
    }
    if (!fits || product != numbers)
        throw Error(Code::bad_bundle, file + ": " + std::to_string(body.size()) + " bytes do not fill its shape");
    std::vector<T> values(numbers);
    if (numbers > 0)
        std::memcpy(values.data(), body.data(), body.size());
    return values;
}

} // namespace

Numbers::Numbers(const std::string &bytes, const std::string &file) {
    const std::string_view all = bytes;
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(bytes[index]); };
    const std::size_t length = all.size() < preamble ? 0 : byte(8) + std::size_t{256} * byte(9);
    Cursor header(all.substr(std::min(preamble, all.size()), length));
    const bool known = all.size() >= preamble + length && all.substr(0, magic.size()) == magic;
    const bool single = known && header.accept("{'descr': '<f4', "), wide = known && header.accept("{'descr': '<f8', ");
    if (!(single || wide) || !header.accept("'fortran_order': False, 'shape': ") || !accept_shape(header, shape_) ||
        !header.accept(", }") || !header.accept_end()) {
        throw Error(Code::bad_bundle,
                    file + ": is not an .npy file of version 1.0 with <f4 or <f8 in C order, of at most 4 axes");
    }
    const std::string_view body = all.substr(preamble + length);
    if (single)
        values_ = read_values<float>(body, shape_, file);
    else
        values_ = read_values<double>(body, shape_, file);
}

double Numbers::operator[](std::size_t index) const {
    return std::visit([index](const auto &values) { return static_cast<double>(values[index]); }, values_);
}

Array Numbers::view() const {
    return std::visit([this](const auto &values) { return Array(Span(values.data(), values.size()), shape_); },
                      values_);
}

void Numbers::keep(std::size_t start, std::size_t stop) {
    Shape kept;
    for (const std::size_t size : shape_)
        kept.push_back(kept.empty() ? stop - start : size);
    const std::size_t row = shape_[0] == 0 ? 0 : count(shape_) / shape_[0];
    std::visit(
        [&](auto &values) {
            values.erase(values.begin() + static_cast<std::ptrdiff_t>(stop * row), values.end());
            values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(start * row));
        },
        values_);
    shape_ = kept;
}

} // namespace flow

// CSV as RFC 4180 has it, a record at a time, and numbers as text.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace table {

/// The records of a stream.
class Reader {
  public:
    explicit Reader(std::istream &stream) : stream_(stream) {}

    /// Reads the next record; lines without a character are passed over. False at the end.
    /// Throws flow::Error (wrong_value) for a record of more than 4 MiB, and for what has two readings: a NUL, a CR
    /// that no LF follows, a quote in the wrong place, bytes that are no UTF-8.
    bool next();

    const std::vector<std::string> &cells() const { return cells_; }

    /// The record's number: the header is 0.
    std::uint64_t row() const { return read_ - 1; }

  private:
    [[noreturn]] void refuse(const std::string &reason) const;
    int take(bool quoted);
    bool take_cell();
    void append(char character);

    std::istream &stream_;
    std::vector<std::string> cells_;
    std::size_t size_ = 0;
    std::uint64_t read_ = 0;
};

/// A cell, in quotes where it needs them.
std::string quoted(const std::string &cell);

/// A decimal number that float32, or float64, can hold.
template <class T> std::optional<T> parse_number(const std::string &text);

/// A whole number below 2⁶⁴, of digits only.
std::optional<std::uint64_t> parse_whole(const std::string &text);

/// Writes the shortest decimal that reads back the same float32, or float64.
void write(std::ostream &stream, float number);
void write(std::ostream &stream, double number);

} // namespace table

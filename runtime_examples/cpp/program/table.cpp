#include "table.hpp"

#include "flow/error.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace table {

namespace {

constexpr std::size_t most_record = 4 << 20;
/// A byte order mark, as spreadsheets write it.
constexpr char mark[] = "\xEF\xBB\xBF";

template <class T> void write_shortest(std::ostream &stream, T number) {
    char text[32];
    const auto end = std::to_chars(std::begin(text), std::end(text), number).ptr;
    stream << (std::isnan(number) ? std::string("nan") : std::string(text, end));
}

} // namespace

bool Reader::next() {
    ++read_;
    cells_.clear();
    size_ = 0;
    while (stream_.peek() == '\n' || stream_.peek() == '\r')
        stream_.get();
    if (stream_.peek() == std::istream::traits_type::eof())
        return false;
    while (take_cell()) {
    }
    return true;
}

/// Reads a cell, and says whether there is another in the record.
bool Reader::take_cell() {
    cells_.emplace_back();
    std::string &cell = cells_.back();
    bool quoted = false, first = true; // whether the next character is inside quotes, and the first of the cell
    for (;;) {
        const int next = stream_.get();
        const bool ended = next == std::istream::traits_type::eof();
        if (quoted && ended) {
            throw flow::Error(flow::Code::wrong_value,
                              "standard input: row " + std::to_string(row()) + ": has a quote that is not closed");
        }
        if (!quoted && (ended || next == ',' || next == '\n'))
            return next == ',';
        if (next == '"' && quoted && stream_.peek() == '"')
            append(static_cast<char>(stream_.get())); // two of them are one
        else if (next == '"' && (quoted || first))
            quoted = !quoted;
        else if (quoted || next != '\r')
            append(static_cast<char>(next));
        first = read_ == 1 && cells_.size() == 1 && cell == mark;
        if (first)
            cell.clear();
    }
}

void Reader::append(char character) {
    if (++size_ > most_record) {
        throw flow::Error(flow::Code::wrong_value, "standard input: row " + std::to_string(row()) +
                                                       ": is longer than " + std::to_string(most_record) + " bytes");
    }
    cells_.back() += character;
}

std::string quoted(const std::string &cell) {
    if (cell.find_first_of(",\"\r\n") == std::string::npos)
        return cell;
    std::string text = "\"";
    for (const char character : cell)
        text += character == '"' ? "\"\"" : std::string(1, character);
    return text + '"';
}

std::optional<float> parse_number(const std::string &text) {
    char *stop = nullptr;
    // strtod reads hexadecimal, "inf" and "nan" too.
    const bool plain = text.find_first_not_of(" +-.0123456789eE") == std::string::npos;
    const auto found = static_cast<float>(std::strtod(text.c_str(), &stop));
    const bool all = stop != text.c_str() &&
                     text.find_first_not_of(' ', static_cast<std::size_t>(stop - text.c_str())) == std::string::npos;
    return plain && all && std::isfinite(found) ? std::make_optional(found) : std::nullopt;
}

std::optional<std::uint64_t> parse_whole(const std::string &text) {
    std::uint64_t number = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool all = fault == std::errc() && stop == text.data() + text.size();
    return all ? std::make_optional(number) : std::nullopt;
}

void write(std::ostream &stream, float number) {
    write_shortest(stream, number);
}

void write(std::ostream &stream, double number) {
    write_shortest(stream, number);
}

} // namespace table

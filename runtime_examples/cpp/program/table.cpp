#include "table.hpp"

#include "flow/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace table {

namespace {

constexpr std::size_t most_record = 4 << 20;
/// A byte order mark, as spreadsheets write it.
constexpr char mark[] = "\xEF\xBB\xBF";
constexpr int at_end = std::istream::traits_type::eof();

/// No stray, missing or needless byte, no half of a surrogate pair, nothing beyond U+10FFFF.
bool is_utf8(const std::string &text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
        const unsigned first = byte(i), second = byte(i + 1);
        const std::size_t more = first < 0x80 ? 0 : first < 0xC2 ? 4 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if (more == 4 || first > 0xF4 || (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
            (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
            return false;
        for (std::size_t part = 1; part <= more; ++part)
            if ((byte(i + part) & 0xC0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

template <class T> void write_shortest(std::ostream &stream, T number) {
    char text[32];
    const auto end = std::to_chars(std::begin(text), std::end(text), number).ptr;
    stream << (std::isnan(number) ? std::string("nan") : std::string(text, end));
}

} // namespace

/// Refuses what was read, by its row.
void Reader::refuse(const std::string &reason) const {
    throw flow::Error(flow::Code::wrong_value,
                      "standard input: " + (row() == 0 ? "header" : "row " + std::to_string(row())) + ": " + reason);
}

/// The next character, or end; of CR LF outside of quotes, LF alone.
int Reader::take(bool quoted) {
    const int next = stream_.get();
    if (next == 0)
        refuse("holds a NUL");
    if (next == '\r' && stream_.peek() != '\n')
        refuse("holds a CR that no LF follows");
    return next == '\r' && !quoted ? stream_.get() : next;
}

bool Reader::next() {
    ++read_;
    cells_.clear();
    size_ = 0;
    if (read_ == 1)
        for (const char *expected = mark; *expected != 0 && stream_.peek() == static_cast<unsigned char>(*expected);
             ++expected)
            stream_.get();
    while (stream_.peek() == '\n' || stream_.peek() == '\r')
        take(false);
    if (stream_.peek() == at_end)
        return false;
    while (take_cell()) {
    }
    if (!std::all_of(cells_.begin(), cells_.end(), is_utf8))
        refuse("is not UTF-8");
    return true;
}

/// Reads a cell, and says whether there is another in the record.
bool Reader::take_cell() {
    enum { start, plain, quoted, closed } state = start;
    cells_.emplace_back();
    for (;;) {
        const int next = take(state == quoted);
        if (state == quoted && next == at_end)
            refuse("a quote is not closed");
        if (state != quoted && (next == at_end || next == ',' || next == '\n'))
            return next == ',';
        if (next == '"' && state == quoted && stream_.peek() == '"') {
            append(static_cast<char>(stream_.get())); // two of them are one
        } else if (next == '"' && (state == start || state == quoted)) {
            state = state == start ? quoted : closed;
        } else if (next == '"' || state == closed) {
            refuse("a quote in the wrong place");
        } else {
            append(static_cast<char>(next));
            state = state == quoted ? quoted : plain;
        }
    }
}

void Reader::append(char character) {
    if (++size_ > most_record)
        refuse("is longer than " + std::to_string(most_record) + " bytes");
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

template <class T> std::optional<T> parse_number(const std::string &text) {
    char *stop = nullptr;
    // strtod reads hexadecimal, "inf" and "nan" too.
    const bool plain = text.find_first_not_of(" +-.0123456789eE") == std::string::npos;
    const auto found = static_cast<T>(std::strtod(text.c_str(), &stop));
    const bool all = stop != text.c_str() &&
                     text.find_first_not_of(' ', static_cast<std::size_t>(stop - text.c_str())) == std::string::npos;
    return plain && all && std::isfinite(found) ? std::make_optional(found) : std::nullopt;
}

template std::optional<float> parse_number(const std::string &);
template std::optional<double> parse_number(const std::string &);

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

#include "onnx.hpp"

#include "flow/error.hpp"
#include "operators.hpp"

#include <map>
#include <sstream>
#include <string_view>

namespace flow {

namespace {

using Fields = std::map<std::uint64_t, std::string>;

/// Message → number of a field → what it is.
const std::map<std::string, Fields> &messages() {
    static const std::map<std::string, Fields> read = [] {
        std::map<std::string, Fields> found;
        std::istringstream rows(fields);
        for (std::string row; std::getline(rows, row, ';');) {
            std::istringstream words(row);
            std::string name, kind;
            words >> name;
            for (std::uint64_t number = 0; words >> number >> kind;)
                found[name][number] = kind;
        }
        return found;
    }();
    return read;
}

bool is_listed(std::string_view list, const std::string &word) {
    return !word.empty() && word.find(' ') == std::string::npos &&
           (" " + std::string(list) + " ").find(" " + word + " ") != std::string::npos;
}

/// Whether protobuf may write what a field is in a way: 0 a varint, 1 and 5 of eight and four bytes, 2 with a length.
bool fits(const std::string &kind, unsigned wire) {
    const unsigned own = kind.rfind("int", 0) == 0 ? 0 : kind.rfind("float", 0) == 0 ? 5 : kind == "doubles" ? 1 : 2;
    return wire == own || (wire == 2 && own != 2 && kind.back() == 's');
}

/// A message of protobuf, held to the list with those in it.
class Message {
  public:
    Message(std::string_view data, std::string name, const std::string &where)
        : data_(data), name_(std::move(name)), where_(where) {}

    void check() {
        while (!data_.empty())
            take_field();
        if (name_ == "Model" && (counts_[7] != 1 || counts_[8] != 1))
            refuse("expected one graph and one opset");
        if (name_ == "Opset" && (!texts_[1].empty() || numbers_[2] != opset))
            refuse("opset: expected " + std::to_string(opset) + " of the standard domain alone");
        if (name_ == "Node" && (!texts_[7].empty() || !is_listed(operators, texts_[4])))
            refuse(texts_[4].substr(0, 60) + " is not on the list of operators");
        if (name_ == "Tensor" || name_ == "TensorType") {
            const std::string type = std::to_string(numbers_[name_ == "Tensor" ? 2 : 1]);
            if (!is_listed(types, type))
                refuse("a tensor of the element type " + type);
        }
    }

  private:
    [[noreturn]] void refuse(const std::string &reason) const { throw Error(Code::bad_bundle, where_ + ": " + reason); }

    void take_field() {
        const std::uint64_t tag = take_number(), number = tag >> 3U;
        const auto wire = static_cast<unsigned>(tag & 7U);
        const Fields &known = messages().at(name_);
        const auto field = known.find(number);
        std::string kind = field == known.end() ? "" : field->second;
        const bool repeated = !kind.empty() && kind.back() == '*';
        if (repeated)
            kind.pop_back();
        if (kind.empty() || !fits(kind, wire))
            refuse(name_ + " has the field " + std::to_string(number) + ", which is not on the list");
        if (counts_[number]++ > 0 && !repeated)
            refuse(name_ + " has the field " + std::to_string(number) + " twice");
        if (wire == 0) {
            numbers_[number] = take_number();
            return;
        }
        const std::uint64_t size = wire == 2 ? take_number() : wire == 5 ? 4 : 8;
        if (size > data_.size())
            refuse("is cut short");
        const std::string_view part = data_.substr(0, size);
        data_.remove_prefix(size);
        if (messages().count(kind) > 0)
            Message(part, kind, where_).check();
        else if (kind == "text")
            texts_[number] = part;
    }

    /// A number of at most ten bytes.
    std::uint64_t take_number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 70 && !data_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(data_.front());
            data_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if (byte < 0x80)
                return value;
        }
        refuse("is cut short");
    }

    std::string_view data_;
    std::string name_;
    const std::string &where_;
    std::map<std::uint64_t, std::string> texts_{};
    std::map<std::uint64_t, std::uint64_t> numbers_{};
    std::map<std::uint64_t, unsigned> counts_{};
};

} // namespace

void check_graph(const std::string &data, const std::string &where) {
    Message(data, "Model", where).check();
}

} // namespace flow

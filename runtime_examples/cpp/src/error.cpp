#include "flow/error.hpp"

#include <algorithm>

namespace flow {

namespace {

/// Names of keys and files come from the bundle, and may hold anything.
std::string one_line(std::string message) {
    std::replace_if(
        message.begin(), message.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return message;
}

} // namespace

Error::Error(Code code, const std::string &message) : std::runtime_error(one_line(message)), code_(code) {}

const char *name(Code code) noexcept {
    switch (code) {
    case Code::none:
        return "none";
    case Code::wrong_shape:
        return "wrong_shape";
    case Code::missing_context:
        return "missing_context";
    case Code::wrong_dtype:
        return "wrong_dtype";
    case Code::unknown_category:
        return "unknown_category";
    case Code::wrong_value:
        return "wrong_value";
    case Code::bad_bundle:
        return "bad_bundle";
    case Code::no_runtime:
        return "no_runtime";
    }
    return "unknown";
}

} // namespace flow

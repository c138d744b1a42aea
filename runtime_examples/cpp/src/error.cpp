#include "flow/error.hpp"

#include <algorithm>

namespace flow {

/// Names of keys and files come from the bundle, and may hold anything.
static std::string one_line(std::string message) {
    std::replace_if(
        message.begin(), message.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return message;
}

Error::Error(Code code, const std::string &message) : std::runtime_error(one_line(message)), code_(code) {}

const char *name(Code code) noexcept {
    constexpr const char *names[] = {"none",        "wrong_shape", "missing_context", "wrong_dtype", "unknown_category",
                                     "wrong_value", "bad_bundle",  "no_runtime"};
    return names[static_cast<std::size_t>(code)];
}

} // namespace flow

#include "flow/model.hpp"

#include <algorithm>
#include <cstdlib>

namespace flow {

namespace {

/// A decimal number, perhaps with spaces around it. strtod reads hexadecimal, "inf" and "nan" too.
std::optional<double> number_of(const std::string &text) {
    char *stop = nullptr;
    const double number = std::strtod(text.c_str(), &stop);
    const bool plain = text.find_first_not_of(" +-.0123456789eE") == std::string::npos;
    const auto read = static_cast<std::size_t>(stop - text.c_str());
    return plain && read > 0 && text.find_first_not_of(' ', read) == std::string::npos ? std::make_optional(number)
                                                                                       : std::nullopt;
}

std::string trimmed(const std::string &text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

} // namespace

float Model::category(const std::string &column, const std::string &label) const {
    const std::vector<ContextFeature> &context = description().context;
    const auto feature = std::find_if(context.begin(), context.end(), [&](const ContextFeature &each) {
        return each.name == column && !each.categories.empty();
    });
    if (feature == context.end())
        throw Error(Code::wrong_value, "context: no column \"" + column + "\" has categories");
    const std::vector<std::string> &labels = feature->categories;
    const std::optional<double> number = number_of(label);
    const auto found = std::find_if(labels.begin(), labels.end(), [&](const std::string &each) {
        return trimmed(each) == trimmed(label) || (number && number_of(each) == number);
    });
    if (found == labels.end())
        throw Error(Code::unknown_category, "context: " + column + ": \"" + label + "\" is no category");
    return static_cast<float>(found - labels.begin());
}

} // namespace flow

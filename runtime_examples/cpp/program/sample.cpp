#include "program.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace program {

namespace {

/// V1,V2,… as one context.
template <class T>
std::vector<T> parse_contexts(const std::vector<flow::ContextFeature> &features, const std::string &text) {
    std::vector<std::string> values;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(',', start), text.size());
        values.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    if (values.size() != features.size()) {
        throw flow::Error(flow::Code::wrong_shape, "--context: expected " + std::to_string(features.size()) +
                                                       " values, got " + std::to_string(values.size()));
    }
    std::vector<T> numbers;
    for (std::size_t i = 0; i < features.size(); ++i)
        numbers.push_back(parse_context<T>(features[i], values[i], true, "--context"));
    return numbers;
}

/// Without the spaces around it.
std::string trimmed(const std::string &text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

} // namespace

template <class T>
T parse_context(const flow::ContextFeature &feature, const std::string &text, bool coded, const std::string &where) {
    const std::vector<std::string> &labels = feature.categories;
    const std::optional<T> number = table::parse_number<T>(text);
    const auto numeric = [](const std::string &label) { return table::parse_number<double>(label); };
    const auto found = std::find_if(labels.begin(), labels.end(), [&](const std::string &label) {
        return trimmed(label) == trimmed(text) || (number && numeric(label) == static_cast<double>(*number));
    });
    if (found != labels.end())
        return static_cast<T>(found - labels.begin());
    const std::string what = where + ": " + feature.name + ": \"" + text + "\" is ";
    const bool code = coded && std::none_of(labels.begin(), labels.end(), numeric) && number && *number >= 0 &&
                      *number < static_cast<T>(labels.size()) && *number == std::floor(*number);
    if (!labels.empty() && !code)
        throw flow::Error(flow::Code::unknown_category, what + "no category");
    if (!number)
        throw flow::Error(flow::Code::wrong_value, what + "not a finite number");
    return *number;
}

template <class T> void sample(const flow::Model &model, const SampleRequest &request) {
    const flow::Description &description = model.description();
    std::vector<T> values;
    std::optional<flow::Array> context;
    if (request.context) {
        values = parse_contexts<T>(description.context, *request.context);
        context.emplace(values, flow::Shape{values.size()});
    }
    // No rows from the last on: what cannot be is refused before anything is printed.
    model.sample(request.seed, 0, request.temperature, context, request.rows);
    for (std::size_t i = 0; i < description.width; ++i)
        std::cout << table::quoted(description.features[i]) << (i + 1 == description.width ? '\n' : ',');
    for (std::uint64_t first = 0; first < request.rows && std::cout; first += block_rows) {
        const std::size_t rows = std::min<std::uint64_t>(block_rows, request.rows - first);
        const std::vector<T> x = model.sample<T>(request.seed, rows, request.temperature, context, first);
        for (std::size_t i = 0; i < x.size(); ++i) {
            table::write(std::cout, x[i]);
            std::cout << ((i + 1) % description.width == 0 ? '\n' : ',');
        }
    }
}

template float parse_context(const flow::ContextFeature &, const std::string &, bool, const std::string &);
template double parse_context(const flow::ContextFeature &, const std::string &, bool, const std::string &);
template void sample<float>(const flow::Model &, const SampleRequest &);
template void sample<double>(const flow::Model &, const SampleRequest &);

} // namespace program

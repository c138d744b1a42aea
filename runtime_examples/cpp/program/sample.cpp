#include "program.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace program {

namespace {

/// V1,V2,… as one context.
std::vector<float> parse_contexts(const std::vector<flow::ContextFeature> &features, const std::string &text) {
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
    std::vector<float> numbers;
    for (std::size_t i = 0; i < features.size(); ++i)
        numbers.push_back(parse_context(features[i], values[i], "--context"));
    return numbers;
}

} // namespace

float parse_context(const flow::ContextFeature &feature, const std::string &text, const std::string &where) {
    const std::vector<std::string> &categories = feature.categories;
    const auto category = std::find(categories.begin(), categories.end(), text);
    if (category != categories.end())
        return static_cast<float>(category - categories.begin());
    const std::string what = where + ": " + feature.name + ": \"" + text + "\" is ";
    const std::optional<float> number = table::parse_number(text);
    if (!categories.empty() && !(number && *number >= 0 && *number < static_cast<float>(categories.size()) &&
                                 *number == std::floor(*number))) {
        throw flow::Error(flow::Code::unknown_category,
                          what + "neither a category nor a code (0 to " + std::to_string(categories.size() - 1) + ")");
    }
    if (!number)
        throw flow::Error(flow::Code::wrong_value, what + "not a finite number");
    return *number;
}

void sample(const flow::Model &model, const SampleRequest &request) {
    const flow::Description &description = model.description();
    std::vector<float> values;
    std::optional<flow::Array> context;
    if (request.context) {
        values = parse_contexts(description.context, *request.context);
        context.emplace(values, flow::Shape{values.size()});
    }
    // No rows from the last on: what cannot be is refused before anything is printed.
    model.sample(request.seed, 0, request.temperature, context, request.rows);
    for (std::size_t i = 0; i < description.width; ++i)
        std::cout << table::quoted(description.features[i]) << (i + 1 == description.width ? '\n' : ',');
    for (std::uint64_t first = 0; first < request.rows; first += block_rows) {
        const std::size_t rows = std::min<std::uint64_t>(block_rows, request.rows - first);
        const std::vector<float> x = model.sample(request.seed, rows, request.temperature, context, first);
        for (std::size_t i = 0; i < x.size(); ++i) {
            table::write(std::cout, x[i]);
            std::cout << ((i + 1) % description.width == 0 ? '\n' : ',');
        }
    }
}

} // namespace program

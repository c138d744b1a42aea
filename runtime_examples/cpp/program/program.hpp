// The commands of the program: see ../../README.md for their contract.
#pragma once

#include "flow/model.hpp"

namespace program {

/// Rows that are held at a time.
constexpr std::size_t block_rows = 1024;

/// What `sample` is asked for.
struct SampleRequest {
    std::uint64_t rows = 0, seed = 0;
    double temperature = 1;
    std::optional<std::string> context; // V1,V2,…
};

void score(const flow::Model &model);
void sample(const flow::Model &model, const SampleRequest &request);
void bench(const flow::Model &model);

/// A value of the context: a category's name, a category's code, or a number. where: for messages.
/// Throws flow::Error: unknown_category, wrong_value.
float parse_context(const flow::ContextFeature &feature, const std::string &text, const std::string &where);

} // namespace program

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

/// T: what the model works in, float or double.
template <class T> void score(const flow::Model &model);
template <class T> void sample(const flow::Model &model, const SampleRequest &request);
template <class T> void bench(const flow::Model &model);

/// A value of the context: a number, or the code of the category whose label it is. Labels that are numbers are
/// compared as numbers. coded: whether a code will do as well, where no label is a number. where: for messages. Throws
/// flow::Error: unknown_category, wrong_value.
template <class T>
T parse_context(const flow::ContextFeature &feature, const std::string &text, bool coded, const std::string &where);

} // namespace program

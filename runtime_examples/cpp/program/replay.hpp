// The golden check: what the trained model said in float64, against what the graphs say here.
#pragma once

#include "bundle.hpp"

namespace program {

/// One line of it.
struct Check {
    std::string name;
    bool passed = false;
    bool refusal = false;             // the codes count, not the figures
    double difference = 0, bound = 0; // of the number that comes nearest to its bound; samples in units of scale
    flow::Code got = flow::Code::none, expected = flow::Code::none;
};

/// Replays the golden cases of a model's bundle. Throws Error: bad_bundle; a case that does not pass is no error.
std::vector<Check> replay(const flow::Model &model, const flow::Bundle &bundle);

} // namespace program

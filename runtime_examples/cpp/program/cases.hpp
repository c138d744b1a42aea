// The key "golden" of flow.json: what the trained model said, for the command of the same name.
#pragma once

#include "bundle.hpp"

namespace program {

/// A golden case: files of the inputs, and either the file of the expected output or the code of the expected error.
struct Case {
    std::string name;
    bool samples;              // of the graph sample, not log_prob
    std::string rows, context; // context: empty without one
    std::string expected;      // empty where error counts
    std::string rounding;      // what float32 alone costs each expected number; empty without
    flow::Code error = flow::Code::none;
    std::optional<std::pair<std::size_t, std::size_t>> range; // only rows start … stop − 1 count
};

/// A golden part of the noise: normals number start onwards of a seed.
struct Noise {
    std::uint64_t seed, start;
    std::string file;
};

struct Tolerance {
    double atol, rtol;
};

struct Cases {
    std::vector<Case> cases;
    std::string log_prob_of_sample, log_prob_of_sample_rounding; // the latter empty without
    std::vector<Noise> noise;
    Tolerance log_prob, sample;
    std::vector<double> scale; // the standard deviation of each feature
};

/// Reads it, and holds the rest of flow.json, which the library does not go on to use, to the contract.
/// file: the path of flow.json, for messages. Throws Error: bad_bundle.
Cases read_cases(const flow::Manifest &manifest, const std::string &file);

} // namespace program

// flow.json: what the model is, and what it promises.
#pragma once

#include "flow/model.hpp"

#include <map>

namespace flow {

enum class Graph { log_prob, sample };

/// A tensor of a graph: its name, and its shape behind the batch.
struct Tensor {
    std::string name;
    Shape shape;
};

/// An ONNX file, and the tensors that it must have.
struct GraphSpec {
    std::string file;
    std::vector<Tensor> inputs; // x or z, then context if there is one
    Tensor output;
    double atol = 0, rtol = 0;
};

/// A golden case: files of the inputs, and either the file of the expected output or the code of the expected error.
struct Case {
    std::string name;
    Graph graph;
    std::string rows, context; // context: empty without one
    std::string expected;      // empty where error counts
    Code error = Code::none;
    std::optional<std::pair<std::size_t, std::size_t>> range; // only rows start … stop − 1 count
};

/// A golden part of the noise: normals number start onwards of a seed.
struct Noise {
    std::uint64_t seed, start;
    std::string file;
};

struct Manifest {
    Description description;
    std::map<std::string, std::string> files; // file → SHA-256
    GraphSpec log_prob, sample;
    std::vector<double> scale;     // width numbers
    std::vector<double> quantiles; // 101, or none without a reference
    bool selector = false;         // the last column of z chooses a component and takes no temperature
    std::vector<Case> cases;
    std::string log_prob_of_sample;
    std::vector<Noise> noise;
};

/// Reads the text of flow.json. file: its path, for messages, which name the key at fault.
/// Throws Error: bad_bundle.
Manifest read_manifest(const std::string &text, const std::string &file);

} // namespace flow

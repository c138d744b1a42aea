// flow.json: what the model is, and what it promises.
#pragma once

#include "flow/model.hpp"

#define JSON_DIAGNOSTICS 1 // so that what it throws names the key
#include <nlohmann/json.hpp>

#include <map>

namespace flow {

/// The largest whole number that a bundle may hold.
constexpr std::size_t largest_size = std::numeric_limits<std::int32_t>::max();

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
    Dtype dtype; // of all of them
};

/// flow.json, as far as the library goes on to use it.
struct Manifest {
    nlohmann::json json; // the whole document
    Description description;
    std::map<std::string, std::string> files;  // file → SHA-256
    std::optional<GraphSpec> log_prob, sample; // at least one of them
    std::vector<double> quantiles;             // 101, or none without a reference
    bool selector = false;                     // the last column of z chooses a component and takes no temperature
};

/// Reads the text of flow.json. file: its path, for messages, which name the key at fault.
/// Throws Error: bad_bundle.
Manifest read_manifest(const std::string &text, const std::string &file);

} // namespace flow

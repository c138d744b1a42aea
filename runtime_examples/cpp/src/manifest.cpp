#include "manifest.hpp"

#include "key.hpp"

#include <algorithm>
#include <charconv>

namespace flow {

namespace {

/// Without names, a few characters of JSON could ask for immense arrays. No table has so many columns.
constexpr std::size_t widest_context = 65536;
constexpr std::size_t most_cases = 1000, most_noise = 100, quantile_count = 101;
/// Beyond it, a number of JSON need not be the one that was written.
constexpr std::size_t largest_start = std::size_t{1} << 53;

/// Whether a name goes nowhere but down from the bundle's folder.
bool is_plain(const std::string &name) {
    if (name.find_first_of(std::string("\\:\0", 3)) != std::string::npos) {
        return false;
    }
    for (std::size_t start = 0;; ++start) {
        const std::size_t end = std::min(name.find('/', start), name.size());
        const std::string part = name.substr(start, end - start);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        if (end == name.size()) {
            return true;
        }
        start = end;
    }
}

using Files = std::map<std::string, std::string>;

Files read_files(const Key &files) {
    Files found;
    for (const auto &[name, digest] : files.items()) {
        if (!is_plain(name)) {
            files.refuse('"' + name + "\" leaves the folder");
        }
        const std::string text = digest.text();
        if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
            digest.refuse("expected a SHA-256 in lower-case hex");
        }
        found[name] = text;
    }
    return found;
}

/// The name of a file, which must be among those of the bundle.
std::string listed(const Key &file, const Files &files) {
    std::string name = file.text();
    if (files.count(name) == 0) {
        file.refuse('"' + name + "\" is not listed in files");
    }
    return name;
}

std::vector<ContextFeature> read_context(std::size_t size, const Key &features) {
    std::vector<ContextFeature> found;
    if (features.is_null()) {
        for (std::size_t i = 0; i < size; ++i) {
            found.push_back({"c" + std::to_string(i), {}});
        }
        return found;
    }
    for (const Key &entry : features.entries(size, size)) {
        found.push_back({entry["name"].text(), {}});
        if (entry.has("categories")) {
            found.back().categories = entry["categories"].texts(1, largest_size);
        }
    }
    return found;
}

Description read_description(const Key &root) {
    Description found;
    found.name = root["name"].text();
    found.text = root["description"].text();
    found.width = 1;
    for (const Key &entry : root["event_shape"].entries(1, Shape::max_rank - 1)) {
        found.event_shape.push_back(entry.whole(1, largest_size / found.width));
        found.width = found.event_shape.count();
    }
    found.latent_size = root["latent_size"].whole(1, largest_size);
    // The scale before the names: its length bounds the width, which a few characters could make immense.
    root["scale"].entries(found.width, found.width);
    const Key features = root["features"];
    for (std::size_t i = 0; features.is_null() && i < found.width; ++i) {
        found.features.push_back("x" + std::to_string(i));
    }
    if (!features.is_null()) {
        found.features = features.texts(found.width, found.width);
    }
    found.context = read_context(root["context_size"].whole(0, widest_context), root["context_features"]);
    found.has_reference = !root["reference"].is_null();
    return found;
}

std::vector<double> read_scale(const Key &scale, std::size_t width) {
    std::vector<double> found;
    for (const Key &entry : scale.entries(width, width)) {
        found.push_back(entry.not_negative());
        if (found.back() == 0) {
            entry.refuse("must be positive");
        }
    }
    return found;
}

/// A tensor, among those that flow.json lists in any order: its type, and its shape.
void check_tensor(const Key &tensors, const std::vector<Key> &entries, const Tensor &expected) {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Key &entry) { return entry["name"].text() == expected.name; });
    if (found == entries.end()) {
        tensors.refuse("has no tensor \"" + expected.name + '"');
    }
    (*found)["dtype"].word({"float32"});
    const std::size_t rank = expected.shape.rank();
    const std::vector<Key> sizes = (*found)["shape"].entries(rank + 1, rank + 1);
    sizes[0].word({"batch"});
    for (std::size_t axis = 0; axis < rank; ++axis) {
        sizes[axis + 1].whole(expected.shape[axis], expected.shape[axis]);
    }
}

GraphSpec read_graph(const Key &graph, const Key &tolerance, std::vector<Tensor> inputs, Tensor output,
                     const Description &description, const Files &files) {
    if (!description.context.empty()) {
        inputs.push_back({"context", {description.context.size()}});
    }
    graph["opset"].whole(1, largest_size);
    const Key given = graph["inputs"], made = graph["outputs"];
    const std::vector<Key> given_entries = given.entries(inputs.size(), inputs.size()),
                           made_entries = made.entries(1, 1);
    for (const Tensor &input : inputs) {
        check_tensor(given, given_entries, input);
    }
    check_tensor(made, made_entries, output);
    return {listed(graph["file"], files), std::move(inputs), std::move(output), tolerance["atol"].not_negative(),
            tolerance["rtol"].not_negative()};
}

std::vector<double> read_quantiles(const Key &reference) {
    std::vector<double> found;
    if (reference.is_null()) {
        return found;
    }
    reference["rows"].whole(1, largest_size);
    const Key quantiles = reference["log_prob_quantiles"];
    for (const Key &entry : quantiles.entries(quantile_count, quantile_count)) {
        found.push_back(entry.number());
    }
    if (!std::is_sorted(found.begin(), found.end())) {
        quantiles.refuse("must ascend");
    }
    return found;
}

Case read_case(const Key &entry, const Files &files) {
    Case found;
    found.name = entry["name"].text();
    found.graph = entry["graph"].word({"log_prob", "sample"}) == 0 ? Graph::log_prob : Graph::sample;
    const Key inputs = entry["inputs"];
    found.rows = listed(inputs[found.graph == Graph::log_prob ? "x" : "z"], files);
    for (const auto &[name, file] : inputs.items()) {
        const std::string input = listed(file, files);
        if (name == "context") {
            found.context = input;
        }
    }
    if (entry.has("expected") == entry.has("error")) {
        entry.refuse("needs either expected or error");
    }
    if (entry.has("expected")) {
        found.expected = listed(entry["expected"][found.graph == Graph::log_prob ? "log_prob" : "x"], files);
    } else {
        constexpr Code codes[] = {Code::wrong_shape, Code::missing_context, Code::wrong_dtype};
        found.error = codes[entry["error"].word({name(codes[0]), name(codes[1]), name(codes[2])})];
    }
    if (entry.has("rows")) {
        const std::vector<Key> rows = entry["rows"].entries(2, 2);
        const std::size_t start = rows[0].whole(0, largest_size);
        found.range.emplace(start, rows[1].whole(start, largest_size));
    }
    return found;
}

Noise read_noise(const Key &entry, const Files &files) {
    const Key seed = entry["seed"];
    const std::string text = seed.text();
    Noise found{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), found.seed);
    if (fault != std::errc() || end != text.data() + text.size()) {
        seed.refuse("expected a whole number below 2^64, in decimal digits");
    }
    found.start = entry["start"].whole(0, largest_start);
    found.file = listed(entry["file"], files);
    return found;
}

/// Keys that nothing here needs are still part of the contract.
void check_unused(const Key &root) {
    root["architecture"].items();
    for (const auto &entry : root["provenance"].items()) {
        entry.second.text();
    }
    if (root.has("levels")) {
        root["levels"].whole(1, largest_size);
    }
}

} // namespace

Manifest read_manifest(const std::string &text, const std::string &file) {
    Key::Json json;
    try {
        json = Key::Json::parse(text);
    } catch (const Key::Json::exception &error) {
        throw Error(Code::bad_bundle, file + ": is not JSON (" + error.what() + ")");
    }
    const Key root(file, json);
    root["format"].word({"flowexport/1"});
    root["dtype"].word({"float32"});
    Manifest manifest;
    const Description &description = manifest.description = read_description(root);
    const Files &files = manifest.files = read_files(root["files"]);
    const Key graphs = root["graphs"], tolerance = root["tolerance"], golden = root["golden"];
    manifest.log_prob = read_graph(graphs["log_prob"], tolerance["log_prob"], {{"x", description.event_shape}},
                                   {"log_prob", {}}, description, files);
    manifest.sample = read_graph(graphs["sample"], tolerance["sample"], {{"z", {description.latent_size}}},
                                 {"x", description.event_shape}, description, files);
    manifest.scale = read_scale(root["scale"], description.width);
    manifest.quantiles = read_quantiles(root["reference"]);
    manifest.selector = root.has("selector") && root["selector"].truth();
    for (const Key &entry : golden["cases"].entries(0, most_cases)) {
        manifest.cases.push_back(read_case(entry, files));
    }
    manifest.log_prob_of_sample = listed(golden["log_prob_of_sample"], files);
    for (const Key &entry : golden["noise"].entries(0, most_noise)) {
        manifest.noise.push_back(read_noise(entry, files));
    }
    check_unused(root);
    return manifest;
}

} // namespace flow

#include "cases.hpp"

#include "key.hpp"

#include <algorithm>
#include <charconv>

namespace program {

namespace {

using flow::Code;
using flow::largest_size;

constexpr std::size_t most_cases = 1000, most_noise = 100;
/// Beyond it, a number of JSON need not be the one that was written.
constexpr std::size_t largest_start = std::size_t{1} << 53;

/// The place, among words, of the word that a key is.
std::size_t word(const Key &key, std::initializer_list<const char *> words) {
    const auto found = std::find(words.begin(), words.end(), key.text());
    if (found == words.end()) {
        std::string wanted;
        for (const char *each : words)
            wanted += std::string(wanted.empty() ? "" : " or ") + '"' + each + '"';
        key.expected(wanted);
    }
    return static_cast<std::size_t>(found - words.begin());
}

double not_negative(const Key &key) {
    if (!(key.number() >= 0))
        key.expected("a number from 0");
    return key.number();
}

std::vector<double> read_scale(const Key &scale, std::size_t width) {
    std::vector<double> found;
    for (const Key &entry : scale.entries(width, width)) {
        found.push_back(not_negative(entry));
        if (found.back() == 0)
            entry.refuse("must be positive");
    }
    return found;
}

/// A tensor, among those that flow.json lists in any order: its type, and its shape.
void check_tensor(const Key &tensors, const std::vector<Key> &entries, const flow::Tensor &expected,
                  flow::Dtype dtype) {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Key &entry) { return entry["name"].text() == expected.name; });
    if (found == entries.end())
        tensors.refuse("has no tensor \"" + expected.name + '"');
    (*found)["dtype"].only(dtype == flow::Dtype::float64 ? "float64" : "float32");
    const std::size_t rank = expected.shape.size();
    const std::vector<Key> sizes = (*found)["shape"].entries(rank + 1, rank + 1);
    sizes[0].only("batch");
    for (std::size_t axis = 0; axis < rank; ++axis)
        sizes[axis + 1].whole(expected.shape[axis], expected.shape[axis]);
}

/// What flow.json says of a graph must be what its sizes ask for.
void check_graph(const Key &graph, const flow::GraphSpec &spec) {
    graph["opset"].whole(1, largest_size);
    const Key given = graph["inputs"], made = graph["outputs"];
    const std::vector<Key> given_entries = given.entries(spec.inputs.size(), spec.inputs.size()),
                           made_entries = made.entries(1, 1);
    for (const flow::Tensor &input : spec.inputs)
        check_tensor(given, given_entries, input, spec.dtype);
    check_tensor(made, made_entries, spec.output, spec.dtype);
}

Case read_case(const Key &entry, const Key &files) {
    Case found{};
    found.name = entry["name"].text();
    found.samples = word(entry["graph"], {"log_prob", "sample"}) == 1;
    const Key inputs = entry["inputs"];
    found.rows = inputs[found.samples ? "z" : "x"].listed(files);
    for (const auto &[name, file] : inputs.items()) {
        const std::string input = file.listed(files);
        if (name == "context")
            found.context = input;
    }
    if (entry.has("expected") == entry.has("error"))
        entry.refuse("needs either expected or error");
    if (entry.has("expected")) {
        found.expected = entry["expected"][found.samples ? "x" : "log_prob"].listed(files);
        if (entry.has("rounding") && !entry["rounding"].is_null())
            found.rounding = entry["rounding"][found.samples ? "x" : "log_prob"].listed(files);
    } else {
        constexpr Code codes[] = {Code::wrong_shape, Code::missing_context, Code::wrong_dtype};
        found.error = codes[word(entry["error"], {flow::name(codes[0]), flow::name(codes[1]), flow::name(codes[2])})];
    }
    if (entry.has("rows")) {
        const std::vector<Key> rows = entry["rows"].entries(2, 2);
        const std::size_t start = rows[0].whole(0, largest_size);
        found.range.emplace(start, rows[1].whole(start, largest_size));
    }
    return found;
}

Noise read_noise(const Key &entry, const Key &files) {
    const Key seed = entry["seed"];
    const std::string text = seed.text();
    Noise found{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), found.seed);
    if (fault != std::errc() || end != text.data() + text.size())
        seed.refuse("expected a whole number below 2^64, in decimal digits");
    found.start = entry["start"].whole(0, largest_start);
    found.file = entry["file"].listed(files);
    return found;
}

/// Keys that nothing here needs are still part of the contract.
void check_unused(const Key &root) {
    root["architecture"].items();
    for (const auto &entry : root["provenance"].items())
        entry.second.text();
    if (!root["reference"].is_null())
        root["reference"]["rows"].whole(1, largest_size);
    if (root.has("levels"))
        root["levels"].whole(1, largest_size);
}

} // namespace

Cases read_cases(const flow::Manifest &manifest, const std::string &file) {
    const Key root(file, manifest.json);
    const Key graphs = root["graphs"], tolerance = root["tolerance"], golden = root["golden"], files = root["files"];
    check_graph(graphs["log_prob"], manifest.log_prob);
    check_graph(graphs["sample"], manifest.sample);
    check_unused(root);
    Cases found;
    for (const Key &entry : golden["cases"].entries(0, most_cases))
        found.cases.push_back(read_case(entry, files));
    found.log_prob_of_sample = golden["log_prob_of_sample"].listed(files);
    if (golden.has("log_prob_of_sample_rounding"))
        found.log_prob_of_sample_rounding = golden["log_prob_of_sample_rounding"].listed(files);
    for (const Key &entry : golden["noise"].entries(0, most_noise))
        found.noise.push_back(read_noise(entry, files));
    const auto read_tolerance = [&](const char *graph) {
        return Tolerance{not_negative(tolerance[graph]["atol"]), not_negative(tolerance[graph]["rtol"])};
    };
    found.log_prob = read_tolerance("log_prob");
    found.sample = read_tolerance("sample");
    found.scale = read_scale(root["scale"], manifest.description.width);
    return found;
}

} // namespace program

#include "manifest.hpp"

#include "key.hpp"

#include <algorithm>
#include <sstream>

namespace flow {

namespace {

/// Without names, a few characters of JSON could ask for immense arrays. No table has so many columns.
constexpr std::size_t widest_context = 65536;
constexpr std::size_t max_rank = 3, quantile_count = 101;

/// Whether a name goes nowhere but down from the bundle's folder.
bool is_plain(const std::string &name) {
    std::istringstream parts(name + '/');
    for (std::string part; std::getline(parts, part, '/');)
        if (part.empty() || part == "." || part == "..")
            return false;
    return name.find_first_of(std::string("\\:\0", 3)) == std::string::npos;
}

std::map<std::string, std::string> read_files(const Key &files) {
    std::map<std::string, std::string> found;
    for (const auto &[name, digest] : files.items()) {
        if (!is_plain(name))
            files.refuse('"' + name + "\" leaves the folder");
        const std::string text = digest.text();
        if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
            digest.refuse("expected a SHA-256 in lower-case hex");
        found[name] = text;
    }
    return found;
}

/// x0, x1, …
std::vector<std::string> numbered(char letter, std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i)
        names.push_back(letter + std::to_string(i));
    return names;
}

std::vector<ContextFeature> read_context(std::size_t size, const Key &features) {
    std::vector<ContextFeature> found;
    if (features.is_null()) {
        for (std::string &name : numbered('c', size))
            found.push_back({std::move(name), {}});
        return found;
    }
    for (const Key &entry : features.entries(size, size)) {
        found.push_back({entry["name"].text(), {}});
        if (entry.has("categories"))
            found.back().categories = entry["categories"].texts(1, largest_size);
    }
    return found;
}

Description read_description(const Key &root) {
    Description found;
    found.name = root["name"].text();
    found.text = root["description"].text();
    found.width = 1;
    for (const Key &entry : root["event_shape"].entries(1, max_rank)) {
        found.event_shape.push_back(entry.whole(1, largest_size / found.width));
        found.width = count(found.event_shape);
    }
    found.latent_size = root["latent_size"].whole(1, largest_size);
    // The scale before the names: its length bounds the width, which a few characters could make immense.
    root["scale"].entries(found.width, found.width);
    found.features =
        root["features"].is_null() ? numbered('x', found.width) : root["features"].texts(found.width, found.width);
    found.context = read_context(root["context_size"].whole(0, widest_context), root["context_features"]);
    found.has_reference = !root["reference"].is_null();
    return found;
}

GraphSpec read_graph(const Key &root, const char *name, Tensor input, Tensor output, std::size_t context_size) {
    GraphSpec found{root["graphs"][name]["file"].listed(root["files"]), {std::move(input)}, std::move(output)};
    if (context_size > 0)
        found.inputs.push_back({"context", {context_size}});
    return found;
}

std::vector<double> read_quantiles(const Key &reference) {
    std::vector<double> found;
    if (reference.is_null())
        return found;
    const Key quantiles = reference["log_prob_quantiles"];
    for (const Key &entry : quantiles.entries(quantile_count, quantile_count))
        found.push_back(entry.number());
    if (!std::is_sorted(found.begin(), found.end()))
        quantiles.refuse("must ascend");
    return found;
}

} // namespace

Manifest read_manifest(const std::string &text, const std::string &file) {
    Manifest manifest;
    try {
        manifest.json = Key::Json::parse(text);
    } catch (const Key::Json::exception &error) {
        throw Error(Code::bad_bundle, file + ": is not JSON (" + error.what() + ")");
    }
    const Key root(file, manifest.json);
    root["format"].only("flowexport/1");
    root["dtype"].only("float32");
    const Description &description = manifest.description = read_description(root);
    manifest.files = read_files(root["files"]);
    const Tensor x{"x", description.event_shape};
    manifest.log_prob = read_graph(root, "log_prob", x, {"log_prob", {}}, description.context.size());
    manifest.sample = read_graph(root, "sample", {"z", {description.latent_size}}, x, description.context.size());
    manifest.quantiles = read_quantiles(root["reference"]);
    manifest.selector = root.has("selector") && root["selector"].truth();
    return manifest;
}

} // namespace flow

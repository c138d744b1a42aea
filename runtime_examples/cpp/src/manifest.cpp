#include "manifest.hpp"

#include <algorithm>
#include <cmath>

namespace flow {

using Json = nlohmann::json;

namespace {

/// Without names, a few characters of JSON could ask for immense arrays. No table has so many columns.
constexpr std::size_t widest_context = 65536;
constexpr std::size_t max_rank = 3, quantile_count = 101;

/// A fault of flow.json that is none of its JSON types.
void require(bool met, const std::string &reason) {
    if (!met)
        throw std::domain_error(reason);
}

void require_text(const Json &root, const std::string &key, const std::string &expected) {
    const auto found = root.at(key).get<std::string>();
    require(found == expected, key + ": expected " + expected + ", got " + found);
}

std::size_t whole(const Json &value, const std::string &key, std::size_t least, std::size_t most) {
    const double number = value.is_number() ? value.get<double>() : -1;
    require(number >= static_cast<double>(least) && number <= static_cast<double>(most) && number == std::floor(number),
            key + ": expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                (value.is_number() ? value.dump() : value.type_name()));
    return static_cast<std::size_t>(number);
}

/// A list of so many entries.
template <class T> std::vector<T> list(const Json &object, const std::string &key, std::size_t size) {
    auto found = object.at(key).get<std::vector<T>>();
    require(found.size() == size,
            key + ": expected " + std::to_string(size) + " entries, got " + std::to_string(found.size()));
    return found;
}

/// Whether a name goes nowhere but down from the bundle's folder.
bool is_plain(const std::string &name) {
    const std::string path = '/' + name + '/';
    const auto has = [&](const char *part) { return path.find(part) != std::string::npos; };
    return !has("//") && !has("/./") && !has("/../") && path.find_first_of({'\\', ':', '\0'}) == std::string::npos;
}

Description read_description(const Json &root) {
    Description found;
    root.at("name").get_to(found.name);
    root.at("description").get_to(found.text);
    const auto dtype = root.at("dtype").get<std::string>();
    require(dtype == "float32" || dtype == "float64", "dtype: expected float32 or float64, got " + dtype);
    found.dtype = dtype == "float64" ? Dtype::float64 : Dtype::float32;
    const Json &shape = root.at("event_shape");
    require(shape.is_array() && !shape.empty() && shape.size() <= max_rank, "event_shape: expected 1 to 3 sizes");
    for (const Json &size : shape)
        found.event_shape.push_back(whole(size, "event_shape", 1, largest_size / count(found.event_shape)));
    found.width = count(found.event_shape);
    found.latent_size = whole(root.at("latent_size"), "latent_size", 1, largest_size);
    // The scale before the names: its length bounds the width, which a few characters could make immense.
    list<double>(root, "scale", found.width);
    if (!root.at("features").is_null())
        found.features = list<std::string>(root, "features", found.width);
    for (std::size_t i = found.features.size(); i < found.width; ++i)
        found.features.push_back("x" + std::to_string(i));
    const std::size_t context_size = whole(root.at("context_size"), "context_size", 0, widest_context);
    if (!root.at("context_features").is_null())
        found.context = list<ContextFeature>(root, "context_features", context_size);
    for (std::size_t i = found.context.size(); i < context_size; ++i)
        found.context.push_back({"c" + std::to_string(i), {}});
    found.has_reference = !root.at("reference").is_null();
    return found;
}

Manifest read(Json json) {
    Manifest found;
    found.json = std::move(json);
    const Json &root = found.json;
    require_text(root, "format", "flowexport/1");
    found.description = read_description(root);
    root.at("files").get_to(found.files);
    for (const auto &[name, digest] : found.files)
        require(is_plain(name), "files: leaves the folder: " + name);
    const Tensor x{"x", found.description.event_shape}, z{"z", {found.description.latent_size}};
    const std::size_t context_size = found.description.context.size();
    const auto graph = [&](const char *name, const Tensor &input, const Tensor &output) {
        GraphSpec spec{
            root.at("graphs").at(name).at("file").get<std::string>(), {input}, output, found.description.dtype};
        require(found.files.count(spec.file) > 0,
                std::string("graphs.") + name + ".file: \"" + spec.file + "\" is not listed in files");
        if (context_size > 0)
            spec.inputs.push_back({"context", {context_size}});
        return spec;
    };
    found.log_prob = graph("log_prob", x, {"log_prob", {}});
    found.sample = graph("sample", z, x);
    if (found.description.has_reference)
        found.quantiles = list<double>(root.at("reference"), "log_prob_quantiles", quantile_count);
    require(std::is_sorted(found.quantiles.begin(), found.quantiles.end()),
            "reference.log_prob_quantiles: must ascend");
    found.selector = root.value("selector", false);
    return found;
}

} // namespace

/// Found by the JSON library, for lists of them.
static void from_json(const Json &json, ContextFeature &feature) {
    json.at("name").get_to(feature.name);
    feature.categories = json.value("categories", feature.categories);
    require(!json.contains("categories") || !feature.categories.empty(), "context_features: categories: is empty");
}

Manifest read_manifest(const std::string &text, const std::string &file) {
    try {
        return read(Json::parse(text));
    } catch (const std::domain_error &error) {
        throw Error(Code::bad_bundle, file + ": " + error.what());
    } catch (const Json::exception &error) {
        // "[json.exception.…] (/graphs/sample) type must be …", with the key where it is not the document itself.
        std::string reason = error.what();
        reason.erase(0, reason.find("] ") + 2);
        if (reason.compare(0, 2, "(/") == 0) {
            const auto end = std::find(reason.begin(), reason.end(), ')');
            std::replace(reason.begin(), end, '/', '.');
            *end = ':';
            reason.erase(0, 2);
        }
        throw Error(Code::bad_bundle, file + ": " + reason);
    }
}

} // namespace flow

#include "manifest.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <regex>
#include <set>

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

/// Whether a name is of plain letters, in parts that one slash divides, with dots inside of them alone.
bool is_plain(const std::string &name) {
    static const std::regex plain("[A-Za-z0-9_-](\\.?[A-Za-z0-9_-])*(/[A-Za-z0-9_-](\\.?[A-Za-z0-9_-])*)*");
    return name.size() <= 255 && std::regex_match(name, plain);
}

/// Whether a text, which is UTF-8, holds controls, separators of lines, or marks that turn the direction of writing.
bool hides(const std::string &text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
        const unsigned first = byte(i), second = byte(i + 1), third = byte(i + 2);
        if (first < 0x20 || first == 0x7F || (first == 0xC2 && second < 0xA0) || (first == 0xD8 && second == 0x9C) ||
            (first == 0xE2 && second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE))) ||
            (first == 0xE2 && second == 0x81 && third >= 0xA6 && third <= 0xA9))
            return true;
    }
    return false;
}

/// JSON that has one reading: no key twice in one object, no text that hides what it says.
Json parse(const std::string &text) {
    std::vector<std::set<std::string>> keys; // of the objects around
    std::string key;
    require(text.compare(0, 3, "\xEF\xBB\xBF") != 0, "begins with a byte order mark");
    require(text.rfind("version https://git-lfs.github.com/spec/", 0) != 0,
            "is a pointer of Git LFS, and not the file itself");
    require(text.find('\0') == std::string::npos, "holds a byte of zero, where the parser would stop reading");
    return Json::parse(text, [&](int, Json::parse_event_t event, Json &parsed) {
        if (event == Json::parse_event_t::object_start) {
            keys.emplace_back();
        } else if (event == Json::parse_event_t::object_end) {
            keys.pop_back();
        } else if (event == Json::parse_event_t::key) {
            key = parsed.get<std::string>();
            require(!hides(key), "a key holds a control character, or one that hides");
            require(keys.back().insert(key).second, key + ": is there twice");
        } else if (parsed.is_string()) {
            require(!hides(parsed.get<std::string>()), key + ": a text holds a control character, or one that hides");
        }
        return true;
    });
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
    std::set<std::string> lower;
    for (const auto &file : found.files) {
        std::string name = file.first;
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        require(lower.insert(name).second, "files: two names differ in their capitals alone: " + name);
    }
    for (const auto &[name, digest] : found.files)
        require(is_plain(name), "files: leaves the folder, or is no plain name: " + name);
    const Tensor x{"x", found.description.event_shape}, z{"z", {found.description.latent_size}};
    const std::size_t context_size = found.description.context.size();
    const Json &graphs = root.at("graphs");
    require(graphs.contains("log_prob") || graphs.contains("sample"), "graphs: expected log_prob or sample");
    const auto graph = [&](const char *name, const Tensor &input, const Tensor &output) -> std::optional<GraphSpec> {
        if (!graphs.contains(name))
            return std::nullopt;
        GraphSpec spec{graphs.at(name).at("file").get<std::string>(), {input}, output, found.description.dtype};
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
        return read(parse(text));
    } catch (const std::domain_error &error) {
        throw Error(Code::bad_bundle, file + ": " + error.what());
    } catch (const Json::exception &error) {
        // "[json.exception.…] (/graphs/sample) type must be …", with the key where it is not the document itself.
        std::string reason = error.what();
        reason.erase(0, reason.find("] ") + 2);
        reason.erase(std::min(reason.find("; last read"), reason.size())); // what a stranger wrote, whatever it is
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

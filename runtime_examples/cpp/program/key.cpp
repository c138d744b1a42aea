#include "key.hpp"

#include <algorithm>
#include <cmath>

namespace program {

Key Key::operator[](const char *name) const {
    const auto found = object().find(name);
    std::string path = path_.empty() ? name : path_ + "." + name;
    if (found == value_.end())
        throw flow::Error(flow::Code::bad_bundle, file_ + ": " + path + ": is missing");
    return {file_, *found, std::move(path)};
}

std::vector<std::pair<std::string, Key>> Key::items() const {
    std::vector<std::pair<std::string, Key>> found;
    for (const auto &[name, value] : object().items())
        found.emplace_back(name, Key(file_, value, path_.empty() ? name : path_ + "." + name));
    return found;
}

std::vector<Key> Key::entries(std::size_t least, std::size_t most) const {
    if (!value_.is_array())
        expected("a list");
    if (value_.size() < least || value_.size() > most) {
        const std::string bounds =
            least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
        refuse("expected " + bounds + " entries, got " + std::to_string(value_.size()));
    }
    std::vector<Key> found;
    found.reserve(value_.size());
    for (const Json &value : value_)
        found.push_back(Key(file_, value, path_ + "[" + std::to_string(found.size()) + "]"));
    return found;
}

std::string Key::text() const {
    if (!value_.is_string())
        expected("text");
    return value_.get<std::string>();
}

std::vector<std::string> Key::texts(std::size_t least, std::size_t most) const {
    std::vector<std::string> found;
    for (const Key &entry : entries(least, most))
        found.push_back(entry.text());
    return found;
}

bool Key::truth() const {
    if (!value_.is_boolean())
        expected("true or false");
    return value_.get<bool>();
}

void Key::only(const std::string &word) const {
    if (text() != word)
        expected('"' + word + '"');
}

std::string Key::listed(const Key &files) const {
    if (!files.has(text()))
        refuse('"' + text() + "\" is not listed in files");
    return text();
}

std::size_t Key::whole(std::size_t least, std::size_t most) const {
    const double found = value_.is_number() ? value_.get<double>() : std::nan("");
    if (!(found >= static_cast<double>(least) && found <= static_cast<double>(most) && found == std::floor(found)))
        expected("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return static_cast<std::size_t>(found);
}

double Key::number() const {
    const double found = value_.is_number() ? value_.get<double>() : std::nan("");
    if (!std::isfinite(found))
        expected("a finite number");
    return found;
}

void Key::refuse(const std::string &reason) const {
    throw flow::Error(flow::Code::bad_bundle, file_ + ": " + (path_.empty() ? "" : path_ + ": ") + reason);
}

const Key::Json &Key::object() const {
    if (!value_.is_object())
        expected("an object");
    return value_;
}

void Key::expected(const std::string &what) const {
    constexpr std::size_t shown = 60;
    // In ASCII, so that no character is cut in two.
    std::string found = value_.dump(-1, ' ', true);
    refuse("expected " + what + ", got " + (found.size() > shown ? found.substr(0, shown) + "…" : found));
}

} // namespace program

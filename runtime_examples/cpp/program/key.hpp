// JSON values that are taken with their type, or refused by the path of their key.
#pragma once

#include "manifest.hpp"

namespace program {

/// A value of a JSON document, which must outlive it, and the way to it. Everything throws Error (bad_bundle) for a
/// value of another type, or out of bounds: "PATH: golden.cases[3].name: what is wrong".
class Key {
  public:
    using Json = nlohmann::json;

    /// The document itself. `file`: its path, for messages.
    Key(const std::string &file, const Json &value) : file_(file), value_(value) {}

    /// A key that must be there.
    Key operator[](const char *name) const;

    /// Whether an object has a key, or a value is null.
    bool has(const std::string &name) const { return object().contains(name); }
    bool is_null() const { return value_.is_null(); }

    /// All keys of an object, by name.
    std::vector<std::pair<std::string, Key>> items() const;

    /// The entries of a list of least to most.
    std::vector<Key> entries(std::size_t least, std::size_t most) const;

    std::string text() const;
    std::vector<std::string> texts(std::size_t least, std::size_t most) const;
    bool truth() const;

    /// Refuses any other text.
    void only(const std::string &word) const;

    /// The name of a file, which must be a key of files.
    std::string listed(const Key &files) const;

    /// A whole number.
    std::size_t whole(std::size_t least, std::size_t most) const;

    /// A finite number.
    double number() const;

    [[noreturn]] void refuse(const std::string &reason) const;
    [[noreturn]] void expected(const std::string &what) const;

  private:
    Key(const std::string &file, const Json &value, std::string path)
        : file_(file), value_(value), path_(std::move(path)) {}

    const Json &object() const;

    const std::string &file_;
    const Json &value_;
    std::string path_;
};

} // namespace program

// A bundle's folder: flow.json, and files that are held to their hashes.
#pragma once

#include "manifest.hpp"

namespace flow {

class Bundle {
  public:
    /// Reads flow.json, and all listed files but the graphs, which are read where they are used.
    /// Throws Error: bad_bundle.
    explicit Bundle(const std::filesystem::path &folder, const std::string &digest = "");

    const Manifest &manifest() const { return manifest_; }

    /// The path of a file, for messages.
    std::string path(const std::string &name) const { return (folder_ / name).string(); }

    /// A listed file, whole, held to its hash: those bytes are to be used, not the file a second time.
    /// Throws Error: bad_bundle.
    std::string read(const std::string &name) const;

  private:
    std::filesystem::path folder_;
    Manifest manifest_;
};

} // namespace flow

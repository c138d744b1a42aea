#include "bundle.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <fstream>

namespace flow {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t manifest_bytes = 4 << 20;
/// The limit of one protobuf message, and so of every file of a bundle.
constexpr std::uintmax_t file_bytes = (std::uintmax_t{2} << 30) - 1;

/// A file that lies in a folder, links followed.
std::string read_file(const fs::path &folder, const std::string &name, std::uintmax_t limit) {
    std::string reason = "a link leads out of the folder";
    try {
        const fs::path root = fs::canonical(folder), real = fs::canonical(folder / name);
        if (std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first == root.end()) {
            const std::uintmax_t size = fs::file_size(real); // of a regular file alone: a pipe is not waited for
            std::string bytes(std::min(size, limit), '\0');
            std::ifstream stream(real, std::ios::binary);
            if (size <= limit && stream.read(bytes.data(), static_cast<std::streamsize>(size)))
                return bytes;
            reason = size > limit ? "it is larger than " + std::to_string(limit) + " bytes" : "it cannot be opened";
        }
    } catch (const fs::filesystem_error &error) {
        reason = error.code().message();
    }
    throw Error(Code::bad_bundle, (folder / name).string() + ": cannot be read: " + reason);
}

/// In lower-case hex.
std::string sha256(const std::string &bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH] = {};
    SHA256(reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size(), digest);
    std::string text;
    for (const unsigned char byte : digest) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

} // namespace

/// flow.json, of the digest if there is one.
static std::string read_pinned(const fs::path &folder, const std::string &digest) {
    std::string text = read_file(folder, "flow.json", manifest_bytes);
    const std::string found = sha256(text);
    if (!digest.empty() && found != digest)
        throw Error(Code::bad_bundle, (folder / "flow.json").string() + ": digest: expected " + digest.substr(0, 12) +
                                          "…, found " + found.substr(0, 12) + "…");
    return text;
}

Bundle::Bundle(const fs::path &folder, const std::string &digest)
    : folder_(folder), manifest_(read_manifest(read_pinned(folder, digest), path("flow.json"))) {
    const auto is_file = [](const std::optional<GraphSpec> &graph, const std::string &name) {
        return graph && graph->file == name;
    };
    for (const auto &[name, hash] : manifest_.files) // a graph's is read where its session is made
        if (!is_file(manifest_.log_prob, name) && !is_file(manifest_.sample, name))
            read(name);
}

std::string Bundle::read(const std::string &name) const {
    std::string bytes = read_file(folder_, name, file_bytes);
    const std::string found = sha256(bytes), &expected = manifest_.files.at(name);
    if (found != expected)
        throw Error(Code::bad_bundle, path(name) + ": files: hash differs (expected " + expected.substr(0, 12) +
                                          "…, found " + found.substr(0, 12) + "…)");
    return bytes;
}

} // namespace flow

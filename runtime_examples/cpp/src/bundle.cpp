#include "bundle.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace flow {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t manifest_bytes = 4 << 20;
/// The limit of one protobuf message, and so of every file of a bundle.
constexpr std::uintmax_t file_bytes = (std::uintmax_t{2} << 30) - 1;

[[noreturn]] void refuse(const fs::path &path, const std::string &reason) {
    throw Error(Code::bad_bundle, path.string() + ": " + reason);
}

/// Where a path leads, links followed. reason: what to say where it leads nowhere.
fs::path resolve(const fs::path &path, const std::string &reason) {
    try {
        return fs::canonical(path);
    } catch (const fs::filesystem_error &error) {
        refuse(path, reason + " (" + error.code().message() + ")");
    }
}

/// A file that lies in a folder, links followed. reason: what to say where it cannot be read.
std::string read_file(const fs::path &path, const fs::path &real_folder, std::uintmax_t limit,
                      const std::string &reason) {
    const fs::path real = resolve(path, reason);
    if (std::mismatch(real_folder.begin(), real_folder.end(), real.begin(), real.end()).first != real_folder.end())
        refuse(path, "files: leaves the folder by a link");
    std::error_code fault;
    const std::uintmax_t size = fs::file_size(real, fault); // of a regular file alone: a pipe is not waited for
    if (fault)
        refuse(path, "is not a file");
    if (size > limit)
        refuse(path, "is larger than " + std::to_string(limit) + " bytes");
    std::string bytes(size, '\0');
    if (!std::ifstream(real, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size)))
        refuse(path, reason);
    return bytes;
}

/// In lower-case hex.
std::string sha256(const std::string &bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

} // namespace

Bundle::Bundle(const fs::path &folder) : folder_(folder), real_folder_(resolve(folder, "no such bundle")) {
    const fs::path file = folder_ / "flow.json";
    manifest_ = read_manifest(read_file(file, real_folder_, manifest_bytes, "cannot be read; is this a bundle?"),
                              file.string());
}

std::string Bundle::read(const std::string &name) const {
    const fs::path file = folder_ / name;
    std::string bytes = read_file(file, real_folder_, file_bytes, "files: is listed and cannot be read");
    const std::string found = sha256(bytes), &expected = manifest_.files.at(name);
    if (found != expected) {
        refuse(file,
               "files: hash differs (expected " + expected.substr(0, 12) + "…, found " + found.substr(0, 12) + "…)");
    }
    return bytes;
}

} // namespace flow

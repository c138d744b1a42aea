// What the tests of all files share. They run in the folder above, and use the bundle tests/gaussian.
#pragma once

#include "flow/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

inline const std::filesystem::path gaussian = "tests/gaussian";

/// A file whole.
inline std::string slurp(const std::filesystem::path &path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// The text with the one occurrence of a part replaced.
inline std::string replaced(std::string text, const std::string &part, const std::string &by) {
    const std::size_t found = text.find(part);
    EXPECT_NE(found, std::string::npos) << part;
    EXPECT_EQ(text.find(part, found + 1), std::string::npos) << part;
    return text.replace(found, part.size(), by);
}

/// Expects an Error with a code, one line, and a message with a part in it.
template <class Work> void expect_error(flow::Code code, const std::string &part, Work work) {
    try {
        work();
        ADD_FAILURE() << "nothing was thrown, where \"" << part << "\" was expected";
    } catch (const flow::Error &error) {
        const std::string message = error.what();
        EXPECT_STREQ(flow::name(error.code()), flow::name(code)) << message;
        EXPECT_NE(message.find(part), std::string::npos) << '"' << part << "\" is not in \"" << message << '"';
        EXPECT_EQ(message.find('\n'), std::string::npos);
    }
}

// The mode in which a program answers requests over standard input: ../../README.md, "The mode run".
#pragma once

#include <string>

/// Opens a bundle and answers until there are no more requests. digest: that it must have, or empty.
/// Returns the exit status.
int run(const std::string &folder, const std::string &digest);

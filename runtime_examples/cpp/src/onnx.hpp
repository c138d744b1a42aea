// What a graph may hold: operators and fields of the file that are on a list, so that it has one reading.
#pragma once

#include <string>

namespace flow {

/// Refuses an ONNX file with anything that is not on the list: see docs/bundle.md. where: its path, for messages.
/// Throws Error: bad_bundle.
void check_graph(const std::string &data, const std::string &where);

} // namespace flow

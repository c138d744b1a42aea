// The noise behind every sample, the same numbers in every language.
#pragma once

#include "flow/array.hpp"

#include <array>
#include <cstdint>

namespace flow {

using Words = std::array<std::uint32_t, 4>;

/// Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011,
/// https://doi.org/10.1145/2063384.2063405).
Words philox(Words counter, std::array<std::uint32_t, 2> key) noexcept;

/// Fills `out` with the standard normals number `start`, `start + 1`, … of a seed; none is larger than 6.67.
void normals(std::uint64_t seed, std::uint64_t start, Span<float> out) noexcept;

} // namespace flow

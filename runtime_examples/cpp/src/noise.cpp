#include "flow/noise.hpp"

#include <algorithm>
#include <cmath>

namespace flow {

namespace {

constexpr int rounds = 10;
constexpr double two_pi = 6.283185307179586476925;
constexpr double words_in_all = 4294967296.0; // 2³²

std::uint32_t low(std::uint64_t value) {
    return static_cast<std::uint32_t>(value);
}

std::uint32_t high(std::uint64_t value) {
    return static_cast<std::uint32_t>(value >> 32);
}

/// Normals 4b … 4b + 3: Box–Muller in float64 on two pairs of words.
std::array<float, 4> draw_block(std::uint64_t seed, std::uint64_t b) {
    const Words words = philox({low(b), high(b), 0, 0}, {low(seed), high(seed)});
    std::array<float, 4> normals{};
    for (std::size_t pair = 0; pair < 4; pair += 2) {
        // u + 1 may be 2³²: added in float64.
        const double r = std::sqrt(-2 * std::log((words[pair] + 1.0) / words_in_all));
        const double theta = two_pi * words[pair + 1] / words_in_all;
        normals[pair] = static_cast<float>(r * std::cos(theta));
        normals[pair + 1] = static_cast<float>(r * std::sin(theta));
    }
    return normals;
}

} // namespace

Words philox(Words c, std::array<std::uint32_t, 2> k) noexcept {
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t p = std::uint64_t{0xD2511F53} * c[0], q = std::uint64_t{0xCD9E8D57} * c[2];
        c = {high(q) ^ c[1] ^ k[0], low(q), high(p) ^ c[3] ^ k[1], low(p)};
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    return c;
}

void normals(std::uint64_t seed, std::uint64_t start, Span<float> out) noexcept {
    for (std::size_t done = 0; done < out.size();) {
        const std::uint64_t number = start + done;
        const std::array<float, 4> block = draw_block(seed, number / 4);
        const std::size_t skipped = number % 4, taken = std::min(out.size() - done, 4 - skipped);
        std::copy_n(block.begin() + skipped, taken, out.begin() + done);
        done += taken;
    }
}

} // namespace flow

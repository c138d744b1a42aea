#include "flow/noise.hpp"

#include "tests.hpp"

#include <vector>

namespace {

std::vector<float> draw(std::uint64_t seed, std::uint64_t start, std::size_t count) {
    std::vector<float> found(count);
    flow::normals(seed, start, found);
    return found;
}

void expect_near(const std::vector<float> &found, const std::vector<float> &expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 9.5e-7);
}

} // namespace

TEST(Noise, PhiloxGivesTheWordsOfItsAuthors) {
    EXPECT_EQ(flow::philox({0, 0, 0, 0}, {0, 0}), (flow::Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(flow::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (flow::Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Noise, SeedsGiveTheNormalsOfTheFormat) {
    expect_near(draw(0, 0, 4), {0.9911377F, -0.9246626F, -0.61760896F, -0.4820686F});
    expect_near(draw((std::uint64_t{1} << 63) + 5, 0, 4), {0.24326237F, 0.01694727F, -1.5504903F, 0.27301276F});
}

TEST(Noise, TheSmallestAndTheLargestWordHaveNormals) {
    expect_near(draw(0, 12922966362, 2), {6.6200557F, -0.7323111F}); // u = 0, the longest radius: √(64 ln 2)
    EXPECT_EQ(draw(0, 8098165446, 2), (std::vector<float>{0, 0}));   // u + 1 = 2³², the shortest: 0
}

TEST(Noise, AnyPartOfTheStreamCanBeDrawnAlone) {
    // Across the place where the number of a block takes more than 32 bits, too.
    for (const std::uint64_t begin : {std::uint64_t{0}, 4 * (std::uint64_t{1} << 32) - 20}) {
        const std::vector<float> whole = draw(7, begin, 40);
        for (std::size_t start = 0; start < whole.size(); ++start) {
            EXPECT_EQ(draw(7, begin + start, 40 - start),
                      std::vector<float>(whole.begin() + static_cast<std::ptrdiff_t>(start), whole.end()));
        }
    }
}

TEST(Noise, TheUpperHalfOfTheBlockNumberCounts) {
    EXPECT_NE(draw(7, 0, 4), draw(7, std::uint64_t{1} << 34, 4));
}

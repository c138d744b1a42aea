#include "npy.hpp"

#include "tests.hpp"

namespace {

/// An .npy file with a header, padded as NumPy does, and a body of zeros.
std::string make(std::string header, std::size_t body) {
    header.resize(117, ' ');
    return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n' + std::string(body, '\0');
}

} // namespace

TEST(Npy, ReadsShapesAndTypes) {
    const struct {
        const char *header;
        std::size_t body;
        flow::Shape shape;
        bool single;
    } known[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, {2, 3}, true},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 24, {3}, false},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8, {}, false},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", 0, {0, 2}, true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3, 4), }", 96, {1, 2, 3, 4}, true},
    };
    for (const auto &each : known) {
        const flow::Numbers numbers(make(each.header, each.body), "x.npy");
        EXPECT_EQ(numbers.shape(), each.shape) << each.header;
        EXPECT_EQ(std::holds_alternative<flow::Span<const float>>(numbers.view().numbers()), each.single)
            << each.header;
    }
}

TEST(Npy, ReadsTheNumbersAndKeepsRowsOfThem) {
    flow::Numbers numbers(slurp(gaussian / "golden/x.npy"), "x.npy");
    EXPECT_EQ(numbers.shape(), (flow::Shape{4, 2}));
    EXPECT_EQ(numbers[1], 1.5);
    numbers.keep(2, 4);
    EXPECT_EQ(numbers.shape(), (flow::Shape{2, 2}));
    EXPECT_EQ(numbers[0], -10);
    EXPECT_EQ(numbers[3], -3);
    numbers.keep(1, 1);
    EXPECT_EQ(numbers.shape(), (flow::Shape{0, 2}));
    EXPECT_EQ(numbers.view().shape(), (flow::Shape{0, 2}));
}

TEST(Npy, RefusesAnyOtherHeader) {
    const struct {
        const char *header;
        std::size_t body;
        const char *reason;
    } wrong[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8, "<f4 or <f8"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 2), }", 8, "at most 4 axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", 8, "C order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, "8 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8, "8 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "9 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 0), }", 0, "0 bytes do not fill its shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }", 0, "0 bytes do not fill"},
    };
    for (const auto &each : wrong) {
        expect_error(
            flow::Code::bad_bundle, each.reason, [&] { flow::Numbers(make(each.header, each.body), "x.npy"); });
        expect_error(flow::Code::bad_bundle, "x.npy: ", [&] { flow::Numbers(make(each.header, each.body), "x.npy"); });
    }
}

/// Every file cut short, and every bit of the header changed: refused, or read as what it then says.
TEST(Npy, SurvivesBrokenFiles) {
    const std::string whole = slurp(gaussian / "golden/x.npy");
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_THROW(flow::Numbers(whole.substr(0, cut), "x.npy"), flow::Error);
    for (std::size_t at = 0; at < 128 * 8; ++at) {
        std::string changed = whole;
        changed[at / 8] = static_cast<char>(changed[at / 8] ^ (1 << at % 8));
        try {
            EXPECT_EQ(flow::count(flow::Numbers(changed, "x.npy").shape()), 8U);
        } catch (const flow::Error &error) {
            EXPECT_EQ(error.code(), flow::Code::bad_bundle);
        }
    }
}

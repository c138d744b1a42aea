#include "table.hpp"

#include "tests.hpp"

#include <cmath>
#include <sstream>

TEST(Table, ReadsRecords) {
    std::istringstream stream("\xEF\xBB\xBF\"a\",\"b,\"\"c\"\"\"\r\n\r\n1,\n\"two\nlines\",\" \"\n3,4");
    table::Reader reader(stream);
    const std::vector<std::vector<std::string>> expected{{"a", "b,\"c\""}, {"1", ""}, {"two\nlines", " "}, {"3", "4"}};
    for (std::size_t row = 0; row < expected.size(); ++row) {
        ASSERT_TRUE(reader.next());
        EXPECT_EQ(reader.row(), row);
        EXPECT_EQ(reader.cells(), expected[row]);
    }
    EXPECT_FALSE(reader.next());
}

TEST(Table, RefusesWhatIsNoTable) {
    const auto read = [](const std::string &text) {
        std::istringstream stream(text);
        table::Reader(stream).next();
    };
    expect_error(
        flow::Code::wrong_value, "header: a quote is not closed", [&] { read("a,\"b\n"); });
    expect_error(flow::Code::wrong_value, "header: is longer than 4194304 bytes",
                 [&] { read(std::string((4 << 20) + 10, 'x')); });
}

TEST(Table, ReadsNumbersAndNothingElse) {
    EXPECT_EQ(table::parse_number<float>("-1.5e-3"), -1.5e-3F);
    EXPECT_EQ(table::parse_number<float>(" +.5 "), 0.5F);
    EXPECT_EQ(table::parse_number<float>("1e-400"), 0.0F);
    for (const char *text : {"", " ", "nan", "inf", "-inf", "1e39", "0x1p3", "1,5", "1.5x", "1 2", "--1", "e5"})
        EXPECT_EQ(table::parse_number<float>(text), std::nullopt) << text;
    EXPECT_EQ(table::parse_whole("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
    for (const char *text : {"", "-1", "+1", " 1", "1.0", "18446744073709551616"})
        EXPECT_EQ(table::parse_whole(text), std::nullopt) << text;
}

TEST(Table, WritesTheShortestNumber) {
    const struct {
        float number;
        const char *text;
    } known[] = {{0, "0 0"},
                 {0.1F, "0.1 0.10000000149011612"},
                 {1.0F / 3, "0.33333334 0.3333333432674408"},
                 {16777216, "16777216 16777216"},
                 {-1e-45F, "-1e-45 -1.401298464324817e-45"},
                 {-INFINITY, "-inf -inf"},
                 {-NAN, "nan nan"}};
    for (const auto &each : known) {
        std::ostringstream stream;
        table::write(stream, each.number);
        stream << ' ';
        table::write(stream, static_cast<double>(each.number));
        EXPECT_EQ(stream.str(), each.text);
    }
}

TEST(Table, QuotesWhatNeedsIt) {
    EXPECT_EQ(table::quoted("a b"), "a b");
    EXPECT_EQ(table::quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
}

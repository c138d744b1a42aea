#include "flow/model.hpp"
#include "flow/noise.hpp"
#include "tests.hpp"

#include <cmath>
#include <future>
#include <limits>

using flow::Array;
using flow::Code;

namespace {

constexpr std::size_t rows = 3000; // several blocks, the last of them short
constexpr float undefined = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();

const std::vector<float> one_context{1, -0.5F};
const Array context(one_context, {2});

const flow::Model &model() {
    static const flow::Model opened(gaussian);
    return opened;
}

std::vector<float> draw(std::uint64_t seed, std::size_t count) {
    std::vector<float> found(count);
    flow::normals(seed, 0, found);
    return found;
}

/// −|x − context|² / 2 − ln 2π
double exact(const float *x, const float *center) {
    const double d0 = static_cast<double>(x[0]) - center[0], d1 = static_cast<double>(x[1]) - center[1];
    return -(d0 * d0 + d1 * d1) / 2 - 1.8378770664093453;
}

} // namespace

TEST(Model, LogProbIsTheClosedForm) {
    const std::vector<float> x = draw(1, rows * 2);
    std::vector<float> contexts;
    for (std::size_t row = 0; row < rows; ++row) {
        contexts.push_back(static_cast<float>(row % 3));
        contexts.push_back(static_cast<float>(row) / rows);
    }
    const std::vector<float> each = model().log_prob({x, {rows, 2}}, Array(contexts, {rows, 2}));
    const std::vector<float> all = model().log_prob({x, {rows, 2}}, context);
    for (std::size_t row = 0; row < rows; ++row) {
        EXPECT_NEAR(each[row], exact(&x[2 * row], &contexts[2 * row]), 1e-5);
        EXPECT_NEAR(all[row], exact(&x[2 * row], one_context.data()), 1e-5);
    }
}

TEST(Model, PercentilesLieBetweenTheQuantiles) {
    // The quantiles are −10, −9.9, … 0.
    const std::vector<float> scores{-infinite, -11, -10, -9.95F, -5, -0.025F, 0, 1};
    const std::vector<double> expected{0, 0, 0, 0.5, 50, 99.75, 100, 100};
    const std::vector<double> found = model().percentile(scores);
    for (std::size_t i = 0; i < scores.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 1e-5);
    EXPECT_TRUE(std::isnan(model().percentile(std::vector<float>{undefined})[0]));
}

TEST(Model, OutsideTheSupportIsMinusInfinity) {
    const std::vector<float> x{-10, 0};
    EXPECT_EQ(model().log_prob({x, {1, 2}}, context)[0], -infinite);
}

TEST(Model, SampleIsTheMapOfTheNoise) {
    const std::uint64_t seed = (std::uint64_t{1} << 63) + 5;
    std::vector<float> z = draw(seed, rows * 2);
    const std::vector<float> x = model().sample(rows, seed, 1, context);
    EXPECT_EQ(x, model().sample_from({z, {rows, 2}}, context));
    for (std::size_t i = 0; i < z.size(); ++i)
        z[i] += one_context[i % 2];
    EXPECT_EQ(x, z);
}

TEST(Model, APartOfASampleIsTheSample) {
    const std::vector<float> whole = model().sample(rows, 3, 0.7, context);
    for (std::size_t first = 0; first + 7 <= rows; first += 331) {
        const auto start = whole.begin() + static_cast<std::ptrdiff_t>(2 * first);
        EXPECT_EQ(model().sample(7, 3, 0.7, context, first), std::vector<float>(start, start + 14));
    }
}

TEST(Model, TemperatureLeavesTheSelectorAlone) {
    const std::vector<float> z = draw(0, 4);
    EXPECT_EQ(model().sample(2, 0, 0.7, context),
              (std::vector<float>{z[0] * 0.7F + 1, z[1] - 0.5F, z[2] * 0.7F + 1, z[3] - 0.5F}));
}

TEST(Model, NoRowsAreNoError) {
    const std::vector<float> none;
    const Array no_rows(none, {0, 2});
    EXPECT_TRUE(model().log_prob(no_rows, context).empty());
    EXPECT_TRUE(model().log_prob(no_rows, no_rows).empty());
    EXPECT_TRUE(model().sample_from(no_rows, context).empty());
    EXPECT_TRUE(model().sample(0, 0, 1, context).empty());
    EXPECT_TRUE(model().percentile(none).empty());
}

TEST(Model, RefusesWhatDoesNotFit) {
    const std::vector<float> numbers(8);
    const std::vector<double> wide_numbers(4);
    const auto array = [&](flow::Shape shape) { return Array(flow::Span(numbers.data(), flow::count(shape)), shape); };
    const Array x = array({2, 2}), doubles(wide_numbers, {2, 2});
    const auto refuse = [](Code code, const char *reason, const Array &data, const std::optional<Array> &given) {
        expect_error(code, reason, [&] { model().log_prob(data, given); });
    };
    EXPECT_NO_THROW(model().log_prob(x, array({2, 2})));
    refuse(Code::wrong_shape, "x: expected rows of 2 numbers, got the shape [2, 3]", array({2, 3}), context);
    refuse(Code::wrong_shape, "x: expected rows of 2 numbers, got the shape [2]", array({2}), context);
    refuse(Code::wrong_dtype, "x: expected float32", doubles, context);
    refuse(Code::missing_context, "context: this model needs 2 context features", x, std::nullopt);
    refuse(Code::wrong_shape, "context: expected the shape [2] or [2, 2], got [3]", x, array({3}));
    refuse(Code::wrong_shape, "context: expected the shape [2] or [2, 2], got [3, 2]", x, array({3, 2}));
    refuse(Code::wrong_shape, "context: expected the shape [2] or [2, 2], got [2, 3]", x, array({2, 3}));
    refuse(Code::wrong_dtype, "context: expected float32", x, doubles);
    expect_error(
        Code::wrong_shape, "z: expected rows of 2 numbers",
        [&] {
            model().sample_from(array({2, 3}), context);
        });
    expect_error(Code::wrong_shape, "an array of 8 numbers, whose shape takes 6", [&] { Array(numbers, {2, 3}); });
}

TEST(Model, RefusesAnUnknownCode) {
    for (const float code : {3.0F, -1.0F, 0.5F, undefined, infinite}) {
        const std::vector<float> contexts{2, 0, code, 0};
        expect_error(
            Code::unknown_category, "context: row 2: cut: ",
            [&] {
                model().log_prob({contexts, {2, 2}}, Array(contexts, {2, 2}));
            });
        expect_error(Code::unknown_category, "is no code (0 to 2)",
                     [&] { model().sample(2, 0, 1, Array(flow::Span(contexts.data() + 2, 2), {2})); });
    }
}

TEST(Model, RefusesASampleThatCannotBe) {
    for (const double temperature : {-0.1, double{undefined}, double{infinite}, 1e39}) {
        expect_error(
            Code::wrong_value, "temperature: expected a number from 0",
            [&] { model().sample(1, 0, temperature, context); });
    }
    expect_error(Code::wrong_value, "rows: the noise of a seed ends before",
                 [] { model().sample(1, 0, 1, context, std::numeric_limits<std::uint64_t>::max() / 2); });
}

/// Rows of an image may come in its shape, or flat.
TEST(Model, AnImageIsARowOfItsNumbers) {
    const flow::Model image("tests/image");
    const std::vector<float> numbers{1, 2, 3, 4, 0, 0.5F, -1, 0};
    const std::vector<float> found = image.log_prob({numbers, {2, 1, 2, 2}});
    EXPECT_NEAR(found[0], -15 - 2 * 1.8378770664, 1e-5);
    EXPECT_NEAR(found[1], -0.625 - 2 * 1.8378770664, 1e-5);
    EXPECT_EQ(found, image.log_prob({numbers, {2, 4}}));
    EXPECT_EQ(numbers, image.sample_from({numbers, {2, 4}}));
    for (const flow::Shape &shape :
         {flow::Shape{2, 2, 2, 1}, flow::Shape{2, 2, 2}, flow::Shape{8}, flow::Shape{2, 1, 2, 2, 1}})
        expect_error(Code::wrong_shape, "x: expected rows of 4 numbers", [&] { image.log_prob({numbers, shape}); });
}

TEST(Model, ACategoryHasItsCode) {
    EXPECT_EQ(model().category("cut", " ideal "), 2);
    for (const char *label : {"best", "2", ""})
        expect_error(
            Code::unknown_category, "context: cut: ", [&] { model().category("cut", label); });
    expect_error(Code::wrong_value, "context: no column \"angle\" has categories",
                 [] { model().category("angle", "2"); });
}

TEST(Model, SeveralThreadsShareAModel) {
    const std::vector<float> expected = model().sample(rows, 9, 1, context);
    std::vector<std::future<bool>> threads;
    for (int i = 0; i < 4; ++i) {
        threads.push_back(std::async(
            std::launch::async,
            [&] {
                bool equal = true;
                for (int call = 0; call < 20; ++call)
                    equal = equal && model().sample(rows, 9, 1, context) == expected;
                return equal;
            }));
    }
    for (std::future<bool> &thread : threads)
        EXPECT_TRUE(thread.get());
}

TEST(Model, MovesAndOpensAnew) {
    flow::Model first(gaussian), second(gaussian, {"", 2});
    const std::vector<float> expected = first.sample(3, 1, 1, context);
    second = std::move(first);
    EXPECT_EQ(second.sample(3, 1, 1, context), expected);
}

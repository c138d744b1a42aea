#include "program.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace program {

namespace {

constexpr std::size_t most_rows = 1000, most_calls = 10000;
constexpr double seconds = 0.5;

/// The median of calls for half a second, the first tenth of them to warm up, in microseconds.
template <class Call> double median(Call call) {
    using Clock = std::chrono::steady_clock;
    const auto microseconds = [](Clock::duration span) {
        return std::chrono::duration<double, std::micro>(span).count();
    };
    std::vector<double> times;
    const Clock::time_point begun = Clock::now();
    for (Clock::time_point before = begun; times.size() < most_calls && microseconds(before - begun) < seconds * 1e6;) {
        call();
        const Clock::time_point after = Clock::now();
        times.push_back(microseconds(after - before));
        before = after;
    }
    times.erase(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10));
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

} // namespace

template <class T> void bench(const flow::Model &model) {
    const flow::Description &description = model.description();
    const std::vector<T> zeros(description.context.size());
    std::optional<flow::Array> context;
    if (!zeros.empty())
        context.emplace(zeros, flow::Shape{zeros.size()});
    const std::vector<T> x = model.sample<T>(0, most_rows, 1, context);
    std::puts("graph,rows,microseconds");
    for (const std::size_t rows : {std::size_t{1}, most_rows}) {
        const flow::Array data(flow::Span(x.data(), rows * description.width), {rows, description.width});
        std::printf("log_prob,%zu,%.1f\n", rows, median([&] { model.log_prob<T>(data, context); }));
    }
    for (const std::size_t rows : {std::size_t{1}, most_rows})
        std::printf("sample,%zu,%.1f\n", rows, median([&] { model.sample<T>(0, rows, 1, context); }));
}

template void bench<float>(const flow::Model &);
template void bench<double>(const flow::Model &);

} // namespace program

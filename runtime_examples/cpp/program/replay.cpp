#include "replay.hpp"

#include "cases.hpp"
#include "flow/noise.hpp"
#include "npy.hpp"

#include <algorithm>
#include <cmath>

namespace program {

namespace {

using flow::Array;
using flow::Code;
using flow::count;
using flow::Error;
using flow::Numbers;

/// What a reader allows at most; a bundle can ask for less.
constexpr double most_atol = 1e-4, most_rtol = 1e-5;
/// Nats, and relative: the rounding of a float32 sample is magnified by the gradient of the density.
constexpr double direction_atol = 1e-2, direction_rtol = 1e-3;
/// How often its own float32 rounding a number may differ by, and up to which share of it and of its unit.
constexpr double multiple = 4, most_share = 1e-3;
/// Logarithm and cosine of two languages may differ in the last place.
constexpr double noise_atol = 9.5e-7;

/// How near an output must come.
struct Near {
    double atol, rtol;
    double share = 0;                  // the most that rounding adds, of the number and of its unit
    std::optional<Numbers> rounding{}; // what float32 alone costs each number
    std::vector<double> scale{};       // a unit for each of the numbers of a row, or none
};

/// |found − expected| ≤ atol + rtol · |expected| + what rounding may cost, in units of scale, feature by feature, where
/// there is one. Written so that NaN fails. The check takes the figures of the number that comes nearest to its bound,
/// or farthest over it.
template <class T> void compare(const std::vector<T> &found, const Numbers &expected, const Near &near, Check &check) {
    double worst = -1;
    check.passed = !found.empty();
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double got = static_cast<double>(found[i]), wanted = expected[i],
                     unit = near.scale.empty() ? 1 : near.scale[i % near.scale.size()];
        // Equal infinities, outside the support, differ by nothing.
        const double difference = got == wanted ? 0 : std::abs(got - wanted) / unit;
        const double size = std::isfinite(wanted) ? std::abs(wanted) / unit : 0;
        const double own = near.rounding && std::isfinite(wanted) ? multiple * (*near.rounding)[i] / unit : 0;
        const double bound = near.atol + near.rtol * size + std::fmin(own, near.share * (1 + size));
        const double ratio = difference == 0 ? 0 : !(difference < HUGE_VAL) ? HUGE_VAL : difference / bound;
        check.passed = check.passed && difference <= bound;
        if (ratio > worst) {
            worst = ratio;
            check.difference = difference;
            check.bound = bound;
        }
    }
}

/// Makes the refusal of an input the result of a check. Any other error is one of the whole golden check.
template <class Work> void note_refusal(Check &check, Work work) {
    try {
        work();
    } catch (const Error &error) {
        if (error.code() == Code::bad_bundle || error.code() == Code::no_runtime)
            throw;
        check.refusal = true;
        check.got = error.code();
        check.passed = check.got == check.expected;
    }
}

/// Reads and runs golden cases; T is what the model works in.
template <class T> class Golden {
  public:
    Golden(const flow::Model &model, const flow::Bundle &bundle, const Cases &cases)
        : model_(model), bundle_(bundle), cases_(cases) {}

    Check run(const Case &golden) const {
        Check check;
        check.name = golden.name;
        check.expected = golden.error;
        const Numbers rows = read(golden.rows, golden);
        const std::optional<Numbers> context = read_context(golden);
        note_refusal(check, [&] {
            const std::vector<T> found = golden.samples ? model_.sample_from<T>(rows.view(), view(context))
                                                        : model_.log_prob<T>(rows.view(), view(context));
            check.refusal = golden.expected.empty();
            if (!check.refusal) {
                const auto &[atol, rtol] = golden.samples ? cases_.sample : cases_.log_prob;
                const Numbers expected = read(golden.expected, golden);
                require_count(expected, found.size(), golden.expected);
                Near near{std::min(atol, most_atol), std::min(rtol, most_rtol), most_share};
                if (golden.samples)
                    near.scale = cases_.scale;
                if (!golden.rounding.empty()) {
                    near.rounding = read(golden.rounding, golden);
                    require_count(*near.rounding, found.size(), golden.rounding);
                }
                compare(found, expected, near, check);
            }
        });
        return check;
    }

    /// log_prob of what sample gives, against the trained model's: that the two graphs are inverse to each other.
    Check run_direction() const {
        const std::string &file = cases_.log_prob_of_sample;
        Check check;
        check.name = "log_prob_of_sample";
        const Numbers expected(bundle_.read(file), bundle_.path(file));
        Near near{direction_atol, direction_rtol, HUGE_VAL};
        if (const std::string &own = cases_.log_prob_of_sample_rounding; !own.empty()) {
            near.rounding.emplace(bundle_.read(own), bundle_.path(own));
            require_count(*near.rounding, count(expected.shape()), own);
        }
        for (const Case &golden : cases_.cases) {
            if (golden.samples && !golden.expected.empty()) {
                const Numbers latents = read(golden.rows, golden);
                if (latents.shape().size() == 2 && latents.shape()[0] == count(expected.shape())) {
                    const std::optional<Numbers> context = read_context(golden);
                    note_refusal(check, [&] {
                        const std::vector<T> x = model_.sample_from<T>(latents.view(), view(context));
                        const Array samples(x, {latents.shape()[0], model_.description().width});
                        compare(model_.log_prob<T>(samples, view(context)), expected, near, check);
                    });
                    return check;
                }
            }
        }
        throw Error(Code::bad_bundle, bundle_.path("flow.json") +
                                          ": golden.log_prob_of_sample: no sample case has its " +
                                          std::to_string(count(expected.shape())) + " rows");
    }

    Check run(const Noise &noise) const {
        Check check;
        check.name = "noise " + std::to_string(noise.seed);
        const Numbers expected(bundle_.read(noise.file), bundle_.path(noise.file));
        std::vector<float> found(count(expected.shape()));
        flow::normals(noise.seed, noise.start, found);
        compare(found, expected, Near{noise_atol, 0}, check);
        return check;
    }

  private:
    /// A listed .npy file; of its rows, those of the case's range.
    Numbers read(const std::string &file, const Case &golden) const {
        Numbers numbers(bundle_.read(file), bundle_.path(file));
        if (golden.range) {
            const auto [start, stop] = *golden.range;
            if (numbers.shape().size() == 0 || stop > numbers.shape()[0]) {
                throw Error(Code::bad_bundle, bundle_.path("flow.json") + ": golden.cases: " + golden.name + ": rows " +
                                                  std::to_string(start) + " to " + std::to_string(stop) + ", which " +
                                                  file + " has not");
            }
            numbers.keep(start, stop);
        }
        return numbers;
    }

    std::optional<Numbers> read_context(const Case &golden) const {
        return golden.context.empty() ? std::nullopt : std::make_optional(read(golden.context, golden));
    }

    static std::optional<Array> view(const std::optional<Numbers> &numbers) {
        return numbers ? std::make_optional(numbers->view()) : std::nullopt;
    }

    void require_count(const Numbers &expected, std::size_t numbers, const std::string &file) const {
        if (count(expected.shape()) != numbers) {
            throw Error(Code::bad_bundle, bundle_.path(file) + ": expected " + std::to_string(numbers) +
                                              " numbers, got " + std::to_string(count(expected.shape())));
        }
    }

    const flow::Model &model_;
    const flow::Bundle &bundle_;
    const Cases &cases_;
};

template <class T> std::vector<Check> replay_all(const flow::Model &model, const flow::Bundle &bundle) {
    const Cases cases = read_cases(bundle.manifest(), bundle.path("flow.json"));
    const Golden<T> golden(model, bundle, cases);
    std::vector<Check> checks;
    for (const Case &each : cases.cases)
        checks.push_back(golden.run(each));
    checks.push_back(golden.run_direction());
    for (const Noise &each : cases.noise)
        checks.push_back(golden.run(each));
    return checks;
}

} // namespace

std::vector<Check> replay(const flow::Model &model, const flow::Bundle &bundle) {
    return model.description().dtype == flow::Dtype::float64 ? replay_all<double>(model, bundle)
                                                             : replay_all<float>(model, bundle);
}

} // namespace program

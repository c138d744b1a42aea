#include "flow/model.hpp"

#include "flow/noise.hpp"
#include "runtime.hpp"

#include <algorithm>
#include <cmath>

namespace flow {

namespace {

/// Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows.
constexpr std::size_t block_rows = 1024;

/// A little above it, neighbouring float32 latents are a standard deviation apart.
constexpr double hottest = 1e6;

std::string to_string(const Shape &shape) {
    std::string text;
    for (const std::size_t size : shape)
        text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "[" + text + "]";
}

void check_dtype(const std::string &name, const Array &array, Dtype dtype) {
    if (dtype == Dtype::float32 && !std::holds_alternative<Span<const float>>(array.numbers()))
        throw Error(Code::wrong_dtype, name + ": expected float32, got float64");
}

/// An array must be [rows, *shape] or [rows, width].
void check_rows(const Tensor &tensor, const Array &array) {
    const Shape &found = array.shape(), row(found.begin() + (found.empty() ? 0 : 1), found.end());
    const std::size_t width = count(tensor.shape);
    if (found.empty() || (row != tensor.shape && row != Shape{width}))
        throw Error(Code::wrong_shape, tensor.name + ": expected rows of " + std::to_string(width) +
                                           " numbers, got the shape " + to_string(found));
}

/// A context must be there where there are features of one, be [context] or [rows, context], and hold no code that its
/// feature has not.
void check_context(const Description &model, const std::optional<Array> &given, std::size_t rows) {
    const std::vector<ContextFeature> &features = model.context;
    const std::size_t size = features.size();
    const Shape one{size}, each{rows, size};
    if (!given && size == 0)
        return;
    if (!given)
        throw Error(Code::missing_context, "context: this model needs " + std::to_string(size) + " context features");
    if (size == 0)
        throw Error(Code::wrong_shape, "context: this model takes none");
    check_dtype("context", *given, model.dtype);
    if (given->shape() != one && given->shape() != each)
        throw Error(Code::wrong_shape, "context: expected the shape " + to_string(one) + " or " + to_string(each) +
                                           ", got " + to_string(given->shape()));
    for (std::size_t place = 0; place < count(given->shape()); ++place) {
        const double code = (*given)[place];
        const ContextFeature &feature = features[place % size];
        const std::size_t codes = feature.categories.size();
        if (codes > 0 && !(code >= 0 && code < static_cast<double>(codes) && code == std::floor(code)))
            throw Error(Code::unknown_category, "context: row " + std::to_string(place / size + 1) + ": " +
                                                    feature.name + ": " + std::to_string(code) + " is no code (0 to " +
                                                    std::to_string(codes - 1) + ")");
    }
}

/// Puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that
/// hold a NaN themselves, in x or in the context, keep theirs.
template <class M>
void floor_scores(Span<M> scores, const M *x, std::size_t width, const M *contexts, std::size_t context_size) {
    const auto has_nan = [](const M *row, std::size_t size) {
        return std::any_of(row, row + size, [](M number) { return std::isnan(number); });
    };
    for (std::size_t row = 0; row < scores.size(); ++row)
        if (!(scores[row] < std::numeric_limits<M>::infinity()) && !has_nan(x + row * width, width) &&
            !has_nan(contexts + row * context_size, context_size))
            scores[row] = -std::numeric_limits<M>::infinity();
}

/// Calls with a number of the type that a model works in, and gives what comes as numbers of type T.
template <class T, class Work> std::vector<T> in_type_of(Dtype dtype, Work work) {
    const auto cast = [&](auto numbers) {
        if constexpr (std::is_same_v<decltype(numbers), std::vector<T>>)
            return numbers;
        else
            return std::vector<T>(numbers.begin(), numbers.end());
    };
    return dtype == Dtype::float64 ? cast(work(double{})) : cast(work(float{}));
}

/// Where scores stand among quantiles.
template <class T> std::vector<double> places(const std::vector<double> &quantiles, Span<const T> log_prob) {
    std::vector<double> found(log_prob.size());
    std::transform(log_prob.begin(), log_prob.end(), found.begin(), [&](double score) {
        if (score >= quantiles.back())
            return 100.0;
        const auto above = std::upper_bound(quantiles.begin() + 1, quantiles.end() - 1, score), below = above - 1;
        return static_cast<double>(below - quantiles.begin()) + std::max((score - *below) / (*above - *below), 0.0);
    });
    return found;
}

} // namespace

struct Model::Parts {
    Parts(const std::filesystem::path &folder, const Options &options) : bundle(folder, options.digest) {
        if (const auto &graph = bundle.manifest().log_prob)
            log_prob.emplace(bundle, *graph, options.threads);
        if (const auto &graph = bundle.manifest().sample)
            sample.emplace(bundle, *graph, options.threads);
    }

    /// What evaluates densities.
    const Session &scorer() const {
        return log_prob ? *log_prob : lack("sample alone, and no log_prob, so it cannot evaluate densities");
    }

    /// What draws samples.
    const Session &sampler() const {
        return sample ? *sample : lack("log_prob alone, and no sample, so it cannot draw samples");
    }

    /// Says what a bundle of the other direction alone cannot do.
    [[noreturn]] const Session &lack(const std::string &absent) const {
        throw Error(Code::bad_bundle, bundle.path("flow.json") + ": graphs: the bundle holds " + absent +
                                          "; flowexport export --graphs log_prob,sample makes one that can");
    }

    /// Runs a graph on numbers of its type M, block by block: fill(start, rows) gives the input of each.
    template <class M, class Fill>
    std::vector<M> run(const Session &session, std::size_t rows, const std::optional<Array> &context, Fill fill) const {
        const std::size_t size = description().context.size(), width = count(session.spec().output.shape);
        check_context(description(), context, rows);
        std::vector<M> output(rows * width), contexts(std::min(rows, block_rows) * size);
        for (std::size_t start = 0; start < rows; start += block_rows) {
            const std::size_t block = std::min(block_rows, rows - start);
            for (std::size_t i = 0; i < block * size; ++i) // one context comes round for every row
                contexts[i] = static_cast<M>((*context)[context->shape().size() == 1 ? i % size : start * size + i]);
            const M *rows_in = fill(start, block);
            session.run(block, rows_in, contexts.data(), output.data() + start * width);
            if (log_prob && &session == &*log_prob)
                floor_scores<M>({output.data() + start, block}, rows_in, description().width, contexts.data(), size);
        }
        return output;
    }

    /// Runs a graph on rows of its input.
    template <class T>
    std::vector<T> map(const Session &session, const Array &rows, const std::optional<Array> &context) const {
        const Tensor &input = session.spec().inputs[0];
        check_dtype(input.name, rows, description().dtype);
        check_rows(input, rows);
        return in_type_of<T>(description().dtype, [&](auto zero) {
            using M = decltype(zero);
            std::vector<M> widened;
            const std::size_t width = count(input.shape);
            return run<M>(session, rows.shape()[0], context, [&](std::size_t start, std::size_t count) {
                if (const auto *same = std::get_if<Span<const M>>(&rows.numbers()))
                    return same->data() + start * width;
                widened.clear();
                for (std::size_t i = 0; i < count * width; ++i)
                    widened.push_back(static_cast<M>(rows[start * width + i]));
                return static_cast<const M *>(widened.data());
            });
        });
    }

    const Description &description() const { return bundle.manifest().description; }

    const std::vector<double> &quantiles() const {
        if (bundle.manifest().quantiles.empty())
            throw Error(Code::bad_bundle,
                        bundle.path("flow.json") + ": reference: is null, so there are no percentiles");
        return bundle.manifest().quantiles;
    }

    Bundle bundle;
    std::optional<Session> log_prob, sample;
};

Model::Model(const std::filesystem::path &folder, const Options &options) {
    open_runtime(options.library);
    parts_ = std::make_shared<const Parts>(folder, options);
}

const Description &Model::description() const noexcept {
    return parts_->description();
}

template <class T> std::vector<T> Model::log_prob(const Array &x, const std::optional<Array> &context) const {
    return parts_->map<T>(parts_->scorer(), x, context);
}

std::vector<double> Model::percentile(Span<const float> log_prob) const {
    return places(parts_->quantiles(), log_prob);
}

std::vector<double> Model::percentile(Span<const double> log_prob) const {
    return places(parts_->quantiles(), log_prob);
}

template <class T> std::vector<T> Model::sample_from(const Array &z, const std::optional<Array> &context) const {
    return parts_->map<T>(parts_->sampler(), z, context);
}

template <class T>
std::vector<T> Model::sample(std::size_t rows, std::uint64_t seed, double temperature,
                             const std::optional<Array> &context, std::uint64_t first) const {
    const Session &sampler = parts_->sampler();
    const std::size_t width = description().latent_size;
    const auto factor = static_cast<float>(temperature);
    if (!(temperature >= 0 && temperature <= hottest))
        throw Error(Code::wrong_value,
                    "temperature: expected a number from 0 to 1000000, got " + std::to_string(temperature));
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (rows > most / width || first > most / width - rows)
        throw Error(Code::wrong_value, "rows: the noise of a seed ends before");
    const std::size_t warmed = width - (parts_->bundle.manifest().selector ? 1 : 0);
    std::vector<float> z(std::min(rows, block_rows) * width);
    const auto draw = [&](std::size_t start, std::size_t count) {
        normals(seed, (first + start) * width, {z.data(), count * width});
        for (std::size_t i = 0; factor != 1 && i < count * width; ++i)
            z[i] *= i % width < warmed ? factor : 1;
        return z.data();
    };
    return in_type_of<T>(description().dtype, [&](auto zero) {
        using M = decltype(zero);
        std::vector<M> widened;
        return parts_->run<M>(sampler, rows, context, [&](std::size_t start, std::size_t count) {
            const float *drawn = draw(start, count);
            if constexpr (std::is_same_v<M, float>)
                return drawn;
            widened.assign(drawn, drawn + count * width);
            return static_cast<const M *>(widened.data());
        });
    });
}

template std::vector<float> Model::log_prob(const Array &, const std::optional<Array> &) const;
template std::vector<double> Model::log_prob(const Array &, const std::optional<Array> &) const;
template std::vector<float> Model::sample_from(const Array &, const std::optional<Array> &) const;
template std::vector<double> Model::sample_from(const Array &, const std::optional<Array> &) const;
template std::vector<float> Model::sample(std::size_t, std::uint64_t, double, const std::optional<Array> &,
                                          std::uint64_t) const;
template std::vector<double> Model::sample(std::size_t, std::uint64_t, double, const std::optional<Array> &,
                                           std::uint64_t) const;

} // namespace flow

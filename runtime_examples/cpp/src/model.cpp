#include "flow/model.hpp"

#include "flow/noise.hpp"
#include "runtime.hpp"

#include <algorithm>
#include <cmath>

namespace flow {

namespace {

/// Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows.
constexpr std::size_t block_rows = 1024;

std::string to_string(const Shape &shape) {
    std::string text;
    for (const std::size_t size : shape)
        text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "[" + text + "]";
}

/// The numbers of an array, which must be float32, and [rows, *shape] or [rows, width].
const float *check_rows(const Tensor &tensor, const Array &array) {
    const Shape &found = array.shape(), row(found.begin() + (found.empty() ? 0 : 1), found.end());
    const std::size_t width = count(tensor.shape);
    if (array.floats() == nullptr)
        throw Error(Code::wrong_dtype, tensor.name + ": expected float32, got float64");
    if (found.empty() || (row != tensor.shape && row != Shape{width}))
        throw Error(Code::wrong_shape, tensor.name + ": expected rows of " + std::to_string(width) +
                                           " numbers, got the shape " + to_string(found));
    return array.floats()->data();
}

/// A context must be there where there are features of one, be [context] or [rows, context], and hold no code that its
/// feature has not.
void check_context(const std::vector<ContextFeature> &features, const std::optional<Array> &given, std::size_t rows) {
    const std::size_t size = features.size();
    const Shape one{size}, each{rows, size};
    if (!given && size == 0)
        return;
    if (!given)
        throw Error(Code::missing_context, "context: this model needs " + std::to_string(size) + " context features");
    if (size == 0)
        throw Error(Code::wrong_shape, "context: this model takes none");
    if (given->floats() == nullptr)
        throw Error(Code::wrong_dtype, "context: expected float32, got float64");
    if (given->shape() != one && given->shape() != each)
        throw Error(Code::wrong_shape, "context: expected the shape " + to_string(one) + " or " + to_string(each) +
                                           ", got " + to_string(given->shape()));
    std::size_t place = 0;
    for (const float code : *given->floats()) {
        const std::size_t row = place / size + 1;
        const ContextFeature &feature = features[place++ % size];
        const std::size_t codes = feature.categories.size();
        if (codes > 0 && !(code >= 0 && code < static_cast<float>(codes) && code == std::floor(code)))
            throw Error(Code::unknown_category, "context: row " + std::to_string(row) + ": " + feature.name + ": " +
                                                    std::to_string(code) + " is no code (0 to " +
                                                    std::to_string(codes - 1) + ")");
    }
}

} // namespace

struct Model::Parts {
    Parts(const std::filesystem::path &folder, const Options &options)
        : bundle(folder), log_prob(bundle, bundle.manifest().log_prob, options.threads),
          sample(bundle, bundle.manifest().sample, options.threads) {}

    /// Runs a graph block by block: fill(start, rows) gives the input of each.
    template <class Fill>
    std::vector<float> run(const Session &session, std::size_t rows, const std::optional<Array> &context,
                           Fill fill) const {
        const std::size_t size = bundle.manifest().description.context.size(),
                          width = count(session.spec().output.shape);
        check_context(bundle.manifest().description.context, context, rows);
        std::vector<float> output(rows * width), contexts(std::min(rows, block_rows) * size);
        for (std::size_t start = 0; start < rows; start += block_rows) {
            const std::size_t block = std::min(block_rows, rows - start);
            for (std::size_t i = 0; i < block * size; ++i) // one context comes round for every row
                contexts[i] = (*context->floats())[context->shape().size() == 1 ? i % size : start * size + i];
            session.run(block, fill(start, block), contexts.data(), output.data() + start * width);
        }
        return output;
    }

    /// Runs a graph on rows of its input.
    std::vector<float> map(const Session &session, const Array &rows, const std::optional<Array> &context) const {
        const Tensor &input = session.spec().inputs[0];
        const float *data = check_rows(input, rows);
        return run(session, rows.shape()[0], context,
                   [&, width = count(input.shape)](std::size_t start, std::size_t) { return data + start * width; });
    }

    Bundle bundle;
    Session log_prob, sample;
};

Model::Model(const std::filesystem::path &folder, const Options &options) {
    open_runtime(options.library);
    parts_ = std::make_shared<const Parts>(folder, options);
}

const Description &Model::description() const noexcept {
    return parts_->bundle.manifest().description;
}

std::vector<float> Model::log_prob(const Array &x, const std::optional<Array> &context) const {
    return parts_->map(parts_->log_prob, x, context);
}

std::vector<double> Model::percentile(Span<const float> log_prob) const {
    const std::vector<double> &quantiles = parts_->bundle.manifest().quantiles;
    if (quantiles.empty())
        throw Error(Code::bad_bundle,
                    parts_->bundle.path("flow.json") + ": reference: is null, so there are no percentiles");
    std::vector<double> found(log_prob.size());
    std::transform(log_prob.begin(), log_prob.end(), found.begin(), [&](double score) {
        if (score >= quantiles.back())
            return 100.0;
        const auto above = std::upper_bound(quantiles.begin() + 1, quantiles.end() - 1, score), below = above - 1;
        return static_cast<double>(below - quantiles.begin()) + std::max((score - *below) / (*above - *below), 0.0);
    });
    return found;
}

std::vector<float> Model::sample_from(const Array &z, const std::optional<Array> &context) const {
    return parts_->map(parts_->sample, z, context);
}

std::vector<float> Model::sample(std::uint64_t seed, std::size_t rows, double temperature,
                                 const std::optional<Array> &context, std::uint64_t first) const {
    const std::size_t width = description().latent_size;
    const auto factor = static_cast<float>(temperature);
    if (!(temperature >= 0 && std::isfinite(factor)))
        throw Error(Code::wrong_value, "temperature: expected a number from 0, got " + std::to_string(temperature));
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (rows > most / width || first > most / width - rows)
        throw Error(Code::wrong_value, "rows: the noise of a seed ends before");
    const std::size_t warmed = width - (parts_->bundle.manifest().selector ? 1 : 0);
    std::vector<float> z(std::min(rows, block_rows) * width);
    return parts_->run(parts_->sample, rows, context, [&](std::size_t start, std::size_t count) {
        normals(seed, (first + start) * width, {z.data(), count * width});
        for (std::size_t i = 0; factor != 1 && i < count * width; ++i)
            z[i] *= i % width < warmed ? factor : 1;
        return z.data();
    });
}

} // namespace flow

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

/// An array must be float32.
const float *check_floats(const char *name, const Array &array) {
    if (array.floats() == nullptr)
        throw Error(Code::wrong_dtype, std::string(name) + ": expected float32, got float64");
    return array.floats()->data();
}

/// An array must be float32, and [rows, *shape] or [rows, width].
const float *check_rows(const Tensor &tensor, const Array &array) {
    const float *data = check_floats(tensor.name.c_str(), array);
    const Shape &found = array.shape();
    const bool whole =
        !found.empty() && std::equal(found.begin() + 1, found.end(), tensor.shape.begin(), tensor.shape.end());
    if (!whole && !(found.size() == 2 && found[1] == count(tensor.shape)))
        throw Error(Code::wrong_shape, tensor.name + ": expected rows of " + std::to_string(count(tensor.shape)) +
                                           " numbers, got the shape " + to_string(found));
    return data;
}

/// Every code must be one of its feature's categories.
void check_codes(const std::vector<ContextFeature> &features, const float *codes, std::size_t rows) {
    for (std::size_t i = 0; i < rows * features.size(); ++i) {
        const ContextFeature &feature = features[i % features.size()];
        const std::size_t count = feature.categories.size();
        if (count > 0 && !(codes[i] >= 0 && codes[i] < static_cast<float>(count) && codes[i] == std::floor(codes[i])))
            throw Error(Code::unknown_category, "context: row " + std::to_string(i / features.size() + 1) + ": " +
                                                    feature.name + ": " + std::to_string(codes[i]) +
                                                    " is no code (0 to " + std::to_string(count - 1) + ")");
    }
}

/// A context must be [context], of which a block is returned, or [rows, context], which is used as it is.
std::vector<float> check_context(const std::vector<ContextFeature> &features, const std::optional<Array> &given,
                                 std::size_t rows) {
    const Shape one{features.size()}, each{rows, features.size()};
    if (!given && !features.empty())
        throw Error(Code::missing_context,
                    "context: this model needs " + std::to_string(features.size()) + " context features");
    if (!given)
        return {};
    if (features.empty())
        throw Error(Code::wrong_shape, "context: this model takes none");
    const float *data = check_floats("context", *given);
    if (given->shape() != one && given->shape() != each)
        throw Error(Code::wrong_shape, "context: expected the shape " + to_string(one) + " or " + to_string(each) +
                                           ", got " + to_string(given->shape()));
    check_codes(features, data, given->shape() == one ? 1 : rows);
    std::vector<float> block;
    for (std::size_t row = 0; given->shape() == one && row < std::min(rows, block_rows); ++row)
        block.insert(block.end(), data, data + features.size());
    return block;
}

/// The bundle whose files have all been held to their hashes, with the runtime open.
Bundle open_bundle(const std::filesystem::path &folder, const Options &options) {
    Bundle bundle(folder);
    const Manifest &manifest = bundle.manifest();
    for (const auto &[file, digest] : manifest.files)
        if (file != manifest.log_prob.file && file != manifest.sample.file) // those are read once, by their sessions
            bundle.read(file);
    open_runtime(options.library);
    return bundle;
}

} // namespace

struct Model::Parts {
    Parts(const std::filesystem::path &folder, const Options &options)
        : bundle(open_bundle(folder, options)), log_prob(bundle, bundle.manifest().log_prob, options.threads),
          sample(bundle, bundle.manifest().sample, options.threads) {}

    /// Runs a graph block by block: fill(start, rows) gives the input of each.
    template <class Fill>
    std::vector<float> run(const Session &session, std::size_t rows, const std::optional<Array> &context,
                           Fill fill) const {
        const std::vector<ContextFeature> &features = bundle.manifest().description.context;
        const std::vector<float> repeated = check_context(features, context, rows);
        const float *contexts = context ? context->floats()->data() : nullptr;
        const std::size_t width = session.output_width();
        std::vector<float> output(rows * width);
        for (std::size_t start = 0; start < rows; start += block_rows) {
            const std::size_t count = std::min(block_rows, rows - start);
            session.run(count,
                        {fill(start, count), repeated.empty() ? contexts + start * features.size() : repeated.data()},
                        output.data() + start * width);
        }
        return output;
    }

    Bundle bundle;
    Session log_prob, sample;
};

Model::Model(const std::filesystem::path &folder, const Options &options)
    : parts_(std::make_unique<Parts>(folder, options)) {}

Model::Model(Model &&) noexcept = default;
Model &Model::operator=(Model &&) noexcept = default;
Model::~Model() = default;

const Description &Model::description() const noexcept {
    return parts_->bundle.manifest().description;
}

std::vector<float> Model::log_prob(const Array &x, const std::optional<Array> &context) const {
    const float *data = check_rows(parts_->bundle.manifest().log_prob.inputs[0], x);
    const std::size_t width = description().width;
    return parts_->run(parts_->log_prob, x.shape()[0], context,
                       [&](std::size_t start, std::size_t) { return data + start * width; });
}

std::vector<double> Model::percentile(Span<const float> log_prob) const {
    const std::vector<double> &quantiles = parts_->bundle.manifest().quantiles;
    if (quantiles.empty()) {
        throw Error(Code::bad_bundle,
                    parts_->bundle.path("flow.json") + ": reference: is null, so there are no percentiles");
    }
    std::vector<double> found;
    found.reserve(log_prob.size());
    for (const double score : log_prob) {
        const auto above = std::upper_bound(quantiles.begin(), quantiles.end(), score);
        if (std::isnan(score)) {
            found.push_back(score);
        } else if (above == quantiles.begin()) {
            found.push_back(0);
        } else if (above == quantiles.end()) {
            found.push_back(100);
        } else {
            const auto below = above - 1;
            found.push_back(static_cast<double>(below - quantiles.begin()) + (score - *below) / (*above - *below));
        }
    }
    return found;
}

std::vector<float> Model::sample_from(const Array &z, const std::optional<Array> &context) const {
    const float *data = check_rows(parts_->bundle.manifest().sample.inputs[0], z);
    const std::size_t width = description().latent_size;
    return parts_->run(parts_->sample, z.shape()[0], context,
                       [&](std::size_t start, std::size_t) { return data + start * width; });
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

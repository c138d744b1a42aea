#include "parts.hpp"

#include "flow/noise.hpp"

#include <algorithm>
#include <cmath>

namespace flow {

namespace {

/// Rows of a run: the activations of a block stay in a core's cache, and memory does not grow with the rows.
constexpr std::size_t block_rows = 1024;

/// Calls work(start, count) for every block of rows.
template <class Work> void over_blocks(std::size_t rows, Work work) {
    for (std::size_t start = 0; start < rows; start += block_rows) {
        work(start, std::min(block_rows, rows - start));
    }
}

std::string to_string(const Shape &shape) {
    std::string text;
    for (const std::size_t size : shape) {
        text += (text.empty() ? "" : ", ") + std::to_string(size);
    }
    return "[" + text + "]";
}

const float *check_floats(const char *name, const Array &array) {
    if (array.floats() == nullptr) {
        throw Error(Code::wrong_dtype, std::string(name) + ": expected float32, got float64");
    }
    return array.floats()->data();
}

/// The numbers of an array that must be float32, and [rows, *shape] or [rows, width].
const float *check_rows(const char *name, const Array &array, const Shape &shape) {
    const float *data = check_floats(name, array);
    const Shape &found = array.shape();
    const bool whole = found.rank() > 0 && std::equal(found.begin() + 1, found.end(), shape.begin(), shape.end());
    if (!whole && !(found.rank() == 2 && found[1] == shape.count())) {
        throw Error(Code::wrong_shape, std::string(name) + ": expected rows of " + std::to_string(shape.count()) +
                                           " numbers, got the shape " + to_string(found));
    }
    return data;
}

/// The context of rows, as graphs take it: a row for each.
class Contexts {
  public:
    Contexts(const std::vector<ContextFeature> &features, const std::optional<Array> &given, std::size_t rows)
        : width_(features.size()) {
        if (!given && width_ > 0) {
            throw Error(Code::missing_context,
                        "context: this model needs " + std::to_string(width_) + " context features");
        }
        if (!given) {
            return;
        }
        if (width_ == 0) {
            throw Error(Code::wrong_shape, "context: this model takes none");
        }
        data_ = check_floats("context", *given);
        const Shape all{width_}, each{rows, width_};
        if (given->shape() != all && given->shape() != each) {
            throw Error(Code::wrong_shape, "context: expected the shape " + to_string(all) + " or " + to_string(each) +
                                               ", got " + to_string(given->shape()));
        }
        const bool one = given->shape() == all;
        check_categories(features, one ? 1 : rows);
        if (one) {
            for (std::size_t row = 0; row < std::min(rows, block_rows); ++row) {
                repeated_.insert(repeated_.end(), data_, data_ + width_);
            }
        }
    }

    /// The contexts of a block that starts at a row, or nullptr without any.
    const float *at(std::size_t row) const {
        return !repeated_.empty() ? repeated_.data() : data_ != nullptr ? data_ + row * width_ : nullptr;
    }

  private:
    void check_categories(const std::vector<ContextFeature> &features, std::size_t rows) const {
        for (std::size_t column = 0; column < width_; ++column) {
            const std::size_t count = features[column].categories.size();
            for (std::size_t row = 0; count > 0 && row < rows; ++row) {
                const float code = data_[row * width_ + column];
                if (!(code >= 0 && code < static_cast<float>(count) && code == std::floor(code))) {
                    throw Error(Code::unknown_category, "context: row " + std::to_string(row + 1) + ": " +
                                                            features[column].name + ": " + std::to_string(code) +
                                                            " is no code (0 to " + std::to_string(count - 1) + ")");
                }
            }
        }
    }

    std::size_t width_;
    const float *data_ = nullptr;
    std::vector<float> repeated_; // a block of the one context that all rows have
};

/// Runs a graph on rows, block by block.
std::vector<float> run_rows(const Session &session, const float *data, std::size_t width, std::size_t rows,
                            const Contexts &contexts, std::size_t output_width) {
    std::vector<float> output(rows * output_width);
    over_blocks(rows, [&](std::size_t start, std::size_t count) {
        session.run(count, {data + start * width, contexts.at(start)}, output.data() + start * output_width);
    });
    return output;
}

/// Opens what a bundle needs, in order: its files are held to their hashes before any of them is used.
Bundle open_bundle(const std::filesystem::path &folder, const Options &options) {
    Bundle bundle(folder);
    const Manifest &manifest = bundle.manifest();
    for (const auto &[file, digest] : manifest.files) {
        if (file != manifest.log_prob.file && file != manifest.sample.file) {
            bundle.read(file);
        }
    }
    open_runtime(options.library);
    return bundle;
}

} // namespace

Model::Parts::Parts(Bundle opened, int threads)
    : bundle(std::move(opened)), log_prob(bundle.read(bundle.manifest().log_prob.file), bundle.manifest().log_prob,
                                          threads, bundle.path(bundle.manifest().log_prob.file)),
      sample(bundle.read(bundle.manifest().sample.file), bundle.manifest().sample, threads,
             bundle.path(bundle.manifest().sample.file)) {}

Model::Model(const std::filesystem::path &folder, const Options &options)
    : parts_(std::make_unique<Parts>(open_bundle(folder, options), options.threads)) {}

Model::Model(Model &&) noexcept = default;
Model &Model::operator=(Model &&) noexcept = default;
Model::~Model() = default;

const Description &Model::description() const noexcept {
    return parts_->bundle.manifest().description;
}

std::vector<float> Model::log_prob(const Array &x, const std::optional<Array> &context) const {
    const Description &model = description();
    const float *data = check_rows("x", x, model.event_shape);
    const std::size_t rows = x.shape()[0];
    return run_rows(parts_->log_prob, data, model.width, rows, {model.context, context, rows}, 1);
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
    const Description &model = description();
    const float *data = check_rows("z", z, {model.latent_size});
    const std::size_t rows = z.shape()[0];
    return run_rows(parts_->sample, data, model.latent_size, rows, {model.context, context, rows}, model.width);
}

std::vector<float> Model::sample(std::uint64_t seed, std::size_t rows, double temperature,
                                 const std::optional<Array> &context, std::uint64_t first) const {
    const Description &model = description();
    const std::size_t width = model.latent_size;
    const auto factor = static_cast<float>(temperature);
    if (!(temperature >= 0 && std::isfinite(factor))) {
        throw Error(Code::wrong_value, "temperature: expected a number from 0, got " + std::to_string(temperature));
    }
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (rows > most / width || first > most / width - rows) {
        throw Error(Code::wrong_value, "rows: the noise of a seed ends before");
    }
    const Contexts contexts(model.context, context, rows);
    const std::size_t warmed = width - (parts_->bundle.manifest().selector ? 1 : 0);
    std::vector<float> x(rows * model.width), z(std::min(rows, block_rows) * width);
    over_blocks(rows, [&](std::size_t start, std::size_t count) {
        normals(seed, (first + start) * width, {z.data(), count * width});
        for (std::size_t i = 0; factor != 1 && i < count * width; ++i) {
            z[i] *= i % width < warmed ? factor : 1;
        }
        parts_->sample.run(count, {z.data(), contexts.at(start)}, x.data() + start * model.width);
    });
    return x;
}

} // namespace flow

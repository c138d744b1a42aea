// A bundle, opened: log_prob, percentile and sample on ONNX Runtime.
#pragma once

#include "flow/array.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flow {

/// A column of the context: a number, or, where there are categories, the place of one of them: 0, 1, …
struct ContextFeature {
    std::string name;
    std::vector<std::string> categories;
};

enum class Dtype { float32, float64 };

/// What a model is.
struct Description {
    std::string name, text;
    Dtype dtype = Dtype::float32;        // of its graphs
    Shape event_shape;                   // of one row of x
    std::size_t width = 0;               // numbers in it
    std::size_t latent_size = 0;         // numbers in a row of z
    std::vector<std::string> features;   // width names: x0, x1, … where the bundle has none
    std::vector<ContextFeature> context; // c0, c1, … where the bundle has no names; empty without a context
    bool has_reference = false;          // whether there are percentiles
};

struct Options {
    std::string
        library{};        // ONNX Runtime's shared library; empty: ORT_DYLIB_PATH, else the loader's libonnxruntime.so.1
    int threads = 1;      // of one call
    std::string digest{}; // the SHA-256 of flow.json in lower-case hex, where another is to be refused; empty: any
};

/// A density that can be evaluated and sampled.
///
/// It does not change once it is open: any number of threads may call its functions at the same time, and copies share
/// what it holds.
/// Arrays of rows are [rows, …]; a context is [rows, context], or [context] for all rows. What comes out is float, or
/// double where it is asked for: `model.log_prob<double>(x)`, which has all digits of a model of float64.
class Model {
  public:
    /// Opens the bundle in a folder, and holds every file to its hash.
    /// Throws Error: bad_bundle, no_runtime.
    explicit Model(const std::filesystem::path &folder, const Options &options = {});

    const Description &description() const noexcept;

    /// The log-density of rows x [rows, *event] or [rows, width], in nats, in the data's own units; −∞ outside the
    /// support. Returns [rows].
    /// Throws Error: wrong_shape, missing_context, wrong_dtype, unknown_category before anything is run; bad_bundle
    /// where the bundle does not hold the graph, or ONNX Runtime cannot run it.
    template <class T = float>
    std::vector<T> log_prob(const Array &x, const std::optional<Array> &context = std::nullopt) const;

    /// Where scores stand among those of the bundle's reference rows, 0 to 100.
    /// Throws Error: bad_bundle, where it has none.
    std::vector<double> percentile(Span<const float> log_prob) const;
    std::vector<double> percentile(Span<const double> log_prob) const;

    /// The deterministic map from latents z [rows, latent] to x. Returns [rows, width]; throws as log_prob.
    template <class T = float>
    std::vector<T> sample_from(const Array &z, const std::optional<Array> &context = std::nullopt) const;

    /// So many rows, from number first on, of the endless sample that belongs to a seed: the same in every language,
    /// and the same in parts as in one call. The temperature, from 0 to 1,000,000, multiplies the noise.
    /// Returns [rows, width]; throws as log_prob, and wrong_value.
    template <class T = float>
    std::vector<T> sample(std::size_t rows, std::uint64_t seed, double temperature = 1,
                          const std::optional<Array> &context = std::nullopt, std::uint64_t first = 0) const;

    /// The code of a category: what a context holds in place of its label. Labels that are numbers are compared as
    /// numbers, others without the spaces around them.
    /// Throws Error: unknown_category; wrong_value where no column of the context has that name and categories.
    float category(const std::string &column, const std::string &label) const;

  private:
    struct Parts;
    std::shared_ptr<const Parts> parts_;
};

} // namespace flow

// The inside of a model.
#pragma once

#include "bundle.hpp"
#include "runtime.hpp"

namespace flow {

struct Model::Parts {
    Bundle bundle;
    Session log_prob, sample;

    /// Opens a bundle whose files have been held to their hashes, with the runtime open.
    Parts(Bundle opened, int threads);
};

} // namespace flow

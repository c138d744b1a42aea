#include "flow/model.hpp"

#include <iostream>

/// The density of the tests' bundle, 1 / 2π at its centre.
int main(int count, char **arguments) {
    try {
        const flow::Model model(count > 1 ? arguments[1] : "tests/gaussian");
        const std::vector<float> centre{2, 0.5};
        const flow::Array x(centre, {1, 2}), context(centre, {2});
        std::cout << model.log_prob(x, context)[0] << " nats, " << -1.8378770664 << " expected\n";
    } catch (const flow::Error &error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}

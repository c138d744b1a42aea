#include "program.hpp"
#include "replay.hpp"
#include "table.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>

namespace {

[[noreturn]] void refuse(const std::string &reason) {
    throw flow::Error(flow::Code::wrong_value, reason);
}

[[noreturn]] void usage() {
    refuse("usage: flow golden BUNDLE | score BUNDLE | sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,...] | "
           "bench BUNDLE; all: [--digest HEX]");
}

/// Prints a line a case; whether all passed.
bool golden(const flow::Model &model, const flow::Bundle &bundle) {
    std::size_t passed = 0, failed = 0;
    for (const program::Check &check : program::replay(model, bundle)) {
        std::cout << check.name << '\t';
        if (check.refusal)
            std::cout << flow::name(check.got) << '\t' << flow::name(check.expected);
        else
            std::cout << check.difference << '\t' << check.bound;
        std::cout << (check.passed ? "\tpassed\n" : "\tfailed\n");
        ++(check.passed ? passed : failed);
    }
    std::cout << "passed " << passed << ", failed " << failed << '\n';
    return failed == 0;
}

std::uint64_t parse_whole(const std::string &name, const std::string &text) {
    const std::optional<std::uint64_t> number = table::parse_whole(text);
    if (!number)
        refuse(name + ": expected a whole number below 2^64, got \"" + text + '"');
    return *number;
}

/// N SEED [TEMPERATURE] [--context V1,V2,…], the option anywhere among them.
program::SampleRequest parse_request(const std::vector<std::string> &arguments) {
    program::SampleRequest request;
    std::vector<std::string> places;
    for (std::size_t i = 0; i < arguments.size(); ++i)
        if (arguments[i] != "--context")
            places.push_back(arguments[i]);
        else if (++i < arguments.size())
            request.context = arguments[i];
        else
            usage();
    if (places.size() < 2 || places.size() > 3)
        usage();
    request.rows = parse_whole("N", places[0]);
    request.seed = parse_whole("SEED", places[1]);
    if (places.size() == 3) {
        const std::optional<float> temperature = table::parse_number<float>(places[2]);
        if (!temperature)
            refuse("TEMPERATURE: expected a number from 0 to 1000000, got \"" + places[2] + '"');
        request.temperature = static_cast<double>(*temperature);
    }
    return request;
}

bool is_wide(const flow::Model &model) {
    return model.description().dtype == flow::Dtype::float64;
}

/// Runs a command; whether every golden case passed.
bool run(std::vector<std::string> arguments) {
    flow::Options options;
    const auto pin = std::find(arguments.begin(), arguments.end(), "--digest");
    if (pin != arguments.end()) {
        if (pin + 1 == arguments.end())
            usage();
        options.digest = pin[1];
        if (options.digest.size() != 64 || options.digest.find_first_not_of("0123456789abcdef") != std::string::npos)
            refuse("--digest: \"" + options.digest + "\" is no SHA-256 in lower-case hex");
        arguments.erase(pin, pin + 2);
    }
    const std::string command = arguments.size() < 2 ? "" : arguments[0];
    if (command == "sample") {
        const program::SampleRequest request = parse_request({arguments.begin() + 2, arguments.end()});
        const flow::Model model(arguments[1], options);
        is_wide(model) ? program::sample<double>(model, request) : program::sample<float>(model, request);
        return true;
    }
    if (arguments.size() != 2 || (command != "golden" && command != "score" && command != "bench"))
        usage();
    const flow::Model model(arguments[1], options);
    if (command == "golden")
        return golden(model, flow::Bundle(arguments[1]));
    if (is_wide(model))
        command == "score" ? program::score<double>(model) : program::bench<double>(model);
    else
        command == "score" ? program::score<float>(model) : program::bench<float>(model);
    return true;
}

} // namespace

int main(int count, char **arguments) {
    std::ios::sync_with_stdio(false);
    std::cout.precision(3);
    try {
        const bool passed = run({arguments + 1, arguments + count});
        if (!std::cout.flush() || std::fflush(stdout) != 0)
            refuse("standard output: cannot be written");
        return passed ? 0 : 1;
    } catch (const std::exception &error) {
        std::cout.flush();
        std::cerr << "flow: " << error.what() << '\n';
        return 2;
    }
}

#include "program.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace program {

namespace {

[[noreturn]] void refuse(const std::string &reason) {
    throw flow::Error(flow::Code::wrong_value, "standard input: " + reason);
}

/// The places of columns in a header.
std::vector<std::size_t> match(const std::vector<std::string> &columns, const std::vector<std::string> &header) {
    std::vector<std::size_t> places;
    for (auto name = header.begin(); name != header.end(); ++name)
        if (std::find(header.begin(), name, *name) != name)
            refuse("header: column \"" + *name + "\" is there twice");
    for (const std::string &column : columns) {
        const auto found = std::find(header.begin(), header.end(), column);
        if (found == header.end())
            refuse("header: no column \"" + column + '"');
        places.push_back(static_cast<std::size_t>(found - header.begin()));
    }
    return places;
}

/// Scores rows, and prints a line for each.
template <class T>
void print_scores(const flow::Model &model, const std::vector<T> &x, const std::vector<T> &contexts) {
    const flow::Description &description = model.description();
    const std::size_t width = description.width, context = description.context.size(), rows = x.size() / width;
    std::optional<flow::Array> given;
    if (context > 0)
        given.emplace(contexts, flow::Shape{rows, context});
    const std::vector<T> log_prob = model.log_prob<T>({x, {rows, width}}, given);
    const std::vector<double> percentile =
        description.has_reference ? model.percentile(log_prob) : std::vector<double>();
    for (std::size_t row = 0; row < rows; ++row) {
        table::write(std::cout, log_prob[row]);
        if (description.has_reference) {
            std::cout << ',';
            table::write(std::cout, percentile[row]);
        }
        std::cout << '\n';
    }
}

} // namespace

template <class T> void score(const flow::Model &model) {
    const flow::Description &description = model.description();
    std::vector<std::string> columns = description.features;
    for (const flow::ContextFeature &feature : description.context)
        columns.push_back(feature.name);
    table::Reader reader(std::cin);
    reader.next();
    const std::vector<std::size_t> places = match(columns, reader.cells());
    const std::size_t cells = reader.cells().size();
    std::cout << (description.has_reference ? "log_prob,percentile\n" : "log_prob\n");
    std::vector<T> x, contexts;
    while (std::cout && reader.next()) {
        const std::string where = "row " + std::to_string(reader.row());
        if (reader.cells().size() != cells) {
            refuse(where + ": expected " + std::to_string(cells) + " cells, got " +
                   std::to_string(reader.cells().size()));
        }
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string &cell = reader.cells()[places[i]];
            if (i >= description.width) {
                contexts.push_back(parse_context<T>(description.context[i - description.width], cell, false,
                                                    "standard input: " + where));
                continue;
            }
            const std::optional<T> number = table::parse_number<T>(cell);
            if (!number)
                refuse(where + ": " + columns[i] + ": \"" + cell + "\" is not a finite number");
            x.push_back(*number);
        }
        if (x.size() == block_rows * description.width) {
            print_scores(model, x, contexts);
            x.clear();
            contexts.clear();
        }
    }
    print_scores(model, x, contexts);
    if (!description.has_reference)
        std::cerr << "flow: the bundle has no reference rows, so there are no percentiles\n";
}

template void score<float>(const flow::Model &);
template void score<double>(const flow::Model &);

} // namespace program

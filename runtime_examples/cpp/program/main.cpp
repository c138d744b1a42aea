// An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line of names, then
// lines of numbers, and of labels where a column of the context has categories, with commas between.
#include "flow/model.hpp"
#include "run.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <sstream>

namespace {

constexpr std::size_t block_rows = 1024;

using Cells = std::vector<std::string>;

[[noreturn]] void refuse(const std::string &reason) {
    throw flow::Error(flow::Code::wrong_value, reason);
}

/// The next line of standard input, cut at its commas; false at the end.
bool read_cells(Cells &cells) {
    std::string line;
    cells.clear();
    if (!std::getline(std::cin, line))
        return false;
    if (!line.empty() && line.back() == '\r')
        line.pop_back();
    if (line.find('"') != std::string::npos)
        refuse("standard input: quotes need Python; see README.md: " + line);
    std::istringstream stream(line + ",");
    for (std::string cell; std::getline(stream, cell, ',');)
        cells.push_back(cell);
    return true;
}

double number_of(const std::string &cell) {
    double number = 0;
    const auto [end, fault] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    if (fault != std::errc() || end != cell.data() + cell.size())
        refuse("standard input: is no number: " + cell);
    return number;
}

/// Prints what the library says of the rows, which it then forgets.
void print_scores(const flow::Model &model, std::vector<float> &x, std::vector<float> &context) {
    const flow::Description &description = model.description();
    const std::size_t rows = x.size() / description.width, columns = description.context.size();
    std::optional<flow::Array> given;
    if (columns > 0)
        given.emplace(context, flow::Shape{rows, columns});
    const std::vector<double> scores = model.log_prob<double>({x, {rows, description.width}}, given);
    const std::vector<double> percentiles =
        description.has_reference ? model.percentile(scores) : std::vector<double>{};
    std::cout.precision(description.dtype == flow::Dtype::float64 ? 17 : 9);
    for (std::size_t row = 0; row < rows; ++row) {
        std::cout << scores[row];
        if (description.has_reference) {
            char text[32];
            std::cout << ',' << std::string(text, std::to_chars(text, text + sizeof text, percentiles[row]).ptr);
        }
        std::cout << '\n';
    }
    x.clear();
    context.clear();
}

void score(const flow::Model &model) {
    const flow::Description &description = model.description();
    std::vector<std::string> names = description.features;
    for (const flow::ContextFeature &column : description.context)
        names.push_back(column.name);
    Cells header, cells;
    read_cells(header);
    std::vector<std::size_t> places;
    for (const std::string &name : names) {
        const auto found = std::find(header.begin(), header.end(), name);
        if (found == header.end())
            refuse("standard input: no column " + name);
        places.push_back(static_cast<std::size_t>(found - header.begin()));
    }
    std::cout << (description.has_reference ? "log_prob,percentile\n" : "log_prob\n");
    std::vector<float> x, context;
    while (read_cells(cells)) {
        if (cells.size() != header.size())
            refuse("standard input: another number of cells than names: " + (cells.empty() ? "" : cells[0]));
        for (std::size_t i = 0; i < description.width; ++i)
            x.push_back(static_cast<float>(number_of(cells[places[i]])));
        for (std::size_t i = 0; i < description.context.size(); ++i) {
            const flow::ContextFeature &column = description.context[i];
            const std::string &cell = cells[places[description.width + i]];
            context.push_back(column.categories.empty() ? static_cast<float>(number_of(cell))
                                                        : model.category(column.name, cell));
        }
        if (x.size() == block_rows * description.width)
            print_scores(model, x, context);
    }
    print_scores(model, x, context);
}

void sample(const flow::Model &model, std::uint64_t rows, std::uint64_t seed) {
    const flow::Description &description = model.description();
    for (std::size_t i = 0; i < description.width; ++i)
        std::cout << description.features[i] << (i + 1 < description.width ? ',' : '\n');
    std::cout.precision(description.dtype == flow::Dtype::float64 ? 17 : 9);
    for (std::uint64_t first = 0; first < rows && std::cout; first += block_rows) {
        const std::size_t count = std::min<std::uint64_t>(block_rows, rows - first);
        const std::vector<double> x = model.sample<double>(count, seed, 1, std::nullopt, first);
        for (std::size_t i = 0; i < x.size(); ++i)
            std::cout << x[i] << ((i + 1) % description.width > 0 ? ',' : '\n');
    }
}

} // namespace

int main(int count, char **arguments) {
    const Cells words(arguments + 1, arguments + count);
    const std::string verb = words.size() > 1 ? words[0] : "";
    if (verb == "run") // what ../../drive.sh asks for
        return run(words[1], words.size() > 2 ? words[2] : "");
    try {
        if (verb == "score" && words.size() == 2) {
            score(flow::Model(words[1]));
        } else if (verb == "sample" && words.size() == 4) {
            const flow::Model model(words[1]);
            sample(model, std::stoull(words[2]), std::stoull(words[3]));
        } else {
            refuse("usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need Python "
                   "3.11 or later");
        }
        if (!std::cout.flush())
            refuse("standard output: cannot be written");
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "flow: " << error.what() << '\n';
        return 2;
    }
}

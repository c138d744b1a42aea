#include "run.hpp"

#include "flow/model.hpp"
#include "flow/noise.hpp"

#include <chrono>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace {

template <class T> void answer(const std::vector<T> &numbers) {
    std::cout << 'f' << sizeof(T) << ':' << numbers.size() << '\n';
    std::cout.write(reinterpret_cast<const char *>(numbers.data()),
                    static_cast<std::streamsize>(numbers.size() * sizeof(T)));
}

/// An array of a request, such as f4:3,2, f8:2 or, for text, u1:5.
struct Received {
    explicit Received(const std::string &word) : kind(word.substr(0, word.find(':'))) {
        std::istringstream axes(word.substr(kind.size() + 1));
        for (std::string axis; std::getline(axes, axis, ',');)
            shape.push_back(std::stoull(axis));
        const std::size_t count = flow::count(shape);
        if (kind == "f4")
            read(narrow, count);
        else if (kind == "f8")
            read(wide, count);
        else
            read(text, count);
    }

    flow::Array array() const { return kind == "f8" ? flow::Array(wide, shape) : flow::Array(narrow, shape); }

    std::string kind, text{};
    flow::Shape shape{};
    std::vector<float> narrow{};
    std::vector<double> wide{};

  private:
    template <class Numbers> static void read(Numbers &numbers, std::size_t count) {
        numbers.resize(count);
        const std::size_t bytes = count * sizeof numbers[0];
        if (!std::cin.read(reinterpret_cast<char *>(numbers.data()), static_cast<std::streamsize>(bytes)))
            throw std::runtime_error("a request is cut short");
    }
};

/// The words of a request, and its arrays in their order; none where there is a "-".
struct Request {
    explicit Request(const std::string &line) {
        std::istringstream stream(line);
        for (std::string word; stream >> word;)
            if (word == "-")
                arrays.emplace_back();
            else if (word.find(':') != std::string::npos)
                arrays.emplace_back(Received(word));
            else
                words.push_back(word);
    }

    std::optional<flow::Array> array(std::size_t index) const {
        return arrays.at(index) ? std::make_optional(arrays[index]->array()) : std::nullopt;
    }

    std::uint64_t whole(std::size_t index) const { return std::stoull(words.at(index)); }

    std::vector<std::string> words{};
    std::vector<std::optional<Received>> arrays{};
};

/// What log_prob, sample_from or sample, the word at a place of a request, gives in a model's type.
template <class T> std::vector<T> numbers(const flow::Model &model, const Request &request, std::size_t at) {
    const std::string &verb = request.words.at(at);
    if (verb == "log_prob")
        return model.log_prob<T>(*request.array(0), request.array(1));
    if (verb == "sample_from")
        return model.sample_from<T>(*request.array(0), request.array(1));
    return model.sample<T>(request.whole(at + 1), request.whole(at + 2), std::stod(request.words.at(at + 4)),
                           request.array(0), request.whole(at + 3));
}

/// Microseconds of each of so many calls.
template <class T> std::vector<double> times(const flow::Model &model, const Request &request) {
    std::vector<double> found(request.whole(1));
    for (double &microseconds : found) {
        const auto before = std::chrono::steady_clock::now();
        numbers<T>(model, request, 2);
        microseconds = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before).count();
    }
    return found;
}

template <class T> void answer_request(const flow::Model &model, const Request &request) {
    const std::string &verb = request.words.at(0);
    if (verb == "time") {
        answer(times<T>(model, request));
    } else if (verb == "percentile") {
        const Received &scores = request.arrays.at(0).value();
        answer(scores.kind == "f8" ? model.percentile(scores.wide) : model.percentile(scores.narrow));
    } else if (verb == "category") {
        const std::string &column = request.arrays.at(0).value().text, &label = request.arrays.at(1).value().text;
        answer(std::vector<float>{model.category(column, label)});
    } else if (verb == "normals") {
        std::vector<float> normals(request.whole(3));
        flow::normals(request.whole(1), request.whole(2), normals);
        answer(normals);
    } else {
        answer(numbers<T>(model, request, 0));
    }
}

void answer_error(const flow::Error &error) {
    std::cout << "error " << flow::name(error.code()) << ' ' << error.what() << std::endl;
}

} // namespace

int run(const std::string &folder, const std::string &digest) {
    try {
        const flow::Model model(folder, {"", 1, digest});
        answer(std::vector<float>{});
        std::cout.flush();
        for (std::string line; std::cout && std::getline(std::cin, line); std::cout.flush()) {
            const Request request(line);
            try {
                if (model.description().dtype == flow::Dtype::float64)
                    answer_request<double>(model, request);
                else
                    answer_request<float>(model, request);
            } catch (const flow::Error &error) {
                answer_error(error);
            }
        }
        return std::cout ? 0 : 2;
    } catch (const flow::Error &error) {
        answer_error(error);
        return 2;
    }
}

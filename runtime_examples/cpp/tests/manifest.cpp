#include "manifest.hpp"

#include "tests.hpp"

namespace {

const std::string flow_json = slurp(gaussian / "flow.json");

flow::Manifest read(const std::string &text) {
    return flow::read_manifest(text, "flow.json");
}

flow::Manifest changed(const std::string &part, const std::string &by) {
    return read(replaced(flow_json, part, by));
}

} // namespace

TEST(Manifest, ReadsWhatTheModelIs) {
    const flow::Manifest manifest = flow::read_manifest(flow_json, "flow.json");
    const flow::Description &description = manifest.description;
    EXPECT_EQ(description.name, "gaussian");
    EXPECT_EQ(description.event_shape, flow::Shape{2});
    EXPECT_EQ(description.width, 2U);
    EXPECT_EQ(description.features, (std::vector<std::string>{"x0", "x1"}));
    EXPECT_EQ(description.context[0].name, "cut");
    EXPECT_EQ(description.context[0].categories, (std::vector<std::string>{"fair", "good", "ideal"}));
    EXPECT_TRUE(description.context[1].categories.empty());
    EXPECT_TRUE(description.has_reference);
    EXPECT_TRUE(manifest.selector);
}

TEST(Manifest, ReadsWhatMayBeLeftOut) {
    EXPECT_FALSE(changed("\"selector\": true", "\"selector\": false, \"levels\": 17, \"news\": [1]").selector);
    EXPECT_FALSE(changed("\"provenance\": {},\n  \"selector\": true", "\"provenance\": {}").selector);
    changed("\"architecture\": {}", "\"architecture\": {\"flow\": \"MAF\"}, \"verified\": []");
    EXPECT_EQ(changed("\"features\": null", "\"features\": [\"a\", \"b\"]").description.features[1], "b");
    EXPECT_FALSE(changed("\"reference\": {", "\"reference\": null, \"old\": {").description.has_reference);
}

TEST(Manifest, NamesWhatHasNoNames) {
    const std::size_t start = flow_json.find("[\n    {\n      \"name\": \"cut\"");
    const std::size_t end = flow_json.find("\"architecture\"");
    const std::string named = flow_json.substr(start, end - start);
    EXPECT_EQ(changed(named, "null,").description.context[1].name, "c1");
}

TEST(Manifest, RefusesByTheKey) {
    const struct {
        const char *part, *by, *reason;
    } wrong[] = {
        {"\"flowexport/1\"", "\"flowexport/2\"", "flow.json: format: expected flowexport/1, got flowexport/2"},
        {"\"format\": \"flowexport/1\",", "", "flow.json: key 'format' not found"},
        {"\"dtype\": \"float32\",\n  \"event", "\"dtype\": \"float16\",\n  \"event",
         "flow.json: dtype: expected float32 or float64, got float16"},
        {"\"name\": \"gaussian\"", "\"name\": 7", "flow.json: name: type must be string, but is number"},
        {"\"description\": \"x = z + context\",", "", "flow.json: key 'description' not found"},
        {"\"event_shape\": [", "\"event_shape\": [1, 1, 1,", "event_shape: expected 1 to 3 sizes"},
        {"\"event_shape\": [\n    2", "\"event_shape\": [2147483647, 2147483647",
         "event_shape: expected a whole number from 1 to 1, got 2147483647"},
        {"\"event_shape\": [\n    2", "\"event_shape\": [2000000000", "scale: expected 2000000000 entries, got 2"},
        {"\"latent_size\": 2", "\"latent_size\": 2.5",
         "latent_size: expected a whole number from 1 to 2147483647, got 2.5"},
        {"\"context_size\": 2", "\"context_size\": \"2\"", "context_size: expected a whole number"},
        {"\"context_size\": 2", "\"context_size\": 1", "context_features: expected 1 entries, got 2"},
        {"\"features\": null", "\"features\": [\"a\"]", "features: expected 2 entries, got 1"},
        {"\"features\": null", "\"features\": [\"a\", null]", "features.1: type must be string, but is null"},
        {"\"name\": \"cut\",", "", "context_features.0: key 'name' not found"},
        {"\"fair\"", "1", "context_features.0.categories.0: type must be string, but is number"},
        {"\"graphs\": {", "\"graphs\": {}, \"others\": {", "flow.json: graphs: expected log_prob or sample"},
        {"\"file\": \"log_prob.onnx\"", "\"file\": \"other.onnx\"",
         "graphs.log_prob.file: \"other.onnx\" is not listed in files"},
        {"\"log_prob.onnx\": \"", "\"../log_prob.onnx\": \"",
         "files: leaves the folder, or is no plain name: ../log_prob.onnx"},
        {"\"log_prob.onnx\": \"", "\"/log_prob.onnx\": \"",
         "files: leaves the folder, or is no plain name: /log_prob.onnx"},
        {"\"log_prob.onnx\": \"", "\"a\\\\b\": \"", "files: leaves the folder, or is no plain name: a\\b"},
        {"\"log_prob.onnx\": \"", "\"c:b\": \"", "leaves the folder"},
        {"\"log_prob.onnx\": \"", "\"a//b\": \"", "leaves the folder"},
        {"\"log_prob.onnx\": \"", "\"a/./b\": \"", "leaves the folder"},
        {"\"log_prob.onnx\": \"", "\"a/..\": \"", "leaves the folder"},
        {"\"log_prob.onnx\": \"", "\"log_prob.onnx\": 0, \"other\": \"", "files.log_prob.onnx: type must be string"},
        {"\"fair\",\n        \"good\",\n        \"ideal\"", "", "context_features: categories: is empty"},
        {"-0.1,", "-0.3,", "reference.log_prob_quantiles: must ascend"},
        {"-0.1,", "", "log_prob_quantiles: expected 101 entries, got 100"},
        {"-0.1,", "1e999,", "flow.json: number overflow"},
        {"\"selector\": true", "\"selector\": 1", "selector: type must be boolean, but is number"},
        {"\"selector\": true", "\"selector\": NaN", "flow.json: parse error at line "},
        {"\"selector\": true\n}", "\"selector\": true\n} x", "flow.json: parse error at line "},
    };
    for (const auto &each : wrong)
        expect_error(flow::Code::bad_bundle, each.reason, [&] { changed(each.part, each.by); });
}

TEST(Manifest, RefusesWhatIsNoObject) {
    for (const std::string &text : {std::string(), std::string("7"), std::string("[]"), std::string("null"),
                                    std::string("{"), std::string("\"flowexport/1\""),
                                    std::string("{\"format\": null}"), std::string("\xff"), std::string(200000, '[')})
        expect_error(
            flow::Code::bad_bundle, "flow.json: ", [&] { read(text); });
}

TEST(Manifest, AMessageIsOneLine) {
    expect_error(
        flow::Code::bad_bundle, "a key holds a control character, or one that hides",
        [] { changed("\"log_prob.onnx\": \"", "\"/\\n\\u001b[2J\": \""); });
    expect_error(flow::Code::bad_bundle, "a key holds a control character, or one that hides",
                 [] { changed("\"log_prob.onnx\": \"", "\"a\\u0000b\": \""); });
}

/// Bytes changed, cut out and doubled at random: refused or read, with no fault that a sanitizer would see.
TEST(Manifest, SurvivesBrokenTexts) {
    std::uint32_t random = 1;
    for (int round = 0; round < 2000; ++round) {
        std::string text = flow_json;
        for (int change = 0; change <= round % 4; ++change) {
            random = random * 1664525U + 1013904223U;
            const std::size_t at = random % text.size(), span = (random >> 20) % (text.size() - at);
            if ((random & 0x10000) != 0)
                text[at] = "0\"[{},:-\\"[(random >> 18) % 9];
            else if (round % 2 == 0)
                text.erase(at, span);
            else
                text.insert(at, text.substr(at, span));
        }
        try {
            read(text);
        } catch (const flow::Error &error) {
            EXPECT_EQ(error.code(), flow::Code::bad_bundle);
        }
    }
}

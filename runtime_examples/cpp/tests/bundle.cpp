#include "flow/model.hpp"

#include "tests.hpp"

#include <sys/stat.h>

#include <cstdlib>

namespace fs = std::filesystem;

namespace {

/// A copy of the bundle, for a test to break.
class Bundle : public testing::Test {
  protected:
    Bundle() {
        std::string pattern = (fs::temp_directory_path() / "flow.XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        copy_ = folder_ / "bundle";
        fs::copy(gaussian, copy_, fs::copy_options::recursive);
    }
    ~Bundle() override { fs::remove_all(folder_); }

    void edit_manifest(const std::string &part, const std::string &by) const {
        const std::string text = replaced(slurp(copy_ / "flow.json"), part, by);
        std::ofstream(copy_ / "flow.json", std::ios::binary) << text;
    }

    void expect_refused(const std::string &reason) const {
        expect_error(
            flow::Code::bad_bundle, reason, [&] { flow::Model model(copy_); });
    }

    fs::path folder_, copy_;
};

} // namespace

TEST_F(Bundle, OpensACopy) {
    EXPECT_EQ(flow::Model(copy_).description().name, "gaussian");
}

TEST_F(Bundle, OfOneDirectionDoesThatAndSaysWhatItCannotDo) {
    const std::string start = "\": {\n      \"file\"";
    const std::vector<float> numbers{0, 0};
    const flow::Array rows(numbers, {1, 2}), context(numbers, {2});
    const auto score = [&](const flow::Model &model) { model.log_prob(rows, context); };
    const auto map = [&](const flow::Model &model) { model.sample_from(rows, context); };
    const auto draw = [&](const flow::Model &model) { model.sample(0, 0, 1, context); };
    edit_manifest("\"sample" + start, "\"later" + start);
    const flow::Model scores(copy_);
    EXPECT_NO_THROW(score(scores));
    for (const std::function<void(const flow::Model &)> &call : {std::function(map), std::function(draw)})
        expect_error(flow::Code::bad_bundle,
                     "/flow.json: graphs: the bundle holds log_prob alone, and no sample, so it",
                     [&] { call(scores); });
    edit_manifest("\"later" + start, "\"sample" + start);
    edit_manifest("\"log_prob" + start, "\"later" + start);
    const flow::Model samples(copy_);
    EXPECT_NO_THROW(map(samples));
    EXPECT_NO_THROW(draw(samples));
    expect_error(flow::Code::bad_bundle, "/flow.json: graphs: the bundle holds sample alone, and no log_prob, so it",
                 [&] { score(samples); });
}

TEST_F(Bundle, RefusesAFileThatIsNotThere) {
    fs::remove(copy_ / "golden/x.npy");
    expect_refused("golden/x.npy: cannot be read: No such file or directory");
    fs::remove(copy_ / "flow.json");
    expect_refused("flow.json: cannot be read: No such file or directory");
    fs::remove_all(copy_);
    expect_refused("bundle/flow.json: cannot be read: No such file or directory");
}

TEST_F(Bundle, RefusesAFlippedByte) {
    std::string bytes = slurp(copy_ / "sample.onnx");
    bytes[40] = static_cast<char>(bytes[40] ^ 1);
    std::ofstream(copy_ / "sample.onnx", std::ios::binary) << bytes;
    expect_refused("sample.onnx: files: hash differs");
}

TEST_F(Bundle, RefusesATextThatIsNoHash) {
    edit_manifest("\"sample.onnx\": \"", "\"sample.onnx\": \"0");
    expect_refused("sample.onnx: files: hash differs (expected 0");
}

TEST_F(Bundle, RefusesALinkThatLeadsOutside) {
    fs::rename(copy_ / "sample.onnx", folder_ / "sample.onnx");
    fs::create_symlink(folder_ / "sample.onnx", copy_ / "sample.onnx");
    expect_refused("sample.onnx: cannot be read: a link leads out of the folder");
}

TEST_F(Bundle, TakesALinkThatStaysInside) {
    fs::rename(copy_ / "sample.onnx", copy_ / "moved.onnx");
    fs::create_symlink("moved.onnx", copy_ / "sample.onnx");
    EXPECT_NO_THROW(flow::Model model(copy_));
}

TEST_F(Bundle, RefusesWhatIsNotAFile) {
    fs::remove(copy_ / "sample.onnx");
    ASSERT_EQ(mkfifo((copy_ / "sample.onnx").c_str(), 0600), 0);
    expect_refused("sample.onnx: cannot be read: Operation not supported");
    fs::remove(copy_ / "sample.onnx");
    fs::create_directory(copy_ / "sample.onnx");
    expect_refused("sample.onnx: cannot be read: Is a directory");
}

TEST_F(Bundle, RefusesAManifestOfAnotherSize) {
    fs::resize_file(copy_ / "flow.json", (4 << 20) + 1);
    expect_refused("flow.json: cannot be read: it is larger than 4194304 bytes");
    fs::resize_file(copy_ / "flow.json", 0);
    expect_refused("flow.json: parse error");
}

TEST_F(Bundle, RefusesAGraphWithOtherTensors) {
    edit_manifest("\"file\": \"log_prob.onnx\"", "\"file\": \"sample.onnx\"");
    expect_refused("sample.onnx: ");
}

TEST_F(Bundle, SaysThatThereIsNoRuntime) {
    const auto open = [&](const char *library) { flow::Model model(copy_, {library, 1}); };
    expect_error(
        flow::Code::no_runtime, "/nowhere/libonnxruntime.so: cannot open shared object file",
        [&] { open("/nowhere/libonnxruntime.so"); });
    expect_error(flow::Code::no_runtime, "libm.so.6: undefined symbol: OrtGetApiBase", [&] { open("libm.so.6"); });
}

TEST_F(Bundle, ATieOfQuantilesHasAPercentile) {
    edit_manifest("-0.4,", "-0.5,");
    EXPECT_EQ(flow::Model(copy_).percentile(std::vector<float>{-0.5F, -1}), (std::vector<double>{96, 90}));
}

TEST_F(Bundle, HasNoPercentilesWithoutAReference) {
    edit_manifest("\"reference\": {", "\"reference\": null, \"old\": {");
    expect_error(flow::Code::bad_bundle, "/flow.json: reference: is null",
                 [&] { flow::Model(copy_).percentile(std::vector<float>{0}); });
}

#include "engine/commands/tsdb/sample_text.h"

#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/random.h"
#include "test/support/command.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "tsdb/block/writer.h"

namespace {

std::string text_of(const model::TypedSample& sample) {
    std::string out;
    engine::append_sample_text(out, sample);
    return out;
}

}  // namespace

TEST_CASE("floats are printed as Go's %g", "[engine][tsdb]") {
    const auto check = [](double value, const char* want) {
        model::TypedSample sample;
        sample.v = value;
        CHECK(text_of(sample) == want);
    };
    check(1, "1");
    check(1e6, "1e+06");
    check(123456789, "1.23456789e+08");
    check(0.00001, "1e-05");
    check(-0.5, "-0.5");
    check(std::numeric_limits<double>::infinity(), "+Inf");
    check(std::numeric_limits<double>::quiet_NaN(), "NaN");
}

TEST_CASE("histograms are printed with their buckets, whole counts as whole numbers",
          "[engine][tsdb]") {
    model::Histogram histogram;
    histogram.count = 2'000'004;
    histogram.sum = 18.4;
    histogram.zero_threshold = 0.001;
    histogram.zero_count = 1;
    histogram.positive_spans = {{0, 2}};
    histogram.positive_deltas = {2'000'000, -1'999'999};
    histogram.negative_spans = {{0, 1}, {1, 1}};
    histogram.negative_deltas = {1, 0};
    model::TypedSample sample;
    sample.integer = std::make_shared<const model::Histogram>(histogram);
    CHECK(text_of(sample) ==
          "{count:2000004, sum:18.4, [-4,-2):1, [-1,-0.5):1, [-0.001,0.001]:1, (0.5,1]:2000000, "
          "(1,2]:1}");

    model::FloatHistogram floating;
    floating.count = 2.5;
    floating.sum = 1;
    floating.positive_spans = {{1, 1}};
    floating.positive_buckets = {2.5};
    sample.integer = nullptr;
    sample.floating = std::make_shared<const model::FloatHistogram>(floating);
    CHECK(text_of(sample) == "{count:2.5, sum:1, (1,2]:2.5}");
}

namespace {

model::TypedSample histogram_sample(int64_t t, uint64_t grown) {
    model::Histogram histogram;
    histogram.zero_threshold = 0.001;
    histogram.zero_count = grown;
    histogram.count = 6 * grown;
    histogram.sum = 1.5 * static_cast<double>(grown);
    histogram.positive_spans = {{0, 2}};
    histogram.positive_deltas = {static_cast<int64_t>(grown), static_cast<int64_t>(grown)};
    histogram.negative_spans = {{-3, 1}, {1, 1}};
    histogram.negative_deltas = {static_cast<int64_t>(grown), 0};
    model::TypedSample sample;
    sample.t = t;
    sample.integer = std::make_shared<const model::Histogram>(histogram);
    return sample;
}

void write_block(base::Files& files,
                 const std::string& folder,
                 std::span<const model::TypedSample> samples) {
    base::SeededRandom random(1);
    auto writer = tsdb::block::BlockWriter::create(
        files, folder, tsdb::block::Ulid::make(samples.front().t, random), {});
    REQUIRE(writer);
    REQUIRE(writer.value()->add_symbol("__name__"));
    REQUIRE(writer.value()->add_symbol("h"));
    std::vector<model::EncodedChunk> chunks;
    model::encode_samples(samples, 120, chunks);
    std::vector<tsdb::block::ChunkInput> inputs;
    for (const auto& chunk : chunks) {
        inputs.push_back(
            {chunk.encoding, base::ByteView(chunk.bytes).span(), chunk.min_t, chunk.max_t});
    }
    const std::vector<model::LabelSymbols> labels = {{1, 2}};
    REQUIRE(writer.value()->add_series(labels, inputs));
    tsdb::block::BlockMeta meta;
    meta.min_t = samples.front().t;
    meta.max_t = samples.back().t + 1;
    REQUIRE(writer.value()->publish(meta));
}

}  // namespace

TEST_CASE("histograms of a block are printed as promtool prints them", "[engine][tsdb]") {
    if (test::run_command("command -v promtool").exit_code != 0) {
        SKEIN_SKIP("promtool is absent: apt-get install prometheus");
    }
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    REQUIRE(files->make_folders(folder / "wal"));  // promtool wants one
    std::vector<model::TypedSample> samples;
    for (uint64_t i = 1; i <= 50; ++i) {
        samples.push_back(
            histogram_sample(static_cast<int64_t>(i) * 15000, i * i * (i > 40 ? 1'000'000 : 1)));
    }
    write_block(*files, folder.path(), samples);
    std::set<std::string> ours;
    for (const auto& sample : samples) {
        ours.insert("{__name__=\"h\"} " + text_of(sample) + " " + std::to_string(sample.t));
    }
    const auto outcome = test::run_command("promtool tsdb dump '" + folder.path() + "' 2>&1");
    REQUIRE(outcome.exit_code == 0);
    const auto theirs = test::lines_of(outcome.output);
    if (theirs.empty()) {
        SKEIN_SKIP("this version of promtool prints no histograms");
    }
    for (const std::string& line : theirs) {
        CAPTURE(line);
        CHECK(ours.contains(line));
    }
}

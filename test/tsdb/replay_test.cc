#include "tsdb/head/replay.h"

#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/wal/log_text.h"
#include "tsdb/head/replay_batch.h"
#include "tsdb/head/replay_pipeline.h"
#include "tsdb/wal/record_histogram.h"

namespace {

using test_support::MemoryFiles;
using wal_test::Point;
namespace wal = tsdb::wal;

constexpr uint64_t kSeries = 300;
constexpr int64_t kStep = 1000;

// More records than all batches take at once.
constexpr size_t kSamples = tsdb::ReplayPipeline::kBatches * tsdb::ReplayBatch::kRecordBytesTarget /
                            tsdb::ReplayBatch::kSampleBytesMin * 2;

model::Labels labels_of(uint64_t ref) {
    // Of many targets, so of all partitions.
    return model::Labels::from_unsorted(
        {{"__name__", "metric"}, {"instance", std::to_string(ref)}, {"job", "test"}});
}

std::string series_record(uint64_t first, uint64_t last) {
    std::string text;
    base::ByteWriter out(text);
    wal::SeriesEncoder encoder(out);
    for (uint64_t ref = first; ref <= last; ++ref) {
        encoder.begin(ref, 3);
        encoder.label("__name__", "metric");
        encoder.label("instance", std::to_string(ref));
        encoder.label("job", "test");
    }
    out.finish();
    return text;
}

std::string histograms_record(const std::vector<Point>& points) {
    std::string text;
    base::ByteWriter out(text);
    wal::HistogramsEncoder encoder(out, wal::RecordType::kHistograms);
    model::Histogram histogram;
    histogram.count = 1;
    histogram.zero_count = 1;
    for (const Point point : points) {
        encoder.add(point.ref, point.t, histogram);
    }
    out.finish();
    return text;
}

// Writes records of samples, of whichever series and size; each series goes on by kStep.
class Log {
  public:
    Log(base::Files& files, uint64_t seed) : writer_(wal_test::open_writer(files)), random_(seed) {}

    void put(const std::string& record) { REQUIRE(wal_test::log(*writer_, {record})); }

    void put_samples(size_t count, bool with_histograms) {
        while (count != 0) {
            const size_t size = std::min<size_t>(count, 1 + random_.below(2000));
            std::vector<Point> points;
            for (size_t i = 0; i < size; ++i) {
                const uint64_t ref = 1 + random_.below(kSeries);
                points.push_back({.ref = ref, .t = times_[ref] += kStep});
            }
            put(with_histograms && random_.below(4) == 0 ? histograms_record(points)
                                                         : wal_test::samples_record(points));
            count -= size;
        }
    }

    [[nodiscard]] int64_t newest() const {
        int64_t newest = INT64_MIN;
        for (const auto& [ref, t] : times_) {
            newest = std::max(newest, t);
        }
        return newest;
    }

  private:
    std::unique_ptr<wal::Writer> writer_;
    base::SeededRandom random_;
    std::map<uint64_t, int64_t> times_;
};

tsdb::ReplayReport replay(base::Files& files,
                          tsdb::Head& head,
                          const std::function<model::Labels(uint64_t, uint32_t)>& salvage = {}) {
    tsdb::ReplayInput input;
    input.wal_folder = "/wal";
    input.salvage = salvage;
    auto report = tsdb::replay_wal(files, head, input);
    REQUIRE(report);
    return std::move(report).value();
}

}  // namespace

TEST_CASE("a replay keeps each series' samples in order however the log mixes them",
          "[tsdb][replay][property]") {
    const uint64_t seed = test_support::test_seed();
    const bool histograms = GENERATE(false, true);
    CAPTURE(seed, histograms);
    MemoryFiles files;
    int64_t newest = 0;
    {
        Log log(files, seed);
        log.put(series_record(1, kSeries));
        log.put_samples(kSamples, histograms);
        newest = log.newest();
    }
    base::Budget budget("test");
    tsdb::Head head(budget, {});
    const tsdb::ReplayReport report = replay(files, head);
    CHECK(report.series == kSeries);
    // What is out of order is not appended.
    CHECK(report.samples == kSamples);
    CHECK(report.repeated == 0);
    CHECK(report.unknown_refs == 0);
    CHECK(report.damages.empty());
    CHECK(head.min_time() == kStep);
    CHECK(head.max_time() == newest);
}

TEST_CASE("series whose records are lost come back while the rest is replayed",
          "[tsdb][replay][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    constexpr uint64_t kRecorded = kSeries / 3;
    constexpr uint64_t kRecalled = kSeries / 3 * 2;
    MemoryFiles files;
    {
        Log log(files, seed);
        log.put(series_record(1, kRecorded));
        log.put_samples(kSamples / 2, false);
        // Known by another ref, and told of too late.
        log.put(series_record(kRecorded + 1, kRecalled));
        log.put_samples(kSamples / 2, false);
    }
    base::Budget budget("test");
    tsdb::Head head(budget, {});
    std::map<uint64_t, int> asked;
    const tsdb::ReplayReport report = replay(files, head, [&](uint64_t ref, uint32_t segment) {
        CHECK(segment == 0);
        ++asked[ref];
        return ref <= kRecalled ? labels_of(ref) : model::Labels();
    });
    CHECK(report.series == kRecalled);
    CHECK(report.salvaged_series == kRecalled - kRecorded);
    CHECK(report.repeated == 0);
    CHECK(report.samples + report.unknown_refs == kSamples);
    CHECK(report.unknown_refs > kSamples / 4);
    CHECK(asked.begin()->first == kRecorded + 1);
    for (uint64_t ref = kRecorded + 1; ref <= kRecalled; ++ref) {
        CHECK(asked[ref] == 1);
    }
}

TEST_CASE("a replay tells where records make no sense and goes on behind them", "[tsdb][replay]") {
    MemoryFiles files;
    {
        const auto writer =
            wal_test::open_writer(files, {.compression = tsdb::WalCompression::kNone});
        std::string broken =
            wal_test::samples_record({{.ref = 1, .t = 2000}, {.ref = 1, .t = 3000}});
        broken.pop_back();
        REQUIRE(wal_test::log(*writer,
                              {series_record(1, 1),
                               wal_test::samples_record({{.ref = 1, .t = 1000}}),
                               broken,
                               std::string("\x01\x07", 2),
                               broken,
                               wal_test::samples_record({{.ref = 1, .t = 4000}})}));
    }
    base::Budget budget("test");
    tsdb::Head head(budget, {});
    const tsdb::ReplayReport report = replay(files, head);
    CHECK(report.samples == 3);
    CHECK(report.repeated == 1);
    CHECK(report.malformed == 3);
    REQUIRE(report.damages.size() == 3);
    CHECK(report.damages[0].reason.find("malformed samples record") != std::string::npos);
    CHECK(report.damages[1].reason.find("malformed series record") != std::string::npos);
    CHECK(report.damages[0].offset < report.damages[1].offset);
    CHECK(report.damages[1].offset < report.damages[2].offset);
    CHECK(report.damages[0].bytes == report.damages[2].bytes);
}

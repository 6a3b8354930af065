// What a log written by somebody else says of metrics reaches the metadata store.
#include "tsdb/head/replayed_metadata.h"

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"
#include "test/tsdb/wal/log_text.h"
#include "tsdb/db.h"

namespace {

using model::MetricType;
namespace wal = tsdb::wal;

class NotedMetadata final : public model::MetadataStore {
  public:
    void record(std::string_view metric, const model::Metadata& metadata) override {
        noted_[std::string(metric)].push_back(metadata);
    }

    [[nodiscard]] std::vector<model::MetricMetadata> all() const override { return {}; }

    [[nodiscard]] const std::map<std::string, std::vector<model::Metadata>>& noted() const {
        return noted_;
    }

  private:
    std::map<std::string, std::vector<model::Metadata>> noted_;
};

std::string metadata_record(const std::vector<wal::MetadataEntry>& entries) {
    std::string text;
    base::ByteWriter out(text);
    wal::MetadataEncoder encoder(out);
    for (const wal::MetadataEntry& entry : entries) {
        encoder.add(entry);
    }
    out.finish();
    return text;
}

void write_log(base::Files& files, const std::vector<std::string>& records) {
    REQUIRE(files.make_folders("/data/wal"));
    auto writer = wal::Writer::open(files, wal_test::kClock, "/data/wal", {});
    REQUIRE(writer);
    REQUIRE(wal_test::log(*writer.value(), records));
    REQUIRE(writer.value()->close());
}

std::map<std::string, std::vector<model::Metadata>> noted_at_open(base::Files& files) {
    NotedMetadata noted;
    base::SystemClock clock;
    base::Budget budget("process");
    base::Registry registry;
    tsdb::TsdbOptions options;
    options.path = "/data";
    options.disk_reserve_bytes = 0;
    const auto db = tsdb::Db::open(options, files, clock, budget, {}, registry, {}, &noted);
    REQUIRE(db);
    CHECK(db.value()->replay_report().not_kept() == 0);
    return noted.noted();
}

}  // namespace

TEST_CASE("metadata in the log is given to the store while replaying", "[tsdb][replay]") {
    test_support::MemoryFiles files;
    write_log(files,
              {wal_test::series_record({1, 2}),
               metadata_record(
                   {{.ref = 1, .type = MetricType::kCounter, .unit = "bytes", .help = "Sent."},
                    {.ref = 2, .type = MetricType::kGauge, .help = "Now."}}),
               wal_test::samples_record({{1, 1000}, {2, 1000}})});
    const auto noted = noted_at_open(files);
    REQUIRE(noted.size() == 2);
    CHECK(noted.at("metric_1") ==
          std::vector<model::Metadata>{{MetricType::kCounter, "Sent.", "bytes"}});
    CHECK(noted.at("metric_2") == std::vector<model::Metadata>{{MetricType::kGauge, "Now.", ""}});
}

TEST_CASE("of metadata that changed in the log the latest counts", "[tsdb][replay]") {
    test_support::MemoryFiles files;
    write_log(files,
              {wal_test::series_record({1}),
               metadata_record({{.ref = 1, .type = MetricType::kGauge, .help = "Old."}}),
               metadata_record({{.ref = 9, .type = MetricType::kGauge, .help = "Of nobody."}}),
               metadata_record({{.ref = 1, .type = MetricType::kGauge, .help = "New."}})});
    const auto noted = noted_at_open(files);
    REQUIRE(noted.size() == 1);
    CHECK(noted.at("metric_1") == std::vector<model::Metadata>{{MetricType::kGauge, "New.", ""}});
}

TEST_CASE("series of histograms and summaries stand for their family", "[tsdb][replay]") {
    const auto check = [](std::string_view name, MetricType type, std::string_view family) {
        CAPTURE(name);
        CHECK(tsdb::family_of(name, type) == family);
    };
    check("wait_seconds_bucket", MetricType::kHistogram, "wait_seconds");
    check("wait_seconds_sum", MetricType::kHistogram, "wait_seconds");
    check("wait_seconds_count", MetricType::kHistogram, "wait_seconds");
    check("wait_seconds", MetricType::kHistogram, "wait_seconds");
    check("size_gcount", MetricType::kGaugeHistogram, "size");
    check("size_gsum", MetricType::kGaugeHistogram, "size");
    check("took_sum", MetricType::kSummary, "took");
    check("took_bucket", MetricType::kSummary, "took_bucket");
    check("sent_total", MetricType::kCounter, "sent_total");
    check("page_count", MetricType::kGauge, "page_count");
    check("_sum", MetricType::kSummary, "_sum");
}

#include "engine/storage_options.h"

#include <catch2/catch.hpp>

#include "engine/flags.h"

using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

engine::FlagValues flags_of(const std::vector<std::string>& words) {
    const engine::CommandLine line("skein", "", engine::server_flags());
    return line.parse(words).value().values;
}

tsdb::Retention retention_of(const std::vector<std::string>& words,
                             const config::StorageOptions& config = {}) {
    return engine::storage_retention(flags_of(words), config);
}

}  // namespace

TEST_CASE("samples are kept 15 days only when nothing else is said", "[engine][storage]") {
    CHECK(retention_of({}).duration == hours(15 * 24));
    CHECK(retention_of({"--storage.tsdb.retention.time=30d"}).duration == hours(30 * 24));
    CHECK(retention_of({"--storage.tsdb.retention.time=0"}).duration == hours(15 * 24));
    const tsdb::Retention by_size = retention_of({"--storage.tsdb.retention.size=1GB"});
    CHECK(by_size.duration == milliseconds(0));
    CHECK(by_size.bytes == uint64_t{1} << 30);
    CHECK(retention_of({"--storage.tsdb.retention.time=250y"}).duration == hours(100 * 365 * 24));
}

TEST_CASE("the configuration's retention goes before the flags'", "[engine][storage]") {
    config::StorageOptions config;
    config.retention_time = hours(48);
    const std::vector<std::string> words{"--storage.tsdb.retention.time=30d",
                                         "--storage.tsdb.retention.size=1GB"};
    CHECK(retention_of(words, config) ==
          tsdb::Retention{.duration = hours(48), .bytes = uint64_t{1} << 30});
    config = {};
    config.retention_percentage = 80;
    CHECK(retention_of({}, config) == tsdb::Retention{.percentage = 80});
    config = {};
    config.retention_size = 4096;
    CHECK(retention_of({}, config) == tsdb::Retention{.bytes = 4096});
    config.retention_time = milliseconds(0);
    config.retention_size = 0;
    CHECK(retention_of(words, config) == tsdb::Retention{.duration = hours(15 * 24)});
}

TEST_CASE("the retention is told as Prometheus tells it", "[engine][storage]") {
    CHECK(engine::retention_text({.duration = hours(15 * 24)}) == "15d");
    CHECK(engine::retention_text({.duration = hours(36), .bytes = uint64_t{512} << 30}) ==
          "1d12h or 512GiB");
    CHECK(engine::retention_text({.bytes = 4096, .percentage = 12.5}) == "12.5%");
}

TEST_CASE("the storage's flags reach the storage", "[engine][storage]") {
    const tsdb::TsdbOptions options =
        engine::storage_options(flags_of({"--storage.tsdb.path=elsewhere",
                                          "--storage.tsdb.min-block-duration=2h",
                                          "--storage.tsdb.max-block-duration=2h",
                                          "--storage.tsdb.max-block-chunk-segment-size=16MB",
                                          "--storage.tsdb.block-reload-interval=10ms",
                                          "--storage.tsdb.delay-compact-file.path=shipper.json",
                                          "--no-storage.tsdb.allow-overlapping-compaction"}),
                                {});
    CHECK(options.path == "elsewhere");
    CHECK(options.min_block_duration == hours(2));
    CHECK(options.max_block_duration == hours(2));
    CHECK(options.block_segment_bytes == uint64_t{16} << 20);
    CHECK(options.block_reload_interval == milliseconds(1000));
    CHECK(options.delay_compact_file == "shipper.json");
    CHECK_FALSE(options.compact_overlapping);
    CHECK(options.validate().has_value());
    CHECK(engine::storage_options(flags_of({}), {}).validate().has_value());

    const auto refused = [](const std::string& word) {
        const auto status = engine::storage_options(flags_of({word}), {}).validate();
        return status.has_error() ? status.error().message() : "";
    };
    CHECK(refused("--storage.tsdb.max-block-chunk-segment-size=4GB").find("below 4GiB") !=
          std::string::npos);
    CHECK(refused("--storage.tsdb.max-block-chunk-segment-size=512KB").find("at least 1MiB") !=
          std::string::npos);
}

#include "engine/storage_options.h"

#include <algorithm>
#include <charconv>

#include "base/byte_size.h"
#include "base/duration.h"
#include "engine/features.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::hours kRetentionDefault{15 * 24};
constexpr std::chrono::hours kRetentionMax{100 * 365 * 24};
constexpr milliseconds kReloadIntervalMin{1000};

std::string percentage_text(double percentage) {
    char text[32];
    const auto end = std::to_chars(std::begin(text), std::end(text), percentage).ptr;
    return std::string(std::begin(text), end) + "%";
}

}  // namespace

tsdb::TsdbOptions storage_options(const FlagValues& flags, const config::StorageOptions& config) {
    tsdb::TsdbOptions options;
    options.path = flags.text("storage.tsdb.path");
    options.wal_segment_size = static_cast<uint64_t>(flags.bytes("storage.tsdb.wal-segment-size"));
    options.wal_compression =
        !flags.boolean("storage.tsdb.wal-compression")              ? tsdb::WalCompression::kNone
        : flags.text("storage.tsdb.wal-compression-type") == "zstd" ? tsdb::WalCompression::kZstd
                                                                    : tsdb::WalCompression::kSnappy;
    options.wal_sync_interval = milliseconds(flags.duration_ms("storage.tsdb.wal-sync-interval"));
    options.samples_per_chunk =
        static_cast<uint32_t>(flags.integer("storage.tsdb.samples-per-chunk"));
    options.min_block_duration = milliseconds(flags.duration_ms("storage.tsdb.min-block-duration"));
    options.max_block_duration = milliseconds(flags.duration_ms("storage.tsdb.max-block-duration"));
    options.block_segment_bytes =
        static_cast<uint64_t>(flags.bytes("storage.tsdb.max-block-chunk-segment-size"));
    options.block_reload_interval = std::max(
        kReloadIntervalMin, milliseconds(flags.duration_ms("storage.tsdb.block-reload-interval")));
    options.delay_compact_file = flags.text("storage.tsdb.delay-compact-file.path");
    options.compact_overlapping = flags.boolean("storage.tsdb.allow-overlapping-compaction");
    options.retention = storage_retention(flags, config);
    options.out_of_order_time_window = config.out_of_order_time_window;
    options.exemplars_max = storage_exemplars(flags, config);
    options.no_lockfile = flags.boolean("storage.tsdb.no-lockfile");
    return options;
}

uint64_t storage_exemplars(const FlagValues& flags, const config::StorageOptions& config) {
    return Features(flags).has("exemplar-storage") ? config.max_exemplars : 0;
}

tsdb::Retention storage_retention(const FlagValues& flags, const config::StorageOptions& config) {
    tsdb::Retention retention;
    if (config.retention_time) {
        retention.duration = *config.retention_time;
    } else if (flags.given("storage.tsdb.retention.time")) {
        retention.duration = milliseconds(flags.duration_ms("storage.tsdb.retention.time"));
    }
    retention.duration = std::min<milliseconds>(retention.duration, kRetentionMax);
    retention.bytes = config.retention_size.value_or(
        static_cast<uint64_t>(flags.bytes("storage.tsdb.retention.size")));
    retention.percentage = config.retention_percentage.value_or(0);
    if (retention == tsdb::Retention{}) {
        retention.duration = kRetentionDefault;
    }
    return retention;
}

std::string retention_text(const tsdb::Retention& retention) {
    std::string text;
    const auto add = [&](const std::string& limit) {
        text += (text.empty() ? "" : " or ") + limit;
    };
    if (retention.duration.count() > 0) {
        add(base::format_duration_ms(retention.duration.count()));
    }
    if (retention.percentage > 0) {
        add(percentage_text(retention.percentage));
    } else if (retention.bytes > 0) {
        add(base::format_byte_size(static_cast<int64_t>(retention.bytes)));
    }
    return text;
}

}  // namespace engine

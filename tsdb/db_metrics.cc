// The figures of the database that are computed when they are asked for.
#include "base/mapped_guard.h"
#include "tsdb/db.h"

namespace tsdb {

void Db::register_metrics(base::Registry& registry) {
    using base::MetricKind;
    const auto add = [&](MetricKind kind,
                         std::string_view name,
                         std::string_view help,
                         std::function<double()> value) {
        callbacks_.push_back(registry.computed(kind, name, help, std::move(value)));
    };
    const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
        add(MetricKind::kGauge, name, help, [value] { return static_cast<double>(value()); });
    };
    gauge("prometheus_tsdb_head_series", "Series in the head.", [this] { return head_.series(); });
    add(MetricKind::kCounter,
        "prometheus_tsdb_head_series_created_total",
        "Series created in the head.",
        [this] { return static_cast<double>(head_.series_created()); });
    add(MetricKind::kCounter,
        "prometheus_tsdb_head_series_removed_total",
        "Series removed from the head.",
        [this] { return static_cast<double>(head_.series_removed()); });
    gauge("prometheus_tsdb_head_chunks", "Chunks in the head.", [this] { return head_.chunks(); });
    gauge("prometheus_tsdb_head_min_time", "Oldest sample of the head, in milliseconds.", [this] {
        return head_.min_time();
    });
    gauge("prometheus_tsdb_head_max_time", "Newest sample of the head, in milliseconds.", [this] {
        return head_.max_time();
    });
    gauge("prometheus_tsdb_lowest_timestamp_seconds", "Oldest sample stored, in seconds.", [this] {
        const auto range = time_range();
        return range ? static_cast<double>(range->first) / 1000 : 0.0;
    });
    gauge("skein_upkeep_memory_bytes", "Bytes that cutting and compacting blocks holds.", [this] {
        return upkeep_memory_.taken();
    });
    gauge("skein_upkeep_memory_max_bytes",
          "Most bytes that cutting and compacting blocks has held at once.",
          [this] { return upkeep_memory_.most_taken(); });
    gauge("skein_upkeep_memory_kept_bytes",
          "Bytes kept ready for the next cut of the head.",
          [this] { return upkeep_memory_.kept(); });
    gauge("prometheus_tsdb_symbol_table_size_bytes", "Memory of label names and values.", [this] {
        return head_.memory().bytes(HeadPart::kSymbols);
    });
    gauge("prometheus_tsdb_head_chunks_storage_size_bytes", "Size of chunks_head.", [this] {
        return chunk_files_->bytes();
    });
    gauge("prometheus_tsdb_wal_segment_current", "Segment being written.", [this] {
        return writer_->segment();
    });
    gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the write-ahead log.", [this] {
        return head_bytes() - chunk_files_->bytes();
    });
    gauge("skein_wal_oldest_unsynced_seconds",
          "Age of the oldest record of the write-ahead log that a power cut could take.",
          [this] { return std::chrono::duration<double>(writer_->oldest_unsynced()).count(); });
    gauge("skein_wal_unsynced_bytes",
          "Bytes of the write-ahead log that a power cut could take.",
          [this] { return writer_->unsynced_bytes(); });
    gauge("skein_commit_queue_bytes", "Commits waiting for the write-ahead log.", [this] {
        return committer_->queued_bytes();
    });
    gauge("skein_wal_kept_bytes",
          "Bytes of samples that are only in memory because the storage is read-only.",
          [this] { return gate_->kept_bytes(); });
    add(MetricKind::kCounter,
        "skein_mapped_pages_lost_total",
        "Pages of mapped files that could not be read, since the start.",
        [] { return static_cast<double>(base::mapped_pages_lost()); });
    gauge("skein_storage_safe_mode",
          "1 while blocks are not compacted because of starts that did not end cleanly.",
          [this] { return safe_mode() ? 1 : 0; });
    callbacks_.push_back(registry.computed(
        MetricKind::kGauge,
        "skein_storage_readonly",
        "1 while the disk takes no writes, by reason.",
        {"reason"},
        [this](base::MetricEmitter& out) {
            for (size_t i = 0; i < kReadonlyReasons; ++i) {
                const auto reason = static_cast<ReadonlyReason>(i);
                out.emit({readonly_reason_name(reason)}, disk_.has(reason) ? 1 : 0);
            }
        }));
    register_exemplar_metrics(registry);
    callbacks_.push_back(registry.computed(
        MetricKind::kGauge,
        "skein_head_memory_bytes",
        "Memory of the head, by part.",
        {"part"},
        [this](base::MetricEmitter& out) {
            for (size_t i = 0; i < kHeadParts; ++i) {
                out.emit({kHeadPartNames[i]},
                         static_cast<double>(head_.memory().bytes(static_cast<HeadPart>(i))));
            }
        }));
}

void Db::register_exemplar_metrics(base::Registry& registry) {
    using base::MetricKind;
    const auto add = [&](MetricKind kind,
                         std::string_view name,
                         std::string_view help,
                         uint64_t ExemplarRing::Stats::* figure) {
        callbacks_.push_back(registry.computed(kind, name, help, [this, figure] {
            return static_cast<double>(head_.exemplars().stats().*figure);
        }));
    };
    using Stats = ExemplarRing::Stats;
    add(MetricKind::kCounter,
        "prometheus_tsdb_exemplar_exemplars_appended_total",
        "Exemplars stored.",
        &Stats::added);
    add(MetricKind::kGauge,
        "prometheus_tsdb_exemplar_exemplars_in_storage",
        "Exemplars that are kept now.",
        &Stats::stored);
    add(MetricKind::kGauge,
        "prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
        "Series that have exemplars.",
        &Stats::series);
    add(MetricKind::kGauge,
        "prometheus_tsdb_exemplar_max_exemplars",
        "Exemplars that are kept at most.",
        &Stats::capacity);
    add(MetricKind::kCounter,
        "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
        "Exemplars refused because their series has newer ones.",
        &Stats::out_of_order);
    add(MetricKind::kCounter,
        "skein_exemplars_too_long_total",
        "Exemplars refused because their labels have more than 128 characters.",
        &Stats::too_long);
    callbacks_.push_back(registry.computed(
        MetricKind::kGauge,
        "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
        "Time of the oldest exemplar that is kept, in seconds.",
        [this] { return static_cast<double>(head_.exemplars().stats().oldest_t) / 1000; }));
}

}  // namespace tsdb

#include "tsdb/metrics.h"

namespace tsdb {
namespace {

constexpr std::string_view kFloat = "float";

}  // namespace

CommitMetrics::CommitMetrics(base::Registry& registry)
    : appended(registry.counters("prometheus_tsdb_head_samples_appended_total",
                                 "Total number of appended samples.",
                                 {"type"})),
      out_of_order(registry.counters("prometheus_tsdb_out_of_order_samples_total",
                                     "Samples refused because their series has newer ones.",
                                     {"type"})),
      out_of_bounds(registry.counters("prometheus_tsdb_out_of_bound_samples_total",
                                      "Samples refused because the head has gone past their time.",
                                      {"type"})),
      too_old(registry.counters("prometheus_tsdb_too_old_samples_total",
                                "Samples refused because they are older than the out-of-order "
                                "window.",
                                {"type"})),
      rejected(registry.counters(
          "skein_head_rejected_samples_total", "Samples the head refused, by reason.", {"reason"})),
      floats_appended(appended.with({kFloat})),
      commits_refused(registry.counter("skein_commits_refused_total",
                                       "Commits refused because the queue of the write-ahead log "
                                       "was full.")),
      writes_failed(registry.counter("prometheus_tsdb_wal_writes_failed_total",
                                     "Groups of commits that could not be written to the "
                                     "write-ahead log.")),
      fsync_failures(registry.counter("skein_wal_fsync_failures_total",
                                      "Failed syncs of the write-ahead log.")),
      fsync_seconds(registry.summary("prometheus_tsdb_wal_fsync_duration_seconds",
                                     "Duration of write-ahead log syncs.")) {}

void CommitMetrics::count_rejected(model::RejectReason reason) {
    rejected.with({reject_reason_name(reason)}).add();
    if (reason == model::RejectReason::kOutOfOrder) {
        out_of_order.with({kFloat}).add();
    } else if (reason == model::RejectReason::kOutOfBounds) {
        out_of_bounds.with({kFloat}).add();
    } else if (reason == model::RejectReason::kTooOld) {
        too_old.with({kFloat}).add();
    }
}

ReplayMetrics::ReplayMetrics(base::Registry& registry)
    : seconds(registry.gauge("prometheus_tsdb_data_replay_duration_seconds",
                             "Time taken to replay the data on disk.")),
      corruptions(registry.counter("prometheus_tsdb_wal_corruptions_total",
                                   "Damaged stretches found in the write-ahead log.")),
      lost_bytes(registry.counter("skein_wal_lost_bytes_total",
                                  "Bytes of the write-ahead log that could not be read.")),
      unknown_refs(registry.counter("skein_wal_unknown_series_samples_total",
                                    "Replayed samples whose series record is missing.")),
      series_refused(registry.counter("skein_head_series_refused_total",
                                      "New series refused because memory has no room for them.")) {}

std::string_view reject_reason_name(model::RejectReason reason) {
    switch (reason) {
        case model::RejectReason::kOutOfOrder:
            return "out_of_order";
        case model::RejectReason::kDuplicateTimestamp:
            return "duplicate_timestamp";
        case model::RejectReason::kOutOfBounds:
            return "out_of_bounds";
        case model::RejectReason::kTooOld:
            return "too_old";
        case model::RejectReason::kUnknownSeries:
            return "unknown_series";
        case model::RejectReason::kNotStored:
            return "not_stored";
    }
    return "unknown";
}

}  // namespace tsdb

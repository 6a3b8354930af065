#include "tsdb/metrics.h"

namespace tsdb {
namespace {

constexpr std::string_view kFloat = "float";

}  // namespace

CommitMetrics::CommitMetrics(base::Registry& registry)
    : appended(registry.counters("prometheus_tsdb_head_samples_appended_total",
                                 "Total number of appended samples.",
                                 {"type"})),
      late(registry.counters("prometheus_tsdb_head_out_of_order_samples_appended_total",
                             "Total number of appended out-of-order samples.",
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
      histograms_appended(appended.with({"histogram"})),
      late_floats_appended(late.with({kFloat})),
      late_histograms_appended(late.with({"histogram"})),
      filing_failures(registry.counter("skein_head_chunk_write_failures_total",
                                       "Times complete chunks could not be written to their "
                                       "files and stayed in memory.")),
      commits_refused(
          registry.counter("skein_commits_refused_total",
                           "Commits refused because the queue of the write-ahead log, or "
                           "the memory for a full disk, was full.")),
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
      chunk_corruptions(registry.counter("prometheus_tsdb_mmap_chunk_corruptions_total",
                                         "Damages found in files of the head's chunks.")),
      unknown_refs(registry.counter("skein_wal_unknown_series_samples_total",
                                    "Replayed samples whose series record is missing.")),
      salvaged(registry.counter("skein_wal_salvaged_records_total",
                                "Series records lost from the write-ahead log and found in the "
                                "side log.")),
      unclean_shutdowns(registry.counter("skein_unclean_shutdowns_total",
                                         "1 when the run before this one did not end cleanly.")),
      series_refused(registry.counter("skein_head_series_refused_total",
                                      "New series refused because memory has no room for them.")) {}

CutMetrics::CutMetrics(base::Registry& registry)
    : truncations(registry.counter("prometheus_tsdb_head_truncations_total",
                                   "Times the head was truncated.")),
      truncations_failed(registry.counter("prometheus_tsdb_head_truncations_failed_total",
                                          "Times the head could not be cut or truncated.")),
      gc_seconds(registry.summary("prometheus_tsdb_head_gc_duration_seconds",
                                  "Time to remove series and chunks from the head.")),
      cut_seconds(registry.histogram("skein_head_cut_duration_seconds",
                                     "Time to write a block from the head.",
                                     base::exponential_bounds(0.1, 2, 12))),
      checkpoints(
          registry.counter("prometheus_tsdb_checkpoint_creations_total", "Checkpoints attempted.")),
      checkpoints_failed(registry.counter("prometheus_tsdb_checkpoint_creations_failed_total",
                                          "Checkpoints that failed.")),
      wal_truncate_seconds(registry.summary("prometheus_tsdb_wal_truncate_duration_seconds",
                                            "Time to truncate the write-ahead log.")) {}

BlockMetrics::BlockMetrics(base::Registry& registry)
    : loaded(registry.gauge("prometheus_tsdb_blocks_loaded", "Blocks that are served.")),
      bytes(registry.gauge("prometheus_tsdb_storage_blocks_bytes", "Bytes of all blocks.")),
      reloads(registry.counter("prometheus_tsdb_reloads_total",
                               "Times the blocks on the disk were looked at again.")),
      reload_failures(
          registry.counter("prometheus_tsdb_reloads_failures_total", "Times that failed.")),
      triggered(registry.counter("prometheus_tsdb_compactions_triggered_total",
                                 "Times it was looked what there is to compact.")),
      compactions(registry.counter("prometheus_tsdb_compactions_total", "Compactions of blocks.")),
      compactions_failed(
          registry.counter("prometheus_tsdb_compactions_failed_total", "Compactions that failed.")),
      compaction_seconds(registry.histogram("prometheus_tsdb_compaction_duration_seconds",
                                            "Time of a compaction.",
                                            base::exponential_bounds(1, 2, 14))),
      time_retentions(registry.counter("prometheus_tsdb_time_retentions_total",
                                       "Times blocks were deleted for their age.")),
      size_retentions(registry.counter("prometheus_tsdb_size_retentions_total",
                                       "Times blocks were deleted for their size.")),
      retention_bytes(registry.gauge("prometheus_tsdb_retention_limit_bytes",
                                     "Most bytes that blocks may take; 0: no limit.")),
      retention_seconds(registry.gauge("prometheus_tsdb_retention_limit_seconds",
                                       "How long samples are kept; 0: for ever.")),
      quarantined(registry.counter("skein_blocks_quarantined_total",
                                   "Blocks moved to quarantine because they are damaged.")),
      from_future(registry.gauge("skein_blocks_from_future",
                                 "Blocks that begin later than an hour from now.")) {}

ScrubMetrics::ScrubMetrics(base::Registry& registry)
    : bytes(registry.counter("skein_scrub_bytes_total",
                             "Bytes of blocks that were compared with their checksums.")),
      blocks(registry.counter("skein_scrub_blocks_total",
                              "Blocks that were compared with their checksums.")),
      damaged(registry.counter("skein_scrub_damaged_files_total",
                               "Files of blocks that do not fit their checksums.")),
      failures(registry.counter("skein_scrub_failures_total",
                                "Blocks whose checksums could not be used.")) {}

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

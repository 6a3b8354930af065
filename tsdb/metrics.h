// The storage's own metrics, under Prometheus' names where it has them.
#pragma once

#include <vector>

#include "base/metrics.h"
#include "model/storage.h"

namespace tsdb {

// What the commit path counts.
struct CommitMetrics {
    explicit CommitMetrics(base::Registry& registry);

    base::MetricFamily<base::Counter>& appended;       // by type
    base::MetricFamily<base::Counter>& late;           // by type
    base::MetricFamily<base::Counter>& out_of_order;   // by type
    base::MetricFamily<base::Counter>& out_of_bounds;  // by type
    base::MetricFamily<base::Counter>& too_old;        // by type
    base::MetricFamily<base::Counter>& rejected;       // by reason
    base::Counter& floats_appended;
    base::Counter& histograms_appended;
    base::Counter& late_floats_appended;
    base::Counter& late_histograms_appended;
    base::Counter& filing_failures;
    base::Counter& commits_refused;
    base::Counter& writes_failed;
    base::Counter& fsync_failures;
    base::Summary& fsync_seconds;

    void count_rejected(model::RejectReason reason);
};

// What opening found out.
struct ReplayMetrics {
    explicit ReplayMetrics(base::Registry& registry);

    base::Gauge& seconds;
    base::Counter& corruptions;
    base::Counter& lost_bytes;
    base::Counter& chunk_corruptions;
    base::Counter& unknown_refs;
    base::Counter& salvaged;
    base::Counter& unclean_shutdowns;
    base::Counter& series_refused;  // new series the budget had no room for
};

// What happens when the head is cut.
struct CutMetrics {
    explicit CutMetrics(base::Registry& registry);

    base::Counter& truncations;
    base::Counter& truncations_failed;
    base::Summary& gc_seconds;
    base::Histogram& cut_seconds;
    base::Counter& checkpoints;
    base::Counter& checkpoints_failed;
    base::Summary& wal_truncate_seconds;
};

// Blocks, their compaction and retention.
struct BlockMetrics {
    explicit BlockMetrics(base::Registry& registry);

    base::Gauge& loaded;
    base::Gauge& bytes;
    base::Counter& reloads;
    base::Counter& reload_failures;
    base::Counter& triggered;
    base::Counter& compactions;
    base::Counter& compactions_failed;
    base::Histogram& compaction_seconds;
    base::Counter& time_retentions;
    base::Counter& size_retentions;
    base::Gauge& retention_bytes;
    base::Gauge& retention_seconds;
    base::Counter& quarantined;
    base::Gauge& from_future;
};

// Reading blocks again.
struct ScrubMetrics {
    explicit ScrubMetrics(base::Registry& registry);

    base::Counter& bytes;
    base::Counter& blocks;
    base::Counter& damaged;
    base::Counter& failures;
};

[[nodiscard]] std::string_view reject_reason_name(model::RejectReason reason);

}  // namespace tsdb

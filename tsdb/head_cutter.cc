#include "tsdb/head_cutter.h"

#include <algorithm>
#include <map>

#include "tsdb/head/block_cut.h"
#include "tsdb/head/slot_set.h"
#include "tsdb/wal/checkpoint.h"

namespace tsdb {
namespace {

// The refs of all series of a head, compressed.
class LiveRefs {
  public:
    explicit LiveRefs(const Head& head) {
        for (uint32_t slot = 0; slot < head.slots_end(); ++slot) {
            if (const SlotEntry entry = head.at(slot); entry.record != nullptr) {
                const uint64_t ref = entry.record->ref();
                refs_[static_cast<uint32_t>(ref >> 32)].add(static_cast<uint32_t>(ref));
            }
        }
    }

    [[nodiscard]] bool has(uint64_t ref) const {
        const auto at = refs_.find(static_cast<uint32_t>(ref >> 32));
        return at != refs_.end() && at->second.contains(static_cast<uint32_t>(ref));
    }

  private:
    std::map<uint32_t, SlotSet> refs_;
};

double seconds_since(const base::Clock& clock, base::SteadyTime began) {
    return std::chrono::duration<double>(clock.steady() - began).count();
}

}  // namespace

HeadCutter::HeadCutter(const TsdbOptions& options,
                       const Parts& parts,
                       RefExpiry expired,
                       base::Logger log)
    : options_(options),
      parts_(parts),
      wal_folder_(base::join_path(options.path, "wal")),
      expired_(std::move(expired)),
      log_(std::move(log)) {}

bool HeadCutter::due() const {
    const int64_t min_t = parts_.head.min_time();
    const int64_t max_t = parts_.head.max_time();
    const int64_t range = options_.min_block_duration.count();
    return min_t <= max_t && static_cast<uint64_t>(max_t) - static_cast<uint64_t>(min_t) >
                                 static_cast<uint64_t>(range / 2 * 3);
}

base::Status HeadCutter::cut(const std::stop_token& stop) {
    return cut_range(std::nullopt, stop);
}

base::Status HeadCutter::cut_until(int64_t end, const std::stop_token& stop) {
    return cut_range(end, stop);
}

base::Status HeadCutter::cut_range(std::optional<int64_t> until, const std::stop_token& stop) {
    int64_t begin = 0;
    int64_t end = 0;
    // Together: a commit between them could bring a sample that is older than the block.
    TRY(on_log_thread([&] {
        begin = std::max(parts_.head.min_time(), parts_.views.current()->head_from);
        end = until ? *until : range_end(begin, options_.min_block_duration.count());
        if (begin < end) {
            parts_.head.raise_floor(end);
        }
    }));
    if (begin >= end) {
        return base::success();
    }
    const base::SteadyTime began = parts_.clock.steady();
    const BlockCut cut{.min_t = begin,
                       .max_t = end,
                       .ulid = block::Ulid::make(parts_.clock.now_ms(), random_),
                       .writing = {.segment_bytes = options_.block_segment_bytes,
                                   .postings_bytes = options_.compaction_memory,
                                   .memory = &parts_.memory},
                       .hints = {},
                       .samples_per_chunk = options_.samples_per_chunk};
    TRY(const auto meta,
        base::context(
            write_head_block(
                parts_.files, options_.path, parts_.head, parts_.views.current(), cut, stop),
            "write a block from the head"));
    if (meta) {
        TRY(parts_.blocks.add(*meta, end, began));
    } else {
        TRY(parts_.blocks.begin_head_at(end));
    }
    parts_.metrics.cut_seconds.observe(seconds_since(parts_.clock, began));
    return truncate_head(end, stop);
}

base::Status HeadCutter::truncate_head(int64_t min_t, const std::stop_token& stop) {
    if (!parts_.views.wait_for_readers(stop)) {
        return base::fail(base::Code::kCanceled, "stopped while readers had the head open");
    }
    const base::SteadyTime began = parts_.clock.steady();
    base::Status files = base::success();
    TRY(on_log_thread([&] {
        parts_.head.begin_at(min_t);
        parts_.chunk_files.hold(parts_.head.late().files_in_use());
        files = parts_.chunk_files.truncate(min_t);
        parts_.chunk_files.drop_pages();
    }));
    parts_.head.tombstones().truncate_before(min_t);
    if (!files) {
        log_.warn(
            "files of chunks that are in blocks could not be removed", "error", files.error());
    }
    TRY(sweep(min_t, stop));
    parts_.metrics.truncations.add();
    parts_.metrics.gc_seconds.observe(seconds_since(parts_.clock, began));
    return truncate_wal(min_t);
}

base::Status HeadCutter::sweep(int64_t min_t, const std::stop_token& stop) {
    std::vector<Unlinked> unlinked;
    const uint32_t end = parts_.head.slots_end();
    int64_t oldest = INT64_MAX;
    for (uint32_t from = 0; from < end; from += kSlotsPerJob) {
        SweptSeries swept;
        TRY(on_log_thread([&] {
            oldest = std::min(
                oldest, parts_.head.sweep(from, std::min(end, from + kSlotsPerJob), min_t, swept));
        }));
        unlinked.push_back(parts_.head.unlink(swept));
        expired_.add(parts_.wal.segment(), min_t - 1, std::move(swept.refs));
    }
    if (oldest != INT64_MAX) {
        TRY(on_log_thread([&] { parts_.head.raise_min_time(oldest); }));
    }
    // Who reads now may still look at the series that went.
    parts_.blocks.renew_view();
    if (!parts_.views.wait_for_readers(stop)) {
        return base::fail(base::Code::kCanceled, "stopped while readers had the head open");
    }
    for (Unlinked& bag : unlinked) {
        TRY(on_log_thread([&] { parts_.head.recycle(std::move(bag)); }));
    }
    return base::success();
}

base::Status HeadCutter::truncate_wal(int64_t min_t) {
    const base::SteadyTime began = parts_.clock.steady();
    base::Status begun = base::success();
    TRY(on_log_thread([&] { begun = parts_.wal.begin_next_segment(); }));
    TRY(begun);
    TRY(const auto segments, wal::list_segments(parts_.files, wal_folder_));
    if (segments.empty()) {
        return base::success();
    }
    const auto range = wal::segments_to_checkpoint(segments.front().number, parts_.wal.segment());
    if (!range) {
        return base::success();
    }
    const LiveRefs live(parts_.head);
    // The log of out-of-order samples knows series by refs of this one.
    const int64_t oldest = parts_.head.late().series() != 0 ? INT64_MIN : min_t;
    const auto is_needed = [&](uint64_t ref) {
        return live.has(ref) || expired_.may_occur(range->last, oldest, ref);
    };
    const wal::CheckpointRequest request{.first_segment = range->first,
                                         .last_segment = range->last,
                                         .min_t = min_t,
                                         .keep_series = is_needed,
                                         .samples_are_old =
                                             [&](uint32_t segment) {
                                                 const auto max_t =
                                                     parts_.segment_times.max_t(segment);
                                                 return max_t && *max_t < min_t;
                                             },
                                         .compression = options_.wal_compression,
                                         .segment_size = options_.wal_segment_size};
    auto report = wal::write_checkpoint(parts_.files, wal_folder_, request);
    parts_.metrics.checkpoints.add();
    if (!report) {
        parts_.metrics.checkpoints_failed.add();
        return base::context(base::Status(base::fail(report.error())), "write a checkpoint");
    }
    TRY(base::context(wal::remove_segments(parts_.files, wal_folder_, range->last),
                      "remove old segments of the write-ahead log"));
    parts_.side_log.compact(is_needed);
    expired_.forget(range->last, oldest);
    parts_.segment_times.forget(range->last);
    parts_.metrics.wal_truncate_seconds.observe(seconds_since(parts_.clock, began));
    log_.info("write-ahead log truncated",
              "checkpoint",
              range->last,
              "series_kept",
              report.value().series_kept,
              "series_dropped",
              report.value().series_dropped,
              "samples_kept",
              report.value().samples_kept,
              "samples_dropped",
              report.value().samples_dropped,
              "took_s",
              seconds_since(parts_.clock, began));
    return base::success();
}

base::Status HeadCutter::on_log_thread(const std::function<void()>& job) {
    if (!parts_.committer.run_between_groups(job)) {
        return base::fail(base::Code::kCanceled, "the storage is stopping");
    }
    return base::success();
}

}  // namespace tsdb

#include "tsdb/out_of_order_cutter.h"

#include <algorithm>
#include <utility>

#include "tsdb/head/block_cut.h"
#include "tsdb/wal/checkpoint.h"

namespace tsdb {

OutOfOrderCutter::OutOfOrderCutter(const TsdbOptions& options, const Parts& parts, base::Logger log)
    : options_(options), parts_(parts), log_(std::move(log)) {}

base::Status OutOfOrderCutter::cut(const std::stop_token& stop) {
    if (parts_.head.late().series() == 0) {
        return base::success();
    }
    base::Result<std::optional<uint32_t>> last_segment = std::optional<uint32_t>();
    TRY(on_log_thread([&] { last_segment = parts_.log.begin_next_segment(); }));
    if (!last_segment) {
        return base::fail(last_segment.error());
    }
    std::vector<Sealed> sealed;
    TRY(seal(sealed));
    for (const auto& [end, slots] : ranges_of(sealed)) {
        TRY(base::context(write(end, slots, stop), "write a block of out-of-order samples"));
    }
    // Readers that began before the blocks were shown read the samples where they were.
    parts_.blocks.renew_view();
    if (!parts_.views.wait_for_readers(stop)) {
        return base::fail(base::Code::kCanceled, "stopped while readers had the head open");
    }
    TRY(drop(sealed));
    if (last_segment.value()) {
        TRY(base::context(
            wal::remove_segments(parts_.files, parts_.log.folder(), *last_segment.value()),
            "remove old segments of the log of out-of-order samples"));
    }
    return base::success();
}

base::Status OutOfOrderCutter::seal(std::vector<Sealed>& sealed) {
    OutOfOrderStore& store = parts_.head.late();
    const std::vector<uint32_t> slots = store.slots();
    sealed.reserve(slots.size());
    for (size_t from = 0; from < slots.size(); from += kSeriesPerJob) {
        const size_t to = std::min(slots.size(), from + kSeriesPerJob);
        TRY(on_log_thread([&] {
            for (size_t i = from; i < to; ++i) {
                store.close(slots[i]);
                sealed.push_back({.slot = slots[i], .chunks = store.chunks(slots[i])});
            }
        }));
    }
    return base::success();
}

OutOfOrderCutter::Ranges OutOfOrderCutter::ranges_of(std::span<const Sealed> sealed) const {
    const int64_t width = options_.min_block_duration.count();
    Ranges ranges;
    LateSeries series;
    for (const Sealed& entry : sealed) {
        parts_.head.late().read(entry.slot, INT64_MIN, INT64_MAX, series);
        series.chunks.resize(std::min(series.chunks.size(), entry.chunks));
        for (const LateChunk& chunk : series.chunks) {
            for (int64_t end = range_end(chunk.min_t, width); end - width <= chunk.max_t;
                 end += width) {
                std::vector<uint32_t>& slots = ranges[end];
                if (slots.empty() || slots.back() != entry.slot) {
                    slots.push_back(entry.slot);
                }
            }
        }
    }
    return ranges;
}

base::Status OutOfOrderCutter::write(int64_t end,
                                     const std::vector<uint32_t>& slots,
                                     const std::stop_token& stop) {
    const base::SteadyTime began = parts_.clock.steady();
    const std::shared_ptr<const View> view = parts_.views.current();
    const BlockCut cut{.min_t = end - options_.min_block_duration.count(),
                       .max_t = end,
                       .ulid = block::Ulid::make(parts_.clock.now_ms(), random_),
                       .writing = {.segment_bytes = options_.block_segment_bytes,
                                   .postings_bytes = options_.compaction_memory,
                                   .memory = &parts_.memory},
                       .hints = {std::string(block::kHintOutOfOrder)},
                       .samples_per_chunk = options_.samples_per_chunk};
    uint64_t damaged = 0;
    TRY(const auto meta,
        write_out_of_order_block(
            parts_.files, options_.path, parts_.head, slots, view, cut, stop, damaged));
    if (damaged != 0) {
        log_.error("damaged chunks of out-of-order samples are lost", "chunks", damaged);
    }
    if (!meta) {
        return base::success();
    }
    return parts_.blocks.add(*meta, view->head_from, began);
}

// Series that have nothing left may go with the next sweep.
base::Status OutOfOrderCutter::drop(std::span<const Sealed> sealed) {
    OutOfOrderStore& store = parts_.head.late();
    for (size_t from = 0; from < sealed.size(); from += kSeriesPerJob) {
        const auto part = sealed.subspan(from, std::min(kSeriesPerJob, sealed.size() - from));
        TRY(on_log_thread([&] {
            for (const Sealed& entry : part) {
                if (store.drop(entry.slot, entry.chunks)) {
                    parts_.head.set_out_of_order(entry.slot, false);
                }
            }
        }));
    }
    return on_log_thread([&] { store.refresh_times(); });
}

base::Status OutOfOrderCutter::on_log_thread(const std::function<void()>& job) {
    if (!parts_.committer.run_between_groups(job)) {
        return base::fail(base::Code::kCanceled, "the storage is stopping");
    }
    return base::success();
}

}  // namespace tsdb

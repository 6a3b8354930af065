#include "tsdb/deletion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tsdb/wal/record.h"

namespace tsdb {
namespace {

constexpr size_t kChecksEvery = 4096;

// A block's tombstones with those of a deletion.
struct Marked {
    block::Tombstones stones;
    bool changed = false;
    bool covered = false;  // some of it was deleted already
};

base::Result<Marked> mark(const block::Block& block,
                          const Deletion& deletion,
                          const model::QueryContext& context) {
    Marked marked{.stones = block.tombstones(), .changed = false, .covered = false};
    TRY(const auto ids, block.index().match(deletion.matchers, context));
    std::vector<model::LabelSymbols> labels;
    std::vector<block::ChunkMeta> chunks;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context.check());
        }
        TRY(block.index().series(ids[i], labels, &chunks));
        int64_t min_t = INT64_MAX;
        int64_t max_t = INT64_MIN;
        bool touched = false;
        for (const block::ChunkMeta& chunk : chunks) {
            min_t = std::min(min_t, chunk.min_t);
            max_t = std::max(max_t, chunk.max_t);
            touched |= chunk.min_t <= deletion.max_t && chunk.max_t >= deletion.min_t;
        }
        if (!touched) {
            continue;
        }
        const block::Interval interval{std::max(min_t, deletion.min_t),
                                       std::min(max_t, deletion.max_t)};
        block::Intervals& intervals = marked.stones[ids[i]];
        if (!block::covers(intervals, interval.min_t, interval.max_t)) {
            block::add_interval(intervals, interval);
            marked.changed = true;
        } else {
            marked.covered = true;
        }
    }
    return marked;
}

// The stones first: a count in meta.json that lags behind only delays a compaction.
base::Status write_marks(base::Files& files,
                         const base::Path& folder,
                         const block::Tombstones& stones) {
    TRY(block::write_tombstones(files, folder, stones));
    TRY(block::BlockMeta meta, block::read_meta(files, folder));
    meta.stats.tombstones = 0;
    for (const auto& [series, intervals] : stones) {
        meta.stats.tombstones += intervals.size();
    }
    return block::write_meta(files, folder, meta);
}

// On the log's thread: one record of what these series hold now of the deletion.
base::Status log_stones(const Head& head,
                        wal::Writer& log,
                        std::span<const uint32_t> slots,
                        const Deletion& deletion,
                        std::vector<wal::TombstoneEntry>& logged) {
    std::string record;
    base::ByteWriter out(record);
    wal::TombstonesEncoder encoder(out);
    const size_t before = logged.size();
    const int64_t from = std::max(deletion.min_t, head.min_time());
    for (const uint32_t slot : slots) {
        const SlotEntry entry = head.at(slot);
        if (entry.record == nullptr || entry.record->is(SeriesRecord::kSwept) ||
            !entry.record->has_samples()) {
            continue;
        }
        const wal::TombstoneEntry stone{.ref = entry.record->ref(),
                                        .min_t = from,
                                        .max_t = std::min(deletion.max_t, entry.record->chunk.t)};
        if (stone.min_t <= stone.max_t) {
            encoder.add(stone);
            logged.push_back(stone);
        }
    }
    out.finish();
    if (logged.size() == before) {
        return base::success();
    }
    const base::ByteView view(record);
    base::Status status = log.log({&view, 1});
    if (!status) {
        logged.resize(before);
    }
    return status;
}

}  // namespace

base::Status delete_from_blocks(base::Files& files,
                                const Views& views,
                                BlockKeeper& blocks,
                                const Deletion& deletion,
                                const std::stop_token& stop) {
    model::QueryContext context;
    context.stop = stop;
    std::vector<block::Ulid> changed;
    base::Status status = base::success();
    const std::shared_ptr<const View> view = views.current();
    for (const auto& block : view->blocks) {
        if (block->meta().min_t > deletion.max_t || block->meta().max_t <= deletion.min_t) {
            continue;
        }
        const auto marked = mark(*block, deletion, context);
        if (!marked) {
            if (marked.error().code() == base::Code::kCorrupt) {
                block->report_damage(marked.error());
            }
            status = base::context(base::Status(base::fail(marked.error())),
                                   "find what to delete in",
                                   block->folder());
            break;
        }
        if (!marked.value().changed) {
            // By one that was interrupted, perhaps, before its file was safe in the folder.
            if (marked.value().covered) {
                status = base::context(files.sync_folder(block->folder()), "sync", block->folder());
            }
            if (!status) {
                break;
            }
            continue;
        }
        status = base::context(write_marks(files, block->folder(), marked.value().stones),
                               "delete in",
                               block->folder());
        changed.push_back(block->meta().ulid);
        if (!status) {
            break;
        }
    }
    const base::Status shown = blocks.reopen(changed);
    return status ? shown : status;
}

base::Status delete_from_head(Head& head,
                              wal::Writer& log,
                              Committer& committer,
                              const Deletion& deletion,
                              const std::stop_token& stop) {
    if (head.min_time() > deletion.max_t || head.max_time() < deletion.min_t) {
        return base::success();
    }
    model::QueryContext context;
    context.stop = stop;
    TRY(const SlotSet matched, head.match(deletion.matchers, context));
    const std::vector<uint32_t> slots = matched.slots();
    std::vector<wal::TombstoneEntry> logged;
    base::Status status = base::success();
    for (size_t at = 0; at < slots.size() && status; at += kDeletionSlotsPerJob) {
        const auto part =
            std::span(slots).subspan(at, std::min(kDeletionSlotsPerJob, slots.size() - at));
        if (!committer.run_between_groups(
                [&] { status = log_stones(head, log, part, deletion, logged); })) {
            status = base::fail(base::Code::kCanceled, "the storage is stopping");
        }
    }
    if (logged.empty()) {
        return status;
    }
    const base::Status synced = log.sync();
    head.tombstones().add(std::move(logged));
    return base::context(base::Status(status ? synced : status), "log what is deleted in the head");
}

}  // namespace tsdb

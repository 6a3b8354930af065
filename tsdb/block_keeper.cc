#include "tsdb/block_keeper.h"

#include <algorithm>
#include <unordered_set>

#include "tsdb/compact/compactor.h"
#include "tsdb/compact/shipper_file.h"
#include "tsdb/quarantine.h"

namespace tsdb {
namespace {

using Blocks = std::vector<std::shared_ptr<const block::Block>>;

constexpr std::chrono::hours kBlockRangeMax{31 * 24};

std::vector<PlannedBlock> planned(std::span<const std::shared_ptr<const block::Block>> blocks) {
    std::vector<PlannedBlock> out;
    out.reserve(blocks.size());
    for (const auto& block : blocks) {
        out.push_back({.meta = block->meta(), .bytes = block->bytes()});
    }
    return out;
}

bool is_among(std::span<const block::Ulid> ulids, const block::Ulid& ulid) {
    return std::ranges::find(ulids, ulid) != ulids.end();
}

std::string names_of(std::span<const block::Ulid> ulids) {
    std::string names;
    for (const block::Ulid& ulid : ulids) {
        names += (names.empty() ? "" : ",") + ulid.text();
    }
    return names;
}

std::string_view fate_name(FolderFinding::Fate fate) {
    switch (fate) {
        case FolderFinding::Fate::kRemoved:
            return "removed";
        case FolderFinding::Fate::kQuarantined:
            return "moved to quarantine";
        case FolderFinding::Fate::kLeft:
            return "left where it is";
        case FolderFinding::Fate::kServed:
            return "served";
    }
    return "";
}

}  // namespace

BlockKeeper::BlockKeeper(const TsdbOptions& options,
                         base::Files& files,
                         const base::Clock& clock,
                         Views& views,
                         base::Logger log,
                         BlockMetrics& metrics,
                         base::MemoryReserve& memory)
    : options_(options),
      files_(files),
      clock_(clock),
      views_(views),
      log_(std::move(log)),
      metrics_(metrics),
      memory_(memory),
      begin_(files, options.path),
      retention_(options.retention) {}

base::Status BlockKeeper::open() {
    TRY(auto leftovers, remove_temporary_folders(files_, options_.path));
    note(std::move(leftovers));
    TRY(auto opened, open_blocks(files_, options_.path));
    note(std::move(opened.findings));
    note_future(opened.blocks);
    const int64_t noted = begin_.read();
    const int64_t head_from =
        std::max(end_of(opened.blocks), noted > present_end() ? INT64_MIN : noted);
    show(std::move(opened.blocks), head_from);
    return base::success();
}

base::Status BlockKeeper::reload(uint64_t head_bytes) {
    metrics_.reloads.add();
    const std::shared_ptr<const View> view = views_.current();
    Blocks kept = view->blocks;
    quarantine_damaged(kept);
    auto opened = open_blocks(files_, options_.path, kept);
    if (!opened) {
        metrics_.reload_failures.add();
        return base::fail(opened.error());
    }
    note(std::move(opened.value().findings));
    Blocks blocks = std::move(opened.value().blocks);
    note_future(blocks);
    let_go(blocks, superseded(planned(blocks)), "another block has been made of it");
    const Expired expired = beyond_retention(planned(blocks), limits(head_bytes));
    let_go(blocks, expired.by_time, "older than the retention");
    let_go(blocks, expired.by_size, "beyond the size limit");
    metrics_.time_retentions.add(expired.by_time.empty() ? 0U : 1U);
    metrics_.size_retentions.add(expired.by_size.empty() ? 0U : 1U);
    if (blocks != view->blocks) {
        show(std::move(blocks), view->head_from);
    }
    return base::success();
}

base::Status BlockKeeper::add(const block::BlockMeta& meta,
                              int64_t head_from,
                              base::SteadyTime began) {
    TRY(auto block, block::Block::open(files_, base::join_path(options_.path, meta.ulid.text())));
    Blocks blocks = views_.current()->blocks;
    blocks.push_back(std::move(block));
    show(std::move(blocks), head_from);
    log_.info("cut a block",
              "ulid",
              meta.ulid.text(),
              "out_of_order",
              meta.has_hint(block::kHintOutOfOrder),
              "min_t",
              meta.min_t,
              "max_t",
              meta.max_t,
              "series",
              meta.stats.series,
              "samples",
              meta.stats.samples,
              "took_s",
              std::chrono::duration<double>(clock_.steady() - began).count());
    return base::success();
}

base::Status BlockKeeper::begin_head_at(int64_t head_from) {
    const std::shared_ptr<const View> view = views_.current();
    if (end_of(view->blocks) < head_from) {
        TRY(begin_.note(head_from));
    }
    show(view->blocks, head_from);
    return base::success();
}

void BlockKeeper::renew_view() {
    const std::shared_ptr<const View> view = views_.current();
    show(view->blocks, view->head_from);
}

base::Status BlockKeeper::compact(const std::stop_token& stop,
                                  const std::function<bool()>& interrupted) {
    base::Status last = base::success();
    while (!stop.stop_requested() && !interrupted()) {
        const std::shared_ptr<const View> view = views_.current();
        std::vector<PlannedBlock> blocks = planned(view->blocks);
        // One that reaches into the head waits: merged with blocks in order it would say that the
        // head's samples are in blocks too. One of the future would pass for the newest.
        std::erase_if(blocks, [&](const PlannedBlock& block) {
            return block.meta.min_t > present_end() ||
                   (block.meta.has_hint(block::kHintOutOfOrder) &&
                    block.meta.max_t > view->head_from);
        });
        AwaitingUpload waiting;
        if (!options_.delay_compact_file.empty()) {
            waiting = awaiting_upload(files_, options_.delay_compact_file, blocks);
            if (!waiting.warning.empty()) {
                log_.warn("no block waits for its upload", "reason", waiting.warning);
            }
        }
        const Plan plan =
            plan_compaction(blocks, ranges(), waiting.blocks, options_.compact_overlapping);
        if (plan.blocks.empty()) {
            return last;
        }
        last = compact_once(plan, stop);
        if (!last) {
            return last;
        }
    }
    return last;
}

base::Status BlockKeeper::compact_once(const Plan& plan, const std::stop_token& stop) {
    const std::shared_ptr<const View> view = views_.current();
    Blocks sources;
    for (const auto& block : view->blocks) {
        if (is_among(plan.blocks, block->meta().ulid)) {
            sources.push_back(block);
        }
    }
    const base::SteadyTime began = clock_.steady();
    const CompactionOptions options{.writing = {.segment_bytes = options_.block_segment_bytes,
                                                .postings_bytes = options_.compaction_memory,
                                                .memory = &memory_},
                                    .samples_per_chunk = options_.samples_per_chunk};
    auto made = compact_blocks(
        files_, options_.path, sources, block::Ulid::make(clock_.now_ms(), random_), options, stop);
    if (!made) {
        if (made.error().code() != base::Code::kCanceled) {
            metrics_.compactions_failed.add();
            mark_failed(plan);
        }
        return base::context(
            base::Status(base::fail(made.error())), "compact", names_of(plan.blocks));
    }
    const double seconds = std::chrono::duration<double>(clock_.steady() - began).count();
    metrics_.compactions.add();
    metrics_.compaction_seconds.observe(seconds);
    Blocks blocks = view->blocks;
    std::string name = "none: no sample is left";
    if (made.value()) {
        name = made.value()->ulid.text();
        TRY(auto block, block::Block::open(files_, base::join_path(options_.path, name)));
        blocks.push_back(std::move(block));
    }
    log_.info("compacted blocks",
              "blocks",
              names_of(plan.blocks),
              "into",
              name,
              "overlapping",
              plan.overlapping,
              "took_s",
              seconds);
    let_go(blocks, plan.blocks, "compacted");
    show(std::move(blocks), view->head_from);
    return base::success();
}

base::Status BlockKeeper::reopen(std::span<const block::Ulid> ulids) {
    if (ulids.empty()) {
        return base::success();
    }
    Blocks blocks = views_.current()->blocks;
    base::Status status = base::success();
    for (auto& block : blocks) {
        if (!is_among(ulids, block->meta().ulid)) {
            continue;
        }
        auto opened = block::Block::open(files_, block->folder());
        if (opened) {
            block = std::move(opened).value();
        } else {
            status = base::fail(opened.error());
        }
    }
    show(std::move(blocks), views_.current()->head_from);
    return status;
}

base::Status BlockKeeper::clean_tombstones(const std::stop_token& stop) {
    const std::shared_ptr<const View> view = views_.current();
    for (const auto& block : view->blocks) {
        if (block->tombstones().empty()) {
            continue;
        }
        if (stop.stop_requested()) {
            return base::fail(base::Code::kCanceled, "the storage is stopping");
        }
        TRY(compact_once({.blocks = {block->meta().ulid}}, stop));
    }
    return base::success();
}

// A compaction that failed is not tried again with the same blocks: others shall get their turn.
void BlockKeeper::mark_failed(const Plan& plan) {
    const std::shared_ptr<const View> view = views_.current();
    for (const auto& block : view->blocks) {
        if (!is_among(plan.blocks, block->meta().ulid)) {
            continue;
        }
        block::BlockMeta meta = block->meta();
        meta.failed = true;
        const base::Status written = block::write_meta(files_, block->folder(), meta);
        if (!written) {
            log_.warn("could not note a failed compaction", "error", written.error());
        }
    }
}

void BlockKeeper::let_go(Blocks& blocks, std::span<const block::Ulid> ulids, std::string_view why) {
    if (const base::Status noted = note_begin(blocks, ulids); !noted) {
        log_.warn("blocks not deleted, it is tried again", "error", noted.error());
        return;
    }
    for (const block::Ulid& ulid : ulids) {
        const base::Status gone = delete_block(files_, options_.path, ulid.text());
        if (!gone) {
            log_.warn("block not deleted, it is tried again", "error", gone.error());
            continue;
        }
        log_.info("deleted block", "ulid", ulid.text(), "reason", why);
        std::erase_if(blocks, [&](const auto& block) { return block->meta().ulid == ulid; });
    }
}

// When the blocks that stay do not say any more where the head begins, a file does.
base::Status BlockKeeper::note_begin(const Blocks& blocks, std::span<const block::Ulid> go) {
    const int64_t head_from = views_.current()->head_from;
    if (go.empty() || head_from == INT64_MIN) {
        return base::success();
    }
    Blocks rest = blocks;
    std::erase_if(rest, [&](const auto& block) { return is_among(go, block->meta().ulid); });
    return end_of(rest) >= head_from ? base::success() : begin_.note(head_from);
}

// A block in which a reader found damage is not read again.
void BlockKeeper::quarantine_damaged(Blocks& blocks) {
    std::erase_if(blocks, [&](const auto& block) {
        const auto damage = block->damage();
        if (!damage) {
            return false;
        }
        const std::string name = block->meta().ulid.text();
        auto moved = quarantine(files_, options_.path, name, *damage);
        if (!moved) {
            log_.error("damaged block not moved to quarantine", "error", moved.error());
            return false;
        }
        metrics_.quarantined.add();
        note({{.name = name,
               .reason = *damage,
               .fate = FolderFinding::Fate::kQuarantined,
               .path = moved.value()}});
        return true;
    });
}

void BlockKeeper::show(Blocks blocks, int64_t head_from) {
    std::ranges::sort(blocks, {}, [](const auto& block) {
        return std::pair(block->meta().min_t, block->meta().ulid);
    });
    double bytes = 0;
    for (const auto& block : blocks) {
        bytes += static_cast<double>(block->bytes());
    }
    metrics_.loaded.set(static_cast<double>(blocks.size()));
    metrics_.bytes.set(bytes);
    views_.replace({.blocks = std::move(blocks), .head_from = head_from});
}

void BlockKeeper::note(std::vector<FolderFinding> findings) {
    for (const FolderFinding& finding : findings) {
        log_.warn("folder of the storage is not as it should be",
                  "name",
                  finding.name,
                  "reason",
                  finding.reason,
                  "fate",
                  fate_name(finding.fate),
                  "path",
                  finding.path);
    }
    const base::MutexLock lock(mutex_);
    for (FolderFinding& finding : findings) {
        const bool known = std::ranges::find(findings_, finding) != findings_.end();
        if (!known && findings_.size() < kFindingsMax) {
            findings_.push_back(std::move(finding));
        }
    }
}

RetentionLimits BlockKeeper::limits(uint64_t head_bytes) {
    const Retention retention = this->retention();
    RetentionLimits limits{.duration_ms = retention.duration.count(),
                           .bytes = retention.bytes,
                           .head_bytes = head_bytes,
                           .present_t = present_end()};
    if (retention.percentage > 0) {
        const auto space = files_.space(options_.path);
        if (space) {
            limits.bytes = static_cast<uint64_t>(static_cast<double>(space.value().capacity) *
                                                 retention.percentage / 100);
        } else {
            log_.warn("the retention percentage cannot be applied", "error", space.error());
        }
    }
    metrics_.retention_bytes.set(static_cast<double>(limits.bytes));
    metrics_.retention_seconds.set(static_cast<double>(limits.duration_ms) / 1000);
    return limits;
}

std::vector<int64_t> BlockKeeper::ranges() const {
    int64_t longest = options_.max_block_duration.count();
    if (longest == 0) {
        const int64_t most = std::chrono::milliseconds(kBlockRangeMax).count();
        const int64_t kept = retention().duration.count();
        longest = kept == 0 ? most : std::min(most, kept / 10);
    }
    return block_ranges(options_.min_block_duration.count(), longest);
}

void BlockKeeper::set_retention(const Retention& retention) {
    metrics_.retention_seconds.set(static_cast<double>(retention.duration.count()) / 1000);
    metrics_.retention_bytes.set(static_cast<double>(retention.bytes));
    const base::MutexLock lock(mutex_);
    retention_ = retention;
}

Retention BlockKeeper::retention() const {
    const base::MutexLock lock(mutex_);
    return retention_;
}

std::vector<FolderFinding> BlockKeeper::findings() const {
    const base::MutexLock lock(mutex_);
    return findings_;
}

int64_t BlockKeeper::present_end() const {
    return clock_.now_ms() + std::chrono::milliseconds(kFutureSlack).count();
}

void BlockKeeper::note_future(std::span<const std::shared_ptr<const block::Block>> blocks) {
    const int64_t end = present_end();
    std::vector<FolderFinding> findings;
    std::vector<block::Ulid> future;
    for (const auto& block : blocks) {
        const block::BlockMeta& meta = block->meta();
        if (meta.min_t <= end) {
            continue;
        }
        future.push_back(meta.ulid);
        if (!is_among(future_, meta.ulid)) {
            findings.push_back(
                {.name = meta.ulid.text(),
                 .reason = "the block begins in the future, at " + std::to_string(meta.min_t) +
                           " ms: a wrong clock, or samples made with a wrong date. Neither the "
                           "head's beginning nor the retention counts from it",
                 .fate = FolderFinding::Fate::kServed,
                 .path = block->folder()});
        }
    }
    metrics_.from_future.set(static_cast<double>(future.size()));
    future_ = std::move(future);
    note(std::move(findings));
}

// Blocks out of order lie anywhere and say nothing about the head, nor do those of the future.
int64_t BlockKeeper::end_of(std::span<const std::shared_ptr<const block::Block>> blocks) const {
    const int64_t present = present_end();
    int64_t end = INT64_MIN;
    for (const auto& block : blocks) {
        if (block->meta().in_order() && block->meta().min_t <= present) {
            end = std::max(end, block->meta().max_t);
        }
    }
    return end;
}

}  // namespace tsdb

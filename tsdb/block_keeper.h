// The blocks that are served: found, added, compacted, let go.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_reserve.h"
#include "base/random.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/compact/block_folders.h"
#include "tsdb/compact/planner.h"
#include "tsdb/head_begin.h"
#include "tsdb/metrics.h"
#include "tsdb/options.h"
#include "tsdb/view.h"

namespace tsdb {

//   threads   open(), reload(), add(), compact(): one at a time. Figures: any.
//   lifetime  what it is given outlives it
class BlockKeeper {
  public:
    BlockKeeper(const TsdbOptions& options,
                base::Files& files,
                const base::Clock& clock,
                Views& views,
                base::Logger log,
                BlockMetrics& metrics,
                base::MemoryReserve& memory);

    // Clears half-written folders away and opens what there is; bad blocks go to quarantine.
    //   errors  of listing the data folder
    [[nodiscard]] base::Status open();

    // Takes in blocks that came, lets go those that went, were superseded, are damaged, or lie
    // beyond the retention.
    //   head_bytes  of write-ahead log and chunk files: they count for the size limit
    //   errors      of listing the data folder
    [[nodiscard]] base::Status reload(uint64_t head_bytes);

    // Opens a block just cut and published, and shows it to readers, who ask the head from
    // `head_from` on.
    //   began  when it was begun to be cut
    [[nodiscard]] base::Status add(const block::BlockMeta& meta,
                                   int64_t head_from,
                                   base::SteadyTime began);
    // Nothing new but where the head begins: what was before is gone, or is in blocks already.
    //   errors  of noting it: nothing has changed
    [[nodiscard]] base::Status begin_head_at(int64_t head_from);
    // The same once more, as a new view: who reads from now on cannot be mistaken for who reads
    // now.
    void renew_view();

    // Compacts until there is nothing left to do.
    //   interrupted  asked between two compactions; true ends the work
    //   errors       of the last one; what can be compacted still is
    [[nodiscard]] base::Status compact(const std::stop_token& stop,
                                       const std::function<bool()>& interrupted);

    // Opens blocks again whose tombstones have been replaced, and shows them.
    //   errors  of opening; such a block is shown as it was
    [[nodiscard]] base::Status reopen(std::span<const block::Ulid> ulids);

    // Writes every block anew that has tombstones, without what they delete.
    //   errors  of the first block it failed for; those before it are done
    [[nodiscard]] base::Status clean_tombstones(const std::stop_token& stop);

    void set_retention(const Retention& retention) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] Retention retention() const EXCLUDES_LOCK(mutex_);

    // What was found bad or left over since the start, newest last.
    [[nodiscard]] std::vector<FolderFinding> findings() const EXCLUDES_LOCK(mutex_);

    // A block that begins later than so long from now says nothing about the present: the head may
    // begin before its end, no age is counted from it, and it is compacted when its time has come.
    // It is served as any other.
    static constexpr std::chrono::hours kFutureSlack{1};

  private:
    static constexpr size_t kFindingsMax = 1000;

    [[nodiscard]] base::Status compact_once(const Plan& plan, const std::stop_token& stop);
    void show(std::vector<std::shared_ptr<const block::Block>> blocks, int64_t head_from);
    void note(std::vector<FolderFinding> findings) EXCLUDES_LOCK(mutex_);
    void note_future(std::span<const std::shared_ptr<const block::Block>> blocks)
        EXCLUDES_LOCK(mutex_);
    // The latest time at which a block is of the present, ms.
    [[nodiscard]] int64_t present_end() const;
    // Where the head begins, by the blocks that were opened.
    [[nodiscard]] int64_t end_of(std::span<const std::shared_ptr<const block::Block>> blocks) const;
    void quarantine_damaged(std::vector<std::shared_ptr<const block::Block>>& blocks);
    [[nodiscard]] base::Status note_begin(
        const std::vector<std::shared_ptr<const block::Block>>& blocks,
        std::span<const block::Ulid> go);
    void let_go(std::vector<std::shared_ptr<const block::Block>>& blocks,
                std::span<const block::Ulid> ulids,
                std::string_view why);
    [[nodiscard]] RetentionLimits limits(uint64_t head_bytes) EXCLUDES_LOCK(mutex_);
    [[nodiscard]] std::vector<int64_t> ranges() const;
    void mark_failed(const Plan& plan);

    const TsdbOptions& options_;
    base::Files& files_;
    const base::Clock& clock_;
    Views& views_;
    const base::Logger log_;
    BlockMetrics& metrics_;
    base::MemoryReserve& memory_;  // counts what compactions take
    HeadBegin begin_;
    base::SystemRandom random_;
    std::vector<block::Ulid> future_;  // blocks that were told to be of the future
    mutable base::Mutex mutex_;
    Retention retention_ GUARDED_BY(mutex_);
    std::vector<FolderFinding> findings_ GUARDED_BY(mutex_);
};

}  // namespace tsdb

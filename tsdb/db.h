// The time-series database of one node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "model/storage.h"
#include "tsdb/block_keeper.h"
#include "tsdb/committer.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/head.h"
#include "tsdb/head/replay.h"
#include "tsdb/head_cutter.h"
#include "tsdb/metrics.h"
#include "tsdb/options.h"
#include "tsdb/status.h"
#include "tsdb/upkeep.h"
#include "tsdb/view.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

// Head, blocks and write-ahead log behind the storage ports: a composition, each part in its own
// file.
//   threads   any
//   lifetime  appenders, queriers and their batches go before it
//   promise   what committed() reported survives the process's death, and after
//             wal_sync_interval the machine's
class Db final : public model::Appendable, public model::Queryable {
  public:
    using Progress = std::function<void(const ReplayProgress&)>;

    // Takes the lock, opens the blocks, replays the write-ahead log, begins a new segment.
    //   progress  called before each segment is replayed, on the caller's thread; may be empty
    //   errors    kInvalid: options; kUnavailable: another process has the folder; kIo, kNoSpace
    [[nodiscard]] static base::Result<std::unique_ptr<Db>> open(const TsdbOptions& options,
                                                                base::Files& files,
                                                                const base::Clock& clock,
                                                                base::Budget& budget,
                                                                const base::Logger& log,
                                                                base::Registry& registry,
                                                                const Progress& progress);
    ~Db() override;
    Db(const Db&) = delete;
    Db& operator=(const Db&) = delete;

    [[nodiscard]] std::unique_ptr<model::Appender> appender(model::Origin origin) override;
    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;
    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override;

    // Begins to cut, compact and let go on a thread of its own.
    void start_upkeep() { upkeep_->start(); }

    // Ends that, answers the commits that wait, refuses new ones, syncs and closes the log. Queries
    // go on.
    //   errors  of the last sync
    [[nodiscard]] base::Status stop();

    // What the upkeep does every minute, now, and waits for it.
    [[nodiscard]] base::Status run_upkeep() { return upkeep_->run_once(); }

    // Cuts everything before `end` into a block, whether it is due or not.
    [[nodiscard]] base::Status cut_head(int64_t end);

    // From now on; 0 everywhere: nothing is let go.
    void set_retention(const Retention& retention) { blocks_.set_retention(retention); }

    [[nodiscard]] HeadStats stats() const;
    // The `limit` largest label names, values and metrics.
    [[nodiscard]] Cardinality cardinality(size_t limit) const;

    [[nodiscard]] const ReplayReport& replay_report() const { return replay_; }

    [[nodiscard]] const HeadMemory& memory() const { return head_.memory(); }

    // The blocks that are served now.
    [[nodiscard]] std::vector<block::BlockMeta> blocks() const;

    // Folders that are not served, and files with damage, since the start.
    [[nodiscard]] std::vector<FolderFinding> findings() const { return blocks_.findings(); }

  private:
    class HeadAppender;

    Db(const TsdbOptions& options,
       base::Files& files,
       const base::Clock& clock,
       base::Budget& budget,
       base::Logger log,
       base::Registry& registry);

    [[nodiscard]] base::Status take_lock();
    [[nodiscard]] base::Status open_chunk_files(RestoredChunks& restored);
    [[nodiscard]] base::Status replay(RestoredChunks& restored, const Progress& progress);
    [[nodiscard]] base::Status start();
    [[nodiscard]] std::vector<uint64_t> sweep_empty_series();
    [[nodiscard]] uint64_t head_bytes() const;
    void log_replay(double seconds) const;
    void register_metrics(base::Registry& registry);

    const TsdbOptions options_;
    base::Files& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const base::Path wal_folder_;
    CommitMetrics commit_metrics_;
    ReplayMetrics replay_metrics_;
    CutMetrics cut_metrics_;
    BlockMetrics block_metrics_;
    std::unique_ptr<base::FileLock> lock_;
    base::Budget budget_;
    std::unique_ptr<ChunkFiles> chunk_files_;
    Head head_;
    Views views_;
    BlockKeeper blocks_;
    ReplayReport replay_;
    wal::SegmentTimes segment_times_;
    std::unique_ptr<wal::Writer> writer_;
    std::unique_ptr<Committer> committer_;
    std::unique_ptr<HeadCutter> cutter_;
    std::unique_ptr<Upkeep> upkeep_;
    std::vector<base::MetricCallback> callbacks_;  // last: they read everything above
};

}  // namespace tsdb

// The time-series database of one node.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_reserve.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/rate_limit.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/metadata.h"
#include "model/storage.h"
#include "tsdb/block_keeper.h"
#include "tsdb/committer.h"
#include "tsdb/disk_state.h"
#include "tsdb/disk_watch.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/head.h"
#include "tsdb/head/replay.h"
#include "tsdb/head_cutter.h"
#include "tsdb/metrics.h"
#include "tsdb/options.h"
#include "tsdb/out_of_order_cutter.h"
#include "tsdb/out_of_order_log.h"
#include "tsdb/out_of_order_replay.h"
#include "tsdb/out_of_order_writer.h"
#include "tsdb/refused_series.h"
#include "tsdb/run_marker.h"
#include "tsdb/scrub.h"
#include "tsdb/side_log.h"
#include "tsdb/status.h"
#include "tsdb/upkeep.h"
#include "tsdb/view.h"
#include "tsdb/wal/writer.h"
#include "tsdb/wal_gate.h"

namespace tsdb {

// Head, blocks and write-ahead log behind the storage ports: a composition, each part in its own
// file.
//   threads   any
//   lifetime  appenders, queriers and their batches go before it
//   promise   what committed() reported survives the process's death, and after
//             wal_sync_interval the machine's
class Db final : public model::Appendable,
                 public model::Queryable,
                 public model::ExemplarQueryable {
  public:
    using Progress = std::function<void(const ReplayProgress&)>;

    // Takes the lock, opens the blocks, replays the write-ahead log, begins a new segment.
    //   log       goes before every line as it is: whoever opens it names the component
    //   progress  called before each segment is replayed, on the caller's thread; may be empty
    //   metadata  told of what the log says of metrics, before open() returns; null: nobody
    //   errors    kInvalid: options; kUnavailable: another process has the folder; kIo, kNoSpace
    [[nodiscard]] static base::Result<std::unique_ptr<Db>> open(
        const TsdbOptions& options,
        base::Files& files,
        const base::Clock& clock,
        base::Budget& budget,
        const base::Logger& log,
        base::Registry& registry,
        const Progress& progress,
        model::MetadataStore* metadata = nullptr);
    ~Db() override;
    Db(const Db&) = delete;
    Db& operator=(const Db&) = delete;

    [[nodiscard]] std::unique_ptr<model::Appender> appender(model::Origin origin) override;
    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;
    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override;
    [[nodiscard]] base::Result<std::vector<model::SeriesExemplars>> exemplars(
        std::span<const std::vector<model::Matcher>> groups,
        int64_t min_t,
        int64_t max_t,
        const model::QueryContext& context) const override;

    // Begins to cut, compact and let go on a thread of its own.
    void start_upkeep() {
        upkeep_->start();
        scrub_.start();
    }

    // Has compactions, cleaning and snapshots end soon, and lets none begin.
    void interrupt_upkeep() { upkeep_->request_stop(); }

    // Ends that, answers the commits that wait, refuses new ones, syncs and closes the log. Queries
    // go on.
    //   errors  of the last sync
    [[nodiscard]] base::Status stop();

    // What the upkeep does every minute, now, and waits for it.
    [[nodiscard]] base::Status run_upkeep() { return upkeep_->run_once(); }

    // Compares every block with its checksums, now, and waits for it.
    void scrub() { scrub_.run_once(true); }

    // Cuts everything before `end` into a block, whether it is due or not.
    [[nodiscard]] base::Status cut_head(int64_t end);

    // Deletes the samples of [min_t, max_t] (both inclusive) of the series that all matchers match:
    // nobody sees them any more when it returns, and a restart does not bring them back. Their room
    // is given back by compactions, or by clean_tombstones().
    //   errors  kCorrupt: a block is damaged; kIo, kNoSpace; kCanceled; kUnavailable: stopping, or
    //           read-only. A part may be deleted then; doing it again is harmless.
    [[nodiscard]] base::Status delete_series(int64_t min_t,
                                             int64_t max_t,
                                             std::span<const model::Matcher> matchers);
    // Writes blocks with deleted samples anew, without them.
    [[nodiscard]] base::Status clean_tombstones();
    // Writes `<path>/snapshots/<name>/`: the blocks as hard links and, unless `skip_head`, what the
    // head holds as one more; what came late is cut into blocks before.  returns  the name
    [[nodiscard]] base::Result<std::string> snapshot(bool skip_head);
    // Cuts the out-of-order samples into blocks, whether they are due or not.
    [[nodiscard]] base::Status cut_out_of_order();

    // Samples so much older than the newest are accepted from now on; 0: none. Those that are there
    // stay and are cut in their time.
    void set_out_of_order_window(std::chrono::milliseconds window) {
        late_log_->set_window(window);
    }

    // Targets whose new series memory had no room for, the most refused first.
    [[nodiscard]] std::vector<RefusedSeries::Target> refused_series() const {
        return refused_.targets();
    }

    // The newest ones stay; 0: none are kept.
    void set_exemplars_max(uint64_t count) { head_.exemplars().set_capacity(count); }

    // From now on; 0 everywhere: nothing is let go.
    void set_retention(const Retention& retention) { blocks_.set_retention(retention); }

    [[nodiscard]] HeadStats stats() const;
    // The `limit` largest label names, values and metrics.
    [[nodiscard]] Cardinality cardinality(size_t limit) const;

    [[nodiscard]] const ReplayReport& replay_report() const { return replay_; }

    [[nodiscard]] const HeadMemory& memory() const { return head_.memory(); }

    // Keeps ready what cutting the head as it is now takes: it counts as in use from now on.
    //   most  bytes that are kept at most; a cut takes what it needs all the same
    void keep_cut_memory(int64_t most);

    // What cuts and compactions hold, and what is kept ready for the next cut.
    [[nodiscard]] const base::MemoryReserve& upkeep_memory() const { return upkeep_memory_; }

    // After crash upon crash: blocks are not compacted until it has run for kSettledAfter.
    [[nodiscard]] bool safe_mode() const { return safe_mode_.load(std::memory_order_relaxed); }

    static constexpr std::chrono::hours kSettledAfter{1};

    // Whether the disk takes writes, and if not, why.
    [[nodiscard]] const DiskState& disk() const { return disk_; }

    // The blocks that are served now.
    [[nodiscard]] std::vector<block::BlockMeta> blocks() const;

    // The same, opened.
    [[nodiscard]] std::shared_ptr<const View> view() const { return views_.current(); }

    // Of the head's chunk files, when they were opened.
    [[nodiscard]] const std::vector<ChunkFileDamage>& chunk_file_damages() const {
        return chunk_files_->damages();
    }

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
    [[nodiscard]] base::Status open_chunk_files(RestoredChunks& restored, FoundLateChunks& late);
    [[nodiscard]] base::Status replay(RestoredChunks& restored,
                                      FoundLateChunks& late,
                                      const Progress& progress,
                                      model::MetadataStore* metadata);
    [[nodiscard]] base::Status replay_late(FoundLateChunks& found,
                                           const RefTable<ReplayedSeries>& series);
    void note_damages(std::span<const wal::Damage> damages, const base::Path& folder);
    [[nodiscard]] base::Status start();
    void mark_run();
    void read_side_log();
    [[nodiscard]] std::vector<uint64_t> sweep_empty_series();
    [[nodiscard]] uint64_t head_bytes() const;
    [[nodiscard]] Upkeep::Scope upkeep_scope();
    void log_replay(double seconds);
    void register_metrics(base::Registry& registry);
    void register_exemplar_metrics(base::Registry& registry);
    void note_refused(const model::Labels& labels, const base::Error& error);

    const TsdbOptions options_;
    base::Files& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const base::Path wal_folder_;
    CommitMetrics commit_metrics_;
    ReplayMetrics replay_metrics_;
    CutMetrics cut_metrics_;
    BlockMetrics block_metrics_;
    ScrubMetrics scrub_metrics_;
    std::unique_ptr<base::FileLock> lock_;
    base::Budget budget_;
    base::MemoryReserve upkeep_memory_;
    base::SystemRandom random_;
    std::unique_ptr<ChunkFiles> chunk_files_;
    Head head_;
    RefusedSeries refused_;
    base::RateLimit refused_lines_{std::chrono::seconds(10)};
    Views views_;
    BlockKeeper blocks_;
    ReplayReport replay_;
    const base::SteadyTime began_;
    RunMarker marker_;
    std::atomic<bool> safe_mode_{false};
    SideLog side_log_;
    DiskState disk_;
    DiskWatch disk_watch_;
    wal::SegmentTimes segment_times_;
    std::unique_ptr<wal::Writer> writer_;
    OutOfOrderWriter late_writer_;
    std::unique_ptr<WalGate> gate_;
    std::unique_ptr<OutOfOrderLog> late_log_;
    std::unique_ptr<Committer> committer_;
    std::unique_ptr<HeadCutter> cutter_;
    std::unique_ptr<OutOfOrderCutter> late_cutter_;
    std::unique_ptr<Upkeep> upkeep_;
    Scrub scrub_;
    std::vector<base::MetricCallback> callbacks_;  // last: they read everything above
};

}  // namespace tsdb

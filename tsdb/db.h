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
#include "tsdb/committer.h"
#include "tsdb/head/head.h"
#include "tsdb/head/replay.h"
#include "tsdb/metrics.h"
#include "tsdb/options.h"
#include "tsdb/status.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

// Head and write-ahead log behind the storage ports.
//   threads   any
//   lifetime  appenders, queriers and their batches go before it
//   promise   what committed() reported survives the process's death, and after
//             wal_sync_interval the machine's
class Db final : public model::Appendable, public model::Queryable {
  public:
    using Progress = std::function<void(const ReplayProgress&)>;

    // Takes the lock, replays the write-ahead log, begins a new segment.
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

    // Answers the commits that wait, refuses new ones, syncs and closes the log. Queries go on.
    //   errors  of the last sync
    [[nodiscard]] base::Status stop();

    [[nodiscard]] HeadStats stats() const;
    // The `limit` largest label names, values and metrics.
    [[nodiscard]] Cardinality cardinality(size_t limit) const;

    [[nodiscard]] const ReplayReport& replay_report() const { return replay_; }

    [[nodiscard]] const HeadMemory& memory() const { return head_.memory(); }

  private:
    class HeadAppender;

    Db(const TsdbOptions& options,
       base::Files& files,
       const base::Clock& clock,
       base::Budget& budget,
       base::Logger log,
       base::Registry& registry);

    [[nodiscard]] base::Status take_lock();
    [[nodiscard]] base::Status warn_of_foreign_data();
    [[nodiscard]] base::Status replay(const Progress& progress);
    [[nodiscard]] base::Status start();
    void log_replay(double seconds) const;
    void register_metrics(base::Registry& registry);

    const TsdbOptions options_;
    base::Files& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const base::Path wal_folder_;
    CommitMetrics commit_metrics_;
    ReplayMetrics replay_metrics_;
    std::unique_ptr<base::FileLock> lock_;
    base::Budget budget_;
    Head head_;
    ReplayReport replay_;
    uint64_t old_wal_bytes_ = 0;
    std::unique_ptr<wal::Writer> writer_;
    std::unique_ptr<Committer> committer_;
    std::vector<base::MetricCallback> callbacks_;  // last: they read everything above
};

}  // namespace tsdb

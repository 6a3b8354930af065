// One target's life: wait, fetch, store, report, until it is told to end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/async/deadline.h"
#include "base/async/event.h"
#include "base/async/lane.h"
#include "base/rate_limit.h"
#include "base/sync.h"
#include "model/scrape_listener.h"
#include "model/storage.h"
#include "scrape/buffers.h"
#include "scrape/fetcher.h"
#include "scrape/schedule.h"
#include "scrape/session.h"

namespace scrape {

enum class Health : uint8_t { kUnknown, kUp, kDown };

// What the status page says of a target.
struct TargetStatus {
    Health health = Health::kUnknown;
    std::string last_error;
    int64_t last_scrape_ns = 0;  // wall time; 0: never
    double last_duration_seconds = 0;
};

// What the loops of a lane share. Threads: the lane.
struct LaneShared {
    base::Lane& lane;
    const EngineOptions& engine;
    model::Appendable& storage;
    base::http::ClientShared& client;
    MetadataPool& metadata;
    Metrics& metrics;
    FirstScrapes& first_scrapes;      // of the node
    model::ScrapeListener* listener;  // null: nobody
    base::Logger log;
    LaneScratch scratch;
    BufferPool buffers;
    base::Gunzip gunzip;
    // A storage in trouble fails the commits of all targets at once.
    base::RateLimit commit_failure_lines{std::chrono::seconds(10)};
};

enum class LoopEnd : uint8_t {
    kRunning,
    kMarkStale,  // the target is gone: stale markers after two intervals
    kHandOver,   // another loop or node goes on with the target, or the process stops: no markers
};

//   threads   the lane; committed() on the storage's
//   lifetime  outlives run(), which ends only when no commit is under way
class Loop final : private model::CommitListener {
  public:
    // Lines parsed before other loops get their turn.
    static constexpr uint32_t kLinesPerTurn = 20'000;

    Loop(LaneShared& shared,
         std::shared_ptr<const model::Target> target,
         std::shared_ptr<const JobOptions> job,
         uint64_t offset_seed);

    // Until end() or cancellation.
    [[nodiscard]] base::Task<void> run();

    // New options that leave the caches good (keeps_cache()), or another place of this node among
    // those that scrape the target. Nothing when they are those it has.
    void update(std::shared_ptr<const model::Target> target,
                std::shared_ptr<const JobOptions> job,
                uint64_t offset_seed);
    // Instead of scraping, every scrape fails with this; none: scrape.
    void force_error(std::optional<base::Error> error);
    void end(LoopEnd how);

    // True when only interval, timeout, limits and the way of fetching differ, so that what is
    // cached stays right.
    [[nodiscard]] static bool keeps_cache(const JobOptions& before, const JobOptions& after);

    [[nodiscard]] const model::Target& target() const { return *target_; }

    [[nodiscard]] std::shared_ptr<const model::Target> shared_target() const { return target_; }

    [[nodiscard]] const TargetStatus& status() const { return status_; }

    [[nodiscard]] const MetadataCache& metadata() const { return session_.metadata(); }

    [[nodiscard]] size_t series() const { return session_.cache().size(); }

  private:
    struct Outcome {
        base::Result<model::CommitReport> report;
        model::AppendBatch batch;
    };

    void committed(base::Result<model::CommitReport> report, model::AppendBatch&& batch) override;

    // Wall time of the next scrape.
    [[nodiscard]] int64_t next_due();
    // Whether the moment was reached; false: the loop is to end, or options have changed.
    [[nodiscard]] base::Task<bool> wait_until(int64_t wall_ns);
    [[nodiscard]] base::Task<void> scrape();
    // Breaks the scrape off when its target's end comes, which may move until then, or has come:
    // somebody else may scrape it by now.
    void watch_end();
    // The page's batch is complete afterwards. Returns the page, for series to find again.
    [[nodiscard]] base::Task<FetchedPage> fill(ScrapeBuffers& buffers, base::Deadline deadline);
    // returns  whether the storage took the batch
    [[nodiscard]] base::Task<bool> commit(ScrapeBuffers& buffers, FetchedPage page);
    [[nodiscard]] base::Task<void> hand_over(ScrapeBuffers& buffers);
    [[nodiscard]] base::Task<void> end_of_run();
    [[nodiscard]] base::Status ready_to_fetch();
    void report(int64_t start_ns, double seconds);
    void tell_listener(int64_t time_ms, bool stored);
    void log_commit_failure(const base::Error& error);
    void apply_update();

    LaneShared& shared_;
    std::shared_ptr<const model::Target> target_;
    std::shared_ptr<const JobOptions> job_;
    uint64_t offset_seed_;
    ScrapeSession session_;
    std::unique_ptr<Fetcher> fetcher_;
    TimeAligner aligner_;
    TargetStatus status_;
    std::optional<base::Error> forced_error_;

    struct Update {
        std::shared_ptr<const model::Target> target;
        std::shared_ptr<const JobOptions> job;
        uint64_t offset_seed;
    };

    std::optional<Update> update_;
    LoopEnd end_ = LoopEnd::kRunning;
    bool cancelled_ = false;
    bool broken_off_ = false;  // the scrape under way, by watch_end()
    int64_t last_start_ns_ = 0;
    std::optional<int64_t> first_due_ns_;  // of a first scrape that does not wait for its moment

    base::Mutex mutex_;
    std::optional<Outcome> outcome_ GUARDED_BY(mutex_);
    base::Event wake_;
    base::Event::Setter wake_setter_;
    std::unique_ptr<base::Timer> end_timer_;  // of targets that have an end
};

}  // namespace scrape

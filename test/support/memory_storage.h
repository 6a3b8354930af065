// A storage in memory that records what is committed: the fake behind scrape and rule tests.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sync.h"
#include "model/storage.h"

namespace test_support {

// Rejects what a head would: samples older than the series' last one, other values for the same
// time, and handles of series that forget() removed. Threads: any.
class MemoryStorage final : public model::Appendable {
  public:
    [[nodiscard]] std::unique_ptr<model::Appender> appender(model::Origin origin) override;

    // Commits wait until release() when held.
    void hold();
    // Carries out what was held; returns how many commits.
    size_t release();
    // Every further commit fails with this.
    void fail_commits(base::Error error);
    void succeed_again();

    // No new series beyond this many.
    void set_series_limit(size_t limit);
    // The next commit to the series finds its handle unknown; resolving makes it anew.
    void forget(const std::string& series);

    // Samples by series as model::Labels::to_series_string() prints it.
    [[nodiscard]] std::vector<model::FloatSample> samples(const std::string& series) const;
    // "value@t value@t …", values as PromQL prints them, "stale" for the marker.
    [[nodiscard]] std::string text(const std::string& series) const;
    [[nodiscard]] std::vector<std::string> series() const;
    // Of all series, in the order they came: "series {labels} value@t".
    [[nodiscard]] std::vector<std::string> exemplars() const;
    [[nodiscard]] size_t commits() const;
    [[nodiscard]] size_t resolves() const;

  private:
    class Writer;

    struct Series {
        std::string name;
        uint32_t check = 1;
        std::vector<model::FloatSample> samples;
    };

    struct Held {
        model::AppendBatch batch;
        model::CommitListener* listener;
    };

    base::Result<model::SeriesHandle> resolve(const model::Labels& labels, bool* created);
    void commit(model::AppendBatch&& batch, model::CommitListener& listener);
    void apply(model::AppendBatch&& batch, model::CommitListener& listener);
    bool add(const model::StagedFloat& sample, model::RejectReason& reason) REQUIRES_LOCK(mutex_);
    void add(const model::StagedExemplar& staged) REQUIRES_LOCK(mutex_);

    mutable base::Mutex mutex_;
    std::vector<Series> series_ GUARDED_BY(mutex_);
    std::map<std::string, uint32_t> slots_ GUARDED_BY(mutex_);
    std::deque<Held> held_ GUARDED_BY(mutex_);
    std::vector<std::string> exemplars_ GUARDED_BY(mutex_);
    bool holding_ GUARDED_BY(mutex_) = false;
    std::unique_ptr<base::Error> failure_ GUARDED_BY(mutex_);
    size_t series_limit_ GUARDED_BY(mutex_) = SIZE_MAX;
    size_t commits_ GUARDED_BY(mutex_) = 0;
    size_t resolves_ GUARDED_BY(mutex_) = 0;
};

}  // namespace test_support

// The queries that run or wait, for those who look at them, cancel them, or want to know what a
// process died of.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sync.h"
#include "query/active_file.h"
#include "query/duration.h"

namespace query {

namespace exec {
class SampleMeter;
}

// Who asked. Empty where nobody did over HTTP.
struct QueryOrigin {
    std::string client_ip;
    std::string method;
    std::string path;
    std::string user;  // as authenticated
};

// A query at one moment.
struct ActiveQuery {
    uint64_t id = 0;  // also unlike those of earlier runs of the process
    std::string query;
    QueryOrigin origin;
    QueryTimes times;
    bool instant = true;
    bool part = false;           // of another node's query
    bool running = false;        // false: it waits for its turn
    int64_t started_ms = 0;      // since it was asked
    double elapsed_seconds = 0;  // likewise
    int64_t samples_held = 0;
    int64_t samples_read = 0;
    int64_t memory_bytes = 0;  // as accounted
};

// Threads: any. Outlives its entries.
class ActiveQueries {
  public:
    explicit ActiveQueries(const base::Clock& clock);

    // One query: in the list while this lives.
    class Entry;

    // From now on queries that run are noted in the file, too. Before the first query.
    void keep_in(std::unique_ptr<ActiveFile> file) { file_ = std::move(file); }

    // Ordered by id, which is the order of their starts.
    [[nodiscard]] std::vector<ActiveQuery> list() const;

    [[nodiscard]] size_t count() const;

    // Asks a query to end; it does within milliseconds, with kCanceled.
    //   may      whether whoever asks may cancel this one; called under the list's lock
    //   errors   kNotFound: it has ended, or never was; that of `may`
    [[nodiscard]] base::Status cancel(uint64_t id,
                                      const std::function<base::Status(const ActiveQuery&)>& may);

  private:
    struct State {
        ActiveQuery query;
        base::SteadyTime begun;
        std::stop_source stop;
        const exec::SampleMeter* meter = nullptr;  // while it is worked out
        const base::Budget* budget = nullptr;      // likewise
        std::optional<size_t> slot;                // of file_
    };

    [[nodiscard]] ActiveQuery look_at(const State& state) const REQUIRES_LOCK(mutex_);

    const base::Clock& clock_;
    std::unique_ptr<ActiveFile> file_;
    mutable base::Mutex mutex_;
    uint64_t next_id_ GUARDED_BY(mutex_);
    std::map<uint64_t, State> queries_ GUARDED_BY(mutex_);
};

// Threads: one.
class ActiveQueries::Entry {
  public:
    struct Asked {
        std::string_view query;
        QueryTimes times;
        bool instant = true;
        bool part = false;
        const QueryOrigin& origin;
        std::stop_token stop;  // of the caller
    };

    Entry(ActiveQueries& all, const Asked& asked);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // Raised by cancel() and by the caller's own.
    [[nodiscard]] const std::stop_token& stop() const { return stop_; }

    // Its turn has come.
    void set_running();

    // Shows what it holds for as long as this lives. All borrowed.
    class [[nodiscard]] Meters {
      public:
        Meters(Entry& entry, const exec::SampleMeter& samples, const base::Budget& memory);
        ~Meters();
        Meters(const Meters&) = delete;
        Meters& operator=(const Meters&) = delete;

      private:
        Entry& entry_;
    };

  private:
    void set_meters(const exec::SampleMeter* samples, const base::Budget* memory);

    ActiveQueries& all_;
    uint64_t id_ = 0;
    std::stop_token stop_;
    std::optional<std::stop_callback<std::function<void()>>> forward_;
};

}  // namespace query

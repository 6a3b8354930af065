// What a person should know about this server now, and whoever wants to hear of it at once.
// source: Prometheus HTTP API, notifications
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/sync.h"

namespace engine {

enum class Notice : uint8_t { kStarting, kReloadFailed, kStopping };

inline constexpr size_t kNotices = 3;

// Prometheus' words, which its page looks for.
[[nodiscard]] std::string_view notice_text(Notice notice);

struct Notification {
    Notice notice = Notice::kStarting;
    int64_t raised_ms = 0;  // since the Unix epoch; of the last time
    bool active = true;     // false: it is over
};

//   threads   any; nothing waits here
//   lifetime  longer than its subscribers
class Notifications {
  public:
    class Subscriber;

    Notifications(const base::Clock& clock, base::Registry& registry, size_t subscribers_max);

    // Raised again, a notice has a new time.
    void raise(Notice notice) EXCLUDES_LOCK(mutex_);
    // Nothing when it was not raised.
    void clear(Notice notice) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] std::vector<Notification> active() const EXCLUDES_LOCK(mutex_);

    // Whoever hears of what is active first, then of every change. Null: there are subscribers_max,
    // or it has ended.
    [[nodiscard]] std::unique_ptr<Subscriber> subscribe() EXCLUDES_LOCK(mutex_);

    // Takes no more subscribers; those there are get what they have not taken yet, then their end.
    void end() EXCLUDES_LOCK(mutex_);

  private:
    void tell(const Notification& notification) REQUIRES_LOCK(mutex_);
    [[nodiscard]] std::vector<Notification> active_locked() const REQUIRES_LOCK(mutex_);

    const base::Clock& clock_;
    const size_t subscribers_max_;
    base::Gauge& subscribing_;
    base::Counter& sent_;
    base::Counter& dropped_;
    mutable base::Mutex mutex_;
    std::array<std::optional<Notification>, kNotices> active_ GUARDED_BY(mutex_);
    std::set<Subscriber*> subscribers_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
};

// What one client has not been sent yet: of every notice the latest word, so that a client that
// reads slowly holds no more than kNotices of them, and none that is out of date.
class Notifications::Subscriber {
  public:
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    // Appends what is new, in the order it became known. False: nothing comes any more.
    [[nodiscard]] bool take(std::vector<Notification>& out);

  private:
    friend class Notifications;

    explicit Subscriber(Notifications& source) : source_(source) {}

    Notifications& source_;
    std::vector<Notification> pending_;  // guarded by the source's mutex
};

}  // namespace engine

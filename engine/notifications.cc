#include "engine/notifications.h"

#include <algorithm>

namespace engine {

std::string_view notice_text(Notice notice) {
    switch (notice) {
        case Notice::kStarting:
            return "Prometheus is starting and replaying the write-ahead log (WAL).";
        case Notice::kReloadFailed:
            return "Configuration reload has failed.";
        case Notice::kStopping:
            return "Prometheus is shutting down and gracefully stopping all operations.";
    }
    return "";
}

Notifications::Notifications(const base::Clock& clock,
                             base::Registry& registry,
                             size_t subscribers_max)
    : clock_(clock),
      subscribers_max_(subscribers_max),
      subscribing_(registry.gauge("prometheus_api_notification_active_subscribers",
                                  "Subscribers of live notifications.")),
      sent_(registry.counter("prometheus_api_notification_updates_sent_total",
                             "Notifications handed to subscribers.")),
      dropped_(registry.counter("prometheus_api_notification_updates_dropped_total",
                                "Notifications that a subscriber had not been sent before there "
                                "was a newer one in its place.")) {}

void Notifications::tell(const Notification& notification) {
    for (Subscriber* const subscriber : subscribers_) {
        auto& pending = subscriber->pending_;
        dropped_.add(std::erase_if(pending, [&](const Notification& older) {
            return older.notice == notification.notice;
        }));
        pending.push_back(notification);
        sent_.add();
    }
}

void Notifications::raise(Notice notice) {
    const base::MutexLock lock(mutex_);
    auto& slot = active_[static_cast<size_t>(notice)];
    slot = {.notice = notice, .raised_ms = clock_.now_ms(), .active = true};
    tell(*slot);
}

void Notifications::clear(Notice notice) {
    const base::MutexLock lock(mutex_);
    auto& slot = active_[static_cast<size_t>(notice)];
    if (slot) {
        slot->active = false;
        tell(*slot);
        slot.reset();
    }
}

std::vector<Notification> Notifications::active() const {
    const base::MutexLock lock(mutex_);
    return active_locked();
}

std::vector<Notification> Notifications::active_locked() const {
    std::vector<Notification> out;
    for (const auto& slot : active_) {
        if (slot) {
            out.push_back(*slot);
        }
    }
    std::ranges::stable_sort(out, {}, &Notification::raised_ms);
    return out;
}

std::unique_ptr<Notifications::Subscriber> Notifications::subscribe() {
    std::unique_ptr<Subscriber> subscriber(new Subscriber(*this));  // outlives the lock
    const base::MutexLock lock(mutex_);
    if (ended_ || subscribers_.size() >= subscribers_max_) {
        return nullptr;
    }
    subscriber->pending_ = active_locked();
    subscribers_.insert(subscriber.get());
    subscribing_.set(static_cast<double>(subscribers_.size()));
    return subscriber;
}

void Notifications::end() {
    const base::MutexLock lock(mutex_);
    ended_ = true;
}

Notifications::Subscriber::~Subscriber() {
    const base::MutexLock lock(source_.mutex_);
    source_.subscribers_.erase(this);
    source_.subscribing_.set(static_cast<double>(source_.subscribers_.size()));
}

bool Notifications::Subscriber::take(std::vector<Notification>& out) {
    const base::MutexLock lock(source_.mutex_);
    out.insert(out.end(), pending_.begin(), pending_.end());
    pending_.clear();
    return !source_.ended_;
}

}  // namespace engine

#include "base/http/client_shared.h"

namespace base::http {

Resolver::~Resolver() {
    stopping_ = true;
    std::unique_ptr<WorkerPool> pool;
    {
        const MutexLock lock(mutex_);
        pool = std::move(pool_);
    }
}

Status Resolver::ask(const std::string& host, const Clock& clock) {
    if (!pool_) {
        pool_ = std::make_unique<WorkerPool>(
            WorkerPoolOptions{.name = "resolver", .threads = kThreads, .queue_max = kWaitingMax});
    }
    return pool_->submit([this, host, &clock] { answer(host, clock); });
}

void Resolver::answer(const std::string& host, const Clock& clock) {
    auto found = stopping_ ? std::make_unique<Addresses>(fail(Code::kUnavailable, "stopping"))
                           : std::make_unique<Addresses>(resolve_blocking(host));
    std::vector<Event::Setter> waiting;
    {
        const MutexLock lock(mutex_);
        Entry& entry = entries_[host];
        entry.asked = false;
        entry.answer = std::move(found);
        entry.until = clock.steady() + options_.resolve_ttl;
        waiting = std::move(entry.waiting);
        entry.waiting.clear();
    }
    for (const Event::Setter& setter : waiting) {
        setter.set();
    }
}

// Forgets what is old; everything that nobody waits for when that does not help.
void Resolver::make_room(SteadyTime now) {
    if (entries_.size() < options_.resolve_entries_max) {
        return;
    }
    std::erase_if(entries_,
                  [&](const auto& item) { return !item.second.asked && item.second.until <= now; });
    if (entries_.size() >= options_.resolve_entries_max) {
        std::erase_if(entries_, [](const auto& item) { return !item.second.asked; });
    }
}

Task<std::vector<Address>> Resolver::resolve(Lane& lane, std::string host, Deadline deadline) {
    Event answered(lane);
    bool waited = false;
    while (true) {
        {
            const MutexLock lock(mutex_);
            const SteadyTime now = lane.clock().steady();
            auto found = entries_.find(host);
            const bool fresh = found != entries_.end() && found->second.answer &&
                               (waited || found->second.until > now);
            if (fresh && !found->second.asked) {
                co_return *found->second.answer;
            }
            if (found == entries_.end()) {
                make_room(now);
                found = entries_.try_emplace(host).first;
            }
            if (!found->second.asked) {
                Status asked = ask(host, lane.clock());
                if (!asked) {
                    co_return fail(std::move(asked).error());
                }
                found->second.asked = true;
            }
            found->second.waiting.push_back(answered.setter());
        }
        CO_TRY(co_await answered.wait_until(deadline.at()));
        waited = true;
    }
}

ClientShared::ClientShared() : ClientShared(Options()) {}

ClientShared::ClientShared(Options options) : state_(std::make_shared<State>(std::move(options))) {}

ClientShared::~ClientShared() = default;

}  // namespace base::http

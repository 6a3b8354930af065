#include "test/sim/disk.h"

#include <algorithm>
#include <utility>

namespace sim {

Disk::Disk(World& world, ProcessId process)
    : world_(world), process_(process), random_(world.fork()) {}

void Disk::write(Commit commit, Done done) {
    Time ready = world_.now() + profile_.write_min;
    if (profile_.write_spread.count() > 0) {
        ready += Time(random_.below(static_cast<uint64_t>(profile_.write_spread.count())));
    }
    if (!writes_.empty()) {
        ready = std::max(ready, writes_.back().ready);
    }
    writes_.push_back({.commit = std::move(commit),
                       .done = std::move(done),
                       .begun = world_.now(),
                       .ready = ready});
    if (writes_.size() == 1) {
        wake(ready);
    }
}

void Disk::wake(Time when) {
    world_.at(std::max(when, stalled_until_), [this, number = ++wake_number_] {
        if (number == wake_number_) {
            work();
        }
    });
}

void Disk::work() {
    if (world_.now() < stalled_until_) {
        wake(stalled_until_);
        return;
    }
    if (failing_ && !writes_.empty() && !failed_) {
        failed_ = true;
        world_.trace(process_, "disk failed", writes_.size());
        // Nobody knows whether the write that failed is there.
        if (random_.below(2) == 0) {
            writes_.front().commit();
        }
    }
    while (!writes_.empty() && writes_.front().ready <= world_.now()) {
        Write write = std::move(writes_.front());
        writes_.pop_front();
        finish(std::move(write), !failed_);
    }
    if (!writes_.empty()) {
        wake(writes_.front().ready);
    }
}

void Disk::finish(Write write, bool ok) {
    if (ok) {
        write.commit();
    }
    world_.at(world_.now(), process_, [done = std::move(write.done), ok] { done(ok); });
}

void Disk::stall(Time until) {
    world_.trace(process_, "disk stalls", static_cast<uint64_t>(until.count()));
    stalled_until_ = std::max(stalled_until_, until);
}

void Disk::crash() {
    const uint64_t kept = failed_ ? 0 : random_.below(writes_.size() + 1);
    world_.trace(process_, "disk crash", kept, writes_.size());
    for (uint64_t at = 0; at < kept; ++at) {
        writes_[at].commit();
    }
    writes_.clear();
    ++wake_number_;
    failing_ = false;
    failed_ = false;
}

void Disk::heal() {
    stalled_until_ = Time(0);
    failing_ = false;
    if (!writes_.empty()) {
        wake(writes_.front().ready);
    }
}

}  // namespace sim

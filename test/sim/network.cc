#include "test/sim/network.h"

#include <algorithm>
#include <utility>

namespace sim {

using std::chrono::milliseconds;

namespace {

constexpr Time kResend = milliseconds(200);  // of what got lost, doubled each time
constexpr Time kResendMax = std::chrono::seconds(3);

}  // namespace

Network::Network(World& world) : world_(world), random_(world.fork()) {}

Network::Link& Network::link(ProcessId from, ProcessId to) {
    if (links_.size() <= from) {
        links_.resize(from + 1);
    }
    if (links_[from].size() <= to) {
        links_[from].resize(to + 1);
    }
    return links_[from][to];
}

void Network::send(ProcessId from, ProcessId to, size_t bytes, Task arrive, Task lost) {
    Link& path = link(from, to);
    if (path.cuts > 0) {
        give_up(from, std::move(lost));
        return;
    }
    const bool jammed = path.busy_until > world_.now() + kQueueMax;
    if (jammed || chance(profile_.drop) || chance(path.loss)) {
        return;
    }
    const uint32_t stream = profile_.in_order ? from : World::kNoStream;
    if (chance(profile_.duplicate)) {
        world_.deliver(arrival(path, bytes), to, arrive, {}, stream);
    }
    // Nobody listens: the sender's machine is told as fast as a message travels.
    Task refused;
    if (lost) {
        refused = [this, from, lost = std::move(lost)] {
            world_.at(world_.now() + profile_.delay_min, from, lost);
        };
    }
    world_.deliver(arrival(path, bytes), to, std::move(arrive), std::move(refused), stream);
}

Time Network::arrival(Link& path, size_t bytes) {
    Time at = world_.now() + profile_.delay_min + path.delay;
    if (profile_.delay_spread.count() > 0) {
        at += Time(random_.below(static_cast<uint64_t>(profile_.delay_spread.count())));
    }
    if (chance(profile_.late) && profile_.late_max.count() > 0) {
        at += Time(random_.below(static_cast<uint64_t>(profile_.late_max.count())));
    }
    if (path.bytes_per_second > 0) {
        const Time takes(static_cast<int64_t>(bytes * 1'000'000'000 / path.bytes_per_second));
        path.busy_until = std::max(path.busy_until, world_.now()) + takes;
        at += path.busy_until - world_.now();
    }
    if (profile_.in_order) {
        at = std::max(at, path.last_arrival);
        path.last_arrival = at;
    }
    return at;
}

Time Network::stream_delay(ProcessId from, ProcessId to, size_t bytes) {
    Link& path = link(from, to);
    Time again{};
    for (Time wait = kResend; wait < kResendMax && (chance(profile_.drop) || chance(path.loss));
         wait *= 2) {
        again += wait;
    }
    return arrival(path, bytes) - world_.now() + again;
}

void Network::give_up(ProcessId from, Task lost) {
    // A silent cut is noticed now and then, when a connection breaks.
    if (lost && random_.below(4) == 0) {
        const Time noticed = milliseconds(1 + random_.below(1000));
        world_.at(world_.now() + noticed, from, std::move(lost));
    }
}

void Network::mend(ProcessId from, ProcessId to) {
    Link& path = link(from, to);
    path.cuts = path.cuts > 0 ? path.cuts - 1 : 0;
}

void Network::set_slow(ProcessId from, ProcessId to, Time delay, uint64_t bytes_per_second) {
    Link& path = link(from, to);
    path.delay = delay;
    path.bytes_per_second = bytes_per_second;
}

void Network::heal() {
    for (std::vector<Link>& row : links_) {
        for (Link& path : row) {
            path = {.last_arrival = path.last_arrival};
        }
    }
}

bool Network::is_cut(ProcessId from, ProcessId to) const {
    return from < links_.size() && to < links_[from].size() && links_[from][to].cuts > 0;
}

}  // namespace sim

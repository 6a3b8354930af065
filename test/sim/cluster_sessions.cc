#include "test/sim/cluster_sessions.h"

#include <algorithm>
#include <utility>

namespace sim {

using shard::LeaderMessage;
using shard::NodeMessage;
using shard::SessionId;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Time kLook = milliseconds(200);  // whether a cut is mended
constexpr Time kLoopback = std::chrono::microseconds(50);
constexpr size_t kMessageBytes = 200;
constexpr size_t kTargetBytes = 150;

size_t bytes_of(const LeaderMessage& message) {
    const auto* assignment = std::get_if<shard::Assignment>(&message);
    return kMessageBytes + (assignment == nullptr ? 0 : assignment->targets.size() * kTargetBytes);
}

}  // namespace

ClusterSessions::ClusterSessions(World& world, Network& network, Ends ends)
    : world_(world), network_(network), ends_(std::move(ends)), random_(world.fork()) {}

SessionId ClusterSessions::open(ProcessId from, ProcessId to) {
    const SessionId id = ++last_;
    Session& session = sessions_[id];
    session.up.from = session.down.to = from;
    session.up.to = session.down.from = to;
    session.patience = seconds(2 + random_.below(14));
    world_.trace(from, "calls", to, id);
    put(id, true, kMessageBytes, [this, id](SessionEnds& called) {
        Session& here = sessions_.at(id);
        here.called_open = true;
        called.session_opened(id);
        put(id, false, kMessageBytes, [id](SessionEnds& caller) { caller.link_opened(id); });
    });
    return id;
}

void ClusterSessions::send(SessionId id, NodeMessage message) {
    put(id, true, kMessageBytes, [id, message = std::move(message)](SessionEnds& called) {
        called.session_received(id, message);
    });
}

void ClusterSessions::send(SessionId id, LeaderMessage message) {
    const size_t bytes = bytes_of(message);
    put(id, false, bytes, [id, message = std::move(message)](SessionEnds& caller) {
        caller.link_received(id, message);
    });
}

void ClusterSessions::leave(SessionId id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    found->second.caller_open = false;
    found->second.down.items.clear();
    if (found->second.called_gone) {
        forget_if_over(id);
        return;
    }
    put(id, true, kMessageBytes, [this, id](SessionEnds& called) {
        Session& here = sessions_.at(id);
        if (std::exchange(here.called_open, false)) {
            called.session_closed(id);
        }
    });
}

void ClusterSessions::close(SessionId id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    tell_called_closed(id);
    tell_caller_closed(id);
}

// In its turn, after what is under way.
void ClusterSessions::tell_caller_closed(SessionId id) {
    put(id, false, kMessageBytes, [this, id](SessionEnds& caller) {
        if (std::exchange(sessions_.at(id).caller_open, false)) {
            caller.link_closed(id);
        }
    });
}

// At once, but not before what runs now is over.
void ClusterSessions::tell_called_closed(SessionId id) {
    Session& session = sessions_.at(id);
    session.called_gone = true;
    session.up.items.clear();
    if (std::exchange(session.called_open, false)) {
        const ProcessId called = session.up.to;
        world_.at(world_.now(), called, [this, id, called] { ends_(called)->session_closed(id); });
    }
}

void ClusterSessions::died(ProcessId process) {
    std::vector<SessionId> its;
    for (const auto& [id, session] : sessions_) {
        if (session.up.from == process || session.up.to == process) {
            its.push_back(id);
        }
    }
    for (const SessionId id : its) {
        Session& session = sessions_.at(id);
        if (session.up.to == process) {
            session.called_open = false;
            session.called_gone = true;
            session.up.items.clear();
            session.down.items.clear();
            if (session.up.from != process) {
                if (session.caller_open) {
                    tell_caller_closed(id);
                }
                forget_if_over(id);
                continue;
            }
        }
        leave(id);
        forget_if_over(id);
    }
}

void ClusterSessions::put(SessionId id, bool up, size_t bytes, Item item) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    Way& way = up ? found->second.up : found->second.down;
    if (up && found->second.called_gone) {
        return;
    }
    const Time takes =
        way.from == way.to ? kLoopback : network_.stream_delay(way.from, way.to, bytes);
    Time there = world_.now() + takes;
    if (!way.items.empty()) {
        there = std::max(there, way.items.back().first);
    }
    way.items.emplace_back(there, std::move(item));
    if (way.items.size() == 1) {
        wake(id, up, there);
    }
}

void ClusterSessions::wake(SessionId id, bool up, Time when) {
    const Session& session = sessions_.at(id);
    World::Task nobody;
    if (up) {
        nobody = [this, id] { arrived_nowhere(id); };
    }
    world_.deliver(
        when, up ? session.up.to : session.down.to, [this, id, up] { step(id, up); }, nobody);
}

// Nobody is there who could be called.
void ClusterSessions::arrived_nowhere(SessionId id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.called_gone) {
        return;
    }
    found->second.called_gone = true;
    found->second.up.items.clear();
    if (found->second.caller_open) {
        tell_caller_closed(id);
    }
    forget_if_over(id);
}

void ClusterSessions::step(SessionId id, bool up) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return;
    }
    Way& way = up ? found->second.up : found->second.down;
    if (way.items.empty() || way.items.front().first > world_.now()) {
        return;  // of an item that was dropped; what came since has its own wake-up
    }
    if (network_.is_cut(way.from, way.to)) {
        if (!std::exchange(way.stalled, true)) {
            way.stalled_since = world_.now();
        }
        if (world_.now() >= way.stalled_since + found->second.patience) {
            break_off(id);
        } else {
            wake(id, up, world_.now() + kLook);
        }
        return;
    }
    way.stalled = false;
    const Item item = std::move(way.items.front().second);
    way.items.pop_front();
    if (!way.items.empty()) {
        wake(id, up, std::max(world_.now(), way.items.front().first));
    }
    item(*ends_(way.to));
    forget_if_over(id);
}

void ClusterSessions::break_off(SessionId id) {
    Session& session = sessions_.at(id);
    world_.trace(session.up.from, "connection breaks", session.up.to, id);
    session.down.items.clear();
    tell_called_closed(id);
    if (std::exchange(session.caller_open, false)) {
        const ProcessId caller = session.up.from;
        const Time noticed = world_.now() + milliseconds(random_.below(2000));
        world_.at(noticed, caller, [this, id, caller] { ends_(caller)->link_closed(id); });
    }
    forget_if_over(id);
}

void ClusterSessions::forget_if_over(SessionId id) {
    const auto found = sessions_.find(id);
    if (found != sessions_.end() && !found->second.caller_open && !found->second.called_open &&
        found->second.up.items.empty() && found->second.down.items.empty()) {
        sessions_.erase(found);
    }
}

}  // namespace sim

// Which nodes are there, by what the leader hears of them.
// source: docs/placement.md, "Silent nodes"
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "shard/types.h"

namespace shard {

enum class NodeLife : uint8_t {
    kAwaited,  // this leader is new and has not heard of it yet; its time runs
    kLive,
    kStarting,   // heard, but it reads its log: others scrape for it
    kSuspect,    // silent, or it said that it stops: others scrape for it
    kReturning,  // heard again, not long enough to be relied on: others still scrape for it
    kDead,       // silent for so long that its targets are moved
};

[[nodiscard]] std::string_view name(NodeLife life);

struct LivenessOptions {
    std::chrono::milliseconds failure_timeout{5'000};  // of silence: kSuspect
    std::chrono::milliseconds reconnect{1'500};        // the same, when its connection broke
    std::chrono::milliseconds dead_after{60'000};      // of silence: kDead
    std::chrono::milliseconds healthy{10'000};         // heard without a break: kLive again …
    std::chrono::milliseconds healthy_max{600'000};    // … which doubles each time up to this
    std::chrono::milliseconds steady{3'600'000};   // heard for so long: the doubling is forgotten
    std::chrono::milliseconds new_leader{10'000};  // that nodes have to find a new leader
    // When more nodes than this part of all, and more than this number, fall silent within
    // `mass_window`, it is more likely the leader that is cut off: nobody is taken over for
    // `mass_freeze`.
    double mass_part = 0.30;
    uint32_t mass_min = 2;
    std::chrono::milliseconds mass_window{10'000};
    std::chrono::milliseconds mass_freeze{15'000};
};

struct LifeChange {
    NodeNumber node = kNoNode;
    NodeLife from = NodeLife::kAwaited, to = NodeLife::kAwaited;
};

//   threads  one
class Liveness {
  public:
    explicit Liveness(const LivenessOptions& options) : options_(options) {}

    // From now on; what is known stays.
    void reconfigure(const LivenessOptions& options) { options_ = options; }

    // This member leads from now on. `former` led before it: it is suspected unless it comes as
    // soon as one whose connection broke.
    void begin(std::vector<NodeNumber> nodes, NodeNumber former, base::SteadyTime now);
    void add(NodeNumber node, base::SteadyTime now);
    void remove(NodeNumber node);
    // Not dead before, however silent: it is being looked after. 0: no longer.
    void maintenance(NodeNumber node, base::SteadyTime until);

    void heard(NodeNumber node, bool starting, bool stopping, base::SteadyTime now);
    void disconnected(NodeNumber node, base::SteadyTime now);

    // What changed. returns  at most one change for a node
    [[nodiscard]] std::vector<LifeChange> poll(base::SteadyTime now);
    // When poll() has something to say, at the latest; max: never, if nothing is heard or lost.
    [[nodiscard]] base::SteadyTime next() const;

    // The same, or earlier, without looking at all nodes: who is heard is due later than it was.
    [[nodiscard]] base::SteadyTime look_at() const { return look_at_; }

    // kDead for nodes that are not known.
    [[nodiscard]] NodeLife life(NodeNumber node) const;
    // Others scrape for it.
    [[nodiscard]] bool taken_over(NodeNumber node) const;

    // When it was last heard, as far as this leader knows; the beginning of time for nodes that are
    // not known.
    [[nodiscard]] base::SteadyTime silent_since(NodeNumber node) const;

    [[nodiscard]] bool frozen(base::SteadyTime now) const { return now < frozen_until_; }

    // Nodes that may scrape for others, ascending.
    [[nodiscard]] std::vector<NodeNumber> live() const;

  private:
    struct Node {
        NodeLife life = NodeLife::kAwaited;
        base::SteadyTime heard{};          // last
        base::SteadyTime silent_since{};   // since when it is not heard, as far as known
        base::SteadyTime due{};            // when it is suspected, if nothing is heard until then
        base::SteadyTime healthy_since{};  // heard without a break
        base::SteadyTime maintenance{};
        uint32_t repeats = 0;  // times it was suspected
        bool starting = false, stopping = false;
        bool proven = false;  // this leader has seen it live, or silent
    };

    [[nodiscard]] NodeLife judge(Node& node, base::SteadyTime now);
    [[nodiscard]] base::Duration healthy_needed(const Node& node) const;
    void note_suspect(base::SteadyTime now);

    LivenessOptions options_;
    std::map<NodeNumber, Node> nodes_;
    std::deque<base::SteadyTime> suspected_;  // when, within mass_window
    base::SteadyTime frozen_until_{};
    base::SteadyTime look_at_{};  // before it no life is another one
};

}  // namespace shard

// When a move is over: what new owners say of their scrapes, and what is decided by it.
// source: docs/placement.md, "Moves"
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "shard/assignment/table.h"
#include "shard/session/messages.h"
#include "shard/types.h"

namespace shard {

struct HandoffOptions {
    uint32_t good_scrapes = 2;          // of the new owner, in a row: it has the target
    uint32_t failed_scrapes = 3;        // in a row: it has not
    uint32_t intervals_max = 10;        // without either: it is given up …
    std::chrono::seconds time_min{30};  // … but not before
};

enum class HandoffEnd : uint8_t {
    kDone,       // the new owner scrapes it
    kDown,       // nobody can: the new owner may as well say so
    kOwnerGone,  // the old owner is silent: the new one has it at once
    kUnable,     // the old owner can, the new one cannot
    kTakerGone,  // the new owner is silent
    kTimedOut,   // the new owner says nothing of it
    kAlone,      // only one may scrape it: the new owner gets it untried, once the old one let go
};

[[nodiscard]] std::string_view name(HandoffEnd end);
// Whether the new owner gets it.
[[nodiscard]] bool finishes(HandoffEnd end);
// Whether the new owner should not be tried again for a while.
[[nodiscard]] bool marks(HandoffEnd end);

struct HandoffDecision {
    model::TargetId target = 0;
    Move move;
    HandoffEnd end = HandoffEnd::kDone;
    int64_t cut_ms = 0;    // time of the new owner's last good samples; 0: it has none
    int64_t first_ms = 0;  // of the first of those in a row; 0: it has none
};

// What is known beside the moves.
struct HandoffView {
    std::function<bool(NodeNumber)> silent;
    // Of the owner's last scrape; nullopt: not known.
    std::function<std::optional<bool>(model::TargetId, NodeNumber)> up;
    std::function<std::chrono::milliseconds(model::TargetId)> interval;
    std::function<bool(const TargetView&)> exclusive;
};

//   threads  one
class Handoffs {
  public:
    explicit Handoffs(const HandoffOptions& options) : options_(options) {}

    // From now on; what is known stays.
    void reconfigure(const HandoffOptions& options) { options_ = options; }

    // What a node says of a target it is to get.
    void heard(NodeNumber node, const Incoming& incoming);
    // A new leader, or the node's session is over: what it said before counts no more.
    void forget(NodeNumber node);

    void clear() { heard_.clear(); }

    // Moves that are over, by target. They are told again until the table has no such move.
    [[nodiscard]] std::vector<HandoffDecision> decide(const Table& table,
                                                      const HandoffView& view,
                                                      uint32_t now_s);

  private:
    struct Heard {
        NodeNumber node = kNoNode;
        Incoming incoming;
    };

    [[nodiscard]] std::optional<HandoffEnd> judge(const TargetView& target,
                                                  const Incoming* incoming,
                                                  const HandoffView& view,
                                                  uint32_t now_s) const;

    HandoffOptions options_;
    std::map<model::TargetId, Heard> heard_;
};

}  // namespace shard

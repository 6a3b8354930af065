// What a leader decided and saw, for people: the event log of a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "shard/planner/planner.h"
#include "shard/types.h"

namespace shard {

enum class EventKind : uint8_t {
    kLeads,          // this node leads from now on
    kLeadsNoMore,    // and no more
    kNodeJoined,     // a node joined, or said something new of itself
    kNodeLife,       // a node is in another state than before
    kNodeAdmin,      // is drained, in maintenance, active again
    kNodeRemoved,    // is no part of the cluster any more
    kNodeRefused,    // wanted a session and did not get it
    kTakeoverBegun,  // others scrape for a node
    kTakeoverEnded,
    kPlaced,  // targets got their first owner, or another one instead of one that is gone
    kMoveBegun,
    kMoveDone,
    kMoveAborted,
    kForgotten,  // targets are discovered no more
    kPaused,
    kResumed,
    kVoters,       // who votes changes, or who leads is to
    kPlanApplied,  // by a person
};

inline constexpr size_t kEventKinds = 18;

// "leads", "node_life", "move_begun", …
[[nodiscard]] std::string_view name(EventKind kind);

struct LeaderEvent {
    uint64_t number = 0;  // counts a leader's events from 1; without holes
    int64_t time_ms = 0;
    EventKind kind = EventKind::kLeads;
    NodeNumber node = kNoNode;   // that it is about; of a move: the old owner
    NodeNumber other = kNoNode;  // of a move: the new owner
    model::TargetId target = 0;  // 0: none
    std::string text;            // a sentence that names all of it
};

// Since the leader began to live; they never go down.
struct LeaderCounters {
    uint64_t takeovers = 0;                      // begun
    std::array<uint64_t, kMoveReasons> moves{};  // begun or placed, by MoveReason
    uint64_t moves_done = 0;
    uint64_t moves_aborted = 0;
    // Scrapes that nobody made at the end of moves whose old owner fell silent: from when it was
    // last heard to the new owner's first good scrape, in intervals. Moves between nodes that are
    // both there count none, for the old owner goes on until the new one has scraped.
    uint64_t missed_slots = 0;
};

}  // namespace shard

// What a node and its leader tell each other while they have a session: docs/protocol.md,
// skein.v1.Cluster. Plain values; shard/session/codec.h has their bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/labels.h"
#include "model/target.h"
#include "shard/types.h"

namespace shard {

// Of what a node says in a session. A leader of another version is not spoken to.
inline constexpr uint32_t kSessionVersion = 1;
// The call of gRPC that carries a session.
inline constexpr const char* kSessionPath = "/skein.v1.Cluster/Session";

// --- limits
// ----------------------------------------------------------------------------------------

inline constexpr size_t kSessionMessageBytesMax = size_t{4} << 20;
inline constexpr size_t kSessionMessageBytesAim = size_t{256} << 10;  // longer lists are cut
inline constexpr size_t kSessionJobsMax = 10'000;
inline constexpr size_t kTargetBytesMax = size_t{1} << 20;  // of one target's labels and URL

// A leader and what it last decided: later terms, and epochs within a term, win. Epochs rise over
// terms, too.
struct Order {
    uint64_t term = 0;
    Epoch epoch = 0;

    auto operator<=>(const Order&) const = default;
};

// In which quality a node scrapes a target.
enum class Holding : uint8_t {
    kOwner = 1,
    kIncoming = 2,  // a move's new owner: stores nothing before its first good scrape
    kStandIn = 3,   // for a node that is silent; stores from the first scrape on
};

// What is scraped, for those who did not discover it.
struct TargetDescriptor {
    std::string job;
    model::Labels labels;      // final
    model::Labels discovered;  // before relabelling
    std::string url;
    std::string unix_socket;
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds timeout{0};
    bool over_target_limit = false;  // its job has too many, over all nodes: not scraped, down

    bool operator==(const TargetDescriptor&) const = default;
};

// One target of a node's. A node has at most one slot of a target.
struct AssignedTarget {
    model::TargetId id = 0;
    uint8_t slot = 0;
    uint8_t slots = 1;
    Holding holding = Holding::kOwner;
    bool exclusive = false;  // nobody else scrapes it; held no longer than the lease lasts
    Epoch since = 0;         // of the move, for kIncoming
    std::shared_ptr<const TargetDescriptor> descriptor;  // never null, never changed
};

// Why a node does not scrape a target any more.
enum class ReleaseReason : uint8_t {
    kMoved = 1,  // somebody else does: its series go on there, without stale markers here
    kGone = 2,   // nobody discovers it: its series end
};

struct Release {
    model::TargetId id = 0;
    ReleaseReason reason = ReleaseReason::kMoved;
    // Of a release that others wait for: the node answers with it, whether it held the target or
    // not, once it scrapes it no more. 0: nobody waits.
    uint64_t number = 0;
};

// What a node holds, for comparing with what it should hold without sending it.
struct HoldingDigest {
    uint64_t targets = 0;
    uint64_t hash = 0;  // the sum, modulo 2^64, of holding_hash() of each

    bool operator==(const HoldingDigest&) const = default;
};

//   since  as in AssignedTarget
[[nodiscard]] uint64_t holding_hash(model::TargetId id, uint8_t slot, Holding holding, Epoch since);

// --- from a node to the leader
// ---------------------------------------------------------------------

struct JobHash {
    std::string job;
    uint64_t hash = 0;  // of its configuration, without what differs from node to node

    bool operator==(const JobHash&) const = default;
};

// The first message. The answer is Welcome, Redirect or Refused.
struct Hello {
    uint32_t version = kSessionVersion;
    std::string cluster_id;  // empty: it belongs to none yet
    std::string node_id;
    uint64_t member = 0;
    std::string address;  // where others reach its gRPC server
    std::string zone;
    uint64_t series_budget = 0;
    uint32_t feature_level = 0;
    int64_t clock_ms = 0;        // its wall clock
    uint64_t configuration = 0;  // hash of the whole, without external labels
    std::vector<JobHash> jobs;   // by name
    Order seen;                  // the latest that it obeyed
};

// How a node is, as it stands in Totals::flags.
enum NodeFlag : uint32_t {
    kNodeStarting = 1,    // the log is being replayed: it scrapes nothing yet
    kNodeReadOnly = 2,    // its disk is full or broken
    kNodeMemoryHigh = 4,  // it takes no new series
    kNodeStopping = 8,    // it stops on purpose: others take over now
};

// The node as a whole.
struct Totals {
    uint64_t active_series = 0;  // appended to within two intervals
    uint64_t ghost_series = 0;   // in the head beside those
    uint64_t other_series = 0;   // of the active ones: pushed, or of rules
    uint64_t memory_bytes = 0;
    uint64_t memory_limit_bytes = 0;
    uint32_t late_ms = 0;  // how late scrapes begin, at the 99th percentile
    uint32_t flags = 0;    // of NodeFlag
    int64_t clock_ms = 0;
};

// What one target weighs, from its last good scrape.
struct TargetLoad {
    model::TargetId id = 0;
    uint64_t series = 0;
    bool up = false;  // its last scrape was good
};

// Sent every time a Lease comes, and when there is news.
struct Report {
    uint64_t number = 0;  // counts a session's reports from 1; Hello is number 0
    Order seen;
    Totals totals;
    std::vector<TargetLoad> loads;  // of targets that changed since they were last told
};

// How an incoming target does: sent after each of its scrapes.
struct Incoming {
    model::TargetId id = 0;
    Epoch since = 0;      // as assigned
    uint32_t good = 0;    // scrapes in a row
    uint32_t failed = 0;  // scrapes in a row
    int64_t last_ms = 0;  // timestamp of the last good scrape's samples
    uint64_t series = 0;
};

struct Progress {
    std::vector<Incoming> targets;
};

struct Held {
    model::TargetId id = 0;
    uint8_t slot = 0;
    Holding holding = Holding::kOwner;
    Epoch since = 0;
};

// All that it holds, because a Lease said that it should hold something else. The leader answers
// with an Assignment.
struct Holdings {
    std::vector<Held> targets;
    bool last = true;  // more follows otherwise
};

// Releases that were carried out, by their numbers.
struct Released {
    std::vector<uint64_t> numbers;
};

// A new configuration was loaded.
struct Configured {
    uint64_t configuration = 0;
    std::vector<JobHash> jobs;
};

using NodeMessage = std::variant<Hello, Report, Progress, Holdings, Configured, Released>;

// --- from the leader to a node
// ---------------------------------------------------------------------

struct Welcome {
    std::string cluster_id;
    NodeNumber number = kNoNode;
    Order order;
    std::chrono::milliseconds lease{0};  // as in Lease, from when the node said Hello
    int64_t clock_ms = 0;
};

// Another one leads. The session ends.
struct Redirect {
    std::string leader_id;  // empty: nobody knows
    std::string address;
};

enum class Refusal : uint8_t {
    kVersion = 1,  // of the protocol
    kCluster = 2,  // it belongs to another cluster
    kTwins = 3,    // a live node has the same id
    kClock = 4,    // its clock is too far off
    kNodes = 5,    // kNodesMax
    kRemoved = 6,  // it was removed from the cluster
};

// The session ends; asking again makes sense only when something was done about it.
struct Refused {
    Refusal why = Refusal::kVersion;
    std::string reason;
};

// The node's lease lasts for `lease` from when it sent that report, so that the leader, which got
// it later, knows when it is over. 0: the leader is not sure that it leads; the lease is as before.
struct Lease {
    uint64_t report = 0;  // number of the node's last one that has come
    Order order;
    std::chrono::milliseconds lease{0};
    HoldingDigest holds;  // what the node holds once all that was sent before is carried out
};

// Changes of what the node holds. Carried out as they come; obeyed only when `order` is not lower
// than any that was.
struct Assignment {
    Order order;
    bool everything = false;  // with the first of a list: what is not in it is released as moved
    bool last = true;         // of a list
    std::vector<AssignedTarget> targets;
    std::vector<Release> releases;
};

struct KnownNode {
    NodeNumber number = kNoNode;
    std::string id;
    std::string address;
    std::string zone;
    bool voter = false;
    bool live = false;

    bool operator==(const KnownNode&) const = default;
};

// All nodes of the cluster, for queries and for finding the next leader.
struct Nodes {
    std::vector<KnownNode> nodes;  // by number
};

using LeaderMessage = std::variant<Welcome, Redirect, Refused, Lease, Assignment, Nodes>;

}  // namespace shard

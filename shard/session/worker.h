// A node's side of the session with its leader: holds the targets it was given, tells how they do,
// and goes on with them when there is no leader.
// source: docs/protocol.md, skein.v1.Cluster
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "shard/session/loads.h"
#include "shard/session/messages.h"

namespace shard {

// What outlives a restart.
struct StoredSession {
    std::string cluster_id;  // empty: belongs to none
    NodeNumber number = kNoNode;
    Order seen;
    std::vector<KnownNode> nodes;
    std::vector<AssignedTarget> targets;
};

// Where a node keeps its part, so that it scrapes at once when it starts again. Written changes
// outlive the process; with `sync` they outlive the machine's power, too.
class SessionStore {
  public:
    virtual ~SessionStore() = default;
    [[nodiscard]] virtual base::Result<StoredSession> load() = 0;
    virtual base::Status save_identity(const std::string& cluster_id,
                                       NodeNumber number,
                                       std::span<const KnownNode> nodes) = 0;
    virtual base::Status save_targets(Order seen,
                                      std::span<const AssignedTarget> put,
                                      std::span<const model::TargetId> removed,
                                      bool sync) = 0;
};

// The way to leaders: one session at a time.
class SessionLink {
  public:
    virtual ~SessionLink() = default;
    // Leaves the session there is. Worker::opened() or closed() follows, never before it returns.
    virtual void open(const std::string& address) = 0;
    // What cannot be sent is dropped, and the session closed.
    virtual void send(NodeMessage message) = 0;
    // Nothing is told of the session any more.
    virtual void leave() = 0;
};

// Who scrapes. Told of every change, in order.
class HoldingsListener {
  public:
    virtual ~HoldingsListener() = default;
    // Begin, or hold in another way (another slot, owner instead of incoming).
    virtual void hold(const AssignedTarget& target) = 0;
    virtual void release(model::TargetId id, ReleaseReason reason) = 0;
    // Until when exclusive targets may be scraped. They are released when that is over; who learns
    // of it too late, because the process was paused, looks at this before he scrapes one.
    virtual void lease(base::SteadyTime until) = 0;
    // All that was told before takes effect before it returns.
    virtual void settle() = 0;
};

struct WorkerOptions {
    std::vector<std::string> join;                  // addresses, in the order of --cluster.join
    std::chrono::milliseconds open_timeout{3'000};  // until Welcome
    std::chrono::milliseconds silence_max{5'000};   // of a leader; then another one is looked for
    std::chrono::milliseconds retry_next{100};      // between attempts at different addresses
    std::chrono::milliseconds retry{500};           // before these again; doubles up to …
    // … so much for each node that is known, between these two: all ask while nobody leads, and a
    // few voters answer.
    std::chrono::milliseconds retry_of_node{5}, retry_least{1'000}, retry_max{5'000};
    std::chrono::milliseconds refused_retry{30'000};
    std::chrono::milliseconds absence_said{10'000};  // without a session, before that is logged
    std::chrono::milliseconds clock_skew_warn{2'000};
    LoadOptions loads;
};

enum class SessionState : uint8_t { kNone, kOpening, kGreeting, kOpen };

struct WorkerStatus {
    SessionState state = SessionState::kNone;
    std::string leader_address;  // of the session, or of the attempt
    std::string cluster_id;
    NodeNumber number = kNoNode;
    Order seen;
    bool lease = false;
    size_t targets = 0;
    std::optional<Refusal> refused;
    std::string problem;          // why there is no session; empty: there is
    int64_t clock_behind_ms = 0;  // of the leader's
    uint64_t rejected = 0;        // messages with an order that was not the latest
};

// A step machine: every call does what can be done now and returns.
//   threads   one
//   lifetime  what it borrows outlives it
class Worker {
  public:
    struct Parts {
        SessionLink& link;
        SessionStore& store;
        HoldingsListener& holdings;
        LoadSource& loads;
        const base::Clock& clock;
        base::Random& random;
        base::Logger log;
    };

    // Holds at once what the store has.
    //   self    without cluster_id, clock_ms and seen: those are the worker's to fill in
    //   errors  of the store
    [[nodiscard]] static base::Result<std::unique_ptr<Worker>> start(Hello self,
                                                                     const WorkerOptions& options,
                                                                     const Parts& parts);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // returns  when to call again, at the latest
    base::SteadyTime poll();
    void opened();
    void received(LeaderMessage message);
    void closed(const std::string& why);

    // A scrape of a target that is held as incoming is over. `good`: it was stored, with samples of
    // `timestamp_ms`.
    void scraped(model::TargetId id, bool good, int64_t timestamp_ms, uint64_t series);
    // This node may know better who leads: it is a voter.
    void leader_is(const std::string& address);
    void configured(uint64_t configuration, std::vector<JobHash> jobs);
    // This node has founded its cluster, or finds its state on its disk: it belongs to no other.
    //   expects  that it belongs to none so far, or to this one
    void belongs_to(const std::string& cluster_id);
    // Others may take over now: the node stops on purpose.
    void stopping();
    // The leader is to know now what LoadSource::totals() says, not with the next report.
    void totals_changed();

    [[nodiscard]] WorkerStatus status() const;
    [[nodiscard]] const std::map<model::TargetId, AssignedTarget>& holds() const;
    [[nodiscard]] const std::vector<KnownNode>& nodes() const;

  private:
    struct Parts_;
    explicit Worker(std::unique_ptr<Parts_> parts);
    std::unique_ptr<Parts_> parts_;
};

}  // namespace shard

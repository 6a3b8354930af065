// A member of the group, complete but for disk, network and thread: gives the core its ticks and
// messages, and carries out what it says.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "shard/raft/core.h"
#include "shard/raft/types.h"

namespace shard::raft {

// What the group agrees on: the same commands in the same order, whichever member.
//   threads   the driver's
class StateMachine {
  public:
    virtual ~StateMachine() = default;
    // Never fails: what makes no sense is refused in the same way everywhere, and `answer` says so.
    // returns  what the proposer is told
    virtual std::string apply(Index index, std::string_view command) = 0;
    // The whole state; the same state gives the same bytes.
    [[nodiscard]] virtual std::shared_ptr<const std::string> snapshot() const = 0;
    // Becomes what snapshot() wrote. An error is fatal for this member: its disk, or the program,
    // is broken.
    [[nodiscard]] virtual base::Status restore(std::string_view snapshot) = 0;
};

// The disk of a member.
class RaftStorage {
  public:
    using Done = std::function<void(uint64_t number, base::Status)>;

    virtual ~RaftStorage() = default;
    // Everything at once; before anything else.
    //   errors  kCorrupt: a hole, a bad checksum: the member must not start
    [[nodiscard]] virtual base::Result<Stored> load() = 0;
    // Makes the batch durable and then calls `done` on the driver's thread, never before it
    // returns. In order. After an error nothing more is written, and every further batch fails.
    virtual void persist(Persist batch, Done done) = 0;
    // Bytes of the snapshot that is durable now; kNotFound when it is another one (ask anew).
    [[nodiscard]] virtual base::Result<std::string> snapshot_bytes(const SnapshotMeta& meta,
                                                                   uint64_t offset,
                                                                   size_t bytes) = 0;
    // The received snapshot after its installation, whole.
    [[nodiscard]] virtual base::Result<std::string> installed_snapshot(
        const SnapshotMeta& meta) = 0;
};

// The network of a member. Messages may be lost, doubled, late and out of order.
class RaftTransport {
  public:
    virtual ~RaftTransport() = default;
    // Never waits. What cannot be sent is dropped, and the driver told with unreachable().
    virtual void send(Message message) = 0;
    // Where members are from now on; who is not among them is spoken to no more.
    virtual void members(const Configuration& configuration) = 0;
};

struct DriverOptions {
    CoreOptions core;
    std::chrono::milliseconds tick{50};
    // Ticks that are made up for after a pause, at most: a member that was stopped does not
    // campaign before it has read what came meanwhile.
    uint32_t late_ticks_max = 4;
    // The log is cut when it has grown so far since the last snapshot.
    size_t compact_bytes = size_t{8} << 20;
    Index compact_entries = 4096;
    Index trailing_entries = 1024;  // that stay for members which are a little behind
    size_t waiting_max = 1024;      // proposals and reads that wait, together
    // That a proposal waits for its fate when the leader that took it has fallen.
    std::chrono::milliseconds fate_wait{10'000};
};

// Looks of one moment.
struct DriverStatus {
    MemberId self = kNobody;
    MemberId leader = kNobody;
    State state = State::kFollower;
    bool leads = false;
    Term term = 0;
    Index commit = 0, applied = 0, last = 0, log_begin = 0;
    size_t log_bytes = 0;
    Configuration configuration;    // the newest, committed or not
    Index configuration_index = 0;  // its entry
    std::vector<ProgressView> progress;
    bool disk_failed = false;
};

// A step machine like the core: every call does what can be done now and returns. A disk that fails
// is the member's end: it says and does nothing more, so that the others go on without it.
//   threads     one: the one that calls poll(), receive() and RaftStorage's `done`
//   reentrancy  Completions, RaftTransport::send() and members() may call everything here but the
//               destructor: what they ask for is noted, and done when what is under way is done.
//               The state machine may not. Completions are called one after another, never within
//               each other, and when nothing is half done; what a completion asks for and is
//               refused is answered with the next call, so that asking again and again ends.
//   lifetime    what it borrows outlives it; completions that still wait when it goes are called
//               with kCanceled, and what they then propose or read is dropped without an answer
class Driver {
  public:
    struct Parts {
        RaftStorage& storage;
        RaftTransport& transport;
        StateMachine& machine;
        const base::Clock& clock;
        base::Random& random;
        base::Logger log;
    };

    // The answer of the state machine.
    //   errors  kUnavailable: not the leader, or no longer, and the command is not and will not be
    //           applied; kTimeout: leadership was lost, a snapshot came instead of the entry, or
    //           the disk failed, and nobody here knows whether it will be or was; kLimit; kCanceled
    using Proposed = std::function<void(base::Result<std::string>)>;
    using Read = std::function<void(base::Status)>;

    // Loads what the disk has and restores the state machine.
    //   errors  of the disk and of the state machine's restore()
    [[nodiscard]] static base::Result<std::unique_ptr<Driver>> start(MemberId self,
                                                                     const DriverOptions& options,
                                                                     const Parts& parts);
    ~Driver();
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    // Ticks when it is time. returns  when to call again, at the latest; never, once the disk
    // failed
    base::SteadyTime poll();
    void receive(Message message);
    void unreachable(MemberId member);

    // `done` is called once, later or before it returns.
    void propose(std::string command, Proposed done);
    // Once it is called with success, the state machine has all that was committed before.
    void read(Read done);
    // Appended, not yet committed: configuration_index() <= commit tells.
    [[nodiscard]] base::Status change(const Configuration& to);
    [[nodiscard]] base::Status transfer(MemberId to);
    void step_down();

    [[nodiscard]] DriverStatus status() const;
    // What the core is at: cheaper than status().
    [[nodiscard]] const Core& core() const;
    // Its disk has: it says and does nothing more, and leads nobody.
    [[nodiscard]] bool failed() const;

  private:
    class Body;
    explicit Driver(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

}  // namespace shard::raft

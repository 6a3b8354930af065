// One member's part in the consensus: messages and ticks in, messages and what has to be durable
// out. No disk, no network, no clock, no threads; shard/raft/driver.h puts them around it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "shard/raft/types.h"

namespace shard::raft {

struct CoreOptions {
    // In ticks of 50 ms.
    uint32_t heartbeat_ticks = 4;  // between heartbeats
    uint32_t election_ticks = 40;  // of silence, to twice as many, before a member campaigns
    uint32_t disk_ticks_max = 60;  // that a batch may take before a leader lets others lead
    uint32_t transfer_ticks_max = 40;
    size_t uncommitted_bytes_max = size_t{16} << 20;  // of a leader's proposals; beyond: kLimit
    size_t in_flight_appends_max = 16;                // to one member, unanswered
    size_t in_flight_bytes_max = size_t{4} << 20;
};

enum class State : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// A part of this member's snapshot that another one wants. The bytes are the driver's to add.
struct SnapshotSend {
    MemberId to = kNobody;
    Term term = 0;
    SnapshotMeta meta;
    uint64_t offset = 0;
};

// The state machine is at least at `index`: the read that was asked for may be done as soon as
// that is applied.
struct ReadReady {
    uint64_t context = 0;
    Index index = 0;
};

// What is to be done after ticks, messages and calls, in this order. All of it at most once.
struct Output {
    // To be made durable; persisted() follows. Batches may be under way side by side.
    std::optional<Persist> persist;
    // To be sent as soon as can be: what must be durable before is. They may get lost.
    std::vector<Message> messages;
    std::vector<SnapshotSend> snapshots;
    // The state machine becomes that of the received snapshot, which is durable and installed.
    std::optional<SnapshotMeta> restore;
    // To be applied, one after another, each once; they are durable here and committed.
    std::vector<Entry> committed;
    std::vector<ReadReady> reads;
    std::vector<uint64_t> failed_reads;  // leadership was lost meanwhile: ask the new one

    [[nodiscard]] bool empty() const;
};

// What a leader knows of another member.
struct ProgressView {
    MemberId id = kNobody;
    Index match = 0;
    bool active = false;    // heard of within an election timeout
    bool snapshot = false;  // it is being sent one
};

// Follows Raft with pre-vote, check-quorum, a no-op at each election, learners, changes of one
// member at a time that are taken back with their entry, snapshots, transfer and read index.
//   threads   one
//   promise   the same calls with the same random numbers give the same outputs
class Core {
  public:
    // `stored` is what the disk had. A member with an empty disk belongs to no group: it follows
    // whoever speaks to it, and never campaigns before it has seen itself as a voter.
    // `random` is borrowed.
    Core(MemberId self, const CoreOptions& options, Stored stored, base::Random& random);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // What a founder writes to its empty disk before it starts, as batch 0: a snapshot at index 1,
    // term 1, of `state`, with the group's first members.
    [[nodiscard]] static Persist found(Configuration configuration,
                                       std::shared_ptr<const std::string> state);

    // --- input ---
    void tick();
    // Messages to others, from nobody or of a kind that makes no sense are passed over.
    void step(Message message);
    // Batches up to `number` are durable.
    void persisted(uint64_t number);
    // The state machine is as after the entry `index`; asked for by compact().
    void applied(Index index);
    // A snapshot of the state machine at `index` (applied): it is saved with the next output, and
    // the log forgets what lies more than `trailing` entries before it.
    void compact(Index index, std::shared_ptr<const std::string> data, Index trailing);
    // A message to `member` was not sent, or its connection broke.
    void unreachable(MemberId member);

    // --- asked of the leader; kUnavailable elsewhere ---
    // returns  the command's index; with term() it tells whether it was committed: when the entry
    //          with that index is applied and has another term, the command is lost
    // errors   kLimit: too large, or too much uncommitted; kUnavailable while it transfers
    [[nodiscard]] base::Result<Index> propose(std::string command);
    // Adds, promotes, demotes or removes one member, or changes an address.
    //   errors  kUnavailable: a change is not committed, or nothing of this leader's term is;
    //           kInvalid: more than one difference, no voter left, limits
    [[nodiscard]] base::Result<Index> change(const Configuration& to);
    // To a voter that is up to date, or becomes so in time; ends with `transfer_ticks_max`.
    [[nodiscard]] base::Status transfer(MemberId to);
    // ReadReady or failed_reads with `context` follows.
    //   errors  kUnavailable, also until a leader leads(); kLimit: too many wait
    [[nodiscard]] base::Status read(uint64_t context);
    // A leader lets others lead; nothing elsewhere.
    void step_down();

    // --- output: until there is none ---
    [[nodiscard]] bool has_output() const;
    [[nodiscard]] Output output();

    // --- looking ---
    [[nodiscard]] MemberId self() const;
    [[nodiscard]] State state() const;
    [[nodiscard]] Term term() const;
    [[nodiscard]] MemberId leader() const;  // kNobody: none known
    // A leader that has committed something in its term: it knows all that is committed.
    [[nodiscard]] bool leads() const;
    [[nodiscard]] bool transferring() const;
    [[nodiscard]] Index commit_index() const;
    [[nodiscard]] Index applied_index() const;
    [[nodiscard]] Index last_index() const;
    [[nodiscard]] Index log_begin() const;
    // 0: not in the log (and not just before it).
    [[nodiscard]] Term term_at(Index index) const;
    // Entries in memory, for looking at.
    [[nodiscard]] const std::vector<Entry>& entries() const;
    [[nodiscard]] size_t log_bytes() const;
    // The newest in the log, committed or not, and where it stands.
    [[nodiscard]] const Configuration& configuration() const;
    [[nodiscard]] Index configuration_index() const;
    [[nodiscard]] std::vector<ProgressView> progress() const;  // empty unless leader

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// The bytes of a configuration entry, and back. errors  kCorrupt
[[nodiscard]] std::string encode(const Configuration& configuration);
[[nodiscard]] base::Result<Configuration> decode_configuration(std::string_view bytes);

}  // namespace shard::raft

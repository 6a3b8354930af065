// Members without disk, network and clock, to be stepped by hand: what a core says is carried out
// when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "shard/raft/core.h"

namespace raft_test {

using namespace shard::raft;  // NOLINT(google-build-using-namespace): the words of all these tests

// Voters with the ids given, and learners.
[[nodiscard]] Configuration group_of(const std::vector<MemberId>& voters,
                                     const std::vector<MemberId>& learners = {});
[[nodiscard]] Entry entry(Index index, Term term, std::string command = "x");
[[nodiscard]] Entry entry(Index index, Term term, const Configuration& configuration);

// What was made durable.
class Disk {
  public:
    void write(const Persist& batch);

    // Founded, and with these entries after the founding snapshot.
    static Disk of_group(const Configuration& configuration,
                         Term term = 1,
                         const std::vector<Entry>& entries = {});

    [[nodiscard]] const Stored& stored() const { return stored_; }

    // Bytes of the snapshot that it has now.
    [[nodiscard]] std::string part(uint64_t offset, size_t bytes) const;

  private:
    void receive(const SnapshotChunk& chunk);
    void install();

    Stored stored_;
    std::string received_;
};

// A member with its disk and its state machine, the list of commands it has applied.
class Node {
  public:
    Node(MemberId id, const CoreOptions& options, Disk disk, uint64_t seed = 1);

    [[nodiscard]] Core& core() { return *core_; }

    [[nodiscard]] const Core& core() const { return *core_; }

    // Carries out what the core says, until it says nothing more. Batches are written at once
    // unless the disk is slow.
    void work();
    // Writes the oldest `count` waiting batches, and works on.
    void write(size_t count = SIZE_MAX);
    void tick(uint32_t count = 1);
    // A message of `from`, in `term`.
    void hear(MemberId from, Term term, MessageBody body);
    // Ends as by a power cut and starts again from its disk.
    void restart();
    // Ticks until it campaigns for itself (or asks whether it could win).
    void time_out();
    // Makes it the leader of a new term: `others` vote for it.
    void win(const std::vector<MemberId>& others);
    // Saves a snapshot of all that it applied.
    void compact(Index trailing);

    // Messages of one kind that it has sent since they were last asked for.
    template <class Body>
    std::vector<Body> said(MemberId to = kNobody) {
        std::vector<Body> bodies;
        std::erase_if(sent, [&](const Message& message) {
            const auto* body = std::get_if<Body>(&message.body);
            const bool asked = body != nullptr && (to == kNobody || message.to == to);
            if (asked) {
                bodies.push_back(*body);
            }
            return asked;
        });
        return bodies;
    }

    Disk disk;
    bool slow_disk = false;
    std::deque<Persist> waiting;  // for a slow disk
    std::vector<Message> sent;
    std::vector<SnapshotSend> snapshots;
    std::vector<Entry> committed;  // handed out since it started
    std::vector<std::string> machine;
    std::vector<SnapshotMeta> restored;
    std::vector<ReadReady> reads;
    std::vector<uint64_t> failed_reads;

  private:
    void start();
    void carry_out(Output output);

    MemberId id_;
    CoreOptions options_;
    base::SeededRandom random_;
    std::unique_ptr<Core> core_;
};

[[nodiscard]] std::string encode_machine(const std::vector<std::string>& commands);
[[nodiscard]] std::vector<std::string> decode_machine(std::string_view bytes);

// Nodes that hear each other at once.
class Group {
  public:
    explicit Group(const Configuration& configuration, const CoreOptions& options = {});

    [[nodiscard]] Node& operator[](MemberId id) { return *nodes_.at(id); }

    // One more, with an empty disk.
    void join(MemberId id);
    // Delivers everything, until nobody says anything more.
    void settle();
    void tick(uint32_t count = 1);

    // Nothing comes through to and from it.
    void cut_off(MemberId id) { cut_off_.insert(id); }

    void reconnect(MemberId id) { cut_off_.erase(id); }

    // Campaigns, and wins.
    void elect(MemberId id);

    // What is to be lost on the way.
    std::function<bool(const Message&)> lose;
    // Snapshot parts are so large.
    size_t part_bytes = kSnapshotChunkBytesMax;

  private:
    [[nodiscard]] bool deliver(Node& from);
    void send_part(Node& from, const SnapshotSend& part);

    CoreOptions options_;
    std::map<MemberId, std::unique_ptr<Node>> nodes_;
    std::set<MemberId> cut_off_;
};

}  // namespace raft_test

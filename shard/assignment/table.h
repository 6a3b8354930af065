// Who scrapes what: the table all members of the group have the same copy of. Edits go through
// consensus (shard/raft) and are applied in the same order everywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/assignment/edits.h"
#include "shard/types.h"

namespace shard {

struct NodeRecord {
    NodeNumber number = kNoNode;
    std::string id;       // --cluster.node-id; one record per id
    uint64_t member = 0;  // its raft::MemberId: drawn anew when its disk was lost
    std::string address;  // host:port of its gRPC server
    std::string zone;
    uint64_t series_budget = 0;
    Admin admin = Admin::kActive;
    int64_t maintenance_until_ms = 0;
    uint32_t feature_level = 0;  // of its program

    bool operator==(const NodeRecord&) const = default;
};

// An owner of one slot. A target has as many slots as replicas; slot k is scraped
// k * interval / slots later than slot 0.
struct Owner {
    NodeNumber node = kNoNode;  // kNoNode: an orphan
    // When it became so, seconds since 1970, of the leader's clock. 0: the target never had
    // another.
    uint32_t since_s = 0;

    bool operator==(const Owner&) const = default;
};

// A move under way: `to` begins, and `from` goes on until it is finished.
struct Move {
    uint8_t slot = 0;
    NodeNumber from = kNoNode, to = kNoNode;
    Epoch epoch = 0;  // that it began in: names it together with the target
    uint32_t begun_s = 0;

    bool operator==(const Move&) const = default;
};

// Valid until the next apply() or restore().
struct TargetView {
    model::TargetId id = 0;
    uint32_t job = 0;  // number in jobs()
    WeightClass weight = 0;
    std::span<const Owner> owners;  // 1 .. kReplicasMax
    const Move* move = nullptr;     // at most one at a time
};

// Who had a target that is gone, in case it comes back.
struct Tombstone {
    model::TargetId id = 0;
    uint32_t expires_s = 0;
    std::vector<NodeNumber> owners;

    bool operator==(const Tombstone&) const = default;
};

// For a node that is silent: others scrape its slots, each by takeover_owner().
struct Takeover {
    NodeNumber node = kNoNode;
    Epoch epoch = 0;
    std::vector<NodeNumber> by;  // ascending; never the node itself

    bool operator==(const Takeover&) const = default;
};

// Which of takeover.by scrapes a target's slot meanwhile: by rendezvous, so that every node and
// leader comes to the same answer, no owner of another slot of the target (or who becomes one) is
// chosen while there are others, and each gets a share by its budget. A slot that is on its way to
// one of them is that one's. kNoNode: there is nobody, or the node has no slot of the target.
//   nodes   by number; who is not among them is nobody
//   source  docs/protocol.md, "The table"
[[nodiscard]] NodeNumber takeover_owner(const Takeover& takeover,
                                        const TargetView& target,
                                        std::span<const NodeRecord> nodes);

// Names that the table has numbers for, with targets or without.
inline constexpr size_t kJobsMax = size_t{64} << 10;
// A target that goes when there are so many leaves none.
inline constexpr size_t kTombstonesMax = size_t{1} << 20;
// That a TableChange lists; more are everything.
inline constexpr size_t kChangedTargetsMax = size_t{256} << 10;

// What apply() changed; ids and numbers each once, in no order. Tombstones that expire are not
// told.
struct TableChange {
    Epoch epoch = 0;
    std::vector<model::TargetId> targets;
    std::vector<NodeNumber> nodes;
    bool takeovers = false;
    bool settings = false;    // the cluster's name, the pause, jobs
    bool everything = false;  // restored, or too many targets to list: none are
};

// The table of targets, with 1 M of which it holds at most 64 MiB.
//   threads   one
//   promise   the same edits give the same table, and the same bytes from snapshot(); an edit that
//             makes no sense changes nothing and its answer says why
class Table {
  public:
    Table();
    ~Table();
    Table(Table&&) noexcept;
    Table& operator=(Table&&) noexcept;

    // An edit as encode() wrote it. The epoch rises by one with every plan that is carried out
    // (also one that changes nothing), and with what changes a node or a takeover; the cluster's
    // name, the pause and the end of tombstones leave it.
    [[nodiscard]] EditAnswer apply(std::string_view edit);
    // What was changed since the last call.
    [[nodiscard]] TableChange take_change();

    // source  docs/formats/table.md
    [[nodiscard]] std::string snapshot() const;
    // errors  kCorrupt, kUnsupported (a newer program's): the table is as before
    [[nodiscard]] base::Status restore(std::string_view snapshot);
    // XXH64 of all that is in it (of snapshot()), for comparing members.
    [[nodiscard]] uint64_t fingerprint() const;
    // That it holds, about.
    [[nodiscard]] size_t memory_bytes() const;

    [[nodiscard]] const std::string& cluster_id() const;
    [[nodiscard]] Epoch epoch() const;
    [[nodiscard]] bool paused() const;
    [[nodiscard]] std::span<const NodeRecord> nodes() const;  // by number
    [[nodiscard]] const NodeRecord* node(NodeNumber number) const;
    [[nodiscard]] const NodeRecord* node(std::string_view id) const;
    // By number; those without targets, too. A number keeps its name while targets have it, and
    // loses it to another only when kJobsMax are taken.
    [[nodiscard]] std::span<const std::string> jobs() const;
    [[nodiscard]] size_t targets() const;
    [[nodiscard]] std::optional<TargetView> target(model::TargetId id) const;
    // In the order of their ids.
    void for_each_target(const std::function<void(const TargetView&)>& visit) const;
    [[nodiscard]] size_t moves() const;
    // Targets that have a move, by id.
    void for_each_move(const std::function<void(const TargetView&)>& visit) const;
    [[nodiscard]] std::optional<Tombstone> tombstone(model::TargetId id) const;
    [[nodiscard]] size_t tombstones() const;
    [[nodiscard]] std::span<const Takeover> takeovers() const;  // by node

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace shard

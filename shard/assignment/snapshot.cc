#include "shard/assignment/snapshot.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"
#include "shard/assignment/names.h"
#include "shard/assignment/node_edits.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

constexpr std::string_view kMagic = "SKTB";
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 5;
constexpr size_t kChecksumBytes = 4;

// --- writing -----------------------------------------------------------------------------------

class SnapshotWriter {
  public:
    SnapshotWriter(const TableContent& table, std::string& bytes) : table_(table), out_(bytes) {}

    void write() {
        out_.bytes(kMagic);
        out_.u8(kVersion);
        out_.uvarint(table_.epoch);
        out_.u8(table_.paused ? 1 : 0);
        out_.str(table_.cluster_id);
        write_nodes();
        write_takeovers();
        write_jobs();
        write_targets();
        write_moves();
        write_tombstones();
        out_.be32(base::crc32c(out_.written()));
    }

  private:
    void write_nodes() {
        out_.uvarint(table_.next_node);
        out_.uvarint(table_.nodes.size());
        for (const NodeRecord& node : table_.nodes) {
            out_.uvarint(node.number);
            out_.str(node.id);
            out_.be64(node.member);
            out_.str(node.address);
            out_.str(node.zone);
            out_.uvarint(node.series_budget);
            out_.u8(static_cast<uint8_t>(node.admin));
            out_.varint(node.maintenance_until_ms);
            out_.uvarint(node.feature_level);
        }
    }

    void write_takeovers() {
        out_.uvarint(table_.takeovers.size());
        for (const Takeover& takeover : table_.takeovers) {
            out_.uvarint(takeover.node);
            out_.uvarint(takeover.epoch);
            out_.uvarint(takeover.by.size());
            for (const NodeNumber by : takeover.by) {
                out_.uvarint(by);
            }
        }
    }

    void write_jobs() {
        out_.uvarint(table_.jobs.names().size());
        for (const std::string& job : table_.jobs.names()) {
            out_.str(job);
        }
    }

    // Owners' times as seconds after the second before the first of all, which takes three bytes
    // or four, rarely five; 0 stays 0.
    void write_targets() {
        uint32_t begin_s = std::numeric_limits<uint32_t>::max();
        table_.targets.for_each([&](const TargetView& target) {
            for (const Owner& owner : target.owners) {
                begin_s = owner.since_s == 0 ? begin_s : std::min(begin_s, owner.since_s);
            }
        });
        out_.be32(begin_s);
        out_.uvarint(table_.targets.size());
        model::TargetId before = 0;
        table_.targets.for_each([&](const TargetView& target) {
            out_.uvarint(target.id - before);
            before = target.id;
            out_.uvarint(target.job);
            out_.u8(target.weight);
            out_.u8(static_cast<uint8_t>(target.owners.size()));
            for (const Owner& owner : target.owners) {
                out_.uvarint(owner.node);
                out_.uvarint(owner.since_s == 0 ? 0 : owner.since_s - begin_s + 1);
            }
        });
    }

    void write_moves() {
        out_.uvarint(table_.targets.moves().size());
        model::TargetId before = 0;
        for (const auto& [id, move] : table_.targets.moves()) {
            out_.uvarint(id - before);
            before = id;
            out_.u8(move.slot);
            out_.uvarint(move.to);
            out_.uvarint(move.epoch);
            out_.be32(move.begun_s);
        }
    }

    void write_tombstones() {
        out_.uvarint(table_.targets.tombstones());
        model::TargetId before = 0;
        table_.targets.for_each_tombstone(
            [&](model::TargetId id, uint32_t expires_s, std::span<const NodeNumber> owners) {
                out_.uvarint(id - before);
                before = id;
                out_.be32(expires_s);
                out_.u8(static_cast<uint8_t>(owners.size()));
                for (const NodeNumber owner : owners) {
                    out_.uvarint(owner);
                }
            });
    }

    const TableContent& table_;
    base::ByteWriter out_;
};

// --- reading -----------------------------------------------------------------------------------

auto corrupt(std::string_view why) {
    return fail(Code::kCorrupt, "snapshot of the table:", why);
}

base::Status as_corrupt(base::Status status) {
    return status.has_value() ? base::success() : base::Status(corrupt(status.error().message()));
}

class SnapshotReader {
  public:
    explicit SnapshotReader(base::ByteView body) : in_(body) {}

    base::Result<TableContent> read() {
        TRY(read_settings());
        TRY(read_nodes());
        TRY(read_takeovers());
        TRY(read_jobs());
        TRY(read_targets());
        TRY(read_moves());
        TRY(read_tombstones());
        if (!in_.finished()) {
            return corrupt("it goes on after its end, or ends before");
        }
        return std::move(table_);
    }

  private:
    // How many of something follow, each of `bytes_min` at least, so that a wrong number is no
    // reason to reserve memory.
    base::Result<size_t> read_count(std::string_view what, size_t max, size_t bytes_min) {
        const uint64_t count = in_.uvarint();
        if (!in_.ok() || count > max || count > in_.remaining() / bytes_min) {
            return fail(Code::kCorrupt, "snapshot of the table: the number of", what);
        }
        return static_cast<size_t>(count);
    }

    // The next of ids that ascend.
    base::Result<model::TargetId> read_id(bool first, model::TargetId before) {
        const uint64_t step = in_.uvarint();
        if (!in_.ok() || (!first && step == 0) ||
            step > std::numeric_limits<model::TargetId>::max() - before) {
            return corrupt("the targets' order");
        }
        return before + step;
    }

    base::Status read_settings() {
        table_.epoch = in_.uvarint();
        const uint8_t paused = in_.u8();
        table_.cluster_id = in_.str();
        if (!in_.ok() || paused > 1) {
            return corrupt("the settings");
        }
        table_.paused = paused != 0;
        return as_corrupt(check_text("the cluster's name", table_.cluster_id, kNameBytesMax));
    }

    base::Status read_nodes() {
        table_.next_node = in_.uvarint32();
        if (table_.next_node == kNoNode) {
            return corrupt("the next node's number");
        }
        TRY(const size_t count, read_count("nodes", kNodesMax, 16));
        for (size_t i = 0; i < count; ++i) {
            TRY(read_node());
        }
        return base::success();
    }

    base::Status read_node() {
        NodeRecord node;
        node.number = in_.uvarint32();
        node.id = in_.str();
        node.member = in_.be64();
        node.address = in_.str();
        node.zone = in_.str();
        node.series_budget = in_.uvarint();
        const uint8_t admin = in_.u8();
        node.admin = static_cast<Admin>(admin);
        node.maintenance_until_ms = in_.varint();
        node.feature_level = in_.uvarint32();
        const NodeNumber before = table_.nodes.empty() ? kNoNode : table_.nodes.back().number;
        const bool is_admin = admin >= static_cast<uint8_t>(Admin::kActive) &&
                              admin <= static_cast<uint8_t>(Admin::kDrained);
        if (!in_.ok() || node.number <= before || node.number >= table_.next_node || !is_admin ||
            (node.admin != Admin::kMaintenance && node.maintenance_until_ms != 0)) {
            return corrupt("a node");
        }
        TRY(as_corrupt(check_node(node)));
        TRY(as_corrupt(check_distinct(table_.nodes, node)));
        table_.nodes.push_back(std::move(node));
        return base::success();
    }

    base::Status read_takeovers() {
        TRY(const size_t count, read_count("takeovers", kNodesMax, 4));
        for (size_t i = 0; i < count; ++i) {
            Takeover takeover;
            takeover.node = in_.uvarint32();
            takeover.epoch = in_.uvarint();
            TRY(const size_t by, read_count("nodes that take over", kNodesMax, 1));
            takeover.by.resize(by);
            for (NodeNumber& node : takeover.by) {
                node = in_.uvarint32();
            }
            const NodeNumber before = i == 0 ? kNoNode : table_.takeovers.back().node;
            if (!in_.ok() || takeover.node <= before || takeover.epoch > table_.epoch) {
                return corrupt("a takeover");
            }
            TRY(as_corrupt(check_takeover(table_.nodes, takeover)));
            table_.takeovers.push_back(std::move(takeover));
        }
        return base::success();
    }

    base::Status read_jobs() {
        TRY(const size_t count, read_count("jobs", kJobsMax, 2));
        for (size_t i = 0; i < count; ++i) {
            std::string job(in_.str());
            TRY(as_corrupt(check_name("a job's name", job)));
            if (!table_.jobs.append(std::move(job))) {
                return corrupt("a job's name stands twice");
            }
        }
        return base::success();
    }

    base::Status read_targets() {
        begin_s_ = in_.be32();
        TRY(const size_t count, read_count("targets", kTargetsMax, 6));
        TargetState state;
        for (size_t i = 0; i < count; ++i) {
            TRY(state.id, read_id(i == 0, state.id));
            TRY(read_target(state));
            table_.jobs.hold(state.job);
            table_.targets.store(state);
        }
        return base::success();
    }

    base::Status read_target(TargetState& state) {
        state.job = in_.uvarint32();
        state.weight = in_.u8();
        state.slots = in_.u8();
        if (!in_.ok() || state.job >= table_.jobs.names().size() || state.slots == 0 ||
            state.slots > kReplicasMax) {
            return corrupt("a target");
        }
        for (size_t slot = 0; slot < state.slots; ++slot) {
            const NodeNumber node = in_.uvarint32();
            const uint64_t after = in_.uvarint32();
            const uint64_t since = after == 0 ? 0 : uint64_t{begin_s_} + after - 1;
            const auto begin = state.owners.begin();
            const auto same = [&](const Owner& owner) { return owner.node == node; };
            if (!in_.ok() || since > std::numeric_limits<uint32_t>::max() ||
                (node != kNoNode && (!is_node(node) || std::any_of(begin, begin + slot, same)))) {
                return corrupt("an owner");
            }
            state.owners[slot] = {node, static_cast<uint32_t>(since)};
        }
        return base::success();
    }

    base::Status read_moves() {
        TRY(const size_t count, read_count("moves", kTargetsMax, 8));
        model::TargetId id = 0;
        for (size_t i = 0; i < count; ++i) {
            TRY(id, read_id(i == 0, id));
            Move move;
            move.slot = in_.u8();
            move.to = in_.uvarint32();
            move.epoch = in_.uvarint();
            move.begun_s = in_.be32();
            std::optional<TargetState> state = table_.targets.load(id);
            if (!in_.ok() || !state.has_value() || move.slot >= state->slots ||
                move.epoch > table_.epoch || !is_node(move.to) || state->slot_of(move.to)) {
                return corrupt("a move");
            }
            move.from = state->owners[move.slot].node;
            if (move.from == kNoNode) {
                return corrupt("a move from nobody");
            }
            state->move = move;
            table_.targets.store(*state);
        }
        return base::success();
    }

    base::Status read_tombstones() {
        TRY(const size_t count, read_count("tombstones", kTombstonesMax, 7));
        model::TargetId id = 0;
        std::vector<NodeNumber> owners;
        for (size_t i = 0; i < count; ++i) {
            TRY(id, read_id(i == 0, id));
            const uint32_t expires_s = in_.be32();
            owners.resize(in_.u8());
            if (owners.empty() || owners.size() > kReplicasMax || table_.targets.view(id)) {
                return corrupt("a tombstone");
            }
            for (NodeNumber& owner : owners) {
                owner = in_.uvarint32();
                if (!in_.ok() || owner == kNoNode || owner >= table_.next_node) {
                    return corrupt("a tombstone's owner");
                }
            }
            table_.targets.bury(id, expires_s, owners);
        }
        return base::success();
    }

    // Owners come in few kinds, and mostly one after another.
    bool is_node(NodeNumber number) {
        if (number != last_node_) {
            if (find_node(table_.nodes, number) == nullptr) {
                return false;
            }
            last_node_ = number;
        }
        return true;
    }

    base::ByteReader in_;
    TableContent table_;
    uint32_t begin_s_ = 0;
    NodeNumber last_node_ = kNoNode;
};

}  // namespace

std::string write_snapshot(const TableContent& table) {
    constexpr size_t kTargetBytes = 20;  // about
    std::string bytes;
    bytes.reserve(kHeaderBytes + table.targets.size() * kTargetBytes);
    SnapshotWriter(table, bytes).write();
    return bytes;
}

base::Result<TableContent> read_snapshot(std::string_view bytes) {
    if (bytes.size() < kHeaderBytes + kChecksumBytes || bytes.substr(0, kMagic.size()) != kMagic) {
        return corrupt("these bytes are none");
    }
    const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
    base::ByteReader checksum(base::ByteView(bytes.substr(body.size())));
    if (checksum.be32() != base::crc32c(body)) {
        return corrupt("the checksum");
    }
    if (const auto version = static_cast<uint8_t>(bytes[kMagic.size()]); version != kVersion) {
        return fail(Code::kUnsupported,
                    "snapshot of the table: version",
                    int{version},
                    "is not known here (upgrade the program)");
    }
    return SnapshotReader(base::ByteView(body.substr(kHeaderBytes))).read();
}

}  // namespace shard

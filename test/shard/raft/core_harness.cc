#include "test/shard/raft/core_harness.h"

#include <catch2/catch.hpp>

#include "base/check.h"
#include "base/checksum.h"

namespace raft_test {

Configuration group_of(const std::vector<MemberId>& voters, const std::vector<MemberId>& learners) {
    Configuration out;
    const auto add = [&](MemberId id, Role role) {
        out.members.push_back({.id = id, .role = role, .address = "node" + std::to_string(id)});
    };
    for (const MemberId id : voters) {
        add(id, Role::kVoter);
    }
    for (const MemberId id : learners) {
        add(id, Role::kLearner);
    }
    std::ranges::sort(out.members, {}, &Member::id);
    return out;
}

Entry entry(Index index, Term term, std::string command) {
    return {.index = index,
            .term = term,
            .kind = EntryKind::kCommand,
            .data = std::make_shared<const std::string>(std::move(command))};
}

Entry entry(Index index, Term term, const Configuration& configuration) {
    return {.index = index,
            .term = term,
            .kind = EntryKind::kConfiguration,
            .data = std::make_shared<const std::string>(encode(configuration))};
}

std::string encode_machine(const std::vector<std::string>& commands) {
    std::string out;
    for (const std::string& command : commands) {
        out += command + "\n";
    }
    return out;
}

std::vector<std::string> decode_machine(std::string_view bytes) {
    std::vector<std::string> out;
    while (!bytes.empty()) {
        const size_t end = bytes.find('\n');
        out.emplace_back(bytes.substr(0, end));
        bytes.remove_prefix(end + 1);
    }
    return out;
}

// --- Disk
// ----------------------------------------------------------------------------------------------

void Disk::write(const Persist& batch) {
    if (batch.hard_state) {
        stored_.hard_state = *batch.hard_state;
    }
    if (!batch.entries.empty()) {
        const Index first = batch.entries.front().index;
        const Index end = stored_.log_begin + stored_.entries.size();
        SKEIN_CHECK(first >= stored_.log_begin && first <= end, "a hole on the disk at", first);
        stored_.entries.resize(static_cast<size_t>(first - stored_.log_begin));
        stored_.entries.insert(stored_.entries.end(), batch.entries.begin(), batch.entries.end());
    }
    if (batch.snapshot) {
        stored_.snapshot = batch.snapshot->meta;
        stored_.snapshot_data = batch.snapshot->data;
        while (stored_.log_begin < batch.snapshot->log_begin) {
            if (!stored_.entries.empty()) {
                stored_.entries.erase(stored_.entries.begin());
            }
            ++stored_.log_begin;
        }
    }
    if (batch.received) {
        receive(*batch.received);
    }
    if (batch.install) {
        install();
    }
}

void Disk::receive(const SnapshotChunk& chunk) {
    if (stored_.receiving != chunk.meta) {
        stored_.receiving = chunk.meta;
        received_.clear();
    }
    SKEIN_CHECK(chunk.offset == received_.size(), "a hole in the snapshot at", chunk.offset);
    received_ += chunk.data;
    stored_.received_bytes = received_.size();
}

void Disk::install() {
    const SnapshotMeta meta = *stored_.receiving;
    SKEIN_CHECK(received_.size() == meta.size && base::crc32c(received_) == meta.crc,
                "an incomplete snapshot is installed");
    stored_.snapshot = meta;
    stored_.snapshot_data = std::make_shared<const std::string>(std::exchange(received_, {}));
    stored_.log_begin = meta.index + 1;
    stored_.entries.clear();
    stored_.receiving.reset();
    stored_.received_bytes = 0;
}

Disk Disk::of_group(const Configuration& configuration,
                    Term term,
                    const std::vector<Entry>& entries) {
    Disk disk;
    disk.write(Core::found(configuration, std::make_shared<const std::string>()));
    disk.write({.hard_state = HardState{.term = term, .vote = kNobody}, .entries = entries});
    return disk;
}

std::string Disk::part(uint64_t offset, size_t bytes) const {
    return stored_.snapshot_data->substr(offset, bytes);
}

// --- Node
// ----------------------------------------------------------------------------------------------

Node::Node(MemberId id, const CoreOptions& options, Disk on_disk, uint64_t seed)
    : disk(std::move(on_disk)), id_(id), options_(options), random_(seed) {
    start();
}

void Node::start() {
    machine.clear();
    if (disk.stored().snapshot_data) {
        machine = decode_machine(*disk.stored().snapshot_data);
    }
    core_ = std::make_unique<Core>(id_, options_, disk.stored(), random_);
}

void Node::restart() {
    waiting.clear();
    sent.clear();
    snapshots.clear();
    committed.clear();
    restored.clear();
    reads.clear();
    failed_reads.clear();
    start();
    work();
}

void Node::work() {
    while (core_->has_output()) {
        Output output = core_->output();
        REQUIRE_FALSE(output.empty());
        carry_out(std::move(output));
        while (!slow_disk && !waiting.empty()) {
            disk.write(waiting.front());
            core_->persisted(waiting.front().number);
            waiting.pop_front();
        }
    }
}

void Node::carry_out(Output output) {
    if (output.persist) {
        waiting.push_back(std::move(*output.persist));
    }
    sent.insert(sent.end(), output.messages.begin(), output.messages.end());
    snapshots.insert(snapshots.end(), output.snapshots.begin(), output.snapshots.end());
    if (output.restore) {
        REQUIRE(disk.stored().snapshot == output.restore);
        restored.push_back(*output.restore);
        machine = decode_machine(*disk.stored().snapshot_data);
    }
    for (Entry& next : output.committed) {
        if (next.kind == EntryKind::kCommand) {
            machine.push_back(*next.data);
        }
        core_->applied(next.index);
        committed.push_back(std::move(next));
    }
    reads.insert(reads.end(), output.reads.begin(), output.reads.end());
    failed_reads.insert(failed_reads.end(), output.failed_reads.begin(), output.failed_reads.end());
}

void Node::write(size_t count) {
    for (; count > 0 && !waiting.empty(); --count) {
        disk.write(waiting.front());
        const uint64_t number = waiting.front().number;
        waiting.pop_front();
        core_->persisted(number);
    }
    work();
}

void Node::tick(uint32_t count) {
    for (; count > 0; --count) {
        core_->tick();
        work();
    }
}

void Node::hear(MemberId from, Term term, MessageBody body) {
    core_->step({.from = from, .to = id_, .term = term, .body = std::move(body)});
    work();
}

void Node::time_out() {
    for (uint32_t ticks = 0; ticks < 3 * options_.election_ticks; ++ticks) {
        tick();
        if (core_->state() != State::kFollower) {
            return;
        }
    }
    FAIL("does not campaign");
}

void Node::win(const std::vector<MemberId>& others) {
    time_out();
    for (const MemberId voter : others) {
        hear(voter, core_->term() + 1, VoteReply{.pre = true, .granted = true});
    }
    for (const MemberId voter : others) {
        hear(voter, core_->term(), VoteReply{.pre = false, .granted = true});
    }
    REQUIRE(core_->state() == State::kLeader);
}

void Node::compact(Index trailing) {
    core_->compact(core_->applied_index(),
                   std::make_shared<const std::string>(encode_machine(machine)),
                   trailing);
    work();
}

// --- Group
// ---------------------------------------------------------------------------------------------

Group::Group(const Configuration& configuration, const CoreOptions& options) : options_(options) {
    for (const Member& member : configuration.members) {
        nodes_.emplace(
            member.id,
            std::make_unique<Node>(member.id, options, Disk::of_group(configuration), member.id));
    }
    settle();
}

void Group::join(MemberId id) {
    nodes_[id] = std::make_unique<Node>(id, options_, Disk(), id);
}

void Group::settle() {
    bool busy = true;
    while (busy) {
        busy = false;
        for (auto& [id, node] : nodes_) {
            node->work();
            busy = deliver(*node) || busy;
        }
    }
}

bool Group::deliver(Node& from) {
    for (const SnapshotSend& part : std::exchange(from.snapshots, {})) {
        send_part(from, part);
    }
    const auto messages = std::exchange(from.sent, {});
    for (const Message& message : messages) {
        const bool lost = cut_off_.contains(message.from) || cut_off_.contains(message.to) ||
                          !nodes_.contains(message.to) || (lose && lose(message));
        if (!lost) {
            nodes_.at(message.to)->core().step(message);
        }
    }
    return !messages.empty();
}

void Group::send_part(Node& from, const SnapshotSend& part) {
    if (from.disk.stored().snapshot == part.meta) {
        SnapshotChunk chunk{.meta = part.meta,
                            .offset = part.offset,
                            .data = from.disk.part(part.offset, part_bytes)};
        from.sent.push_back({.from = from.core().self(),
                             .to = part.to,
                             .term = part.term,
                             .body = std::move(chunk)});
    }
}

void Group::tick(uint32_t count) {
    for (; count > 0; --count) {
        for (auto& [id, node] : nodes_) {
            node->core().tick();
        }
        settle();
    }
}

void Group::elect(MemberId id) {
    // The others have been in silence for so long that they mind no other leader.
    for (auto& [other, node] : nodes_) {
        if (other != id) {
            node->tick(options_.election_ticks);
            node->sent.clear();
        }
    }
    Node& candidate = *nodes_.at(id);
    for (uint32_t i = 0; i < 3 * options_.election_ticks; ++i) {
        if (candidate.core().state() == State::kLeader) {
            break;
        }
        candidate.core().tick();
        settle();
    }
    REQUIRE(candidate.core().state() == State::kLeader);
    settle();
}

}  // namespace raft_test

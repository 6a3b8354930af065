#include "test/sim/raft_member.h"

#include <array>
#include <cstring>
#include <utility>
#include <variant>

#include "base/check.h"

namespace sim {

namespace {

constexpr std::array<TraceWord, std::variant_size_v<raft::MessageBody>> kWords = {
    "vote request",
    "vote reply",
    "append",
    "append reply",
    "heartbeat",
    "heartbeat reply",
    "snapshot part",
    "snapshot reply",
    "timeout now",
};
constexpr size_t kMessageBytes = 64;  // that a message has besides entries

void put(std::string& to, uint64_t number) {
    to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

uint64_t number_at(std::string_view from, size_t at) {
    uint64_t number = 0;
    if (from.size() >= at + sizeof number) {
        std::memcpy(&number, from.data() + at, sizeof number);
    }
    return number;
}

size_t size_of(const raft::Message& message) {
    size_t bytes = kMessageBytes;
    if (const auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
        for (const raft::Entry& entry : append->entries) {
            bytes += entry.bytes();
        }
    } else if (const auto* part = std::get_if<raft::SnapshotChunk>(&message.body)) {
        bytes += part->data.size();
    }
    return bytes;
}

// Two numbers that say most about a message.
struct Gist {
    std::pair<uint64_t, uint64_t> operator()(const raft::VoteRequest& body) const {
        return {(body.pre ? 1 : 0) + (body.transfer ? 2 : 0), body.last_index};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::VoteReply& body) const {
        return {body.pre ? 1 : 0, body.granted ? 1 : 0};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::AppendRequest& body) const {
        return {body.prev_index, body.entries.size()};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::AppendReply& body) const {
        return {body.accepted ? 1 : 0, body.index};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::Heartbeat& body) const {
        return {body.round, body.commit};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::HeartbeatReply& body) const {
        return {body.round, body.last_index};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::SnapshotChunk& body) const {
        return {body.meta.index, body.offset};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::SnapshotReply& body) const {
        return {body.index, body.next_offset};
    }

    std::pair<uint64_t, uint64_t> operator()(const raft::TimeoutNow&) const { return {0, 0}; }
};

}  // namespace

uint64_t command_id(std::string_view command) {
    return number_at(command, 0);
}

std::string make_command(uint64_t id, size_t bytes) {
    std::string command;
    command.reserve(sizeof id + bytes);
    put(command, id);
    command.append(bytes, static_cast<char>('a' + id % 26));
    return command;
}

std::string RecordingMachine::apply(raft::Index index, std::string_view command) {
    last_ = index;
    chain_ = next_chain(chain_, index, command_id(command));
    checks_.applying(process_, index, command, chain_);
    std::string answer;
    put(answer, chain_);
    return answer;
}

std::shared_ptr<const std::string> RecordingMachine::snapshot() const {
    auto state = std::make_shared<std::string>();
    put(*state, last_);
    put(*state, chain_);
    state->append(padding_, static_cast<char>(chain_));
    return state;
}

base::Status RecordingMachine::restore(std::string_view snapshot) {
    last_ = number_at(snapshot, 0);
    chain_ = number_at(snapshot, sizeof last_);
    checks_.restored(process_, last_, chain_);
    return base::success();
}

std::string RecordingMachine::empty_state(size_t padding) {
    std::string state;
    put(state, 0);
    put(state, 1);
    state.append(padding, '\1');
    return state;
}

uint64_t RecordingMachine::chain_of(std::string_view answer) {
    return number_at(answer, 0);
}

void SimRaftTransport::send(raft::Message message) {
    checks_.sending(process_, message);
    const ProcessId to = process_of(message.to);
    if (to >= world_.processes()) {
        return;
    }
    const size_t bytes = size_of(message);
    network_.send(
        process_,
        to,
        bytes,
        [&world = world_, to, message = std::move(message)] {
            static_cast<RaftMember*>(world.program(to))->receive(message);
        },
        [&world = world_, from = process_, to] {
            static_cast<RaftMember*>(world.program(from))->unreachable(member_of(to));
        });
}

RaftMember::RaftMember(ProcessId process,
                       const raft::DriverOptions& options,
                       size_t padding,
                       const Parts& parts)
    : process_(process),
      parts_(parts),
      random_(parts.world.fork()),
      storage_(parts.disk, parts.content, parts.checks, process),
      transport_(parts.world, parts.network, parts.checks, process),
      machine_(parts.checks, process, padding) {
    auto started = raft::Driver::start(member_of(process),
                                       options,
                                       {.storage = storage_,
                                        .transport = transport_,
                                        .machine = machine_,
                                        .clock = parts.world.clock(process),
                                        .random = random_,
                                        .log = {}});
    SKEIN_CHECK(started.has_value(), "a member does not start", process);
    driver_ = std::move(started).value();
    parts.checks.started(process, driver_->core());
    parts.world.at(parts.world.now(), process, [this] { poll(); });
}

RaftMember::~RaftMember() {
    parts_.checks.stopped(process_);
}

void RaftMember::poll() {
    const base::SteadyTime next = driver_->poll();
    checked();
    if (next != base::SteadyTime::max()) {
        parts_.world.at(parts_.world.clock(process_).when(next), process_, [this] { poll(); });
    }
}

void RaftMember::receive(const raft::Message& message) {
    const auto [one, two] = std::visit(Gist{}, message.body);
    parts_.world.trace(
        process_, kWords[message.body.index()], message.from, message.term, one, two);
    driver_->receive(message);
    checked();
}

void RaftMember::unreachable(raft::MemberId member) {
    parts_.world.trace(process_, "unreachable", member);
    driver_->unreachable(member);
    checked();
}

}  // namespace sim

#include "shard/raft/core.h"

#include "base/check.h"
#include "base/checksum.h"
#include "shard/raft/parts.h"

namespace shard::raft {

Persist Core::found(Configuration configuration, std::shared_ptr<const std::string> state) {
    SKEIN_CHECK(validate(configuration).has_value(), "a group is founded with valid members");
    const SnapshotMeta meta{.index = 1,
                            .term = 1,
                            .configuration = std::move(configuration),
                            .size = state->size(),
                            .crc = base::crc32c(*state)};
    Persist batch;
    batch.hard_state = HardState{.term = 1, .vote = kNobody};
    batch.snapshot = SavedSnapshot{.meta = meta, .data = std::move(state), .log_begin = 2};
    return batch;
}

Core::Core(MemberId self, const CoreOptions& options, Stored stored, base::Random& random)
    : parts_(std::make_unique<Parts>(self, options, std::move(stored), random)) {}

Core::~Core() = default;

void Core::tick() {
    parts_->tick();
}

void Core::step(Message message) {
    parts_->step(message);
}

void Core::persisted(uint64_t number) {
    parts_->persisted(number);
}

void Core::applied(Index index) {
    SKEIN_CHECK(index <= parts_->given, "applied before it was handed out:", index);
    parts_->applied = std::max(parts_->applied, index);
}

void Core::compact(Index index, std::shared_ptr<const std::string> data, Index trailing) {
    parts_->compact(index, std::move(data), trailing);
}

void Core::unreachable(MemberId member) {
    if (const auto peer = parts_->peers.find(member); peer != parts_->peers.end()) {
        peer->second.lost(parts_->round);
    }
}

base::Result<Index> Core::propose(std::string command) {
    return parts_->propose(std::move(command));
}

base::Result<Index> Core::change(const Configuration& to) {
    return parts_->change(to);
}

base::Status Core::transfer(MemberId to) {
    return parts_->begin_transfer(to);
}

base::Status Core::read(uint64_t context) {
    return parts_->read(context);
}

void Core::step_down() {
    parts_->step_down();
}

bool Core::has_output() const {
    return parts_->has_output();
}

Output Core::output() {
    return parts_->output();
}

MemberId Core::self() const {
    return parts_->self;
}

State Core::state() const {
    return parts_->state;
}

Term Core::term() const {
    return parts_->hard.term;
}

MemberId Core::leader() const {
    return parts_->leader;
}

bool Core::leads() const {
    return parts_->state == State::kLeader && parts_->commit >= parts_->noop;
}

bool Core::transferring() const {
    return parts_->transfer.has_value();
}

Index Core::commit_index() const {
    return parts_->commit;
}

Index Core::applied_index() const {
    return parts_->applied;
}

Index Core::last_index() const {
    return parts_->log.last();
}

Index Core::log_begin() const {
    return parts_->log.begin();
}

Term Core::term_at(Index index) const {
    return parts_->log.term(index).value_or(0);
}

const std::vector<Entry>& Core::entries() const {
    return parts_->log.entries();
}

size_t Core::log_bytes() const {
    return parts_->log.bytes();
}

const Configuration& Core::configuration() const {
    return parts_->configurations.newest();
}

Index Core::configuration_index() const {
    return parts_->configurations.newest_index();
}

std::vector<ProgressView> Core::progress() const {
    std::vector<ProgressView> views;
    for (const auto& [id, peer] : parts_->peers) {
        views.push_back({.id = id,
                         .match = peer.match(),
                         .active = parts_->now - peer.heard_at < parts_->options.election_ticks,
                         .snapshot = peer.pace() == Pace::kSnapshot});
    }
    return views;
}

}  // namespace shard::raft

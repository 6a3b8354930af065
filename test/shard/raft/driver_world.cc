#include "test/shard/raft/driver_world.h"

#include <catch2/catch.hpp>

namespace raft_test {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;

// --- the disk ------------------------------------------------------------------------------------

Result<Stored> HeldDisk::load() {
    if (broken) {
        return fail(base::Error(*broken));
    }
    return disk_.stored();
}

void HeldDisk::persist(Persist batch, Done done) {
    waiting_.push_back({std::move(batch), std::move(done)});
}

Result<std::string> HeldDisk::snapshot_bytes(const SnapshotMeta& meta,
                                             uint64_t offset,
                                             size_t bytes) {
    if (broken) {
        return fail(base::Error(*broken));
    }
    if (disk_.stored().snapshot != meta) {
        return fail(Code::kNotFound, "another snapshot");
    }
    ++parts_read;
    return disk_.part(offset, std::min(bytes, part_bytes));
}

Result<std::string> HeldDisk::installed_snapshot(const SnapshotMeta& meta) {
    REQUIRE(disk_.stored().snapshot == meta);
    return *disk_.stored().snapshot_data;
}

bool HeldDisk::write() {
    if (waiting_.empty()) {
        return false;
    }
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (broken) {
        next.done(next.batch.number, fail(base::Error(*broken)));
    } else {
        disk_.write(next.batch);
        next.done(next.batch.number, success());
    }
    return true;
}

// --- the state machine ---------------------------------------------------------------------------

std::string ListMachine::apply(Index, std::string_view command) {
    commands.emplace_back(command);
    return "done " + std::string(command);
}

std::shared_ptr<const std::string> ListMachine::snapshot() const {
    return std::make_shared<const std::string>(encode_machine(commands));
}

Status ListMachine::restore(std::string_view snapshot) {
    if (broken) {
        return fail(Code::kCorrupt, "no list");
    }
    ++restores;
    commands = decode_machine(snapshot);
    return success();
}

// --- the world -----------------------------------------------------------------------------------

void HeldTransport::send(Message message) {
    if (world_.sending) {
        world_.sending(message);
    }
    world_.post(std::move(message));
}

std::string Answered::text() const {
    if (!answer) {
        return "waits";
    }
    return *answer ? answer->value() : std::string(base::code_name(answer->error().code()));
}

DrivenMember::DrivenMember(MemberId id, World& world, Disk from)
    : disk(std::move(from)), transport(world), random(id) {}

World::World(const std::vector<MemberId>& ids, const Configuration& configuration) {
    for (const MemberId id : ids) {
        Disk disk = configuration.find(id) != nullptr ? Disk::of_group(configuration) : Disk();
        members_.emplace(id, std::make_unique<DrivenMember>(id, *this, std::move(disk)));
    }
}

void World::start(MemberId id) {
    DrivenMember& member = *members_.at(id);
    member.machine.commands.clear();
    auto driver = Driver::start(id,
                                options,
                                {member.disk,
                                 member.transport,
                                 member.machine,
                                 clock,
                                 member.random,
                                 base::Logger(backend_).with("member", id)});
    REQUIRE(driver.has_value());
    member.driver = std::move(driver).value();
}

void World::start_all() {
    for (const auto& [id, member] : members_) {
        start(id);
    }
}

void World::stop(MemberId id) {
    members_.at(id)->driver.reset();
    members_.at(id)->disk.lose_waiting();
}

void World::restart(MemberId id) {
    stop(id);
    start(id);
}

bool World::deliver() {
    if (messages_.empty()) {
        return false;
    }
    Message message = std::move(messages_.front());
    messages_.pop_front();
    const auto to = members_.find(message.to);
    const bool lost = cut_off_.contains(message.from) || cut_off_.contains(message.to) ||
                      to == members_.end() || to->second->driver == nullptr ||
                      (lose && lose(message));
    if (!lost) {
        to->second->driver->receive(std::move(message));
    } else if (members_.at(message.from)->driver != nullptr) {
        members_.at(message.from)->driver->unreachable(message.to);
    }
    return true;
}

bool World::write() {
    bool any = false;
    for (const auto& [id, member] : members_) {
        if (!member->disk.slow) {
            any = member->disk.write() || any;
        }
    }
    return any;
}

void World::settle() {
    while (deliver() || write()) {
    }
}

void World::tick(size_t count) {
    for (size_t i = 0; i < count; ++i) {
        clock.advance(options.tick);
        for (const auto& [id, member] : members_) {
            if (member->driver != nullptr) {
                member->driver->poll();
            }
        }
        settle();
    }
}

void World::until(const std::function<bool()>& done) {
    for (int i = 0; i < 4000; ++i) {
        if (done()) {
            return;
        }
        tick();
    }
    FAIL("it does not come to pass");
}

MemberId World::leader() {
    MemberId found = kNobody;
    until([&] {
        found = kNobody;
        for (const auto& [id, member] : members_) {
            if (member->driver != nullptr && !cut_off_.contains(id) &&
                member->driver->status().leads) {
                found = id;
            }
        }
        return found != kNobody;
    });
    return found;
}

std::shared_ptr<Answered> World::propose(MemberId at, std::string command) {
    auto answered = std::make_shared<Answered>();
    driver(at).propose(std::move(command), [answered](Result<std::string> answer) {
        ++answered->calls;
        answered->answer = std::move(answer);
    });
    return answered;
}

std::shared_ptr<Answered> World::read(MemberId at) {
    auto answered = std::make_shared<Answered>();
    driver(at).read([answered](Status status) {
        ++answered->calls;
        if (status) {
            answered->answer = std::string("read");
        } else {
            answered->answer = fail(status.error());
        }
    });
    return answered;
}

}  // namespace raft_test

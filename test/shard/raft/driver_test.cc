#include "shard/raft/driver.h"

#include <catch2/catch.hpp>

#include "test/shard/raft/driver_world.h"

using base::Code;
using base::Error;
using base::Result;
using base::Status;
using raft_test::group_of;
using raft_test::World;
using namespace shard::raft;

namespace {

const std::vector<MemberId> kThree = {1, 2, 3};

struct Alone : World {
    Alone() : World({1}, group_of({1})) {}
};

struct Three : World {
    Three() : World(kThree, group_of(kThree)) {}

    // One that is not `id`.
    static MemberId other(MemberId id) { return id == 1 ? 2 : 1; }

    // Commands that are applied everywhere, or at those given.
    void fill(MemberId at, size_t count, const std::string& name) {
        for (size_t i = 0; i < count; ++i) {
            const auto answered = propose(at, name + std::to_string(i));
            settle();
            REQUIRE(answered->calls == 1);
        }
    }
};

}  // namespace

TEST_CASE("a member alone leads itself and answers what its state machine says", "[raft][driver]") {
    Alone world;
    world.start(1);
    CHECK(world.leader() == 1);
    const auto answered = world.propose(1, "a");
    CHECK(answered->text() == "waits");  // for the disk
    world.settle();
    CHECK(answered->text() == "done a");
    const auto read = world.read(1);
    world.settle();
    CHECK(read->text() == "read");
    CHECK(world[1].machine.commands == std::vector<std::string>{"a"});
    CHECK(world.driver(1).status().applied == world.driver(1).status().commit);
    CHECK(world.lines.contains("raft leadership won"));
}

TEST_CASE("a member that starts again has what was answered", "[raft][driver]") {
    Alone world;
    world.start(1);
    world.leader();
    world.propose(1, "a");
    world.propose(1, "b");
    world.settle();
    world.restart(1);
    world.leader();
    CHECK(world[1].machine.commands == std::vector<std::string>{"a", "b"});
    CHECK(world.propose(1, "c")->calls == 0);
    world.settle();
    CHECK(world[1].machine.commands.size() == 3);
}

TEST_CASE("three members apply the same commands", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId leader = world.leader();
    world.fill(leader, 20, "x");
    world.tick(10);
    for (const MemberId id : kThree) {
        CHECK(world[id].machine.commands == world[leader].machine.commands);
        CHECK(world.driver(id).status().leader == leader);
    }
    const auto read = world.read(leader);
    world.tick(10);
    CHECK(read->text() == "read");
}

TEST_CASE("who does not lead refuses proposals and reads", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId follower = Three::other(world.leader());
    CHECK(world.propose(follower, "x")->text() == "unavailable");
    CHECK(world.read(follower)->text() == "unavailable");
    CHECK(world.driver(follower).change(group_of({1, 2})).error().code() == Code::kUnavailable);
    CHECK(world.driver(follower).transfer(follower).error().code() == Code::kUnavailable);
}

TEST_CASE("more proposals and reads than may wait are refused", "[raft][driver]") {
    Alone world;
    world.options.waiting_max = 2;
    world.start(1);
    world.leader();
    world[1].disk.slow = true;
    const auto first = world.propose(1, "a");
    const auto second = world.propose(1, "b");
    CHECK(world.propose(1, "c")->text() == "limit");
    CHECK(world.read(1)->text() == "limit");
    world[1].disk.slow = false;
    world.settle();
    CHECK(first->text() == "done a");
    CHECK(second->text() == "done b");
}

TEST_CASE("a proposal over whose place another leader writes is answered as lost",
          "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world.cut_off(old);
    const auto lost = world.propose(old, "lost");
    const MemberId next = world.leader();
    REQUIRE(next != old);
    world.fill(next, 3, "x");
    CHECK(lost->text() == "waits");
    world.reconnect(old);
    world.tick(20);
    CHECK(lost->text() == "unavailable");
    CHECK(lost->calls == 1);
    CHECK(world[old].machine.commands == world[next].machine.commands);
    CHECK(world.lines.contains("raft leadership lost"));
}

TEST_CASE("a proposal that the next leader commits is answered by what was applied",
          "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    // Its followers' answers are lost: they have the entry, and it does not know.
    world.lose = [&](const Message& message) {
        return message.to == old && std::holds_alternative<AppendReply>(message.body);
    };
    const auto kept = world.propose(old, "kept");
    world.settle();
    CHECK(kept->text() == "waits");
    world.cut_off(old);
    world.lose = nullptr;
    REQUIRE(world.leader() != old);
    world.reconnect(old);
    world.tick(20);
    CHECK(kept->text() == "done kept");
}

TEST_CASE("a proposal whose fate nobody tells fails in time", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world.cut_off(old);
    const auto unknown = world.propose(old, "x");
    world.until([&] { return world.driver(old).status().state != State::kLeader; });
    CHECK(unknown->text() == "waits");
    world.tick(static_cast<size_t>(world.options.fate_wait / world.options.tick) + 2);
    CHECK(unknown->text() == "timeout");
}

TEST_CASE("a read of a leader that lost the others fails", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world.cut_off(old);
    const auto read = world.read(old);
    world.until([&] { return world.driver(old).status().state != State::kLeader; });
    CHECK(read->text() == "unavailable");
    CHECK(read->calls == 1);
}

TEST_CASE("a completion may propose, read and ask for what is refused", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId leader = world.leader();
    std::vector<std::string> seen;
    std::function<void(Result<std::string>)> next = [&](const Result<std::string>& answer) {
        seen.push_back(answer.value());
        if (seen.size() < 5) {
            world.driver(leader).propose("n" + std::to_string(seen.size()), next);
            world.driver(leader).read([](const Status&) {});
            CHECK(seen.size() < 5);  // nothing is answered within
        }
    };
    world.driver(leader).propose("n0", next);
    world.tick(20);
    CHECK(seen == std::vector<std::string>{"done n0", "done n1", "done n2", "done n3", "done n4"});
}

TEST_CASE("a completion that asks again whenever it is refused does not keep the member busy",
          "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId follower = Three::other(world.leader());
    size_t refusals = 0;
    bool asking = true;
    std::function<void(Result<std::string>)> again = [&](const Result<std::string>&) {
        ++refusals;
        if (asking) {
            world.driver(follower).propose("x", again);
        }
    };
    world.driver(follower).propose("x", again);
    CHECK(refusals == 1);
    CHECK(world.driver(follower).poll() <= world.clock.steady());
    CHECK(refusals == 2);
    asking = false;  // what is captured goes before the world does
    world.driver(follower).poll();
    CHECK(refusals == 3);
}

TEST_CASE("completions that wait when a member goes are told so, once", "[raft][driver]") {
    Alone world;
    world.start(1);
    world.leader();
    world[1].disk.slow = true;
    const auto proposed = world.propose(1, "x");
    world[1].driver.reset();
    CHECK(proposed->text() == "canceled");
    CHECK(world[1].disk.write());  // its batch comes to an end, and nobody is there any more
    CHECK(proposed->calls == 1);
}

TEST_CASE("a leader whose disk hangs lets another one lead, and comes back", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world[old].disk.slow = true;
    const auto proposed = world.propose(old, "x");
    world.until([&] { return world.driver(old).status().state != State::kLeader; });
    const MemberId next = world.leader();
    CHECK(next != old);
    world[old].disk.slow = false;
    world.fill(world.leader(), 1, "y");
    world.tick(100);
    CHECK(proposed->calls == 1);
    CHECK(world[old].machine.commands == world[next].machine.commands);
}

TEST_CASE("a member whose disk fails stops, and the others go on", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world[old].disk.broken = Error(Code::kIo, "sector 7");
    const auto proposed = world.propose(old, "x");
    const auto read = world.read(old);
    world.settle();
    CHECK(world.driver(old).status().disk_failed);
    CHECK_FALSE(world.driver(old).status().leads);
    CHECK(proposed->text() == "timeout");
    CHECK(read->calls == 1);
    CHECK(world.propose(old, "y")->text() == "unavailable");
    CHECK(world.driver(old).poll() == base::SteadyTime::max());
    CHECK(world.lines.contains("sector 7"));
    const MemberId next = world.leader();
    CHECK(next != old);
    const Term before = world.driver(old).status().term;
    world.fill(next, 3, "z");
    world.tick(100);
    CHECK(world.driver(old).status().term == before);  // hears nothing
    CHECK(world.driver(next).status().applied > world.driver(old).status().applied);
}

TEST_CASE("a leader that cannot read its snapshot for another member stops", "[raft][driver]") {
    Three world;
    world.options.compact_entries = 20;
    world.options.trailing_entries = 2;
    world.start_all();
    const MemberId leader = world.leader();
    const MemberId behind = Three::other(leader);
    world.stop(behind);
    world.fill(leader, 50, "x");
    world[leader].disk.broken = Error(Code::kCorrupt, "a bad part");
    world.start(behind);
    world.until([&] { return world.driver(leader).status().disk_failed; });
    CHECK(world.lines.contains("a bad part"));
    CHECK(world.leader() != leader);
}

TEST_CASE("what a transport asks for while it sends is done afterwards", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId leader = world.leader();
    std::shared_ptr<raft_test::Answered> within;
    size_t reported = 0;
    world.sending = [&](const Message& message) {
        if (message.from != leader) {
            return;
        }
        ++reported;
        world.driver(leader).unreachable(message.to);
        if (within == nullptr) {
            within = world.propose(leader, "within");
            CHECK(within->calls == 0);
        }
    };
    const auto first = world.propose(leader, "first");
    world.tick(50);
    CHECK(reported > 0);
    CHECK(first->text() == "done first");
    CHECK(within->text() == "done within");
}

TEST_CASE("a member whose disk or snapshot cannot be read does not start", "[raft][driver]") {
    Alone world;
    auto& member = world[1];
    const auto start = [&] {
        return Driver::start(
            1,
            world.options,
            {member.disk, member.transport, member.machine, world.clock, member.random, {}});
    };
    member.machine.broken = true;
    const auto unreadable = start();
    REQUIRE_FALSE(unreadable.has_value());
    CHECK(unreadable.error().message().find("snapshot at index 1") != std::string::npos);
    member.disk.broken = Error(Code::kCorrupt, "a hole");
    CHECK(start().error().message() == "load raft state: a hole");
}

TEST_CASE("the log is cut when it has grown, with one snapshot at a time", "[raft][driver]") {
    Alone world;
    world.options.compact_entries = 10;
    world.options.trailing_entries = 4;
    world.start(1);
    world.leader();
    for (int i = 0; i < 9; ++i) {
        world.propose(1, "x" + std::to_string(i));
        world.settle();
    }
    const auto first = world.driver(1).status();
    CHECK(first.log_begin == first.applied - 3);
    CHECK(world[1].disk.stored().snapshot->index == first.applied);
    CHECK(world.lines.contains("raft snapshot saved"));

    world[1].disk.slow = true;
    for (int i = 0; i < 30; ++i) {
        world.propose(1, "y" + std::to_string(i));
    }
    while (world[1].disk.write()) {
    }
    world[1].disk.slow = false;
    world.settle();
    CHECK(world[1].disk.stored().snapshot->index > first.applied);

    const auto commands = world[1].machine.commands;
    world.restart(1);
    world.leader();
    CHECK(world[1].machine.commands == commands);
}

TEST_CASE("the log is cut by its bytes, too", "[raft][driver]") {
    Alone world;
    world.options.compact_bytes = 4096;
    world.start(1);
    world.leader();
    world.propose(1, std::string(3000, 'a'));
    world.settle();
    CHECK(world[1].disk.stored().snapshot->index == 1);
    world.propose(1, std::string(3000, 'b'));
    world.settle();
    CHECK(world[1].disk.stored().snapshot->index == world.driver(1).status().applied);
}

TEST_CASE("a member that is far behind gets a snapshot, over restarts of either side",
          "[raft][driver]") {
    const int who = GENERATE(0, 1, 2);  // restarts: nobody, the one behind, the leader
    CAPTURE(who);
    Three world;
    world.options.compact_entries = 50;
    world.options.trailing_entries = 5;
    world.start_all();
    const MemberId leader = world.leader();
    const MemberId behind = Three::other(leader);
    world.stop(behind);
    world.fill(leader, 200, "command ");
    for (const MemberId id : kThree) {
        world[id].disk.part_bytes = 64;
    }
    REQUIRE(world.driver(leader).status().log_begin > 100);
    const size_t whole = world[leader].disk.stored().snapshot->size;
    world.start(behind);
    size_t parts = 0;
    world.lose = [&](const Message& message) {
        const bool part = std::holds_alternative<SnapshotChunk>(message.body);
        parts += part ? 1 : 0;
        return part && parts > 10;  // the line is cut after ten parts
    };
    world.until([&] { return parts > 10; });
    world.lose = nullptr;
    if (who == 1) {
        world.restart(behind);
    } else if (who == 2) {
        world.restart(leader);
    }
    const uint64_t received = world[behind].disk.stored().received_bytes;
    CHECK(received >= 500);
    CHECK(received < whole);
    for (const MemberId id : kThree) {
        world[id].disk.parts_read = 0;
    }
    world.until([&] {
        return world.driver(behind).status().applied == world.driver(world.leader()).status().last;
    });
    CHECK(world[behind].machine.commands == world[world.leader()].machine.commands);
    CHECK(world[behind].machine.restores > 0);
    CHECK(world.lines.contains("sending raft snapshot"));
    CHECK(world.lines.contains("raft snapshot of the leader taken over"));
    size_t read = 0;
    for (const MemberId id : kThree) {
        read += world[id].disk.parts_read;
    }
    CHECK(read <= (whole - received) / 64 + 10);  // goes on where it was
}

TEST_CASE("a proposal that a snapshot has swallowed fails as unknown", "[raft][driver]") {
    Three world;
    world.options.compact_entries = 20;
    world.options.trailing_entries = 2;
    world.options.fate_wait = std::chrono::hours(1);
    world.start_all();
    const MemberId old = world.leader();
    world.cut_off(old);
    const auto lost = world.propose(old, "lost");
    const MemberId next = world.leader();
    world.fill(next, 100, "x");
    REQUIRE(world.driver(next).status().log_begin > world.driver(old).status().last);
    world.reconnect(old);
    world.until([&] { return world[old].machine.restores > 1; });
    CHECK(lost->text() == "timeout");
}

TEST_CASE("the transport is told who the members are, before they are spoken to",
          "[raft][driver]") {
    World world({1, 2}, group_of({1}));
    world.start_all();
    world.leader();
    CHECK(world[1].transport.told == std::vector{group_of({1})});
    CHECK(world[2].transport.told.empty());
    REQUIRE(world.driver(1).change(group_of({1}, {2})).has_value());
    world.tick(20);
    CHECK(world[1].transport.told.back() == group_of({1}, {2}));
    CHECK(world[2].transport.told.back() == group_of({1}, {2}));
    REQUIRE(world.driver(1).change(group_of({1, 2})).has_value());
    world.tick(20);
    REQUIRE(world.driver(1).transfer(2).has_value());
    world.until([&] { return world.driver(2).status().leads; });
    REQUIRE(world.driver(2).change(group_of({2})).has_value());
    world.tick(20);
    CHECK(world[2].transport.told.back() == group_of({2}));
    CHECK(world.lines.contains("raft members changed"));
}

TEST_CASE("a member that was stopped for a while makes up for few ticks", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId leader = world.leader();
    const Term term = world.driver(leader).status().term;
    world.clock.advance(std::chrono::minutes(5));
    for (const MemberId id : kThree) {
        const auto next = world.driver(id).poll();
        CHECK(next == world.clock.steady() + world.options.tick);
    }
    world.settle();
    world.tick(20);
    CHECK(world.leader() == leader);
    CHECK(world.driver(leader).status().term == term);
}

TEST_CASE("a leader that steps down lets another one lead", "[raft][driver]") {
    Three world;
    world.start_all();
    const MemberId old = world.leader();
    world.driver(old).step_down();
    CHECK(world.driver(old).status().state != State::kLeader);
    world.tick(1);
    world.leader();
}

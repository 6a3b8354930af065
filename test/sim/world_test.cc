// The world itself: order, processes, clocks, network, disk, and that a seed says everything.
#include "test/sim/world.h"

#include <map>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "test/sim/disk.h"
#include "test/sim/faults.h"
#include "test/sim/network.h"
#include "test/sim/shrink.h"
#include "test/support/seed.h"

using namespace std::chrono_literals;

namespace {

// Two machines with a network and disks; each says something to the other at every tick and writes
// down what it hears.
class Pair final : public sim::FaultHost {
  public:
    explicit Pair(uint64_t seed) : world_({.seed = seed}), network_(world_) {
        network_.set_profile({.drop = 50'000, .duplicate = 50'000, .late = 10'000, .late_max = 1s});
        for (int count = 0; count < 2; ++count) {
            const auto id = world_.add_process([this](sim::ProcessId own) {
                talk(own);
                return std::make_unique<sim::Program>();
            });
            disks_.emplace(id, std::make_unique<sim::Disk>(world_, id));
            world_.start(id);
        }
    }

    uint64_t run() {
        sim::FaultInjector injector(world_, network_, *this);
        base::SeededRandom random = world_.fork();
        injector.begin(sim::make_faults(random, {.rounds = 1}), 0);
        world_.run_until(20s);
        injector.heal();
        world_.run_until(21s);
        return world_.events().hash();
    }

    [[nodiscard]] uint64_t heard() const { return heard_; }

    [[nodiscard]] const sim::World& world() const { return world_; }

    std::vector<sim::ProcessId> targets() override { return {0, 1}; }

    sim::ProcessId leading() override { return 0; }

    sim::Disk& disk(sim::ProcessId process) override { return *disks_.at(process); }

    void crash(sim::ProcessId process) override {
        world_.kill(process);
        disks_.at(process)->crash();
    }

    void restart(sim::ProcessId process) override {
        if (!world_.up(process)) {
            world_.start(process);
        }
    }

    bool lose_disk(sim::ProcessId) override { return false; }

  private:
    void talk(sim::ProcessId own) {
        const auto next = world_.clock(own).steady() + 50ms;
        world_.at(world_.clock(own).when(next), own, [this, own] {
            network_.send(own, 1 - own, 100, [this, own] { hear(1 - own); }, {});
            talk(own);
        });
    }

    void hear(sim::ProcessId own) {
        world_.trace(own, "heard", ++heard_, static_cast<uint64_t>(world_.clock(own).now_ns()));
        disks_.at(own)->write([this, own] { world_.trace(own, "durable"); }, [](bool) {});
    }

    sim::World world_;
    sim::Network network_;
    std::map<sim::ProcessId, std::unique_ptr<sim::Disk>> disks_;
    uint64_t heard_ = 0;
};

}  // namespace

TEST_CASE("world runs alike with the same seed and otherwise with another", "[sim][world]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    Pair first(seed);
    Pair second(seed);
    Pair other(seed + 1);
    const uint64_t hash = first.run();
    CHECK(second.run() == hash);
    CHECK(second.world().events().text() == first.world().events().text());
    CHECK(other.run() != hash);
    CHECK(first.heard() > 100);
}

TEST_CASE("world carries events out by time and, at the same time, in the order they were made",
          "[sim][world]") {
    sim::World world({});
    std::string order;
    world.at(2s, [&] { order += 'd'; });
    world.at(1s, [&] {
        order += 'a';
        world.at(1s, [&] { order += 'c'; });
    });
    world.at(1s, [&] { order += 'b'; });
    world.run_until(1500ms);
    CHECK(order == "abc");
    CHECK(world.now() == 1500ms);
    world.run_until(10s);
    CHECK(order == "abcd");
    CHECK_FALSE(world.step());
}

TEST_CASE("world forgets a killed process' timers and lets a paused one's wait", "[sim][world]") {
    sim::World world({});
    std::string done;
    const auto process =
        world.add_process([](sim::ProcessId) { return std::make_unique<sim::Program>(); });
    world.start(process);
    world.at(1s, process, [&] { done += "timer "; });
    world.deliver(1s, process, [&] { done += "message "; }, [&] { done += "refused "; });

    SECTION("killed") {
        world.kill(process);
        world.run_until(2s);
        CHECK(done == "refused ");
    }
    SECTION("killed and started again before they were due") {
        world.kill(process);
        world.start(process);
        world.run_until(2s);
        CHECK(done == "message ");
    }
    SECTION("paused") {
        world.pause(process);
        world.run_until(5s);
        CHECK(done.empty());
        world.resume(process);
        world.run_until(5s);
        CHECK((done == "timer message " || done == "message timer "));
    }
    SECTION("paused and killed") {
        world.pause(process);
        world.run_until(5s);
        world.kill(process);
        CHECK(done == "refused ");
    }
}

TEST_CASE("world lets a process take up what waited in any order but that of timers and streams",
          "[sim][world]") {
    std::set<std::string> orders;
    for (uint64_t seed = 1; seed <= 1000; ++seed) {
        sim::World world({.seed = seed});
        std::string done;
        const auto process =
            world.add_process([](sim::ProcessId) { return std::make_unique<sim::Program>(); });
        world.start(process);
        world.pause(process);
        world.at(1s, process, [&] { done += 'a'; });
        world.deliver(1s, process, [&] { done += '1'; }, {}, 7);
        world.deliver(2s, process, [&] { done += '-'; }, {});
        world.deliver(3s, process, [&] { done += '2'; }, {}, 7);
        world.at(4s, process, [&] { done += 'b'; });
        world.run_until(5s);
        world.resume(process);
        world.run_until(5s);
        CAPTURE(seed, done);
        REQUIRE(done.size() == 5);
        CHECK(done.find('a') < done.find('b'));
        CHECK(done.find('1') < done.find('2'));
        orders.insert(done);
    }
    CHECK(orders.contains("a1-2b"));
    CHECK(orders.contains("12-ab"));
    CHECK(orders.size() == 30);  // all that keep to both
}

TEST_CASE("machine clock drifts, never goes back and finds the moment of its own times",
          "[sim][world]") {
    sim::World world({});
    const auto ppm = GENERATE(-200, -1, 0, 77, 200);
    CAPTURE(ppm);
    sim::MachineClock clock(world.now(), ppm, 1'000'000'000'000);
    world.run_until(1000s);
    const auto drifted = clock.steady().time_since_epoch() - 1000s;
    CHECK(drifted == std::chrono::microseconds(1000 * ppm));
    const int64_t wall = clock.now_ns();
    clock.jump_wall(-2s);
    CHECK(clock.now_ns() == wall - 2'000'000'000);
    clock.drift(-ppm);
    CHECK(clock.steady().time_since_epoch() == 1000s + drifted);
    for (const auto ahead : {0ns, 1ns, 999ns, 1'000'001ns, 50'000'000ns, 3'600'000'000'123ns}) {
        const auto wanted = clock.steady() + ahead;
        const auto when = clock.when(wanted);
        sim::World later({});
        CHECK(when >= world.now());
        CHECK(when - world.now() <= ahead + ahead / 4000 + 1ns);
    }
    const auto wanted = clock.steady() + 123'456'789ns;
    world.run_until(clock.when(wanted));
    CHECK(clock.steady() >= wanted);
    CHECK(clock.steady() <= wanted + 1ns);
}

TEST_CASE("disk loses a suffix of what it has not written at a kill, and nothing else",
          "[sim][world]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    std::map<size_t, int> survivors;
    for (uint64_t run = 0; run < 200; ++run) {
        sim::World world({.seed = seed + run});
        const auto process =
            world.add_process([](sim::ProcessId) { return std::make_unique<sim::Program>(); });
        world.start(process);
        sim::Disk disk(world, process);
        std::string durable;
        std::string told;
        disk.write([&] { durable += 'a'; }, [&](bool ok) { told += ok ? 'a' : '!'; });
        world.run_until(1s);
        disk.stall(10s);
        for (const char each : {'b', 'c', 'd'}) {
            disk.write([&durable, each] { durable += each; }, [&](bool) { told += each; });
        }
        world.run_until(2s);
        CHECK(durable == "a");
        world.kill(process);
        disk.crash();
        world.run_until(20s);
        CHECK(told == "a");
        CHECK(std::string("abcd").starts_with(durable));
        ++survivors[durable.size()];
    }
    CHECK(survivors.size() == 4);
}

TEST_CASE("disk that failed writes no more until it is replaced", "[sim][world]") {
    sim::World world({});
    const auto process =
        world.add_process([](sim::ProcessId) { return std::make_unique<sim::Program>(); });
    world.start(process);
    sim::Disk disk(world, process);
    std::string told;
    const auto write = [&] { disk.write([] {}, [&](bool ok) { told += ok ? '+' : '-'; }); };
    disk.fail();
    write();
    write();
    world.run_until(1s);
    write();
    world.run_until(2s);
    CHECK(told == "---");
    world.kill(process);
    disk.crash();
    world.start(process);
    write();
    world.run_until(3s);
    CHECK(told == "---+");
}

TEST_CASE("network keeps a cut until as many ends of it came as beginnings", "[sim][world]") {
    sim::World world({});
    sim::Network network(world);
    int arrived = 0;
    for (int count = 0; count < 2; ++count) {
        world.start(
            world.add_process([](sim::ProcessId) { return std::make_unique<sim::Program>(); }));
    }
    const auto send = [&] {
        network.send(0, 1, 10, [&] { ++arrived; }, {});
        world.run_until(world.now() + 1s);
    };
    network.cut(0, 1);
    network.cut(0, 1);
    send();
    network.mend(0, 1);
    send();
    CHECK(arrived == 0);
    network.send(1, 0, 10, [&] { arrived += 10; }, {});
    network.mend(0, 1);
    send();
    CHECK(arrived == 11);
    network.set_slow(0, 1, 0s, 100);
    send();
    network.send(0, 1, 150, [&] { arrived += 100; }, {});
    world.run_until(world.now() + 1s);
    CHECK(arrived == 12);
    world.run_until(world.now() + 1s);
    CHECK(arrived == 112);
}

TEST_CASE("shrinking keeps what a failure needs and nothing else", "[sim][world]") {
    std::vector<uint32_t> all(100);
    for (uint32_t at = 0; at < all.size(); ++at) {
        all[at] = at;
    }
    const auto has = [](const std::vector<uint32_t>& kept, uint32_t wanted) {
        return std::ranges::find(kept, wanted) != kept.end();
    };
    uint32_t runs = 0;
    const auto fails = [&](const std::vector<uint32_t>& kept) {
        ++runs;
        return has(kept, 3) && has(kept, 57) && has(kept, 98);
    };
    CHECK(sim::shrink(all, fails, 1000) == std::vector<uint32_t>{3, 57, 98});
    CHECK(runs < 200);
    CHECK(sim::shrink(all, [](const auto&) { return true; }, 1000).empty());
    const auto some = sim::shrink(all, fails, 5);
    CHECK(fails(some));
}

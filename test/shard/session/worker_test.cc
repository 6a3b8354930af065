#include "shard/session/worker.h"

#include <catch2/catch.hpp>

#include "test/shard/session/messages.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

using namespace shard;
using namespace std::chrono_literals;

namespace {

class Link final : public SessionLink {
  public:
    void open(const std::string& address) override { asked.push_back(address); }

    void send(NodeMessage message) override { sent.push_back(std::move(message)); }

    void leave() override { ++left; }

    // What was sent of one kind, oldest first.
    template <class Kind>
    [[nodiscard]] std::vector<Kind> all() const {
        std::vector<Kind> found;
        for (const NodeMessage& message : sent) {
            if (const auto* const one = std::get_if<Kind>(&message)) {
                found.push_back(*one);
            }
        }
        return found;
    }

    std::vector<std::string> asked;
    std::vector<NodeMessage> sent;
    int left = 0;
};

// Keeps in memory what a disk would; survives the worker.
class Store final : public SessionStore {
  public:
    base::Result<StoredSession> load() override {
        StoredSession all = kept;
        for (const auto& [id, target] : targets) {
            all.targets.push_back(target);
        }
        return all;
    }

    base::Status save_identity(const std::string& cluster_id,
                               NodeNumber number,
                               std::span<const KnownNode> nodes) override {
        kept.cluster_id = cluster_id;
        kept.number = number;
        kept.nodes.assign(nodes.begin(), nodes.end());
        return base::success();
    }

    base::Status save_targets(Order seen,
                              std::span<const AssignedTarget> put,
                              std::span<const model::TargetId> removed,
                              bool sync) override {
        if (failing) {
            return base::fail(base::Code::kNoSpace, "the disk is full");
        }
        kept.seen = seen;
        for (const model::TargetId id : removed) {
            targets.erase(id);
        }
        for (const AssignedTarget& target : put) {
            targets.insert_or_assign(target.id, target);
        }
        syncs += sync ? 1 : 0;
        return base::success();
    }

    StoredSession kept;
    std::map<model::TargetId, AssignedTarget> targets;
    int syncs = 0;
    bool failing = false;
};

class Scraper final : public HoldingsListener {
  public:
    void hold(const AssignedTarget& target) override {
        held.insert_or_assign(target.id, target.holding);
    }

    void release(model::TargetId id, ReleaseReason reason) override {
        held.erase(id);
        released.emplace_back(id, reason);
    }

    void lease(base::SteadyTime until) override { lease_until = until; }

    void settle() override { ++settled; }

    std::map<model::TargetId, Holding> held;
    std::vector<std::pair<model::TargetId, ReleaseReason>> released;
    base::SteadyTime lease_until{};
    int settled = 0;
};

class Loads final : public LoadSource {
  public:
    [[nodiscard]] Totals totals() const override { return {.active_series = 42}; }

    void for_each_load(const std::function<void(const TargetLoad&)>& visit) const override {
        visit({.id = 1, .series = 10, .up = true});
    }
};

struct Fixture {
    explicit Fixture(std::vector<std::string> join = {"a:1", "b:1"}) {
        options.join = std::move(join);
        start();
    }

    void start() {
        worker.reset();
        scraper.held.clear();
        worker = std::move(Worker::start({.node_id = "n", .member = 7, .address = "n:1"},
                                         options,
                                         {.link = link,
                                          .store = store,
                                          .holdings = scraper,
                                          .loads = loads,
                                          .clock = clock,
                                          .random = random,
                                          .log = base::Logger(backend)}))
                     .value();
    }

    void pass(base::Duration time) {
        clock.advance(time);
        worker->poll();
    }

    // A session with a leader of that term.
    void welcome(uint64_t term = 1, Epoch epoch = 1) {
        worker->poll();
        for (int i = 0; i < 20 && worker->status().state != SessionState::kOpening; ++i) {
            pass(1s);
        }
        worker->opened();
        worker->received(Welcome{.cluster_id = "cluster",
                                 .number = 3,
                                 .order = {.term = term, .epoch = epoch},
                                 .lease = 5s,
                                 .clock_ms = clock.now_ms()});
    }

    [[nodiscard]] AssignedTarget target(model::TargetId id, Holding holding = Holding::kOwner) {
        AssignedTarget one = test::random_target(random, id);
        one.holding = holding;
        one.exclusive = false;
        one.since = 1;
        return one;
    }

    [[nodiscard]] uint64_t last_report() const { return link.all<Report>().back().number; }

    WorkerOptions options;
    test_support::FakeClock clock;
    base::SeededRandom random{11};
    test_support::CaptureSink sink;
    base::LogBackend backend{sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    Link link;
    Store store;
    Scraper scraper;
    Loads loads;
    std::unique_ptr<Worker> worker;
};

}  // namespace

TEST_CASE("a node asks the addresses it knows in turn until one answers", "[shard][session]") {
    Fixture at;
    at.worker->poll();
    CHECK(at.link.asked == std::vector<std::string>{"a:1"});
    at.worker->closed("refused");
    at.pass(1s);
    CHECK(at.link.asked.back() == "b:1");
    at.pass(4s);  // no answer
    at.pass(2s);
    CHECK(at.link.asked.back() == "a:1");
    CHECK(at.link.asked.size() == 3);
}

TEST_CASE("a node asks all addresses of a round shortly after each other, then waits",
          "[shard][session]") {
    Fixture at({"n:1", "a:1", "b:1"});  // it is the first of the list itself
    const auto asked_within = [&at](base::Duration time) {
        at.link.asked.clear();
        for (base::Duration passed{}; passed < time; passed += 10ms) {
            at.pass(10ms);
            at.worker->opened();
            at.worker->received(Redirect{});
        }
        return at.link.asked;
    };
    CHECK(asked_within(240ms) == std::vector<std::string>{"a:1", "b:1", "n:1"});
    CHECK(asked_within(500ms).at(0) == "a:1");
    // Whoever is elected is found soon, however long that took.
    asked_within(60s);
    CHECK(asked_within(1200ms).size() >= 3);
}

TEST_CASE("where there are many nodes each asks less often", "[shard][session]") {
    const auto asked_in_a_minute = [](uint32_t nodes) {
        Fixture at;
        at.welcome();
        Nodes all;
        for (uint32_t i = 1; i <= nodes; ++i) {
            all.nodes.push_back({.number = i, .id = "w", .address = "w:" + std::to_string(i)});
        }
        at.worker->received(all);
        at.worker->closed("cut");
        at.pass(20s);
        at.link.asked.clear();
        for (int i = 0; i < 6000; ++i) {
            at.worker->closed("nobody there");
            at.pass(10ms);
        }
        return at.link.asked.size();
    };
    const size_t few = asked_in_a_minute(5);
    const size_t many = asked_in_a_minute(1000);
    CHECK(few > 120);
    CHECK(many < 60);
}

TEST_CASE("of all the nodes it knows a node asks another one each round, beside those of the list",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(
        Nodes{.nodes = {{.number = 1, .id = "w1", .address = "w:1"},
                        {.number = 2, .id = "w2", .address = "w:2"},
                        {.number = 3, .id = "v", .address = "v:1", .voter = true}}});
    at.link.asked.clear();
    for (int i = 0; i < 8; ++i) {
        at.worker->closed("nobody there");
        at.pass(2s);
    }
    CHECK(at.link.asked ==
          std::vector<std::string>{"v:1", "a:1", "b:1", "w:1", "v:1", "a:1", "b:1", "w:2"});
}

TEST_CASE("a node that is sent on goes there at once, but not round and round",
          "[shard][session]") {
    Fixture at;
    at.worker->poll();
    for (int i = 0; i < 4; ++i) {
        at.worker->opened();
        at.worker->received(Redirect{.leader_id = "c", .address = "c:" + std::to_string(i)});
        at.worker->poll();
    }
    CHECK(at.link.asked == std::vector<std::string>{"a:1", "c:0", "c:1", "c:2"});
    at.pass(5s);
    CHECK(at.link.asked.back() == "c:3");
}

TEST_CASE("a node greets with what it is and has seen, and reports when it is welcome",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    const Hello hello = at.link.all<Hello>().at(0);
    CHECK(hello.node_id == "n");
    CHECK(hello.member == 7);
    CHECK(hello.cluster_id.empty());
    CHECK(hello.clock_ms == at.clock.now_ms());
    const Report report = at.link.all<Report>().at(0);
    CHECK(report.number == 1);
    CHECK(report.totals.active_series == 42);
    CHECK(report.loads.size() == 1);
    CHECK(at.store.kept.cluster_id == "cluster");
    CHECK(at.store.kept.number == 3);
    CHECK(at.worker->status().problem.empty());
}

TEST_CASE("an assignment is kept, then carried out", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2},
                                   .targets = {at.target(1), at.target(2, Holding::kStandIn)}});
    CHECK(at.scraper.held.size() == 2);
    CHECK(at.store.targets.size() == 2);
    at.worker->received(
        Assignment{.order = {.term = 1, .epoch = 3},
                   .releases = {{.id = 1, .reason = ReleaseReason::kGone}, {.id = 2}, {.id = 9}}});
    CHECK(at.scraper.held.empty());
    CHECK(at.store.targets.empty());
    CHECK(at.scraper.released == std::vector<std::pair<model::TargetId, ReleaseReason>>{
                                     {1, ReleaseReason::kGone}, {2, ReleaseReason::kMoved}});
}

TEST_CASE("a node that starts again scrapes at once what it had, without a leader",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(
        Assignment{.order = {.term = 1, .epoch = 2}, .targets = {at.target(1), at.target(5)}});
    at.worker->received(
        Nodes{.nodes = {{.number = 1, .id = "v", .address = "v:1", .voter = true}}});
    at.start();
    CHECK(at.scraper.held.size() == 2);
    CHECK(at.worker->status().seen == Order{.term = 1, .epoch = 2});
    at.worker->poll();
    CHECK(at.link.asked.back() == "v:1");
    at.worker->opened();
    CHECK(at.link.all<Hello>().back().cluster_id == "cluster");
    CHECK(at.link.all<Hello>().back().seen == Order{.term = 1, .epoch = 2});
}

TEST_CASE("nothing of an older term or epoch is obeyed, over restarts, too", "[shard][session]") {
    Fixture at;
    at.welcome(5, 10);
    at.worker->received(Assignment{.order = {.term = 5, .epoch = 12}, .targets = {at.target(1)}});
    const auto refuses = [&](Order order) {
        at.welcome(5, 12);
        const size_t held = at.scraper.held.size();
        at.worker->received(Assignment{.order = order, .everything = true, .targets = {}});
        CHECK(at.scraper.held.size() == held);
        CHECK(at.worker->status().state == SessionState::kNone);
        CHECK(at.worker->status().rejected > 0);
    };
    refuses({.term = 5, .epoch = 11});
    refuses({.term = 4, .epoch = 100});
    at.start();
    CHECK(at.scraper.held.size() == 1);
    refuses({.term = 4, .epoch = 100});
}

TEST_CASE("a deposed leader is not obeyed once a newer one was met, though it gave no order",
          "[shard][session]") {
    Fixture at;
    at.welcome(5, 10);
    at.worker->received(Assignment{.order = {.term = 5, .epoch = 10}, .targets = {at.target(1)}});
    at.worker->closed("cut");
    at.welcome(6, 10);
    CHECK(at.store.kept.seen.term == 6);
    CHECK(at.store.syncs == 2);
    at.worker->closed("cut");
    at.start();
    at.welcome(5, 10);
    CHECK(at.worker->status().state == SessionState::kNone);
    CHECK(at.scraper.held.size() == 1);
}

TEST_CASE("a lease lasts from when the report was sent that it answers", "[shard][session]") {
    Fixture at;
    at.welcome();
    CHECK(at.worker->status().lease);
    const uint64_t first = at.last_report();
    at.pass(3s);
    at.worker->received(Lease{.report = first, .order = {.term = 1, .epoch = 1}, .lease = 5s});
    at.pass(1900ms);
    CHECK(at.worker->status().lease);
    at.pass(200ms);
    CHECK(!at.worker->status().lease);
    at.worker->received(
        Lease{.report = at.last_report(), .order = {.term = 1, .epoch = 1}, .lease = 5s});
    CHECK(at.worker->status().lease);
}

TEST_CASE("what is exclusive is held under one lease of one leader", "[shard][session]") {
    Fixture at;
    at.welcome();
    const auto give = [&](uint64_t term) {
        AssignedTarget alone = at.target(1);
        alone.exclusive = true;
        at.worker->received(
            Assignment{.order = {.term = term, .epoch = 2}, .targets = {alone, at.target(2)}});
    };
    const auto extend = [&](uint64_t term) {
        at.worker->received(
            Lease{.report = at.last_report(), .order = {.term = term, .epoch = 2}, .lease = 5s});
    };
    give(1);
    CHECK(at.scraper.held.size() == 2);
    CHECK(at.store.targets.size() == 1);  // the other one does not outlive a restart
    CHECK(at.scraper.lease_until == at.clock.steady() + 5s);

    SECTION("it is let go when the lease lapses, and not had back with the next lease") {
        at.pass(4s);
        extend(1);
        extend(1);  // of the report that answered the one before
        at.pass(4s);
        CHECK(at.scraper.held.size() == 2);
        at.worker->received(Nodes{});  // the leader is there, but says nothing of the lease
        at.pass(1100ms);
        CHECK(at.scraper.held == std::map<model::TargetId, Holding>{{2, Holding::kOwner}});
        CHECK(at.scraper.released.back() == std::pair(model::TargetId{1}, ReleaseReason::kMoved));
        give(1);
        CHECK(at.scraper.held.size() == 1);  // there is no lease
        extend(1);
        extend(1);
        CHECK(at.worker->status().lease);
        CHECK(at.scraper.held.size() == 1);
        give(1);
        CHECK(at.scraper.held.size() == 2);
    }

    SECTION("a process that was paused learns of it before anything else") {
        const uint64_t report = at.last_report();
        at.clock.advance(60s);
        at.worker->received(Lease{.report = report, .order = {.term = 1, .epoch = 2}, .lease = 5s});
        CHECK(at.scraper.held.size() == 1);
        extend(1);
        CHECK(at.worker->status().lease);
        CHECK(at.scraper.held.size() == 1);
    }

    SECTION("it is let go when another leader is heard") {
        at.worker->closed("gone");
        CHECK(at.scraper.held.size() == 2);
        at.welcome(2, 2);
        CHECK(at.worker->status().lease);
        CHECK(at.scraper.held.size() == 1);
    }

    SECTION("it is kept over sessions with the same leader") {
        at.worker->closed("gone");
        at.welcome(1, 2);
        CHECK(at.scraper.held.size() == 2);
    }

    SECTION("a node that starts again has it no more") {
        at.start();
        CHECK(at.scraper.held.size() == 1);
    }
}

TEST_CASE("a release that others wait for is answered once it took effect", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2}, .targets = {at.target(1)}});
    at.worker->received(
        Assignment{.order = {.term = 1, .epoch = 2},
                   .releases = {{.id = 1, .number = 70}, {.id = 5}, {.id = 6, .number = 71}}});
    CHECK(at.scraper.held.empty());
    CHECK(at.scraper.settled == 1);
    REQUIRE(at.link.all<Released>().size() == 1);
    CHECK(at.link.all<Released>()[0].numbers == std::vector<uint64_t>{70, 71});
    // Of a leader that is none any more nothing is carried out.
    at.worker->received(
        Assignment{.order = {.term = 1, .epoch = 1}, .releases = {{.id = 1, .number = 72}}});
    CHECK(at.link.all<Released>().size() == 1);
}

TEST_CASE("every lease is answered with a report", "[shard][session]") {
    Fixture at;
    at.welcome();
    for (int i = 0; i < 100; ++i) {
        at.pass(1s);
        at.worker->received(
            Lease{.report = at.last_report(), .order = {.term = 1, .epoch = 1}, .lease = 5s});
        CHECK(at.worker->status().lease);
    }
    CHECK(at.last_report() == 101);
}

TEST_CASE("a node says what it holds when that is not what the leader thinks", "[shard][session]") {
    Fixture at;
    at.welcome();
    const AssignedTarget one = at.target(1);
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2}, .targets = {one}});
    const HoldingDigest right{.targets = 1,
                              .hash = holding_hash(1, one.slot, one.holding, one.since)};
    at.worker->received(
        Lease{.report = 1, .order = {.term = 1, .epoch = 2}, .lease = 5s, .holds = right});
    CHECK(at.link.all<Holdings>().empty());
    at.worker->received(Lease{.report = 2,
                              .order = {.term = 1, .epoch = 2},
                              .lease = 5s,
                              .holds = {.targets = 1, .hash = right.hash + 1}});
    REQUIRE(at.link.all<Holdings>().size() == 1);
    CHECK(at.link.all<Holdings>()[0].targets.at(0).id == 1);
    CHECK(at.link.all<Holdings>()[0].last);
}

TEST_CASE("a silent leader is left, and what the node holds goes on", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2}, .targets = {at.target(1)}});
    at.pass(4s);
    CHECK(at.worker->status().state == SessionState::kOpen);
    at.pass(2s);
    CHECK(at.worker->status().state == SessionState::kNone);
    CHECK(!at.worker->status().lease);
    CHECK(at.scraper.held.size() == 1);
    CHECK(at.scraper.released.empty());
    at.pass(5s);
    CHECK(at.link.asked.size() == 2);
}

TEST_CASE("scrapes of an incoming target are told at once, and again to the next leader",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2},
                                   .targets = {at.target(1, Holding::kIncoming)}});
    at.worker->scraped(1, false, 0, 0);
    at.worker->scraped(1, true, 1'000, 50);
    at.worker->scraped(1, true, 2'000, 60);
    at.worker->scraped(9, true, 2'000, 60);
    const auto told = at.link.all<Progress>();
    REQUIRE(told.size() == 3);
    CHECK(told[0].targets.at(0).failed == 1);
    CHECK(told[2].targets.at(0).good == 2);
    CHECK(told[2].targets.at(0).failed == 0);
    CHECK(told[2].targets.at(0).last_ms == 2'000);
    CHECK(told[2].targets.at(0).series == 60);
    at.worker->closed("cut");
    at.welcome(2, 2);
    CHECK(at.link.all<Progress>().size() == 4);
    AssignedTarget owner = at.target(1);
    at.worker->received(Assignment{.order = {.term = 2, .epoch = 3}, .targets = {owner}});
    at.worker->scraped(1, true, 3'000, 60);
    CHECK(at.link.all<Progress>().size() == 4);
    CHECK(at.scraper.held.at(1) == Holding::kOwner);
}

TEST_CASE("another cluster's leader is not obeyed, and the error says what to do",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->closed("cut");
    for (int i = 0; i < 20 && at.worker->status().state != SessionState::kOpening; ++i) {
        at.pass(1s);
    }
    at.worker->opened();
    at.worker->received(Welcome{
        .cluster_id = "other", .number = 1, .order = {.term = 99, .epoch = 99}, .lease = 5s});
    CHECK(at.worker->status().state == SessionState::kNone);
    CHECK(at.worker->status().problem.find("skein cluster reset") != std::string::npos);
    CHECK(at.worker->status().seen.term == 1);
}

TEST_CASE("a refusal is kept for the status and not asked for again at once", "[shard][session]") {
    Fixture at;
    at.worker->poll();
    at.worker->opened();
    at.worker->received(Refused{.why = Refusal::kTwins, .reason = "another node is called n"});
    CHECK(at.worker->status().refused == Refusal::kTwins);
    CHECK(at.worker->status().problem == "another node is called n");
    at.pass(10s);
    CHECK(at.link.asked.size() == 1);
    at.pass(21s);
    CHECK(at.link.asked.size() == 2);
}

TEST_CASE("a node that was removed lets go of its targets without ending their series",
          "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2}, .targets = {at.target(1)}});
    at.worker->closed("cut");
    for (int i = 0; i < 20 && at.worker->status().state != SessionState::kOpening; ++i) {
        at.pass(1s);
    }
    at.worker->opened();
    at.worker->received(Refused{.why = Refusal::kRemoved, .reason = "n was removed"});
    CHECK(at.scraper.held.empty());
    CHECK(at.scraper.released.back() == std::pair(model::TargetId{1}, ReleaseReason::kMoved));
    CHECK(at.store.targets.empty());
}

TEST_CASE("a full disk does not keep a node from scraping what it is given", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.store.failing = true;
    at.worker->received(Assignment{.order = {.term = 1, .epoch = 2}, .targets = {at.target(1)}});
    CHECK(at.scraper.held.size() == 1);
    CHECK(at.worker->status().state == SessionState::kOpen);
}

TEST_CASE("a clock that differs from the leader's is named", "[shard][session]") {
    Fixture at;
    at.worker->poll();
    at.worker->opened();
    at.worker->received(Welcome{.cluster_id = "cluster",
                                .number = 3,
                                .order = {.term = 1, .epoch = 1},
                                .lease = 5s,
                                .clock_ms = at.clock.now_ms() + 5 * 60 * 1000});
    CHECK(at.worker->status().clock_behind_ms == 5 * 60 * 1000);
    CHECK(at.sink.contains("NTP"));
}

TEST_CASE("a node that stops says so", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->stopping();
    CHECK((at.link.all<Report>().back().totals.flags & kNodeStopping) != 0);
}

TEST_CASE("a node tells at once what has changed of it", "[shard][session]") {
    Fixture at;
    at.worker->totals_changed();  // to nobody
    CHECK(at.link.all<Report>().empty());
    at.welcome();
    const uint64_t before = at.last_report();
    at.worker->totals_changed();
    CHECK(at.last_report() == before + 1);
}

TEST_CASE("a voter that learns who leads goes there", "[shard][session]") {
    Fixture at;
    at.welcome();
    at.worker->leader_is("a:1");  // that is who it speaks to
    CHECK(at.worker->status().state == SessionState::kOpen);
    at.worker->leader_is("z:1");
    at.worker->poll();
    CHECK(at.link.asked.back() == "z:1");
}

TEST_CASE("a voter that learns who leads while it asks somebody else asks the leader at once",
          "[shard][session]") {
    Fixture at;
    at.worker->poll();
    REQUIRE(at.link.asked.size() == 1);
    SECTION("before that one answers") {}
    SECTION("after it answered") {
        at.worker->opened();
    }
    at.worker->leader_is("z:1");
    at.worker->poll();
    REQUIRE(at.link.asked.size() == 2);
    CHECK(at.link.asked.back() == "z:1");
}

TEST_CASE("a node that no leader takes says why, now and then", "[shard][session]") {
    Fixture at;
    const auto said = [&at] { return at.sink.contains("there is no session with a leader"); };
    for (int i = 0; i < 9; ++i) {
        at.worker->poll();
        at.worker->closed("its key is another one");
        CHECK_FALSE(said());
        at.clock.advance(1s);
    }
    for (int i = 0; i < 60; ++i) {
        at.pass(1s);
        at.worker->closed("its key is another one");
    }
    CHECK(said());
    CHECK(at.sink.contains("its key is another one"));
    CHECK(at.sink.lines().size() <= 3);
}

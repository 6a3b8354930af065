#include "shard/membership/voters.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "test/shard/membership/voters_model.h"
#include "test/support/seed.h"

using namespace voters_test;
using Numbers = std::vector<size_t>;

namespace {

// So many nodes, of which those vote that should.
Model settled(size_t nodes, VoterOptions options = {}) {
    Model model(options);
    for (size_t i = 0; i < nodes; ++i) {
        model.add();
    }
    model.pass(2min);
    return model;
}

raft::MemberId member(Model& model, size_t number) {
    return model.node(number).record.member;
}

}  // namespace

TEST_CASE("as many vote as the option says and the nodes allow, an odd number", "[shard][voters]") {
    const auto check = [](size_t nodes, size_t voters, size_t want) {
        CAPTURE(nodes, voters);
        Model model = settled(nodes, {.voters = voters});
        CHECK(model.voting().size() == want);
        CHECK(model.configuration.members.size() == want);
        CHECK(model.broken.empty());
        const size_t changes = model.changes;
        model.pass(1h);
        CHECK(model.changes == changes);
    };
    check(1, 3, 1);
    check(2, 3, 1);
    check(3, 1, 1);
    check(3, 3, 3);
    check(4, 5, 3);
    check(4, 3, 3);
    check(5, 5, 5);
    check(9, 5, 5);
}

TEST_CASE("a second voter waits for a third", "[shard][voters]") {
    Model model(VoterOptions{});
    model.add();
    model.add();
    model.add();
    model.learning = 10;
    model.pass(40s);
    CHECK(model.voting() == Numbers{1});
    CHECK(model.configuration.members.size() == 3);
    model.pass(1min);
    CHECK(model.voting() == Numbers{1, 2, 3});

    Model one_dead(VoterOptions{});
    one_dead.add();
    one_dead.add();
    one_dead.kill(one_dead.add());
    one_dead.pass(1h);
    CHECK(one_dead.voting() == Numbers{1});
    CHECK(one_dead.configuration.members.size() == 1);
}

TEST_CASE("a voter that is dead for five minutes is replaced, not before", "[shard][voters]") {
    Model model = settled(4);
    model.kill(2);
    model.pass(280s);
    CHECK(model.voting() == Numbers{1, 2, 3});
    model.pass(1min);
    CHECK(model.voting() == Numbers{1, 3, 4});
    CHECK(model.configuration.members.size() == 3);
    model.revive(2);
    const size_t changes = model.changes;
    model.pass(1h);
    CHECK(model.changes == changes);
    CHECK(model.broken.empty());
}

TEST_CASE("a dead voter stays while there is nobody in its place", "[shard][voters]") {
    Model model = settled(3);
    model.kill(3);
    model.pass(1h);
    CHECK(model.voting() == Numbers{1, 2, 3});
    SECTION("two of five leave, for three of three bear more than three of five") {
        Model five = settled(5, {.voters = 5});
        five.kill(4);
        five.pass(1h);
        CHECK(five.voting().size() == 5);
        five.kill(5);
        five.pass(1h);
        CHECK(five.voting() == Numbers{1, 2, 3});
        five.revive(4);
        five.revive(5);
        five.pass(1min);
        CHECK(five.voting().size() == 5);
        CHECK(five.broken.empty());
    }
}

TEST_CASE("a voter that drains votes on while there is nobody in its place", "[shard][voters]") {
    Model model = settled(3);
    model.node(2).record.stays = false;
    const size_t changes = model.changes;
    model.pass(1h);
    CHECK(model.changes == changes);
    CHECK(model.voting() == Numbers{1, 2, 3});
    SECTION("and goes when there is") {
        model.add();
        model.pass(1min);
        CHECK(model.voting() == Numbers{1, 3, 4});
    }
    SECTION("or when it is dead, and so does another one: two are no better than one") {
        model.kill(2);
        model.pass(1h);
        CHECK(model.voting().size() == 1);
    }
    SECTION("or is taken out of the table") {
        model.forget(2);
        model.pass(1min);
        CHECK(model.voting().size() == 1);
    }
    CHECK(model.broken.empty());
}

TEST_CASE("a new leader changes nothing before it knows who answers", "[shard][voters]") {
    Voters voters(VoterOptions{});
    std::vector<VoterCandidate> nodes;
    raft::DriverStatus status{.self = 1, .leads = true, .term = 4};
    for (raft::MemberId id = 1; id <= 3; ++id) {
        nodes.push_back({.number = static_cast<NodeNumber>(id),
                         .member = id,
                         .id = "n" + std::to_string(id),
                         .address = "a:1",
                         .live = true,
                         .stays = true});
        status.configuration.members.push_back({id, raft::Role::kVoter, "a:1"});
        status.progress.push_back({.id = id, .active = true});
    }
    const base::SteadyTime now{1h};
    SECTION("but it hands over at once when it is stopping") {
        nodes[0].stopping = true;
        CHECK(voters.next(status, nodes, now).transfer_to.has_value());
    }
    nodes.pop_back();  // member 3 is no node any more
    nodes[0].stopping = false;
    CHECK(voters.next(status, nodes, now).nothing());
    CHECK(voters.next(status, nodes, now + 2900ms).nothing());
    CHECK_FALSE(voters.next(status, nodes, now + 3s).nothing());
    status.term = 5;  // it lost the lead meanwhile
    CHECK(voters.next(status, nodes, now + 4s).nothing());
    CHECK_FALSE(voters.next(status, nodes, now + 7s).nothing());
}

TEST_CASE("a node that lost its disk votes again as somebody else", "[shard][voters]") {
    Model model = settled(3);
    model.kill(2);
    model.pass(10s);
    model.lose_disk(2);
    model.step();
    CHECK(model.configuration.voters() == 2);
    model.pass(1min);
    CHECK(model.voting() == Numbers{1, 2, 3});
    CHECK(model.configuration.find(member(model, 2)) != nullptr);
    CHECK(model.broken.empty());
}

TEST_CASE("a node that is taken out of the table votes no more", "[shard][voters]") {
    Model model = settled(3);
    model.kill(2);
    model.forget(2);
    model.pass(1min);
    CHECK(model.voting().size() == 1);
    CHECK(model.configuration.members.size() == 1);
    CHECK(model.broken.empty());
}

TEST_CASE("a voter that drains leaves once another one votes", "[shard][voters]") {
    Model model = settled(4);
    const size_t leads = model.leader_number();
    const size_t drains = GENERATE(1u, 2u, 3u);
    CAPTURE(leads, drains);
    model.node(drains).record.stays = false;
    model.pass(1min);
    Numbers want{1, 2, 3, 4};
    std::erase(want, drains);
    CHECK(model.voting() == want);
    CHECK(model.leader_number() != drains);
    CHECK(model.broken.empty());
    model.node(drains).record.stays = true;
    const size_t changes = model.changes;
    model.pass(1h);
    CHECK(model.changes == changes);
}

TEST_CASE("the only voter hands over to the only other node when it drains", "[shard][voters]") {
    Model model = settled(2);
    CHECK(model.voting() == Numbers{1});
    model.node(1).record.stays = false;
    model.pass(1min);
    CHECK(model.voting() == Numbers{2});
    CHECK(model.leader_number() == 2);
    CHECK(model.broken.empty());
}

TEST_CASE("who leads and is stopping hands over, and goes on voting", "[shard][voters]") {
    Model model = settled(3);
    const size_t leads = model.leader_number();
    model.node(leads).record.stopping = true;
    model.step();
    CHECK(model.leader_number() != leads);
    model.pass(10min);
    CHECK(model.voting() == Numbers{1, 2, 3});
}

TEST_CASE("a member that has another address is spoken to there", "[shard][voters]") {
    Model model = settled(3);
    model.node(2).record.address = "elsewhere:1";
    model.pass(10s);
    CHECK(model.configuration.find(member(model, 2))->address == "elsewhere:1");
    CHECK(model.broken.empty());
}

TEST_CASE("a node that cannot be reached does not become a voter, and another one does",
          "[shard][voters]") {
    Model model = settled(3);
    model.node(model.add()).mute = true;
    model.add();
    model.kill(2);
    model.pass(10min);
    CHECK(model.voting() == Numbers{1, 3, 5});
    CHECK(model.configuration.members.size() == 3);
}

TEST_CASE("a node that may not vote is not asked to, and goes on if it does", "[shard][voters]") {
    Model model = settled(3);
    model.node(2).record.may_vote = false;
    model.node(model.add()).record.may_vote = false;
    model.add();
    model.pass(10min);
    CHECK(model.voting() == Numbers{1, 2, 3});
    model.kill(3);
    model.pass(10min);
    CHECK(model.voting() == Numbers{1, 2, 5});
}

TEST_CASE("voters are spread over zones, one exchange at a time", "[shard][voters]") {
    SECTION("from the beginning") {
        Model model{VoterOptions{}};
        for (const char* zone : {"x", "x", "x", "y", "z"}) {
            model.add(zone);
        }
        model.pass(1min);
        CHECK(model.voting() == Numbers{1, 4, 5});
        const size_t changes = model.changes;
        model.pass(1h);
        CHECK(model.changes == changes);
    }
    SECTION("when nodes of other zones come later") {
        Model model{VoterOptions{}};
        for (const char* zone : {"x", "x", "x"}) {
            model.add(zone);
        }
        model.pass(2min);
        CHECK(model.voting() == Numbers{1, 2, 3});
        const size_t leads = model.leader_number();
        model.add("y");
        model.add("z");
        model.pass(30s);
        CHECK(model.changes == 7);
        model.pass(5min);
        CHECK(model.voting().size() == 3);
        CHECK(std::ranges::includes(model.voting(), Numbers{4, 5}));
        CHECK(model.leader_number() == leads);
        CHECK(model.broken.empty());
        const size_t changes = model.changes;
        model.pass(1h);
        CHECK(model.changes == changes);
    }
}

TEST_CASE("nothing is done by who does not lead, or while a change is not committed",
          "[shard][voters]") {
    Voters voters(VoterOptions{});
    const std::vector<VoterCandidate> nodes{
        {.number = 1, .member = 1, .id = "a", .address = "a:1", .live = true, .stays = true},
        {.number = 2, .member = 2, .id = "b", .address = "b:1", .live = true, .stays = true},
        {.number = 3, .member = 3, .id = "c", .address = "c:1", .live = true, .stays = true}};
    raft::DriverStatus status{.self = 1, .leads = true, .commit = 9};
    status.configuration.members = {{1, raft::Role::kVoter, "a:1"}};
    status.configuration_index = 10;
    CHECK(voters.next(status, nodes, base::SteadyTime(1h)).nothing());
    status.commit = 10;
    CHECK(voters.next(status, nodes, base::SteadyTime(1h)).change);
    status.leads = false;
    CHECK(voters.next(status, nodes, base::SteadyTime(1h)).nothing());
}

// --- whatever happens ----------------------------------------------------------------------------

namespace {

class Fate {
  public:
    explicit Fate(uint64_t seed) : random_(seed), model_({.voters = 1 + 2 * random_.below(3)}) {}

    void run() {
        const size_t zones = 1 + random_.below(4);
        for (size_t i = 0; i < 1 + random_.below(7); ++i) {
            model_.add(std::to_string(random_.below(zones)));
        }
        model_.learning = random_.below(6);
        for (size_t i = 0; i < 200; ++i) {
            happen(zones);
            model_.pass(std::chrono::seconds(random_.below(10) == 0 ? random_.below(600)
                                                                    : random_.below(60)));
            REQUIRE(model_.broken.empty());
            REQUIRE(model_.majority_lives());
        }
        CHECK(model_.changes < 200 * 12);
        heal();
    }

  private:
    // Whether the voters would do without it, as the configuration is now.
    bool dispensable(size_t number) {
        ModelNode& one = model_.node(number);
        const bool was = std::exchange(one.alive, false);
        const bool lives = model_.majority_lives();
        one.alive = was;
        return lives;
    }

    void happen(size_t zones) {
        auto at = model_.nodes.begin();
        std::advance(at, random_.below(model_.nodes.size()));
        const auto& [number, one] = *at;
        switch (random_.below(9)) {
            case 0:
            case 1:
                if (one.alive && dispensable(number)) {
                    model_.kill(number);
                }
                break;
            case 2:
            case 3:
                if (!one.alive) {
                    model_.revive(number);
                }
                break;
            case 4:
                if (dispensable(number)) {
                    model_.lose_disk(number);
                }
                break;
            case 5:
                model_.node(number).record.stays = !one.record.stays;
                break;
            case 6:
                if (model_.nodes.size() < 12) {
                    model_.add(std::to_string(random_.below(zones)));
                }
                break;
            case 7:
                if (!one.record.stays && model_.nodes.size() > 1 && dispensable(number)) {
                    model_.forget(number);
                }
                break;
            default:
                model_.node(number).mute = !one.mute && dispensable(number);
        }
    }

    void heal() {
        for (auto& [number, one] : model_.nodes) {
            model_.revive(number);
            one.mute = false;
            one.record.stays = true;
        }
        model_.pass(1h);
        CHECK(model_.broken.empty());
        CHECK(model_.voting().size() == model_.wanted());
        CHECK(model_.configuration.members.size() == model_.wanted());
        CHECK(std::ranges::count(model_.voting(), size_t{0}) == 0);
        CHECK(model_.now - model_.changed_at > 20min);
        check_zones();
    }

    void check_zones() {
        std::map<std::string, size_t> voters;
        for (const auto& [number, one] : model_.nodes) {
            voters[one.record.zone] += 0;
        }
        for (const size_t number : model_.voting()) {
            ++voters[model_.node(number).record.zone];
        }
        size_t most = 0, least = 99;
        for (const auto& [zone, count] : voters) {
            most = std::max(most, count);
            least = std::min(least, count);
        }
        const bool crowded = most > 1 && least == 0;
        CHECK_FALSE(crowded);
    }

    base::SeededRandom random_;
    Model model_;
};

}  // namespace

TEST_CASE("whatever happens to nodes, voters keep a majority and settle", "[shard][voters]") {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t i = 0; i < 40; ++i) {
        CAPTURE(seed, i);
        Fate(seed + i).run();
    }
}

#include "shard/session/codec.h"

#include <catch2/catch.hpp>

#include "test/shard/session/messages.h"

using namespace shard;

namespace {

std::vector<JobHash> jobs() {
    return {{.job = "api", .hash = 7}, {.job = "node", .hash = ~uint64_t{0}}};
}

std::vector<NodeMessage> node_messages(base::Random& random) {
    Report report{.number = random.u64(),
                  .seen = {.term = random.u64(), .epoch = random.u64()},
                  .totals = {.active_series = random.u64(),
                             .ghost_series = 3,
                             .other_series = 4,
                             .memory_bytes = random.u64(),
                             .memory_limit_bytes = 6,
                             .late_ms = 7,
                             .flags = kNodeReadOnly | kNodeStopping,
                             .clock_ms = -8}};
    Progress progress;
    Holdings holdings{.targets = {}, .last = random.below(2) == 0};
    for (uint64_t i = 0; i < random.below(100); ++i) {
        report.loads.push_back({.id = random.u64(), .series = i, .up = i % 3 == 0});
        progress.targets.push_back({.id = random.u64(),
                                    .since = i,
                                    .good = 1,
                                    .failed = 2,
                                    .last_ms = -static_cast<int64_t>(i),
                                    .series = 4});
        holdings.targets.push_back({.id = random.u64(),
                                    .slot = static_cast<uint8_t>(i % 8),
                                    .holding = static_cast<Holding>(1 + i % 3)});
    }
    return {Hello{.cluster_id = "0123-4567",
                  .node_id = "node-a",
                  .member = random.u64() | 1,
                  .address = "10.0.0.1:10901",
                  .zone = "z\xc3\xbcrich",
                  .series_budget = 30'000,
                  .feature_level = 2,
                  .clock_ms = -1,
                  .configuration = random.u64(),
                  .jobs = jobs(),
                  .seen = {.term = 5, .epoch = 6}},
            std::move(report),
            std::move(progress),
            std::move(holdings),
            Configured{.configuration = 1, .jobs = jobs()},
            Released{.numbers = {1, uint64_t{1} << 60}}};
}

std::vector<LeaderMessage> leader_messages(base::Random& random) {
    Assignment assign{.order = {.term = 9, .epoch = random.u64()},
                      .everything = random.below(2) == 0,
                      .last = random.below(2) == 0};
    for (uint64_t i = 0; i < random.below(30); ++i) {
        assign.targets.push_back(test::random_target(random, random.u64()));
        assign.releases.push_back({.id = random.u64(),
                                   .reason = static_cast<ReleaseReason>(1 + random.below(2)),
                                   .number = random.below(3)});
    }
    return {
        Welcome{.cluster_id = "c",
                .number = 3,
                .order = {.term = 1, .epoch = 2},
                .lease = std::chrono::milliseconds(5000),
                .clock_ms = 1'700'000'000'000},
        Redirect{.leader_id = "b", .address = "10.0.0.2:10901"},
        Refused{.why = Refusal::kTwins, .reason = "another node says it is a"},
        Lease{.report = 17,
              .order = {.term = 1, .epoch = 2},
              .lease = std::chrono::milliseconds(1),
              .holds = {.targets = 2, .hash = random.u64()}},
        std::move(assign),
        Nodes{.nodes = {{.number = 1, .id = "a", .address = "x:1", .zone = "", .voter = true},
                        {.number = 4, .id = "b", .address = "y:1", .zone = "z", .live = true}}}};
}

// Equal bytes mean equal content: the codec writes the same for the same.
void check_node(const NodeMessage& message) {
    const std::string bytes = encode(message);
    const auto back = decode_node_message(bytes);
    REQUIRE(back.has_value());
    CHECK(back.value().index() == message.index());
    CHECK(encode(back.value()) == bytes);
}

void check_leader(const LeaderMessage& message) {
    const std::string bytes = encode(message);
    const auto back = decode_leader_message(bytes);
    REQUIRE(back.has_value());
    CHECK(back.value().index() == message.index());
    CHECK(encode(back.value()) == bytes);
}

}  // namespace

TEST_CASE("messages of a session come out as they went in", "[shard][session]") {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        base::SeededRandom random(seed);
        for (const NodeMessage& message : node_messages(random)) {
            check_node(message);
        }
        for (const LeaderMessage& message : leader_messages(random)) {
            check_leader(message);
        }
    }
}

TEST_CASE("a target arrives whole with its labels and times", "[shard][session]") {
    base::SeededRandom random(7);
    for (int i = 0; i < 200; ++i) {
        const AssignedTarget target = test::random_target(random, 11);
        const auto back = decode_leader_message(encode(Assignment{.targets = {target}}));
        REQUIRE(back.has_value());
        const AssignedTarget& got = std::get<Assignment>(back.value()).targets.at(0);
        CHECK(*got.descriptor == *target.descriptor);
        CHECK(got.id == target.id);
        CHECK(got.slot == target.slot);
        CHECK(got.slots == target.slots);
        CHECK(got.holding == target.holding);
        CHECK(got.exclusive == target.exclusive);
        CHECK(got.since == target.since);
    }
}

TEST_CASE("texts that targets share are sent once", "[shard][session]") {
    auto descriptor = std::make_shared<TargetDescriptor>(
        TargetDescriptor{.job = "kubernetes-pods-of-a-large-cluster",
                         .labels = model::Labels{{"job", "kubernetes-pods-of-a-large-cluster"},
                                                 {"namespace", std::string(200, 'n')}},
                         .discovered = {},
                         .url = "http://a:1/metrics",
                         .unix_socket = {},
                         .interval = std::chrono::seconds(15),
                         .timeout = std::chrono::seconds(10)});
    Assignment assign;
    for (uint64_t id = 1; id <= 1000; ++id) {
        assign.targets.push_back({.id = id, .descriptor = descriptor});
    }
    CHECK(encode(LeaderMessage(assign)).size() < 60 * assign.targets.size());
}

TEST_CASE("broken messages of a session are errors and nothing worse", "[shard][session]") {
    const uint64_t seed = base::SystemRandom().u64();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const auto check = [&](const std::string& whole, const auto& decode) {
        for (size_t length = 0; length < whole.size(); length += 1 + random.below(8)) {
            static_cast<void>(decode(std::string_view(whole).substr(0, length)));
        }
        for (int i = 0; i < 500; ++i) {
            std::string broken = whole;
            for (uint64_t flips = 0; flips <= random.below(3); ++flips) {
                broken[random.below(broken.size())] ^= static_cast<char>(1 << random.below(8));
            }
            if (const auto read = decode(broken); read.has_value()) {
                CHECK(decode(encode(read.value())).has_value());
            }
        }
    };
    for (const NodeMessage& message : node_messages(random)) {
        check(encode(message), decode_node_message);
    }
    for (const LeaderMessage& message : leader_messages(random)) {
        check(encode(message), decode_leader_message);
    }
}

TEST_CASE("what makes no sense in a session is refused", "[shard][session]") {
    const auto node = [](const NodeMessage& message) {
        return !decode_node_message(encode(message)).has_value();
    };
    const auto leader = [](const LeaderMessage& message) {
        return !decode_leader_message(encode(message)).has_value();
    };
    const Hello good{.node_id = "a", .member = 1, .address = "a:1"};
    CHECK(!node(good));
    Hello hello = good;
    hello.node_id.clear();
    CHECK(node(hello));
    hello = good;
    hello.member = 0;
    CHECK(node(hello));
    hello = good;
    hello.zone = std::string(kNameBytesMax + 1, 'z');
    CHECK(node(hello));
    hello = good;
    hello.node_id = "a\nb";
    CHECK(node(hello));
    hello = good;
    hello.jobs = {{.job = "b", .hash = 1}, {.job = "a", .hash = 1}};
    CHECK(node(hello));

    base::SeededRandom random(1);
    AssignedTarget target = test::random_target(random, 1);
    target.slot = target.slots;
    CHECK(leader(Assignment{.targets = {target}}));
    target.slot = 0;
    CHECK(!leader(Assignment{.targets = {target}}));
    auto endless = std::make_shared<TargetDescriptor>(*target.descriptor);
    endless->interval = std::chrono::milliseconds(0);
    target.descriptor = endless;
    CHECK(leader(Assignment{.targets = {target}}));
    CHECK(leader(Welcome{.cluster_id = "c", .number = 0, .lease = std::chrono::seconds(1)}));
    CHECK(leader(Lease{.lease = std::chrono::hours(2)}));
    CHECK(leader(Nodes{.nodes = {{.number = 2, .id = "b"}, {.number = 1, .id = "a"}}}));
    CHECK(!decode_node_message(std::string(kSessionMessageBytesMax + 1, 'x')).has_value());
    CHECK(!decode_leader_message("").has_value());
}

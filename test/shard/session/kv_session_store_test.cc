#include "shard/session/kv_session_store.h"

#include <filesystem>
#include <map>

#include <catch2/catch.hpp>

#include "shard/session/codec.h"
#include "test/shard/session/messages.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"
#include "test/support/temp_folder.h"

using namespace shard;
using test::random_target;

namespace {

// A node's store, which is closed and opened again.
class Disk {
  public:
    Disk() { open(); }

    void open() {
        session.reset();
        kv.reset();
        base::KvOptions options;
        options.path = folder / "state";
        options.families = {std::string(kSessionFamily)};
        kv = std::move(base::KvStore::open(options)).value();
        session = std::make_unique<KvSessionStore>(*kv, base::Logger(backend));
    }

    [[nodiscard]] base::KvFamily family() const { return kv->family(kSessionFamily); }

    [[nodiscard]] std::string get(const std::string& key) const {
        return kv->get(family(), key).value().value_or("");
    }

    void put(const std::string& key, const std::string& value) {
        REQUIRE(kv->put(family(), key, value, base::KvSync::kNo));
    }

    test_support::TempFolder folder;
    test_support::CaptureSink sink;
    test_support::FakeClock clock;
    base::LogBackend backend{sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    std::unique_ptr<base::KvStore> kv;
    std::unique_ptr<KvSessionStore> session;
};

std::string key_of(model::TargetId id) {
    std::string key = "t";
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>(id >> shift));
    }
    return key;
}

// Bytes to compare with: of all that a target is.
std::string bytes_of(const AssignedTarget& target) {
    return encode(LeaderMessage(Assignment{.targets = {target}}));
}

std::map<model::TargetId, std::string> bytes_of(const std::vector<AssignedTarget>& targets) {
    std::map<model::TargetId, std::string> all;
    for (const AssignedTarget& target : targets) {
        CHECK(all.emplace(target.id, bytes_of(target)).second);
    }
    return all;
}

const std::vector<KnownNode> kNodes = {
    {.number = 1, .id = "a", .address = "a:10901", .zone = "z1", .voter = true, .live = true},
    {.number = 7, .id = "b", .address = "b:10901"}};

// Of two targets, 1 and 2, of cluster "prod".
void fill(Disk& disk) {
    base::SeededRandom random(1);
    const std::vector<AssignedTarget> targets = {random_target(random, 1),
                                                 random_target(random, 2)};
    REQUIRE(disk.session->save_identity("prod", 7, kNodes));
    REQUIRE(disk.session->save_targets({.term = 3, .epoch = 12}, targets, {}, true));
}

}  // namespace

TEST_CASE("a node that was never in a cluster remembers nothing", "[shard][session][store]") {
    Disk disk;
    const auto loaded = disk.session->load();
    REQUIRE(loaded);
    CHECK(loaded.value().cluster_id.empty());
    CHECK(loaded.value().number == kNoNode);
    CHECK(loaded.value().seen == Order());
    CHECK(loaded.value().nodes.empty());
    CHECK(loaded.value().targets.empty());
}

TEST_CASE("what a session was survives a restart", "[shard][session][store]") {
    Disk disk;
    base::SeededRandom random(4);
    const AssignedTarget first = random_target(random, 1);
    const AssignedTarget second = random_target(random, UINT64_MAX);
    const AssignedTarget third = random_target(random, 0);
    REQUIRE(disk.session->save_identity("prod", 7, kNodes));
    REQUIRE(disk.session->save_targets(
        {.term = 3, .epoch = 12}, std::vector{first, second, third}, {}, true));
    REQUIRE(disk.session->save_targets(
        {.term = 3, .epoch = 13}, {}, std::vector<model::TargetId>{1}, false));
    disk.open();
    const auto loaded = disk.session->load();
    REQUIRE(loaded);
    CHECK(loaded.value().cluster_id == "prod");
    CHECK(loaded.value().number == 7);
    CHECK(loaded.value().seen == Order{.term = 3, .epoch = 13});
    CHECK(loaded.value().nodes == kNodes);
    CHECK(bytes_of(loaded.value().targets) == bytes_of({second, third}));
    CHECK(disk.session->damaged() == 0);
}

TEST_CASE("a node that forgets its session is a new one", "[shard][session][store]") {
    Disk disk;
    fill(disk);
    REQUIRE(disk.session->reset());
    disk.open();
    const auto loaded = disk.session->load();
    REQUIRE(loaded);
    CHECK(loaded.value().cluster_id.empty());
    CHECK(loaded.value().number == kNoNode);
    CHECK(loaded.value().seen == Order());
    CHECK(loaded.value().targets.empty());
    fill(disk);
    CHECK(disk.session->load().value().targets.size() == 2);
}

TEST_CASE("a session's store holds what a map would, over restarts", "[shard][session][store]") {
    const uint64_t seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
    CAPTURE(seed);
    base::SeededRandom random(seed);
    Disk disk;
    std::map<model::TargetId, std::string> model;
    Order seen;
    for (int step = 0; step < 60; ++step) {
        seen = {.term = seen.term + random.below(2), .epoch = seen.epoch + 1};
        std::vector<model::TargetId> removed;
        for (uint64_t i = random.below(6); i > 0; --i) {
            removed.push_back(random.below(40));
            model.erase(removed.back());
        }
        std::vector<AssignedTarget> put;
        for (uint64_t i = random.below(8); i > 0; --i) {
            put.push_back(random_target(random, random.below(40)));
            model[put.back().id] = bytes_of(put.back());
        }
        REQUIRE(disk.session->save_targets(seen, put, removed, random.below(4) == 0));
        if (random.below(8) == 0) {
            disk.open();
        }
        const auto loaded = disk.session->load();
        REQUIRE(loaded);
        REQUIRE(loaded.value().seen == seen);
        REQUIRE(bytes_of(loaded.value().targets) == model);
    }
}

TEST_CASE("a damaged target costs that target, is told and forgotten", "[shard][session][store]") {
    Disk disk;
    fill(disk);
    const std::string whole = disk.get(key_of(1));
    const auto check = [&](std::string damaged) {
        CAPTURE(damaged);
        disk.put(key_of(1), damaged);
        const auto loaded = disk.session->load();
        REQUIRE(loaded);
        REQUIRE(loaded.value().targets.size() == 1);
        CHECK(loaded.value().targets.front().id == 2);
        CHECK(disk.session->damaged() == 1);
        CHECK(disk.sink.contains("cannot be read and are left out"));
        CHECK(disk.get(key_of(1)).empty());
        REQUIRE(disk.session->load());
        CHECK(disk.session->damaged() == 0);
    };
    check("");
    check("abc");
    check(whole.substr(0, 5));
    check(whole.substr(0, whole.size() - 1));
    check(disk.get(key_of(2)));  // another target's
    base::SeededRandom random(9);
    for (int i = 0; i < 50; ++i) {
        std::string changed = whole;
        changed[random.below(changed.size())] ^= static_cast<char>(1 + random.below(255));
        check(std::move(changed));
    }
}

TEST_CASE(
    "a node that cannot read who it is, or what it obeyed, does not start and says what to do",
    "[shard][session][store]") {
    const std::string key = GENERATE("identity", "order");
    CAPTURE(key);
    Disk disk;
    fill(disk);
    const std::string whole = disk.get(key);
    base::SeededRandom random(5);
    for (int i = 0; i < 40; ++i) {
        std::string changed = whole;
        changed[random.below(changed.size())] ^= static_cast<char>(1 + random.below(255));
        disk.put(key, i == 0 ? whole.substr(0, 3) : changed);
        const auto loaded = disk.session->load();
        REQUIRE(!loaded);
        CHECK(loaded.error().code() == base::Code::kCorrupt);
        CHECK_THAT(loaded.error().message(), Catch::Contains("skein cluster reset"));
    }
    disk.put(key, whole);
    CHECK(disk.session->load());
    REQUIRE(disk.session->reset());
    CHECK(disk.session->load());
}

TEST_CASE("targets without the order that gave them stop the start", "[shard][session][store]") {
    Disk disk;
    fill(disk);
    REQUIRE(disk.kv->remove(disk.family(), "order", base::KvSync::kNo));
    const auto loaded = disk.session->load();
    REQUIRE(!loaded);
    CHECK_THAT(loaded.error().message(), Catch::Contains("skein cluster reset"));
}

TEST_CASE("records of the session's store are as documented", "[shard][session][store]") {
    // docs/formats/session.md: an order of term 3 and epoch 12.
    Disk disk;
    fill(disk);
    const std::string order = disk.get("order");
    std::string hex;
    for (const char byte : order) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        hex += kDigits[static_cast<uint8_t>(byte) >> 4];
        hex += kDigits[static_cast<uint8_t>(byte) & 15];
    }
    CHECK(hex == "66b1d133010000000000000003000000000000000c");
    // Of a newer program.
    disk.put("order", "\x00\x00\x00\x00\x02");
    CHECK(!disk.session->load());
}

TEST_CASE("ten thousand targets are kept and loaded in bounded time", "[shard][session][store]") {
    Disk disk;
    base::SeededRandom random(8);
    std::vector<AssignedTarget> targets;
    for (uint64_t id = 0; id < 10'000; ++id) {
        targets.push_back(random_target(random, id));
    }
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(disk.session->save_targets({.term = 1, .epoch = 1}, targets, {}, true));
    disk.open();
    const auto loaded = disk.session->load();
    const auto took = std::chrono::steady_clock::now() - begin;
    REQUIRE(loaded);
    CHECK(loaded.value().targets.size() == targets.size());
    CHECK(took < std::chrono::seconds(30));  // of a slow machine; 0.3 s of a good one
}

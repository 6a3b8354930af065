#include "engine/commands/cluster/reset.h"

#include <catch2/catch.hpp>

#include "base/log.h"
#include "engine/flags.h"
#include "engine/metadata_store.h"
#include "engine/node_state.h"
#include "shard/raft/kv_storage.h"
#include "shard/session/kv_session_store.h"
#include "test/support/temp_folder.h"

namespace {

using engine::NodeState;

std::unique_ptr<NodeState> open_node(const test_support::TempFolder& folder) {
    const engine::CommandLine line("skein", "", engine::server_flags());
    const auto parsed = line.parse({"--storage.tsdb.path=" + folder.path(), "--cluster.node-id=a"});
    base::SeededRandom random(1);
    auto state = NodeState::open(*base::make_posix_files(), parsed.value().values, random);
    REQUIRE(state.has_value());
    return std::move(state).value();
}

// A node that voted in a cluster, with a target.
uint64_t make_member(const test_support::TempFolder& folder) {
    const auto node = open_node(folder);
    base::KvStore& store = node->store();
    shard::KvSessionStore session(store, base::Logger());
    REQUIRE(session.save_identity("the-cluster", 7, {}).has_value());
    shard::AssignedTarget target;
    target.id = 42;
    shard::TargetDescriptor descriptor;
    descriptor.job = "j";
    descriptor.labels = model::Labels{{"instance", "x:1"}, {"job", "j"}};
    descriptor.url = "http://x:1/metrics";
    descriptor.interval = std::chrono::seconds(15);
    descriptor.timeout = std::chrono::seconds(10);
    target.descriptor = std::make_shared<const shard::TargetDescriptor>(std::move(descriptor));
    REQUIRE(session
                .save_targets({.term = 1, .epoch = 2},
                              std::span<const shard::AssignedTarget>(&target, 1),
                              {},
                              true)
                .has_value());
    base::KvBatch batch;
    for (const std::string_view family :
         {shard::raft::kLogFamily, shard::raft::kMetaFamily, shard::raft::kSnapshotFamily}) {
        batch.put(store.family(family), "a", "x");
        batch.put(store.family(family), "b", "x");
    }
    batch.put(store.family(engine::MetadataStore::kFamily), "kept", "x");
    REQUIRE(store.write(batch, base::KvSync::kYes).has_value());
    return node->member();
}

auto open_stopped(const test_support::TempFolder& folder) {
    return engine::open_stopped_state(*base::make_posix_files(), folder.path());
}

size_t keys_of(const base::KvStore& store, std::string_view family) {
    size_t keys = 0;
    const auto status = store.scan(store.family(family), "", [&](auto, auto) {
        ++keys;
        return true;
    });
    REQUIRE(status.has_value());
    return keys;
}

}  // namespace

TEST_CASE("a reset says what a node knows of its cluster", "[engine][cluster][reset]") {
    const test_support::TempFolder folder;
    make_member(folder);
    const auto store = open_stopped(folder).value();
    const auto state = engine::cluster_state(*store).value();
    CHECK(state.node_id == "a");
    CHECK(state.cluster_id == "the-cluster");
    CHECK(state.number == 7);
    CHECK(state.targets == 1);
    CHECK(state.votes);
    CHECK(state.unreadable.empty());
}

TEST_CASE("a reset forgets the cluster, and nothing else", "[engine][cluster][reset]") {
    const test_support::TempFolder folder;
    const uint64_t member = make_member(folder);
    uint64_t drawn = 0;
    {
        const auto store = open_stopped(folder).value();
        base::SeededRandom random(2);
        drawn = engine::forget_cluster(*store, random).value();
        CHECK(drawn != member);
        CHECK(drawn != 0);
        for (const std::string_view family : {shard::raft::kLogFamily,
                                              shard::raft::kMetaFamily,
                                              shard::raft::kSnapshotFamily,
                                              shard::kSessionFamily}) {
            CHECK(keys_of(*store, family) == 0);
        }
        CHECK(keys_of(*store, engine::MetadataStore::kFamily) == 1);
        const auto state = engine::cluster_state(*store).value();
        CHECK(state.node_id == "a");
        CHECK(state.cluster_id.empty());
        CHECK(state.number == shard::kNoNode);
        CHECK(!state.votes);
    }
    const auto node = open_node(folder);
    CHECK(node->node_id() == "a");
    CHECK(node->member() == drawn);
}

TEST_CASE("state that cannot be read is named, and forgotten all the same",
          "[engine][cluster][reset]") {
    const test_support::TempFolder folder;
    make_member(folder);
    const auto store = open_stopped(folder).value();
    base::KvBatch batch;
    batch.put(store->family(shard::kSessionFamily), "identity", "damaged");
    batch.put(store->family("node"), "member", "no");
    REQUIRE(store->write(batch, base::KvSync::kYes).has_value());
    CHECK(!engine::cluster_state(*store).value().unreadable.empty());
    base::SeededRandom random(2);
    CHECK(engine::forget_cluster(*store, random).has_value());
    CHECK(engine::cluster_state(*store).value().unreadable.empty());
    CHECK(engine::stored_member(*store).value() != 0);
}

TEST_CASE("a reset leaves a running node and folders without one alone",
          "[engine][cluster][reset]") {
    const test_support::TempFolder folder;
    const auto absent = open_stopped(folder);
    REQUIRE(absent.has_error());
    CHECK(absent.error().code() == base::Code::kNotFound);
    CHECK_THAT(absent.error().message(), Catch::Contains("--storage.tsdb.path"));
    const auto node = open_node(folder);
    const auto running = open_stopped(folder);
    REQUIRE(running.has_error());
    CHECK(running.error().code() == base::Code::kUnavailable);
    CHECK_THAT(running.error().message(), Catch::Contains("stop that one first"));
}

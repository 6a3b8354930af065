#include "engine/node_state.h"

#include <catch2/catch.hpp>

#include "engine/flags.h"
#include "engine/metadata_store.h"
#include "shard/raft/kv_storage.h"
#include "shard/session/kv_session_store.h"
#include "test/support/temp_folder.h"

namespace {

using engine::NodeState;

base::Result<std::unique_ptr<NodeState>> open(const test_support::TempFolder& folder,
                                              const std::string& node_id,
                                              base::Random& random) {
    std::vector<std::string> words{"--storage.tsdb.path=" + folder.path()};
    if (!node_id.empty()) {
        words.push_back("--cluster.node-id=" + node_id);
    }
    const engine::CommandLine line("skein", "", engine::server_flags());
    const auto parsed = line.parse(words);
    REQUIRE(parsed.has_value());
    return NodeState::open(*base::make_posix_files(), parsed.value().values, random);
}

}  // namespace

TEST_CASE("a node keeps the name of its first start", "[engine][state]") {
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    CHECK(open(folder, "a", random).value()->node_id() == "a");
    CHECK(open(folder, "", random).value()->node_id() == "a");
    const auto other = open(folder, "b", random);
    REQUIRE(other.has_error());
    CHECK(other.error().code() == base::Code::kInvalid);
    CHECK_THAT(other.error().message(), Catch::Contains("--cluster.node-id is \"b\""));
    CHECK_THAT(other.error().message(), Catch::Contains("belongs to node \"a\""));
    CHECK_THAT(other.error().message(), Catch::Contains("another --storage.tsdb.path"));
    const test_support::TempFolder nameless;
    CHECK(open(nameless, "", random).value()->node_id() == engine::host_name());
}

TEST_CASE("a name that nodes cannot tell each other is refused", "[engine][state]") {
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    CHECK(open(folder, std::string(254, 'x'), random).has_error());
    CHECK(open(folder, "a\nb", random).has_error());
    CHECK(open(folder, std::string(253, 'x'), random).has_value());
}

TEST_CASE("a node is the same member as long as it has its disk", "[engine][state]") {
    const test_support::TempFolder folder;
    const test_support::TempFolder lost;
    base::SeededRandom random(1);
    const uint64_t member = open(folder, "a", random).value()->member();
    CHECK(member != 0);
    CHECK(open(folder, "", random).value()->member() == member);
    CHECK(open(lost, "a", random).value()->member() != member);
}

TEST_CASE("a log without the member it is of is not guessed about", "[engine][state]") {
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    {
        const auto state = open(folder, "a", random).value();
        auto& store = state->store();
        base::KvBatch batch;
        batch.remove(store.family("node"), "member");
        batch.put(store.family(shard::raft::kMetaFamily), "format", "x");
        REQUIRE(store.write(batch, base::KvSync::kYes).has_value());
    }
    const auto opened = open(folder, "a", random);
    REQUIRE(opened.has_error());
    CHECK(opened.error().code() == base::Code::kCorrupt);
    CHECK_THAT(opened.error().message(), Catch::Contains("skein cluster reset"));
}

TEST_CASE("every room finds its family in the node's state", "[engine][state]") {
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    const auto state = open(folder, "a", random).value();
    for (const std::string_view family : {engine::MetadataStore::kFamily,
                                          shard::raft::kLogFamily,
                                          shard::raft::kMetaFamily,
                                          shard::raft::kSnapshotFamily,
                                          shard::kSessionFamily}) {
        CAPTURE(family);
        CHECK(state->store().get(state->store().family(family), "k").has_value());
    }
}

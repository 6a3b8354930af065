#include "tsdb/snapshot.h"

#include "test/support/memory_files.h"
#include "test/tsdb/db_fixture.h"

namespace {

using test_support::MemoryFiles;
using tsdb_test::Contents;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'700'006'400'000 / (2 * kHour) * (2 * kHour);

void fill(Node& node) {
    for (int64_t from = kStart; from < kStart + 5 * kHour; from += kHour / 2) {
        for (const char* const id : {"a", "b", "c"}) {
            std::vector<std::pair<int64_t, double>> points;
            for (int64_t t = from; t < from + kHour / 2; t += 30000) {
                points.emplace_back(t, static_cast<double>(t % 1009));
            }
            REQUIRE(node.append(labels_of("snap", id), points));
        }
    }
}

tsdb::TsdbOptions in_snapshot(const std::string& name) {
    tsdb::TsdbOptions options = Node::defaults();
    options.path = "/data/snapshots/" + name;
    return options;
}

}  // namespace

TEST_CASE("a snapshot is a data folder with everything in it", "[tsdb][snapshot]") {
    MemoryFiles files;
    Contents want;
    std::string name;
    {
        Node node(files);
        fill(node);
        REQUIRE(node.db().run_upkeep());
        REQUIRE(node.db().delete_series(kStart, kStart + kHour, {}));
        REQUIRE(node.db().delete_series(kStart + 3 * kHour, kStart + 4 * kHour, {}));
        want = node.contents();
        const auto written = node.db().snapshot(false);
        REQUIRE(written);
        name = written.value();
        // What happens afterwards does not reach it.
        REQUIRE(node.db().delete_series(0, INT64_MAX, {}));
        REQUIRE(node.db().clean_tombstones());
        CHECK(node.contents().empty());
    }
    Node copy(files, in_snapshot(name));
    CHECK(copy.contents() == want);
    CHECK(copy.db().blocks().size() == 2);
}

TEST_CASE("a snapshot without the head has only the blocks", "[tsdb][snapshot]") {
    MemoryFiles files;
    Node node(files);
    fill(node);
    REQUIRE(node.db().run_upkeep());
    const auto name = node.db().snapshot(true);
    REQUIRE(name);
    const auto entries = files.list("/data/snapshots/" + name.value());
    REQUIRE(entries);
    REQUIRE(entries.value().size() == 1);
    CHECK(entries.value()[0].name == node.db().blocks()[0].ulid.text());
}

TEST_CASE("an unfinished snapshot is removed by the next", "[tsdb][snapshot]") {
    MemoryFiles files;
    Node node(files);
    fill(node);
    REQUIRE(files.make_folders("/data/snapshots/x.tmp-for-creation/chunks"));
    const auto name = node.db().snapshot(false);
    REQUIRE(name);
    const auto entries = files.list("/data/snapshots");
    REQUIRE(entries);
    REQUIRE(entries.value().size() == 1);
    CHECK(entries.value()[0].name == name.value());
}

TEST_CASE("a snapshot is named by its time and 64 random bits", "[tsdb][snapshot]") {
    class Fixed final : public base::Random {
      public:
        uint64_t u64() override { return 0xabc; }
    } random;

    CHECK(tsdb::snapshot_name(1'700'000'000'123, random) == "20231114T221320Z-0000000000000abc");
}

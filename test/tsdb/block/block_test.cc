#include "tsdb/block/block.h"

#include <algorithm>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/block/block_reading.h"

namespace {

using block_test::Content;
using block_test::SeriesOfBlock;
using model::Matcher;
using model::MatchType;
using tsdb::block::Block;
using tsdb::block::Tombstones;
using Texts = std::vector<std::string>;

const std::string kFolder = "/data/block";

// 40 series {__name__, job, n} with three chunks each: times 0 … 2000, 10000 … 12000, 20000 …
// 22000.
std::vector<SeriesOfBlock> forty_series() {
    std::vector<SeriesOfBlock> all;
    for (int i = 0; i < 40; ++i) {
        SeriesOfBlock series;
        std::vector<model::LabelView> views;
        const std::string name = "metric_" + std::to_string(i % 4);
        const std::string n = std::to_string(i);
        views.push_back({.name = "__name__", .value = name});
        views.push_back({.name = "n", .value = n});
        if (i % 2 == 0) {
            views.push_back({.name = "job", .value = "api"});
        }
        series.labels = model::Labels::from_unsorted(views);
        for (int64_t chunk = 0; chunk < 3; ++chunk) {
            const int64_t t = chunk * 10000;
            series.chunks.push_back({{t, i}, {t + 1000, i + 0.5}, {t + 2000, -i}});
        }
        all.push_back(std::move(series));
    }
    return all;
}

Content content_of(const std::vector<SeriesOfBlock>& series) {
    Content content;
    for (const auto& entry : series) {
        content[entry.labels] = entry.samples();
    }
    return content;
}

// The block of forty_series() in a disk of its own.
struct Fixture {
    explicit Fixture(const Tombstones& tombstones = {}) {
        block_test::put(files, kFolder, block_test::build(forty_series(), 50), 0, 22001);
        if (!tombstones.empty()) {
            files.put(kFolder + "/tombstones", to_bytes(tombstones));
        }
        auto opened = Block::open(files, kFolder);
        REQUIRE(opened.has_value());
        block = std::move(opened).value();
    }

    [[nodiscard]] std::unique_ptr<model::Querier> querier(int64_t min_t = model::kMinTime,
                                                          int64_t max_t = model::kMaxTime) const {
        return make_querier(block, min_t, max_t, 5);
    }

    [[nodiscard]] std::unique_ptr<model::SeriesSet> select(
        const model::SelectHints& hints = {}, std::span<const Matcher> matchers = {}) const {
        auto set = querier()->select(hints, matchers, {});
        REQUIRE(set.has_value());
        return std::move(set).value();
    }

    // The id of the series with this n.
    [[nodiscard]] uint64_t id_of(const std::string& n) const {
        const auto list = block->index().postings("n", n);
        REQUIRE(list.value().size() == 1);
        return list.value()[0];
    }

    test_support::MemoryFiles files;
    std::shared_ptr<const Block> block;
};

}  // namespace

TEST_CASE("block opens and gives back what was written", "[tsdb][block]") {
    const Fixture fixture;
    CHECK(fixture.block->folder() == kFolder);
    CHECK(fixture.block->meta().min_t == 0);
    CHECK(fixture.block->meta().max_t == 22001);
    CHECK(fixture.block->bytes() > 40 * 3 * 30);
    CHECK(fixture.block->tombstones().empty());
    CHECK(fixture.block->overlaps(22000, 30000));
    CHECK_FALSE(fixture.block->overlaps(22001, 30000));
    CHECK_FALSE(fixture.block->overlaps(-10, 0));
    CHECK(block_test::read_all(*fixture.select()) == content_of(forty_series()));
    CHECK_FALSE(fixture.block->damage().has_value());
}

TEST_CASE("block that lacks a file or has a damaged one names it", "[tsdb][block]") {
    Fixture fixture;
    fixture.block.reset();
    const auto error = [&] {
        const auto opened = Block::open(fixture.files, kFolder);
        REQUIRE_FALSE(opened.has_value());
        return opened.error();
    };
    SECTION("no meta.json") {
        REQUIRE(fixture.files.remove(kFolder + "/meta.json").has_value());
        CHECK(error().code() == base::Code::kNotFound);
        CHECK(error().message().find("meta.json") != std::string::npos);
    }
    SECTION("no index") {
        REQUIRE(fixture.files.remove(kFolder + "/index").has_value());
        CHECK(error().code() == base::Code::kNotFound);
        CHECK(error().message().find(kFolder + "/index") != std::string::npos);
    }
    SECTION("no chunks") {
        REQUIRE(fixture.files.remove_tree(kFolder + "/chunks").has_value());
        CHECK(error().message().find(kFolder + "/chunks") != std::string::npos);
    }
    SECTION("an index that is cut off") {
        fixture.files.tear_tail(kFolder + "/index", 3);
        CHECK(error().code() == base::Code::kCorrupt);
        CHECK(error().message().find(kFolder + "/index") != std::string::npos);
    }
    SECTION("a chunk file that is none") {
        fixture.files.flip_bit(kFolder + "/chunks/000002", 0, 0);
        CHECK(error().code() == base::Code::kCorrupt);
        CHECK(error().message().find("000002") != std::string::npos);
    }
    SECTION("tombstones that are damaged") {
        fixture.files.put(kFolder + "/tombstones", "nonsense");
        CHECK(error().code() == base::Code::kCorrupt);
        CHECK(error().message().find(kFolder + "/tombstones") != std::string::npos);
    }
}

TEST_CASE("block gives chunks where they lie, for as long as a batch is held", "[tsdb][block]") {
    Fixture fixture;
    model::SeriesBatch batch;
    REQUIRE(fixture.select()->next(batch).value());
    const std::weak_ptr<const Block> block = fixture.block;
    fixture.block.reset();
    REQUIRE_FALSE(block.expired());
    REQUIRE(batch.series.size() == 40);
    CHECK(batch.series[0].chunks[0].source == 5);
    CHECK(block_test::samples_of(batch.series[7]).size() == 9);
    const auto lies = block.lock()->index().match({}, {}).value();
    CHECK(batch.series[7].id == lies[7]);
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    REQUIRE(block.lock()->index().series(lies[7], labels, &chunks).has_value());
    CHECK(batch.series[7].chunks[1].bytes.data() ==
          block.lock()->chunk(chunks[1].ref).value().bytes.data());
    batch.clear();
    CHECK(block.expired());
}

TEST_CASE("block querier keeps to the hints", "[tsdb][block]") {
    const Fixture fixture;
    model::SelectHints hints;
    SECTION("times leave chunks out, and series without chunks") {
        hints.min_t = 2001;
        hints.max_t = 10000;
        Content want;
        for (const auto& series : forty_series()) {
            want[series.labels] = series.chunks[1];
        }
        CHECK(block_test::read_all(*fixture.select(hints)) == want);
        hints.max_t = 9999;
        CHECK(block_test::read_all(*fixture.select(hints)).empty());
        hints.skip_chunks = true;
        CHECK(block_test::read_all(*fixture.select(hints)).empty());
        hints.max_t = 10000;
        CHECK(block_test::read_all(*fixture.select(hints)).size() == 40);
    }
    SECTION("the querier's own times count too") {
        const auto querier = fixture.querier(20000, 30000);
        const auto all = block_test::read_all(*querier->select(hints, {}, {}).value());
        REQUIRE(all.size() == 40);
        CHECK(all.begin()->second.size() == 3);
        CHECK(fixture.querier(22001, 30000)->label_names({}, {}, {}).value().empty());
        CHECK(fixture.querier(-5, -1)->label_values("job", {}, {}, {}).value().empty());
    }
    SECTION("only labels") {
        hints.skip_chunks = true;
        for (const auto& [labels, samples] : block_test::read_all(*fixture.select(hints))) {
            CHECK(samples.empty());
        }
    }
    SECTION("limits") {
        hints.limit = 7;
        const auto some = block_test::read_all(*fixture.select(hints));
        CHECK(some.size() == 7);
        CHECK(some.rbegin()->first < std::next(content_of(forty_series()).begin(), 7)->first);
    }
    SECTION("shards") {
        hints.shard_count = 3;
        Content all;
        for (hints.shard_index = 0; hints.shard_index < 3; ++hints.shard_index) {
            for (const auto& [labels, samples] : block_test::read_all(*fixture.select(hints))) {
                CHECK(labels.stable_hash() % 3 == hints.shard_index);
                CHECK(all.emplace(labels, samples).second);
            }
        }
        CHECK(all == content_of(forty_series()));
    }
    SECTION("matchers") {
        const std::vector<Matcher> matchers = {
            Matcher::equal("__name__", "metric_2"),
            Matcher::create(MatchType::kRegex, "n", "1.|2").value()};
        Content want;
        for (const auto& series : forty_series()) {
            if (series.labels.get("__name__") == "metric_2" &&
                (series.labels.get("n") == "2" ||
                 (series.labels.get("n").size() == 2 && series.labels.get("n").starts_with('1')))) {
                want[series.labels] = series.samples();
            }
        }
        REQUIRE(want.size() == 4);
        CHECK(block_test::read_all(*fixture.select(hints, matchers)) == want);
    }
}

TEST_CASE("block querier lists the labels of series that match", "[tsdb][block]") {
    const Fixture fixture;
    const auto querier = fixture.querier();
    CHECK(querier->label_names({}, {}, {}).value() == Texts{"__name__", "job", "n"});
    CHECK(querier->label_names({.limit = 2}, {}, {}).value() == Texts{"__name__", "job"});
    CHECK(querier->label_values("job", {}, {}, {}).value() == Texts{"api"});
    CHECK(querier->label_values("absent", {}, {}, {}).value().empty());
    const std::vector<Matcher> odd = {Matcher::equal("__name__", "metric_1")};
    CHECK(querier->label_names({}, odd, {}).value() == Texts{"__name__", "n"});
    CHECK(querier->label_values("job", {}, odd, {}).value().empty());
    CHECK(querier->label_values("n", {.limit = 3}, odd, {}).value() == Texts{"1", "13", "17"});
    CHECK(querier->label_values("__name__", {}, odd, {}).value() == Texts{"metric_1"});
}

TEST_CASE("block leaves out what was deleted", "[tsdb][block]") {
    Fixture before;
    const Fixture fixture(Tombstones{
        {before.id_of("0"), {{-1000, 50000}}},                        // everything
        {before.id_of("1"), {{10000, 12000}}},                        // one chunk
        {before.id_of("2"), {{500, 1500}, {11000, 11000}}},           // from within two
        {before.id_of("3"), {{0, 999}, {1000, 1500}, {2000, 3000}}},  // a chunk, piece by piece
        {before.id_of("4"), {{5000, 6000}}}});                        // nothing there
    Content want = content_of(forty_series());
    const auto drop = [&](const std::string& n, auto&& deleted) {
        for (auto& [labels, samples] : want) {
            if (labels.get("n") == n) {
                std::erase_if(samples, [&](const auto& sample) { return deleted(sample.first); });
            }
        }
    };
    drop("1", [](int64_t t) { return t >= 10000 && t <= 12000; });
    drop("2", [](int64_t t) { return t == 1000 || t == 11000; });
    drop("3", [](int64_t t) { return t <= 2000; });
    std::erase_if(want, [](const auto& entry) { return entry.first.get("n") == "0"; });
    CHECK(block_test::read_all(*fixture.select()) == want);

    model::SelectHints hints;
    hints.skip_chunks = true;
    CHECK(block_test::read_all(*fixture.select(hints)).size() == 39);

    // Times of chunks that were coded again are those of what is left.
    hints.skip_chunks = false;
    const std::vector<Matcher> third = {Matcher::equal("n", "2")};
    model::SeriesBatch batch;
    REQUIRE(fixture.select(hints, third)->next(batch).value());
    REQUIRE(batch.series.size() == 1);
    REQUIRE(batch.series[0].chunks.size() == 3);
    CHECK(batch.series[0].chunks[1].min_t == 10000);
    CHECK(batch.series[0].chunks[1].max_t == 12000);
    CHECK(batch.series[0].chunks[1].source == 5);
}

TEST_CASE("block reports damage where it is found, and reads the rest", "[tsdb][block]") {
    Fixture fixture;
    model::SeriesBatch batch;
    SECTION("in a chunk") {
        const std::vector<Matcher> one = {Matcher::equal("n", "9")};
        REQUIRE(fixture.select({}, one)->next(batch).value());
        std::vector<model::LabelSymbols> labels;
        std::vector<tsdb::block::ChunkMeta> chunks;
        const auto id = static_cast<tsdb::block::SeriesId>(batch.series[0].id);
        REQUIRE(fixture.block->index().series(id, labels, &chunks).has_value());
        const std::string file =
            kFolder + "/chunks/00000" + std::to_string((chunks[0].ref >> 32) + 1);
        fixture.files.flip_bit(file, (chunks[0].ref & UINT32_MAX) + 5, 3);

        const auto broken = fixture.select({}, one)->next(batch);
        REQUIRE_FALSE(broken.has_value());
        CHECK(broken.error().code() == base::Code::kCorrupt);
        CHECK(broken.error().message().find(file) != std::string::npos);
        CHECK(fixture.block->damage() == broken.error().message());
        const std::vector<Matcher> other = {Matcher::equal("n", "10")};
        CHECK(fixture.select({}, other)->next(batch).value());
    }
    SECTION("in a series of the index") {
        fixture.files.flip_bit(kFolder + "/index", fixture.id_of("9") * 16 + 4, 0);
        const auto broken = fixture.select()->next(batch);
        REQUIRE_FALSE(broken.has_value());
        CHECK(broken.error().message().find(kFolder + "/index") != std::string::npos);
        CHECK(fixture.block->damage() == broken.error().message());
    }
}

TEST_CASE("block whose bytes change anywhere never gives a wrong answer",
          "[tsdb][block][damage][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const Content want = content_of(forty_series());
    Fixture fixture;
    fixture.block.reset();
    for (const std::string name : {"/index", "/chunks/000001", "/chunks/000003"}) {
        const size_t size = fixture.files.content(kFolder + name).size();
        for (size_t i = 0; i < size; i += 1 + random.below(4)) {
            const auto bit = static_cast<unsigned>(random.below(8));
            CAPTURE(name, i, bit);
            fixture.files.flip_bit(kFolder + name, i, bit);
            if (const auto opened = Block::open(fixture.files, kFolder); opened.has_value()) {
                const auto querier =
                    make_querier(opened.value(), model::kMinTime, model::kMaxTime, 1);
                if (const auto set = querier->select({}, {}, {}); set.has_value()) {
                    const auto got = block_test::try_read_all(*set.value());
                    REQUIRE((!got.has_value() || *got == want));
                    CHECK(got.has_value() == !opened.value()->damage().has_value());
                }
            }
            fixture.files.flip_bit(kFolder + name, i, bit);
        }
    }
}

TEST_CASE("block charges the query's budget and says when it is full", "[tsdb][block]") {
    const Fixture fixture;
    model::QueryContext context;
    model::SeriesBatch batch;
    base::Budget small("query.max-memory", 1000);
    context.budget = &small;
    const auto refused = fixture.querier()->select({}, {}, context).value()->next(batch);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code() == base::Code::kLimit);
    base::Budget large("query.max-memory", 1 << 20);
    context.budget = &large;
    {
        const auto set = fixture.querier()->select({}, {}, context);
        REQUIRE(set.value()->next(batch).value());
        CHECK(large.used() > 0);
    }
    CHECK(large.used() == 0);
}

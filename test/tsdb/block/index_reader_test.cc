#include "tsdb/block/index_reader.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"
#include "test/tsdb/block/block_builder.h"
#include "tsdb/block/index_tables.h"

namespace {

using block_test::SeriesOfBlock;
using model::Matcher;
using model::MatchType;
using tsdb::block::IndexReader;
using tsdb::block::PostingsView;
using tsdb::block::SeriesId;

SeriesOfBlock series(model::Labels labels) {
    return {.labels = std::move(labels), .chunks = {{{1000, 1.0}, {2000, 2.0}}}};
}

model::Labels labels_of(const IndexReader& index, SeriesId id) {
    std::vector<model::LabelSymbols> symbols;
    REQUIRE(index.series(id, symbols, nullptr).has_value());
    std::vector<model::LabelView> views;
    for (const auto& label : symbols) {
        views.push_back({.name = index.text(label.name), .value = index.text(label.value)});
    }
    return model::Labels::from_sorted(views);
}

std::vector<SeriesId> ids_of(PostingsView list) {
    std::vector<SeriesId> ids;
    for (size_t i = 0; i < list.size(); ++i) {
        ids.push_back(list[i]);
    }
    return ids;
}

// Series with labels of few and of many values, some of them absent.
std::vector<SeriesOfBlock> random_series(base::Random& random, size_t count) {
    std::set<model::Labels> unique;
    while (unique.size() < count) {
        std::vector<model::LabelView> views;
        const std::string metric = "metric_" + std::to_string(random.below(5));
        const std::string job = random.below(2) == 0 ? "api" : "db";
        const std::string instance = "host-" + std::to_string(random.below(count));
        const std::string zone = std::string(1, static_cast<char>('a' + random.below(4)));
        views.push_back({.name = "__name__", .value = metric});
        views.push_back({.name = "instance", .value = instance});
        if (random.below(3) != 0) {
            views.push_back({.name = "job", .value = job});
        }
        if (random.below(5) == 0) {
            views.push_back({.name = "zone", .value = zone});
        }
        unique.insert(model::Labels::from_unsorted(views));
    }
    std::vector<SeriesOfBlock> all;
    for (const auto& labels : unique) {
        all.push_back(series(labels));
    }
    return all;
}

Matcher random_matcher(base::Random& random) {
    static const std::vector<std::string> names = {
        "__name__", "instance", "job", "zone", "absent", ""};
    static const std::vector<std::string> values = {
        "", "metric_1", "api", "a", "host-7", "nothing"};
    static const std::vector<std::string> patterns = {".*",
                                                      ".+",
                                                      "",
                                                      "a|b",
                                                      "a|",
                                                      "api|db|web",
                                                      "metric_[12]",
                                                      "host-.*",
                                                      "host-1.*",
                                                      "host-(1|2)3?",
                                                      "(?i)API",
                                                      "x.*",
                                                      ".*7",
                                                      "[^a]?"};
    const auto type = static_cast<MatchType>(random.below(4));
    const bool regex = type == MatchType::kRegex || type == MatchType::kNotRegex;
    const auto& from = regex ? patterns : values;
    return Matcher::create(type, names[random.below(names.size())], from[random.below(from.size())])
        .value();
}

}  // namespace

TEST_CASE("index reader gives names, values, postings and series", "[tsdb][block]") {
    const auto version = GENERATE(uint8_t{2}, uint8_t{3});
    const auto files =
        block_test::build({series({{"__name__", "up"}, {"job", "b"}}),
                           series({{"__name__", "up"}, {"job", "a"}}),
                           series({{"__name__", "down"}, {"job", "a"}, {"zone", "x"}})},
                          SIZE_MAX,
                          version);
    const auto opened = IndexReader::open(files.index);
    REQUIRE(opened.has_value());
    const IndexReader& index = *opened.value();
    using Texts = std::vector<std::string_view>;
    CHECK(index.label_names() == Texts{"__name__", "job", "zone"});
    CHECK(index.label_values("__name__").value() == Texts{"down", "up"});
    CHECK(index.label_values("job").value() == Texts{"a", "b"});
    CHECK(index.label_values("absent").value().empty());
    CHECK(index.label_values("").value().empty());
    const auto all = ids_of(index.all_postings().value());
    REQUIRE(all.size() == 3);
    CHECK(std::ranges::is_sorted(all));
    CHECK(labels_of(index, all[0]).to_series_string() == R"(down{job="a", zone="x"})");
    CHECK(labels_of(index, all[1]).to_series_string() == R"(up{job="a"})");
    CHECK(labels_of(index, all[2]).to_series_string() == R"(up{job="b"})");
    CHECK(ids_of(index.postings("job", "a").value()) == std::vector{all[0], all[1]});
    CHECK(index.postings("job", "c").value().empty());
    CHECK(index.postings("nothing", "a").value().empty());

    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    REQUIRE(index.series(all[1], labels, &chunks).has_value());
    REQUIRE(chunks.size() == 1);
    CHECK(chunks[0].min_t == 1000);
    CHECK(chunks[0].max_t == 2000);
}

TEST_CASE("index reader numbers symbols in the order of their texts", "[tsdb][block]") {
    std::vector<SeriesOfBlock> all;
    for (int i = 0; i < 100; ++i) {
        all.push_back(series({{"__name__", "m"}, {"n", std::to_string(i * 7)}}));
    }
    const auto files = block_test::build(all);
    const auto index = IndexReader::open(files.index);
    REQUIRE(index.has_value());
    REQUIRE(index.value()->symbols() == 104);  // "", "__name__", "m", "n" and the values; one twice
    std::string_view before;
    for (uint32_t i = 0; i < index.value()->symbols(); ++i) {
        const std::string_view text = index.value()->text(i);
        CHECK((i == 0 || before < text));
        CHECK(index.value()->find(text) == i);
        before = text;
    }
    CHECK(index.value()->text(104).empty());
    CHECK_FALSE(index.value()->find("absent").has_value());
    CHECK_FALSE(index.value()->find("zzz").has_value());
}

TEST_CASE("index reader refuses other versions and other files", "[tsdb][block]") {
    const auto code_of = [](const std::string& bytes) {
        const auto opened = IndexReader::open(bytes);
        REQUIRE_FALSE(opened.has_value());
        return opened.error().code();
    };
    CHECK(code_of("") == base::Code::kCorrupt);
    CHECK(code_of(std::string(100, '\0')) == base::Code::kCorrupt);
    for (const uint8_t version : {0, 1, 4, 255}) {
        CHECK(code_of(block_test::build({series({{"a", "b"}})}, 1, version).index) ==
              base::Code::kUnsupported);
    }
}

TEST_CASE("index reader knows no series where there is none", "[tsdb][block]") {
    const auto files = block_test::build({series({{"a", "b"}}), series({{"a", "c"}})});
    const auto index = IndexReader::open(files.index);
    const auto all = ids_of(index.value()->all_postings().value());
    std::vector<model::LabelSymbols> labels;
    for (SeriesId id = 0; id < files.index.size() / 16 + 4; ++id) {
        const bool known = std::ranges::find(all, id) != all.end();
        CHECK(index.value()->series(id, labels, nullptr).has_value() == known);
    }
    CHECK_FALSE(index.value()->series(UINT32_MAX, labels, nullptr).has_value());
}

TEST_CASE("matching an index equals matching every series by itself", "[tsdb][block][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (const size_t count : {1, 10, 400, 3000}) {
        const auto files = block_test::build(random_series(random, count));
        const auto opened = IndexReader::open(files.index);
        REQUIRE(opened.has_value());
        const IndexReader& index = *opened.value();
        const auto all = ids_of(index.all_postings().value());
        std::vector<model::Labels> labels;
        for (const SeriesId id : all) {
            labels.push_back(labels_of(index, id));
        }
        REQUIRE(labels.size() == count);
        for (int round = 0; round < 150; ++round) {
            std::vector<Matcher> matchers;
            std::string text;
            for (uint64_t i = random.below(4); i > 0; --i) {
                matchers.push_back(random_matcher(random));
                text += matchers.back().to_string() + " ";
            }
            CAPTURE(count, text);
            std::vector<SeriesId> want;
            std::set<std::string> want_instances;
            for (size_t i = 0; i < all.size(); ++i) {
                if (std::ranges::all_of(matchers, [&](const Matcher& matcher) {
                        return matcher.matches(labels[i].get(matcher.name()));
                    })) {
                    want.push_back(all[i]);
                    want_instances.emplace(labels[i].get("instance"));
                }
            }
            const auto got = index.match(matchers, {});
            REQUIRE(got.has_value());
            REQUIRE(got.value() == want);
            const uint64_t limit = random.below(3) * 5;
            const auto instances = index.label_values_of("instance", want, limit, {});
            REQUIRE(instances.has_value());
            std::vector<std::string_view> expected(want_instances.begin(), want_instances.end());
            if (limit != 0 && expected.size() > limit) {
                expected.resize(limit);
            }
            REQUIRE(instances.value() == expected);
        }
    }
}

TEST_CASE("matching an index stops when the request is canceled", "[tsdb][block]") {
    base::SeededRandom random(1);
    const auto files = block_test::build(random_series(random, 100));
    const auto index = IndexReader::open(files.index);
    std::stop_source stop;
    stop.request_stop();
    model::QueryContext context;
    context.stop = stop.get_token();
    const std::vector<Matcher> matchers = {
        Matcher::create(MatchType::kRegex, "instance", "host-.*").value()};
    const auto got = index.value()->match(matchers, context);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code() == base::Code::kCanceled);
}

TEST_CASE("sets of series are united and cut as sets are", "[tsdb][block][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const auto random_set = [&](size_t count, uint64_t range) {
        std::set<SeriesId> set;
        for (size_t i = 0; i < count; ++i) {
            set.insert(static_cast<SeriesId>(random.below(range)));
        }
        return set;
    };
    for (int round = 0; round < 300; ++round) {
        const uint64_t range = uint64_t{1} << (4 + random.below(29));
        std::vector<std::string> bytes(1 + random.below(6));
        std::set<SeriesId> united;
        for (std::string& list : bytes) {
            const auto set =
                random_set(random.below(2) == 0 ? random.below(8) : random.below(300), range);
            base::ByteWriter out(list);
            for (const SeriesId id : set) {
                out.be32(id);
            }
            united.insert(set.begin(), set.end());
        }
        std::vector<PostingsView> lists;
        for (const std::string& list : bytes) {
            lists.emplace_back(base::ByteView(list));
        }
        CAPTURE(round, range, lists.size());
        REQUIRE(tsdb::block::unite(lists) == tsdb::block::SeriesIds(united.begin(), united.end()));

        auto other = random_set(random.below(500), range);
        if (!united.empty() && random.below(2) == 0) {
            other.insert(*united.begin());
            other.insert(*united.rbegin());
        }
        tsdb::block::SeriesIds common;
        tsdb::block::SeriesIds rest;
        for (const SeriesId id : other) {
            (united.contains(id) ? common : rest).push_back(id);
        }
        tsdb::block::SeriesIds ids(other.begin(), other.end());
        bool any = false;
        for (const PostingsView list : lists) {
            any = any || tsdb::block::intersects(ids, list);
        }
        CHECK(any == !common.empty());
        auto kept = ids;
        tsdb::block::keep_where(kept, lists, true);
        REQUIRE(kept == common);
        tsdb::block::keep_where(ids, lists, false);
        REQUIRE(ids == rest);
    }
}

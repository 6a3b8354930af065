#include "tsdb/querier.h"

#include <algorithm>

#include "test/tsdb/db_fixture.h"

namespace {

using model::Matcher;
using test_support::MemoryFiles;
using tsdb_test::labels_of;
using tsdb_test::Node;

constexpr int64_t kNow = 1'700'000'000'000;

// The series of a select, as texts, in the order they come.
std::vector<std::string> selected(Node& node,
                                  const model::SelectHints& hints,
                                  const std::vector<Matcher>& matchers = {}) {
    auto querier = node.db().querier(model::kMinTime, model::kMaxTime);
    REQUIRE(querier);
    auto set = querier.value()->select(hints, matchers, {});
    REQUIRE(set);
    std::vector<std::string> out;
    model::SeriesBatch batch;
    while (true) {
        const auto more = set.value()->next(batch);
        REQUIRE(more);
        if (!more.value()) {
            return out;
        }
        for (const auto& series : batch.series) {
            CHECK(series.chunks.empty() == hints.skip_chunks);
            out.push_back(Node::text_of(batch, series));
        }
    }
}

std::vector<std::pair<int64_t, double>> line(int64_t from, int count) {
    std::vector<std::pair<int64_t, double>> points;
    for (int i = 0; i < count; ++i) {
        points.emplace_back(from + i * 15000, i * 0.5);
    }
    return points;
}

}  // namespace

TEST_CASE("querier leaves out chunks and series outside the time range", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    REQUIRE(node.append(labels_of("long", "1"), line(kNow, 1000)));
    REQUIRE(node.append(labels_of("late", "1"), line(kNow + 900 * 15000, 10)));
    const auto all = node.contents();
    REQUIRE(all.size() == 2);
    const auto& whole = all.at(labels_of("long", "1").to_series_string());
    CHECK(whole.size() == 1000);

    const auto early = node.contents({.min_t = kNow + 300 * 15000, .max_t = kNow + 310 * 15000});
    REQUIRE(early.size() == 1);
    const auto& part = early.begin()->second;
    CHECK(part.size() < 400);
    CHECK(part.front().first <= kNow + 300 * 15000);
    CHECK(part.back().first >= kNow + 310 * 15000);
    CHECK(std::ranges::search(whole, part).begin() != whole.end());
    CHECK(node.contents({.min_t = 0, .max_t = kNow - 1}).empty());
}

TEST_CASE("querier sorts, limits, shards and skips chunks when asked", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    std::vector<std::string> names;
    for (int i = 0; i < 700; ++i) {
        const auto labels = labels_of("m", std::to_string(i * 7919 % 700));
        REQUIRE(node.append(labels, kNow, 1));
        names.push_back(labels.to_series_string());
    }
    std::ranges::sort(names);
    CHECK(selected(node, {.sorted = true}) == names);
    CHECK(selected(node, {.sorted = true, .skip_chunks = true}) == names);
    auto few = selected(node, {.sorted = true, .limit = 3});
    CHECK(few == std::vector<std::string>(names.begin(), names.begin() + 3));
    std::vector<std::string> sharded;
    for (uint32_t shard = 0; shard < 3; ++shard) {
        const auto part = selected(node, {.shard_index = shard, .shard_count = 3});
        CHECK(part.size() > 100);
        sharded.insert(sharded.end(), part.begin(), part.end());
    }
    std::ranges::sort(sharded);
    CHECK(sharded == names);
}

TEST_CASE("querier lists label names and values", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    REQUIRE(node.append(labels_of("a", "1"), kNow, 1));
    REQUIRE(node.append(labels_of("b", "2"), kNow, 1));
    REQUIRE(node.append(model::Labels{{"__name__", "b"}, {"other", "x"}}, kNow, 1));
    const auto querier = node.db().querier(kNow - 10, kNow + 10);
    REQUIRE(querier);
    auto& q = *querier.value();
    using Texts = std::vector<std::string>;
    const std::vector<Matcher> only_b = {Matcher::equal("__name__", "b")};
    CHECK(q.label_names({}, {}, {}).value() == Texts{"__name__", "id", "instance", "job", "other"});
    CHECK(q.label_names({.limit = 2}, {}, {}).value() == Texts{"__name__", "id"});
    CHECK(q.label_values("id", {}, {}, {}).value() == Texts{"1", "2"});
    CHECK(q.label_values("id", {}, only_b, {}).value() == Texts{"2"});
    CHECK(q.label_values("absent", {}, {}, {}).value().empty());
    CHECK(q.label_values("id", {.limit = 1}, {}, {}).value() == Texts{"1"});
    const std::vector<Matcher> other = {Matcher::equal("other", "x")};
    CHECK(q.label_names({}, other, {}).value() == Texts{"__name__", "other"});
    const auto before = node.db().querier(0, kNow - 1);
    CHECK(before.value()->label_values("id", {}, {}, {}).value().empty());
}

TEST_CASE("querier stops when canceled and when its budget is used up", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    for (int i = 0; i < 300; ++i) {
        REQUIRE(node.append(labels_of("m", std::to_string(i)), kNow, 1));
    }
    const auto querier = node.db().querier(model::kMinTime, model::kMaxTime);
    std::stop_source stop;
    model::QueryContext context;
    context.stop = stop.get_token();
    const auto set = querier.value()->select({}, {}, context);
    REQUIRE(set);
    stop.request_stop();
    model::SeriesBatch batch;
    const auto more = set.value()->next(batch);
    REQUIRE_FALSE(more);
    CHECK(more.error().code() == base::Code::kCanceled);

    base::Budget small("query.max-memory", 1000);
    model::QueryContext poor;
    poor.budget = &small;
    const auto refused = querier.value()->select({}, {}, poor).value()->next(batch);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    CHECK(small.used() == 0);
}

TEST_CASE("a batch keeps its chunks while the head goes on", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    REQUIRE(node.append(labels_of("m", "1"), line(kNow, 200)));
    const auto querier = node.db().querier(model::kMinTime, model::kMaxTime);
    const auto set = querier.value()->select({}, {}, {});
    model::SeriesBatch batch;
    REQUIRE(set.value()->next(batch).value());
    REQUIRE(batch.series.size() == 1);
    const auto before = Node::decode(batch.series[0]);
    REQUIRE(node.append(labels_of("m", "1"), line(kNow + 200 * 15000, 900)));
    CHECK(Node::decode(batch.series[0]) == before);
    CHECK(before.size() == 200);
}

TEST_CASE("series come in the order that passes some labels over, from head and blocks alike",
          "[tsdb][querier]") {
    MemoryFiles files;
    tsdb::TsdbOptions options = Node::defaults();
    options.out_of_order_time_window = std::chrono::hours(3);
    Node node(files, options);
    const std::vector<std::string> wanted = {R"({a="1", r="x", z="1"})",
                                             R"({a="1", r="y", z="1"})",
                                             R"({a="1", z="2"})",
                                             R"({a="2", r="w"})",
                                             R"({a="3", b="1", r="a"})",
                                             R"({b="1"})"};
    const std::vector<model::Labels> series = {{{"a", "1"}, {"r", "x"}, {"z", "1"}},
                                               {{"a", "2"}, {"r", "w"}},
                                               {{"b", "1"}},
                                               {{"a", "1"}, {"z", "2"}},
                                               {{"a", "3"}, {"b", "1"}, {"r", "a"}},
                                               {{"a", "1"}, {"r", "y"}, {"z", "1"}}};
    const model::SelectHints hints{.sorted = true, .order_without = {"none", "r"}};
    for (size_t i = 0; i < series.size(); ++i) {
        REQUIRE(node.append(series[i], line(kNow, 3)));
    }
    CHECK(selected(node, hints) == wanted);
    REQUIRE(node.append(series[0], line(kNow - 3'600'000, 1)));
    CHECK(selected(node, hints) == wanted);
    REQUIRE(node.db().cut_head(kNow + 20'000));
    CHECK(node.db().blocks().size() == 1);
    CHECK(selected(node, hints) == wanted);
}

TEST_CASE("many series stay sorted while others come and go", "[tsdb][querier]") {
    MemoryFiles files;
    Node node(files);
    const auto append = [&](int from, int to, int64_t t) {
        for (int i = from; i < to; ++i) {
            const model::Labels labels{{"__name__", "m" + std::to_string(i % 7)},
                                       {"i", std::to_string(i * 7919 % 10'007)}};
            REQUIRE(node.append(labels, t, 1.0));
        }
    };
    const auto sorted = [&](const std::vector<Matcher>& matchers) {
        auto series = selected(node, {.sorted = true, .skip_chunks = true}, matchers);
        CHECK(std::ranges::is_sorted(series));
        return series.size();
    };
    append(0, 3000, kNow);
    CHECK(sorted({}) == 3000);
    CHECK(sorted({}) == 3000);
    append(3000, 3100, kNow);
    CHECK(sorted({}) == 3100);
    CHECK(sorted({Matcher::equal("__name__", "m3")}) == 443);
    append(3100, 6000, kNow + 1000);
    CHECK(sorted({}) == 6000);
    // Series that end are swept, and their slots given to others.
    REQUIRE(node.db().cut_head(kNow + 500));
    append(6000, 9000, kNow + 2000);
    CHECK(sorted({}) == 9000);
    CHECK(sorted({}) == 9000);
}

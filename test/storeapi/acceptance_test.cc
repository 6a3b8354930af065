// What every store must answer, over gRPC, on both storages.
// source: the acceptance table of the Thanos stores
#include <catch2/catch.hpp>

#include "test/storeapi/fixture.h"

using namespace storeapi_test;

namespace {

constexpr auto kNotEqual = thanos::LabelMatcher::MATCH_NOT_EQUAL;
constexpr auto kRegex = thanos::LabelMatcher::MATCH_REGEX;
constexpr auto kNotRegex = thanos::LabelMatcher::MATCH_NOT_REGEX;
using Texts = std::vector<std::string>;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kFourHoursAgo = kNow - 4 * 3'600'000;

struct Fixture {
    explicit Fixture(bool db) : storage(db ? db_storage() : memory_storage()) {}

    void add(const model::Labels& labels, int64_t t) { storage->add(labels, {{t, 1}}); }

    Texts names(const std::vector<Matched>& matchers = {}, int64_t end = INT64_MAX) {
        return node.label_names(matchers, end).value();
    }

    Texts values(const std::string& label,
                 const std::vector<Matched>& matchers = {},
                 int64_t end = INT64_MAX) {
        return node.label_values(label, matchers, end).value();
    }

    std::unique_ptr<Storage> storage;
    StoreNode node{storage->queryable(), StoreNode::region()};
};

const Texts kNone;

}  // namespace

TEST_CASE("an empty store knows the values of its own labels alone", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    CHECK(store.names() == kNone);
    const auto nameless = store.node.label_values("", {});
    REQUIRE_FALSE(nameless);
    CHECK(nameless.error().code() == base::Code::kInvalid);
    CHECK(nameless.error().message() == "label name parameter cannot be empty");
    CHECK(store.values("foo") == kNone);
    CHECK(store.values("region") == Texts{"eu-west"});
}

TEST_CASE("a store lists the labels of one and of two series", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"foo", "foovalue1"}}, kNow);
    CHECK(store.names() == Texts{"foo", "region"});
    CHECK(store.values("foo") == Texts{"foovalue1"});
    CHECK(store.values("replica") == kNone);
    store.add({{"foo", "foovalue2"}}, kNow);
    CHECK(store.names() == Texts{"foo", "region"});
    CHECK(store.values("foo") == Texts{"foovalue1", "foovalue2"});
}

TEST_CASE("matchers on stored labels and on the store's own narrow names and values",
          "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"foo", "foovalue1"}}, kNow);
    store.add({{"foo", "foovalue2"}}, kNow);
    store.add({{"bar", "barvalue1"}, {"foo", "foovalue1"}}, kNow);
    const Texts all{"bar", "foo", "region"};
    CHECK(store.names() == all);
    CHECK(store.names({}, kFourHoursAgo) == kNone);
    CHECK(store.names({equal("bar", "barvalue1")}) == all);
    CHECK(store.names({equal("foo", "foovalue2")}) == Texts{"foo", "region"});
    CHECK(store.names({equal("bar", "different")}) == kNone);
    CHECK(store.names({equal("region", "eu-west")}) == all);
    CHECK(store.names({equal("region", "different")}) == kNone);
    const Texts foos{"foovalue1", "foovalue2"};
    const Texts bars{"barvalue1"};
    CHECK(store.values("foo") == foos);
    CHECK(store.values("bar") == bars);
    CHECK(store.values("foo", {}, kFourHoursAgo) == kNone);
    CHECK(store.values("bar", {}, kFourHoursAgo) == kNone);
    CHECK(store.values("foo", {equal("bar", "barvalue1")}) == Texts{"foovalue1"});
    CHECK(store.values("foo", {equal("bar", "different")}) == kNone);
    CHECK(store.values("region", {equal("__name__", "nonexistent")}) == kNone);
    CHECK(store.values("region", {equal("region", "eu-east")}) == kNone);
    CHECK(store.values("foo", {equal("region", "eu-west")}) == foos);
    CHECK(store.values("bar", {equal("region", "eu-west")}) == bars);
    CHECK(store.values("foo", {equal("region", "different")}) == kNone);
    CHECK(store.values("bar", {equal("region", "different")}) == kNone);
}

TEST_CASE("a store's own label overrides a series' label of that name", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"foo", "bar"}, {"region", "somewhere"}}, 0);
    auto request = StoreNode::series_request({equal("foo", "bar")});
    request.set_skip_chunks(GENERATE(false, true));
    const auto answer = store.node.series(request).value();
    CHECK(answer.texts == Texts{R"({foo="bar", region="eu-west"})"});
    CHECK(answer.series.front().chunks_size() == (request.skip_chunks() ? 0 : 1));
}

TEST_CASE("values of the store's own labels are shown when a series matches", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"__name__", "up"}, {"foo", "bar"}, {"job", "C"}}, 0);
    store.add({{"__name__", "up"}, {"foo", "baz"}, {"job", "C"}}, 0);
    const Texts west{"eu-west"};
    CHECK(store.values("region", {equal("__name__", "up"), equal("job", "C")}) == west);
    CHECK(store.values("region", {equal("__name__", "up"), {"region", kRegex, ".*"}}) == west);
    CHECK(store.names({{"region", kRegex, ".*"}}) == Texts{"__name__", "foo", "job", "region"});
}

TEST_CASE("values are those of the series that match", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"__name__", "up"}, {"pod", "pod-1"}}, kNow);
    store.add({{"__name__", "up"}, {"pod", "pod-2"}}, kNow);
    store.add({{"__name__", "kube_pod_info"}, {"pod", "pod-1"}}, kNow);
    const Texts names{"__name__", "pod", "region"};
    CHECK(store.names({equal("__name__", "kube_pod_info")}) == names);
    CHECK(store.names() == names);
    CHECK(store.values("pod", {equal("__name__", "kube_pod_info")}) == Texts{"pod-1"});
    CHECK(store.values("pod") == Texts{"pod-1", "pod-2"});
}

TEST_CASE("series match as Prometheus matches them", "[storeapi]") {
    Fixture store(GENERATE(false, true));
    store.add({{"n", "1"}}, 0);
    store.add({{"n", "1"}, {"i", "a"}}, 0);
    store.add({{"n", "1"}, {"i", "b"}}, 0);
    store.add({{"n", "2"}}, 0);
    store.add({{"n", "2.5"}}, 0);
    const std::map<std::string, char> letters = {{R"({i="a", n="1", region="eu-west"})", 'a'},
                                                 {R"({i="b", n="1", region="eu-west"})", 'b'},
                                                 {R"({n="1", region="eu-west"})", '1'},
                                                 {R"({n="2", region="eu-west"})", '2'},
                                                 {R"({n="2.5", region="eu-west"})", 'h'}};
    const std::vector<std::pair<std::vector<Matched>, std::string>> queries = {
        {{equal("n", "1")}, "ab1"},
        {{equal("n", "1"), equal("i", "a")}, "a"},
        {{equal("n", "1"), equal("i", "missing")}, ""},
        {{equal("missing", "")}, "ab12h"},
        {{{"n", kNotEqual, "1"}}, "2h"},
        {{{"i", kRegex, ".+"}}, "ab"},
        {{{"i", kRegex, ".*"}}, "ab12h"},
        {{equal("i", "")}, "12h"},
        {{{"i", kNotEqual, ""}}, "ab"},
        {{{"missing", kNotEqual, ""}}, ""},
        {{equal("n", "1"), {"i", kNotEqual, "a"}}, "b1"},
        {{{"n", kRegex, "^1$"}}, "ab1"},
        {{equal("n", "1"), {"i", kRegex, "^a$"}}, "a"},
        {{equal("n", "1"), {"i", kRegex, "^a?$"}}, "a1"},
        {{{"i", kRegex, "^$"}}, "12h"},
        {{equal("n", "1"), {"i", kRegex, "^$"}}, "1"},
        {{equal("n", "1"), {"i", kRegex, "^.*$"}}, "ab1"},
        {{equal("n", "1"), {"i", kRegex, "^.+$"}}, "ab"},
        {{equal("n", "1"), {"i", kNotRegex, "^a$"}}, "b1"},
        {{equal("n", "1"), {"i", kNotRegex, "^a?$"}}, "b"},
        {{equal("n", "1"), {"i", kNotRegex, "^$"}}, "ab"},
        {{equal("n", "1"), {"i", kNotRegex, "^.*$"}}, ""},
        {{equal("n", "1"), {"i", kNotRegex, "^.+$"}}, "1"},
        {{equal("n", "1"), {"i", kNotEqual, ""}, equal("i", "a")}, "a"},
        {{equal("n", "1"), {"i", kNotEqual, "b"}, {"i", kRegex, "^(b|a).*$"}}, "a"},
        {{{"n", kRegex, "(1|2)"}}, "ab12"},
        {{{"i", kRegex, "a|b"}}, "ab"},
        {{{"i", kRegex, "(a|b)"}}, "ab"},
        {{{"n", kRegex, "x1|2"}}, "2"},
        {{{"n", kRegex, "2|2\\.5"}}, "2h"},
        {{{"i", kRegex, "c||d"}}, "12h"},
        {{{"i", kRegex, "(c||d)"}}, "12h"},
        {{{"n", kNotRegex, "^1$"}}, "2h"},
        {{{"n", kNotRegex, "1"}}, "2h"},
        {{{"n", kNotRegex, "1|2.5"}}, "2"},
        {{{"n", kNotRegex, "(1|2.5)"}}, "2"}};
    REQUIRE(queries.size() == 36);
    for (const auto& [matchers, wanted] : queries) {
        CAPTURE(matchers.front().name, matchers.front().value, wanted);
        const auto answer = store.node.series(StoreNode::series_request(matchers)).value();
        std::string got;
        for (const std::string& text : answer.texts) {
            got += letters.at(text);
        }
        CHECK(got == wanted);
        for (const thanos::Series& series : answer.series) {
            CHECK(series.chunks_size() == 1);
        }
    }
}

TEST_CASE("a long series comes whole, in chunks of 120 samples", "[storeapi]") {
    constexpr int kSamples = 2 * 65535 + 5;
    constexpr int64_t kFrom = (kNow - int64_t{48} * 3'600'000) / 1000 * 1000;
    const auto storage = memory_storage();
    Points points;
    for (int i = 0; i < kSamples; ++i) {
        points.emplace_back(kFrom + i, 1);
    }
    storage->add({{"a", "b"}}, points);
    StoreNode node(storage->queryable(), StoreNode::region());
    auto request = StoreNode::series_request({equal("a", "b"), equal("region", "eu-west")});
    request.set_min_time(kFrom);
    request.set_max_time(kFrom + kSamples);
    const auto answer = node.series(request).value();
    REQUIRE(answer.frame_series == std::vector<size_t>{1});
    CHECK(answer.texts == Texts{R"({a="b", region="eu-west"})"});
    const thanos::Series& series = answer.series.front();
    REQUIRE(series.chunks_size() == 1093);
    for (int i = 0; i < series.chunks_size(); ++i) {
        const auto view = view_of(series.chunks(i));
        CHECK(series.chunks(i).raw().type() == thanos::Chunk::ENCODING_XOR);
        CHECK(model::sample_count(view.encoding, view.bytes) == (i < 1092 ? 120 : 35));
    }
}

TEST_CASE("a long series of a database comes whole", "[storeapi]") {
    constexpr int kSamples = 2 * 65535 + 5;
    const auto storage = db_storage();
    Points points;
    for (int i = 0; i < kSamples; ++i) {
        points.emplace_back(kNow + i, 1);
    }
    storage->add({{"a", "b"}}, points);
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto answer =
        node.series(StoreNode::series_request({equal("a", "b"), equal("region", "eu-west")}))
            .value();
    REQUIRE(answer.frame_series == std::vector<size_t>{1});
    const auto samples = samples_of(answer.series.front());
    REQUIRE(samples.size() == kSamples);
    for (int i = 0; i < kSamples; ++i) {
        REQUIRE(samples[static_cast<size_t>(i)].t == kNow + i);
    }
}

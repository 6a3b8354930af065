// What every store must answer: a node, over gRPC, on both storages, and peers over two nodes.
// source: the acceptance table of the Thanos stores
#include <array>
#include <memory>

#include <catch2/catch.hpp>

#include "test/storeapi/fixture.h"
#include "test/storeapi/peers_fixture.h"

using namespace storeapi_test;

namespace {

constexpr auto kNotEqual = thanos::LabelMatcher::MATCH_NOT_EQUAL;
constexpr auto kRegex = thanos::LabelMatcher::MATCH_REGEX;
constexpr auto kNotRegex = thanos::LabelMatcher::MATCH_NOT_REGEX;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kFourHoursAgo = kNow - 4 * 3'600'000;

// A store that is asked.
class Asked {
  public:
    struct Entry {
        std::string text;
        std::vector<model::ChunkView> chunks;
    };

    struct Answer {
        std::vector<Entry> series;
        Texts warnings;
        std::shared_ptr<const void> kept;  // what the chunks point to
    };

    virtual ~Asked() = default;
    virtual void add(const model::Labels& labels, const Points& points) = 0;
    virtual base::Result<Texts> names(const std::vector<Matched>& matchers, int64_t end) = 0;
    virtual base::Result<Texts> values(const std::string& label,
                                       const std::vector<Matched>& matchers,
                                       int64_t end) = 0;
    virtual base::Result<Answer> series(const std::vector<Matched>& matchers,
                                        bool skip_chunks,
                                        int64_t min_t,
                                        int64_t max_t) = 0;
};

// A node, by a client that reads messages as they come.
class AskedNode final : public Asked {
  public:
    explicit AskedNode(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}

    void add(const model::Labels& labels, const Points& points) override {
        storage_->add(labels, points);
    }

    base::Result<Texts> names(const std::vector<Matched>& matchers, int64_t end) override {
        return node_.label_names(matchers, end);
    }

    base::Result<Texts> values(const std::string& label,
                               const std::vector<Matched>& matchers,
                               int64_t end) override {
        return node_.label_values(label, matchers, end);
    }

    base::Result<Answer> series(const std::vector<Matched>& matchers,
                                bool skip_chunks,
                                int64_t min_t,
                                int64_t max_t) override {
        auto request = StoreNode::series_request(matchers);
        request.set_skip_chunks(skip_chunks);
        request.set_min_time(min_t);
        request.set_max_time(max_t);
        TRY(auto read, node_.series(request));
        const auto kept = std::make_shared<const SeriesAnswer>(std::move(read));
        Answer answer{.series = {}, .warnings = kept->warnings, .kept = kept};
        for (size_t i = 0; i < kept->series.size(); ++i) {
            Entry& entry = answer.series.emplace_back(Entry{.text = kept->texts[i], .chunks = {}});
            for (const thanos::AggrChunk& chunk : kept->series[i].chunks()) {
                entry.chunks.push_back(view_of(chunk));
            }
        }
        return answer;
    }

  private:
    const std::unique_ptr<Storage> storage_;
    StoreNode node_{storage_->queryable(), StoreNode::region()};
};

// Peers over two nodes that hold the same, r1 and r2, without their replica labels.
class AskedPeers final : public Asked {
  public:
    explicit AskedPeers(bool db)
        : storages_{db ? db_storage() : memory_storage(), db ? db_storage() : memory_storage()} {
        bed_.ask_stores({nodes_[0].address(), nodes_[1].address()});
    }

    void add(const model::Labels& labels, const Points& points) override {
        for (const auto& storage : storages_) {
            storage->add(labels, points);
        }
    }

    base::Result<Texts> names(const std::vector<Matched>& matchers, int64_t end) override {
        auto names = bed_.names(matchers, kScope, end);
        CHECK(bed_.warnings().empty());
        return names;
    }

    base::Result<Texts> values(const std::string& label,
                               const std::vector<Matched>& matchers,
                               int64_t end) override {
        auto values = bed_.values(label, matchers, kScope, end);
        CHECK(bed_.warnings().empty());
        return values;
    }

    base::Result<Answer> series(const std::vector<Matched>& matchers,
                                bool skip_chunks,
                                int64_t min_t,
                                int64_t max_t) override {
        const auto queryable = bed_.peers().queryable(kScope);
        TRY(const auto querier, queryable->querier(min_t, max_t));
        const auto wanted = matchers_of(matchers);
        const model::SelectHints hints{.min_t = min_t, .max_t = max_t, .skip_chunks = skip_chunks};
        TRY(const auto set, querier->select(hints, wanted, bed_.context));
        const auto kept = std::make_shared<std::vector<std::unique_ptr<model::SeriesBatch>>>();
        Answer answer{.series = {}, .warnings = {}, .kept = kept};
        while (true) {
            model::SeriesBatch& batch = *kept->emplace_back(std::make_unique<model::SeriesBatch>());
            TRY(const bool more, set->next(batch));
            if (!more) {
                break;
            }
            for (const model::SeriesView& series : batch.series) {
                answer.series.push_back({.text = text_of(batch, series),
                                         .chunks = {series.chunks.begin(), series.chunks.end()}});
            }
        }
        answer.warnings = set->warnings();
        return answer;
    }

  private:
    inline static const model::QueryScope kScope{.replica_labels = {"replica"}};

    static model::Labels labels(std::string_view replica) {
        return {{"region", "eu-west"}, {"replica", replica}};
    }

    const std::array<std::unique_ptr<Storage>, 2> storages_;
    std::array<StoreNode, 2> nodes_{StoreNode(storages_[0]->queryable(), labels("r1")),
                                    StoreNode(storages_[1]->queryable(), labels("r2"))};
    PeersBed bed_;
};

enum class Kind : uint8_t { kNodeInMemory, kNodeWithDb, kPeersInMemory, kPeersWithDb };

std::unique_ptr<Asked> make(Kind kind) {
    switch (kind) {
        case Kind::kNodeInMemory:
            return std::make_unique<AskedNode>(memory_storage());
        case Kind::kNodeWithDb:
            return std::make_unique<AskedNode>(db_storage());
        case Kind::kPeersInMemory:
            return std::make_unique<AskedPeers>(false);
        case Kind::kPeersWithDb:
            return std::make_unique<AskedPeers>(true);
    }
    return nullptr;
}

#define EVERY_KIND \
    GENERATE(Kind::kNodeInMemory, Kind::kNodeWithDb, Kind::kPeersInMemory, Kind::kPeersWithDb)

struct Fixture {
    explicit Fixture(Kind kind) : asked(make(kind)) {}

    void add(const model::Labels& labels, int64_t t) { asked->add(labels, {{t, 1}}); }

    Texts names(const std::vector<Matched>& matchers = {}, int64_t end = INT64_MAX) {
        return asked->names(matchers, end).value();
    }

    Texts values(const std::string& label,
                 const std::vector<Matched>& matchers = {},
                 int64_t end = INT64_MAX) {
        return asked->values(label, matchers, end).value();
    }

    Asked::Answer series(const std::vector<Matched>& matchers,
                         bool skip_chunks = false,
                         int64_t min_t = INT64_MIN,
                         int64_t max_t = INT64_MAX) {
        auto answer = asked->series(matchers, skip_chunks, min_t, max_t).value();
        CHECK(answer.warnings.empty());
        return answer;
    }

    std::unique_ptr<Asked> asked;
};

const Texts kNone;

}  // namespace

TEST_CASE("an empty store knows the values of its own labels alone", "[storeapi]") {
    Fixture store(EVERY_KIND);
    CHECK(store.names() == kNone);
    const auto nameless = store.asked->values("", {}, INT64_MAX);
    REQUIRE_FALSE(nameless);
    CHECK(nameless.error().code() == base::Code::kInvalid);
    CHECK(nameless.error().message() == "label name parameter cannot be empty");
    CHECK(store.values("foo") == kNone);
    CHECK(store.values("region") == Texts{"eu-west"});
}

TEST_CASE("a store lists the labels of one and of two series", "[storeapi]") {
    Fixture store(EVERY_KIND);
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
    Fixture store(EVERY_KIND);
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
    Fixture store(EVERY_KIND);
    store.add({{"foo", "bar"}, {"region", "somewhere"}}, 0);
    const bool skip_chunks = GENERATE(false, true);
    const auto answer = store.series({equal("foo", "bar")}, skip_chunks);
    REQUIRE(answer.series.size() == 1);
    CHECK(answer.series.front().text == R"({foo="bar", region="eu-west"})");
    CHECK(answer.series.front().chunks.size() == (skip_chunks ? 0 : 1));
}

TEST_CASE("values of the store's own labels are shown when a series matches", "[storeapi]") {
    Fixture store(EVERY_KIND);
    store.add({{"__name__", "up"}, {"foo", "bar"}, {"job", "C"}}, 0);
    store.add({{"__name__", "up"}, {"foo", "baz"}, {"job", "C"}}, 0);
    const Texts west{"eu-west"};
    CHECK(store.values("region", {equal("__name__", "up"), equal("job", "C")}) == west);
    CHECK(store.values("region", {equal("__name__", "up"), {"region", kRegex, ".*"}}) == west);
    CHECK(store.names({{"region", kRegex, ".*"}}) == Texts{"__name__", "foo", "job", "region"});
}

TEST_CASE("values are those of the series that match", "[storeapi]") {
    Fixture store(EVERY_KIND);
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
    Fixture store(EVERY_KIND);
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
        std::string got;
        for (const Asked::Entry& series : store.series(matchers).series) {
            got += letters.at(series.text);
            CHECK(series.chunks.size() == 1);
        }
        CHECK(got == wanted);
    }
}

TEST_CASE("a long series comes whole, in chunks of 120 samples", "[storeapi]") {
    constexpr int kSamples = 2 * 65535 + 5;
    constexpr int64_t kFrom = (kNow - int64_t{48} * 3'600'000) / 1000 * 1000;
    Fixture store(GENERATE(Kind::kNodeInMemory, Kind::kPeersInMemory));
    Points points;
    for (int i = 0; i < kSamples; ++i) {
        points.emplace_back(kFrom + i, 1);
    }
    store.asked->add({{"a", "b"}}, points);
    const auto answer =
        store.series({equal("a", "b"), equal("region", "eu-west")}, false, kFrom, kFrom + kSamples);
    REQUIRE(answer.series.size() == 1);
    CHECK(answer.series.front().text == R"({a="b", region="eu-west"})");
    const auto& chunks = answer.series.front().chunks;
    REQUIRE(chunks.size() == 1093);
    for (size_t i = 0; i < chunks.size(); ++i) {
        CHECK(chunks[i].encoding == model::Encoding::kXor);
        CHECK(model::sample_count(chunks[i].encoding, chunks[i].bytes) == (i < 1092 ? 120 : 35));
    }
}

TEST_CASE("a long series comes in one frame", "[storeapi]") {
    const auto storage = memory_storage();
    Points points;
    for (int i = 0; i < 2 * 65535 + 5; ++i) {
        points.emplace_back(kNow + i, 1);
    }
    storage->add({{"a", "b"}}, points);
    StoreNode node(storage->queryable(), StoreNode::region());
    const auto answer = node.series(StoreNode::series_request({equal("a", "b")})).value();
    CHECK(answer.frame_series == std::vector<size_t>{1});
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

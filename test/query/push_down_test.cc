// Aggregations worked out in parts give what one storage with all series gives.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/labels.h"
#include "query/engine.h"
#include "query/testing/script_engine.h"
#include "test/query/answers.h"
#include "test/query/fake_cluster.h"

namespace {

using model::ChunkSample;
using model::Labels;
using test_query::FakeCluster;
using test_query::Mood;

constexpr int64_t kStart = 600'000;
constexpr int64_t kEnd = 900'000;
constexpr int64_t kStep = 30'000;

Labels series(std::string_view name, std::string_view x, std::string_view y) {
    return Labels{{"__name__", name}, {"x", x}, {"y", y}};
}

// A counter from zero, a sample per 15 s; `salt` makes it another one.
std::vector<ChunkSample> counter(double salt, int64_t from = 0, int64_t until = kEnd) {
    std::vector<ChunkSample> samples;
    double value = 0;
    for (int64_t t = 0; t <= until; t += 15'000) {
        value += 1 + std::fmod(static_cast<double>(t / 15'000) * salt, 7.3);
        if (t >= from) {
            samples.push_back({t, 0, value, nullptr});
        }
    }
    return samples;
}

// One engine over the holders, one over all their series in one place.
class Pair {
  public:
    explicit Pair(size_t holders, query::Options options = {})
        : cluster(holders),
          together(options, cluster, clock_, budget_),
          alone(options, cluster.everything(), clock_, budget_) {}

    // Both answers are the same; returns the one in parts.
    query::QueryResult same(const std::string& text, bool range) {
        CAPTURE(text, range);
        cluster.forget();
        auto want = range ? alone.range(text, kStart, kEnd, kStep) : alone.instant(text, kEnd);
        auto got = range ? together.range(text, kStart, kEnd, kStep) : together.instant(text, kEnd);
        INFO((want ? "" : want.error().message()));
        INFO((got ? "" : got.error().message()));
        REQUIRE(want.has_value());
        REQUIRE(got.has_value());
        compare(want.value(), got.value());
        return std::move(got).value();
    }

    FakeCluster cluster;

  private:
    base::SystemClock clock_;
    base::Budget budget_{"test"};

    static void compare(const query::QueryResult& want, const query::QueryResult& got) {
        const auto wanted = test_query::points_of(want.value);
        const auto points = test_query::points_of(got.value);
        CHECK(points.size() == wanted.size());
        for (const auto& [key, value] : wanted) {
            CAPTURE(key.first, key.second, value);
            const auto found = points.find(key);
            REQUIRE(found != points.end());
            CAPTURE(found->second);
            CHECK(test_query::close(found->second, value, 1e-12));
        }
        CHECK(got.warnings == want.warnings);
        CHECK(got.infos == want.infos);
    }

  public:
    query::Engine together;
    query::Engine alone;
};

// Three holders with series of their own.
void fill_apart(FakeCluster& cluster) {
    int n = 0;
    for (const char* name : {"a_total", "b"}) {
        for (const char* x : {"1", "2", "3"}) {
            for (const char* y : {"p", "q"}) {
                cluster.add(static_cast<size_t>(n) % cluster.holders(),
                            series(name, x, y),
                            counter(1.1 + 0.37 * n));
                ++n;
            }
        }
    }
}

bool pushed(const FakeCluster& cluster) {
    return cluster.seen().asked > 0 && cluster.seen().selects == 0;
}

}  // namespace

TEST_CASE("every aggregation that has parts is worked out where the series lie", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    const std::string op = GENERATE("sum",
                                    "avg",
                                    "min",
                                    "max",
                                    "count",
                                    "group",
                                    "stddev",
                                    "stdvar",
                                    "topk",
                                    "bottomk",
                                    "count_values");
    const std::string param =
        op == "topk" || op == "bottomk" ? "2, " : (op == "count_values" ? "\"v\", " : "");
    const bool range = GENERATE(false, true);
    for (const char* grouping :
         {"", " by (x)", " without (x)", " by (none)", " by (__name__, y)"}) {
        for (const char* input : {"a_total",
                                  "b offset 1m",
                                  "a_total @ 700",
                                  "rate(a_total[2m])",
                                  "-b",
                                  "clamp_max(b, 1e9) * 2 + 1",
                                  "max_over_time(a_total[1m] offset -30s) > 30",
                                  "quantile_over_time(0.5, b[3m])",
                                  "{x=\"1\"}"}) {
            pair.same(op + grouping + "(" + param + input + ")", range);
            CHECK(pushed(pair.cluster));
            CHECK(pair.cluster.seen().asked == 1);
            CHECK(pair.cluster.seen().shared == 0);
        }
    }
}

TEST_CASE("aggregations within other expressions are worked out in parts", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    const bool range = GENERATE(false, true);
    const auto check = [&](const std::string& text, int asked) {
        pair.same(text, range);
        CAPTURE(text);
        CHECK(pushed(pair.cluster));
        CHECK(pair.cluster.seen().asked == asked);
    };
    check("sum by (x) (rate(a_total[1m])) / count by (x) (b)", 2);
    check("max_over_time(sum(b)[5m:45s])", 1);
    check("max_over_time(sum(rate(a_total[2m] offset 30s))[5m:45s] offset 1m)", 1);
    check("avg_over_time(sum(b @ 650)[5m:1m] @ 800)", 1);
    check("sum by (x) (timestamp(b))", 1);
    check("max(time() - timestamp(b))", 1);
    check("sum(b * pi() + (1 + 2))", 1);
    check("topk(2, sum by (x, y) (b))", 1);
    check("  \n sum (b) by\n(x) > 5", 1);
    check("sum(predict_linear(b[3m], 60))", 1);
    check("sum(a_total) / sum(a_total)", 1);
}

TEST_CASE("what has no parts is selected", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    const bool range = GENERATE(false, true);
    for (const char* text : {"a_total",
                             "sum(a_total + on (x, y) b)",
                             "quantile(0.5, b)",
                             "sum(label_replace(b, \"z\", \"$1\", \"x\", \"(.*)\"))",
                             "count(absent_over_time(none[1m]))",
                             "sum(b * scalar(b{x=\"1\",y=\"p\"}))",
                             "sum(max_over_time(b[3m:1m]))",
                             "topk(scalar(b{x=\"1\",y=\"p\"}), b)",
                             "sum(b or a_total)",
                             "sum(sort(b))"}) {
        pair.same(text, range);
        CAPTURE(text);
        CHECK(pair.cluster.seen().asked == 0);
        CHECK(pair.cluster.seen().selects > 0);
    }
}

TEST_CASE("times of the query are only pushed with the query's own times", "[query][push]") {
    query::Options options;
    options.extended_range_selectors = true;
    options.experimental_functions = true;
    Pair pair(3, options);
    fill_apart(pair.cluster);
    const auto check = [&](const std::string& text, bool want) {
        pair.same(text, true);
        CAPTURE(text);
        CHECK(pushed(pair.cluster) == want);
    };
    check("sum(b + end())", true);
    check("sum(rate(a_total[step() * 3]))", true);
    check("sum(b offset (range() / 5))", true);
    check("sum(rate(a_total[2m] smoothed))", true);
    check("sum(b @ start())", false);
    check("max_over_time(sum(rate(a_total[step() * 3]))[3m:40s])", false);
    check("max_over_time(sum(b * step())[3m:40s])", false);
}

TEST_CASE("series that differ in their names only are an error in parts too", "[query][push]") {
    Pair pair(2);
    pair.cluster.add(0, series("a_total", "1", "p"), counter(1.2));
    pair.cluster.add(1, series("b_total", "1", "p"), counter(1.7));
    const auto want = pair.alone.instant("sum(rate({x=\"1\"}[1m]))", kEnd);
    const auto got = pair.together.instant("sum(rate({x=\"1\"}[1m]))", kEnd);
    REQUIRE_FALSE(want.has_value());
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().message() == want.error().message());
    // Names that stay keep the series apart.
    pair.same("sum({x=\"1\"})", false);
    CHECK(pushed(pair.cluster));
    pair.same("sum(last_over_time({x=\"1\"}[1m]))", false);
    CHECK(pushed(pair.cluster));
}

TEST_CASE("series that several hold count once", "[query][push]") {
    Pair pair(4);
    fill_apart(pair.cluster);
    // The same samples on two and on three, and one that moved from one to another.
    for (const size_t holder : {0, 2}) {
        pair.cluster.add(holder, series("b", "7", "p"), counter(2.2));
    }
    for (const size_t holder : {1, 2, 3}) {
        pair.cluster.add(holder, series("b", "8", "q"), counter(2.9));
    }
    pair.cluster.add(1, series("b", "9", "q"), counter(3.3, 0, 700'000));
    pair.cluster.add(3, series("b", "9", "q"), counter(3.3, 700'001));
    for (const char* text : {"sum(b)",
                             "avg by (y) (rate(b[2m]))",
                             "stddev without (x) (b)",
                             "topk by (y) (2, rate(b[5m]))",
                             "count_values(\"v\", floor(b / 100))",
                             "count by (x) (b)"}) {
        CAPTURE(text);
        pair.same(text, true);
        CHECK(pushed(pair.cluster));
        CHECK(pair.cluster.seen().asked == 2);
        CHECK(pair.cluster.seen().shared == 1);
        REQUIRE(pair.cluster.seen().fragments.size() == 2);
        CHECK(pair.cluster.seen().fragments[1].without.size() == 3);
    }
}

TEST_CASE("where nearly everything is held twice the series are selected", "[query][push]") {
    Pair pair(2);
    for (const char* x : {"1", "2", "3"}) {
        pair.cluster.add(0, series("b", x, "p"), counter(1.5));
        pair.cluster.add(1, series("b", x, "p"), counter(1.5));
    }
    pair.cluster.add(1, series("b", "4", "p"), counter(1.9));
    pair.same("sum(b)", true);
    CHECK(pair.cluster.seen().asked == 1);
    CHECK(pair.cluster.seen().selects == 1);
}

TEST_CASE("series that come up between two rounds count once", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    pair.cluster.add(0, series("b", "7", "p"), counter(2.2));
    pair.cluster.add(1, series("b", "7", "p"), counter(2.2));
    SECTION("once") {
        pair.cluster.before_answers([&](int round) {
            if (round == 2) {
                pair.cluster.add(1, series("b", "8", "p"), counter(2.6));
                pair.cluster.add(2, series("b", "8", "p"), counter(2.6));
            }
        });
        const auto got = pair.together.range("sum by (x) (b)", kStart, kEnd, kStep);
        REQUIRE(got.has_value());
        CHECK(pair.cluster.seen().asked == 3);
        CHECK(pushed(pair.cluster));
        const auto want = pair.alone.range("sum by (x) (b)", kStart, kEnd, kStep);
        const auto wanted = test_query::points_of(want.value().value);
        CHECK(test_query::points_of(got.value().value).size() == wanted.size());
        CHECK(test_query::points_of(got.value().value) == wanted);
    }
    SECTION("in every round: selected") {
        int more = 20;
        pair.cluster.before_answers([&](int) {
            const std::string x = std::to_string(++more);
            pair.cluster.add(1, series("b", x, "p"), counter(2.6));
            pair.cluster.add(2, series("b", x, "p"), counter(2.6));
        });
        const auto got = pair.together.range("sum by (x) (b)", kStart, kEnd, kStep);
        REQUIRE(got.has_value());
        CHECK(pair.cluster.seen().asked == 3);
        CHECK(pair.cluster.seen().selects == 1);
    }
}

TEST_CASE("histograms are selected, not pushed", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 3;
    histogram->sum = 7;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {3};
    std::vector<ChunkSample> samples;
    for (int64_t t = 0; t <= kEnd; t += 15'000) {
        samples.push_back({t, 0, 0, histogram});
    }
    const size_t holder = GENERATE(0, 2);
    pair.cluster.add(holder, series("b", "7", "p"), samples);
    for (const char* op : {"sum", "avg", "min", "count", "stddev"}) {
        const auto got = pair.same(std::string(op) + " by (x) (b)", true);
        CHECK(pair.cluster.seen().selects == 1);
        if (std::string(op) == "sum") {
            const auto& matrix = std::get<query::MatrixValue>(got.value);
            CHECK(std::ranges::any_of(matrix, [](const auto& s) { return !s.histograms.empty(); }));
        }
    }
    pair.same("topk(2, b)", false);
    CHECK(pair.cluster.seen().selects == 1);
    // Functions of floats leave them out before they are added up.
    pair.same("sum(abs(b))", true);
    CHECK(pushed(pair.cluster));
}

TEST_CASE("a holder that does not answer is a warning or an error", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    pair.cluster.set_mood(1, Mood::kFails);
    const auto failed = pair.together.instant("sum(b)", kEnd);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code() == base::Code::kUnavailable);
    pair.cluster.set_mood(1, Mood::kMissing);
    const auto partial = pair.together.instant("sum by (x, y) (b)", kEnd);
    REQUIRE(partial.has_value());
    CHECK(partial.value().warnings == std::vector<std::string>{"holder 1 is away"});
    CHECK(std::get<query::VectorValue>(partial.value().value).size() == 4);
    pair.cluster.set_mood(1, Mood::kBroken);
    const auto broken = pair.together.instant("sum(b)", kEnd);
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code() == base::Code::kCorrupt);
}

TEST_CASE("what holders of other versions hold is selected", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    pair.cluster.set_mood(2, GENERATE(Mood::kOlder, Mood::kStrange));
    pair.same("sum by (x) (b)", true);
    CHECK(pair.cluster.seen().asked == 1);
    CHECK(pair.cluster.seen().selects == 1);
}

TEST_CASE("nothing is pushed where it is not worth it or flags are in the way", "[query][push]") {
    query::Options options;
    SECTION("nobody else may have any") {}
    SECTION("delayed name removal") {
        options.delayed_name_removal = true;
    }
    SECTION("start timestamps") {
        options.use_start_timestamps = true;
    }
    Pair pair(3, options);
    fill_apart(pair.cluster);
    pair.cluster.set_possible(options.delayed_name_removal || options.use_start_timestamps);
    pair.same("sum by (__name__) (rate(a_total[1m]))", true);
    CHECK(pair.cluster.seen().asked == 0);
    CHECK(pair.cluster.seen().selects == 1);
}

TEST_CASE("annotations of parts stand where the query says", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    const auto got = pair.same("1 +\n  sum by (x) (\n rate(b[1m]))", false);
    CHECK(pushed(pair.cluster));
    REQUIRE(got.infos.size() == 1);
    CHECK(got.infos[0].ends_with("\"b\" (3:7)"));
    // One that the asking node alone, and one that it alone does not see.
    Pair here(2);
    here.cluster.add(0, series("b", "1", "p"), counter(1.2));
    CHECK(here.same("0 + sum(rate(b[1m]))", false).infos.size() == 1);
    Pair there(2);
    there.cluster.add(1, series("b", "1", "p"), counter(1.2));
    CHECK(there.same("0 + sum(rate(b[1m]))", false).infos.size() == 1);
}

TEST_CASE("what parts cost is the query's cost", "[query][push]") {
    Pair pair(3);
    fill_apart(pair.cluster);
    const auto want = pair.alone.range("sum(rate(a_total[2m]))", kStart, kEnd, kStep);
    const auto got = pair.together.range("sum(rate(a_total[2m]))", kStart, kEnd, kStep);
    REQUIRE(got.has_value());
    CHECK(got.value().stats.samples_read == want.value().stats.samples_read);
    CHECK(got.value().stats.queryable_samples == want.value().stats.queryable_samples);
    CHECK(got.value().stats.peak_samples > 0);
    query::Options few;
    few.max_samples = 30;
    Pair limited(3, few);
    fill_apart(limited.cluster);
    const auto failed = limited.together.range("sum by (x, y) (b)", kStart, kEnd, kStep);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message().find("too many samples") != std::string::npos);
}

TEST_CASE("means and sums of parts go beyond the largest double as the whole does",
          "[query][push]") {
    constexpr double kHuge = 1.5e308;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Pair pair(3);
    const auto put = [&](size_t holder, std::string_view name, std::string_view x, double value) {
        pair.cluster.add(holder, series(name, x, "p"), {{kEnd, 0, value, nullptr}});
    };
    put(0, "huge", "1", kHuge);
    put(0, "huge", "2", kHuge);
    put(1, "huge", "3", kHuge);
    put(2, "huge", "4", 1);
    put(0, "both", "1", kInfinity);
    put(1, "both", "2", -kInfinity);
    put(2, "odd", "1", std::nan(""));
    put(1, "odd", "2", 3);
    put(0, "wide", "1", kInfinity);
    put(1, "wide", "2", 3);
    put(0, "small", "1", 1e16);
    put(1, "small", "2", 1);
    put(2, "small", "3", -1e16);
    for (const char* op : {"sum", "avg", "min", "max", "stddev", "count", "group"}) {
        for (const char* name : {"huge", "both", "odd", "wide", "small"}) {
            if (op != std::string("stddev") || name != std::string("huge")) {
                pair.same(std::string(op) + "(" + name + ")", false);
                CHECK(pushed(pair.cluster));
            }
        }
    }
}

TEST_CASE("a fragment is checked before it is worked out", "[query][push]") {
    Pair pair(1);
    fill_apart(pair.cluster);
    const base::SystemClock clock;
    model::QueryContext context;
    context.clock = &clock;
    model::Fragment good;
    good.query = "sum by (x) (rate(b[1m]))";
    good.start_ms = kStart;
    good.end_ms = kEnd;
    good.step_ms = kStep;
    good.lookback_ms = 300'000;
    const auto code_of = [&](const model::Fragment& fragment) {
        const auto part = pair.alone.partial(fragment, pair.cluster.everything(), context);
        return part ? std::optional<base::Code>() : part.error().code();
    };
    CHECK(code_of(good) == std::nullopt);
    for (const char* query : {"b", "sum(b) + 1", "sum(a + b)", "sum(", "quantile(0.5, b)", "1"}) {
        model::Fragment bad = good;
        bad.query = query;
        CAPTURE(query);
        CHECK(code_of(bad) == base::Code::kInvalid);
    }
    const auto check = [&](auto&& change) {
        model::Fragment bad = good;
        change(bad);
        CHECK(code_of(bad) == base::Code::kInvalid);
    };
    check([](model::Fragment& bad) { bad.end_ms = kStart - 1; });
    check([](model::Fragment& bad) { bad.step_ms = -1; });
    check([](model::Fragment& bad) { bad.lookback_ms = 0; });
    check([](model::Fragment& bad) { bad.without = {2, 1}; });
    check([](model::Fragment& bad) {
        bad.start_ms = std::numeric_limits<int64_t>::min();
        bad.end_ms = std::numeric_limits<int64_t>::max();
    });
    check([](model::Fragment& bad) {
        bad.start_ms = 0;
        bad.end_ms = int64_t{1} << 60;
        bad.step_ms = 1;
    });
}

TEST_CASE("a part names the series it was made of by their stable hashes", "[query][push]") {
    Pair pair(1);
    fill_apart(pair.cluster);
    const base::SystemClock clock;
    model::QueryContext context;
    context.clock = &clock;
    model::Fragment fragment;
    fragment.query = "sum(b)";
    fragment.start_ms = fragment.end_ms = kEnd;
    fragment.lookback_ms = 300'000;
    std::vector<uint64_t> all;
    for (const char* x : {"1", "2", "3"}) {
        for (const char* y : {"p", "q"}) {
            all.push_back(series("b", x, y).stable_hash());
        }
    }
    std::ranges::sort(all);
    const auto part = pair.alone.partial(fragment, pair.cluster.everything(), context);
    REQUIRE(part.has_value());
    CHECK(part.value().series == all);
    REQUIRE(part.value().rows.size() == 1);
    fragment.without.assign(all.begin(), all.begin() + 4);
    const auto rest = pair.alone.partial(fragment, pair.cluster.everything(), context);
    REQUIRE(rest.has_value());
    CHECK(rest.value().series == std::vector<uint64_t>(all.begin() + 4, all.end()));
}

#include "query/testing/runner.h"

#include <functional>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "model/sample.h"
#include "query/parser.h"
#include "query/testing/compare.h"
#include "query/testing/pin.h"

namespace query::testing {
namespace {

using Answer = base::Result<ScriptResult>;

// Answers whatever the test says; range queries repeat the instant answer at every step.
class FakeEngine final : public ScriptEngine {
  public:
    std::function<Answer(std::string_view)> answer = [](std::string_view) {
        return ScriptResult{};
    };
    std::vector<ScriptSeries> loaded;
    std::vector<std::string> instants;
    size_t ranges = 0;

    base::Status clear() override {
        loaded.clear();
        return base::success();
    }

    base::Status load(std::span<const ScriptSeries> series) override {
        loaded.insert(loaded.end(), series.begin(), series.end());
        return base::success();
    }

    Answer instant(std::string_view query, int64_t t_ms) override {
        instants.push_back(std::string(query) + " @" + std::to_string(t_ms));
        return answer(query);
    }

    Answer range(std::string_view query, int64_t start, int64_t end, int64_t step) override {
        ++ranges;
        TRY(ScriptResult at_once, answer(query));
        ScriptResult out;
        out.type = ValueType::kMatrix;
        if (at_once.type == ValueType::kScalar) {
            at_once.series = {{{}, {{.value = at_once.scalar}}}};
        }
        for (const ResultSeries& one : at_once.series) {
            ResultSeries series{one.labels, {}};
            for (int64_t t = start; t <= end; t += step) {
                series.points.push_back(one.points.front());
                series.points.back().t_ms = t;
            }
            out.series.push_back(std::move(series));
        }
        return out;
    }
};

Answer vector_of(std::vector<ResultSeries> series) {
    ScriptResult out;
    out.series = std::move(series);
    return out;
}

ResultSeries one(model::Labels labels, double value) {
    return {std::move(labels), {{.value = value}}};
}

const model::Labels kA{{"a", "1"}};
const model::Labels kB{{"a", "2"}};

// The report of one eval whose query answers `answer`.
ScriptReport run(std::string_view script, Answer answer) {
    FakeEngine engine;
    engine.answer = [&](std::string_view) { return answer; };
    return run_script("t.test", script, engine);
}

void passes(std::string_view script, const Answer& answer) {
    CAPTURE(script);
    const ScriptReport report = run(script, answer);
    INFO(to_text(report));
    CHECK(report.passed == 1);
    CHECK(report.failed == 0);
}

void fails(std::string_view script, const Answer& answer, const std::string& why) {
    CAPTURE(script);
    const ScriptReport report = run(script, answer);
    CHECK(report.passed == 0);
    REQUIRE(report.failed == 1);
    CHECK_THAT(report.failures.front().message, Catch::Contains(why));
}

}  // namespace

TEST_CASE("vectors are compared element by element", "[query][testing]") {
    const std::string script = "eval instant at 1m up\n  {a=\"1\"} 10\n  {a=\"2\"} NaN\n";
    passes(script, vector_of({one(kB, NAN), one(kA, 10 * (1 + 1e-7))}));
    fails(script, vector_of({one(kA, 10)}), "{a=\"2\"} with NaN not found");
    fails(script, vector_of({one(kA, 10.1), one(kB, NAN)}), "expected 10 but got 10.1");
    fails(script, vector_of({one(kA, 10), one(kB, NAN), one({}, 1)}), "unexpected metric {}");
    fails(script, vector_of({one(kA, 10), one(kA, 10), one(kB, NAN)}), "twice");
    fails(script, base::fail(base::Code::kExecution, "cannot do that"), "cannot do that");
}

TEST_CASE("the order counts where it is expected", "[query][testing]") {
    const std::string script =
        "eval instant at 1m sort(up)\n  expect ordered\n  {a=\"1\"} 1\n  {a=\"2\"} 2\n";
    passes(script, vector_of({one(kA, 1), one(kB, 2)}));
    fails(script, vector_of({one(kB, 2), one(kA, 1)}), "at position 2 but was at 1");
}

TEST_CASE("annotations are compared in both directions", "[query][testing]") {
    ScriptResult annotated;
    annotated.warnings = {"PromQL warning: odd (1:1)"};
    annotated.infos = {"PromQL info: fine (1:2)"};
    const auto eval = [](std::string_view expectation) {
        return "eval instant at 1m time()\n" + std::string(expectation);
    };
    passes(eval(""), annotated);
    passes(eval("  expect warn\n  expect info\n"), annotated);
    passes(eval("  expect warn msg: PromQL warning: odd (1:1)\n"), annotated);
    passes(eval("  expect info regex: f.ne\n"), annotated);
    fails(eval("  expect no_warn\n"), annotated, "unexpected warn annotations [PromQL warning");
    fails(eval("  expect no_info\n"), annotated, "unexpected info annotations");
    passes(eval("  expect warn msg: PromQL warning: odd\n"), annotated);
    fails(eval("  expect warn msg: PromQL warning: odd (1:2)\n"),
          annotated,
          "expected warn annotation");
    fails(eval("  expect info regex: coarse\n"), annotated, "pattern \"coarse\"");
    fails(eval("  expect warn\n"), ScriptResult{}, "none were found");
}

TEST_CASE("the old forms ask for an annotation, whatever others there are", "[query][testing]") {
    ScriptResult annotated;
    annotated.warnings = {"odd", "even"};
    passes("eval_warn instant at 1m time()\n", annotated);
    fails("eval_info instant at 1m time()\n", annotated, "expected info annotations");
    fails("eval_warn instant at 1m time()\n  expect warn msg: odd\n",
          annotated,
          "unexpected warn annotation \"even\"");
    passes("eval_warn instant at 1m time()\n  expect warn regex: odd|even\n", annotated);
}

TEST_CASE("failures are expected with their text", "[query][testing]") {
    const Answer error = base::fail(base::Code::kExecution, "too", "much");
    passes("eval instant at 1m up\n  expect fail\n", error);
    passes("eval instant at 1m up\n  expect fail msg: too much\n", error);
    passes("eval_fail instant at 1m up\n  expected_fail_regexp m.ch\n", error);
    passes("eval_fail instant at 1m up\n  expect fail regex: m.ch\n", error);
    fails("eval instant at 1m up\n  expect fail msg: too little\n", error, "but got: too much");
    fails("eval instant at 1m up\n  expect fail\n", ScriptResult{}, "expected error");
}

TEST_CASE("scalars and strings are compared", "[query][testing]") {
    ScriptResult scalar{.type = ValueType::kScalar, .scalar = 3};
    passes("eval instant at 1m 3\n  3\n", scalar);
    fails("eval instant at 1m 3\n  4\n", scalar, "expected scalar 4 but got 3");
    fails("eval instant at 1m 3\n  {} 3\n", scalar, "expected vector or matrix");
    fails("eval instant at 1m 3\n  3\n", ScriptResult{}, "expected scalar result, but got vector");
    ScriptResult text{.type = ValueType::kString, .text = "a"};
    passes("eval instant at 1m \"a\"\n  expect string \"a\"\n", text);
    fails("eval instant at 1m \"a\"\n  expect string \"b\"\n", text, "expected string \"b\"");
}

TEST_CASE("matrices are compared point by point, sorted by labels", "[query][testing]") {
    const auto matrix = [](std::vector<ResultSeries> series) {
        ScriptResult out;
        out.type = ValueType::kMatrix;
        out.series = std::move(series);
        return out;
    };

    class RangeEngine final : public ScriptEngine {
      public:
        ScriptResult result;

        base::Status clear() override { return base::success(); }

        base::Status load(std::span<const ScriptSeries> /*series*/) override {
            return base::fail(base::Code::kNoSpace, "full");
        }

        Answer instant(std::string_view /*query*/, int64_t /*t*/) override { return result; }

        Answer range(std::string_view, int64_t, int64_t, int64_t) override { return result; }
    };

    const auto report = [](ScriptResult result) {
        RangeEngine engine;
        engine.result = std::move(result);
        return to_text(
            run_script("r.test",
                       "eval range from 0 to 2m step 1m up\n  {a=\"1\"} 1 _ 3\n  {a=\"2\"} 5\n",
                       engine));
    };
    const ResultSeries first{kA, {{.t_ms = 0, .value = 1}, {.t_ms = 120'000, .value = 3}}};
    const ResultSeries second{kB, {{.t_ms = 0, .value = 5}}};
    CHECK(report(matrix({first, second})) == "1 passed, 0 failed\n");
    CHECK_THAT(report(matrix({second, first})), Catch::Contains("always be sorted by labels"));
    CHECK_THAT(report(matrix({second})), Catch::Contains("{a=\"1\"} with 1 not found"));
    ResultSeries longer = second;
    longer.points.push_back({.t_ms = 60'000, .value = 6});
    CHECK_THAT(report(matrix({first, longer})), Catch::Contains("unexpected point at 60000"));
    ResultSeries wrong = first;
    wrong.points[1].value = 4;
    CHECK_THAT(report(matrix({wrong, second})), Catch::Contains("expected 3 but got 4"));

    RangeEngine full;
    CHECK(to_text(run_script("r.test", "load 1m\n  up 1\n", full)) ==
          "r.test:1: load: full\n0 passed, 1 failed\n");
}

TEST_CASE("histograms are compared number by number", "[query][testing]") {
    const auto literal = [](std::string_view text) {
        return parse_points(text).value().front().histogram;
    };
    const auto with = [&](std::string_view text) {
        return vector_of({{kA, {{.histogram = literal(text)}}}});
    };
    const std::string script =
        "eval instant at 1m h\n  {a=\"1\"} {{count:3 sum:1 buckets:[1 0 2]}}\n";
    passes(script, with("{{count:3 sum:1 buckets:[0 1 0 2] offset:-1 counter_reset_hint:gauge}}"));
    fails(script,
          with("{{count:3 sum:1 buckets:[1 2]}}"),
          "expected {{count:3 sum:1 buckets:[1 0 2]}}");
    fails(script, vector_of({one(kA, 3)}), "but got 3");
    const std::string hinted =
        "eval instant at 1m h\n  {a=\"1\"} {{count:1 counter_reset_hint:gauge}}\n";
    passes(hinted, with("{{count:1 counter_reset_hint:gauge}}"));
    fails(hinted, with("{{count:1}}"), "counter_reset_hint:gauge");
}

TEST_CASE("instant queries are asked again with their time written in", "[query][testing]") {
    FakeEngine engine;
    engine.answer = [](std::string_view) { return vector_of({one(kA, 1)}); };
    const ScriptReport report =
        run_script("t.test", "eval instant at 50s up + 0\n  {a=\"1\"} 1\n", engine);
    CHECK(to_text(report) == "1 passed, 0 failed\n");
    CHECK(engine.instants == std::vector<std::string>{"up + 0 @50000",
                                                      "up @ 50.000 + 0 @-500000",
                                                      "up @ 50.000 + 0 @0",
                                                      "up @ 50.000 + 0 @10000",
                                                      "up @ 50.000 + 0 @50000",
                                                      "up @ 50.000 + 0 @500000"});
    CHECK(engine.ranges == 6);
}

TEST_CASE("a time is written on selectors and subqueries that have none", "[query][testing]") {
    const auto check = [](std::string_view text, std::optional<std::string> want) {
        CAPTURE(text);
        auto parsed = parse_expr(text, ParseOptions::everything());
        REQUIRE(parsed.has_value());
        CHECK(pinned(*parsed.value(), 1500) == want);
    };
    check("up", "up @ 1.500");
    check("up @ 3", "up @ 3.000");
    check("up @ end()", "up @ 1.500");
    check("rate(up[5m] offset 1m)", "rate(up[5m] @ 1.500 offset 1m)");
    check("max_over_time(rate(up[5m])[1h:1m])", "max_over_time(rate(up[5m])[1h:1m] @ 1.500)");
    check("topk(scalar(up), -(a / on () group_left () b))",
          "topk(scalar(up @ 1.500), -(a @ 1.500 / on () group_left () b @ 1.500))");
    check("up + time()", std::nullopt);
    check("hour(up)", std::nullopt);
    check("max_over_time(vector(time())[1h:1m])", "max_over_time(vector(time())[1h:1m] @ 1.500)");
}

TEST_CASE("a script runs to its end whatever fails", "[query][testing]") {
    FakeEngine engine;
    engine.answer = [](std::string_view query) -> Answer {
        if (query.starts_with("bad")) {
            return base::fail(base::Code::kExecution, "no");
        }
        return vector_of({});
    };
    const ScriptReport report = run_script("dir/s.test",
                                           "load 1m\n  up 1 2\n\n"
                                           "nonsense\n\n"
                                           "eval instant at 1m bad\n\n"
                                           "eval instant at 1m (\n  expect fail\n\n"
                                           "eval instant at 1m good\n",
                                           engine);
    CHECK(report.passed == 1);
    CHECK(report.failed == 3);
    CHECK(engine.loaded.size() == 1);
    const std::string text = to_text(report);
    CHECK_THAT(text, Catch::Contains("dir/s.test:4: invalid command \"nonsense\"\n"));
    CHECK_THAT(text, Catch::Contains("dir/s.test:6: eval bad: "));
    CHECK_THAT(text, Catch::EndsWith("\n1 passed, 3 failed\n"));
}

TEST_CASE("numbers are almost equal within a millionth", "[query][testing]") {
    CHECK(almost_equal(1, 1 + 1e-7));
    CHECK_FALSE(almost_equal(1, 1 + 1e-5));
    CHECK(almost_equal(INFINITY, INFINITY));
    CHECK_FALSE(almost_equal(INFINITY, -INFINITY));
    CHECK(almost_equal(NAN, NAN));
    CHECK_FALSE(almost_equal(NAN, model::kStaleNan));
    CHECK(almost_equal(0, 1e-315));
    CHECK_FALSE(almost_equal(0, 1e-300));
}

}  // namespace query::testing

#include "query/testing/script.h"

#include <catch2/catch.hpp>

#include "query/testing/histogram_literal.h"

namespace query::testing {
namespace {

template <class What>
const What& only(const std::vector<Command>& commands) {
    REQUIRE(commands.size() == 1);
    const auto* bad = std::get_if<BadCommand>(&commands.front().what);
    INFO((bad != nullptr ? bad->message : std::string()));
    REQUIRE(std::holds_alternative<What>(commands.front().what));
    return std::get<What>(commands.front().what);
}

}  // namespace

TEST_CASE("a load gives samples their times", "[query][testing]") {
    const auto commands = parse_script("\n# data\nload 5m\n  up{job=\"a\"} 1 _ 3\n\tdown 7\n\n");
    CHECK(commands.front().line == 3);
    const auto& load = only<LoadCommand>(commands);
    REQUIRE(load.series.size() == 2);
    CHECK(load.series[0].labels.to_series_string() == "up{job=\"a\"}");
    REQUIRE(load.series[0].samples.size() == 2);
    CHECK(load.series[0].samples[1].t_ms == 600'000);
    CHECK(load.series[0].samples[1].value == 3);
    CHECK(load.series[1].samples.size() == 1);
}

TEST_CASE("start timestamps stand on a line of their own", "[query][testing]") {
    const auto commands =
        parse_script("load 1m\n  c{a=\"b\"}@st _ -30s-30sx1 1m+1sx0\n  c{a=\"b\"}     0 1 2 3\n");
    const auto& samples = only<LoadCommand>(commands).series.front().samples;
    REQUIRE(samples.size() == 4);
    CHECK(samples[0].start_ms == 0);
    CHECK(samples[1].start_ms == 30'000);
    CHECK(samples[2].start_ms == 60'000);
    CHECK(samples[3].start_ms == 240'000);

    const auto bad = [](std::string_view text, const std::string& why) {
        CAPTURE(text);
        CHECK_THAT(only<BadCommand>(parse_script(text)).message, Catch::Contains(why));
    };
    bad("load 1m\n  c@st 1s\n", "no following sample line");
    bad("load 1m\n  c@st 1s\n  d 1\n", "does not match");
    bad("load 1m\n  c@st 1s\n  c 1 2\n", "number of values");
    bad("load 1m\n  c@st 1q\n  c 1\n", "invalid @st item");
}

TEST_CASE("evals carry times, query and expectations", "[query][testing]") {
    const auto commands = parse_script(
        "eval instant at 50m sum(up) by (job)\n"
        "  expect warn msg: PromQL warning: that (1:5)\n"
        "  expect info regex: what (ever|not)\n"
        "  expect ordered\n"
        "  {job=\"a\"} 1\n"
        "  {job=\"b\"} {{count:1}}\n"
        "\n"
        "eval range from 0 to 10m step 5m up\n"
        "  up 1 _ 3\n");
    REQUIRE(commands.size() == 2);
    const auto& instant = std::get<EvalCommand>(commands[0].what);
    CHECK(instant.query == "sum(up) by (job)");
    CHECK(instant.at_ms == 3'000'000);
    CHECK(instant.expects(ExpectKind::kOrdered));
    REQUIRE(instant.expectations.size() == 3);
    CHECK(instant.expectations[0].matches("PromQL warning: that (1:5)"));
    CHECK_FALSE(instant.expectations[0].matches("PromQL warning: that (1:6)"));
    CHECK(instant.expectations[1].matches("PromQL info: what not (1:1)"));
    CHECK_FALSE(instant.expectations[1].matches("PromQL info: what else"));
    REQUIRE(instant.series.size() == 2);
    CHECK(instant.series[1].position == 2);
    const auto& range = std::get<EvalCommand>(commands[1].what);
    CHECK(commands[1].line == 8);
    CHECK(range.is_range);
    CHECK(range.end_ms == 600'000);
    CHECK(range.series.front().points.size() == 3);
}

TEST_CASE("scalars, strings and range vectors are expected in their own ways", "[query][testing]") {
    CHECK(only<EvalCommand>(parse_script("eval instant at 0 1\n  -Inf\n")).scalar == -INFINITY);
    CHECK(only<EvalCommand>(parse_script("eval instant at 0 1\n  0x10\n")).scalar == 16);
    CHECK(only<EvalCommand>(parse_script("eval instant at 0 \"a\"\n  expect string \"a b\"\n"))
              .text == "a b");
    CHECK(only<EvalCommand>(parse_script("eval instant at 0 \"\"\n  expect string ``\n")).text ==
          "");
    const auto commands = parse_script(
        "eval instant at 1m up[1m]\n  expect range vector from 10s to 30s step 10s\n  up 1 2 3\n");
    const auto& eval = only<EvalCommand>(commands);
    CHECK(eval.expects_range_vector);
    CHECK(eval.at_ms == 30'000);
    CHECK(eval.step_ms == 10'000);
}

TEST_CASE("the old forms mean what they meant", "[query][testing]") {
    CHECK(
        only<EvalCommand>(parse_script("eval_warn instant at 0 up\n")).expects(ExpectKind::kWarn));
    CHECK(only<EvalCommand>(parse_script("eval_info range from 0 to 1m step 1m up\n"))
              .expects(ExpectKind::kInfo));
    CHECK(only<EvalCommand>(parse_script("eval_ordered instant at 0 up\n"))
              .expects(ExpectKind::kOrdered));
    const auto message =
        parse_script("eval_fail instant at 0 up\n  expected_fail_message went wrong\n");
    CHECK(only<EvalCommand>(message).expectations.front().matches("went wrong"));
    CHECK_FALSE(only<EvalCommand>(message).expectations.front().matches("it went wrong"));
    const auto pattern = parse_script("eval_fail instant at 0 up\n  expected_fail_regexp wr.ng\n");
    CHECK(only<EvalCommand>(pattern).expectations.front().matches("it went wrong"));
    const auto both = parse_script("eval_fail instant at 0 up\n  expect fail msg: wrong\n");
    CHECK(only<EvalCommand>(both).expectations.size() == 2);
    CHECK(std::holds_alternative<ClearCommand>(parse_script("CLEAR\n").front().what));
}

TEST_CASE("a message may leave out where an annotation points", "[query][testing]") {
    const auto matches = [](std::string_view message, std::string_view text) {
        const auto commands =
            parse_script("eval instant at 0 up\n  expect info msg: " + std::string(message) + '\n');
        return only<EvalCommand>(commands).expectations.front().matches(text);
    };
    CHECK(matches("odd", "odd"));
    CHECK(matches("odd", "odd (1:25)"));
    CHECK(matches("odd (1:25)", "odd (1:25)"));
    CHECK_FALSE(matches("odd (1:24)", "odd (1:25)"));
    CHECK_FALSE(matches("odd", "odd (sum)"));
    CHECK_FALSE(matches("odd", "odd and even (1:2)"));
    CHECK(matches("fixed for metric name \"x\"",
                  "fixed for metric name \"x\", from buckets 1 to 2, with a max diff of 1, over 1 "
                  "samples from 1970-01-01T00:01:00Z to 1970-01-01T00:01:00Z (1:2)"));
}

TEST_CASE("what cannot be read is noted and passed over", "[query][testing]") {
    const auto commands = parse_script(
        "load 1x\n  up 1\n\nload 1m\n  up 1\n  up{ 2\n  down 3\n\nfrobnicate\nclear\n"
        "eval instant up\n\neval instant at 0 up\n  up 1 2\n  down 3\n\n"
        "eval instant at 0 up\n  expect maybe\n\n"
        "eval instant at 0 up\n  expect warn\n  expect no_warn\n\nclear");
    REQUIRE(commands.size() == 9);
    const auto bad = [&](size_t index, int line, const std::string& why) {
        CAPTURE(index, why);
        REQUIRE(std::holds_alternative<BadCommand>(commands[index].what));
        CHECK(commands[index].line == line);
        CHECK_THAT(std::get<BadCommand>(commands[index].what).message, Catch::Contains(why));
    };
    bad(0, 1, "invalid step definition");
    bad(1, 6, "unexpected character inside braces");
    bad(2, 9, "invalid command \"frobnicate\"");
    CHECK(std::holds_alternative<ClearCommand>(commands[3].what));
    bad(4, 11, "invalid evaluation command");
    bad(5, 14, "expecting multiple values");
    bad(6, 18, "invalid expect statement");
    bad(7, 22, "warn and no_warn cannot be used together");
    CHECK(std::holds_alternative<ClearCommand>(commands[8].what));
}

TEST_CASE("load_with_nhcb adds native histograms with custom buckets", "[query][testing]") {
    const auto commands = parse_script(
        "load_with_nhcb 1m\n"
        "  h_bucket{le=\"1\"} 1 2\n"
        "  h_bucket{le=\"5\"} 3 3\n"
        "  h_bucket{le=\"+Inf\"} 4 6\n"
        "  h_count 4 6\n"
        "  h_sum 10 20\n");
    const auto& load = only<LoadCommand>(commands);
    REQUIRE(load.series.size() == 6);
    const ScriptSeries& native = load.series.back();
    CHECK(native.labels.to_series_string() == "h");
    REQUIRE(native.samples.size() == 2);
    CHECK(to_literal(*native.samples[0].histogram) ==
          "{{schema:-53 count:4 sum:10 custom_values:[1 5] buckets:[1 2 1]}}");
    CHECK(to_literal(*native.samples[1].histogram) ==
          "{{schema:-53 count:6 sum:20 custom_values:[1 5] buckets:[2 1 3]}}");
    CHECK_THAT(only<BadCommand>(parse_script("load_with_nhcb 1m\n  h_bucket{le=\"1\"} 5\n"
                                             "  h_bucket{le=\"2\"} 3\n"))
                   .message,
               Catch::Contains("not cumulative"));
}

}  // namespace query::testing

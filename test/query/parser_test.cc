#include "query/parser.h"

#include <string>

#include <catch2/catch.hpp>

#include "query/ast_json.h"
#include "query/printer.h"

namespace query {
namespace {

// The canonical text of a query, or what is wrong with it.
std::string read(std::string_view text, const ParseOptions& options = ParseOptions::everything()) {
    auto parsed = parse_expr(text, options);
    return parsed.has_value() ? to_string(*parsed.value()) : to_string(parsed.error(), text);
}

ExprPtr tree(std::string_view text) {
    CAPTURE(text);
    auto parsed = parse_expr(text, ParseOptions::everything());
    REQUIRE(parsed.has_value());
    return std::move(parsed).value();
}

void same(std::string_view text) {
    CAPTURE(text);
    CHECK(read(text) == text);
}

void becomes(std::string_view text, std::string_view canonical) {
    CAPTURE(text);
    CHECK(read(text) == canonical);
}

}  // namespace

TEST_CASE("literals are read as numbers, durations and strings", "[query][parser]") {
    same("1");
    same("0.5");
    becomes(".5", "0.5");
    becomes("5.", "5");
    becomes("1e3", "1000");
    becomes("1.5E-3", "0.0015");
    becomes("1_000_000", "1000000");
    becomes("0x1F", "31");
    becomes("0xee", "238");
    becomes("0X_ff", "255");
    becomes("017", "15");
    becomes("08", "8");
    becomes("iNf", "+Inf");
    becomes("-Inf", "-Inf");
    becomes("NaN", "NaN");
    becomes("+1", "1");
    becomes("--1", "1");
    same("1h30m");
    becomes("90m", "1h30m");
    becomes("1500ms", "1s500ms");
    becomes("14d", "2w");
    becomes("8d", "8d");
    becomes("-5m", "-5m");
    same("\"text\"");
    becomes("'it\\'s'", "\"it's\"");
    becomes("`raw \\n`", "\"raw \\\\n\"");
    becomes("\"\\t\\x41\\101\\u00e9\\U0001F600\"", "\"\\tAAé😀\"");
    becomes("\"\\xff\"", "\"\\xff\"");
}

TEST_CASE("selectors keep their matchers, sorted when printed", "[query][parser]") {
    same("up");
    same("job:up:sum5m");
    becomes("up{}", "up");
    becomes("up{job=\"a\",}", "up{job=\"a\"}");
    becomes("up{job=~'a|b', env!=\"x\", zone!~`c.*`}", "up{env!=\"x\",job=~\"a|b\",zone!~\"c.*\"}");
    becomes("{__name__=\"up\"}", "{__name__=\"up\"}");
    becomes("{\"up\"}", "{__name__=\"up\"}");
    becomes("{'a.b', \"x-y\"='z'}", "{\"x-y\"=\"z\",__name__=\"a.b\"}");
    becomes("{\"größe\"}", "{__name__=\"größe\"}");
    same("{a=~\".+\"}");
    same("{a!=\"\"}");
    becomes("up # a comment\n{ # another\n job=\"a\" }", "up{job=\"a\"}");
}

TEST_CASE("words of the language are names where they can be", "[query][parser]") {
    for (const char* word : {"sum",
                             "avg",
                             "by",
                             "without",
                             "offset",
                             "and",
                             "or",
                             "unless",
                             "start",
                             "end",
                             "step",
                             "range",
                             "min_of",
                             "max_of",
                             "topk",
                             "fill",
                             "fill_left",
                             "anchored",
                             "smoothed"}) {
        same(word);
        same(std::string(word) + "{a=\"b\"}");
    }
    same("sum + sum");
    same("fill + fill");
    same("offset offset 5m");
    becomes("SUM(up) BY (job)", "sum by (job) (up)");
    becomes("Rate", "Rate");
    becomes("up OFFSET 5M", "1:11: parse error: bad number or duration syntax: \"5\"");
    same("sum by (on, ignoring, group_left, bool, offset, atan2) (up)");
    same("up{by=\"b\",sum=\"a\"}");
}

TEST_CASE("modifiers come in any order", "[query][parser]") {
    same("up offset 5m");
    same("up offset -5m");
    same("up @ 1.500");
    same("up @ -1.000");
    becomes("up @ 1h", "up @ 3600.000");
    same("up @ start()");
    same("up @ end() offset 1h");
    becomes("up offset 1h @ end()", "up @ end() offset 1h");
    same("up[5m]");
    same("up[5m] @ 10.000 offset 1m");
    becomes("up[5m] offset 1m @ 10", "up[5m] @ 10.000 offset 1m");
    becomes("up[300]", "up[5m]");
    becomes("up [ 5m ]", "up[5m]");
    same("up[5m:1m]");
    same("up[5m:]");
    same("up[5m:1m] @ start() offset -1m");
    same("rate(up[5m] anchored)");
    same("rate(up[5m] smoothed offset 1m)");
    same("up smoothed");
    becomes("up offset 5m @ start() anchored", "up @ start() anchored offset 5m");
    becomes("up offset 0", "up");
    becomes("rate(up[5m])[1h:] offset 1d", "rate(up[5m])[1h:] offset 1d");
}

TEST_CASE("operators bind as in Prometheus", "[query][parser]") {
    const auto shape = [](std::string_view text) {
        const ExprPtr root = tree(text);
        const auto& top = as<BinaryExpr>(*root);
        return std::string(to_string(*top.lhs)) + " | " + std::string(symbol(top.op)) + " | " +
               to_string(*top.rhs);
    };
    CHECK(shape("a + b * c") == "a | + | b * c");
    CHECK(shape("a * b + c") == "a * b | + | c");
    CHECK(shape("a - b - c") == "a - b | - | c");
    CHECK(shape("a ^ b ^ c") == "a | ^ | b ^ c");
    CHECK(shape("a atan2 b * c") == "a atan2 b | * | c");
    CHECK(shape("a or b and c") == "a | or | b and c");
    CHECK(shape("a unless b and c") == "a unless b | and | c");
    CHECK(shape("a and b or c") == "a and b | or | c");
    CHECK(shape("a > b + c") == "a | > | b + c");
    CHECK(shape("a </ 1 > b") == "a </ 1 | > | b");
    CHECK(shape("a == b and c") == "a == b | and | c");
    CHECK(shape("-a * b") == "-a | * | b");
    CHECK(shape("-a ^ b * c") == "-a ^ b | * | c");
    CHECK(shape("2 ^ -a * b") == "2 ^ -a | * | b");
    CHECK(as<UnaryExpr>(*tree("-1 ^ 2")).expr->kind == ExprKind::kBinary);
    CHECK(as<NumberLiteral>(*tree("-1")).value == -1);
    CHECK(tree("-(1)")->kind == ExprKind::kUnary);
}

TEST_CASE("binary modifiers are kept", "[query][parser]") {
    same("a == bool b");
    same("a + on (x, y) b");
    same("a + ignoring (x) group_left (z) b");
    same("a * on () group_right () b");
    becomes("a + ignoring() b", "a + b");
    becomes("a * on(x) group_left b", "a * on (x) group_left () b");
    same("a > bool on (x) b");
    same("a + fill (0) b");
    same("a + on (x) fill_left (1) fill_right (NaN) b");
    becomes("a + fill_right(2) fill_left(1) b", "a + fill_left (1) fill_right (2) b");
    becomes("a + fill(-Inf) b", "a + fill (-Inf) b");
    same("a and on (x) b");
    same("a or ignoring (x) b");
    CHECK(as<BinaryExpr>(*tree("a and b")).matching->card == MatchCard::kManyToMany);
    CHECK(as<BinaryExpr>(*tree("a + b")).matching->card == MatchCard::kOneToOne);
    CHECK_FALSE(as<BinaryExpr>(*tree("a + 1")).matching.has_value());
}

TEST_CASE("aggregations take their clause on either side", "[query][parser]") {
    same("sum(a)");
    same("sum by (x, y) (a)");
    becomes("sum(a) by (x)", "sum by (x) (a)");
    same("sum without () (a)");
    becomes("sum by () (a)", "sum(a)");
    same("topk by (x) (3, a)");
    same("count_values(\"v\", a)");
    same("quantile(0.9, a)");
    same("limitk(2, a)");
    same("limit_ratio(-0.5, a)");
    same("sum by (\"a b\", \"é\") (a)");
    becomes("sum by (a,) (b)", "sum by (a) (b)");
}

TEST_CASE("durations may be expressions", "[query][parser]") {
    same("up[5m + 1m]");
    same("up[step()]");
    same("up[step() * 2:range() / 10]");
    same("up[max_of(step(), 1m)]");
    same("up[(5m)]");
    same("up[-(-5m)]");
    same("up offset (5m - 1m)");
    same("up offset -min_of(step(), 1m)");
    same("up offset (2 ^ 3 ^ 2)");
    becomes("up[STEP()]", "up[step()]");
    // An offset ends at the first operator unless it stands in parentheses.
    CHECK(as<BinaryExpr>(*tree("up offset 5m + 2")).op == BinaryOp::kAdd);
    CHECK(as<BinaryExpr>(*tree("up offset -step() * 2")).op == BinaryOp::kMul);
    CHECK(as<BinaryExpr>(*tree("up offset -(5m) + 2")).op == BinaryOp::kAdd);
    CHECK(tree("up offset (5m) + 2")->kind == ExprKind::kVectorSelector);
    becomes("up offset --5m + 1m", "up offset (5m + 1m)");
}

TEST_CASE("syntax errors say what stands where", "[query][parser]") {
    becomes("", "unknown position: parse error: no expression found in input");
    becomes("  # nothing", "1:1: parse error: no expression found in input");
    becomes("sum(rate(up 5))", "1:13: parse error: unexpected number \"5\" in aggregation");
    becomes("rate(up 5)", "1:9: parse error: unexpected number \"5\"");
    becomes("1 +", "1:4: parse error: unexpected end of input");
    becomes("1 + * 2", "1:5: parse error: unexpected <op:*>");
    becomes("a\n+\n* 2", "3:1: parse error: unexpected <op:*>");
    becomes("sum by x (a)",
            "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\"");
    becomes("sum by (5) (a)",
            "1:9: parse error: unexpected number \"5\" in grouping opts, expected label");
    becomes(
        "sum by (a b) (c)",
        "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"");
    becomes("sum by (\"\") (c)", "1:9: parse error: invalid label name for grouping: \"\"");
    becomes(
        "a{b}",
        "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator");
    becomes("a{b=c}",
            "1:5: parse error: unexpected identifier \"c\" in label matching, expected string");
    becomes(
        "a{b=\"c\" d}",
        "1:9: parse error: unexpected identifier \"d\" in label matching, expected \",\" or \"}\"");
    becomes("a{,}",
            "1:3: parse error: unexpected \",\" in label matching, expected identifier or \"}\"");
    becomes("a{1}", "1:3: parse error: unexpected character inside braces: '1'");
    becomes("a[]",
            "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, "
            "duration, step(), or range()");
    becomes(
        "a[5m 1]",
        "1:6: parse error: unexpected number \"1\" in subquery or range, expected \":\" or \"]\"");
    becomes("a[5m:1m 1]",
            "1:9: parse error: unexpected number \"1\" in subquery selector, expected \"]\"");
    becomes("a[:1m]", "1:4: parse error: unexpected colon before duration in duration expression");
    becomes("a[x]", "1:3: parse error: unexpected character in duration expression: 'x'");
    becomes("a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp");
    becomes("a offset b",
            "1:10: parse error: unexpected identifier \"b\" in offset, expected number, duration, "
            "step(), or range()");
    becomes("a + on b",
            "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\"");
    becomes("a + group_left b", "1:5: parse error: unexpected <group_left>");
    becomes("rate(a[5m],)", "1:11: parse error: trailing commas not allowed in function call args");
    becomes("a:b(1)", "1:4: parse error: unexpected \"(\"");
    becomes("bool", "1:1: parse error: unexpected <bool>");
    becomes("\"a very long string\" 2", "1:22: parse error: unexpected number \"2\"");
    becomes("1 \"a very long string\"", "1:3: parse error: unexpected string \"\\\"a very lo\"...");
}

TEST_CASE("what is no token is named", "[query][parser]") {
    becomes("a ~ b", "1:3: parse error: unexpected character: '~'");
    becomes("a é", "1:3: parse error: unexpected character: 'é'");
    becomes("a ! b", "1:3: parse error: unexpected character after '!': ' '");
    becomes("a =~ b", "1:3: parse error: unexpected character after '=': '~'");
    becomes("(a", "1:3: parse error: unclosed left parenthesis");
    becomes("a)", "1:3: parse error: unexpected right parenthesis ')'");
    becomes("a]", "1:2: parse error: unexpected right bracket ']'");
    becomes("a[5m", "1:5: parse error: unclosed left bracket");
    becomes("a[", "1:3: parse error: unexpected end of input in duration expression");
    becomes("a{", "1:3: parse error: unexpected end of input inside braces");
    becomes("\"a", "1:1: parse error: unterminated quoted string");
    becomes("`a", "1:1: parse error: unterminated raw string");
    becomes("\"a\nb\"", "1:1: parse error: unterminated quoted string");
    becomes("\"\\c\"", "1:1: parse error: unknown escape sequence U+0063 'c'");
    becomes("\"\\u12\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence");
    becomes("\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point");
    becomes("'\\\"'", "1:1: parse error: unknown escape sequence U+0022 '\"'");
    becomes("1__0", "1:1: parse error: bad number or duration syntax: \"1__\"");
    becomes("1e", "1:1: parse error: bad number or duration syntax: \"1e\"");
    becomes("5mx", "1:1: parse error: bad number or duration syntax: \"5mx\"");
    becomes("\"\xff\"", "1:1: parse error: invalid UTF-8 rune");
}

TEST_CASE("meaning is checked as well as syntax", "[query][parser]") {
    becomes("nope(a)", "1:1: parse error: unknown function with name \"nope\"");
    becomes("rate(a)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got "
            "instant vector");
    becomes("clamp(a, 1)", "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 2");
    becomes("round(a, 1, 2)",
            "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3");
    becomes("label_join(a)",
            "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1");
    becomes("sum(1)",
            "1:5: parse error: expected type instant vector in aggregation expression, got scalar");
    becomes("sum()", "1:1: parse error: no arguments for aggregate expression provided");
    becomes("topk(a)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, "
            "expected 2, got 1");
    becomes("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier");
    becomes("1 + bool 1",
            "1:3: parse error: bool modifier can only be used on comparison operators");
    becomes("1 and a",
            "1:1: parse error: set operator \"and\" not allowed in binary scalar expression");
    becomes("a and on(x) group_left b",
            "1:1: parse error: no grouping allowed for \"and\" operation");
    becomes("a + on(x) group_left(x) b",
            "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once");
    becomes("a + on(x) 1",
            "1:1: parse error: vector matching only allowed between instant vectors");
    becomes("1 + fill(1) a",
            "1:1: parse error: filling in missing series only allowed between instant vectors");
    becomes("a or fill(1) b",
            "1:1: parse error: filling in missing series not allowed for set operators");
    becomes(
        "a + b[5m]",
        "1:5: parse error: binary expression must contain only scalar and instant vector types");
    becomes("-a[5m]",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or "
            "instant vector, got \"range vector\"");
    becomes("1[5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got scalar instead");
    becomes("sum(a)[5m]", "1:7: parse error: ranges only allowed for vector selectors");
    becomes("a offset 1m [5m]", "1:13: parse error: no offset modifiers allowed before range");
    becomes("a @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range");
    becomes("a offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times");
    becomes("a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times");
    becomes("sum(a) offset 1m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
            "range vector selector or a subquery");
    becomes("a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf");
    becomes("a anchored smoothed",
            "1:1: parse error: anchored and smoothed modifiers cannot be used together");
    becomes("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher");
    becomes("{a=~\".*\"}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher");
    becomes("a{__name__=\"b\"}",
            "1:1: parse error: metric name must not be set twice: \"a\" or \"b\"");
    becomes("a[0]", "1:3: parse error: duration must be greater than 0");
    becomes("a[0.0001]", "1:3: parse error: duration must be at least 1ms");
    becomes("a[5m/0]", "1:5: parse error: division by zero");
    becomes("a[1e20]", "1:3: parse error: duration out of range");
    becomes("info(a, b)",
            "1:9: parse error: expected label selectors only, got vector selector instead");
    same("info(a, {})");
    CHECK_THAT(read("a{b=~\"(\"}"), Catch::StartsWith("1:3: parse error: error parsing regexp: "));
}

TEST_CASE("experimental parts are off unless switched on", "[query][parser]") {
    const ParseOptions plain;
    const auto refused = [&](std::string_view text, std::string_view why) {
        CAPTURE(text);
        CHECK(read(text, plain) == why);
        CHECK(parse_expr(text, ParseOptions::everything()).has_value());
    };
    refused("sort_by_label(a, \"b\")",
            "1:1: parse error: function \"sort_by_label\" is not enabled");
    refused("limitk(1, a)",
            "1:1: parse error: limitk() is experimental and must be enabled with "
            "--enable-feature=promql-experimental-functions");
    refused("rate(a[5m] smoothed)",
            "1:6: parse error: smoothed modifier is experimental and not enabled");
    refused("a + fill(0) b",
            "1:1: parse error: binop fill modifiers are experimental and not enabled");
    CHECK(parse_expr("rate(a[5m + 1m])", plain).has_value());
}

TEST_CASE("positions are byte ranges of the query", "[query][parser]") {
    const std::string text = "sum by (x) (rate(up{a=\"é\"}[5m] offset 1m)) + -1";
    const ExprPtr root = tree(text);
    const auto cut = [&](const Expr& expr) {
        return text.substr(static_cast<size_t>(expr.position.start),
                           static_cast<size_t>(expr.position.end - expr.position.start));
    };
    const auto& sum = as<BinaryExpr>(*root);
    CHECK(cut(sum) == text);
    CHECK(cut(*sum.rhs) == "-1");
    const auto& aggregate = as<AggregateExpr>(*sum.lhs);
    CHECK(cut(aggregate) == "sum by (x) (rate(up{a=\"é\"}[5m] offset 1m))");
    const auto& call = as<Call>(*aggregate.expr);
    CHECK(cut(call) == "rate(up{a=\"é\"}[5m] offset 1m)");
    const auto& matrix = as<MatrixSelector>(*call.args[0]);
    CHECK(cut(matrix) == "up{a=\"é\"}[5m] offset 1m");
    CHECK(cut(*matrix.selector) == "up{a=\"é\"}");
    CHECK(matrix.range.millis == 300'000);
    CHECK(matrix.selector->offset.millis == 60'000);
}

TEST_CASE("selectors and metrics are read on their own", "[query][parser]") {
    auto matchers = parse_selector("up{job=~\"a.*\"}");
    REQUIRE(matchers.has_value());
    CHECK(matchers.value() == std::vector<MatcherSpec>{{MatchType::kRegex, "job", "a.*"},
                                                       {MatchType::kEqual, "__name__", "up"}});
    CHECK(parse_selector("{}").has_value());
    CHECK(to_string(parse_selector("up[5m]").error(), "up[5m]") ==
          "1:3: parse error: unexpected \"[\"");
    CHECK(to_string(parse_selector("1").error(), "1") ==
          "1:1: parse error: unexpected number \"1\"");

    auto labels = parse_metric("up{job=\"a\", \"x.y\"='b'}");
    REQUIRE(labels.has_value());
    CHECK(labels.value().to_series_string() == "up{job=\"a\", \"x.y\"=\"b\"}");
    CHECK(to_string(parse_metric("up{job}").error(), "up{job}") ==
          "1:7: parse error: unexpected \"}\" in label set, expected \"=\"");

    std::string_view rest;
    labels = parse_metric_prefix("up{} {{count:1}}", rest);
    REQUIRE(labels.has_value());
    CHECK(rest == " {{count:1}}");
}

TEST_CASE("deep, tall and long queries meet a named limit", "[query][parser]") {
    const auto refused = [](const std::string& text, std::string_view limit) {
        auto parsed = parse_expr(text);
        REQUIRE(parsed.has_error());
        CHECK(parsed.error().code == base::Code::kLimit);
        CHECK_THAT(parsed.error().reason, Catch::Contains(std::string(limit)));
    };
    constexpr size_t kMany = 100'000;
    refused(std::string(kMany, '(') + "1" + std::string(kMany, ')'), "kNestingMax");
    refused(std::string(kMany, '-') + "a", "kNestingMax");
    refused("a[" + std::string(kMany, '-') + "1]", "kNestingMax");
    refused(std::string(kQueryBytesMax + 1, ' '), "kQueryBytesMax");

    std::string sum = "a";
    std::string power = "a";
    std::string duration = "a[1";
    for (size_t i = 0; i < kTreeHeightMax; ++i) {
        sum += "+a";
        power += "^a";
        duration += "+1";
    }
    refused(sum, "kTreeHeightMax");
    refused(power, "kNestingMax");
    refused(duration + "]", "kTreeHeightMax");

    constexpr size_t kNested = kNestingMax - 1;
    CHECK(parse_expr(std::string(kNested, '(') + "1" + std::string(kNested, ')')).has_value());
    sum.resize(sum.size() - 2);
    const ExprPtr tallest = tree(sum);
    CHECK(tallest->height == kTreeHeightMax);
    CHECK(to_string(*tallest->clone()).size() == 2 * sum.size() - 1);
    CHECK_FALSE(pretty(*tallest).empty());
    CHECK_FALSE(ast_json(*tallest).empty());
}

}  // namespace query

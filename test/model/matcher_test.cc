#include "model/matcher.h"

#include <random>

#include <catch2/catch.hpp>
#include <re2/re2.h>

using model::Matcher;
using model::MatchType;
using model::Regex;

namespace {

std::vector<std::string> set_of(const std::string& pattern) {
    const auto regex = Regex::compile(pattern).value();
    return {regex->set_matches().begin(), regex->set_matches().end()};
}

}  // namespace

TEST_CASE("matchers compare values; a missing label is the empty value", "[model][matcher]") {
    const auto check = [](MatchType type, const char* value, const char* text, bool want) {
        CAPTURE(value, text);
        CHECK(Matcher::create(type, "x", value).value().matches(text) == want);
    };
    check(MatchType::kEqual, "a", "a", true);
    check(MatchType::kEqual, "", "", true);
    check(MatchType::kNotEqual, "a", "", true);
    check(MatchType::kRegex, "a|b", "b", true);
    check(MatchType::kRegex, "a|b", "ab", false);
    check(MatchType::kRegex, "a.c", "a\nc", true);
    check(MatchType::kRegex, ".*", "", true);
    check(MatchType::kRegex, ".+", "", false);
    check(MatchType::kNotRegex, ".+", "", true);
    check(MatchType::kRegex, "prod-.*", "prod-1", true);
    check(MatchType::kRegex, "prod-.*", "xprod-1", false);
    check(MatchType::kRegex, ".*-db", "eu-db", true);
    check(MatchType::kRegex, ".*db.*", "a-db-b", true);
    check(MatchType::kRegex, "(?i)ABC", "abc", true);
    check(MatchType::kRegex, "a\\.b", "a.b", true);
    check(MatchType::kRegex, "a\\.b", "axb", false);
    check(MatchType::kRegex, "ab?", "a", true);
    check(MatchType::kRegex, "é?x", "x", true);
}

TEST_CASE("a finite regular expression is known as a set", "[model][matcher]") {
    CHECK(set_of("b|a|b") == std::vector<std::string>{"a", "b"});
    CHECK(set_of("x(a|b(c|d))y") == std::vector<std::string>{"xay", "xbcy", "xbdy"});
    CHECK(set_of("a\\.b|c\\-d") == std::vector<std::string>{"a.b", "c-d"});
    CHECK(set_of("|a") == std::vector<std::string>{"", "a"});
    CHECK(set_of("ab*").empty());
    CHECK(set_of("[ab]").empty());
}

TEST_CASE("short cuts answer as the plain engine does", "[model][matcher]") {
    const auto seed = GENERATE(11u, 12u, 13u, 14u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::vector<std::string> parts{"a",
                                         "b",
                                         "ab",
                                         ".",
                                         ".*",
                                         ".+",
                                         "|",
                                         "(a|b)",
                                         "(?:ab|)",
                                         "\\.",
                                         "a?",
                                         "[ab]",
                                         "b*",
                                         "^",
                                         "$",
                                         "é"};
    const std::vector<std::string> letters{"a", "b", ".", "é", "\n"};
    for (int round = 0; round < 3000; ++round) {
        std::string pattern;
        for (auto count = random() % 6; count > 0; --count) {
            pattern += parts[random() % parts.size()];
        }
        const auto regex = Regex::compile(pattern);
        re2::RE2::Options options;
        options.set_dot_nl(true);
        options.set_log_errors(false);
        const re2::RE2 plain("^(?s:" + pattern + ")$", options);
        REQUIRE(regex.has_value() == plain.ok());
        if (!plain.ok()) {
            continue;
        }
        for (int texts = 0; texts < 8; ++texts) {
            std::string text;
            for (auto count = random() % 5; count > 0; --count) {
                text += letters[random() % letters.size()];
            }
            CAPTURE(pattern, text);
            REQUIRE(regex.value()->matches(text) == re2::RE2::FullMatch(text, plain));
            REQUIRE((!regex.value()->matches(text) || text.starts_with(regex.value()->prefix())));
        }
    }
}

TEST_CASE("regular expressions have limits with names", "[model][matcher]") {
    const auto long_text = Regex::compile(std::string(model::kMaxRegexBytes + 1, 'a'));
    REQUIRE(long_text.has_error());
    CHECK(long_text.error().code() == base::Code::kLimit);
    CHECK(long_text.error().message().find("kMaxRegexBytes") != std::string::npos);
    const auto large = Regex::compile("((((a{100}){100}){100}){100})");
    REQUIRE(large.has_error());
    const auto bad = Regex::compile("a(");
    REQUIRE(bad.has_error());
    CHECK(bad.error().code() == base::Code::kInvalid);

    std::string branches = "x0";
    for (int i = 1; i < 10000; ++i) {
        branches += "|x" + std::to_string(i);
    }
    const auto many = Regex::compile(branches);
    REQUIRE(many.has_value());
    CHECK(many.value()->set_matches().size() == 10000);
    CHECK(many.value()->matches("x9999"));
    CHECK_FALSE(many.value()->matches("x10000"));
}

#include "model/relabel.h"

#include <catch2/catch.hpp>

using model::Labels;
using model::LabelsBuilder;
using model::RelabelAction;
using model::RelabelRule;

namespace {

RelabelRule rule(RelabelAction action,
                 std::vector<std::string> sources,
                 const char* regex = nullptr) {
    RelabelRule out;
    out.action = action;
    out.source_labels = std::move(sources);
    if (regex != nullptr) {
        out.regex = model::Regex::compile(regex).value();
    }
    return out;
}

RelabelRule with(RelabelRule out, const char* target, const char* replacement = "$1") {
    out.target_label = target;
    out.replacement = replacement;
    return out;
}

// The labels after the rules, or "dropped".
std::string run(const Labels& labels, const std::vector<RelabelRule>& rules) {
    LabelsBuilder builder(labels);
    return model::relabel(rules, builder) ? builder.labels().to_string() : "dropped";
}

const Labels kInput{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};

}  // namespace

TEST_CASE("replace expands groups in target and value", "[model][relabel]") {
    const auto replace = RelabelAction::kReplace;
    CHECK(run(kInput, {with(rule(replace, {"a"}, "f(.*)"), "d", "ch${1}-ch${1}")}) ==
          R"({a="foo", b="bar", c="baz", d="choo-choo"})");
    CHECK(run(kInput, {with(rule(replace, {"a", "b"}, "f(.*);(.*)r"), "a", "b${1}${2}m")}) ==
          R"({a="boobam", b="bar", c="baz"})");
    CHECK(run(kInput, {with(rule(replace, {"a"}, "(?P<x>f)oo"), "${x}_t", "$x$$$y")}) ==
          R"({a="foo", b="bar", c="baz", f_t="f$"})");
    CHECK(run(kInput, {with(rule(replace, {"a"}, "nomatch"), "d")}) == kInput.to_string());
    CHECK(run(kInput, {with(rule(replace, {"nope"}), "b")}) == R"({a="foo", c="baz"})");
    CHECK(run(kInput, {with(rule(replace, {"a"}), "", "x")}) == kInput.to_string());
}

TEST_CASE("keep and drop decide by a match, keepequal and dropequal by equality",
          "[model][relabel]") {
    CHECK(run(kInput, {rule(RelabelAction::kDrop, {"a"}, ".*o.*")}) == "dropped");
    CHECK(run(kInput, {rule(RelabelAction::kDrop, {"a"}, "f|b")}) == kInput.to_string());
    CHECK(run(kInput, {rule(RelabelAction::kKeep, {"a"}, "no")}) == "dropped");
    CHECK(run(kInput, {rule(RelabelAction::kKeep, {"missing"}, "")}) == kInput.to_string());
    CHECK(run({{"a", "x"}, {"b", "x"}}, {with(rule(RelabelAction::kDropEqual, {"a"}), "b")}) ==
          "dropped");
    CHECK(run({{"a", "x"}, {"b", "y"}}, {with(rule(RelabelAction::kKeepEqual, {"a"}), "b")}) ==
          "dropped");
    CHECK(run({{"a", "x"}, {"b", "x"}}, {with(rule(RelabelAction::kKeepEqual, {"a"}), "b")}) !=
          "dropped");
}

TEST_CASE("hashmod takes the last eight bytes of MD5", "[model][relabel]") {
    RelabelRule hashmod = with(rule(RelabelAction::kHashMod, {"c"}), "d");
    hashmod.modulus = 1000;
    CHECK(run(kInput, {hashmod}) == R"({a="foo", b="bar", c="baz", d="976"})");
}

TEST_CASE("label names are mapped, dropped and kept by expression", "[model][relabel]") {
    const Labels meta{{"__meta_one", "1"}, {"__meta_two", "2"}, {"keep", "3"}};
    CHECK(run(meta, {with(rule(RelabelAction::kLabelMap, {}, "__meta_(.*)"), "", "x_$1")}) ==
          R"({__meta_one="1", __meta_two="2", keep="3", x_one="1", x_two="2"})");
    CHECK(run(meta, {rule(RelabelAction::kLabelDrop, {}, "__meta_.*")}) == R"({keep="3"})");
    CHECK(run(meta, {rule(RelabelAction::kLabelKeep, {}, "__meta_t.*")}) == R"({__meta_two="2"})");
}

TEST_CASE("case is mapped over all of Unicode", "[model][relabel]") {
    CHECK(run({{"a", "Füß ΑΒГ x"}}, {with(rule(RelabelAction::kLowercase, {"a"}), "a")}) ==
          R"({a="füß αβг x"})");
    CHECK(run({{"a", "füs αβг x"}}, {with(rule(RelabelAction::kUppercase, {"a"}), "a")}) ==
          R"({a="FÜS ΑΒГ X"})");
}

#include <catch2/catch.hpp>

#include "config/node.h"

using config::parse_yaml;
using config::print_yaml;

namespace {

std::string error_of(const std::string& text) {
    const auto parsed = parse_yaml(text, "f.yml");
    return parsed.has_error() ? parsed.error().message() : "";
}

}  // namespace

TEST_CASE("a document becomes a tree that knows its lines", "[config][yaml]") {
    const auto root = parse_yaml("a: 1\nb:\n  - x\n  - {k: v}\n", "f.yml").value();
    REQUIRE(root->find("b") != nullptr);
    CHECK(root->find("a")->text == "1");
    CHECK(root->find("b")->items[1]->find("k")->place() == "f.yml:4");
    CHECK(parse_yaml("", "f.yml").value()->is_null());
    CHECK(parse_yaml("a: ~\nb: null\nc:\n", "f.yml").value()->find("c")->is_null());
    CHECK_FALSE(parse_yaml("a: \"null\"\n", "f.yml").value()->find("a")->is_null());
}

TEST_CASE("syntax errors and duplicate keys name file and line", "[config][yaml]") {
    CHECK(error_of("a: 1\na: 2\n").find("f.yml:2: key \"a\" stands twice") != std::string::npos);
    CHECK(error_of("a: [1, 2\nb: 3\n").starts_with("f.yml:"));
    CHECK(error_of("? [1, 2]\n: x\n").find("a key must be a plain text") != std::string::npos);
}

TEST_CASE("text in quotes that does not end names the line where it begins", "[config][yaml]") {
    const auto check = [](const std::string& text, const std::string& line) {
        CAPTURE(text);
        CHECK(error_of(text) == "f.yml:" + line + ": text in quotes begins here and does not end");
    };
    check("a: 1\nb: \"x\n", "2");
    check("a: 1\nb: 'x\n", "2");
    check("a: \"x\n\n  \nb: y\n", "1");
    check("a: \"x \\\"\n", "1");
    check("a: 'x ''\n", "1");
    check("a:\n  - &anchor !!str \"x\n", "2");
    check(
        "\xef\xbb\xbf"
        "a: \"ä\nb: y\n",
        "1");
    check("ä: ä\nb: \"ä\n", "2");
    CHECK(error_of("a: \"x").starts_with("f.yml:1: "));
    CHECK(error_of("a: [\"x\n").starts_with("f.yml:"));

    const auto value = [](const std::string& text) {
        const auto parsed = parse_yaml(text, "f.yml");
        return parsed ? parsed.value()->find("a")->text : parsed.error().message();
    };
    CHECK(value("a: \"x\"\n") == "x");
    CHECK(value("a: 'it''s'\n") == "it's");
    CHECK(value("a: \"\\\\\"\n") == "\\");
    CHECK(value("a: \"x\n  y\"   # don't\n\n") == "x y");
    CHECK(value("a: it's\n") == "it's");
    CHECK(value("a: |\n  \"x\n") == "\"x\n");
    CHECK(value("a: !!str 'x'\n") == "x");
}

TEST_CASE("aliases are resolved and cannot blow a document up", "[config][yaml]") {
    const auto root =
        parse_yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n", "f.yml").value();
    const config::Node* use = root->find("use");
    CHECK(use->find("x")->text == "1");
    CHECK(use->find("y")->text == "3");

    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int j = 0; j < 8; ++j) {
            bomb += ", " + before;
        }
        bomb += "]\n";
    }
    const auto parsed = parse_yaml(bomb, "f.yml");
    REQUIRE(parsed.has_error());
    CHECK(parsed.error().code() == base::Code::kLimit);
    CHECK(parsed.error().message().find("kMaxYamlNodes") != std::string::npos);

    const std::string deep(200, '[');
    CHECK(error_of(deep).find("kMaxYamlDepth") != std::string::npos);
}

TEST_CASE("printing a tree reads back as the same tree, secrets masked", "[config][yaml]") {
    const std::string text =
        "a: plain\nb: \"quoted: yes\"\nc: [1, 2, {d: e}]\nf: {}\ng: []\nh: \"multi\\nline\"\ni: "
        "'007'\nj: ~\nk: '*star'\n";
    const auto root = parse_yaml(text, "f.yml").value();
    const std::string printed = print_yaml(*root);
    const auto again = parse_yaml(printed, "f.yml");
    REQUIRE(again.has_value());
    CHECK(print_yaml(*again.value()) == printed);
    CHECK(again.value()->find("h")->text == "multi\nline");
    CHECK(again.value()->find("k")->text == "*star");
    root->find("a")->secret = true;
    CHECK(print_yaml(*root).find("a: <secret>\n") != std::string::npos);
}

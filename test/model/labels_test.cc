#include "model/labels.h"

#include <map>
#include <random>

#include <catch2/catch.hpp>

using model::Labels;
using model::LabelView;
using model::NameScheme;

TEST_CASE("labels are sorted, unique and without empty values", "[model][labels]") {
    const Labels labels{{"z", "1"}, {"a", "2"}, {"gone", ""}, {"z", "3"}};
    std::vector<std::pair<std::string, std::string>> seen;
    for (const LabelView label : labels) {
        seen.emplace_back(label.name, label.value);
    }
    CHECK(seen == std::vector<std::pair<std::string, std::string>>{{"a", "2"}, {"z", "3"}});
    CHECK(labels.size() == 2);
    CHECK(labels.get("z") == "3");
    CHECK(labels.get("m").empty());
    CHECK(labels == Labels{{"a", "2"}, {"z", "3"}});
    CHECK(labels.hash() == (Labels{{"a", "2"}, {"z", "3"}}).hash());
}

TEST_CASE("labels compare by names and values in turn, then by count", "[model][labels]") {
    CHECK(Labels{{"a", "1"}} < Labels{{"a", "2"}});
    CHECK(Labels{{"a", "2"}} < Labels{{"b", "1"}});
    CHECK(Labels{{"a", "1"}} < Labels{{"a", "1"}, {"b", "1"}});
    CHECK(Labels{} < Labels{{"a", "1"}});
    CHECK((Labels{{"a", "1"}} <=> Labels{{"a", "1"}}) == std::strong_ordering::equal);
}

TEST_CASE("the stable hash of no labels is XXH64 of nothing", "[model][labels]") {
    CHECK(Labels{}.stable_hash() == 0xef46db3751d8e999ULL);
}

TEST_CASE("the sized hash is that of Prometheus 3", "[model][labels]") {
    CHECK(Labels{}.sized_hash() == 17241709254077376921ULL);
    CHECK((Labels{{"__name__", "up"}, {"job", "node"}}).sized_hash() == 1630145942194973605ULL);
    CHECK((Labels{{"a", std::string(254, 'x')}}).sized_hash() == 15390423940348798586ULL);
    CHECK((Labels{{"a", std::string(255, 'x')}}).sized_hash() == 7843869350762009678ULL);
    CHECK((Labels{{"a", std::string(300, 'x')}}).sized_hash() == 8301386041670035979ULL);
}

TEST_CASE("label sets print with Go's quoting", "[model][labels]") {
    const Labels labels{
        {"__name__", "up"}, {"path", "C:\\\"x\"\n"}, {"bad", "\xff"}, {"my.label", "é"}};
    CHECK(labels.to_string() ==
          R"({__name__="up", bad="\xff", "my.label"="é", path="C:\\\"x\"\n"})");
    CHECK((Labels{{"__name__", "up"}, {"job", "node"}}).to_series_string() == R"(up{job="node"})");
    CHECK((Labels{{"__name__", "up"}}).to_series_string() == "up");
    CHECK((Labels{{"__name__", "my.up"}, {"a", "b"}}).to_series_string() == R"({"my.up", a="b"})");
    CHECK(Labels{}.to_series_string() == "{}");
}

TEST_CASE("packed labels are taken only when they are well-formed", "[model][labels]") {
    const Labels labels{{"a", "1"}, {"b", std::string(300, 'x')}};
    Labels read;
    REQUIRE(Labels::from_packed(labels.packed(), 2, read));
    CHECK(read == labels);
    for (size_t length = 0; length < labels.packed().size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(Labels::from_packed(labels.packed().substr(0, length), 2, read));
    }
    CHECK_FALSE(Labels::from_packed(labels.packed(), 1, read));
    CHECK_FALSE(Labels::from_packed(std::string_view("\x01"
                                                     "b\x01"
                                                     "1\x01"
                                                     "a\x01"
                                                     "2",
                                                     8),
                                    2,
                                    read));
}

TEST_CASE("a labels builder behaves like a map", "[model][labels]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    model::LabelsBuilder builder;
    std::map<std::string, std::string> want;
    for (int step = 0; step < 500; ++step) {
        const std::string name(1, static_cast<char>('a' + random() % 12));
        const std::string value = random() % 4 == 0 ? "" : std::to_string(random() % 100);
        builder.set(name, value);
        if (value.empty()) {
            want.erase(name);
        } else {
            want[name] = value;
        }
        REQUIRE(builder.get(name) == value);
    }
    std::map<std::string, std::string> got;
    for (const LabelView label : builder.labels()) {
        got.emplace(label.name, label.value);
    }
    CHECK(got == want);
}

TEST_CASE("names are checked by scheme", "[model][labels]") {
    CHECK(model::is_valid_metric_name("http:requests_total", NameScheme::kLegacy));
    CHECK_FALSE(model::is_valid_metric_name("0abc", NameScheme::kLegacy));
    CHECK_FALSE(model::is_valid_metric_name("my.metric", NameScheme::kLegacy));
    CHECK(model::is_valid_metric_name("my.metric", NameScheme::kUtf8));
    CHECK_FALSE(model::is_valid_metric_name("", NameScheme::kUtf8));
    CHECK_FALSE(model::is_valid_metric_name("a\xff", NameScheme::kUtf8));
    CHECK_FALSE(model::is_valid_label_name("a:b", NameScheme::kLegacy));
    CHECK(model::is_valid_label_name("日本", NameScheme::kUtf8));
}

#include "tsdb/head/head.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"
#include "tsdb/head/cardinality.h"
#include "tsdb/head/symbol_ranks.h"

namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;

tsdb::ChunkRules rules() {
    return {};
}

uint32_t add(tsdb::Head& head, const Labels& labels) {
    const auto handle = head.resolve(labels, labels.hash(), model::origin_of(labels), nullptr);
    REQUIRE(handle);
    return handle.value().slot;
}

Matcher matcher(MatchType type, const std::string& name, const std::string& value) {
    auto made = Matcher::create(type, name, value);
    REQUIRE(made);
    return std::move(made).value();
}

Labels random_labels(base::Random& random) {
    std::vector<std::string> texts;
    std::vector<model::LabelView> views;
    texts.reserve(20);
    for (const char* name : {"__name__", "a", "b", "c", "instance", "job"}) {
        if (random.below(4) != 0) {
            texts.push_back("v" + std::to_string(random.below(name[0] == 'i' ? 200 : 12)));
            views.push_back({.name = name, .value = texts.back()});
        }
    }
    return Labels::from_unsorted(views);
}

}  // namespace

TEST_CASE("symbols are ranked by their texts, without those of other series", "[tsdb][head]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    std::vector<uint32_t> slots;
    std::map<std::string, uint32_t> texts;
    for (int i = 0; i < 2000; ++i) {
        const Labels labels = random_labels(random);
        const uint32_t slot = add(head, labels);
        if (random.below(2) == 0) {
            continue;
        }
        slots.push_back(slot);
        for (const auto& label : labels) {
            texts[std::string(label.name)] = 0;
            texts[std::string(label.value)] = 0;
        }
    }
    uint32_t rank = 0;
    for (auto& [text, number] : texts) {
        number = ++rank;
    }
    tsdb::SymbolRanks ranks(head, slots);
    std::vector<std::string> sorted;
    for (const uint32_t symbol : ranks.take_sorted()) {
        sorted.emplace_back(head.symbols()->text(symbol));
        CHECK(ranks[symbol] == texts[sorted.back()]);
    }
    CHECK(sorted.size() == texts.size());
    CHECK(std::ranges::is_sorted(sorted));
}

TEST_CASE("head gives the same labels the same series, whatever their origin", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    const Labels labels{{"__name__", "up"}, {"job", "a"}};
    bool created = false;
    const auto first = head.resolve(labels, labels.hash(), 1, &created);
    REQUIRE(first);
    CHECK(created);
    const auto second = head.resolve(labels, labels.hash(), 2, &created);
    REQUIRE(second);
    CHECK_FALSE(created);
    CHECK(first.value() == second.value());
    CHECK(head.series() == 1);
    CHECK(head.take_new_series().size() == 1);
}

TEST_CASE("head refuses new series beyond its budget and keeps the old ones", "[tsdb][head]") {
    base::Budget budget("storage.head.memory-limit", 4 << 20);
    tsdb::Head head(budget, rules());
    uint64_t made = 0;
    base::Result<model::SeriesHandle> last = model::SeriesHandle{};
    for (; made < 100000; ++made) {
        const std::string value = std::to_string(made);
        const Labels labels{{"__name__", "metric"}, {"id", value}};
        last = head.resolve(labels, labels.hash(), made, nullptr);
        if (!last) {
            break;
        }
    }
    REQUIRE_FALSE(last);
    CHECK(last.error().code() == base::Code::kLimit);
    CHECK(made > 1000);
    CHECK(head.memory().total() == budget.used());
    const Labels known{{"__name__", "metric"}, {"id", "0"}};
    CHECK(head.resolve(known, known.hash(), 0, nullptr));
}

TEST_CASE("head matches series as one by one comparison does", "[tsdb][head][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    std::map<uint32_t, Labels> all;
    for (int i = 0; i < 3000; ++i) {
        const Labels labels = random_labels(random);
        all[add(head, labels)] = labels;
    }
    const std::vector<std::string> patterns = {
        "v1", "v1|v2|v3", "v1.*", ".*", ".+", "", "v[0-5]", "(v1|v7)?", "none", "v1|", ".*9"};
    const std::vector<std::string> names = {"__name__", "a", "b", "c", "instance", "job", "absent"};
    for (int round = 0; round < 1500; ++round) {
        std::vector<Matcher> matchers;
        std::string text;
        for (uint64_t i = random.below(4); i > 0; --i) {
            const auto type = static_cast<MatchType>(random.below(4));
            matchers.push_back(matcher(
                type, names[random.below(names.size())], patterns[random.below(patterns.size())]));
            text += matchers.back().to_string() + " ";
        }
        CAPTURE(text);
        std::vector<uint32_t> want;
        for (const auto& [slot, labels] : all) {
            const Labels& of = labels;
            if (std::ranges::all_of(
                    matchers, [&](const Matcher& m) { return m.matches(of.get(m.name())); })) {
                want.push_back(slot);
            }
        }
        const auto set = head.match(matchers, {});
        REQUIRE(set);
        REQUIRE(set.value().slots() == want);
    }
}

TEST_CASE("head cuts chunks where Prometheus does", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    const Labels labels{{"__name__", "up"}};
    const tsdb::SlotEntry entry = head.at(add(head, labels));
    const int64_t range = rules().range_ms;
    base::SeededRandom random(5);
    // An hour and a half into a range, so that its end comes before the chunk is full.
    const int64_t start = 100 * range;
    std::vector<tsdb::HeadSample> samples;
    for (int64_t t = start; t < start + 2 * range; t += 15000) {
        samples.push_back({.series = entry, .t = t, .bits = 0, .index = 0});
    }
    CHECK(head.apply(samples, model::kMinTime, [](const auto&, auto) {}) == samples.size());
    std::vector<int64_t> begins;
    for (const auto* chunk = entry.record->closed; chunk != nullptr; chunk = chunk->older) {
        begins.push_back(chunk->min_t);
        CHECK(model::xor_count(chunk->bytes()) == 120);
        CHECK(chunk->min_t / range == chunk->max_t() / range);
    }
    // 480 samples per range: four chunks of 120 each.
    CHECK(begins.size() == 7);
    CHECK(begins.front() == start + 6 * 120 * 15000);
    CHECK(head.chunks() == 8);
}

TEST_CASE("head cuts a chunk of incompressible values below a kilobyte", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    const tsdb::SlotEntry entry = head.at(add(head, Labels{{"__name__", "noise"}}));
    base::SeededRandom random(5);
    std::vector<tsdb::HeadSample> samples;
    for (int64_t i = 0; i < 3000; ++i) {
        samples.push_back({.series = entry,
                           .t = 1'600'000'000'000 + static_cast<int64_t>(i) * 1000 +
                                static_cast<int64_t>(random.below(900)),
                           .bits = random.u64(),
                           .index = 0});
    }
    CHECK(head.apply(samples, model::kMinTime, [](const auto&, auto) {}) == samples.size());
    for (const auto* chunk = entry.record->closed; chunk != nullptr; chunk = chunk->older) {
        CHECK(chunk->size <= tsdb::ChunkRules::kBytesMax);
        CHECK(model::xor_count(chunk->bytes()) <= 240);
    }
}

TEST_CASE("head judges samples by Prometheus' rules", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    const tsdb::SlotEntry entry = head.at(add(head, Labels{{"__name__", "up"}}));
    const int64_t now = 1'700'000'000'000;
    const auto apply = [&](int64_t t, double v) {
        std::optional<model::RejectReason> reason;
        const tsdb::HeadSample sample{.series = entry, .t = t, .bits = std::bit_cast<uint64_t>(v)};
        const uint64_t appended =
            head.apply(std::span(&sample, 1),
                       head.min_valid_time(t),
                       [&](const auto&, model::RejectReason why) { reason = why; });
        if (appended != 0) {
            head.extend(t, t);
        }
        return std::pair(appended, reason);
    };
    using Outcome = std::pair<uint64_t, std::optional<model::RejectReason>>;
    CHECK(apply(now, 1) == Outcome(1, std::nullopt));
    CHECK(apply(now, 1) == Outcome(0, std::nullopt));
    CHECK(apply(now, 2) == Outcome(0, model::RejectReason::kDuplicateTimestamp));
    CHECK(apply(now - 1, 2) == Outcome(0, model::RejectReason::kOutOfOrder));
    CHECK(apply(now - 3'600'001, 2) == Outcome(0, model::RejectReason::kOutOfBounds));
    CHECK(apply(now + 1, 2) == Outcome(1, std::nullopt));
    CHECK(apply(INT64_MAX, 2) == Outcome(1, std::nullopt));
    CHECK(apply(INT64_MIN, 2) == Outcome(0, model::RejectReason::kOutOfBounds));
}

TEST_CASE("head counts the largest labels", "[tsdb][head]") {
    base::Budget budget("test");
    tsdb::Head head(budget, rules());
    for (int i = 0; i < 30; ++i) {
        const std::string id = std::to_string(i);
        add(head, Labels{{"__name__", i < 20 ? "big" : "small"}, {"id", id}});
    }
    const tsdb::Cardinality counted = tsdb::count_cardinality(head, 2);
    using Counts = std::vector<tsdb::NamedCount>;
    CHECK(counted.series_by_metric_name == Counts{{"big", 20}, {"small", 10}});
    CHECK(counted.values_by_label_name == Counts{{"id", 30}, {"__name__", 2}});
    CHECK(counted.memory_by_label_name == Counts{{"__name__", 110}, {"id", 50}});
    CHECK(counted.series_by_label_pair == Counts{{"__name__=big", 20}, {"__name__=small", 10}});
}

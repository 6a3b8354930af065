#include "model/merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

#include "base/byte_view.h"
#include "base/random.h"
#include "model/merge_symbols.h"
#include "test/support/seed.h"

namespace {

using model::Labels;

// A chunk as a test writes it: the text stands for the bytes.
struct FakeChunk {
    int64_t min_t = 0;
    int64_t max_t = 0;
    std::string bytes;

    auto operator<=>(const FakeChunk&) const = default;
};

using FakeSeries = std::map<Labels, std::vector<FakeChunk>>;

class FakeSymbols final : public model::SymbolTable {
  public:
    // Numbers differ from table to table.
    explicit FakeSymbols(uint32_t first) : first_(first) {}

    std::string_view text(uint32_t symbol) const override { return texts_.at(symbol - first_); }

    uint32_t number(std::string_view text) {
        const auto at = std::ranges::find(texts_, text);
        if (at != texts_.end()) {
            return first_ + static_cast<uint32_t>(at - texts_.begin());
        }
        texts_.emplace_back(text);
        return first_ + static_cast<uint32_t>(texts_.size() - 1);
    }

  private:
    const uint32_t first_;
    std::vector<std::string> texts_;
};

// Gives series in batches of random sizes, now and then with a new symbol table; what a batch
// points to lives in the batch, so that a sanitizer sees one that is let go too early.
class FakeSet final : public model::SeriesSet {
  public:
    FakeSet(FakeSeries series, uint32_t source, uint64_t seed)
        : series_(std::move(series)), at_(series_.begin()), source_(source), random_(seed) {}

    base::Result<bool> next(model::SeriesBatch& batch) override {
        batch.clear();
        if (symbols_ == nullptr || random_.below(4) == 0) {
            symbols_ = std::make_shared<FakeSymbols>(static_cast<uint32_t>(random_.below(1000)));
        }
        batch.symbols = symbols_;
        for (uint64_t left = 1 + random_.below(40); left > 0 && at_ != series_.end();
             --left, ++at_) {
            if (fail_after_.has_value() && given_ == *fail_after_) {
                return base::fail(base::Code::kCorrupt, "the source broke");
            }
            add(batch);
        }
        return !batch.series.empty();
    }

    std::vector<std::string> warnings() const override { return warnings_; }

    void fail_after(size_t series) { fail_after_ = series; }

    void warn(std::string text) { warnings_.push_back(std::move(text)); }

  private:
    void add(model::SeriesBatch& batch) {
        std::vector<model::LabelSymbols> labels;
        for (const auto label : at_->first) {
            labels.push_back(
                {.name = symbols_->number(label.name), .value = symbols_->number(label.value)});
        }
        std::vector<model::ChunkView> chunks;
        for (const FakeChunk& chunk : at_->second) {
            const std::string_view bytes = batch.arena.copy(std::string_view(chunk.bytes));
            chunks.push_back({.encoding = model::Encoding::kXor,
                              .source = source_,
                              .bytes = base::ByteView(bytes).span(),
                              .min_t = chunk.min_t,
                              .max_t = chunk.max_t});
        }
        batch.series.push_back(
            {.id = given_++,
             .labels = batch.arena.copy(std::span<const model::LabelSymbols>(labels)),
             .chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks))});
    }

    const FakeSeries series_;
    FakeSeries::const_iterator at_;
    const uint32_t source_;
    base::SeededRandom random_;
    std::shared_ptr<FakeSymbols> symbols_;
    uint64_t given_ = 0;
    std::optional<size_t> fail_after_;
    std::vector<std::string> warnings_;
};

class FakeQuerier final : public model::Querier {
  public:
    FakeQuerier(FakeSeries series, std::vector<std::string> names)
        : series_(std::move(series)), names_(std::move(names)) {}

    base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> /*matchers*/,
        const model::QueryContext& /*context*/) override {
        CHECK(hints.sorted);
        return std::make_unique<FakeSet>(series_, 0, 7);
    }

    base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& /*hints*/,
        std::span<const model::Matcher> /*matchers*/,
        const model::QueryContext& /*context*/) override {
        return names_;
    }

    base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& /*hints*/,
        std::span<const model::Matcher> /*matchers*/,
        const model::QueryContext& /*context*/) override {
        std::vector<std::string> values;
        for (const std::string& own : names_) {
            values.push_back(std::string(name) + own);
        }
        return values;
    }

  private:
    const FakeSeries series_;
    const std::vector<std::string> names_;
};

FakeSeries random_series(base::Random& random) {
    FakeSeries series;
    for (uint64_t left = random.below(4) == 0 ? 0 : random.below(300); left > 0; --left) {
        std::vector<model::LabelView> views;
        const std::string a = std::to_string(random.below(20));
        const std::string b = std::to_string(random.below(20));
        views.push_back({.name = "a", .value = a});
        if (random.below(4) != 0) {
            views.push_back({.name = random.below(3) == 0 ? "b" : "c", .value = b});
        }
        std::vector<FakeChunk> chunks;
        int64_t t = 0;
        for (uint64_t count = 1 + random.below(3); count > 0; --count) {
            const int64_t min_t = t + 1 + static_cast<int64_t>(random.below(3));
            t = min_t + static_cast<int64_t>(random.below(3));
            chunks.push_back(
                {.min_t = min_t, .max_t = t, .bytes = random.below(3) == 0 ? "other" : "same"});
        }
        series[Labels::from_unsorted(views)] = std::move(chunks);
    }
    return series;
}

// The same by a map: every chunk once, by its times.
FakeSeries naive_merge(const std::vector<FakeSeries>& sources) {
    FakeSeries all;
    for (const FakeSeries& source : sources) {
        for (const auto& [labels, chunks] : source) {
            auto& merged = all[labels];
            merged.insert(merged.end(), chunks.begin(), chunks.end());
        }
    }
    for (auto& [labels, chunks] : all) {
        std::ranges::sort(chunks);
        const auto repeated = std::ranges::unique(chunks);
        chunks.erase(repeated.begin(), repeated.end());
    }
    return all;
}

Labels labels_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::vector<model::LabelView> views;
    for (const auto& label : series.labels) {
        views.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    return Labels::from_sorted(views);
}

std::vector<FakeChunk> chunks_of(const model::SeriesView& series) {
    std::vector<FakeChunk> chunks;
    for (const auto& chunk : series.chunks) {
        chunks.push_back({.min_t = chunk.min_t,
                          .max_t = chunk.max_t,
                          .bytes = std::string(base::ByteView(chunk.bytes).text())});
    }
    return chunks;
}

// Reads a set to its end, and checks what is promised of its batches.
FakeSeries read_all(model::SeriesSet& set) {
    FakeSeries all;
    std::optional<Labels> before;
    const model::SymbolTable* table = nullptr;
    std::map<std::string, uint32_t, std::less<>> numbers;
    std::set<uint64_t> ids;
    model::SeriesBatch batch;
    for (;;) {
        const auto more = set.next(batch);
        REQUIRE(more.has_value());
        if (!more.value()) {
            return all;
        }
        REQUIRE_FALSE(batch.series.empty());
        if (batch.symbols.get() != table) {
            table = batch.symbols.get();
            numbers.clear();
        }
        for (const auto& series : batch.series) {
            const Labels labels = labels_of(batch, series);
            REQUIRE((!before.has_value() || *before < labels));
            before = labels;
            REQUIRE(ids.insert(series.id).second);
            for (const auto& label : series.labels) {
                const auto [at, is_new] =
                    numbers.emplace(std::string(batch.text(label.value)), label.value);
                REQUIRE(at->second == label.value);
            }
            auto chunks = chunks_of(series);
            REQUIRE(std::ranges::is_sorted(chunks, {}, &FakeChunk::min_t));
            std::ranges::sort(chunks);
            all.emplace(labels, std::move(chunks));
        }
    }
}

FakeSeries some(std::initializer_list<const char*> values, std::string bytes = "x") {
    FakeSeries series;
    for (const char* value : values) {
        series[Labels{{"a", value}}] = {{.min_t = 1, .max_t = 2, .bytes = bytes}};
    }
    return series;
}

template <class... Sets>
std::vector<std::unique_ptr<model::SeriesSet>> list(Sets... sets) {
    std::vector<std::unique_ptr<model::SeriesSet>> all;
    (all.push_back(std::move(sets)), ...);
    return all;
}

std::unique_ptr<FakeSet> fake(FakeSeries series, uint32_t source = 0) {
    return std::make_unique<FakeSet>(std::move(series), source, 11 + source);
}

}  // namespace

TEST_CASE("merging series sets equals merging maps", "[model][merge][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 150; ++round) {
        CAPTURE(round);
        std::vector<FakeSeries> sources;
        std::vector<std::unique_ptr<model::SeriesSet>> sets;
        for (uint64_t count = random.below(7); count > 0; --count) {
            sources.push_back(random.below(4) == 0 && !sources.empty() ? sources.front()
                                                                       : random_series(random));
            sets.push_back(std::make_unique<FakeSet>(
                sources.back(), static_cast<uint32_t>(sources.size()), random.u64()));
        }
        const bool single = sources.size() == 1;
        const auto merged = model::merge_series(std::move(sets));
        const FakeSeries got = read_all(*merged);
        REQUIRE(got.size() == naive_merge(sources).size());
        REQUIRE(got == (single ? naive_merge({sources[0]}) : naive_merge(sources)));
        model::SeriesBatch batch;
        CHECK_FALSE(merged->next(batch).value());
    }
}

TEST_CASE("chunks of a merged batch live as long as its pins", "[model][merge]") {
    FakeSeries left;
    FakeSeries right;
    for (int i = 0; i < 1000; ++i) {
        const std::string value = std::to_string(i);
        left[Labels{{"a", value}}] = {{.min_t = 1, .max_t = 2, .bytes = "left" + value}};
        right[Labels{{"a", value}}] = {{.min_t = 1, .max_t = 2, .bytes = "right" + value}};
    }
    const auto merged = model::merge_series(list(fake(left, 1), fake(right, 2)));
    std::vector<std::unique_ptr<model::SeriesBatch>> batches;
    for (;;) {
        batches.push_back(std::make_unique<model::SeriesBatch>());
        if (!merged->next(*batches.back()).value()) {
            break;
        }
    }
    CHECK(batches.size() < 20);  // of 256 series, or at least 64
    size_t seen = 0;
    for (const auto& batch : batches) {
        for (const auto& series : batch->series) {
            const std::string value(labels_of(*batch, series).get("a"));
            CHECK(chunks_of(series) ==
                  std::vector<FakeChunk>{{.min_t = 1, .max_t = 2, .bytes = "left" + value},
                                         {.min_t = 1, .max_t = 2, .bytes = "right" + value}});
            CHECK(series.chunks[0].source == 1);
            CHECK(series.chunks[1].source == 2);
            ++seen;
        }
    }
    CHECK(seen == 1000);
}

TEST_CASE("a set beside empty ones passes through with its own symbols", "[model][merge]") {
    const FakeSeries only = some({"1", "2", "3"});
    const auto merged = model::merge_series(list(fake({}), fake(only), fake({})));
    CHECK(read_all(*merged) == only);
}

TEST_CASE("a source that breaks fails the merged set", "[model][merge]") {
    auto broken = fake(some({"1", "2", "3", "4"}));
    broken->fail_after(2);
    const auto merged = model::merge_series(list(std::move(broken), fake(some({"2"}))));
    model::SeriesBatch batch;
    base::Result<bool> more = true;
    while (more.has_value() && more.value()) {
        more = merged->next(batch);
    }
    REQUIRE_FALSE(more.has_value());
    CHECK(more.error().code() == base::Code::kCorrupt);
}

TEST_CASE("warnings of all sources are passed on once", "[model][merge]") {
    auto left = fake(some({"1"}));
    auto right = fake(some({"2"}));
    left->warn("slow");
    right->warn("slow");
    right->warn("old");
    const auto merged = model::merge_series(list(std::move(left), std::move(right)));
    read_all(*merged);
    CHECK(merged->warnings() == std::vector<std::string>{"slow", "old"});
}

TEST_CASE("merged queriers unite names and values and keep to limits", "[model][merge]") {
    const auto make = [](bool second_has_series) {
        std::vector<std::unique_ptr<model::Querier>> sources;
        using Names = std::vector<std::string>;
        sources.push_back(
            std::make_unique<FakeQuerier>(some({"1", "3", "5", "7"}), Names{"a", "c"}));
        sources.push_back(std::make_unique<FakeQuerier>(
            second_has_series ? some({"2", "3", "4"}) : FakeSeries(), Names{"b", "c"}));
        return model::merge_queriers(std::move(sources));
    };
    using Texts = std::vector<std::string>;
    const auto querier = make(true);
    CHECK(querier->label_names({}, {}, {}).value() == Texts{"a", "b", "c"});
    CHECK(querier->label_names({.limit = 2}, {}, {}).value() == Texts{"a", "b"});
    CHECK(querier->label_values("x", {}, {}, {}).value() == Texts{"xa", "xb", "xc"});
    CHECK(querier->label_values("x", {.limit = 1}, {}, {}).value() == Texts{"xa"});
    model::SelectHints hints;
    hints.limit = 4;
    CHECK(read_all(*querier->select(hints, {}, {}).value()) == some({"1", "2", "3", "4"}));
    hints.limit = 3;
    CHECK(read_all(*make(false)->select(hints, {}, {}).value()) == some({"1", "3", "5"}));
    hints.limit = 0;
    CHECK(read_all(*querier->select(hints, {}, {}).value()).size() == 6);
}

TEST_CASE("merging no queriers gives no series", "[model][merge]") {
    const auto querier = model::merge_queriers({});
    CHECK(querier->label_names({}, {}, {}).value().empty());
    CHECK(read_all(*querier->select({}, {}, {}).value()).empty());
}

TEST_CASE("a merged set charges the query's budget and says when it is full", "[model][merge]") {
    base::Budget budget("query.max-memory", 64 << 10);
    model::QueryContext context;
    context.budget = &budget;
    std::vector<std::unique_ptr<model::Querier>> sources;
    sources.push_back(std::make_unique<FakeQuerier>(some({"1", "2"}), std::vector<std::string>()));
    sources.push_back(std::make_unique<FakeQuerier>(some({"2"}), std::vector<std::string>()));
    const auto querier = model::merge_queriers(std::move(sources));
    const auto set = querier->select({}, {}, context);
    model::SeriesBatch batch;
    const auto more = set.value()->next(batch);
    REQUIRE_FALSE(more.has_value());
    CHECK(more.error().code() == base::Code::kLimit);
}

TEST_CASE("merged symbols have one number per text and keep their texts", "[model][merge]") {
    model::MergedSymbols symbols;
    std::vector<std::string_view> texts;
    constexpr uint32_t kTexts = 5000;
    for (uint32_t i = 0; i < kTexts; ++i) {
        REQUIRE(symbols.intern("text " + std::to_string(i)) == i);
        texts.push_back(symbols.text(i));
    }
    for (uint32_t i = 0; i < kTexts; ++i) {
        CHECK(symbols.intern("text " + std::to_string(i)) == i);
        CHECK(texts[i] == "text " + std::to_string(i));
        CHECK(texts[i].data() == symbols.text(i).data());
    }
    CHECK(symbols.intern("") == kTexts);
    CHECK(symbols.text(kTexts).empty());
}

#include "query/testing/memory_storage.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <unordered_map>

#include "base/check.h"
#include "model/label_order.h"
#include "model/sample.h"
#include "model/xor_chunk.h"
#include "query/histogram/compare.h"

namespace query::testing {
namespace {

using base::Result;
using model::ChunkSample;

constexpr size_t kChunkSamples = 120;
constexpr size_t kChunkBytesMax = 4096;
constexpr size_t kBatchSeries = 256;

class Symbols final : public model::SymbolTable {
  public:
    [[nodiscard]] std::string_view text(uint32_t symbol) const override { return texts_[symbol]; }

    uint32_t intern(std::string_view text) {
        const auto [found, inserted] =
            by_text_.try_emplace(std::string(text), static_cast<uint32_t>(texts_.size()));
        if (inserted) {
            texts_.push_back(found->first);
        }
        return found->second;
    }

    [[nodiscard]] std::optional<uint32_t> find(const std::string& text) const {
        const auto found = by_text_.find(text);
        return found == by_text_.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    std::unordered_map<std::string, uint32_t> by_text_;
    std::vector<std::string_view> texts_;  // keys of by_text_, which do not move
};

struct EncodedChunk {
    std::vector<uint8_t> bytes;
    int64_t min_t = 0;
    int64_t max_t = 0;
};

struct Series {
    model::Labels labels;
    std::vector<model::LabelSymbols> symbols;
    std::vector<ChunkSample> samples;  // by time; empty when `chunks` hold them
    std::vector<EncodedChunk> chunks;

    // Whether all samples fit into XOR chunks.
    [[nodiscard]] bool plain() const {
        return std::ranges::all_of(samples, [](const ChunkSample& sample) {
            return sample.histogram == nullptr && sample.st == 0;
        });
    }
};

EncodedChunk encode(std::span<const ChunkSample> samples) {
    EncodedChunk chunk{std::vector<uint8_t>(kChunkBytesMax), samples.front().t, samples.back().t};
    model::XorState state;
    for (const ChunkSample& sample : samples) {
        const bool fits = model::xor_append(state,
                                            chunk.bytes.data(),
                                            /*origin=*/0,
                                            chunk.bytes.size(),
                                            sample.t,
                                            std::bit_cast<uint64_t>(sample.v));
        SKEIN_CHECK(fits, "a chunk's room is enough for its samples");
    }
    model::xor_finish(chunk.bytes.data(), state.count);
    chunk.bytes.resize(state.bytes());
    chunk.bytes.shrink_to_fit();
    return chunk;
}

}  // namespace

struct MemoryStorage::State {
    std::shared_ptr<Symbols> symbols = std::make_shared<Symbols>();
    std::map<model::Labels, Series> series;
};

namespace {

bool matches(const model::Labels& labels, std::span<const model::Matcher> matchers) {
    return std::ranges::all_of(matchers, [&](const model::Matcher& matcher) {
        return matcher.matches(labels.get(matcher.name()));
    });
}

class MemorySeriesSet final : public model::SeriesSet {
  public:
    MemorySeriesSet(std::vector<const Series*> series,
                    std::shared_ptr<const void> pin,
                    std::shared_ptr<const Symbols> symbols,
                    const model::SelectHints& hints,
                    const model::QueryContext& context)
        : series_(std::move(series)),
          pin_(std::move(pin)),
          symbols_(std::move(symbols)),
          hints_(hints),
          context_(context) {}

    Result<bool> next(model::SeriesBatch& batch) override {
        batch.clear();
        TRY(context_.check());
        batch.symbols = symbols_;
        batch.pins.push_back(pin_);
        while (position_ < series_.size() && batch.series.size() < kBatchSeries) {
            batch.series.push_back(view(*series_[position_], position_, batch.arena));
            ++position_;
        }
        return !batch.series.empty();
    }

  private:
    model::SeriesView view(const Series& series, size_t id, base::Arena& arena) const {
        model::SeriesView view;
        view.id = id;
        view.labels = series.symbols;
        if (hints_.skip_chunks) {
            return view;
        }
        std::vector<model::ChunkView> chunks;
        if (!series.samples.empty()) {
            chunks.push_back({.encoding = model::Encoding::kSamples,
                              .bytes = {reinterpret_cast<const uint8_t*>(series.samples.data()),
                                        series.samples.size() * sizeof(ChunkSample)},
                              .min_t = series.samples.front().t,
                              .max_t = series.samples.back().t});
        }
        for (const EncodedChunk& chunk : series.chunks) {
            if (chunk.max_t >= hints_.min_t && chunk.min_t <= hints_.max_t) {
                chunks.push_back({.encoding = model::Encoding::kXor,
                                  .bytes = chunk.bytes,
                                  .min_t = chunk.min_t,
                                  .max_t = chunk.max_t});
            }
        }
        view.chunks = arena.copy(std::span<const model::ChunkView>(chunks));
        return view;
    }

    std::vector<const Series*> series_;
    std::shared_ptr<const void> pin_;
    std::shared_ptr<const Symbols> symbols_;
    model::SelectHints hints_;
    const model::QueryContext& context_;
    size_t position_ = 0;
};

bool overlaps(const Series& series, int64_t min_t, int64_t max_t) {
    if (!series.samples.empty()) {
        return series.samples.back().t >= min_t && series.samples.front().t <= max_t;
    }
    return !series.chunks.empty() && series.chunks.back().max_t >= min_t &&
           series.chunks.front().min_t <= max_t;
}

std::vector<std::string> limited(std::set<std::string>&& names, uint64_t limit) {
    std::vector<std::string> out(names.begin(), names.end());
    if (limit > 0 && out.size() > limit) {
        out.resize(limit);
    }
    return out;
}

}  // namespace

constexpr size_t kSeriesPerLook = 4096;  // that a selection goes through

class MemoryQuerier final : public model::Querier {
  public:
    MemoryQuerier(std::shared_ptr<MemoryStorage::State> state, int64_t min_t, int64_t max_t)
        : state_(std::move(state)), min_t_(min_t), max_t_(max_t) {}

    Result<std::unique_ptr<model::SeriesSet>> select(const model::SelectHints& hints,
                                                     std::span<const model::Matcher> matchers,
                                                     const model::QueryContext& context) override {
        std::vector<const Series*> found;
        const int64_t min_t = std::max(min_t_, hints.min_t);
        const int64_t max_t = std::min(max_t_, hints.max_t);
        size_t seen = 0;
        for (const auto& [labels, series] : state_->series) {
            if (++seen % kSeriesPerLook == 0) {
                TRY(context.check());
            }
            const bool mine = hints.shard_count == 0 ||
                              labels.stable_hash() % hints.shard_count == hints.shard_index;
            if (mine && matches(labels, matchers) && overlaps(series, min_t, max_t)) {
                found.push_back(&series);
            }
        }
        if (!hints.order_without.empty()) {
            sort_without(found, hints.order_without);
        }
        if (hints.limit > 0 && found.size() > hints.limit) {
            found.resize(hints.limit);
        }
        return std::unique_ptr<model::SeriesSet>(std::make_unique<MemorySeriesSet>(
            std::move(found), state_, state_->symbols, hints, context));
    }

    Result<std::vector<std::string>> label_names(const model::LabelHints& hints,
                                                 std::span<const model::Matcher> matchers,
                                                 const model::QueryContext&) override {
        std::set<std::string> names;
        for_matching(matchers, [&](const model::Labels& labels) {
            for (const model::LabelView label : labels) {
                names.emplace(label.name);
            }
        });
        return limited(std::move(names), hints.limit);
    }

    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const model::LabelHints& hints,
                                                  std::span<const model::Matcher> matchers,
                                                  const model::QueryContext&) override {
        std::set<std::string> values;
        for_matching(matchers, [&](const model::Labels& labels) {
            if (labels.has(name)) {
                values.emplace(labels.get(name));
            }
        });
        return limited(std::move(values), hints.limit);
    }

  private:
    void sort_without(std::vector<const Series*>& series,
                      std::span<const std::string> names) const {
        std::vector<uint32_t> without;
        for (const std::string& name : names) {
            if (const auto symbol = state_->symbols->find(name)) {
                without.push_back(*symbol);
            }
        }
        std::ranges::sort(series, [&](const Series* left, const Series* right) {
            return model::labels_before(model::SymbolList{left->symbols},
                                        model::SymbolList{right->symbols},
                                        *state_->symbols,
                                        without);
        });
    }

    template <class Visit>
    void for_matching(std::span<const model::Matcher> matchers, Visit&& visit) {
        for (const auto& [labels, series] : state_->series) {
            if (matches(labels, matchers) && overlaps(series, min_t_, max_t_)) {
                visit(labels);
            }
        }
    }

    std::shared_ptr<MemoryStorage::State> state_;
    int64_t min_t_;
    int64_t max_t_;
};

MemoryStorage::MemoryStorage() : state_(std::make_shared<State>()) {}

MemoryStorage::~MemoryStorage() = default;

namespace {

// Back from chunks to samples, to add to them.
void unpack(Series& series) {
    for (const EncodedChunk& chunk : series.chunks) {
        const size_t count = model::xor_count(chunk.bytes);
        std::vector<int64_t> t(count);
        std::vector<double> v(count);
        base::ignore(model::xor_decode(chunk.bytes, t.data(), v.data()), "we encoded it ourselves");
        for (size_t i = 0; i < count; ++i) {
            series.samples.push_back({t[i], 0, v[i], nullptr});
        }
    }
    series.chunks.clear();
}

// Sorts; of equal times the one added last stays.
void normalize(std::vector<ChunkSample>& samples) {
    std::stable_sort(samples.begin(),
                     samples.end(),
                     [](const ChunkSample& a, const ChunkSample& b) { return a.t < b.t; });
    size_t to = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
        if (to > 0 && samples[to - 1].t == samples[i].t) {
            --to;
        }
        if (to != i) {
            samples[to] = std::move(samples[i]);
        }
        ++to;
    }
    samples.resize(to);
}

// The hints that chunks give: a histogram is known not to follow a counter reset where it could
// have joined the chunk of the one before. One that begins a chunk is unknown, even where a reset
// is why it does: what came before may have been deleted since. Gauges stay gauges.
model::CounterResetHint hint_after(const ChunkSample* before, const model::FloatHistogram& now) {
    using model::CounterResetHint;
    if (now.hint == CounterResetHint::kGauge) {
        return now.hint;
    }
    if (now.hint == CounterResetHint::kReset || before == nullptr || before->histogram == nullptr ||
        before->histogram->hint == CounterResetHint::kGauge) {
        return CounterResetHint::kUnknown;
    }
    const model::FloatHistogram& previous = *before->histogram;
    if (now.count < previous.count || now.schema != previous.schema ||
        now.zero_threshold != previous.zero_threshold ||
        now.custom_values != previous.custom_values) {
        return CounterResetHint::kUnknown;
    }
    model::FloatHistogram unhinted = now;
    unhinted.hint = CounterResetHint::kUnknown;
    return histogram::detect_reset(unhinted, previous) ? CounterResetHint::kUnknown
                                                       : CounterResetHint::kNotReset;
}

void set_hints(std::vector<ChunkSample>& samples) {
    for (size_t i = 0; i < samples.size(); ++i) {
        if (samples[i].histogram == nullptr || model::is_stale(samples[i].histogram->sum)) {
            continue;
        }
        const auto hint = hint_after(i == 0 ? nullptr : &samples[i - 1], *samples[i].histogram);
        if (hint != samples[i].histogram->hint) {
            auto copy = std::make_shared<model::FloatHistogram>(*samples[i].histogram);
            copy->hint = hint;
            samples[i].histogram = std::move(copy);
        }
    }
}

}  // namespace

void MemoryStorage::add(const model::Labels& labels, std::span<const ChunkSample> samples) {
    if (samples.empty()) {
        return;
    }
    Series& series = state_->series[labels];
    if (series.symbols.empty()) {
        series.labels = labels;
        for (const model::LabelView label : labels) {
            series.symbols.push_back(
                {state_->symbols->intern(label.name), state_->symbols->intern(label.value)});
        }
    }
    unpack(series);
    series.samples.insert(series.samples.end(), samples.begin(), samples.end());
    normalize(series.samples);
    set_hints(series.samples);
    if (series.plain()) {
        const std::span<const ChunkSample> all(series.samples);
        for (size_t i = 0; i < all.size(); i += kChunkSamples) {
            series.chunks.push_back(
                encode(all.subspan(i, std::min(kChunkSamples, all.size() - i))));
        }
        series.samples = {};
    }
}

void MemoryStorage::clear() {
    state_ = std::make_shared<State>();
}

size_t MemoryStorage::series_count() const {
    return state_->series.size();
}

Result<std::unique_ptr<model::Querier>> MemoryStorage::querier(int64_t min_t, int64_t max_t) {
    return std::unique_ptr<model::Querier>(std::make_unique<MemoryQuerier>(state_, min_t, max_t));
}

std::optional<std::pair<int64_t, int64_t>> MemoryStorage::time_range() const {
    std::optional<std::pair<int64_t, int64_t>> range;
    for (const auto& [labels, series] : state_->series) {
        const int64_t min_t =
            series.chunks.empty() ? series.samples.front().t : series.chunks.front().min_t;
        const int64_t max_t =
            series.chunks.empty() ? series.samples.back().t : series.chunks.back().max_t;
        range = range ? std::pair(std::min(range->first, min_t), std::max(range->second, max_t))
                      : std::pair(min_t, max_t);
    }
    return range;
}

}  // namespace query::testing

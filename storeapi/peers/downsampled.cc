#include "storeapi/peers/downsampled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "model/chunk_codec.h"

namespace storeapi {
namespace {

using model::ChunkSample;
using model::ChunkView;
using model::Encoding;
using model::TypedSample;

using Samples = std::vector<ChunkSample>;

constexpr std::array<std::string_view, 6> kCounterFunctions = {
    "increase", "rate", "irate", "resets", "xincrease", "xrate"};

// The float samples of a chunk; nothing when it cannot be read, or holds histograms.
std::optional<std::vector<TypedSample>> floats_of(const ChunkView& chunk) {
    std::vector<TypedSample> samples;
    if (chunk.encoding != Encoding::kXor || !model::decode_samples(chunk, samples)) {
        return std::nullopt;
    }
    return samples;
}

std::optional<ChunkView> chunk_of(Samples&& samples, SampleLists& kept) {
    if (samples.empty()) {
        return std::nullopt;
    }
    const auto list = std::make_shared<const Samples>(std::move(samples));
    kept.lists.push_back(list);
    kept.bytes += list->capacity() * sizeof(ChunkSample);
    return ChunkView{.encoding = Encoding::kSamples,
                     .bytes = {reinterpret_cast<const uint8_t*>(list->data()),
                               list->size() * sizeof(ChunkSample)},
                     .min_t = list->front().t,
                     .max_t = list->back().t};
}

std::optional<ChunkView> averages(const AggregateChunks& chunks, SampleLists& kept) {
    const auto counts = floats_of(chunks.count);
    const auto sums = floats_of(chunks.sum);
    if (!counts || !sums) {
        return std::nullopt;
    }
    Samples samples;
    auto count = counts->begin();
    for (const TypedSample& sum : *sums) {
        while (count != counts->end() && count->t < sum.t) {
            ++count;
        }
        if (count != counts->end() && count->t == sum.t && count->v > 0) {
            samples.push_back({.t = sum.t, .v = sum.v / count->v});
        }
    }
    return chunk_of(std::move(samples), kept);
}

std::optional<ChunkView> as_it_lies(const ChunkView& part, const AggregateChunks& chunks) {
    if (part.encoding == Encoding::kNone) {
        return std::nullopt;
    }
    ChunkView chunk = part;
    chunk.min_t = chunks.min_t;
    chunk.max_t = chunks.max_t;
    return chunk;
}

// Goes through the chunks of one counter in turn. Each begins with its first true value, goes on
// with values without the resets since, and ends with the last true value, at the time of the one
// before it.
class Counter {
  public:
    Samples correct(std::span<const TypedSample> chunk) {
        Samples samples;
        for (const TypedSample& sample : chunk) {
            if (std::isnan(sample.v)) {
                continue;
            }
            if (known_ && sample.t <= last_t_) {
                if (sample.t == last_t_) {
                    last_value_ = sample.v;
                }
                continue;
            }
            const bool reset = !known_ || sample.v < last_value_;
            total_ += reset ? sample.v : sample.v - last_value_;
            known_ = true;
            last_value_ = sample.v;
            last_t_ = sample.t;
            samples.push_back({.t = sample.t, .v = total_});
        }
        return samples;
    }

  private:
    bool known_ = false;
    double total_ = 0;
    double last_value_ = 0;
    int64_t last_t_ = 0;
};

}  // namespace

Aggregate aggregate_of(std::string_view function) {
    const auto is = [&](std::string_view name) {
        return function == name || (function.starts_with(name) && function.size() > name.size() &&
                                    function[name.size()] == '_');
    };
    if (is("min")) {
        return Aggregate::kMin;
    }
    if (is("max")) {
        return Aggregate::kMax;
    }
    if (is("count")) {
        return Aggregate::kCount;
    }
    if (function.starts_with("sum_")) {
        return Aggregate::kSum;
    }
    return std::ranges::find(kCounterFunctions, function) != kCounterFunctions.end()
               ? Aggregate::kCounter
               : Aggregate::kAverage;
}

bool aggregate_is_sound(std::string_view function) {
    return function != "resets" && !function.starts_with("count_");
}

std::optional<ChunkView> window_samples(const AggregateChunks& chunks,
                                        Aggregate aggregate,
                                        SampleLists& kept) {
    switch (aggregate) {
        case Aggregate::kAverage:
            return averages(chunks, kept);
        case Aggregate::kMin:
            return as_it_lies(chunks.min, chunks);
        case Aggregate::kMax:
            return as_it_lies(chunks.max, chunks);
        case Aggregate::kCount:
            return as_it_lies(chunks.count, chunks);
        case Aggregate::kSum:
            return as_it_lies(chunks.sum, chunks);
        case Aggregate::kCounter: {
            auto chunk = as_it_lies(chunks.counter, chunks);
            // Histograms come without the true values at the ends that would show a reset.
            if (!chunk || chunk->encoding != Encoding::kXor) {
                return std::nullopt;
            }
            chunk->source = kCounterSource;
            return chunk;
        }
    }
    return std::nullopt;
}

std::span<const ChunkView> correct_counters(std::span<const ChunkView> chunks,
                                            base::Arena& arena,
                                            SampleLists& kept,
                                            size_t& unreadable) {
    const auto is_counter = [](const ChunkView& chunk) { return chunk.source == kCounterSource; };
    if (std::ranges::none_of(chunks, is_counter)) {
        return chunks;
    }
    std::vector<ChunkView> all;
    std::vector<Counter> counters;  // by account: several may lie side by side
    for (const ChunkView& chunk : chunks) {
        if (!is_counter(chunk)) {
            all.push_back(chunk);
            continue;
        }
        const auto samples = floats_of(chunk);
        if (!samples) {
            ++unreadable;
            continue;
        }
        if (chunk.replica >= counters.size()) {
            counters.resize(size_t{chunk.replica} + 1);
        }
        if (auto corrected = chunk_of(counters[chunk.replica].correct(*samples), kept)) {
            corrected->replica = chunk.replica;
            all.push_back(*corrected);
        }
    }
    return arena.copy(std::span<const ChunkView>(all));
}

}  // namespace storeapi

#include "storeapi/series_chunks.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <tuple>
#include <utility>

#include "model/xor_chunk.h"

namespace storeapi {
namespace {

using model::ChunkView;
using model::Encoding;
using model::TypedSample;

bool goes_as_it_lies(const ChunkView& chunk) {
    return chunk.encoding == Encoding::kXor || chunk.encoding == Encoding::kHistogram ||
           chunk.encoding == Encoding::kFloatHistogram;
}

bool is_empty(const ChunkView& chunk) {
    if (chunk.encoding == Encoding::kXor) [[likely]] {
        return model::xor_count(chunk.bytes) == 0;
    }
    return chunk.encoding == Encoding::kSamples
               ? chunk.bytes.empty()
               : model::sample_count(chunk.encoding, chunk.bytes) == 0;
}

// Whether a series' chunks need no work at all.
bool go_as_they_lie(std::span<const ChunkView> chunks) {
    for (size_t i = 0; i < chunks.size(); ++i) {
        if (!goes_as_it_lies(chunks[i]) || is_empty(chunks[i]) ||
            (i != 0 && chunks[i].min_t <= chunks[i - 1].max_t)) {
            return false;
        }
    }
    return true;
}

auto time_key(const ChunkView& chunk) {
    return std::tuple(chunk.min_t, chunk.max_t);
}

bool is_same(const ChunkView& left, const ChunkView& right) {
    return left.encoding == right.encoding && time_key(left) == time_key(right) &&
           std::ranges::equal(left.bytes, right.bytes);
}

// The sample without what is known about the one before it.
template <class Histogram>
std::shared_ptr<const Histogram> with_unknown_reset(std::shared_ptr<const Histogram> histogram) {
    if (histogram == nullptr || histogram->hint == model::CounterResetHint::kGauge) {
        return histogram;
    }
    auto copy = std::make_shared<Histogram>(*histogram);
    copy->hint = model::CounterResetHint::kUnknown;
    return copy;
}

}  // namespace

base::Result<std::span<const ChunkView>> SeriesChunks::of(const SeriesGroup& group) {
    if (group.size() == 1 && go_as_they_lie(group.front().view->chunks)) [[likely]] {
        return group.front().view->chunks;
    }
    in_.clear();
    out_.clear();
    encoded_.clear();
    places_.clear();
    for (const StoredSeries& series : group) {
        std::ranges::copy_if(series.view->chunks, std::back_inserter(in_), [](const ChunkView& c) {
            return !is_empty(c);
        });
    }
    if (!std::ranges::is_sorted(in_, {}, time_key)) {
        std::ranges::stable_sort(in_, {}, time_key);
    }
    const auto repeated = std::ranges::unique(in_, is_same);
    in_.erase(repeated.begin(), repeated.end());
    for (size_t from = 0, to = 0; from < in_.size(); from = to) {
        int64_t end = in_[from].max_t;
        for (to = from + 1; to < in_.size() && in_[to].min_t <= end; ++to) {
            end = std::max(end, in_[to].max_t);
        }
        if (to == from + 1 && goes_as_it_lies(in_[from])) {
            out_.push_back(in_[from]);
        } else {
            TRY(join(std::span(in_).subspan(from, to - from)));
        }
    }
    // What was coded again has its final place only now.
    for (size_t i = 0; i < encoded_.size(); ++i) {
        const std::string& bytes = encoded_[i].bytes;
        out_[places_[i]].bytes = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
    }
    return std::span<const ChunkView>(out_);
}

base::Status SeriesChunks::join(std::span<const ChunkView> chunks) {
    decoded_.clear();
    chunk_of_.clear();
    for (size_t i = 0; i < chunks.size(); ++i) {
        TRY(model::decode_samples(chunks[i], decoded_));
        chunk_of_.resize(decoded_.size(), static_cast<uint32_t>(i));
    }
    choose_samples();
    encode_chosen();
    return base::success();
}

// One sample per time, the earlier chunk's.
void SeriesChunks::choose_samples() {
    order_.resize(decoded_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::ranges::sort(order_, {}, [&](uint32_t i) { return std::pair(decoded_[i].t, i); });
    chosen_.clear();
    uint32_t last = UINT32_MAX;
    for (const uint32_t i : order_) {
        if (last != UINT32_MAX && decoded_[last].t == decoded_[i].t) {
            continue;
        }
        const bool follows = last != UINT32_MAX && last + 1 == i && chunk_of_[last] == chunk_of_[i];
        chosen_.push_back(decoded_[i]);
        if (!follows) {
            TypedSample& sample = chosen_.back();
            sample.integer = with_unknown_reset(std::move(sample.integer));
            sample.floating = with_unknown_reset(std::move(sample.floating));
        }
        last = i;
    }
}

void SeriesChunks::encode_chosen() {
    const size_t before = encoded_.size();
    model::encode_samples(chosen_, kSamplesPerChunk, encoded_);
    for (size_t i = before; i < encoded_.size(); ++i) {
        const model::EncodedChunk& chunk = encoded_[i];
        places_.push_back(out_.size());
        out_.push_back(
            {.encoding = chunk.encoding, .bytes = {}, .min_t = chunk.min_t, .max_t = chunk.max_t});
    }
}

}  // namespace storeapi

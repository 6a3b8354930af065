#include "storeapi/peers/store_frames.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "model/chunk_codec.h"
#include "storeapi/field_reader.h"

namespace storeapi {
namespace {

using model::ChunkView;
using model::Encoding;

// SeriesResponse
constexpr uint32_t kSeries = 1;
constexpr uint32_t kWarning = 2;
constexpr uint32_t kBatch = 4;
// SeriesBatch
constexpr uint32_t kBatchSeries = 1;
// Series
constexpr uint32_t kLabels = 1;
constexpr uint32_t kChunks = 2;
// Label
constexpr uint32_t kName = 1;
constexpr uint32_t kValue = 2;
// AggrChunk
constexpr uint32_t kMinTime = 1;
constexpr uint32_t kMaxTime = 2;
constexpr uint32_t kRaw = 3;
constexpr uint32_t kCount = 4;
constexpr uint32_t kSum = 5;
constexpr uint32_t kMin = 6;
constexpr uint32_t kMax = 7;
constexpr uint32_t kCounter = 8;
// Chunk
constexpr uint32_t kType = 1;
constexpr uint32_t kData = 2;

constexpr uint64_t kTypes = 3;  // XOR, HISTOGRAM, FLOAT_HISTOGRAM

constexpr size_t kWarningsMax = 100;  // of one answer; more are not kept

Encoding encoding_of(uint64_t type) {
    return type < kTypes ? static_cast<Encoding>(type + 1) : Encoding::kNone;
}

std::string counted(size_t count, std::string_view what) {
    return std::to_string(count) + std::string(what);
}

}  // namespace

StoreFrames::StoreFrames(FrameWish wish, GatheredSeries& series)
    : wish_(std::move(wish)), aggregate_(aggregate_of(wish_.function)), series_(series) {}

base::Status StoreFrames::read(std::string message) {
    const auto kept = std::make_shared<const std::string>(std::move(message));
    if (!wish_.skip_chunks) {  // of labels there are copies
        series_.pin(kept);
        message_bytes_ += kept->capacity();
    }
    FieldReader fields(*kept);
    bool good = true;
    while (good && fields.next()) {
        if (fields.is_bytes(kSeries)) {
            good = read_series(fields.bytes());
        } else if (fields.is_bytes(kBatch)) {
            good = read_batch(fields.bytes());
        } else if (fields.is_bytes(kWarning) && warnings_.size() < kWarningsMax) {
            warnings_.push_back(base::to_valid_utf8(fields.bytes()));
        }
    }
    if (!good || !fields.ok()) {
        return base::fail(base::Code::kCorrupt, "the answer to Series is not readable");
    }
    return base::success();
}

bool StoreFrames::read_batch(std::string_view message) {
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_bytes(kBatchSeries) && !read_series(fields.bytes())) {
            return false;
        }
    }
    return fields.ok();
}

bool StoreFrames::read_series(std::string_view message) {
    FieldReader fields(message);
    series_chunks_ = 0;
    bool good = true;
    while (good && fields.next()) {
        if (fields.is_bytes(kLabels)) {
            good = read_label(fields.bytes());
        } else if (fields.is_bytes(kChunks) && !wish_.skip_chunks) {
            good = read_aggregate_chunk(fields.bytes());
        }
    }
    good = good && fields.ok();
    series_.end_series(good && (wish_.skip_chunks || series_chunks_ > 0));
    return good;
}

bool StoreFrames::read_label(std::string_view message) {
    FieldReader fields(message);
    std::string_view name;
    std::string_view value;
    while (fields.next()) {
        if (fields.is_bytes(kName)) {
            name = fields.bytes();
        } else if (fields.is_bytes(kValue)) {
            value = fields.bytes();
        }
    }
    if (!fields.ok() || name.empty() || !base::is_valid_utf8(name) || !base::is_valid_utf8(value)) {
        return false;
    }
    if (!dropped(name)) {
        series_.add_label(name, value);
    }
    return true;
}

bool StoreFrames::dropped(std::string_view name) const {
    return std::ranges::find(wish_.drop_labels, name) != wish_.drop_labels.end();
}

bool StoreFrames::read_aggregate_chunk(std::string_view message) {
    FieldReader fields(message);
    AggregateChunks chunks;
    ChunkView raw;
    bool good = true;
    while (good && fields.next()) {
        if (fields.is_number(kMinTime)) {
            chunks.min_t = static_cast<int64_t>(fields.number());
        } else if (fields.is_number(kMaxTime)) {
            chunks.max_t = static_cast<int64_t>(fields.number());
        } else if (fields.is_bytes(kRaw)) {
            good = read_chunk(fields.bytes(), raw);
        } else if (fields.is_bytes(kCount)) {
            good = read_chunk(fields.bytes(), chunks.count);
        } else if (fields.is_bytes(kSum)) {
            good = read_chunk(fields.bytes(), chunks.sum);
        } else if (fields.is_bytes(kMin)) {
            good = read_chunk(fields.bytes(), chunks.min);
        } else if (fields.is_bytes(kMax)) {
            good = read_chunk(fields.bytes(), chunks.max);
        } else if (fields.is_bytes(kCounter)) {
            good = read_chunk(fields.bytes(), chunks.counter);
        }
    }
    if (!good || !fields.ok()) {
        return false;
    }
    if (chunks.min_t > chunks.max_t) {
        ++bad_chunks_;
    } else if (chunks.max_t >= wish_.min_t && chunks.min_t <= wish_.max_t) {
        take_chunk(raw, chunks);
    }
    return true;
}

bool StoreFrames::read_chunk(std::string_view message, ChunkView& chunk) {
    FieldReader fields(message);
    uint64_t type = 0;
    std::string_view data;
    while (fields.next()) {
        if (fields.is_number(kType)) {
            type = fields.number();
        } else if (fields.is_bytes(kData)) {
            data = fields.bytes();
        }
    }
    const Encoding encoding = encoding_of(type);
    // Every encoding begins with the number of samples.
    if (encoding == Encoding::kNone || data.size() < sizeof(uint16_t)) {
        ++bad_chunks_;
        return fields.ok();
    }
    chunk.bytes = {reinterpret_cast<const uint8_t*>(data.data()), data.size()};
    if (model::sample_count(encoding, chunk.bytes) > 0) {
        chunk.encoding = encoding;
    }
    return fields.ok();
}

void StoreFrames::take_chunk(const ChunkView& raw, const AggregateChunks& chunks) {
    ChunkView chunk = raw;
    if (raw.encoding != Encoding::kNone) {
        chunk.min_t = chunks.min_t;
        chunk.max_t = chunks.max_t;
    } else {
        const bool downsampled =
            chunks.count.encoding != Encoding::kNone || chunks.sum.encoding != Encoding::kNone ||
            chunks.min.encoding != Encoding::kNone || chunks.max.encoding != Encoding::kNone ||
            chunks.counter.encoding != Encoding::kNone;
        if (!downsampled) {
            return;
        }
        const auto windows = aggregate_is_sound(wish_.function)
                                 ? window_samples(chunks, aggregate_, samples_)
                                 : std::nullopt;
        if (!windows) {
            ++unfit_chunks_;
            return;
        }
        has_counters_ = has_counters_ || windows->source == kCounterSource;
        chunk = *windows;
    }
    series_.add_chunk(chunk);
    ++series_chunks_;
}

void StoreFrames::finish() {
    if (has_counters_) {
        series_.finish(
            [this](std::span<const ChunkView> chunks, base::Arena& arena) {
                return correct_counters(chunks, arena, samples_, bad_chunks_);
            },
            GatheredSeries::Overlaps::kAccounts);
    } else {
        series_.finish(nullptr, GatheredSeries::Overlaps::kAccounts);
    }
    for (auto& list : samples_.lists) {
        series_.pin(std::move(list));
    }
    samples_.lists.clear();
}

std::vector<std::string> StoreFrames::warnings() const {
    std::vector<std::string> all = warnings_;
    if (bad_chunks_ > 0) {
        all.push_back(counted(bad_chunks_, " chunks were left out: they cannot be read"));
    }
    if (unfit_chunks_ > 0) {
        all.push_back(counted(unfit_chunks_, " downsampled chunks were left out: ") +
                      (wish_.function.empty() ? std::string("they lack what is asked of them")
                                              : wish_.function + " cannot be worked out of them") +
                      "; ask for raw data (max_source_resolution=0s)");
    }
    return all;
}

size_t StoreFrames::bytes() const {
    return message_bytes_ + samples_.bytes + series_.bytes();
}

}  // namespace storeapi

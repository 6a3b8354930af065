#include "storeapi/node/select_stream.h"

#include <algorithm>
#include <utility>

#include "base/checksum.h"

namespace storeapi {
namespace {

constexpr char kSeparator = '\xff';
constexpr size_t kSamplesPerChunk = 120;

// Labels::stable_hash() of a series.
uint64_t stable_hash(const model::SeriesBatch& batch,
                     const model::SeriesView& series,
                     std::string& scratch) {
    scratch.clear();
    for (const model::LabelSymbols& label : series.labels) {
        scratch += batch.text(label.name);
        scratch += kSeparator;
        scratch += batch.text(label.value);
        scratch += kSeparator;
    }
    return base::xxh64(scratch);
}

bool lies_in_files(const model::ChunkView& chunk) {
    return chunk.encoding != model::Encoding::kSamples;
}

}  // namespace

SelectStream::SelectStream(NodeCall call,
                           std::unique_ptr<model::SeriesSet> set,
                           NodeWish wish,
                           const FrameSizes& sizes)
    : call_(std::move(call)),
      wish_(std::move(wish)),
      sizes_(sizes),
      reservation_(*call_.budget),
      set_(std::move(set)) {}

base::Result<bool> SelectStream::next(std::string& message) {
    TRY(call_.context->check());
    if (ended_) {
        return false;
    }
    TRY(account());
    if (frame_bytes_ >= sizes_.target) {
        message.reserve(frame_bytes_ + frame_bytes_ / 8);
    }
    SelectFrameWriter frame(message, symbols_, progress_, sizes_);
    while (!frame.full()) {
        if (!has_current_) {
            TRY(has_current_, advance());
            if (!has_current_) {
                ended_ = true;
                add_warnings(frame);
                break;
            }
        }
        if (!write(frame)) {
            break;
        }
        has_current_ = false;
    }
    frame.finish();
    frame_bytes_ = message.size();
    return !message.empty();
}

base::Result<bool> SelectStream::advance() {
    if (wish_.limit != 0 && given_ == wish_.limit) {
        return false;
    }
    while (true) {
        if (at_ == batch_.series.size()) {
            at_ = 0;
            TRY(const bool more, set_->next(batch_));
            if (!more) {
                return false;
            }
            symbols_.use(batch_.symbols);
            continue;
        }
        const model::SeriesView& series = batch_.series[at_++];
        if (is_wanted(series)) {
            TRY(take(series));
            return true;
        }
    }
}

bool SelectStream::is_wanted(const model::SeriesView& series) {
    return !wish_.only ||
           std::ranges::binary_search(wish_.hashes, stable_hash(batch_, series, scratch_));
}

base::Status SelectStream::take(const model::SeriesView& series) {
    ++given_;
    labels_ = series.labels;
    chunks_ = series.chunks;
    begun_ = false;
    first_ = true;
    return std::ranges::all_of(chunks_, lies_in_files) ? base::Status(base::success())
                                                       : encode(series.chunks);
}

base::Status SelectStream::encode(std::span<const model::ChunkView> chunks) {
    encoded_.clear();
    views_.clear();
    std::vector<size_t> places;  // of what was encoded, among the views
    for (const model::ChunkView& chunk : chunks) {
        if (lies_in_files(chunk)) {
            views_.push_back(chunk);
            continue;
        }
        samples_.clear();
        TRY(model::decode_samples(chunk, samples_));
        model::encode_samples(samples_, kSamplesPerChunk, encoded_);
        for (size_t i = places.size(); i < encoded_.size(); ++i) {
            places.push_back(views_.size());
            views_.push_back({.encoding = encoded_[i].encoding,
                              .source = chunk.source,
                              .min_t = encoded_[i].min_t,
                              .max_t = encoded_[i].max_t});
        }
    }
    for (size_t i = 0; i < places.size(); ++i) {  // they have their final place only now
        views_[places[i]].bytes = base::ByteView(encoded_[i].bytes).span();
    }
    chunks_ = views_;
    return base::success();
}

bool SelectStream::write(SelectFrameWriter& frame) {
    if (!chunks_.empty() && !frame.fits(chunks_.front())) {
        return false;
    }
    if (begun_) {
        frame.continue_series();
    } else {
        frame.begin_series(labels_);
        begun_ = true;
    }
    while (!chunks_.empty() && frame.fits(chunks_.front())) {
        frame.add_chunk(chunks_.front(), first_);
        chunks_ = chunks_.subspan(1);
        first_ = false;
    }
    frame.end_series(!chunks_.empty());
    return chunks_.empty();
}

void SelectStream::add_warnings(SelectFrameWriter& frame) const {
    const std::vector<std::string> warnings = set_->warnings();
    for (size_t i = 0; i < std::min(warnings.size(), kNodeWarningsMax); ++i) {
        frame.add_warning(warnings[i]);
    }
}

// The frame on its way, and the tables.
base::Status SelectStream::account() {
    const auto held = static_cast<int64_t>(sizes_.max + symbols_.bytes() +
                                           wish_.hashes.capacity() * sizeof(uint64_t));
    return held > reservation_.bytes() ? reservation_.grow(held - reservation_.bytes())
                                       : base::Status(base::success());
}

}  // namespace storeapi

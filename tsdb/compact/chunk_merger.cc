#include "tsdb/compact/chunk_merger.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "tsdb/compact/errors.h"

namespace tsdb {
namespace {

using base::Status;
using base::success;
using block::ChunkInput;
using model::CounterResetHint;
using model::TypedSample;

// The sample without what is known about the one before it.
template <class Histogram>
std::shared_ptr<const Histogram> with_unknown_reset(std::shared_ptr<const Histogram> histogram) {
    if (histogram == nullptr || histogram->hint == CounterResetHint::kGauge ||
        histogram->hint == CounterResetHint::kUnknown) {
        return histogram;
    }
    auto copy = std::make_shared<Histogram>(*histogram);
    copy->hint = CounterResetHint::kUnknown;
    return copy;
}

void forget_predecessor(TypedSample& sample) {
    sample.integer = with_unknown_reset(std::move(sample.integer));
    sample.floating = with_unknown_reset(std::move(sample.floating));
}

base::Error corrupt(const char* what) {
    return base::Error(base::Code::kCorrupt, what);
}

// Whether the samples ascend within the chunk's times.
bool times_fit(std::span<const TypedSample> samples, const ChunkInput& chunk) {
    for (size_t i = 1; i < samples.size(); ++i) {
        if (samples[i].t <= samples[i - 1].t) {
            return false;
        }
    }
    return samples.empty() || (samples.front().t >= chunk.min_t && samples.back().t <= chunk.max_t);
}

bool same_chunk(const ChunkInput& left, const ChunkInput& right) {
    return left.max_t == right.max_t && left.encoding == right.encoding &&
           std::ranges::equal(left.bytes, right.bytes);
}

}  // namespace

ChunkMerger::ChunkMerger(int64_t min_t, int64_t max_t, uint32_t samples_per_chunk)
    : min_t_(min_t), max_t_(max_t), samples_per_chunk_(samples_per_chunk) {}

void ChunkMerger::begin() {
    ranks_ = 0;
    pieces_.clear();
    cut_samples_.clear();
    encoded_.clear();
    place_of_.clear();
    out_.clear();
}

Status ChunkMerger::add(const block::Block& block,
                        std::span<const block::ChunkMeta> chunks,
                        std::span<const block::Interval> deleted) {
    const uint32_t rank = ranks_++;
    for (const block::ChunkMeta& meta : chunks) {
        if (meta.max_t < meta.min_t) {
            return fail_in(block, corrupt("a chunk ends before it begins"));
        }
        if (meta.max_t < min_t_ || meta.min_t > max_t_ ||
            (!deleted.empty() && block::covers(deleted, meta.min_t, meta.max_t))) {
            continue;
        }
        auto chunk = block.chunk(meta.ref);
        if (!chunk.has_value()) {
            return fail_in(block, std::move(chunk).error());
        }
        Piece piece{.block = &block,
                    .rank = rank,
                    .chunk = {.encoding = chunk.value().encoding,
                              .bytes = chunk.value().bytes,
                              .min_t = meta.min_t,
                              .max_t = meta.max_t}};
        const bool outside = meta.min_t < min_t_ || meta.max_t > max_t_;
        if (outside || block::overlaps(deleted, meta.min_t, meta.max_t)) {
            TRY(add_cut(piece, deleted));
        } else {
            pieces_.push_back(piece);
        }
    }
    return success();
}

Status ChunkMerger::add_cut(Piece piece, std::span<const block::Interval> deleted) {
    decoded_.clear();
    TRY(decode(piece));
    piece.first_sample = static_cast<uint32_t>(cut_samples_.size());
    bool after_hole = true;
    for (TypedSample& sample : decoded_) {
        if (sample.t < min_t_ || sample.t > max_t_ || block::contains(deleted, sample.t)) {
            after_hole = true;
            continue;
        }
        if (after_hole) {
            forget_predecessor(sample);
            after_hole = false;
        }
        cut_samples_.push_back(std::move(sample));
    }
    piece.samples = static_cast<uint32_t>(cut_samples_.size() - piece.first_sample);
    if (piece.samples > 0) {
        piece.chunk.min_t = cut_samples_[piece.first_sample].t;
        piece.chunk.max_t = cut_samples_.back().t;
        pieces_.push_back(piece);
    }
    return success();
}

base::Result<std::span<const ChunkInput>> ChunkMerger::finish() {
    order_pieces();
    mark_duplicates();
    std::erase_if(pieces_, [](const Piece& piece) { return piece.duplicate; });
    const std::span<const Piece> pieces = pieces_;
    for (size_t i = 0; i < pieces.size();) {
        const size_t first = i;
        int64_t end_time = pieces[i].chunk.max_t;
        for (++i; i < pieces.size() && pieces[i].chunk.min_t <= end_time; ++i) {
            end_time = std::max(end_time, pieces[i].chunk.max_t);
        }
        TRY(merge(pieces.subspan(first, i - first)));
    }
    // What was coded again has its final place only now.
    for (size_t i = 0; i < encoded_.size(); ++i) {
        const std::string& bytes = encoded_[i].bytes;
        out_[place_of_[i]].bytes = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
    }
    return std::span<const ChunkInput>(out_);
}

void ChunkMerger::order_pieces() {
    const auto key = [](const Piece& piece) { return std::tuple(piece.chunk.min_t, piece.rank); };
    if (!std::ranges::is_sorted(pieces_, {}, key)) {
        std::ranges::sort(pieces_, {}, key);
    }
}

void ChunkMerger::mark_duplicates() {
    for (size_t i = 1; i < pieces_.size(); ++i) {
        Piece& piece = pieces_[i];
        for (size_t j = i; j-- > 0 && pieces_[j].chunk.min_t == piece.chunk.min_t;) {
            const Piece& other = pieces_[j];
            const bool whole = piece.samples == 0 && other.samples == 0;
            if (whole && !other.duplicate && same_chunk(other.chunk, piece.chunk)) {
                piece.duplicate = true;
                break;
            }
        }
    }
}

Status ChunkMerger::merge(std::span<const Piece> cluster) {
    if (cluster.size() == 1) {
        const Piece& piece = cluster.front();
        if (piece.samples == 0) {
            emit_whole(piece);
        } else {
            emit_samples(std::span(cut_samples_).subspan(piece.first_sample, piece.samples));
        }
        return success();
    }
    decoded_.clear();
    chunk_of_.clear();
    for (size_t i = 0; i < cluster.size(); ++i) {
        const Piece& piece = cluster[i];
        if (piece.samples == 0) {
            TRY(decode(piece));
        } else {
            const auto left = std::span(cut_samples_).subspan(piece.first_sample, piece.samples);
            decoded_.insert(decoded_.end(), left.begin(), left.end());
        }
        chunk_of_.resize(decoded_.size(), static_cast<uint32_t>(i));
    }
    choose_samples();
    emit_samples(chosen_);
    return success();
}

// Appends the chunk's samples to decoded_.
Status ChunkMerger::decode(const Piece& piece) {
    const model::ChunkView view{.encoding = piece.chunk.encoding,
                                .bytes = piece.chunk.bytes,
                                .min_t = piece.chunk.min_t,
                                .max_t = piece.chunk.max_t};
    const size_t before = decoded_.size();
    auto decoded = model::decode_samples(view, decoded_);
    if (!decoded.has_value()) {
        return fail_in(*piece.block, std::move(decoded).error());
    }
    if (!times_fit(std::span(decoded_).subspan(before), piece.chunk)) {
        return fail_in(*piece.block, corrupt("a chunk's times are not those of its series' entry"));
    }
    return success();
}

// One sample per time, the earlier chunk's.
void ChunkMerger::choose_samples() {
    order_.resize(decoded_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::ranges::sort(order_, {}, [&](uint32_t i) { return std::pair(decoded_[i].t, i); });
    chosen_.clear();
    uint32_t last = UINT32_MAX;
    for (const uint32_t i : order_) {
        if (last != UINT32_MAX && decoded_[last].t == decoded_[i].t) {
            continue;
        }
        const bool follows = last + 1 == i && last != UINT32_MAX && chunk_of_[last] == chunk_of_[i];
        chosen_.push_back(decoded_[i]);
        if (!follows) {
            forget_predecessor(chosen_.back());
        }
        last = i;
    }
}

void ChunkMerger::emit_whole(const Piece& piece) {
    out_.push_back(piece.chunk);
}

void ChunkMerger::emit_samples(std::span<const TypedSample> samples) {
    const size_t before = encoded_.size();
    model::encode_samples(samples, samples_per_chunk_, encoded_);
    for (size_t i = before; i < encoded_.size(); ++i) {
        const model::EncodedChunk& chunk = encoded_[i];
        place_of_.push_back(out_.size());
        out_.push_back(
            {.encoding = chunk.encoding, .bytes = {}, .min_t = chunk.min_t, .max_t = chunk.max_t});
    }
}

}  // namespace tsdb

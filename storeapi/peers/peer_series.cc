#include "storeapi/peers/peer_series.h"

#include <algorithm>
#include <utility>

namespace storeapi {

uint16_t ReplicaNumbers::of(uint16_t account) const {
    return static_cast<uint16_t>(
        std::min<uint32_t>(holder + uint32_t{account} * holders, UINT16_MAX));
}

NumberedSeries::NumberedSeries(std::unique_ptr<model::SeriesSet> set, ReplicaNumbers numbers)
    : set_(std::move(set)), numbers_(numbers) {}

base::Result<bool> NumberedSeries::next(model::SeriesBatch& batch) {
    TRY(const bool more, set_->next(batch));
    for (model::SeriesView& series : batch.series) {
        if (std::ranges::all_of(series.chunks, [&](const model::ChunkView& chunk) {
                return numbers_.of(chunk.replica) == chunk.replica;
            })) {
            continue;
        }
        const auto chunks = batch.arena.copy(series.chunks);
        for (model::ChunkView& chunk : chunks) {
            chunk.replica = numbers_.of(chunk.replica);
        }
        series.chunks = chunks;
    }
    return more;
}

PeerSeries::PeerSeries(PeerCall call, std::unique_ptr<model::SeriesSet> set)
    : call_(std::move(call)), set_(std::move(set)) {}

base::Result<bool> PeerSeries::next(model::SeriesBatch& batch) {
    if (set_ == nullptr) {
        batch.clear();
        return false;
    }
    base::Result<bool> more = set_->next(batch);
    if (more && more.value()) {
        return true;
    }
    end();
    if (!more) {
        batch.clear();
        TRY(auto text, call_.told(more.error()));
        warnings_.push_back(std::move(text));
    }
    return false;
}

void PeerSeries::end() {
    warnings_ = warnings();
    set_.reset();
    call_.end();
}

std::vector<std::string> PeerSeries::warnings() const {
    if (set_ == nullptr) {
        return warnings_;
    }
    std::vector<std::string> all;
    for (const std::string& warning : set_->warnings()) {
        all.push_back(call_.from_peer(warning));
    }
    return all;
}

HashedSeries::HashedSeries(std::unique_ptr<model::SeriesSet> set, std::span<const uint64_t> hashes)
    : set_(std::move(set)), hashes_(hashes.begin(), hashes.end()) {}

base::Result<bool> HashedSeries::next(model::SeriesBatch& batch) {
    while (true) {
        TRY(const bool more, set_->next(batch));
        if (!more) {
            return false;
        }
        std::erase_if(batch.series,
                      [&](const model::SeriesView& series) { return !wanted(batch, series); });
        if (!batch.series.empty()) {
            return true;
        }
    }
}

bool HashedSeries::wanted(const model::SeriesBatch& batch, const model::SeriesView& series) {
    labels_.clear();
    for (const model::LabelSymbols& label : series.labels) {
        labels_.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    return std::ranges::binary_search(hashes_, model::Labels::from_sorted(labels_).stable_hash());
}

}  // namespace storeapi
